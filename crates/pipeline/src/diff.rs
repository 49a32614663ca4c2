//! Two sets of results side by side: parameters and metrics, stage by stage.
//!
//! A side is a former run, a lock file, or what is there now. Owns bringing them to one form and the
//! comparison. Does not own what a person sees of it.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::Digest;
use serde::Serialize;
use serde_json::Value;

use crate::flat::{changes, flat};
use crate::graph::Stage;
use crate::lock::LockFile;
use crate::plan::Assessment;
use crate::run::RunRecord;

/// One side of a comparison.
#[derive(Debug, Clone)]
pub struct Side {
    /// What it is, for people: a run's id, a file, `now`.
    pub name: String,
    stages: BTreeMap<String, SideStage>,
}

#[derive(Debug, Clone, Default)]
struct SideStage {
    params: BTreeMap<String, Value>,
    /// None where the stage has no result.
    metrics: Option<BTreeMap<String, f64>>,
    outputs: BTreeMap<String, Digest>,
    code: Option<String>,
}

/// What differs, or all that was compared.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The side that is compared with.
    pub before: String,
    /// The side that is compared.
    pub after: String,
    /// Stages that only one side has.
    pub stages: Vec<OneSided>,
    /// Parameters.
    pub params: Vec<ParamRow>,
    /// Metrics.
    pub metrics: Vec<MetricRow>,
    /// Stages of which other things differ: code or the bytes of outputs.
    pub others: Vec<OtherRow>,
}

/// A stage that only one side has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneSided {
    /// The stage.
    pub stage: String,
    /// The side that has it.
    pub only_in: String,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParamRow {
    /// The stage.
    pub stage: String,
    /// Its dotted path.
    pub param: String,
    /// Before; none where there was none.
    pub before: Option<Value>,
    /// After; none where there is none.
    pub after: Option<Value>,
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricRow {
    /// The stage.
    pub stage: String,
    /// Its name.
    pub metric: String,
    /// Before; none where there was none.
    pub before: Option<f64>,
    /// After; none where there is none.
    pub after: Option<f64>,
    /// After less before.
    pub change: Option<f64>,
}

/// What else differs of a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherRow {
    /// The stage.
    pub stage: String,
    /// Whether the program's code is another.
    pub code: bool,
    /// The outputs whose bytes are others.
    pub outputs: Vec<String>,
}

impl Side {
    /// A former run.
    pub fn of_run(run: &RunRecord) -> Self {
        let stages = run.stages.iter().map(|stage| {
            let preimage = stage.preimage.fields();
            let side = SideStage {
                params: params_of(&preimage),
                metrics: stage.has_result().then(|| stage.metrics.clone()),
                outputs: stage
                    .outputs
                    .iter()
                    .map(|(name, object)| (name.clone(), object.digest))
                    .collect(),
                code: preimage["code"].as_str().map(String::from),
            };
            // Of several tries the last one counts: it comes last.
            (stage.stage.clone(), side)
        });
        Self {
            name: run.id.clone(),
            stages: stages.collect(),
        }
    }

    /// A lock file.
    pub fn of_lock(name: &str, lock: &LockFile) -> Self {
        let stages = lock.stages.iter().map(|(stage, locked)| {
            let side = SideStage {
                params: flat("", &locked.params),
                metrics: Some(locked.metrics.clone()),
                outputs: locked
                    .outputs
                    .iter()
                    .map(|(name, output)| (name.clone(), output.digest))
                    .collect(),
                code: None,
            };
            (stage.clone(), side)
        });
        Self {
            name: name.into(),
            stages: stages.collect(),
        }
    }

    /// A planned pipeline, with the results that are there.
    pub fn of_plan(name: &str, planned: &[(&Stage, Assessment)]) -> Self {
        let stages = planned.iter().map(|(stage, assessment)| {
            let record = assessment.record.as_ref();
            let side = SideStage {
                params: flat("", &stage.params),
                metrics: record.map(|record| record.result.metrics.clone()),
                outputs: record
                    .iter()
                    .flat_map(|record| &record.outputs)
                    .map(|(name, object)| (name.clone(), object.digest))
                    .collect(),
                code: Some(stage.code.to_hex()),
            };
            (stage.name.clone(), side)
        });
        Self {
            name: name.into(),
            stages: stages.collect(),
        }
    }
}

/// An empty mapping is no parameter of its own here.
fn params_of(preimage: &Value) -> BTreeMap<String, Value> {
    flat("", &preimage["params"])
}

impl Comparison {
    /// Compares two sides; with `all`, what is equal is there too.
    pub fn of(before: &Side, after: &Side, all: bool) -> Self {
        let mut comparison = Self {
            before: before.name.clone(),
            after: after.name.clone(),
            stages: Vec::new(),
            params: Vec::new(),
            metrics: Vec::new(),
            others: Vec::new(),
        };
        let names: BTreeSet<&String> = before.stages.keys().chain(after.stages.keys()).collect();
        for name in names {
            match (before.stages.get(name), after.stages.get(name)) {
                (Some(old), Some(new)) => comparison.stage(name, old, new, all),
                (old, _) => comparison.stages.push(OneSided {
                    stage: name.clone(),
                    only_in: if old.is_some() { before } else { after }.name.clone(),
                }),
            }
        }
        comparison
    }

    /// Whether nothing differs that is compared here.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
            && self.params.is_empty()
            && self.metrics.is_empty()
            && self.others.is_empty()
    }

    fn stage(&mut self, name: &str, old: &SideStage, new: &SideStage, all: bool) {
        let rows = if all {
            let paths: BTreeSet<&String> = old.params.keys().chain(new.params.keys()).collect();
            let row = |path: &String| {
                (
                    path.clone(),
                    old.params.get(path).cloned(),
                    new.params.get(path).cloned(),
                )
            };
            paths.into_iter().map(row).collect()
        } else {
            changes(&old.params, &new.params)
        };
        for (param, before, after) in rows {
            // A stage without parameters is an empty mapping at no path.
            if !param.is_empty() {
                self.params.push(ParamRow {
                    stage: name.into(),
                    param,
                    before,
                    after,
                });
            }
        }
        let empty = BTreeMap::new();
        let old_metrics = old.metrics.as_ref().unwrap_or(&empty);
        let new_metrics = new.metrics.as_ref().unwrap_or(&empty);
        let metrics: BTreeSet<&String> = old_metrics.keys().chain(new_metrics.keys()).collect();
        for metric in metrics {
            let (before, after) = (old_metrics.get(metric), new_metrics.get(metric));
            if all || before != after {
                self.metrics.push(MetricRow {
                    stage: name.into(),
                    metric: metric.clone(),
                    before: before.copied(),
                    after: after.copied(),
                    change: before.zip(after).map(|(before, after)| after - before),
                });
            }
        }
        let code = old.code.as_ref().zip(new.code.as_ref());
        let code = code.is_some_and(|(old, new)| old != new);
        let both = old.metrics.is_some() && new.metrics.is_some();
        let outputs: BTreeSet<&String> = old.outputs.keys().chain(new.outputs.keys()).collect();
        let outputs: Vec<String> = outputs
            .into_iter()
            .filter(|name| both && old.outputs.get(*name) != new.outputs.get(*name))
            .cloned()
            .collect();
        if code || !outputs.is_empty() {
            self.others.push(OtherRow {
                stage: name.into(),
                code,
                outputs,
            });
        }
    }
}
