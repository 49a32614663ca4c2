//! The task protocol: what the runner hands to a stage program, what it gets back, and what it may
//! hear in between.
//!
//! `cinescore-X KIND --task-file task.json` reads a [`Task`], writes its named outputs into the output
//! folder and a [`TaskResult`] as `result.json` there, last. Progress goes as one JSON [`Event`] a
//! line to the file descriptor whose number is in `CINESCORE_EVENTS`. stderr is the log. SIGTERM
//! means: clean up and exit 130.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;

/// The environment variable that holds the number of the events' file descriptor.
pub const EVENTS_VARIABLE: &str = "CINESCORE_EVENTS";
/// The environment variable that holds the runner's process id; a stage whose parent is another process
/// has lost its runner and ends.
pub const RUNNER_VARIABLE: &str = "CINESCORE_RUNNER";
/// The file, in the output folder, that a stage writes last.
pub const RESULT_FILE: &str = "result.json";
/// The folder, in the output folder, that is the one output of a shard. What is in it is the kind's own affair.
pub const PART: &str = "part";
/// The input that a kind with `provenance` gets from the runner: a [`Provenance`] as JSON.
pub const PROVENANCE_INPUT: &str = "provenance";

/// What a stage program is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The version of the protocol ([`crate::describe::PROTOCOL`]).
    pub protocol: u32,
    /// The kind of work.
    pub kind: String,
    /// The parameters, complete or not; seeds are among them.
    pub params: Value,
    /// The inputs by name; one artifact each but for inputs that take many.
    pub inputs: BTreeMap<String, Vec<TaskInput>>,
    /// An existing, empty folder for the outputs.
    pub output_dir: PathBuf,
    /// An existing folder for temporary files, removed by the caller.
    pub scratch_dir: PathBuf,
    /// Whether the scratch folder is kept when the stage does not end well, and given to its next run
    /// with the same key: a long work can then go on where it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub persist: bool,
    /// A folder of the run's record for files that people look at while the stage works, such as TensorBoard's. The stage
    /// makes it if it has any. Nothing that lies there is a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_dir: Option<PathBuf>,
    /// How many threads to use.
    pub threads: usize,
    /// `cpu`, `cuda` or `cuda:N`; `auto` is resolved before.
    pub device: String,
    /// Which part of the work is asked for; all of it where nothing is said.
    #[serde(default, skip_serializing_if = "Work::is_whole")]
    pub work: Work,
}

/// A part of a stage's work. Only kinds that say so ([`crate::describe::KindDescription::shards`]) are asked for less
/// than all of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// All of it.
    #[default]
    Whole,
    /// One of several shares, whose one output is the folder [`PART`].
    Shard(Shard),
    /// The declared outputs, made of all shares. The bytes are those of the whole.
    Merge {
        /// The folders of the shards, in order.
        parts: Vec<TaskInput>,
    },
}

impl Work {
    /// Whether it is not divided.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }
}

/// One share of a work that is divided among several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl Shard {
    /// Whether a piece of the work is this shard's: pieces are dealt out in turn, so that nobody must know beforehand how
    /// many there are.
    pub fn takes(&self, piece: usize) -> bool {
        piece % self.count.max(1) as usize == self.index as usize
    }
}

/// One artifact that a stage reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    /// The reference by which it was named, `net[seed=7]` or a path: for messages, and the name of
    /// this artifact in outputs where an input takes many.
    pub label: String,
    /// The name of the output that it is, where a stage made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Where it lies. Nothing may be written there.
    pub path: PathBuf,
    /// The digest of its bytes, where the caller knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What a stage did. Everything but `performance` must follow from the task's key alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The version of the protocol.
    pub protocol: u32,
    /// Rows read, by input or source.
    #[serde(default)]
    pub rows_in: BTreeMap<String, u64>,
    /// Rows written, by output.
    #[serde(default)]
    pub rows_out: BTreeMap<String, u64>,
    /// Input rows that were refused; each is a row of the `rejects` table.
    #[serde(default)]
    pub rejected: u64,
    /// Figures of the result, by name (`test.accuracy`).
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// Other things worth knowing, such as how many rows found a match.
    #[serde(default)]
    pub facts: BTreeMap<String, Value>,
    /// What a person should look at.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The device that was used, for kinds that use one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Speeds and times; kept in the run record only, never in an object.
    #[serde(default)]
    pub performance: BTreeMap<String, f64>,
}

/// What a stage says while it works; one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// How far the work is.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// What is counted: `reviews`, `bytes`.
        unit: String,
        /// What is going on, `epoch 2 of 3, loss 0.3127`.
        message: String,
    },
    /// A finished step worth a line in a log, such as an epoch's figures.
    Step {
        /// The line.
        message: String,
    },
    /// Something that a person should look at.
    Warning {
        /// The line.
        message: String,
    },
}

/// How the inputs of a stage were made: everything above it, by stage name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// The pipeline's name.
    pub pipeline: String,
    /// The stages above, each before what it feeds.
    pub stages: Vec<StageProvenance>,
}

/// How one stage's outputs were made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageProvenance {
    /// The stage's name in the pipeline.
    pub stage: String,
    /// `featurize text`.
    pub run: String,
    /// The key of the result.
    pub fingerprint: Digest,
    /// The program's code digest.
    pub code: Digest,
    /// Parameters, with defaults.
    pub params: Value,
    /// Threads, device class, LibTorch: whatever of the machine is in the key.
    pub machine: BTreeMap<String, String>,
    /// Inputs: name, then label and digest of each artifact.
    pub inputs: BTreeMap<String, Vec<(String, Digest)>>,
    /// Outputs: name and digest.
    pub outputs: BTreeMap<String, Digest>,
    /// What the stage reported, without `performance`.
    pub result: TaskResult,
    /// Where, when and how fast it was computed; only where the pipeline asks for `records` and the run that computed it is
    /// known here. The rest of a provenance is the same for every run that gives the same result; this is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<Computed>,
}

/// What the record of a run says of a stage that it computed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Computed {
    /// The run's id.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// The machine.
    pub host: String,
    /// The git commit of the working folder.
    pub commit: Option<String>,
    /// Whether files that git knows differed from it.
    pub dirty: Option<bool>,
    /// Wall time of the stage, seconds.
    pub wall_secs: f64,
    /// Processor time of its program and the children of it, seconds.
    pub cpu_secs: f64,
    /// Largest resident memory, bytes.
    pub peak_memory_bytes: u64,
    /// Threads that it was given.
    pub threads: u64,
    /// What it said of its own speed.
    pub performance: BTreeMap<String, f64>,
}

impl Task {
    /// Reads a task file.
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        read_json(path)
    }
}

/// Why a protocol file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The file could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("`{}` does not follow the task protocol", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: serde_json::Error,
    },
}

/// Reads a JSON file of the protocol.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, TaskError> {
    let bytes = fs_err::read(path).map_err(|source| TaskError::Io {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| TaskError::Malformed {
        path: path.to_owned(),
        source,
    })
}

/// Writes a JSON file of the protocol in one piece: temporary file, fsync, rename.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), TaskError> {
    let malformed = |source| TaskError::Malformed {
        path: path.to_owned(),
        source,
    };
    let io = |source| TaskError::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(malformed)?;
    bytes.push(b'\n');
    write_atomically(path, &bytes).map_err(io)
}

/// A temporary file that, unlike other temporary files, has the rights of an ordinary one: it is going to be
/// one.
pub fn readable_temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix(".tmp-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

/// Writes a file so that it is there whole or not at all: temporary file beside it, fsync, rename.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = readable_temporary(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
