//! A run as it goes on: lines for what happened, and on a terminal a table of what happens now.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cinescore_artifact::pace::Pace;
use cinescore_artifact::store::{LockHolder, Record};
use cinescore_artifact::task::Event;
use cinescore_pipeline::PipelineError;
use cinescore_pipeline::graph::{Graph, Stage};
use cinescore_pipeline::plan::State;
use cinescore_pipeline::run::Observer;

use super::table::Table;
use super::{say, state, thousands, width};

/// Where no terminal shows a table, a line of progress is printed at most this often for each stage.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// What people see of a run.
pub(crate) struct Screen {
    width: usize,
    table: Option<Table>,
    running: Mutex<BTreeMap<String, Shown>>,
}

/// What a running stage last counted.
struct Shown {
    line: Instant,
    pace: Pace,
}

impl Screen {
    pub(crate) fn new(graph: &Graph) -> Self {
        let width = width(graph.stages.iter().map(|stage| stage.name.as_str()));
        Self {
            width,
            table: Table::new(width),
            running: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes the table away.
    pub(crate) fn close(&self) {
        if let Some(table) = &self.table {
            table.close();
        }
    }

    fn line(&self, stage: &Stage, text: &str) {
        let line = format!("{:<width$}  {text}", stage.name, width = self.width);
        match &self.table {
            Some(table) => table.above(|| say(&line)),
            None => say(&line),
        }
    }

    fn progress(&self, stage: &Stage, done: u64, total: Option<u64>, unit: &str, message: &str) {
        let Ok(mut running) = self.running.lock() else {
            return;
        };
        let Some(shown) = running.get_mut(&stage.name) else {
            return;
        };
        let speed = shown.pace.speed(done, total, unit).shown(unit);
        if let Some(table) = &self.table {
            table.progress(&stage.name, done, total, &format!("{speed}  {message}"));
        } else if shown.line.elapsed() > LINE_EVERY {
            shown.line = Instant::now();
            let share = total.map_or(thousands(done), |total| {
                format!("{:.0} %", 100.0 * done as f64 / total.max(1) as f64)
            });
            self.line(stage, &format!("{share}  {speed}  {message}"));
        }
    }

    /// A stage does not run any more.
    fn gone(&self, stage: &Stage, is_done: bool) {
        if let Ok(mut running) = self.running.lock() {
            running.remove(&stage.name);
        }
        if let Some(table) = &self.table {
            table.remove(&stage.name, is_done);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

impl Observer for Screen {
    fn begun(&self, stages: usize) {
        if let Some(table) = &self.table {
            table.begin(stages);
        }
    }

    fn assessed(&self, stage: &Stage, state: &State) {
        if let Some(table) = &self.table {
            table.assessed(matches!(state, State::Run { .. } | State::Waits { .. }));
        }
        self.line(stage, &self::state(state));
    }

    fn spared(&self, _stage: &Stage) {
        if let Some(table) = &self.table {
            table.assessed(false);
        }
    }

    fn warning(&self, stage: &Stage, message: &str) {
        self.line(stage, &format!("warning: {message}"));
    }

    fn waiting(&self, stage: &Stage, holder: Option<&LockHolder>) {
        let holder = holder.map_or_else(
            || "another process".to_owned(),
            |holder| {
                if holder.pid == std::process::id() {
                    return "another stage of this run".to_owned();
                }
                let host = if holder.host.is_empty() {
                    String::new()
                } else {
                    format!(" on {}", holder.host)
                };
                format!(
                    "process {}{host} (`{}`, since {})",
                    holder.pid, holder.command, holder.since
                )
            },
        );
        self.line(
            stage,
            &format!("waits for {holder}, which is making this result"),
        );
    }

    fn remark(&self, message: &str) {
        match &self.table {
            Some(table) => table.above(|| say(message)),
            None => say(message),
        }
    }

    fn started(&self, stage: &Stage, _attempt: u32) {
        if let Ok(mut running) = self.running.lock() {
            let shown = Shown {
                line: Instant::now(),
                pace: Pace::default(),
            };
            running.insert(stage.name.clone(), shown);
        }
        if let Some(table) = &self.table {
            table.add(&stage.name);
        }
    }

    fn event(&self, stage: &Stage, event: &Event) {
        match event {
            Event::Progress {
                done,
                total,
                unit,
                message,
            } => self.progress(stage, *done, *total, unit, message),
            Event::Step { message } => self.line(stage, message),
            Event::Warning { message } => self.warning(stage, message),
        }
    }

    fn wants_memory(&self) -> bool {
        self.table.is_some()
    }

    fn memory(&self, stage: &Stage, bytes: u64) {
        if let Some(table) = &self.table {
            table.memory(&stage.name, bytes);
        }
    }

    fn finished(&self, stage: &Stage, record: &Record, wall: Duration) {
        self.gone(stage, true);
        let result = &record.result;
        let rows: Vec<String> = result
            .rows_out
            .iter()
            .map(|(name, rows)| format!("{name} {}", thousands(*rows)))
            .collect();
        let refused = if result.rejected > 0 {
            format!(", refused {}", thousands(result.rejected))
        } else {
            String::new()
        };
        let rows = if rows.is_empty() {
            String::new()
        } else {
            format!("  {}", rows.join(", "))
        };
        self.line(
            stage,
            &format!("done      {:.1} s{rows}{refused}", wall.as_secs_f64()),
        );
    }

    fn retrying(&self, stage: &Stage, error: &PipelineError, attempt: u32, of: u32) {
        self.gone(stage, false);
        self.line(stage, &format!("retry     try {attempt} of {of}: {error}"));
    }

    fn failed(&self, stage: &Stage, error: &PipelineError, running: usize) {
        self.gone(stage, false);
        // Without others beside it, the run's own error says it next.
        if running > 0 {
            self.line(stage, &format!("failed    {error}"));
        }
    }
}
