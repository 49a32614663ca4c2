//! `cinescore emit`: the stale part of a pipeline as files for HyperQueue or Kubernetes.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::emission::{self, Kubernetes, Target};
use cinescore_pipeline::executor::Choice;
use cinescore_pipeline::run::Selection;

use crate::amounts;
use crate::arguments::{EmitArguments, ProjectArguments, TargetName};
use crate::display;
use crate::verbs::run::quoted;

pub(crate) fn emit(given: &ProjectArguments, arguments: &EmitArguments) -> Result<u8, StageError> {
    let target = target(arguments)?;
    let file = given.file()?;
    let mut project = given.open_store()?;
    // What this machine has says nothing about the nodes.
    project.executor = given.executor.unwrap_or(Choice::Elsewhere);
    let graph = project.pipeline(&file, &given.set)?;
    if let Target::Kubernetes(cluster) = &target
        && !project.artifacts.starts_with(&cluster.mount)
    {
        let message = format!(
            "the artifacts lie in `{}`, which is not below `{}`: pods would not see them",
            project.artifacts.display(),
            cluster.mount.display()
        );
        return Err(StageError::usage(message)
            .hint("mount the file system on which they lie where it is mounted here (--mount)"));
    }
    let selection = Selection {
        stages: arguments.stages.clone(),
        ..Selection::default()
    };
    let emitted = emission::emit(&project, &graph, &selection, &target)?;
    project.close()?;
    for left_out in &emitted.left_out {
        display::say(&format!("{}: left out, {}", left_out.stage, left_out.why));
    }
    for remark in &emitted.remarks {
        display::say(&format!("warning: {remark}"));
    }
    let Some(first) = emitted.files.first() else {
        display::say(&format!("{}: there is nothing to emit", graph.name));
        return Ok(exit::DONE);
    };
    for file in &emitted.files {
        display::row(&file.display().to_string());
    }
    let first = quoted(&first.display().to_string());
    let submit = match target {
        Target::HyperQueue => format!("hq job submit-file {first}"),
        Target::Kubernetes(_) => format!("sh {first}"),
    };
    let tasks = amounts::counted(emitted.stages.len(), "task");
    let take = match emitted.elsewhere {
        true => "cinescore run --executor elsewhere",
        false => "cinescore run",
    };
    display::say(&format!(
        "{}: {tasks}; submit with `{submit}`, and take the results, when the jobs have ended, with `{take}`",
        graph.name
    ));
    Ok(exit::DONE)
}

fn target(arguments: &EmitArguments) -> Result<Target, StageError> {
    let (image, claim, mount) = match (arguments.target, arguments) {
        (TargetName::Hq, _) => return Ok(Target::HyperQueue),
        (
            TargetName::K8s,
            EmitArguments {
                image: Some(image),
                claim: Some(claim),
                mount: Some(mount),
                ..
            },
        ) => (image, claim, mount),
        (TargetName::K8s, _) => {
            return Err(StageError::usage(
                "Kubernetes must be told --image, --claim and --mount",
            ));
        }
    };
    if !mount.is_absolute() {
        let message = format!("`{}` must be a whole path, from `/`", mount.display());
        return Err(StageError::usage(message));
    }
    Ok(Target::Kubernetes(Kubernetes {
        image: image.clone(),
        claim: claim.clone(),
        mount: mount.clone(),
        at_once: arguments.at_once,
    }))
}
