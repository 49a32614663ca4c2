//! `cinescore predict`: the program `cinescore-predict` with the same arguments.
//!
//! This process becomes that program, so that stdin, stdout, stderr and signals are its own.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use cinescore_artifact::StageError;
use cinescore_pipeline::Project;

use crate::arguments::{PredictArguments, ProjectArguments};

/// Whether LibTorch's threads wait for work asleep, or awake, which on a machine that does other things costs more than it
/// gains. It is read when the library is loaded, before the program itself begins.
const WAIT_POLICY: &str = "OMP_WAIT_POLICY";
/// The program's short name.
const PROGRAM: &str = "predict";

pub(crate) fn predict(
    project: &ProjectArguments,
    arguments: &PredictArguments,
) -> Result<u8, StageError> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(&own);
    let programs = Project::open(&project.artifacts, folder)?.programs;
    let Some(program) = programs.find(PROGRAM) else {
        let message = format!(
            "there is no program `cinescore-{PROGRAM}` in `{}` nor on PATH",
            folder.display()
        );
        return Err(StageError::usage(message).hint("build it with `make build`"));
    };
    let mut command = Command::new(&program);
    if std::env::var_os(WAIT_POLICY).is_none() {
        command.env(WAIT_POLICY, "PASSIVE");
    }
    let failed = command.args(&arguments.arguments).exec();
    Err(StageError::machine(format!(
        "cannot start `{}`: {failed}",
        program.display()
    )))
}
