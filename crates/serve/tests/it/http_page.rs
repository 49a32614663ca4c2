//! The page in a browser: Chromium without a screen, which is told what to do through a pipe (Chrome DevTools Protocol).
//!
//! Without Chromium the test says so and passes; `CINESCORE_CHROMIUM` names one elsewhere. With
//! `CINESCORE_SCREENSHOT=FILE` and `CINESCORE_BUNDLE=DIR` it takes the picture that the README shows.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bundle::{LSTM, save};
use crate::http_client::{PATIENCE, Server};
use cinescore_model::task::{Decoder, Quantity};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// What tries to be more than text.
const HOSTILE: &str = "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script> \
                       a good film & \u{1f3ac} not bad";
/// A review for the picture.
const REVIEW: &str = "The first hour is wonderful: superb acting, a great score and a story that takes its time. \
                      After that it becomes dull and predictable, and the ending is a waste. Still, I enjoyed it and would see it again.";

struct Browser {
    child: Child,
    to: PipeWriter,
    from: Receiver<Value>,
    events: Vec<Value>,
    session: Option<String>,
    next: u64,
    _profile: TempDir,
}

fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CINESCORE_CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

impl Browser {
    fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (read_in, to) = std::io::pipe().unwrap();
        let (from, write_out) = std::io::pipe().unwrap();
        let mut command = Command::new(program);
        // It may be run by root, as in a container, where its sandbox does not work.
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
            ])
            .args([
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mapping = |fd, child_fd| FdMapping {
            parent_fd: fd,
            child_fd,
        };
        command
            .fd_mappings(vec![
                mapping(read_in.into(), 3),
                mapping(write_out.into(), 4),
            ])
            .unwrap();
        let child = command.spawn().unwrap();
        drop(command);
        let mut browser = Self {
            child,
            to,
            from: messages(from),
            events: Vec::new(),
            session: None,
            next: 0,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let id = &target["targetId"];
        let attached = browser.call(
            "Target.attachToTarget",
            json!({"targetId": id, "flatten": true}),
        );
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in [
            "Page.enable",
            "Runtime.enable",
            "Log.enable",
            "Network.enable",
        ] {
            browser.call(domain, json!({}));
        }
        browser
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
        loop {
            let message = self.from.recv_timeout(PATIENCE).unwrap();
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    fn wait(&mut self, expression: &str) {
        let began = Instant::now();
        while self.value(expression) != json!(true) {
            let state = self.value("document.body.innerText");
            assert!(began.elapsed() < PATIENCE, "{expression}: {state}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types as a person does: into what has the focus.
    fn enter(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    fn size(&mut self, width: u32, height: u32) {
        let params =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a browser says, each message ended by a NUL.
fn messages(from: PipeReader) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(from).split(0) {
            let message = message.unwrap();
            if sender
                .send(serde_json::from_slice(&message).unwrap())
                .is_err()
            {
                return;
            }
        }
    });
    receiver
}

#[test]
fn the_page_rates_what_is_typed_and_shows_hostile_text_as_text() {
    let Some(program) = chromium() else {
        eprintln!(
            "NOT TESTED: the page, for there is no Chromium (apt-get install chromium, or CINESCORE_CHROMIUM=FILE)"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ordinal = Decoder::Ordinal {
        quantity: Quantity::Stars,
        labels: vec![1, 2, 3, 4, 7, 8, 9, 10],
    };
    save(folder.path(), LSTM, ordinal);
    let chosen = env::var_os("CINESCORE_BUNDLE").map(PathBuf::from);
    let server = Server::start(chosen.as_deref().unwrap_or(folder.path()), &[]);
    let mut browser = Browser::start(&program);
    browser.size(360, 740);
    let address = format!("http://{}/", server.address);
    browser.call("Page.navigate", json!({"url": address}));
    browser.wait("document.readyState === 'complete' && document.getElementById('text') !== null");

    // By the keyboard: the review is what the first Tab leads to.
    browser.value("document.getElementById('text').focus()");
    browser.enter("a good film");
    browser.wait("document.getElementById('state').textContent.startsWith('Rated by')");
    let first = browser.value("document.getElementById('words').textContent");
    assert_eq!(first, "a good film");
    // While it types on, the latest text wins.
    browser.value("document.getElementById('text').select()");
    for part in HOSTILE.split_inclusive(' ') {
        browser.enter(part);
    }
    let shown = format!(
        "document.getElementById('words').textContent === {}",
        json!(HOSTILE)
    );
    browser.wait(&shown);
    assert_eq!(browser.value("document.title"), "Cinescore: rate a review");
    assert_eq!(
        browser.value("document.querySelectorAll('#words img, #words script').length"),
        0
    );
    assert_eq!(
        browser.value("document.querySelectorAll('#words mark').length > 0"),
        true
    );
    if chosen.is_none() {
        assert_eq!(
            browser.value("document.querySelectorAll('#scores tbody tr').length"),
            8
        );
        assert_eq!(
            browser.value("document.getElementById('interval').textContent.startsWith('90 %')"),
            true
        );
    }
    // Nothing is wider than the screen of a telephone, and every field has a label.
    assert_eq!(
        browser.value("document.documentElement.scrollWidth <= 360"),
        true
    );
    let unlabelled = "[...document.querySelectorAll('input, textarea')].filter((field) => field.labels.length === 0).length";
    assert_eq!(browser.value(unlabelled), 0);

    // A table, as if it had been chosen.
    let upload = "(async () => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(['id,text\\n1,a good film\\n2,<b>bad</b>\\n'], 'mine.csv', {type: 'text/csv'}));
        document.getElementById('file').files = transfer.files;
        document.getElementById('table').requestSubmit();
        while (document.getElementById('download').hidden) await new Promise((done) => setTimeout(done, 20));
    })()";
    browser.value(upload);
    let state = browser.value("document.getElementById('table-state').textContent");
    assert!(state.as_str().unwrap().starts_with("Rated."), "{state}");

    if let Some(file) = env::var_os("CINESCORE_SCREENSHOT") {
        browser.size(900, 1000);
        browser.value("document.getElementById('text').select()");
        browser.enter(REVIEW);
        browser.wait(&format!(
            "document.getElementById('words').textContent === {}",
            json!(REVIEW)
        ));
        browser.value("document.activeElement.blur(); scrollTo(0, 0)");
        let picture = browser.call("Page.captureScreenshot", json!({"format": "png"}));
        fs::write(file, base64(picture["data"].as_str().unwrap())).unwrap();
    }

    let outside: Vec<&Value> = browser
        .events
        .iter()
        .filter(|event| event["method"] == "Network.requestWillBeSent")
        .map(|event| &event["params"]["request"]["url"])
        .filter(|url| {
            let url = url.as_str().unwrap();
            !url.starts_with(&address) && !url.starts_with("data:") && !url.starts_with("blob:")
        })
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    let complaints: Vec<&Value> = browser
        .events
        .iter()
        .filter(|event| {
            let is_error =
                event["params"]["entry"]["level"] == "error" || event["params"]["type"] == "error";
            event["method"] == "Runtime.exceptionThrown" || is_error
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// The bytes of text in base 64.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in text.chars().filter_map(|digit| DIGITS.find(digit)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
