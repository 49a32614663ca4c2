//! The stale part of a pipeline as files for another engine: a job file for HyperQueue, manifests for Kubernetes.
//!
//! Owns the way of a stage that runs where this program is not: [`emit`] writes for each stage its task and the script that
//! runs it, and the engine's own file (`hq`, `k8s`); the engine runs them, in the order of what they need; the next run of the
//! pipeline takes what has ended (`taken`), as it would take what a child process left. Does not own a result, nor a
//! look at one: that is `run::execute`. Talks to no engine.
//!
//! An emission is a folder in the store, for it is on the store's file system and its inputs must stay:
//!
//! ```text
//! emitted/ID/emission.json    what each task is, and from which of the others it reads
//! emitted/ID/task.sh          what a node does: `sh task.sh NUMBER`
//! emitted/ID/tasks/0000/      task.json, run.sh, out/, log, events; `begun` and `exit` when it began and ended
//! ```
//!
//! A task that needs another one reads that one's `out/` and no object: nobody knows its digest yet. It is looked at when the
//! result is taken: a task counts for a key only if what it read has the digests of the key.

mod hq;
mod k8s;
mod script;
pub(crate) mod taken;
mod write;

use std::path::{Path, PathBuf};

use cinescore_artifact::store::Store;
use serde::{Deserialize, Serialize};

use crate::fingerprint::Preimage;

pub use k8s::Kubernetes;
pub use write::{Emitted, LeftOut, emit};

/// The version of an emission's folder.
const VERSION: u32 = 1;
/// The folder in the store.
const FOLDER: &str = "emitted";
/// What an emission is.
const NOTE: &str = "emission.json";
/// The folder of its tasks.
const TASKS: &str = "tasks";
/// What a node runs.
const SCRIPT: &str = "task.sh";

/// The engine that files are for.
#[derive(Debug, Clone)]
pub enum Target {
    /// HyperQueue: `hq job submit-file`.
    HyperQueue,
    /// Kubernetes: Indexed Jobs.
    Kubernetes(Kubernetes),
}

impl Target {
    /// Its name, for people.
    fn name(&self) -> &'static str {
        match self {
            Self::HyperQueue => "HyperQueue",
            Self::Kubernetes(_) => "Kubernetes",
        }
    }
}

/// What was emitted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    version: u32,
    /// The pipeline's name.
    pipeline: String,
    /// The engine, for people.
    target: String,
    tasks: Vec<TaskNote>,
}

/// One stage, or one of its shards.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TaskNote {
    stage: String,
    /// Its key, but for the digests of what other tasks give: there stands that of nothing.
    preimage: Preimage,
    /// The inputs that other tasks give.
    given: Vec<Given>,
}

/// An input that another task gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Given {
    /// Its place among the inputs of the key.
    input: usize,
    /// The task.
    task: usize,
    /// Its output.
    output: String,
    /// The file or folder of the output.
    file_name: String,
}

/// The folder of all emissions.
pub(crate) fn folder(store: &Store) -> PathBuf {
    store.root().join(FOLDER)
}

/// A task's folder.
fn task_folder(emission: &Path, number: usize) -> PathBuf {
    emission.join(TASKS).join(task_name(number))
}

/// A task's name in files.
fn task_name(number: usize) -> String {
    format!("{number:04}")
}
