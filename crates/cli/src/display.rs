//! What people see: rows on stdout, prose and progress on stderr.

mod screen;
mod table;

use std::io::Write as _;

use cinescore_artifact::StageError;
use cinescore_pipeline::plan::State;

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
