//! Asks a server of `predict serve` for ratings, over many connections, and compares every answer with what it should be.
//!
//! ```text
//! http-load ADDRESS TEXTS.jsonl --connections N --seconds S [--rate R]
//! ```
//!
//! TEXTS.jsonl is an output of `predict file`: lines with `text` and `rating`. Without a rate each connection asks
//! again once it is answered; with one, requests are due at fixed times whether or not the server keeps up, and the time that a
//! request waits for a free connection counts (else an overloaded server would seem quick: coordinated omission). Prints a line of
//! JSON.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails should fail at once, and prints its result"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What a connection counted.
#[derive(Default)]
struct Count {
    statuses: BTreeMap<u16, u64>,
    lost: u64,
    wrong: u64,
    seconds: Vec<f64>,
}

struct Plan {
    address: String,
    /// Requests as they are sent, with the rating that is expected.
    requests: Vec<(Vec<u8>, f64)>,
    seconds: Duration,
    rate: Option<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments[place + 1].parse::<f64>().ok()
    };
    let lines = std::fs::read_to_string(&arguments[2]).unwrap();
    let plan = Plan {
        address: arguments[1].clone(),
        requests: lines.lines().map(request).collect(),
        seconds: Duration::from_secs_f64(option("--seconds").unwrap()),
        rate: option("--rate"),
    };
    let connections = option("--connections").unwrap() as usize;
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| ask(&plan, &next, began)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let took = began.elapsed().as_secs_f64();
    let mut all = Count::default();
    for count in counts {
        all.lost += count.lost;
        all.wrong += count.wrong;
        all.seconds.extend(count.seconds);
        for (status, number) in count.statuses {
            *all.statuses.entry(status).or_default() += number;
        }
    }
    all.seconds.sort_by(f64::total_cmp);
    let quantile = |part: f64| {
        let place = (part * all.seconds.len() as f64) as usize;
        all.seconds
            .get(place.min(all.seconds.len().saturating_sub(1)))
            .map(|seconds| 1e3 * seconds)
    };
    let rated = all.statuses.get(&200).copied().unwrap_or_default();
    println!(
        "{}",
        json!({
            "connections": connections,
            "seconds": took,
            "rated": rated,
            "rated_per_s": rated as f64 / took,
            "statuses": all.statuses,
            "lost": all.lost,
            "wrong": all.wrong,
            "p50_ms": quantile(0.5),
            "p99_ms": quantile(0.99),
        })
    );
}

fn request(line: &str) -> (Vec<u8>, f64) {
    let row: Value = serde_json::from_str(line).unwrap();
    let body = json!({"text": row["text"]}).to_string();
    let head = format!(
        "POST /v1/ratings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (
        [head.as_bytes(), body.as_bytes()].concat(),
        row["rating"].as_f64().unwrap(),
    )
}

fn ask(plan: &Plan, next: &AtomicU64, began: Instant) -> Count {
    let mut count = Count::default();
    let mut connection = None;
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let due = match plan.rate {
            Some(rate) => began + Duration::from_secs_f64(index as f64 / rate),
            None => Instant::now(),
        };
        if due >= began + plan.seconds || began.elapsed() >= plan.seconds {
            return count;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (bytes, expected) = &plan.requests[index as usize % plan.requests.len()];
        let mut stream = connection
            .take()
            .unwrap_or_else(|| BufReader::new(TcpStream::connect(&plan.address).unwrap()));
        stream.get_mut().set_nodelay(true).unwrap();
        let answer = stream
            .get_mut()
            .write_all(bytes)
            .ok()
            .and_then(|()| read(&mut stream));
        let Some((status, body)) = answer else {
            count.lost += 1;
            continue;
        };
        connection = Some(stream);
        *count.statuses.entry(status).or_default() += 1;
        if status == 200 {
            // Refusals are quick: only answers count.
            count.seconds.push(due.elapsed().as_secs_f64());
            let answer: Value = serde_json::from_slice(&body).unwrap();
            let is_right = answer["rating"]
                .as_f64()
                .is_some_and(|rating| (rating - expected).abs() < 1e-5);
            count.wrong += u64::from(!is_right);
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<(u16, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((status, body))
}
