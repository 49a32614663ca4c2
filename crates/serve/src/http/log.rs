//! Lines of JSON on stderr: what happened, never what a review says.
//!
//! A thread of its own writes, so that a slow reader of stderr holds no request up. When it is too far behind, lines are
//! left out, and the next line that is written says how many.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Lines that wait to be written.
const WAITING: usize = 4096;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Level {
    /// What went wrong.
    Error,
    /// That, and what may: refused bundles, an address that all can reach.
    Warn,
    /// That, starts, stops, reloads, and each request.
    Info,
}

/// A handle on the log; the thread ends when all are gone.
#[derive(Debug, Clone)]
pub(super) struct Log {
    most: Level,
    lines: SyncSender<Map<String, Value>>,
    left_out: Arc<AtomicU64>,
}

impl Log {
    /// A log of lines up to a level, and the thread that writes it.
    pub(super) fn start(most: Level) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (lines, waiting) = sync_channel(WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&left_out);
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write(&waiting, &counter))?;
        let log = Self {
            most,
            lines,
            left_out,
        };
        Ok((log, thread))
    }

    /// Logs an event; `fields` is a JSON object.
    pub(super) fn event(&self, level: Level, event: &str, fields: Value) {
        if level > self.most {
            return;
        }
        let mut line = Map::new();
        line.insert("time".into(), json!(Timestamp::now().to_string()));
        let name = match level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
        };
        line.insert("level".into(), json!(name));
        line.insert("event".into(), json!(event));
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        if self.lines.try_send(line).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(waiting: &Receiver<Map<String, Value>>, left_out: &AtomicU64) {
    for mut line in waiting {
        match left_out.swap(0, Ordering::Relaxed) {
            0 => {}
            count => {
                line.insert("left_out".into(), json!(count));
            }
        }
        // Nobody can be told that there is nobody to tell.
        writeln!(std::io::stderr().lock(), "{}", Value::Object(line)).ok();
    }
}
