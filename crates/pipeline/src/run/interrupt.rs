//! Stopping a run from outside: SIGINT, SIGTERM, SIGHUP.
//!
//! Owns the wish to stop. What stops whom is `child`'s (a stage's processes) and `scheduler`'s (no
//! further stage).

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cinescore_artifact::exit;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// After a second signal, how long stages' processes may take to die before the runner leaves.
const LEAVE_AFTER: Duration = Duration::from_secs(1);

/// How urgently a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Not at all.
    GoOn,
    /// Stages are asked to stop and may clean up.
    Stop,
    /// Stages are killed.
    Kill,
}

/// The wish to stop a run. Each thread that waits for something also waits for this.
#[derive(Debug)]
pub struct Interrupt {
    times: AtomicUsize,
    /// Readable from the first wish on: nobody ever takes the byte out, so that every poll sees it.
    reader: PipeReader,
    writer: PipeWriter,
}

impl Interrupt {
    /// No wish yet.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            times: AtomicUsize::new(0),
            reader,
            writer,
        })
    }

    /// A wish that SIGINT, SIGTERM and SIGHUP raise. The second signal kills the stages and ends the
    /// process soon after, whatever it is doing: the store is whole at any moment.
    pub fn on_signals() -> io::Result<Arc<Self>> {
        let interrupt = Arc::new(Self::new()?);
        let mut wanted = vec![SIGINT, SIGTERM];
        // `nohup` lets a program ignore SIGHUP, and is not to be overruled.
        if !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let mut signals = Signals::new(wanted)?;
        let raised = Arc::clone(&interrupt);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for _signal in signals.forever() {
                    raised.raise();
                    if raised.urgency() == Urgency::Kill {
                        std::thread::sleep(LEAVE_AFTER);
                        std::process::exit(exit::INTERRUPTED.into());
                    }
                }
            })?;
        Ok(interrupt)
    }

    /// Wishes the run to stop; once more, and it stops at once.
    pub fn raise(&self) {
        if self.times.fetch_add(1, Ordering::AcqRel) == 0 {
            // An empty pipe takes a byte.
            (&self.writer).write_all(&[1]).ok();
        }
    }

    /// How urgent it is now.
    pub fn urgency(&self) -> Urgency {
        match self.times.load(Ordering::Acquire) {
            0 => Urgency::GoOn,
            1 => Urgency::Stop,
            _ => Urgency::Kill,
        }
    }

    /// Whether the run is to stop.
    pub fn is_raised(&self) -> bool {
        self.urgency() > Urgency::GoOn
    }

    /// Becomes readable with the first wish.
    pub(super) fn reader(&self) -> &PipeReader {
        &self.reader
    }
}

/// Whether a signal is ignored by this process, as far as `/proc` tells.
fn is_ignored(signal: i32) -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
