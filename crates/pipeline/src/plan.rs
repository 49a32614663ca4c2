//! What would run, and why.
//!
//! Owns the state of each stage: its inputs' digests, its fingerprint, whether the store has its
//! result. Runs nothing; a run asks here again before each stage, when more digests are known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::Form;
use cinescore_artifact::source;
use cinescore_artifact::store::{ObjectState, Record, RecordState};
use cinescore_artifact::task::{PART, PROVENANCE_INPUT, Provenance, StageProvenance, TaskInput};
use serde::Serialize;
use serde_json::Value;

use crate::computed::Records;
use crate::error::PipelineError;
use crate::fingerprint::{InputKey, Preimage};
use crate::graph::{Graph, Reference, Stage};
use crate::project::Project;
use crate::shards::Piece;
use crate::view;

/// What is to be done about a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Its result is there and on view.
    Fresh,
    /// Its result is in the store, though another one is on view: nothing is computed.
    Restore,
    /// It must run.
    Run {
        /// Why.
        reasons: Vec<String>,
    },
    /// Whether it must run is known once these stages have run.
    Waits {
        /// The stages.
        on: Vec<String>,
    },
}

/// A stage with its state, and everything that running it needs.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// What is to be done.
    pub state: State,
    /// Its key, where its inputs are known.
    pub key: Option<Arc<Key>>,
    /// Its result, where the store has it. Without its preimage where it is on view: the key has it too, and
    /// a thousand cells are remembered to the end.
    pub record: Option<Arc<Record>>,
    /// Damage that was found, for people.
    pub warnings: Vec<String>,
}

/// A stage's key and the inputs behind it.
#[derive(Debug, Clone)]
pub struct Key {
    /// The fingerprint.
    pub fingerprint: Digest,
    /// What it is made of.
    pub preimage: Arc<Preimage>,
    /// The inputs as the task names them.
    pub inputs: BTreeMap<String, Vec<TaskInput>>,
    /// How everything above was made, for kinds that ask.
    pub provenance: Option<Provenance>,
    /// What the shards left, in order, of a merge whose shards are all there.
    pub parts: Vec<TaskInput>,
}

/// Results that are known so far: record by stage, with its key.
pub type Known = BTreeMap<String, (Arc<Key>, Arc<Record>)>;

/// The states of all stages, in order.
pub fn plan<'a>(
    project: &Project,
    graph: &'a Graph,
) -> Result<Vec<(&'a Stage, Assessment)>, PipelineError> {
    let mut known = Known::new();
    let mut planned = Vec::new();
    for stage in &graph.stages {
        let assessment = assess(project, graph, stage, &known)?;
        if let (Some(key), Some(record)) = (&assessment.key, &assessment.record) {
            known.insert(stage.name.clone(), (Arc::clone(key), Arc::clone(record)));
        }
        planned.push((stage, assessment));
    }
    Ok(planned)
}

/// The state of one stage, as far as it follows from what is known.
pub fn assess(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    known: &Known,
) -> Result<Assessment, PipelineError> {
    assess_as(project, graph, stage, known, stage.policy.frozen)
}

/// The same as if it were not frozen: for a run that forces it, whose result belongs to the key of now.
pub fn assess_thawed(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    known: &Known,
) -> Result<Assessment, PipelineError> {
    assess_as(project, graph, stage, known, false)
}

fn assess_as(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    known: &Known,
    is_frozen: bool,
) -> Result<Assessment, PipelineError> {
    let on: Vec<String> = stage
        .needs()
        .into_iter()
        .filter(|need| !known.contains_key(*need))
        .map(String::from)
        .collect();
    if !on.is_empty() {
        return Ok(Assessment {
            state: State::Waits { on },
            key: None,
            record: None,
            warnings: Vec::new(),
        });
    }
    let key = key(project, graph, stage, known)?;
    if is_frozen && let Some(frozen) = frozen(project, graph, stage, &key)? {
        return Ok(frozen);
    }
    let mut warnings = Vec::new();
    let mut record = result(project, stage, &key, &mut warnings)?;
    let state = match &mut record {
        Some(record) if view::shows(project, graph, stage, record) => {
            record.preimage = Value::Null;
            State::Fresh
        }
        Some(_) => State::Restore,
        None => State::Run {
            reasons: reasons(project, graph, stage, &key, &warnings),
        },
    };
    Ok(Assessment {
        state,
        key: Some(Arc::new(key)),
        record: record.map(Arc::new),
        warnings,
    })
}

/// What a frozen stage has on view, if it is whole: it counts as fresh whatever changed.
fn frozen(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    key: &Key,
) -> Result<Option<Assessment>, PipelineError> {
    let Some(view) = view::current(project, graph, stage) else {
        return Ok(None);
    };
    let Ok(preimage) = serde_json::from_value::<Preimage>(view.preimage) else {
        return Ok(None);
    };
    let key = Key {
        fingerprint: view.fingerprint,
        preimage: Arc::new(preimage),
        ..key.clone()
    };
    let record = result(project, stage, &key, &mut Vec::new())?;
    Ok(record.map(|record| Assessment {
        state: State::Fresh,
        key: Some(Arc::new(key)),
        record: Some(Arc::new(record)),
        warnings: Vec::new(),
    }))
}

/// The record of a key whose objects are all there and whole.
pub(crate) fn result(
    project: &Project,
    stage: &Stage,
    key: &Key,
    warnings: &mut Vec<String>,
) -> Result<Option<Record>, PipelineError> {
    let found = project.store.record(key.fingerprint)?;
    warnings.extend(project.store.take_notes());
    let record = match found {
        RecordState::Present(record) => record,
        RecordState::Missing => return Ok(None),
        RecordState::Damaged => {
            warnings.push(format!(
                "the record of `{}` is damaged and was set aside",
                stage.name
            ));
            return Ok(None);
        }
    };
    let mut is_whole = true;
    for (name, object) in &record.outputs {
        let state = project.store.check_object(object.digest, &project.memo)?;
        warnings.extend(project.store.take_notes());
        let what = match state {
            ObjectState::Present => continue,
            ObjectState::Missing => "missing",
            ObjectState::Damaged => "damaged and was set aside",
        };
        is_whole = false;
        warnings.push(format!("output `{name}` of `{}` is {what}", stage.name));
    }
    Ok(is_whole.then_some(*record))
}

/// Why a stage must run: what changed since the result on view.
fn reasons(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    key: &Key,
    warnings: &[String],
) -> Vec<String> {
    if !warnings.is_empty() {
        return warnings.to_vec();
    }
    // A shard is not on view, but its stage is.
    let shown = match &stage.piece {
        Piece::Shard { of, .. } => graph.stage(of).unwrap_or(stage),
        Piece::Whole | Piece::Merge { .. } => stage,
    };
    let preimage = Preimage {
        shard: None,
        outputs: Arc::clone(&shown.outputs),
        ..Preimage::clone(&key.preimage)
    };
    match view::current(project, graph, shown) {
        None => vec!["it was never run in this pipeline".into()],
        Some(view) => match serde_json::from_value::<Preimage>(view.preimage) {
            Ok(before) if before == preimage => {
                vec!["its result is no longer in the store".into()]
            }
            Ok(before) => preimage.changes_since(&before),
            Err(_other_format) => {
                vec!["its last result was made by another version of cinescore".into()]
            }
        },
    }
}

fn key(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    known: &Known,
) -> Result<Key, PipelineError> {
    let mut keys = Vec::new();
    let mut inputs: BTreeMap<String, Vec<TaskInput>> = BTreeMap::new();
    for (input, references) in &stage.inputs {
        for reference in references {
            let artifact = artifact(project, stage, &input.name, &input.form, reference, known)?;
            let digest = artifact.digest.unwrap_or_else(|| Digest::of_bytes(b""));
            let label = input.many.then(|| {
                (
                    artifact.label.clone(),
                    artifact.output.clone().unwrap_or_default(),
                )
            });
            keys.push(InputKey {
                input: input.name.clone(),
                label,
                digest,
            });
            inputs.entry(input.name.clone()).or_default().push(artifact);
        }
    }
    let provenance = stage
        .kind
        .provenance
        .then(|| provenance(project, graph, stage, known));
    if let Some(provenance) = &provenance {
        let bytes = serde_json::to_vec(provenance).map_err(|error| PipelineError::Protocol {
            stage: stage.name.clone(),
            how: format!("its provenance cannot be written: {error}"),
        })?;
        keys.push(InputKey {
            input: PROVENANCE_INPUT.into(),
            label: None,
            digest: Digest::of_bytes(&bytes),
        });
    }
    let preimage = Preimage::of(stage, keys);
    Ok(Key {
        fingerprint: preimage.fingerprint(),
        preimage: Arc::new(preimage),
        inputs,
        provenance,
        parts: parts(project, stage, known).unwrap_or_default(),
    })
}

/// The folders of a merge's shards; none where one is missing.
fn parts(project: &Project, stage: &Stage, known: &Known) -> Option<Vec<TaskInput>> {
    let Piece::Merge { shards } = &stage.piece else {
        return None;
    };
    let part = |name: &String| {
        let (_, record) = known.get(name)?;
        let object = record.outputs.get(PART)?;
        Some(TaskInput {
            label: name.clone(),
            output: Some(PART.into()),
            path: project.store.object_path(object.digest),
            digest: Some(object.digest),
        })
    };
    shards.iter().map(part).collect()
}

pub(crate) fn artifact(
    project: &Project,
    stage: &Stage,
    input: &str,
    form: &Form,
    reference: &Reference,
    known: &Known,
) -> Result<TaskInput, PipelineError> {
    match reference {
        Reference::Path(path) => {
            let path = match form {
                Form::Source { accepts } => {
                    source::find(path, accepts).map_err(|source| PipelineError::Source {
                        stage: stage.name.clone(),
                        input: input.into(),
                        source,
                    })?
                }
                _ => path.clone(),
            };
            let path = std::path::absolute(&path).map_err(PipelineError::io("find", path))?;
            let digest = project.memo.digest_of(&path)?;
            // Not the path: two machines must see the same task.
            let label = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Ok(TaskInput {
                label,
                output: None,
                path,
                digest: Some(digest),
            })
        }
        Reference::Output {
            stage: upstream,
            output,
            label,
        } => {
            let missing = || PipelineError::Protocol {
                stage: upstream.clone(),
                how: format!("its record lacks the output `{output}`"),
            };
            let object = known
                .get(upstream)
                .and_then(|(_, record)| record.outputs.get(output))
                .ok_or_else(missing)?;
            Ok(TaskInput {
                label: label.clone(),
                output: Some(output.clone()),
                path: project.store.object_path(object.digest),
                digest: Some(object.digest),
            })
        }
    }
}

/// How everything above a stage was made, each stage before what it feeds.
fn provenance(project: &Project, graph: &Graph, stage: &Stage, known: &Known) -> Provenance {
    let records = stage.policy.records.then(|| Records::of(project));
    let above = graph.above(&stage.name);
    let mut stages = Vec::new();
    for upstream in graph
        .stages
        .iter()
        .filter(|upstream| upstream.name != stage.name && above.contains(&upstream.name))
    {
        let Some((key, record)) = known.get(&upstream.name) else {
            continue;
        };
        let preimage = &key.preimage;
        let machine = [
            (
                "threads",
                preimage.threads.map(|threads| threads.to_string()),
            ),
            ("device", preimage.device.clone()),
            ("libtorch", preimage.libtorch.clone()),
        ];
        let inputs = key.inputs.iter().map(|(name, artifacts)| {
            let artifacts = artifacts
                .iter()
                .filter_map(|artifact| Some((artifact.label.clone(), artifact.digest?)));
            (name.clone(), artifacts.collect())
        });
        stages.push(StageProvenance {
            stage: upstream.name.clone(),
            run: upstream.run.clone(),
            fingerprint: key.fingerprint,
            code: preimage.code,
            params: Value::clone(&preimage.params),
            machine: machine
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
            inputs: inputs.collect(),
            outputs: record
                .outputs
                .iter()
                .map(|(name, object)| (name.clone(), object.digest))
                .collect(),
            result: record.result.clone(),
            computed: records
                .as_ref()
                .and_then(|records| records.computed(&record.run, key.fingerprint)),
        });
    }
    Provenance {
        pipeline: graph.name.clone(),
        stages,
    }
}

/// Where a stage's log and run record of one run lie.
pub(crate) fn logs_folder(project: &Project, run: &str) -> PathBuf {
    project.artifacts.join("logs").join(run)
}
