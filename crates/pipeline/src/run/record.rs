//! The run record: who ran what, when, where, how long and with how much memory.
//!
//! `artifacts/logs/<run>/run.json`, beside the stages' logs. Everything that must not be in an object
//! because it is different every time is here.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use cinescore_artifact::Digest;
use cinescore_artifact::task::write_json;
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;
use crate::plan::logs_folder;
use crate::project::Project;

/// The version of the format.
const VERSION: u32 = 1;

/// A run in which at least one program was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of the format.
    pub version: u32,
    /// Its id: time, pipeline and process.
    pub id: String,
    /// The pipeline.
    pub pipeline: String,
    /// The command line.
    pub command: Vec<String>,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339.
    pub finished: Option<String>,
    /// Who ran it.
    pub user: Option<String>,
    /// Where.
    pub host: String,
    /// The git commit of the working folder.
    pub commit: Option<String>,
    /// Whether files that git knows differed from it.
    pub dirty: Option<bool>,
    /// The stages whose programs were started.
    pub stages: Vec<StageRun>,
}

/// A program that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageRun {
    /// The stage.
    pub stage: String,
    /// Its key.
    pub fingerprint: Digest,
    /// Wall time, seconds.
    pub wall_secs: f64,
    /// Processor time of the program and its children, seconds.
    pub cpu_secs: f64,
    /// Largest resident memory, bytes.
    pub peak_memory_bytes: u64,
    /// Threads that it was given.
    pub threads: usize,
    /// The device that it used, where it says so.
    pub device: Option<String>,
    /// How it ended, `exit code 0`.
    pub ended: String,
    /// What it said of its own speed.
    pub performance: BTreeMap<String, f64>,
}

impl RunRecord {
    pub(super) fn begin(pipeline: &str) -> Self {
        let now = jiff::Timestamp::now();
        let stamp: String = now.strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let commit = git(&["rev-parse", "HEAD"]);
        let dirty = git(&["status", "--porcelain", "--untracked-files=no"])
            .map(|changes| !changes.is_empty());
        let uname = rustix::system::uname();
        Self {
            version: VERSION,
            id: format!("{stamp}-{pipeline}-{}", std::process::id()),
            pipeline: pipeline.into(),
            command: std::env::args().collect(),
            started: now.to_string(),
            finished: None,
            user: std::env::var("USER").ok(),
            host: uname.nodename().to_string_lossy().into_owned(),
            commit,
            dirty,
            stages: Vec::new(),
        }
    }

    pub(super) fn finish(&mut self) {
        self.finished = Some(jiff::Timestamp::now().to_string());
    }

    pub(super) fn write(&self, project: &Project) -> Result<(), PipelineError> {
        Ok(write_json(
            &logs_folder(project, &self.id).join("run.json"),
            self,
        )?)
    }
}

/// What git says of the working folder; nothing where there is no git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(Path::new("."))
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
