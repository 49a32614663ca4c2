//! What is left of a program that ended.

use std::process::Output;

/// A program's exit code and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code.
    ///
    /// # Panics
    /// With everything that the program said, if the code is another.
    #[track_caller]
    pub fn with_code(self, code: u8) -> Self {
        assert_eq!(
            self.code,
            Some(i32::from(code)),
            "it said:\n{}{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that a text stands in its standard error.
    ///
    /// # Panics
    /// With everything that the program said, if it does not.
    #[track_caller]
    pub fn saying(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no `{text}` in what it said:\n{}",
            self.stderr
        );
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
