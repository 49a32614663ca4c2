//! `cinescore run`: brings stages up to date, shows how it goes, and ends with the figures.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use cinescore_artifact::store::{Pushed, Record};
use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::graph::Graph;
use cinescore_pipeline::run::{self, Selection};
use cinescore_pipeline::{PipelineError, Project, view};

use crate::amounts;
use crate::arguments::{ProjectArguments, RunArguments};
use crate::display::{self, Screen};

pub(crate) fn run(project: &ProjectArguments, arguments: &RunArguments) -> Result<u8, StageError> {
    let began = Instant::now();
    let (project, graph) = project.open_to_run(arguments.push)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal ends the runner at once; the store stays whole in any case.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            exit::INTERRUPTED.into(),
            Arc::clone(&interrupted),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let selection = Selection {
        stages: arguments.stages.clone(),
        only: arguments.only,
        from: arguments.from.clone(),
        force: arguments.force,
    };
    let screen = Screen::new(&graph);
    let outcome = run::run(&project, &graph, &selection, &interrupted, &screen);
    screen.close();
    if arguments.push
        && let Ok(outcome) = &outcome
    {
        push(&project, &outcome.results)?;
    }
    // Digests that were computed are worth keeping however the run ended.
    project.close()?;
    let outcome = outcome?;
    for (stage, record) in &outcome.results {
        results(&project, &graph, stage, record);
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
    Ok(exit::DONE)
}

/// Copies results into the second store.
fn push(project: &Project, results: &[(String, Record)]) -> Result<(), StageError> {
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
        "pushed: {} results, {} objects, {}",
        pushed.records,
        pushed.objects,
        amounts::bytes(pushed.bytes)
    ));
    Ok(())
}

/// The figures of a stage, and the pages it made.
fn results(project: &Project, graph: &Graph, stage: &str, record: &Record) {
    for (name, value) in &record.result.metrics {
        display::say(&format!("{stage}: {name} {value:.4}"));
    }
    for object in record.outputs.values() {
        let page = view::folder(project, graph, stage)
            .join(&object.file_name)
            .join("index.html");
        if page.is_file() {
            display::say(&format!("{stage}: {}", ProjectArguments::shown(&page)));
        }
    }
}
