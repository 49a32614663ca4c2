//! `cinescore compare`: the reports of two runs, side by side as a page. The page is made by `cinescore-report compare`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::Project;
use cinescore_pipeline::run::RunRecord;

use crate::arguments::{CompareArguments, ProjectArguments};
use crate::display;

/// The program that makes reports, and the kind of the stages that have one.
const PROGRAM: &str = "report";
const KIND: &str = "cinescore-report report";
/// The output that is a report.
const OUTPUT: &str = "report";

pub(crate) fn compare(
    given: &ProjectArguments,
    arguments: &CompareArguments,
) -> Result<u8, StageError> {
    let project = given.open_store()?;
    let pipeline = given.named();
    let find = |run: &str| given.runs().find(run, pipeline.as_deref());
    let (before, after) = (find(&arguments.before)?, find(&arguments.after)?);
    let Some(program) = project.programs.find(PROGRAM) else {
        let message = format!("there is no program `cinescore-{PROGRAM}`");
        return Err(StageError::usage(message).hint("build it with `make build`"));
    };
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => project
            .artifacts
            .join("compare")
            .join(format!("{}..{}", before.id, after.id)),
    };
    if arguments.out.is_none() && folder.exists() {
        // It is ours, and made again from what is there.
        fs_err::remove_dir_all(&folder)?;
    }
    let record = |run: &RunRecord| {
        project
            .artifacts
            .join("logs")
            .join(&run.id)
            .join("run.json")
    };
    let mut command = Command::new(&program);
    command
        .arg("compare")
        .args(["--before".as_ref(), report(&project, &before)?.as_os_str()])
        .args(["--after".as_ref(), report(&project, &after)?.as_os_str()])
        .args(["--runs".as_ref(), record(&before).as_os_str()])
        .args(["--runs".as_ref(), record(&after).as_os_str()])
        .args(["--before-name", &before.id, "--after-name", &after.id])
        .args(["--out".as_ref(), folder.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let done = command.output().map_err(|error| {
        StageError::machine(format!("cannot start `{}`: {error}", program.display()))
    })?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(StageError::failed(format!(
            "`{}` could not compare the reports: {said}",
            program.display()
        )));
    }
    display::row(&shown(&folder.join("comparison/index.html")));
    Ok(exit::DONE)
}

fn shown(path: &Path) -> String {
    ProjectArguments::shown(path)
}

/// Where the report of a run lies: an object of the store.
fn report(project: &Project, run: &RunRecord) -> Result<PathBuf, StageError> {
    let mut stages = run.stages.iter().rev();
    let found = stages.find_map(|stage| match stage.kind == KIND {
        true => stage.outputs.get(OUTPUT),
        false => None,
    });
    let Some(object) = found else {
        return Err(
            StageError::usage(format!("run `{}` made no report", run.id))
                .hint("compare its figures with `cinescore diff`"),
        );
    };
    let path = project.store.object_path(object.digest);
    if !path.is_dir() {
        return Err(StageError::usage(format!(
            "the report of run `{}` is no longer in the store",
            run.id
        ))
        .hint("run the pipeline again as it was, or compare the figures with `cinescore diff`"));
    }
    Ok(path)
}
