//! One transfer over HTTP that goes on where it broke off, in this run or a later one.
//!
//! What was got lies in `FILE.part`, and what the server called it (its ETag) in `FILE.part.tag`. A request for the
//! rest names both, so a file that changed meanwhile is sent whole and begun anew; the two are never mixed.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use ureq::http::Response;
use ureq::{Agent, Body};

use super::sources::Source;
use super::{FetchError, io};

/// How long to wait, and how often to try.
pub(super) struct Patience {
    /// Attempts in a row that get nothing more.
    pub(super) attempts: u32,
    /// Between two attempts; doubled each time.
    pub(super) pause: Duration,
    /// For a connection, and for an answer.
    pub(super) answer: Duration,
    /// For all that one answer brings; what was got is kept.
    pub(super) body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_secs(1),
            answer: Duration::from_secs(30),
            body: Duration::from_secs(900),
        }
    }
}

/// Gets the whole file into `part`.
pub(super) fn download(
    source: &Source,
    part: &Path,
    patience: &Patience,
) -> Result<(), FetchError> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(patience.answer))
        .timeout_recv_response(Some(patience.answer))
        .timeout_recv_body(Some(patience.body))
        .user_agent(concat!("cinescore/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let bar = ProgressBar::new(0);
    let style = "{msg} {bar:28} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_wrong| ProgressStyle::default_bar()),
    );
    bar.set_message(source.name.clone());
    let transfer = Transfer {
        agent,
        address: &source.address,
        part,
        bar,
    };
    let mut failures = 0;
    loop {
        let before = transfer.got()?;
        let error = match transfer.attempt(before) {
            Ok(()) => {
                transfer.bar.finish_and_clear();
                return remove_if_there(&tag_path(part));
            }
            Err(error) => error,
        };
        let retry = match &error {
            FetchError::Http { .. } | FetchError::BrokeOff { .. } => true,
            FetchError::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            _ => false,
        };
        let got = transfer.got()?;
        failures = if got > before { 0 } else { failures + 1 };
        if !retry || failures >= patience.attempts {
            return Err(match error {
                FetchError::BrokeOff { address, got, .. } => FetchError::BrokeOff {
                    address,
                    got,
                    attempts: failures,
                },
                other => other,
            });
        }
        std::thread::sleep(patience.pause * (1 << failures.min(6)));
    }
}

fn tag_path(part: &Path) -> PathBuf {
    let mut name = part.as_os_str().to_owned();
    name.push(".tag");
    name.into()
}

fn remove_if_there(path: &Path) -> Result<(), FetchError> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(path)(error)),
        _ => Ok(()),
    }
}

struct Transfer<'a> {
    agent: Agent,
    address: &'a str,
    part: &'a Path,
    bar: ProgressBar,
}

impl Transfer<'_> {
    /// Bytes that are there and can be gone on from: none, where nothing says which file they are of.
    fn got(&self) -> Result<u64, FetchError> {
        if !self.part.exists() || !tag_path(self.part).exists() {
            return Ok(0);
        }
        Ok(fs_err::metadata(self.part).map_err(io(self.part))?.len())
    }

    /// One request: for the rest, or for the whole.
    fn attempt(&self, got: u64) -> Result<(), FetchError> {
        let mut request = self.agent.get(self.address);
        if got > 0 {
            let tag = fs_err::read_to_string(tag_path(self.part)).map_err(io(self.part))?;
            request = request
                .header("Range", format!("bytes={got}-"))
                .header("If-Range", tag);
        }
        let response = request.call().map_err(|source| FetchError::Http {
            address: self.address.into(),
            source,
        })?;
        match response.status().as_u16() {
            200 => self.receive(response, 0),
            206 if got > 0 && range_start(&response) == Some(got) => self.receive(response, got),
            // A range that nobody asked for, or one that there is not: what is here is of no use.
            206 | 416 if got > 0 => {
                remove_if_there(self.part)?;
                Err(self.broke_off(0))
            }
            status => Err(FetchError::Status {
                address: self.address.into(),
                status,
            }),
        }
    }

    fn broke_off(&self, got: u64) -> FetchError {
        FetchError::BrokeOff {
            address: self.address.into(),
            got,
            attempts: 1,
        }
    }

    fn receive(&self, response: Response<Body>, from: u64) -> Result<(), FetchError> {
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let length = header("content-length").and_then(|text| text.parse::<u64>().ok());
        let tag = header("etag").filter(|tag| !tag.starts_with("W/"));
        let tag_file = tag_path(self.part);
        let mut options = fs_err::OpenOptions::new();
        options.create(true).write(true);
        let mut file = if from == 0 {
            // First the name of the new content is gone, then the old content.
            remove_if_there(&tag_file)?;
            let file = options
                .truncate(true)
                .open(self.part)
                .map_err(io(self.part))?;
            if let Some(tag) = tag.or_else(|| header("last-modified")) {
                fs_err::write(&tag_file, tag).map_err(io(&tag_file))?;
            }
            file
        } else {
            options
                .append(true)
                .open(self.part)
                .map_err(io(self.part))?
        };
        self.bar
            .set_length(length.map_or(0, |length| from + length));
        self.bar.set_position(from);
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 256 << 10];
        let mut got = from;
        loop {
            // Whatever breaks the connection, what came before stays.
            let count = match body.read(&mut buffer) {
                Ok(count) => count,
                Err(_broken) => return Err(self.broke_off(got)),
            };
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).map_err(io(self.part))?;
            got += count as u64;
            self.bar.set_position(got);
        }
        match length {
            Some(length) if got < from + length => Err(self.broke_off(got)),
            _ => Ok(()),
        }
    }
}

/// Where the sent range begins: 17 of `bytes 17-99/100`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}
