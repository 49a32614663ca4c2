//! The server under many, slow and vanishing clients, while it stops, and while its bundle changes.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::bundle::{CONVOLUTION, LSTM, program, regression, said, save, texts};
use crate::http::bundle;
use crate::http_client::{Connection, PATIENCE, Server};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

/// The ratings that `predict file` gives.
fn expected(bundle: &std::path::Path, texts: &[String]) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (
        folder.path().join("in.jsonl"),
        folder.path().join("out.jsonl"),
    );
    let lines: Vec<String> = texts
        .iter()
        .map(|text| json!({"text": text}).to_string())
        .collect();
    fs::write(&input, lines.join("\n")).unwrap();
    let (input, written) = (input.to_str().unwrap(), output.to_str().unwrap());
    let done = program(&[
        "file",
        input,
        "-o",
        written,
        "--bundle",
        bundle.to_str().unwrap(),
    ]);
    said(&done, 0);
    fs::read_to_string(&output)
        .unwrap()
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            row["rating"].as_f64().unwrap()
        })
        .collect()
}

#[test]
fn thirty_two_connections_get_what_predict_file_gives() {
    let folder = bundle();
    let texts = texts(640);
    let expected = expected(folder.path(), &texts);
    // Long enough for all clients to come to ask, on whatever machine.
    let server = Server::start(folder.path(), &["--window", "200"]);
    thread::scope(|scope| {
        for client in 0..32 {
            let (server, texts, expected) = (&server, &texts, &expected);
            scope.spawn(move || {
                let mut connection = Connection(BufReader::new(server.connect()));
                for index in (client..texts.len()).step_by(32) {
                    let body = json!({"text": texts[index]}).to_string();
                    connection.send("POST", "/v1/ratings", &JSON, body.as_bytes());
                    let answer = connection.answer().unwrap();
                    let rating = answer.json()["rating"].as_f64().unwrap();
                    assert!((rating - expected[index]).abs() < 1e-5);
                }
            });
        }
    });
    let metrics = server.get("/metrics").text();
    let value = |name: &str| {
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().parse::<f64>().unwrap()
    };
    assert!((value("cinescore_batch_texts_sum ") - 640.0).abs() < 1e-9);
    // Requests of different connections were rated together.
    assert!(value("cinescore_batch_texts_count ") < 320.0, "{metrics}");
    assert!(value("cinescore_queue_texts ").abs() < 1e-9);
}

#[test]
fn a_full_queue_is_said_at_once_and_all_others_are_answered() {
    let folder = bundle();
    let server = Server::start(folder.path(), &["--queue", "128"]);
    let reviews: Vec<_> = texts(128)
        .into_iter()
        .map(|text| json!({"text": text}))
        .collect();
    let body = json!({"reviews": reviews}).to_string();
    let (done, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let answer = server.post(&body);
                    match answer.status {
                        200 => done.fetch_add(1, Ordering::Relaxed),
                        429 => {
                            assert_eq!(answer.headers["retry-after"], "1");
                            busy.fetch_add(1, Ordering::Relaxed)
                        }
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    let (done, busy) = (done.into_inner(), busy.into_inner());
    assert!(done > 0 && busy > 0 && done + busy == 80, "{done} {busy}");
    assert_eq!(server.post("{\"text\": \"still here\"}").status, 200);
}

#[test]
fn a_body_of_100_mb_is_refused_whether_its_length_is_told_or_not() {
    let folder = bundle();
    let server = Server::start(folder.path(), &[]);
    let chunk = vec![b'x'; 1 << 20];
    for chunked in [false, true] {
        let mut stream = server.connect();
        let length = if chunked {
            "Transfer-Encoding: chunked".into()
        } else {
            format!("Content-Length: {}", 100 << 20)
        };
        let head = format!(
            "POST /v1/ratings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..100 {
            let sent = if chunked {
                let head = format!("{:x}\r\n", chunk.len());
                stream.write_all(&[head.as_bytes(), &chunk, b"\r\n"].concat())
            } else {
                stream.write_all(&chunk)
            };
            if sent.is_err() {
                break;
            }
        }
        if chunked {
            stream.write_all(b"0\r\n\r\n").ok();
        }
        let answer = Connection(BufReader::new(stream)).answer().unwrap();
        assert_eq!(answer.status, 413);
    }
    let metrics = server.get("/metrics").text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    if let Some(bytes) = line {
        // LibTorch and a bundle, but no body.
        assert!(bytes.parse::<f64>().unwrap() < 450e6, "{bytes}");
    }
}

#[test]
fn answers_that_nobody_reads_have_a_bound() {
    let folder = bundle();
    // 16 bodies of the largest size are the bound; nobody is given up meanwhile.
    let server = Server::start(
        folder.path(),
        &["--max-body", "5", "--client-timeout", "60"],
    );
    let body = format!("text,more\ngood,{}\n", "x".repeat((5 << 20) - 100));
    let csv = [("Content-Type", "text/csv")];
    let count = |status: u16| {
        let metrics = server.get("/metrics").text();
        let name =
            format!("cinescore_http_requests_total{{route=\"/v1/ratings\",status=\"{status}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse::<usize>().unwrap())
    };
    let address: std::net::SocketAddr = server.address.parse().unwrap();
    let mut silent = Vec::new();
    let began = Instant::now();
    while count(429) == 0 {
        assert!(silent.len() < 20, "{} answers were taken", count(200));
        // One who asks and takes little of the answer.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut connection = Connection(BufReader::new(socket.into()));
        connection.send("POST", "/v1/ratings", &csv, body.as_bytes());
        silent.push(connection);
        while count(200) + count(429) < silent.len() {
            assert!(began.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(count(200) >= 15, "{}", count(200));
    let refused = server.ask("POST", "/v1/ratings", &csv, body.as_bytes());
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "1");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("unread"), "{detail}");
    assert_eq!(server.get("/readyz").status, 200);
    // Once they are gone there is room again.
    drop(silent);
    while server
        .ask("POST", "/v1/ratings", &csv, body.as_bytes())
        .status
        != 200
    {
        assert!(began.elapsed() < 2 * PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn slow_clients_and_vanished_ones_are_given_up() {
    let folder = bundle();
    let server = Server::start(folder.path(), &["--client-timeout", "1"]);
    thread::scope(|scope| {
        // A head that never ends: nothing, or a byte now and then.
        for head in ["", "GET /healthz HTTP/1.1\r\nHo"] {
            let server = &server;
            scope.spawn(move || {
                let mut stream = server.connect();
                stream.write_all(head.as_bytes()).unwrap();
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).unwrap();
                let text = String::from_utf8_lossy(&rest).into_owned();
                assert!(
                    text.is_empty() || text.starts_with("HTTP/1.1 408"),
                    "{text}"
                );
            });
        }
        // A body that never ends.
        scope.spawn(|| {
            let head = "POST /v1/ratings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
            let answer = server.raw(head.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        });
        // Clients that are gone in the middle.
        scope.spawn(|| {
            for text in texts(50) {
                let mut stream = server.connect();
                let body = json!({"text": text, "explain": true}).to_string();
                let head = format!("POST /v1/ratings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(&head.as_bytes()[..head.len() - 3]).unwrap();
                stream.shutdown(Shutdown::Both).ok();
            }
        });
        // Who is quick is answered meanwhile.
        scope.spawn(|| {
            for text in texts(20) {
                assert_eq!(server.post(&json!({"text": text}).to_string()).status, 200);
            }
        });
    });
    let began = Instant::now();
    loop {
        let metrics = server.get("/metrics").text();
        // This one asks.
        if metrics.contains("\ncinescore_connections 1\n")
            && metrics.contains("\ncinescore_queue_texts 0\n")
        {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{metrics}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_stop_under_load_answers_all_that_it_holds() {
    let folder = bundle();
    let server = Server::start(folder.path(), &[]);
    let reviews: Vec<_> = texts(200)
        .into_iter()
        .map(|text| json!({"text": text}))
        .collect();
    let body = json!({"reviews": reviews}).to_string();
    let (address, answered, sent) = (
        server.address.clone(),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(scope.spawn(|| {
                // Until the server says goodbye.
                while let Ok(stream) = std::net::TcpStream::connect(&address) {
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    let mut connection = Connection(BufReader::new(stream));
                    let head = format!("POST /v1/ratings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    if connection.0.get_mut().write_all(head.as_bytes()).is_err() {
                        continue;
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                    match connection.answer() {
                        Some(answer) => {
                            assert_eq!(answer.status, 200);
                            assert_eq!(answer.json()["ratings"].as_array().unwrap().len(), 200);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        // It had not been taken when the server stopped taking any.
                        None => {
                            sent.fetch_sub(1, Ordering::Relaxed);
                        }
                    }
                }
            }));
        }
        while answered.load(Ordering::Relaxed) < 16 {
            assert!(
                clients.iter().any(|client| !client.is_finished()),
                "the clients ended"
            );
            thread::sleep(Duration::from_millis(5));
        }
        server.signal(Signal::TERM);
    });
    assert_eq!(sent.into_inner(), answered.into_inner());
    let (status, log) = server.end();
    assert!(status.success(), "{log}");
    let stopped = log
        .lines()
        .find(|line| line.contains("\"event\":\"stopped\""));
    let stopped: serde_json::Value = serde_json::from_str(stopped.unwrap()).unwrap();
    assert_eq!(stopped["unanswered"], 0);
    // A request is in the log with 200 or not at all.
    assert!(!log.contains("\"status\":499"), "{log}");
}

#[test]
fn another_bundle_is_taken_without_dropping_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, broken, link] =
        ["one", "other", "broken", "link"].map(|name| folder.path().join(name));
    for (path, network) in [(&one, LSTM), (&other, CONVOLUTION), (&broken, LSTM)] {
        fs::create_dir(path).unwrap();
        save(path, network, regression());
    }
    fs::write(broken.join("weights.safetensors"), "cut").unwrap();
    symlink(&one, &link).unwrap();
    let relink = |target: &std::path::Path| {
        let new = folder.path().join("new");
        symlink(target, &new).unwrap();
        fs::rename(&new, &link).unwrap();
    };
    let texts = texts(1);
    let (first, second) = (expected(&one, &texts)[0], expected(&other, &texts)[0]);
    assert!((first - second).abs() > 1e-3);

    let server = Server::start(&link, &[]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut ratings, began) = (Vec::new(), Instant::now());
                    loop {
                        let answer = server.post(&json!({"text": texts[0]}).to_string());
                        assert_eq!(answer.status, 200);
                        let rating = answer.json()["rating"].as_f64().unwrap();
                        ratings.push(rating);
                        // Each sees the other one, however long that takes.
                        if stop.load(Ordering::Relaxed) && (rating - first).abs() > 1e-5 {
                            break ratings;
                        }
                        assert!(began.elapsed() < 3 * PATIENCE, "there is no other rating");
                    }
                })
            })
            .collect();
        // A broken one is refused, and the old one stays.
        relink(&broken);
        let refused = server.wait_for("bundle_refused");
        assert!(
            refused["reason"].as_str().unwrap().contains("damaged"),
            "{refused}"
        );
        relink(&other);
        let taken = server.wait_for("reloaded");
        assert_eq!(taken["why"], "the link changed");
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            let ratings = client.join().unwrap();
            let is_first = |rating: &f64| (rating - first).abs() < 1e-5;
            let change = ratings.iter().position(|rating| !is_first(rating)).unwrap();
            assert!(change > 0);
            // From then on it is the other, and there is no third.
            assert!(
                ratings[change..]
                    .iter()
                    .all(|rating| (rating - second).abs() < 1e-5)
            );
        }
    });
    server.signal(Signal::HUP);
    let began = Instant::now();
    while !server.log().contains("\"why\":\"SIGHUP\"") {
        assert!(began.elapsed() < PATIENCE, "{}", server.log());
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.post("{\"text\": \"a\"}").status, 200);
}
