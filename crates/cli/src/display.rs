//! What people see: rows on stdout, prose and progress on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cinescore_artifact::StageError;
use cinescore_artifact::pace::Pace;
use cinescore_artifact::store::{LockHolder, Record};
use cinescore_artifact::task::Event;
use cinescore_pipeline::graph::{Graph, Stage};
use cinescore_pipeline::plan::State;
use cinescore_pipeline::run::Observer;
use indicatif::{ProgressBar, ProgressStyle};

/// Where no terminal shows a bar, a line of progress is printed at most this often.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Prints a row of data. A reader that went away is no error.
pub(crate) fn row(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Prints JSON data.
pub(crate) fn data(value: &serde_json::Value) -> Result<(), StageError> {
    row(&serde_json::to_string_pretty(value).map_err(StageError::failed)?);
    Ok(())
}

/// Prints prose.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// The width of the widest name.
pub(crate) fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(str::len).max().unwrap_or(0)
}

/// A number with a thin separator every three digits.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time, as short as makes sense.
pub(crate) fn secs(secs: f64) -> String {
    match secs {
        secs if secs < 0.05 => "< 0.1 s".into(),
        secs if secs < 9.95 => format!("{secs:.1} s"),
        secs if secs < 99.5 => format!("{secs:.0} s"),
        secs if secs < 99.5 * 60.0 => format!("{:.0} min", secs / 60.0),
        secs if secs < 48.0 * 3600.0 => format!("{:.1} h", secs / 3600.0),
        secs => format!("{:.0} days", secs / 86_400.0),
    }
}

/// An amount of bytes in decimal units.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if amount < 999.5 {
            let digits = usize::from(amount < 9.95 && unit != "B");
            return format!("{amount:.digits$} {unit}");
        }
        amount /= 1000.0;
    }
    format!("{amount:.1} TB")
}

/// A moment of RFC 3339 without its fractions, `2026-11-21 09:44:11 UTC`.
pub(crate) fn moment(text: &str) -> String {
    let Some((date, time)) = text.split_once('T') else {
        return text.to_owned();
    };
    let time: String = time.chars().take(8).collect();
    format!("{date} {time} UTC")
}

/// A state in one word.
pub(crate) fn state_word(state: &State) -> &'static str {
    match state {
        State::Fresh => "fresh",
        State::Restore => "restore",
        State::Run { .. } => "run",
        State::Waits { .. } => "waits",
    }
}

/// A state with its reason.
pub(crate) fn state(state: &State) -> String {
    let reason = match state {
        State::Fresh => String::new(),
        State::Restore => "the store has its result".into(),
        State::Run { reasons } => reasons.join("; "),
        State::Waits { on } => format!("for {}", on.join(", ")),
    };
    format!("{:<8}  {reason}", state_word(state))
        .trim_end()
        .to_owned()
}

/// A run as it goes on: a bar on a terminal, plain lines elsewhere.
pub(crate) struct Screen {
    width: usize,
    bar: Option<ProgressBar>,
    shown: Mutex<Shown>,
}

/// What the running stage last counted.
struct Shown {
    line: Option<Instant>,
    pace: Pace,
}

impl Screen {
    pub(crate) fn new(graph: &Graph) -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        let width = width(graph.stages.iter().map(|stage| stage.name.as_str()));
        Self {
            width,
            bar,
            shown: Mutex::new(Shown {
                line: None,
                pace: Pace::default(),
            }),
        }
    }

    pub(crate) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, stage: &Stage, text: &str) {
        let line = format!("{:<width$}  {text}", stage.name, width = self.width);
        match &self.bar {
            Some(bar) => bar.suspend(|| say(&line)),
            None => say(&line),
        }
    }

    fn progress(&self, stage: &Stage, done: u64, total: Option<u64>, unit: &str, message: &str) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        let now = Instant::now();
        let speed = shown.pace.speed(done, total, unit).shown(unit);
        match &self.bar {
            Some(bar) => {
                let template = if total.is_some() {
                    "{prefix}  {bar:28} {percent:>3} %  {msg}"
                } else {
                    "{prefix}  {spinner}  {msg}"
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_prefix(format!("{:<width$}", stage.name, width = self.width));
                bar.set_length(total.unwrap_or(0));
                bar.set_position(done);
                bar.set_message(format!("{speed}  {message}"));
            }
            None if shown.line.is_none_or(|before| now - before > LINE_EVERY) => {
                shown.line = Some(now);
                let share = total.map_or(thousands(done), |total| {
                    format!("{:.0} %", 100.0 * done as f64 / total.max(1) as f64)
                });
                self.line(stage, &format!("{share}  {speed}  {message}"));
            }
            None => {}
        }
    }
}

impl Observer for Screen {
    fn assessed(&self, stage: &Stage, state: &State) {
        self.line(stage, &self::state(state));
    }

    fn warning(&self, stage: &Stage, message: &str) {
        self.line(stage, &format!("warning: {message}"));
    }

    fn waiting(&self, stage: &Stage, holder: Option<&LockHolder>) {
        let holder = holder.map_or_else(
            || "another process".to_owned(),
            |holder| {
                format!(
                    "process {} (`{}`, since {})",
                    holder.pid, holder.command, holder.since
                )
            },
        );
        self.line(
            stage,
            &format!("waits for {holder}, which is making this result"),
        );
    }

    fn started(&self, stage: &Stage) {
        if let Ok(mut shown) = self.shown.lock() {
            *shown = Shown {
                line: Some(Instant::now()),
                pace: Pace::default(),
            };
        }
        if let Some(bar) = &self.bar {
            bar.enable_steady_tick(Duration::from_millis(120));
            bar.set_message(format!("{}  is running", stage.name));
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

    fn finished(&self, stage: &Stage, record: &Record, wall: Duration) {
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
}
