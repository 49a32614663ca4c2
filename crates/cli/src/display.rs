//! What people see: rows on stdout, prose and progress on stderr.

pub(crate) mod figures;
mod screen;
mod table;
mod terminal;

use std::io::Write as _;

use cinescore_artifact::StageError;
use cinescore_pipeline::plan::State;

pub(crate) use cinescore_artifact::words::thousands;
pub(crate) use screen::Screen;

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

/// The first of some names, and how many more there are: a matrix has hundreds.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 3;
    match names.len().checked_sub(SHOWN + 1) {
        None => names.join(", "),
        Some(more) => format!("{} and {} more", names[..SHOWN].join(", "), more + 1),
    }
}

/// A state with its reason.
pub(crate) fn state(state: &State) -> String {
    let reason = match state {
        State::Fresh => String::new(),
        State::Restore => "the store has its result".into(),
        State::Run { reasons } => reasons.join("; "),
        State::Waits { on } => format!("for {}", few(on)),
    };
    format!("{:<8}  {reason}", state_word(state))
        .trim_end()
        .to_owned()
}
