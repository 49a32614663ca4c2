//! Which faults there are: a request with one mistake in it, chosen at random, and what may be said of it.

use std::time::Duration;

use serde_json::json;

use super::dice::Dice;
use super::request::{End, Fault, Parts, Way};

const UNREADABLE: &[u16] = &[400, 413, 422];
/// A change may leave a request that can be answered.
const ANY_BODY: &[u16] = &[200, 400, 413, 422];

pub(super) fn fault(dice: &mut Dice, text: &str) -> Fault {
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
pub(super) fn slow(dice: &mut Dice, text: &str) -> Fault {
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
