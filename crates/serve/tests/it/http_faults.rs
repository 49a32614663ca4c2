//! Requests with a random fault each: every one is told what is wrong, honest ones between them get the right answer, and
//! the server is what it was before.
//!
//! `CINESCORE_FAULTS=10000` asks for as many (600 without it), `CINESCORE_FAULTS_SEED` for others.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use socket2::SockRef;

use crate::bundle::{LSTM, regression, save, texts};
use crate::http_client::{Connection, PATIENCE, Server};

/// Clients at the same time.
const CLIENTS: usize = 8;
/// Each so many faults one client is slow, which takes its time.
const SLOW: u64 = 150;

/// Numbers that look random and are the same each time (SplitMix64; Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll() as u8).collect()
    }
}

/// How a request is sent.
enum Way {
    AtOnce,
    /// In so many pieces with a pause between them.
    Pieces(usize, Duration),
    /// And no more: the client goes, as it says.
    Gone(End),
    /// And no more, but it waits for what it is told.
    Half,
}

/// How a client goes.
#[derive(Clone, Copy)]
enum End {
    Close,
    Reset,
}

/// What is sent, how, and what may be answered.
struct Fault {
    name: &'static str,
    bytes: Vec<u8>,
    way: Way,
    may: &'static [u16],
    /// Whether the connection may end without an answer.
    silent: bool,
}

impl Fault {
    fn new(name: &'static str, bytes: Vec<u8>, may: &'static [u16]) -> Self {
        Self {
            name,
            bytes,
            way: Way::AtOnce,
            may,
            silent: false,
        }
    }
}

/// A request as it should be, part by part.
struct Parts {
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Parts {
    fn new(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            line: "POST /v1/ratings HTTP/1.1".into(),
            headers: vec![
                "Host: localhost".into(),
                format!("Content-Type: {kind}"),
                format!("Content-Length: {}", body.len()),
            ],
            body,
        }
    }

    fn honest(text: &str) -> Self {
        Self::new("application/json", json!({"text": text}).to_string())
    }

    fn line(mut self, line: String) -> Self {
        self.line = line;
        self
    }

    /// With another header in the place of one.
    fn header(mut self, index: usize, header: String) -> Self {
        self.headers[index] = header;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let head = format!("{}\r\n{}\r\n\r\n", self.line, self.headers.join("\r\n"));
        [head.as_bytes(), &self.body].concat()
    }
}

const UNREADABLE: &[u16] = &[400, 413, 422];
/// A change may leave a request that can be answered.
const ANY_BODY: &[u16] = &[200, 400, 413, 422];

fn fault(dice: &mut Dice, text: &str) -> Fault {
    match dice.below(16) {
        0 => method(dice, text),
        1 => path(dice, text),
        2 => {
            let version = dice.pick(&[
                "HTTP/1.0",
                "HTTP/2.0",
                "HTTP/9.9",
                "http/1.1",
                "HTTP/1.1 x",
                "",
                "FTP/1.1",
            ]);
            let line = format!("POST /v1/ratings {version}");
            let mut fault = Fault::new(
                "version",
                Parts::honest(text).line(line).bytes(),
                &[200, 400],
            );
            // 1.0 ends the connection, and some of these are no HTTP at all.
            fault.silent = true;
            fault
        }
        3 => host(dice, text),
        4 => length(dice, text),
        5 => chunked(dice, text),
        6 => header(dice, text),
        7 => {
            let kind = dice.pick(&[
                "",
                "text/plain",
                "application/xml",
                "application/json; charset=utf-16",
                "\u{fffd}",
                "json",
            ]);
            let parts = Parts::honest(text).header(1, format!("Content-Type: {kind}"));
            Fault::new("content type", parts.bytes(), &[415])
        }
        8 => {
            let mut parts = Parts::honest(text);
            for _ in 0..=dice.below(4) {
                let place = dice.below(parts.body.len());
                parts.body[place] = dice.roll() as u8;
            }
            Fault::new("bytes of JSON", parts.bytes(), ANY_BODY)
        }
        9 => Fault::new(
            "JSON",
            Parts::new("application/json", odd_json(dice)).bytes(),
            UNREADABLE,
        ),
        10 => {
            let depth = 9 + dice.below(60_000);
            let open = dice.pick(&["[", "{\"a\":"]).repeat(depth);
            Fault::new(
                "deep JSON",
                Parts::new("application/json", open).bytes(),
                &[400],
            )
        }
        11 => {
            let body = [b"{\"text\": \"a ", &[0x80 | dice.roll() as u8][..], b" \"}"].concat();
            let kind = dice.pick(&["application/json", "text/csv"]);
            Fault::new("no UTF-8", Parts::new(kind, body).bytes(), &[400])
        }
        12 => table(dice),
        13 => {
            let bytes = Parts::honest(text).bytes();
            let mut fault = Fault::new(
                "cut off",
                bytes[..dice.below(bytes.len())].to_vec(),
                &[400, 408],
            );
            fault.silent = true;
            fault.way = match dice.below(3) {
                0 => Way::Gone(End::Close),
                1 => Way::Gone(End::Reset),
                _ => Way::Half,
            };
            fault
        }
        14 => {
            let count = 1 + dice.below(300);
            let mut fault = Fault::new("noise", dice.bytes(count), &[400]);
            fault.way = Way::Half;
            fault
        }
        _ => {
            // A whole request whose client does not wait.
            let body = json!({"text": text, "explain": true}).to_string();
            let mut fault = Fault::new("gone", Parts::new("application/json", body).bytes(), &[]);
            fault.silent = true;
            fault.way = Way::Gone(if dice.below(2) == 0 {
                End::Close
            } else {
                End::Reset
            });
            fault
        }
    }
}

fn method(dice: &mut Dice, text: &str) -> Fault {
    let long = "M".repeat(1 + dice.below(3_000));
    let method = dice
        .pick(&[
            "GET", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "post", "P ST", "P\0ST", "",
            "BREW", &long,
        ])
        .to_owned();
    let line = format!("{method} /v1/ratings HTTP/1.1");
    Fault::new(
        "method",
        Parts::honest(text).line(line).bytes(),
        &[400, 405],
    )
}

fn path(dice: &mut Dice, text: &str) -> Fault {
    let long = format!("/{}", "p".repeat(1 + dice.below(60_000)));
    let path = dice
        .pick(&[
            "/",
            "//",
            "/v1/ratings/",
            "/v1/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/v1/ratings?column=%zz&&=",
            "/v1/ratings#a",
            "*",
            "",
            "v1",
            "http://evil.example/v1/ratings",
            "/\u{e9}",
            "/\0",
            "/v1/ratings;x=1",
            "/metrics",
            &long,
        ])
        .to_owned();
    let line = format!("POST {path} HTTP/1.1");
    Fault::new(
        "path",
        Parts::honest(text).line(line).bytes(),
        &[200, 400, 404, 405, 414, 431],
    )
}

fn host(dice: &mut Dice, text: &str) -> Fault {
    let host = dice.pick(&[
        "Host: evil.example",
        "Host: localhost.evil.example",
        "Host: ",
        "Host: a:b:c",
        "Host: \u{e9}",
        "X: no host",
        "Host: localhost\r\nHost: evil.example",
    ]);
    let parts = Parts::honest(text).header(0, host.into());
    Fault::new("host", parts.bytes(), &[200, 400, 421])
}

fn length(dice: &mut Dice, text: &str) -> Fault {
    let parts = Parts::honest(text);
    let right = parts.body.len();
    if dice.below(2) == 0 {
        let other = dice.pick(&[
            "-1",
            "1e3",
            "abc",
            "",
            "18446744073709551616",
            "+5",
            "0x10",
            "5, 6",
            "4\r\nContent-Length: 5",
        ]);
        let parts = parts.header(2, format!("Content-Length: {other}"));
        return Fault::new("length", parts.bytes(), &[400]);
    }
    let other = if dice.below(2) == 0 {
        dice.below(right)
    } else {
        right + 1 + dice.below(1 << 30)
    };
    let parts = parts.header(2, format!("Content-Length: {other}"));
    let mut fault = Fault::new("other length", parts.bytes(), &[400, 413]);
    fault.way = Way::Half;
    fault
}

fn chunked(dice: &mut Dice, text: &str) -> Fault {
    let mut parts = Parts::honest(text);
    let body = std::mem::take(&mut parts.body);
    let right = format!("{:x}", body.len());
    let size = dice
        .pick(&[
            "RIGHT",
            "zz",
            "-1",
            "ffffffffffffffffff",
            "",
            "7;",
            "RIGHT;a=\"b\"",
        ])
        .replace("RIGHT", &right);
    let end = dice.pick(&[
        "\r\n0\r\n\r\n",
        "\r\n0\r\nA: b\r\n\r\n",
        "0\r\n\r\n",
        "\r\n",
        "\n0\n\n",
    ]);
    parts.body = [size.as_bytes(), b"\r\n", &body, end.as_bytes()].concat();
    let coding = dice.pick(&[
        "chunked",
        "gzip, chunked",
        "chunked, gzip",
        "gzip",
        "\u{b}chunked",
        "chunked\r\nContent-Length: 3",
    ]);
    let parts = parts.header(2, format!("Transfer-Encoding: {coding}"));
    let mut fault = Fault::new("chunks", parts.bytes(), &[200, 400, 413]);
    // What is whole waits for its answer; of the rest nobody knows that nothing comes any more.
    let is_whole = size.starts_with(&right) && end.starts_with("\r\n0\r\n");
    if !is_whole {
        fault.way = Way::Half;
    }
    fault
}

fn header(dice: &mut Dice, text: &str) -> Fault {
    let many = "A: b\r\n".repeat(120) + "A: b";
    let long = format!("A: {}", "x".repeat(dice.below(70_000)));
    let header = dice
        .pick(&[
            "no colon",
            ": no name",
            "A b: c",
            "A: \0",
            "A: \r b",
            " folded",
            "\u{e9}: a",
            "Connection: close, upgrade",
            "Expect: 100-continue",
            "Expect: wonders",
            "Upgrade: h2c\r\nConnection: upgrade",
            "Content-Encoding: gzip",
            "Accept: nothing/at-all",
            "Range: bytes=0-",
            "Authorization: Bearer \u{7f}",
            &many,
            &long,
        ])
        .to_owned();
    let mut parts = Parts::honest(text);
    parts.headers.insert(dice.below(4), header);
    Fault::new("header", parts.bytes(), &[200, 400, 415, 421, 431])
}

fn odd_json(dice: &mut Dice) -> Vec<u8> {
    let long = json!({"text": "a".repeat(50_001)}).to_string();
    let many = json!({"reviews": vec![json!({"text": "a"}); 17], "explain": true}).to_string();
    let body = dice.pick(&[
        "",
        "null",
        "[]",
        "{}",
        "{\"text\": null}",
        "{\"text\": 7}",
        "{\"text\": \"\"}",
        "{\"text\": \"a\", \"text\": \"b\"}",
        "{\"text\": \"\\ud800\"}",
        "{\"reviews\": []}",
        "{\"reviews\": {}}",
        "{\"reviews\": [{\"text\": \"a\", \"id\": {}}]}",
        "{\"text\": \"a\", \"reviews\": []}",
        "{\"text\": \"a\"} {}",
        "{\"text\": \"a\", \"explain\": 1e999}",
        "{\"text\": \"a",
        "{\"TEXT\": \"a\"}",
        "{\"text\": \"\u{1}\"}",
        "\u{feff}{\"text\": \"a\"}",
        &long,
        &many,
    ]);
    body.as_bytes().to_vec()
}

fn table(dice: &mut Dice) -> Fault {
    let wide = "c,".repeat(10_001) + "text\n";
    let body = dice
        .pick(&[
            "",
            "\n",
            "text\n",
            "text\n\n",
            "a,b\n1,2\n",
            "id,text\n1\n",
            "id,text\n1,2,3\n",
            "text\n\"never closed",
            "text\n\"a\"b\n",
            "text,text\n1,2\n",
            "text\r1\r2",
            "\"\"\n\"\"\n",
            "text\n\0\n",
            &wide,
        ])
        .as_bytes()
        .to_vec();
    Fault::new("table", Parts::new("text/csv", body).bytes(), ANY_BODY)
}

/// A client that is slow: with the whole request, in time or not.
fn slow(dice: &mut Dice, text: &str) -> Fault {
    let bytes = Parts::honest(text).bytes();
    if dice.below(2) == 0 {
        let mut fault = Fault::new("slow", bytes, &[200]);
        fault.way = Way::Pieces(10, Duration::from_millis(40));
        return fault;
    }
    let mut fault = Fault::new("too slow", bytes, &[400, 408]);
    fault.silent = true;
    fault.way = Way::Pieces(10, Duration::from_millis(700));
    fault
}

/// Sends a fault and checks what comes; gives the status, or 0 for none.
fn check(server: &Server, fault: &Fault) -> u16 {
    let mut stream = server.connect();
    let sent = send(&mut stream, fault);
    if let Way::Gone(end) = fault.way {
        if let End::Reset = end {
            SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        }
        return 0;
    }
    let name = fault.name;
    let said = || String::from_utf8_lossy(&fault.bytes[..fault.bytes.len().min(300)]).into_owned();
    let began = Instant::now();
    let Some(answer) = answer(stream) else {
        assert!(
            began.elapsed() < PATIENCE,
            "{name}: nothing came of {:?}",
            said()
        );
        // Who sends no more may have gone, which a server cannot tell.
        let silent = fault.silent || sent.is_err() || matches!(fault.way, Way::Half);
        assert!(silent, "{name}: no answer to {:?}", said());
        return 0;
    };
    let status = answer.status;
    assert!(
        fault.may.contains(&status),
        "{name}: {status} for {:?}",
        said()
    );
    if status != 200 {
        let kind = answer.headers.get("content-type").map(String::as_str);
        match kind {
            Some(kind) => {
                assert_eq!(kind, "application/problem+json", "{name}");
                let problem: Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(problem["status"], status, "{name}");
                for member in ["title", "detail", "advice"] {
                    assert!(
                        problem[member]
                            .as_str()
                            .is_some_and(|text| !text.is_empty()),
                        "{name}: {problem}"
                    );
                }
            }
            // hyper's own, for what is no HTTP.
            None => assert!(answer.body.is_empty(), "{name}"),
        }
    }
    status
}

/// The answer, behind one that only says to go on.
fn answer(stream: TcpStream) -> Option<crate::http_client::Answer> {
    let mut connection = Connection(BufReader::new(stream));
    loop {
        let answer = connection.answer()?;
        if answer.status != 100 {
            return Some(answer);
        }
    }
}

fn send(stream: &mut TcpStream, fault: &Fault) -> std::io::Result<()> {
    match &fault.way {
        Way::Pieces(pieces, pause) => {
            let size = fault.bytes.len().div_ceil(*pieces);
            for piece in fault.bytes.chunks(size) {
                stream.write_all(piece)?;
                thread::sleep(*pause);
            }
            Ok(())
        }
        Way::AtOnce | Way::Gone(_) => stream.write_all(&fault.bytes),
        Way::Half => {
            stream.write_all(&fault.bytes)?;
            stream.shutdown(Shutdown::Write)
        }
    }
}

#[test]
fn whatever_is_sent_has_its_status_and_honest_requests_their_answers() {
    let number =
        |name: &str, default: u64| env::var(name).map_or(default, |value| value.parse().unwrap());
    let count = number("CINESCORE_FAULTS", 600);
    let seed = number("CINESCORE_FAULTS_SEED", 9);
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), LSTM, regression());
    let server = Server::start(folder.path(), &["--client-timeout", "1", "--max-body", "1"]);
    let texts = texts(40);
    let rating = |text: &str| {
        let answer = server.post(&json!({"text": text}).to_string());
        assert_eq!(answer.status, 200);
        answer.json()["rating"].as_f64().unwrap()
    };
    let ratings: Vec<f64> = texts.iter().map(|text| rating(text)).collect();
    let statuses: Mutex<BTreeMap<(&str, u16), u64>> = Mutex::default();
    thread::scope(|scope| {
        for client in 0..CLIENTS as u64 {
            let (server, texts, ratings, statuses, rating) =
                (&server, &texts, &ratings, &statuses, &rating);
            scope.spawn(move || {
                for number in (client..count).step_by(CLIENTS) {
                    let mut dice = Dice(seed << 32 | number);
                    let text = dice.below(texts.len());
                    let fault = match number % SLOW {
                        0 => slow(&mut dice, &texts[text]),
                        _ => fault(&mut dice, &texts[text]),
                    };
                    let status = check(server, &fault);
                    *statuses
                        .lock()
                        .unwrap()
                        .entry((fault.name, status))
                        .or_default() += 1;
                    if number % 4 == 0 {
                        let gap = rating(&texts[text]) - ratings[text];
                        assert!(
                            gap.abs() < 1e-5,
                            "{}: {gap} after {}",
                            texts[text],
                            fault.name
                        );
                    }
                }
            });
        }
    });
    for ((name, status), count) in statuses.into_inner().unwrap() {
        eprintln!("{name:>15} {status:>3} {count:>5}");
    }
    // Nothing is left of any of them.
    let began = Instant::now();
    loop {
        let metrics = server.get("/metrics").text();
        let has = |line: &str| metrics.lines().any(|own| own == line);
        if has("cinescore_connections 1")
            && has("cinescore_queue_texts 0")
            && has("cinescore_http_requests_in_flight 1")
        {
            // No fault is the server's.
            assert!(!metrics.contains("status=\"5"), "{metrics}");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{metrics}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.get("/readyz").status, 200);
    server.signal(Signal::TERM);
    let (status, log) = server.end();
    assert!(status.success(), "{log}");
    // Every line is of the log: nobody panicked.
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}
