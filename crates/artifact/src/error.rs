//! The error that a stage ends with, and the one printer of errors.
//!
//! Owns the mapping from an error to its exit code and its text on stderr. Libraries keep their own
//! `thiserror` enums; a stage wraps them here at its boundary, once, where it knows whose fault it is.

use std::error::Error;
use std::fmt;
use std::io;

use crate::exit;

/// Whose fault an error is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The command line, a parameter or a configuration file.
    Usage,
    /// The input data.
    Input,
    /// The work itself.
    Failed,
    /// The disk, the permissions, the machine.
    Machine,
    /// SIGINT or SIGTERM.
    Interrupted,
}

impl ErrorClass {
    /// The exit code of this class (see [`crate::exit`]).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => exit::USAGE,
            Self::Input => exit::INPUT,
            Self::Failed => exit::FAILED,
            Self::Machine => exit::MACHINE,
            Self::Interrupted => exit::INTERRUPTED,
        }
    }
}

type Source = Box<dyn Error + Send + Sync>;

/// An error with its class and, where one is known, what to do about it.
#[derive(Debug)]
pub struct StageError {
    class: ErrorClass,
    source: Source,
    hint: Option<String>,
}

impl StageError {
    /// An error of the given class.
    pub fn new(class: ErrorClass, source: impl Into<Source>) -> Self {
        Self {
            class,
            source: source.into(),
            hint: None,
        }
    }

    /// The command line, a parameter or a configuration file is wrong.
    pub fn usage(source: impl Into<Source>) -> Self {
        Self::new(ErrorClass::Usage, source)
    }

    /// The input data is refused.
    pub fn input(source: impl Into<Source>) -> Self {
        Self::new(ErrorClass::Input, source)
    }

    /// The work itself failed.
    pub fn failed(source: impl Into<Source>) -> Self {
        Self::new(ErrorClass::Failed, source)
    }

    /// The store or the machine failed.
    pub fn machine(source: impl Into<Source>) -> Self {
        Self::new(ErrorClass::Machine, source)
    }

    /// SIGINT or SIGTERM was seen and the work stopped.
    pub fn interrupted() -> Self {
        Self::new(ErrorClass::Interrupted, "interrupted")
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whose fault it is.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The whole text: `error:`, a `caused by:` for each source, `hint:`.
    pub fn render(&self) -> String {
        let mut text = format!("error: {}", self.source);
        let mut said = self.source.to_string();
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let line = error.to_string();
            // Some libraries repeat their source's text in their own: say it once.
            if !said.ends_with(&line) {
                text.push_str(&format!("\ncaused by: {line}"));
            }
            said = line;
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\nhint: {hint}"));
        }
        text
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for StageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// An I/O error that nobody classified is the machine's.
impl From<io::Error> for StageError {
    fn from(error: io::Error) -> Self {
        let hint = machine_hint(&error);
        let mut error = Self::machine(error);
        error.hint = hint;
        error
    }
}

impl From<crate::table::TableError> for StageError {
    fn from(error: crate::table::TableError) -> Self {
        match error.io() {
            Some(kind) => {
                let hint = machine_hint(kind);
                let mut error = Self::machine(error);
                error.hint = hint;
                error
            }
            None => Self::input(error),
        }
    }
}

/// What a person can do about an I/O error of the machine.
pub fn machine_hint(error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
            "the disk is full: free some space and run again, nothing half-written was kept".into(),
        ),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            Some("check who may write there, or choose another folder".into())
        }
        _ => None,
    }
}

/// Prints an error on stderr; the one place where programs do. Where stderr is a file on a full disk, the
/// exit code still says it.
pub fn print(error: &StageError) {
    use std::io::Write as _;
    writeln!(io::stderr(), "{}", error.render()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `{path}`")]
    struct Outer {
        path: &'static str,
        source: io::Error,
    }

    #[test]
    fn a_chain_is_printed_once_with_its_hint() {
        let error = StageError::input(Outer {
            path: "a.parquet",
            source: io::Error::other("cut off"),
        })
        .hint("download it again");
        assert_eq!(
            error.render(),
            "error: cannot read `a.parquet`\ncaused by: cut off\nhint: download it again"
        );
        assert_eq!(error.class().exit_code(), 3);
    }
}
