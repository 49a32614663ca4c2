//! The run record: who ran what, when, where, how long and with how much memory.
//!
//! `artifacts/logs/<run>/run.json`, beside the stages' logs. Everything that must not be in an object
//! because it is different every time is here. It also says what each stage was made of and gave, so that
//! two runs can be compared when the store has long forgotten one of them.
//!
//! Owns the format and how it is written. [`crate::runs`] finds and reads records.
//!
//! A run of many stages writes the whole record only when it begins and when it ends. In between, each
//! program that ended is a line of `stages.jsonl`; a run that was killed is read from there.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::store::Object;
use cinescore_artifact::task::TaskResult;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::error::PipelineError;
use crate::fingerprint::Preimage;
use crate::graph::{Graph, Stage};
use crate::note;
use crate::plan::{Key, Known, State, logs_folder};
use crate::project::Project;

/// The version of the format. What version 1 did not have has a default, so that it can be read.
const VERSION: u32 = 2;
/// The record's file.
pub(crate) const RUN_FILE: &str = "run.json";
/// The stages of a run that has not ended, one a line.
pub(crate) const STAGES_FILE: &str = "stages.jsonl";

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
    /// When it ended, RFC 3339; none while it runs, or if it was killed.
    pub finished: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub exit_code: Option<u8>,
    /// What it ended with, where that was an error.
    #[serde(default)]
    pub error: Option<String>,
    /// Who ran it.
    pub user: Option<String>,
    /// Where.
    pub host: String,
    /// The runner's process there.
    #[serde(default)]
    pub pid: u32,
    /// The git commit of the working folder.
    pub commit: Option<String>,
    /// Whether files that git knows differed from it.
    pub dirty: Option<bool>,
    /// The stages that were looked at, in the order of the pipeline. One that was tried several times
    /// is there once for each try.
    pub stages: Vec<StageRun>,
}

/// How a stage came by its result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Its program ran.
    #[default]
    Computed,
    /// The store had it.
    Restored,
    /// It was on view already.
    Fresh,
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Computed => "computed",
            Self::Restored => "restored",
            Self::Fresh => "fresh",
        })
    }
}

/// A stage of a run. What was not computed has neither times nor an end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StageRun {
    /// The stage.
    pub stage: String,
    /// Program and kind, `cinescore-featurize text`.
    #[serde(default)]
    pub kind: String,
    /// How it came by its result.
    #[serde(default)]
    pub how: How,
    /// Why it ran: what changed, old and new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Its key.
    pub fingerprint: Option<Digest>,
    /// What the key is made of.
    #[serde(default)]
    pub preimage: MadeOf,
    /// Wall time, seconds.
    pub wall_secs: f64,
    /// Processor time of the program and its children, seconds.
    pub cpu_secs: f64,
    /// Largest resident memory, bytes.
    pub peak_memory_bytes: u64,
    /// Where it ran, if not on the runner's host: `Slurm job 12_3 on node1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed: Option<String>,
    /// Threads that it was given.
    pub threads: usize,
    /// The device that it used, or was given where it does not say.
    pub device: Option<String>,
    /// How it ended, `exit code 0`; empty where no program ran.
    pub ended: String,
    /// What it said of its own speed.
    pub performance: BTreeMap<String, f64>,
    /// The run that made the result.
    #[serde(default)]
    pub made_by: Option<String>,
    /// The outputs by name; empty where there is no result.
    #[serde(default)]
    pub outputs: BTreeMap<String, Object>,
    /// Rows read, by input.
    #[serde(default)]
    pub rows_in: BTreeMap<String, u64>,
    /// Rows written, by output.
    #[serde(default)]
    pub rows_out: BTreeMap<String, u64>,
    /// Rows refused.
    #[serde(default)]
    pub rejected: u64,
    /// Figures of the result.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// What a key is made of, [`Preimage`]: as a run knows it, or as an earlier version may have written it.
#[derive(Debug, Clone)]
pub enum MadeOf {
    /// Of a stage of this run, which its plan has as well.
    Known(Arc<Preimage>),
    /// Of a record that was read.
    Read(Value),
}

impl MadeOf {
    /// Its fields; null where the record has none.
    pub fn fields(&self) -> Cow<'_, Value> {
        match self {
            Self::Known(preimage) => {
                Cow::Owned(serde_json::to_value(preimage.as_ref()).unwrap_or_default())
            }
            Self::Read(value) => Cow::Borrowed(value),
        }
    }
}

impl Default for MadeOf {
    fn default() -> Self {
        Self::Read(Value::Null)
    }
}

impl Serialize for MadeOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(preimage) => preimage.serialize(serializer),
            Self::Read(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MadeOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::Read)
    }
}

impl StageRun {
    /// What is known of a stage before anything is done about it.
    pub(super) fn of(stage: &Stage, key: &Key) -> Self {
        Self {
            stage: stage.name.clone(),
            kind: key.preimage.kind.clone(),
            fingerprint: Some(key.fingerprint),
            preimage: MadeOf::Known(Arc::clone(&key.preimage)),
            threads: stage.threads,
            device: Some(stage.device.clone()),
            ..Self::default()
        }
    }

    /// Adds what the stage's program said.
    pub(super) fn add_result(&mut self, result: &TaskResult) {
        self.rows_in = result.rows_in.clone();
        self.rows_out = result.rows_out.clone();
        self.rejected = result.rejected;
        self.metrics = result.metrics.clone();
        if let Some(device) = &result.device {
            self.device = Some(device.clone());
        }
    }

    /// Whether it has a result.
    pub fn has_result(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Whether its program ran and ended well.
    pub fn is_computed(&self) -> bool {
        self.how == How::Computed && self.ended == "exit code 0"
    }

    /// Bytes of all its outputs.
    pub fn output_bytes(&self) -> u64 {
        self.outputs.values().map(|object| object.bytes).sum()
    }
}

/// The words of the command. A path that is not UTF-8 is shown as far as it is.
pub(super) fn command_line() -> impl Iterator<Item = String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned())
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
            command: command_line().collect(),
            started: now.to_string(),
            finished: None,
            exit_code: None,
            error: None,
            user: Some(user()),
            host: uname.nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            commit,
            dirty,
            stages: Vec::new(),
        }
    }

    /// Keeps a program that ended, well or not.
    pub(super) fn note(&mut self, project: &Project, stage: StageRun) -> Result<(), PipelineError> {
        let path = logs_folder(project, &self.id).join(STAGES_FILE);
        let io = || PipelineError::io("write", &path);
        let mut line = serde_json::to_vec(&stage)
            .map_err(std::io::Error::other)
            .map_err(io())?;
        line.push(b'\n');
        let mut file = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(io())?;
        file.write_all(&line).map_err(io())?;
        self.stages.push(stage);
        Ok(())
    }

    /// Writes the whole record for the last time: also the stages that were not computed, the reasons
    /// of those that were, their outputs, and how the run ended.
    pub(super) fn end(
        &mut self,
        project: &Project,
        graph: &Graph,
        states: &BTreeMap<String, State>,
        known: &Known,
        error: Option<&PipelineError>,
    ) -> Result<(), PipelineError> {
        self.finished = Some(jiff::Timestamp::now().to_string());
        self.exit_code = Some(error.map_or(0, PipelineError::exit_code));
        self.error = error.map(ToString::to_string);
        self.fill(graph, states, known);
        self.write(project)?;
        let lines = logs_folder(project, &self.id).join(STAGES_FILE);
        match fs_err::remove_file(&lines) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(PipelineError::io("remove", lines)(error))
            }
            _ => Ok(()),
        }
    }

    fn fill(&mut self, graph: &Graph, states: &BTreeMap<String, State>, known: &Known) {
        let mut noted: BTreeMap<String, Vec<StageRun>> = BTreeMap::new();
        for stage in self.stages.drain(..) {
            noted.entry(stage.stage.clone()).or_default().push(stage);
        }
        let looked_at: BTreeSet<&String> = states.keys().chain(known.keys()).collect();
        for stage in &graph.stages {
            let mut tries = noted.remove(&stage.name).unwrap_or_default();
            let state = states.get(&stage.name);
            if tries.is_empty()
                && looked_at.contains(&stage.name)
                && let Some((key, _)) = known.get(&stage.name)
            {
                let how = match state {
                    Some(State::Fresh) => How::Fresh,
                    // Also one that another process computed while this one waited for it.
                    _ => How::Restored,
                };
                tries.push(StageRun {
                    how,
                    ..StageRun::of(stage, key)
                });
            }
            for one in &mut tries {
                if let Some(State::Run { reasons }) = state {
                    one.reasons = reasons.clone();
                }
            }
            if let (Some(last), Some((_, record))) = (tries.last_mut(), known.get(&stage.name)) {
                last.outputs = record.outputs.clone();
                last.made_by = Some(record.run.clone());
                last.add_result(&record.result);
            }
            self.stages.extend(tries);
        }
        self.stages.extend(noted.into_values().flatten());
    }

    pub(super) fn write(&self, project: &Project) -> Result<(), PipelineError> {
        note::write(&logs_folder(project, &self.id).join(RUN_FILE), self)
    }
}

/// Who runs this: by name where the environment has one, else by number.
fn user() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
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
