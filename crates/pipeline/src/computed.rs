//! How long each stage above another one took, for a stage whose pipeline asks for `records`.
//!
//! Owns finding a result's own entry among the records of runs. A result that another machine computed, or whose logs are gone,
//! has none. What is found becomes part of the provenance and with it of the key: a stage that is told other times is another one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cinescore_artifact::Digest;
use cinescore_artifact::task::Computed;

use crate::project::Project;
use crate::run::RunRecord;
use crate::runs::Runs;

/// The records of runs, each read once.
pub(crate) struct Records {
    runs: Runs,
    read: RefCell<BTreeMap<String, Option<RunRecord>>>,
}

impl Records {
    pub(crate) fn of(project: &Project) -> Self {
        Self {
            runs: Runs::of(&project.artifacts),
            read: RefCell::default(),
        }
    }

    /// How the run `id` computed the result with this key.
    pub(crate) fn computed(&self, id: &str, fingerprint: Digest) -> Option<Computed> {
        let mut read = self.read.borrow_mut();
        let record = read
            .entry(id.to_owned())
            .or_insert_with(|| self.runs.read(id).ok());
        let run = record.as_ref()?;
        let is_own = |stage: &&crate::run::StageRun| {
            stage.fingerprint == Some(fingerprint) && stage.is_computed()
        };
        // The last of several tries is the one that ended well.
        let stage = run.stages.iter().rev().find(is_own)?;
        Some(Computed {
            run: run.id.clone(),
            started: run.started.clone(),
            host: run.host.clone(),
            commit: run.commit.clone(),
            dirty: run.dirty,
            wall_secs: stage.wall_secs,
            cpu_secs: stage.cpu_secs,
            peak_memory_bytes: stage.peak_memory_bytes,
            threads: stage.threads as u64,
            performance: stage.performance.clone(),
        })
    }
}
