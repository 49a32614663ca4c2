//! The record of the run that goes on, shared by the threads that run stages.
//!
//! Owns when a record begins and how often it is written. Does not own what it holds (`record`).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::record::{RunRecord, StageRun};
use crate::error::PipelineError;
use crate::graph::Graph;
use crate::plan::logs_folder;
use crate::project::Project;

/// Writing may take one part in so many of the time: the record of a thousand stages is not written a
/// thousand times.
const SHARE_OF_TIME: u32 = 20;

pub(super) struct Book<'a> {
    project: &'a Project,
    graph: &'a Graph,
    /// Begun with the first program that is started: a run that computes nothing leaves no trace.
    open: Mutex<Option<Open>>,
}

struct Open {
    record: RunRecord,
    written: Instant,
    cost: Duration,
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
            return Ok(open.record.id.clone());
        }
        let record = RunRecord::begin(&self.graph.name);
        let logs = logs_folder(self.project, &record.id);
        fs_err::create_dir_all(&logs).map_err(PipelineError::io("make", &logs))?;
        let id = record.id.clone();
        let mut begun = Open {
            record,
            written: Instant::now(),
            cost: Duration::ZERO,
        };
        self.write(&mut begun)?;
        *open = Some(begun);
        Ok(id)
    }

    /// Puts a program that ended on the record.
    pub(super) fn note(&self, stage: StageRun) -> Result<(), PipelineError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_mut() else {
            return Ok(());
        };
        open.record.stages.push(stage);
        if open.written.elapsed() < open.cost * SHARE_OF_TIME {
            return Ok(());
        }
        self.write(open)
    }

    /// Ends the record. Returns the run's id, if a program was started.
    pub(super) fn finish(&self) -> Result<Option<String>, PipelineError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_mut() else {
            return Ok(None);
        };
        let place = |name: &str| {
            self.graph
                .stages
                .iter()
                .position(|stage| stage.name == name)
        };
        // In the pipeline's order, not in that in which they happened to end. Tries of one stage stay
        // in theirs.
        open.record
            .stages
            .sort_by_cached_key(|stage| place(&stage.stage));
        open.record.finish();
        self.write(open)?;
        Ok(Some(open.record.id.clone()))
    }

    fn write(&self, open: &mut Open) -> Result<(), PipelineError> {
        let began = Instant::now();
        open.record.write(self.project)?;
        open.written = Instant::now();
        open.cost = began.elapsed();
        Ok(())
    }
}
