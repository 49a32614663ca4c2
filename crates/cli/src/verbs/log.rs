//! `cinescore log`: what a stage's program printed.

use std::io::Write as _;

use cinescore_artifact::{StageError, exit};

use crate::arguments::{LogArguments, ProjectArguments};
use crate::display;

pub(crate) fn log(project: &ProjectArguments, arguments: &LogArguments) -> Result<u8, StageError> {
    let runs = project.runs();
    let pipeline = project.named();
    let path = runs.log(
        &arguments.stage,
        arguments.run.as_deref(),
        pipeline.as_deref(),
    )?;
    if arguments.path {
        display::row(&ProjectArguments::shown(&path));
        return Ok(exit::DONE);
    }
    // On stderr, so that the log alone can be piped on.
    display::say(&format!("==> {} <==", ProjectArguments::shown(&path)));
    let mut file = fs_err::File::open(&path)?;
    let mut out = std::io::stdout().lock();
    match std::io::copy(&mut file, &mut out).and_then(|_| out.flush()) {
        // A reader that has seen enough is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(exit::DONE),
    }
}
