//! Running a pipeline: stage after stage, each only if its result is not in the store.
//!
//! Owns the order and the selection of stages and what is kept of each. Does not own child processes
//! (`child`) or what a run record holds (`record`).

mod child;
mod execute;
pub(crate) mod record;
mod selection;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cinescore_artifact::store::{LockHolder, Record};
use cinescore_artifact::task::Event;

use crate::error::PipelineError;
use crate::graph::{Graph, Stage};
use crate::plan::{self, Known, State};
use crate::project::Project;
use crate::view;

pub use record::{How, RunRecord, StageRun};
pub use selection::Selection;

/// What a run tells while it goes on.
pub trait Observer: Sync {
    /// A stage's state is known.
    fn assessed(&self, stage: &Stage, state: &State);
    /// Something that a person should look at.
    fn warning(&self, stage: &Stage, message: &str);
    /// Another process is making this result; this one waits.
    fn waiting(&self, stage: &Stage, holder: Option<&LockHolder>);
    /// A stage's program was started.
    fn started(&self, stage: &Stage);
    /// A stage's program says something.
    fn event(&self, stage: &Stage, event: &Event);
    /// A stage's program is done and its outputs are in the store.
    fn finished(&self, stage: &Stage, record: &Record, wall: Duration);
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    /// The results of the selected stages, in order.
    pub results: Vec<(String, Record)>,
    /// The stages whose programs ran.
    pub executed: Vec<String>,
    /// The run's id and logs, if a program ran.
    pub logs: Option<PathBuf>,
}

/// Runs what is selected of a pipeline.
pub fn run(
    project: &Project,
    graph: &Graph,
    selection: &Selection,
    interrupted: &Arc<AtomicBool>,
    observer: &dyn Observer,
) -> Result<Outcome, PipelineError> {
    let selected = selection.resolve(graph)?;
    let wanted: BTreeSet<String> = selected.iter().flat_map(|name| graph.above(name)).collect();
    let mut runner = Runner {
        project,
        graph,
        interrupted,
        observer,
        known: Known::new(),
        run_record: None,
        states: BTreeMap::new(),
        executed: Vec::new(),
    };
    let mut results = Vec::new();
    for stage in graph
        .stages
        .iter()
        .filter(|stage| wanted.contains(&stage.name))
    {
        if interrupted.load(Ordering::Relaxed) {
            return Err(runner.stop(PipelineError::Interrupted));
        }
        let is_selected = selected.contains(&stage.name);
        match runner.stage(stage, is_selected, selection.force && is_selected) {
            Ok(record) if is_selected => results.push((stage.name.clone(), record)),
            Ok(_) => {}
            Err(error) => return Err(runner.stop(error)),
        }
    }
    runner.keep_record(None)?;
    let logs = runner
        .run_record
        .as_ref()
        .map(|record| plan::logs_folder(project, &record.id));
    Ok(Outcome {
        results,
        executed: runner.executed,
        logs,
    })
}

struct Runner<'a> {
    project: &'a Project,
    graph: &'a Graph,
    interrupted: &'a Arc<AtomicBool>,
    observer: &'a dyn Observer,
    known: Known,
    /// Begun with the first program that is started: a run that computes nothing leaves no trace.
    run_record: Option<RunRecord>,
    /// Why each stage that was looked at ran or did not, for the record.
    states: BTreeMap<String, State>,
    executed: Vec<String>,
}

impl Runner<'_> {
    /// Brings one stage's result into the store and on view.
    fn stage(
        &mut self,
        stage: &Stage,
        may_run: bool,
        force: bool,
    ) -> Result<Record, PipelineError> {
        let assess = if force {
            plan::assess_thawed
        } else {
            plan::assess
        };
        let assessment = assess(self.project, self.graph, stage, &self.known)?;
        for warning in &assessment.warnings {
            self.observer.warning(stage, warning);
        }
        let key = assessment.key.ok_or_else(|| PipelineError::Protocol {
            stage: stage.name.clone(),
            how: "its inputs are unknown although everything above has run".into(),
        })?;
        let state = match assessment.state {
            State::Fresh | State::Restore if force => State::Run {
                reasons: vec!["--force".into()],
            },
            state => state,
        };
        self.observer.assessed(stage, &state);
        self.states.insert(stage.name.clone(), state.clone());
        let record = match (&state, assessment.record) {
            (State::Fresh | State::Restore, Some(record)) => record,
            _ if may_run => self.execute(stage, &key, force)?,
            _ => {
                return Err(PipelineError::UpstreamStale {
                    stage: self.first_selected_below(stage),
                    upstream: stage.name.clone(),
                });
            }
        };
        if state != State::Fresh && may_run {
            view::show(self.project, self.graph, stage, &record)?;
        }
        self.known.insert(stage.name.clone(), (key, record.clone()));
        Ok(record)
    }

    /// The stage for whose sake another one was looked at.
    fn first_selected_below(&self, stage: &Stage) -> String {
        self.graph
            .below(&stage.name)
            .into_iter()
            .nth(1)
            .unwrap_or_else(|| stage.name.clone())
    }

    /// Ends the run early; its record is kept as far as possible, and the first error is the one told.
    fn stop(&mut self, error: PipelineError) -> PipelineError {
        self.keep_record(Some(&error)).ok();
        error
    }

    fn keep_record(&mut self, error: Option<&PipelineError>) -> Result<(), PipelineError> {
        match &mut self.run_record {
            Some(record) => record.end(self.project, self.graph, &self.states, &self.known, error),
            None => Ok(()),
        }
    }
}
