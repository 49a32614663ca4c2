//! Data on stdout.

use std::io::{self, Write as _};

use cinescore_artifact::StageError;

/// Prints a text and a line end. A reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) -> Result<(), StageError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
