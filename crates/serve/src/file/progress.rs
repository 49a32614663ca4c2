//! How far a file is, for people; nothing where stderr is no terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::rows::Chunk;

/// A line on a terminal.
pub struct FileProgress {
    bar: ProgressBar,
    rows: AtomicU64,
    /// Who hears of it else.
    tell: Option<Tell>,
}

/// Is told how many rows are rated.
type Tell = Box<dyn Fn(u64) + Send + Sync>;

impl FileProgress {
    /// A line that shows itself where stderr is a terminal.
    pub fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            rows: AtomicU64::new(0),
            tell: None,
        }
    }

    /// Nothing for people; `tell` hears how many rows are rated.
    pub fn told(tell: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            rows: AtomicU64::new(0),
            tell: Some(Box::new(tell)),
        }
    }

    /// The work begins at a place of the input, which is so large.
    pub(super) fn begin(&self, place: u64, size: u64) {
        let style = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}, {eta} left");
        self.bar
            .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_length(size.max(1));
        self.bar.set_position(place);
        // What was done before says nothing of how fast it is now.
        self.bar.reset_eta();
    }

    /// So many rows of a chunk are rated.
    pub(super) fn rated(&self, chunk: &Chunk, rated: usize, of: usize) {
        let span = chunk.places.end - chunk.places.start;
        let part = rated as f64 / of.max(1) as f64;
        self.bar
            .set_position(chunk.places.start + (span as f64 * part) as u64);
        let all = self.rows.load(Ordering::Relaxed) + rated as u64;
        if let Some(tell) = &self.tell {
            tell(all);
        }
        let per_second = all as f64 / self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar
            .set_message(format!("{all} rated, {per_second:.0} a second"));
        if rated == of {
            self.rows.store(all, Ordering::Relaxed);
        }
    }

    /// The parts become the output.
    pub(super) fn join(&self) {
        self.bar.set_message("writing the output");
    }

    /// It is done.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Says something to people, above the line.
    pub fn say(&self, text: &str) {
        self.bar
            .suspend(|| writeln!(std::io::stderr(), "{text}").ok());
    }
}

impl Default for FileProgress {
    fn default() -> Self {
        Self::new()
    }
}
