//! `cinescore run`: brings stages up to date, shows how it goes, and ends with the figures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cinescore_artifact::store::{Pushed, Record};
use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::graph::Graph;
use cinescore_pipeline::lock::{LockFile, lock_path};
use cinescore_pipeline::plan;
use cinescore_pipeline::run::{self, Interrupt, Options, Selection};
use cinescore_pipeline::{PipelineError, Project, view};

use crate::amounts;
use crate::arguments::{ProjectArguments, RunArguments};
use crate::display::{self, Screen};
use crate::verbs::{self, lock::Check};

/// The metrics of more stages are not printed.
const FEW_STAGES: usize = 3;

pub(crate) fn run(project: &ProjectArguments, arguments: &RunArguments) -> Result<u8, StageError> {
    let began = Instant::now();
    let lock_file = lock_path(&project.file()?);
    let (project, graph) = project.open_to_run(arguments.push)?;
    let locked = match arguments.locked {
        true => Some(LockFile::load(&lock_file)?),
        false => None,
    };
    if let Some(locked) = &locked
        && let Some(check) = Check::before(&project, &graph, &lock_file, locked)?
    {
        return check.tell(arguments.json);
    }
    // A second signal ends the runner at once; the store stays whole in any case.
    let interrupt = Interrupt::on_signals()?;
    let selection = Selection {
        stages: match &arguments.program {
            Some(program) => graph.stages_of(program)?,
            None => arguments.stages.clone(),
        },
        only: arguments.only,
        from: arguments.from.clone(),
        downstream: arguments.downstream.clone(),
        force: arguments.force,
    };
    let options = Options {
        jobs: arguments.jobs,
        keep_going: arguments.keep_going,
        grace: Duration::from_secs(arguments.grace),
    };
    let screen = Screen::new(&graph);
    let outcome = run::run(&project, &graph, &selection, &options, &interrupt, &screen);
    screen.close();
    if arguments.push
        && let Ok(outcome) = &outcome
    {
        push(&project, &outcome.results)?;
    }
    // Digests that were computed are worth keeping however the run ended.
    project.close()?;
    let outcome = outcome.map_err(|error| match error {
        PipelineError::Interrupted => StageError::from(error).hint(how_to_go_on()),
        error => error.into(),
    })?;
    show_figures(&outcome.results);
    for (stage, record) in &outcome.results {
        show_pages(&project, &graph, stage, record);
    }
    let computed = match outcome.executed.len() {
        0 => "nothing was computed".to_owned(),
        1 => "1 stage was computed".to_owned(),
        count => format!("{count} stages were computed"),
    };
    let secs = began.elapsed().as_secs_f64();
    display::say(&format!("{}: {computed}, {secs:.2} s", graph.name));
    if let Some(logs) = outcome.logs {
        display::say(&format!("logs: {}", ProjectArguments::shown(&logs)));
    }
    if arguments.lock {
        let planned = plan::plan(&project, &graph)?;
        verbs::lock::write(&graph, &planned, &lock_file)?;
    }
    if let Some(locked) = &locked {
        let planned = plan::plan(&project, &graph)?;
        let is_selected = |name: &str| outcome.results.iter().any(|(stage, _)| stage == name);
        let differences = locked.differences(&graph, &planned, &is_selected);
        return Check::new(&graph, &lock_file, locked, &planned, differences).tell(arguments.json);
    }
    Ok(exit::DONE)
}

/// The command that goes on where this one was stopped: the same without `--force`, which would make
/// again what is finished.
pub(crate) fn how_to_go_on() -> String {
    let arguments = std::env::args_os().filter(|argument| argument != "--force");
    let quoted: Vec<String> = arguments
        .map(|argument| quoted(&argument.to_string_lossy()))
        .collect();
    format!("go on with `{}`", quoted.join(" "))
}

/// An argument as a shell reads it.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-=+.,/:@%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

/// Copies results into the second store.
fn push(project: &Project, results: &[(String, Arc<Record>)]) -> Result<(), StageError> {
    let mut pushed = Pushed::default();
    for (_, record) in results {
        let one = project.store.push(record, &project.memo);
        let one = one.map_err(PipelineError::from)?;
        pushed.records += one.records;
        pushed.objects += one.objects;
        pushed.bytes += one.bytes;
    }
    for note in project.store.take_notes() {
        display::say(&format!("warning: {note}"));
    }
    display::say(&format!(
        "pushed: {}, {}, {}",
        amounts::counted(pushed.records, "result"),
        amounts::counted(pushed.objects, "object"),
        amounts::bytes(pushed.bytes)
    ));
    Ok(())
}

/// The figures of the stages, where they are few enough to be read.
fn show_figures(results: &[(String, Arc<Record>)]) {
    let have = |(_, record): &&(String, Arc<Record>)| !record.result.metrics.is_empty();
    let count = results.iter().filter(have).count();
    if count > FEW_STAGES {
        display::say(&format!(
            "{count} stages have metrics: `stage.json` beside the outputs of each has them, and so has a report"
        ));
        return;
    }
    for (stage, record) in results {
        for line in display::figures::lines(stage, &record.result.metrics) {
            display::say(&line);
        }
    }
}

/// The pages that a stage made.
fn show_pages(project: &Project, graph: &Graph, stage: &str, record: &Record) {
    for object in record.outputs.values() {
        let page = view::folder(project, graph, stage)
            .join(&object.file_name)
            .join("index.html");
        if page.is_file() {
            display::say(&format!("{stage}: {}", ProjectArguments::shown(&page)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quoted("vars.data=../shared"), "vars.data=../shared");
        assert_eq!(quoted("net[seed=7]"), "'net[seed=7]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
