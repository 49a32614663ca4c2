//! Why a stage's key is what it is: every field of it, and which of them differ from another key.
//!
//! Owns the way from a preimage to named fields, and from a differing input to the stage that made it.
//! Works on preimages as they were kept, so that one of an older version can be compared too.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::error::PipelineError;
use crate::fingerprint::Preimage;
use crate::flat::flat;
use crate::graph::{Graph, Reference, Stage};
use crate::plan::{self, State};
use crate::project::Project;
use crate::run::{RunRecord, StageRun};
use crate::view;

/// A field that two keys do not share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// `params.epochs`, `input examples`, `code`.
    pub field: String,
    /// Before; none where there was none.
    pub before: Option<Value>,
    /// After; none where there is none.
    pub after: Option<Value>,
    /// The stages whose results differ, where the field is an input: what to explain next.
    pub upstream: Vec<String>,
}

/// A stage now, against the result on view.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The stage.
    pub stage: String,
    /// As written, `train fit`.
    pub run: String,
    /// What is to be done about it.
    pub plan: State,
    /// Its key; none while a stage above has no result.
    pub fingerprint: Option<String>,
    /// How many different results the store has of the key: more than one if the stage is not
    /// deterministic.
    pub results: usize,
    /// The fields of its key; without inputs while a stage above has no result.
    pub key: BTreeMap<String, Value>,
    /// The stages that must run before the inputs are known.
    pub waits_for: Vec<String>,
    /// The result on view, if there is one.
    pub on_view: Option<OnView>,
    /// What differs from the result on view; empty where there is none.
    pub changes: Vec<FieldChange>,
}

/// A result on view.
#[derive(Debug, Clone, Serialize)]
pub struct OnView {
    /// Its key.
    pub fingerprint: String,
    /// The run that made it.
    pub made_by: String,
}

/// A stage in two runs.
#[derive(Debug, Clone, Serialize)]
pub struct RunsExplanation {
    /// The stage.
    pub stage: String,
    /// The stage in the earlier run.
    pub before: InRun,
    /// The stage in the later run.
    pub after: InRun,
    /// What differs of the keys.
    pub changes: Vec<FieldChange>,
    /// The outputs whose bytes differ.
    pub outputs: Vec<String>,
}

/// A stage in a run.
#[derive(Debug, Clone, Serialize)]
pub struct InRun {
    /// The run.
    pub run: String,
    /// How the stage came by its result.
    pub how: String,
    /// Its key.
    pub fingerprint: Option<String>,
}

/// Explains a stage as it is now.
pub fn now(project: &Project, graph: &Graph, name: &str) -> Result<Explanation, PipelineError> {
    let stage = graph.known_stage(name)?;
    let name = stage.name.as_str();
    let planned = plan::plan(project, graph)?;
    let assessment = planned
        .into_iter()
        .find(|(planned, _)| planned.name == name)
        .map(|(_, assessment)| assessment)
        .ok_or_else(|| PipelineError::Usage(format!("`{name}` was not planned")))?;
    let waits_for = match &assessment.state {
        State::Waits { on } => on.clone(),
        _ => Vec::new(),
    };
    let preimage = match &assessment.key {
        Some(key) => Preimage::clone(&key.preimage),
        None => Preimage::of(stage, Vec::new()),
    };
    let mut key = fields(&serde_json::to_value(preimage).unwrap_or_default());
    if assessment.key.is_none() {
        key.retain(|field, _| !field.starts_with(INPUT));
    }
    let view = view::current(project, graph, stage);
    let changes = view.as_ref().map_or(Vec::new(), |view| {
        let mut before = fields(&view.preimage);
        if assessment.key.is_none() {
            before.retain(|field, _| !field.starts_with(INPUT));
        }
        changes(&before, &key, |field| upstream(graph, stage, field))
    });
    Ok(Explanation {
        stage: name.into(),
        run: stage.run.clone(),
        plan: assessment.state,
        results: assessment.key.as_ref().map_or(0, |key| {
            let others = project.store.other_results(key.fingerprint).len();
            others + usize::from(assessment.record.is_some())
        }),
        fingerprint: assessment.key.as_ref().map(|key| key.fingerprint.to_hex()),
        key,
        waits_for,
        on_view: view.map(|view| OnView {
            fingerprint: view.fingerprint.to_hex(),
            made_by: view.made_by,
        }),
        changes,
    })
}

/// Explains what differed between two runs.
pub fn runs(
    before: &RunRecord,
    after: &RunRecord,
    name: &str,
) -> Result<RunsExplanation, PipelineError> {
    let (old, new) = (in_run(before, name)?, in_run(after, name)?);
    // Which stage an output came from is found by its digest.
    let made = |run: &RunRecord, field: &Value| -> Option<String> {
        let digest = field.as_str()?;
        let mut stages = run.stages.iter();
        let stage = stages.find(|stage| {
            let mut outputs = stage.outputs.values();
            outputs.any(|object| object.digest.to_hex() == digest)
        })?;
        Some(stage.stage.clone())
    };
    let mut changes = changes(
        &fields(&old.preimage.fields()),
        &fields(&new.preimage.fields()),
        |_| Vec::new(),
    );
    for change in &mut changes {
        if change.field.starts_with(INPUT) {
            let sides = [(before, &change.before), (after, &change.after)];
            let stages: BTreeSet<String> = sides
                .iter()
                .filter_map(|(run, value)| made(run, value.as_ref()?))
                .collect();
            change.upstream = stages.into_iter().collect();
        }
    }
    let names: BTreeSet<&String> = old.outputs.keys().chain(new.outputs.keys()).collect();
    let digest = |stage: &StageRun, name: &String| stage.outputs.get(name).map(|it| it.digest);
    let outputs = names
        .into_iter()
        .filter(|name| digest(old, name) != digest(new, name));
    let side = |run: &RunRecord, stage: &StageRun| InRun {
        run: run.id.clone(),
        how: if stage.how == crate::run::How::Computed && !stage.is_computed() {
            format!("failed, {}", stage.ended)
        } else {
            stage.how.to_string()
        },
        fingerprint: stage.fingerprint.map(|fingerprint| fingerprint.to_hex()),
    };
    Ok(RunsExplanation {
        stage: name.into(),
        before: side(before, old),
        after: side(after, new),
        changes,
        outputs: outputs.cloned().collect(),
    })
}

fn in_run<'a>(run: &'a RunRecord, stage: &str) -> Result<&'a StageRun, PipelineError> {
    let found = run.stage(stage).ok_or_else(|| PipelineError::Unknown {
        what: "stage",
        given: stage.into(),
        known: run.stage_names(),
    })?;
    if found.preimage.fields().is_null() {
        return Err(PipelineError::Usage(format!(
            "run `{}` was recorded by an older version, without what its keys were made of",
            run.id
        )));
    }
    Ok(found)
}

/// What the names of inputs begin with.
const INPUT: &str = "input ";

/// The fields of a preimage by name. Fields that have no form of their own here are there too, so that a
/// new one is never left out.
fn fields(preimage: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let Some(preimage) = preimage.as_object() else {
        return found;
    };
    for (name, value) in preimage {
        match (name.as_str(), value) {
            ("inputs", Value::Array(inputs)) => {
                for input in inputs {
                    found.insert(input_name(input), input["digest"].clone());
                }
            }
            ("outputs", Value::Array(outputs)) => {
                for output in outputs {
                    let name = output["name"].as_str().unwrap_or_default();
                    // What it is for people is not in the key.
                    let mut output = output.clone();
                    if let Some(output) = output.as_object_mut() {
                        output.remove("about");
                        output.remove("name");
                    }
                    found.insert(format!("output {name}"), output);
                }
            }
            (_, Value::Null) => {}
            (_, Value::Object(_)) => {
                let flat = flat(name, value).into_iter();
                found.extend(flat.filter(|(path, value)| {
                    path != name || value.as_object().is_none_or(|map| !map.is_empty())
                }));
            }
            (_, value) => {
                found.insert(name.clone(), value.clone());
            }
        }
    }
    found
}

fn input_name(input: &Value) -> String {
    let name = input["input"].as_str().unwrap_or_default();
    match &input["label"] {
        Value::Array(label) => {
            let label: Vec<&str> = label.iter().filter_map(Value::as_str).collect();
            format!("{INPUT}{name} ({})", label.join(", "))
        }
        _ => format!("{INPUT}{name}"),
    }
}

fn changes(
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
    upstream: impl Fn(&str) -> Vec<String>,
) -> Vec<FieldChange> {
    crate::flat::changes(before, after)
        .into_iter()
        .map(|(field, before, after)| FieldChange {
            upstream: upstream(&field),
            field,
            before,
            after,
        })
        .collect()
}

/// The stages that the input of a field comes from.
fn upstream(graph: &Graph, stage: &Stage, field: &str) -> Vec<String> {
    let Some(field) = field.strip_prefix(INPUT) else {
        return Vec::new();
    };
    let (name, label) = field
        .split_once(" (")
        .map_or((field, None), |(name, label)| (name, Some(label)));
    if name == cinescore_artifact::task::PROVENANCE_INPUT && stage.kind.provenance {
        let above = graph.above(&stage.name);
        return above.into_iter().skip(1).collect();
    }
    let mut stages = Vec::new();
    for (input, references) in &stage.inputs {
        for reference in references {
            if let Reference::Output {
                stage,
                output,
                label: written,
            } = reference
                && input.name == name
                && label.is_none_or(|label| label == format!("{written}, {output})"))
                && !stages.contains(stage)
            {
                stages.push(stage.clone());
            }
        }
    }
    stages
}
