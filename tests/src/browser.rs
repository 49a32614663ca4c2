//! Chromium without a screen, which is told what to do through a pipe (Chrome DevTools Protocol).

use std::env;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command_fds::{CommandFdExt as _, FdMapping};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a page may take to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How wide the windows are in which a report is looked at: a phone's, a notebook's, a large screen's.
const WIDTHS: [u32; 3] = [360, 1280, 3840];

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with a page; it is killed when the test is over.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    to: PipeWriter,
    from: Receiver<Value>,
    /// What the page has reported so far.
    pub events: Vec<Value>,
    session: Option<String>,
    next: u64,
    _profile: TempDir,
}

/// The program, where there is one that can be started: `CINESCORE_CHROMIUM`, or the first of its names on PATH.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CINESCORE_CHROMIUM") {
        return Some(named.into());
    }
    // By some of these names there is only a text that says how to install it.
    let starts = |file: &PathBuf| {
        let version = Command::new(file).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .filter(|file| file.is_file())
        .find(starts)
}

impl Browser {
    /// One with an empty page. Without Chromium it says so, and that `what` is not tested.
    #[expect(clippy::print_stderr, reason = "a test that was left out says so")]
    pub fn find(what: &str) -> Option<Self> {
        let program = chromium();
        if program.is_none() {
            eprintln!(
                "NOT TESTED: {what}, for there is no Chromium (apt-get install chromium, or CINESCORE_CHROMIUM=FILE)"
            );
        }
        program.as_deref().map(Self::start)
    }

    fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().expect("the browser works");
        let (read_in, to) = std::io::pipe().expect("the browser works");
        let (from, write_out) = std::io::pipe().expect("the browser works");
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
            .expect("the browser works");
        let child = command.spawn().expect("the browser works");
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

    /// The result of a command of the protocol.
    ///
    /// # Panics
    /// If the browser refuses it or says nothing.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to
            .write_all(format!("{message}\0").as_bytes())
            .expect("the browser works");
        loop {
            let message = self.from.recv_timeout(PATIENCE).expect("the browser works");
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// What an expression in the page's language comes to.
    ///
    /// # Panics
    /// If it throws.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    ///
    /// # Panics
    /// If it does not come to be.
    pub fn wait(&mut self, expression: &str) {
        let began = Instant::now();
        while self.value(expression) != json!(true) {
            let state = self.value("document.body.innerText");
            assert!(began.elapsed() < PATIENCE, "{expression}: {state}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types as a person does: into what has the focus.
    pub fn enter(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// How many pixels it shows.
    pub fn size(&mut self, width: u32, height: u32) {
        let params =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    /// Whether its user likes dark pages.
    pub fn dark(&mut self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// What it shows, as PNG.
    ///
    /// # Panics
    /// If the browser refuses.
    pub fn picture(&mut self) -> Vec<u8> {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let data = picture["data"].as_str().expect("the browser works");
        STANDARD.decode(data).expect("the browser works")
    }
}

impl Browser {
    /// Opens a file and waits until it is loaded; what was reported before is forgotten.
    ///
    /// # Panics
    /// If it does not load.
    pub fn open(&mut self, file: &Path) {
        self.events.clear();
        let address = format!("file://{}", file.display());
        self.call("Page.navigate", json!({"url": address}));
        self.wait("document.readyState === 'complete'");
    }

    /// Opens a report at all widths, light and dark. Nothing is complained of, fetched or wider than the window.
    ///
    /// # Panics
    /// If it is otherwise.
    pub fn look(&mut self, page: &Path) {
        let own = format!("file://{}", page.display());
        let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        for (width, dark) in WIDTHS
            .into_iter()
            .flat_map(|width| [(width, false), (width, true)])
        {
            self.size(width, 900);
            self.dark(dark);
            self.open(page);
            let at = format!("{} at {width}", page.display());
            let addresses = self.addresses().into_iter();
            let outside: Vec<&str> = addresses.filter(|address| *address != own).collect();
            assert!(outside.is_empty(), "{at} asks for {outside:?}");
            let complaints = self.complaints();
            assert!(complaints.is_empty(), "{at}: {complaints:?}");
            assert_eq!(self.value(wide), json!(0), "{at} scrolls sideways");
        }
    }

    /// What the page complained of: errors in the console and exceptions.
    pub fn complaints(&self) -> Vec<&Value> {
        let is_complaint = |event: &&Value| {
            let is_error =
                event["params"]["entry"]["level"] == "error" || event["params"]["type"] == "error";
            event["method"] == "Runtime.exceptionThrown" || is_error
        };
        self.events.iter().filter(is_complaint).collect()
    }

    /// The addresses that were asked for, but for those within the page.
    pub fn addresses(&self) -> Vec<&str> {
        let asked = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        asked
            .filter_map(|event| event["params"]["request"]["url"].as_str())
            .filter(|address| !address.starts_with("data:"))
            .collect()
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
            let message = message.expect("the browser works");
            if sender
                .send(serde_json::from_slice(&message).expect("the browser works"))
                .is_err()
            {
                return;
            }
        }
    });
    receiver
}
