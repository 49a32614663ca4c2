//! The record of the run that goes on, shared by the threads that run stages.
//!
//! Owns when a record begins and ends. Does not own what it holds (`record`).

use std::sync::{Mutex, PoisonError};

use super::record::{RunRecord, StageRun};
use super::scheduler::Done;
use crate::error::PipelineError;
use crate::graph::Graph;
use crate::plan::logs_folder;
use crate::project::Project;

pub(super) struct Book<'a> {
    project: &'a Project,
    graph: &'a Graph,
    /// Begun with the first program that is started: a run that computes nothing leaves no trace.
    open: Mutex<Option<RunRecord>>,
}

impl<'a> Book<'a> {
    pub(super) fn new(project: &'a Project, graph: &'a Graph) -> Self {
        Self {
            project,
            graph,
            open: Mutex::new(None),
        }
    }

    /// Begins the record where that is still to be done. Returns the run's id.
    pub(super) fn begin(&self) -> Result<String, PipelineError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_ref() {
            return Ok(open.id.clone());
        }
        let record = RunRecord::begin(&self.graph.name);
        let logs = logs_folder(self.project, &record.id);
        fs_err::create_dir_all(&logs).map_err(PipelineError::io("make", &logs))?;
        record.write(self.project)?;
        let id = record.id.clone();
        *open = Some(record);
        Ok(id)
    }

    /// Puts a program that ended on the record.
    pub(super) fn note(&self, stage: StageRun) -> Result<(), PipelineError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.as_mut() {
            Some(record) => record.note(self.project, stage),
            None => Ok(()),
        }
    }

    /// Ends the record, also that of a run that failed. Returns the run's id, if a program was started.
    pub(super) fn finish(&self, done: &Done) -> Result<Option<String>, PipelineError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = open.as_mut() else {
            return Ok(None);
        };
        record.end(
            self.project,
            self.graph,
            &done.states,
            &done.known,
            done.error.as_ref(),
        )?;
        Ok(Some(record.id.clone()))
    }
}
