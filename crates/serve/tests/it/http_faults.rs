//! Requests with a random fault each: every one is told what is wrong, honest ones between them get the right answer, and
//! the server is what it was before.
//!
//! `CINESCORE_FAULTS=10000` asks for as many (600 without it), `CINESCORE_FAULTS_SEED` for others.

mod dice;
mod kinds;
mod request;

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
use dice::Dice;
use kinds::{fault, slow};
use request::{End, Fault, Way};

/// Clients at the same time.
const CLIENTS: usize = 8;
/// Each so many faults one client is slow, which takes its time.
const SLOW: u64 = 150;

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
