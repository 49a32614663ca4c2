//! The live table of a run on a terminal: a line for the whole and one for each running stage.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;

/// How often times move.
const TICK: Duration = Duration::from_millis(200);
/// How often it is drawn at most.
const REFRESH_HZ: u8 = 20;

pub(super) struct Table {
    width: usize,
    all: MultiProgress,
    head: ProgressBar,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    running: BTreeMap<String, Row>,
    stages: usize,
    done: usize,
}

struct Row {
    bar: ProgressBar,
    memory: String,
    message: String,
}

impl Table {
    /// A table for stages whose names are at most so wide; none where nobody looks at stderr.
    pub(super) fn new(width: usize) -> Option<Self> {
        let terminal = Term::buffered_stderr();
        if !terminal.features().is_attended() {
            return None;
        }
        let target =
            ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::new(terminal)), REFRESH_HZ);
        let all = MultiProgress::with_draw_target(target);
        let head = all.add(ProgressBar::new_spinner());
        head.set_style(style("{spinner} {msg}  {elapsed}"));
        Some(Self {
            width,
            all,
            head,
            rows: Mutex::default(),
        })
    }

    pub(super) fn begin(&self, stages: usize) {
        self.change(|rows| rows.stages = stages);
    }

    /// A stage was looked at; one that need not run is done.
    pub(super) fn assessed(&self, must_run: bool) {
        self.change(|rows| rows.done += usize::from(!must_run));
    }

    /// A stage runs.
    pub(super) fn add(&self, stage: &str) {
        self.change(|rows| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("{prefix}  {spinner}  {elapsed:>4}  {wide_msg}     "));
            bar.set_prefix(format!("{stage:<width$}", width = self.width));
            bar.enable_steady_tick(TICK);
            let row = Row {
                bar,
                memory: String::new(),
                message: "runs".into(),
            };
            row.show();
            rows.running.insert(stage.into(), row);
        });
        self.head.enable_steady_tick(TICK);
    }

    pub(super) fn progress(&self, stage: &str, done: u64, total: Option<u64>, message: &str) {
        self.row(stage, |row| {
            if let Some(total) = total {
                row.bar.set_style(style(
                    "{prefix}  {bar:20} {percent:>3} %  {elapsed:>4}  {wide_msg}     ",
                ));
                row.bar.set_length(total);
                row.bar.set_position(done);
            }
            row.message = message.to_owned();
        });
    }

    pub(super) fn memory(&self, stage: &str, bytes: u64) {
        self.row(stage, |row| {
            row.memory = format!("{:.0} MB  ", bytes as f64 / 1e6);
        });
    }

    /// A stage runs no more.
    pub(super) fn remove(&self, stage: &str, is_done: bool) {
        self.change(|rows| {
            rows.done += usize::from(is_done);
            if let Some(row) = rows.running.remove(stage) {
                row.bar.finish_and_clear();
                self.all.remove(&row.bar);
            }
        });
    }

    /// Prints above the table.
    pub(super) fn above(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    /// Takes the table away, with the rows of stages that were stopped.
    pub(super) fn close(&self) {
        if let Ok(mut rows) = self.rows.lock() {
            for row in std::mem::take(&mut rows.running).into_values() {
                row.bar.finish_and_clear();
            }
        }
        self.head.finish_and_clear();
        self.all.clear().ok();
    }

    fn row(&self, stage: &str, change: impl FnOnce(&mut Row)) {
        if let Ok(mut rows) = self.rows.lock()
            && let Some(row) = rows.running.get_mut(stage)
        {
            change(row);
            row.show();
        }
    }

    fn change(&self, change: impl FnOnce(&mut Rows)) {
        let Ok(mut rows) = self.rows.lock() else {
            return;
        };
        change(&mut rows);
        let (done, running) = (rows.done, rows.running.len());
        let left = rows.stages.saturating_sub(done + running);
        self.head.set_message(format!(
            "{done} of {} done, {running} running, {left} to go",
            rows.stages
        ));
    }
}

impl Row {
    fn show(&self) {
        self.bar
            .set_message(format!("{}{}", self.memory, self.message));
    }
}

/// A template that stands in this file; a wrong one would be the plain style. Those that fill a line end with
/// room for `^C` (see `terminal`).
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
