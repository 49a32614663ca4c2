//! The lock file: what a pipeline gave, committed to git, and the check that it gives it again.
//!
//! `pipelines/<name>.lock` lies beside the pipeline. It is written when somebody asks for it and never by
//! an ordinary run: it is a statement, to be reviewed, that these are the results.
//!
//! A stage is held to its outputs' *bytes* where nothing of the machine can change them. Where something
//! can (threads, device, LibTorch: training, and whatever reads a trained stage), it is held to its
//! *metrics*, each within the tolerance that the pipeline declares, exactly where it declares none. In
//! both cases kind, parameters and inputs must be as locked. Fingerprints are kept but not compared: the
//! compiler and the processor's number of threads are in them.
//!
//! Owns the format and the comparison. Does not own what a person sees of it.

mod compare;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::Digest;
use cinescore_config::{Document, Problem, Problems, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::PipelineError;
use crate::graph::{Graph, Reference, Stage};
use crate::plan::Assessment;

pub use compare::Difference;

/// The version of the format.
const VERSION: u32 = 1;

/// A lock file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// The version of the format.
    pub version: u32,
    /// The stages by name.
    pub stages: BTreeMap<String, LockedStage>,
}

/// What a stage is held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStage {
    /// Program and kind, `cinescore-featurize text`.
    pub kind: String,
    /// What is compared of its results.
    pub held_to: HeldTo,
    /// The key of the result where it was locked: a root for the store's clean-up.
    pub fingerprint: Digest,
    /// The parameters, defaults filled in.
    pub params: Value,
    /// The inputs: `stage.output` of another stage, the digest of anything else.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// The outputs.
    pub outputs: BTreeMap<String, LockedOutput>,
    /// The figures.
    pub metrics: BTreeMap<String, f64>,
}

/// What is compared of a stage's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldTo {
    /// Every output, byte for byte.
    Bytes,
    /// Every metric, within its tolerance.
    Metrics,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedOutput {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size, bytes.
    pub bytes: u64,
}

/// The lock file of a pipeline's file.
pub fn lock_path(pipeline: &Path) -> PathBuf {
    pipeline.with_extension("lock")
}

/// The stages whose bytes the machine can change: those that say so, those that are told how everything
/// above them was made (with code digests, that is, with which compiler), and all below them.
fn depends_on_machine(graph: &Graph) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for stage in &graph.stages {
        let is_above = stage.needs().iter().any(|need| found.contains(need));
        if is_above || !stage.kind.keyed_by.is_empty() || stage.kind.provenance {
            found.insert(stage.name.as_str());
        }
    }
    found
}

/// The inputs as the lock file names them; paths only where their digests are known.
fn inputs(stage: &Stage, assessment: &Assessment) -> BTreeMap<String, Vec<String>> {
    let mut inputs = BTreeMap::new();
    for (input, references) in &stage.inputs {
        let mut names = Vec::new();
        for (index, reference) in references.iter().enumerate() {
            match reference {
                Reference::Output { stage, output, .. } => names.push(format!("{stage}.{output}")),
                Reference::Path(_) => {
                    let task_inputs = assessment
                        .key
                        .as_ref()
                        .and_then(|key| key.inputs.get(&input.name));
                    let digest = task_inputs
                        .and_then(|inputs| inputs.get(index))
                        .and_then(|input| input.digest);
                    names.extend(digest.map(Digest::to_hex));
                }
            }
        }
        if !references.is_empty() {
            inputs.insert(input.name.clone(), names);
        }
    }
    inputs
}

impl LockFile {
    /// Locks the results of a planned pipeline. Fails with the stages that have none.
    pub fn of(graph: &Graph, planned: &[(&Stage, Assessment)]) -> Result<Self, Vec<String>> {
        let machine = depends_on_machine(graph);
        let mut stages = BTreeMap::new();
        let mut missing = Vec::new();
        for (stage, assessment) in planned {
            let (Some(key), Some(record)) = (&assessment.key, &assessment.record) else {
                missing.push(stage.name.clone());
                continue;
            };
            let held_to = if machine.contains(stage.name.as_str()) {
                HeldTo::Metrics
            } else {
                HeldTo::Bytes
            };
            let outputs = record.outputs.iter().map(|(name, object)| {
                let output = LockedOutput {
                    digest: object.digest,
                    bytes: object.bytes,
                };
                (name.clone(), output)
            });
            let locked = LockedStage {
                kind: key.preimage.kind.clone(),
                held_to,
                fingerprint: key.fingerprint,
                params: Value::clone(&key.preimage.params),
                inputs: inputs(stage, assessment),
                outputs: outputs.collect(),
                metrics: record.result.metrics.clone(),
            };
            stages.insert(stage.name.clone(), locked);
        }
        if missing.is_empty() {
            Ok(Self {
                version: VERSION,
                stages,
            })
        } else {
            Err(missing)
        }
    }

    /// Reads a lock file.
    pub fn load(path: &Path) -> Result<Self, PipelineError> {
        if !path.exists() {
            return Err(PipelineError::NoLock { path: path.into() });
        }
        let text =
            fs_err::read_to_string(path).map_err(PipelineError::io("read", path.to_owned()))?;
        Ok(Self::parse(&text, path)?)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Problems> {
        if let Some(problem) = conflict(text, path) {
            return Err(problem.into());
        }
        let document = Document::parse(text, path)?;
        match document.value().get("version") {
            Some(version) if version.as_u64() == Some(VERSION.into()) => document.typed(),
            Some(_) => {
                let message = format!("this program reads version {VERSION} of the lock file");
                Err(document.problem_at(&["version"], message).into())
            }
            None => {
                let message = format!("this is no lock file: `version: {VERSION}` is missing");
                Err(Problem::of_file(path, message).into())
            }
        }
    }

    /// The file's text: always the same for the same results, a block for each stage.
    pub fn to_yaml(&self, pipeline: &str) -> Result<String, PipelineError> {
        let mut text = format!(
            "# What the pipeline `{pipeline}` gives; `cinescore run -p {pipeline} --locked` checks it.\n\
             # Written by `cinescore lock -p {pipeline}`. After a merge conflict: take either side, lock again.\n\
             version: {VERSION}\nstages:\n"
        );
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                // Git sees stages as apart, and merges two that were changed on two sides.
                text.push('\n');
            }
            let block = serde_yaml::to_string(&BTreeMap::from([stage]))
                .map_err(|error| PipelineError::Usage(error.to_string()))?;
            for line in block.lines() {
                text.push_str(if line.is_empty() { "" } else { "  " });
                text.push_str(line);
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// Writes it, whole or not at all. Says whether anything changed.
    pub fn write(&self, path: &Path, pipeline: &str) -> Result<bool, PipelineError> {
        let text = self.to_yaml(pipeline)?;
        if fs_err::read_to_string(path).is_ok_and(|before| before == text) {
            return Ok(false);
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let io = || PipelineError::io("write", path);
        // The rights of an ordinary file: it goes into git.
        let mut file = tempfile::Builder::new()
            .prefix(".lock-")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(io())?;
        file.write_all(text.as_bytes()).map_err(io())?;
        file.as_file().sync_all().map_err(io())?;
        file.persist(path).map_err(|error| io()(error.error))?;
        fs_err::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(io())?;
        Ok(true)
    }
}

/// A merge conflict that nobody resolved.
fn conflict(text: &str, path: &Path) -> Option<Problem> {
    let marks = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
    let (index, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| marks.iter().any(|mark| line.starts_with(mark)))?;
    let message = "a merge conflict was left here: take either side, then lock again";
    let mut problem = Problem::of_file(path, message);
    problem.span = Some(Span {
        line: index + 1,
        column: 1,
        length: line.chars().count(),
    });
    problem.line = line.into();
    Some(problem)
}

#[cfg(test)]
mod tests;
