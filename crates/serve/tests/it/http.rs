//! The server: what it answers, and to whom.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bundle::{LSTM, program, regression, said, save, texts};
use crate::http_client::{Answer, Server};

pub(crate) fn bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), LSTM, regression());
    folder
}

fn csv(server: &Server, path: &str, body: &[u8]) -> Answer {
    server.ask("POST", path, &[("Content-Type", "text/csv")], body)
}

#[test]
fn one_review_many_and_a_table_are_rated_as_predict_text_does() {
    let folder = bundle();
    let server = Server::start(folder.path(), &[]);
    let text = "the film was good and not dull";
    let bundle = folder.path().to_str().unwrap();
    let alone = program(&["text", text, "--json", "--bundle", bundle]);
    said(&alone, 0);
    let alone: Value = serde_json::from_slice(&alone.stdout).unwrap();

    let one = server.post(&json!({"text": text, "explain": true}).to_string());
    assert_eq!(
        (one.status, one.headers["content-type"].as_str()),
        (200, "application/json")
    );
    let one = one.json();
    for name in ["task", "sentiment", "flags", "level", "positive", "scores"] {
        assert_eq!(one[name], alone[name], "{name}");
    }
    let near = |one: &Value, other: &Value| {
        let gap = one.as_f64().unwrap() - other.as_f64().unwrap();
        assert!(gap.abs() < 1e-5, "{one} {other}");
    };
    for name in ["rating", "lower", "upper"] {
        near(&one[name], &alone[name]);
    }
    let (words, others) = (
        one["words"].as_array().unwrap(),
        alone["words"].as_array().unwrap(),
    );
    assert_eq!((words.len(), others.len()), (7, 7));
    for (word, other) in words.iter().zip(others) {
        assert_eq!(
            (&word["word"], &word["begin"]),
            (&other["word"], &other["begin"])
        );
        near(&word["weight"], &other["weight"]);
    }
    // Each flag is told in words.
    assert_eq!(
        one["flags"].as_array().unwrap().len(),
        one["doubts"].as_array().unwrap().len()
    );

    let many = server.post(
        &json!({"reviews": [{"id": 5, "text": "bad"}, {"id": "x", "text": text}, {"text": "a"}]})
            .to_string(),
    );
    let many = many.json();
    let ratings = many["ratings"].as_array().unwrap();
    assert_eq!(
        (&ratings[0]["id"], &ratings[1]["id"], ratings.len()),
        (&json!(5), &json!("x"), 3)
    );
    assert_eq!(
        (&ratings[2]["id"], &ratings[1]["words"]),
        (&Value::Null, &Value::Null)
    );
    near(&ratings[1]["rating"], &alone["rating"]);

    let table = csv(
        &server,
        "/v1/ratings?column=said",
        format!("id,said\n1,{text}\n2,\n").as_bytes(),
    );
    assert_eq!(table.status, 200);
    let table = table.text();
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines[0][..4], ["id", "said", "rating", "rating_lower"]);
    near(
        &json!(lines[1][2].parse::<f64>().unwrap()),
        &alone["rating"],
    );
    assert_eq!((lines[2][2], lines[2][8]), ("", "no text"));
}

#[test]
fn whatever_is_wrong_has_its_status_and_advice() {
    let folder = bundle();
    let server = Server::start(folder.path(), &["--max-body", "1"]);
    let problem = |answer: Answer, status: u16| {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        for name in ["type", "title", "detail", "advice"] {
            assert!(
                problem[name].as_str().is_some_and(|text| !text.is_empty()),
                "{problem}"
            );
        }
    };
    for (body, status) in [
        ("", 400),
        ("{\"text\":", 400),
        ("{}", 422),
        ("{\"text\": \"\"}", 422),
        ("{\"reviews\": [{\"text\": \"a\", \"stars\": 1}]}", 422),
    ] {
        problem(server.post(body), status);
    }
    let nested = format!(
        "{{\"text\": {}1{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    problem(server.post(&nested), 400);
    problem(
        server.post(&json!({"text": "a".repeat(60_000)}).to_string()),
        413,
    );
    let json = [("Content-Type", "application/json")];
    problem(
        server.ask("POST", "/v1/ratings", &json, b"{\"text\": \"\xff\xfe\"}"),
        400,
    );
    for kind in [
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data",
    ] {
        problem(
            server.ask("POST", "/v1/ratings", &[("Content-Type", kind)], b"{}"),
            415,
        );
    }
    problem(server.ask("POST", "/v1/ratings", &[], b"{}"), 415);
    problem(csv(&server, "/v1/ratings", b"id,said\n1,a\n"), 422);
    problem(csv(&server, "/v1/ratings", b"id,text\n1\n"), 400);
    for path in [
        "/nothing",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/app.js/",
        "//",
    ] {
        problem(server.get(path), 404);
    }
    let wrong = server.get("/v1/ratings");
    assert_eq!(wrong.headers["allow"], "POST");
    problem(wrong, 405);
    let wrong = server.ask("DELETE", "/healthz", &[], b"");
    assert_eq!(wrong.headers["allow"], "GET,HEAD");
    problem(wrong, 405);
    // By a name of somebody else's, as a page does whose name leads here.
    let answer = server.raw(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let answer = server.raw(garbage);
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    assert!(server.raw(head.as_bytes()).starts_with("HTTP/1.1 431"));
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn the_other_routes_answer_with_headers_that_protect_browsers() {
    let folder = bundle();
    let server = Server::start(folder.path(), &[]);
    server.post(&json!({"text": "a good film"}).to_string());
    for (path, kind, part) in [
        ("/", "text/html", "<textarea"),
        ("/app.js", "text/javascript", "textContent"),
        ("/app.css", "text/css", "prefers-color-scheme"),
        ("/openapi.json", "application/json", "\"3.1.0\""),
        ("/healthz", "text/plain", "ok"),
        ("/readyz", "text/plain", "ready"),
        (
            "/metrics",
            "text/plain",
            "cinescore_http_requests_total{route=\"/v1/ratings\",status=\"200\"} 1",
        ),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.headers["content-type"].starts_with(kind),
            "{answer:?}"
        );
        assert!(answer.text().contains(part), "{}", answer.text());
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        let policy = &answer.headers["content-security-policy"];
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    // Nothing outside, and nothing that the policy would stop.
    let page = server.get("/").text();
    for outside in ["http://", "https://", "<style", "onclick", "style="] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_token_is_asked_for_and_never_told() {
    let folder = bundle();
    let file = folder.path().join("token");
    fs::write(&file, "0123456789abcdef-secret\n").unwrap();
    let server = Server::start(folder.path(), &["--token-file", file.to_str().unwrap()]);
    let ask = |token: Option<&str>| {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(token.map(|token| ("Authorization", token)));
        server.ask(
            "POST",
            "/v1/ratings",
            &headers,
            b"{\"text\": \"private words\"}",
        )
    };
    for wrong in [
        None,
        Some("Bearer 0123456789abcdef"),
        Some("Basic 0123456789abcdef-secret"),
        Some("Bearer "),
    ] {
        let answer = ask(wrong);
        assert_eq!(
            (answer.status, answer.headers["www-authenticate"].as_str()),
            (401, "Bearer")
        );
    }
    assert_eq!(ask(Some("Bearer 0123456789abcdef-secret")).status, 200);
    assert_eq!(server.get("/metrics").status, 401);
    for open in ["/", "/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(server.get(open).status, 200, "{open}");
    }
    server.signal(rustix::process::Signal::TERM);
    let (status, log) = server.end();
    assert!(status.success(), "{log}");
    assert!(!log.contains("secret") && !log.contains("private"), "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["time"].is_string() && line["event"].is_string());
    }
    // A token that can be guessed is none.
    fs::write(&file, "short\n").unwrap();
    let path = file.to_str().unwrap();
    let bundle = folder.path().to_str().unwrap();
    let refused = program(&[
        "serve",
        "--bundle",
        bundle,
        "--token-file",
        path,
        "--bind",
        "127.0.0.1:0",
    ]);
    assert!(said(&refused, 2).contains("openssl rand"));
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = bundle();
    let bundle = folder.path().to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = program(&["serve", "--bundle", bundle, "--bind", &address]);
    assert!(said(&refused, 2).contains("--bind"));
    fs::write(folder.path().join("weights.safetensors"), "cut").unwrap();
    let refused = program(&["serve", "--bundle", bundle, "--bind", "127.0.0.1:0"]);
    assert!(said(&refused, 3).contains("damaged"));
    let refused = program(&["serve", "--bundle", "/nowhere", "--bind", "127.0.0.1:0"]);
    assert!(said(&refused, 2).contains("there is no bundle"));
}

#[test]
fn many_texts_of_one_request_are_rated_in_order() {
    let folder = bundle();
    let server = Server::start(folder.path(), &["--queue", "128"]);
    // More than the queue holds: the rest waits.
    let texts = texts(400);
    let reviews: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(id, text)| json!({"id": id, "text": text}))
        .collect();
    let many = server.post(&json!({"reviews": reviews}).to_string()).json();
    let many = many["ratings"].as_array().unwrap();
    assert_eq!(many.len(), 400);
    for index in [0, 127, 128, 399] {
        assert_eq!(many[index]["id"], index);
        let alone = server
            .post(&json!({"text": texts[index]}).to_string())
            .json();
        let gap = many[index]["rating"].as_f64().unwrap() - alone["rating"].as_f64().unwrap();
        assert!(gap.abs() < 1e-5);
    }
}
