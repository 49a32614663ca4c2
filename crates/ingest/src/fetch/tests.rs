//! `fetch` against a server on this machine that drops, truncates, redirects and lies.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::*;

/// What the server does with one request; it gets the first byte that is asked for.
type Answer = Box<dyn FnOnce(&mut TcpStream, u64) + Send>;

/// A server that answers one request after the other.
struct Server {
    address: String,
    /// The `Range` and `If-Range` headers of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(answers: Vec<Answer>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/file.gz", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut headers = Vec::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap().to_lowercase();
                if line.is_empty() {
                    break;
                }
                headers.push(line);
            }
            let header = |name: &str| {
                headers
                    .iter()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            let range = header("range: bytes=");
            let from = range.trim_end_matches('-').parse().unwrap_or(0);
            log.lock().unwrap().push(
                format!("{range} {}", header("if-range: "))
                    .trim()
                    .to_owned(),
            );
            answer(&mut stream, from);
        }
    });
    Server { address, asked }
}

fn content() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b];
    bytes.extend((0..100_000_u32).map(|index| (index % 251) as u8));
    bytes
}

fn send(stream: &mut TcpStream, head: &str, body: &[u8]) {
    // A client that has seen enough may have gone.
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").ok();
    stream.write_all(body).ok();
}

/// Sends what is asked for, honestly, but only so many bytes of it.
fn honest(most: usize) -> Answer {
    Box::new(move |stream, from| {
        let all = content();
        let rest = &all[from as usize..];
        let status = if from == 0 {
            "200 OK".to_owned()
        } else {
            format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
                all.len() - 1,
                all.len()
            )
        };
        let head = format!("{status}\r\nETag: \"v1\"\r\nContent-Length: {}", rest.len());
        send(stream, &head, &rest[..most.min(rest.len())]);
    })
}

fn whole() -> Answer {
    honest(usize::MAX)
}

fn with(head: &'static str, body: &'static [u8]) -> Answer {
    Box::new(move |stream, _| send(stream, head, body))
}

fn source(address: &str) -> Source {
    let digest = Sha256::digest(content());
    Source {
        name: "toy".into(),
        title: "Toy".into(),
        address: address.into(),
        file: "file.gz".into(),
        size: "small".into(),
        bytes: Some(content().len() as u64),
        frozen: true,
        sha256: Some(digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        md5: None,
        default: true,
        licence: "none".into(),
        citation: "none".into(),
    }
}

fn impatient() -> Patience {
    Patience {
        attempts: 3,
        pause: Duration::from_millis(1),
        answer: Duration::from_secs(5),
        body: Duration::from_secs(5),
    }
}

/// Fetches from a server with these answers; the outcome, what was asked, and what lies in the folder.
fn fetched(answers: Vec<Answer>) -> (Result<&'static str, FetchError>, Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    fetched_into(folder.path(), answers)
}

fn fetched_into(
    folder: &Path,
    answers: Vec<Answer>,
) -> (Result<&'static str, FetchError>, Vec<String>, Vec<String>) {
    let server = serve(answers);
    let outcome = fetch(&source(&server.address), folder, None, &impatient());
    if outcome.is_ok() {
        assert!(fs::read(folder.join("file.gz")).unwrap() == content());
    }
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let asked = server.asked.lock().unwrap().clone();
    (outcome, asked, files)
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let (outcome, asked, files) = fetched(vec![honest(40_000), honest(30_000), whole()]);
    assert_eq!(outcome.unwrap(), "downloaded");
    assert_eq!(asked, ["", "40000- \"v1\"", "70000- \"v1\""]);
    assert_eq!(files, ["file.gz"]);
}

#[test]
fn a_later_run_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = || honest(0);
    let (outcome, _, files) = fetched_into(
        folder.path(),
        vec![honest(40_000), nothing(), nothing(), nothing()],
    );
    assert!(
        matches!(
            &outcome,
            Err(FetchError::BrokeOff {
                got: 40_000,
                attempts: 3,
                ..
            })
        ),
        "{outcome:?}"
    );
    assert_eq!(files, ["file.gz.part", "file.gz.part.tag"]);
    let (outcome, asked, files) = fetched_into(folder.path(), vec![whole()]);
    assert_eq!(
        (outcome.unwrap(), asked.as_slice()),
        ("downloaded", &["40000- \"v1\"".to_owned()][..])
    );
    assert_eq!(files, ["file.gz"]);
    // And then there is nothing to do.
    assert_eq!(
        fetched_into(folder.path(), Vec::new()).0.unwrap(),
        "was there already"
    );
}

#[test]
fn a_file_that_changed_meanwhile_is_got_whole() {
    // The server does not know the tag any more and sends everything, with 200.
    let changed: Answer = Box::new(|stream, _| {
        let all = content();
        let head = format!("200 OK\r\nETag: \"v2\"\r\nContent-Length: {}", all.len());
        send(stream, &head, &all);
    });
    let (outcome, asked, _) = fetched(vec![honest(40_000), changed]);
    assert!(outcome.is_ok());
    assert_eq!(asked, ["", "40000- \"v1\""]);
}

#[test]
fn a_wrong_range_is_not_appended() {
    let wrong = with(
        "206 Partial Content\r\nContent-Range: bytes 5-9/100\r\nContent-Length: 5",
        b"wrong",
    );
    let (outcome, asked, _) = fetched(vec![honest(40_000), wrong, whole()]);
    assert!(outcome.is_ok());
    assert_eq!(asked, ["", "40000- \"v1\"", ""]);
}

#[test]
fn redirects_are_followed_and_a_busy_server_is_asked_again() {
    let server = serve(vec![with("503 Busy\r\nContent-Length: 0", b""), whole()]);
    let to = server.address.clone();
    let redirect: Answer = Box::new(move |stream, _| {
        send(
            stream,
            &format!("302 Found\r\nLocation: {to}\r\nContent-Length: 0"),
            b"",
        );
    });
    let to = server.address.clone();
    let again: Answer = Box::new(move |stream, _| {
        send(
            stream,
            &format!("302 Found\r\nLocation: {to}\r\nContent-Length: 0"),
            b"",
        );
    });
    let (outcome, asked, _) = fetched(vec![redirect, again]);
    assert_eq!(outcome.unwrap(), "downloaded");
    assert_eq!(asked.len(), 2);
    assert_eq!(server.asked.lock().unwrap().len(), 2);
}

#[test]
fn lies_are_found_and_nothing_is_left_of_them() {
    let page = with("200 OK\r\nContent-Length: 15", b"<html>Hi</html>");
    let (outcome, _, files) = fetched(vec![page]);
    let text = outcome.unwrap_err().to_string();
    assert!(text.ends_with("it has 15 bytes; expected 100002"), "{text}");
    assert!(files.is_empty());

    let other: Answer = Box::new(|stream, _| {
        let mut all = content();
        all[50] ^= 1;
        send(
            stream,
            &format!("200 OK\r\nContent-Length: {}", all.len()),
            &all,
        );
    });
    let (outcome, _, files) = fetched(vec![other]);
    assert!(outcome.unwrap_err().to_string().contains("its SHA-256 is"));
    assert!(files.is_empty());

    let (outcome, asked, files) = fetched(vec![with("404 Not Found\r\nContent-Length: 0", b"")]);
    assert!(matches!(
        outcome,
        Err(FetchError::Status { status: 404, .. })
    ));
    assert_eq!((asked.len(), files.len()), (1, 0));
}

#[test]
fn a_mirror_serves_without_a_network_and_is_checked_too() {
    let (mirror, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(mirror.path().join("file.gz"), content()).unwrap();
    let nowhere = source("http://127.0.0.1:9/none");
    let from_mirror = |to: &Path| fetch(&nowhere, to, Some(mirror.path()), &impatient());
    assert_eq!(from_mirror(to.path()).unwrap(), "copied from the mirror");
    assert!(fs::read(to.path().join("file.gz")).unwrap() == content());

    let to = tempfile::tempdir().unwrap();
    fs::write(mirror.path().join("file.gz"), "<html>").unwrap();
    assert!(from_mirror(to.path()).is_err());
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
}

#[test]
fn the_repository_s_sources_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/sources.yaml");
    let sources = sources::read(&path).unwrap();
    let chosen = sources::choose(&sources, &[]).unwrap();
    let names: Vec<&str> = chosen.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["aclimdb", "movielens_small", "titles"]);
    assert!(
        sources
            .iter()
            .all(|source| source.frozen || source.sha256.is_none())
    );
    let error = sources::choose(&sources, &[&"glov".to_owned()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no source `glov`; there are aclimdb, glove, movielens, movielens_small, titles"
    );
}
