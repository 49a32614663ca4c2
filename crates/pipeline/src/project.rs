//! A working folder: where pipelines, artifacts and programs lie, and the open store.

use std::path::{Path, PathBuf};

use cinescore_artifact::store::{StatMemo, Store};

use crate::error::PipelineError;
use crate::executor::Choice;
use crate::file::{PipelineFile, Setting};
use crate::graph::Graph;
use crate::machine::Machine;
use crate::programs::Programs;

/// Everything that planning and running need.
#[derive(Debug)]
pub struct Project {
    /// `artifacts/`.
    pub artifacts: PathBuf,
    /// `artifacts/store`.
    pub store: Store,
    /// Digests remembered by stat.
    pub memo: StatMemo,
    /// The stage programs.
    pub programs: Programs,
    /// What the machine offers.
    pub machine: Machine,
    /// Where the command line says that stages run.
    pub executor: Choice,
}

impl Project {
    /// Opens a project whose artifacts lie in one folder and whose stage programs lie in another.
    pub fn open(artifacts: &Path, programs: &Path) -> Result<Self, PipelineError> {
        let artifacts =
            std::path::absolute(artifacts).map_err(PipelineError::io("find", artifacts))?;
        let store = Store::open(&artifacts.join("store"))?;
        let memo = store.stat_memo();
        let programs = Programs::new(programs, &artifacts.join("store/programs"));
        Ok(Self {
            artifacts,
            store,
            memo,
            programs,
            machine: Machine::probe(),
            executor: Choice::default(),
        })
    }

    /// Reads and checks a pipeline.
    pub fn pipeline(&self, file: &Path, settings: &[Setting]) -> Result<Graph, PipelineError> {
        let file = PipelineFile::load(file, settings)?;
        Graph::check(&file, &self.programs, self.machine, self.executor)
    }

    /// Keeps what was learnt about files' digests.
    pub fn close(&self) -> Result<(), PipelineError> {
        Ok(self.store.keep_stats(&self.memo)?)
    }
}

/// The file of a pipeline that is given by path or by name: `demo` is `pipelines/demo.yaml`, also where
/// something else called `demo` lies in the working folder.
pub fn pipeline_file(given: &str) -> Result<PathBuf, PipelineError> {
    let path = PathBuf::from(given);
    let named = Path::new("pipelines").join(format!("{given}.yaml"));
    let is_path = given.contains('/')
        || path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
    let tried = if is_path {
        [&path, &named]
    } else {
        [&named, &path]
    };
    let found = tried.into_iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| PipelineError::NoPipeline {
        given: given.into(),
        tried: named,
    })
}
