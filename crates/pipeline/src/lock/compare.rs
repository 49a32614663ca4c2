//! Comparing a pipeline with its lock file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{HeldTo, LockFile, LockedStage, depends_on_machine, inputs};
use crate::flat::{changes, flat};
use crate::graph::{Graph, Reference, Stage};
use crate::plan::Assessment;

/// One thing that is not as locked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The stage.
    pub stage: String,
    /// `output tokens`, `metric valid.loss`, `params.epochs`, `input titles`, `stage`.
    pub what: String,
    /// The locked value; null where the lock file has none.
    pub locked: Value,
    /// The value found; null where there is none.
    pub found: Value,
    /// How far a metric may be off.
    pub tolerance: Option<f64>,
    /// Whether it follows from the pipeline alone, so that it is known before anything runs.
    #[serde(skip)]
    pub is_recipe: bool,
}

impl LockFile {
    /// What of a planned pipeline is not as locked, stage by stage. Of stages that are not `chosen`, only
    /// whether they are there. Results that are not there yet are not compared.
    pub fn differences(
        &self,
        graph: &Graph,
        planned: &[(&Stage, Assessment)],
        chosen: &dyn Fn(&str) -> bool,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        for name in self.stages.keys() {
            if graph.stage(name).is_none() {
                found.push(presence(name, true));
            }
        }
        let machine = depends_on_machine(graph);
        for (stage, assessment) in planned {
            let Some(locked) = self.stages.get(&stage.name) else {
                found.push(presence(&stage.name, false));
                continue;
            };
            if chosen(&stage.name) {
                locked.recipe(stage, assessment, &mut found);
                locked.results(
                    stage,
                    assessment,
                    machine.contains(stage.name.as_str()),
                    &mut found,
                );
            }
        }
        found
    }

    /// What is worth knowing without being a difference: stages with the locked key but other bytes.
    pub fn notes(&self, planned: &[(&Stage, Assessment)]) -> Vec<String> {
        let mut notes = Vec::new();
        for (stage, assessment) in planned {
            let (Some(locked), Some(record)) = (self.stages.get(&stage.name), &assessment.record)
            else {
                continue;
            };
            let has_other_bytes = record.outputs.iter().any(|(name, object)| {
                locked
                    .outputs
                    .get(name)
                    .is_some_and(|locked| locked.digest != object.digest)
            });
            if locked.held_to == HeldTo::Metrics
                && record.fingerprint == locked.fingerprint
                && has_other_bytes
            {
                notes.push(format!(
                    "`{}` has the locked key but other bytes: another processor, or it is not deterministic",
                    stage.name
                ));
            }
        }
        notes
    }
}

impl LockedStage {
    /// Compares what the pipeline alone decides: kind, parameters, inputs.
    fn recipe(&self, stage: &Stage, assessment: &Assessment, found: &mut Vec<Difference>) {
        let mut differs = |what: String, locked: Value, now: Value| {
            if locked != now {
                found.push(Difference {
                    stage: stage.name.clone(),
                    what,
                    locked,
                    found: now,
                    tolerance: None,
                    is_recipe: true,
                });
            }
        };
        let program = stage.program.file_name().unwrap_or_default();
        let kind = format!("{} {}", program.to_string_lossy(), stage.kind.name);
        differs("kind".into(), json!(self.kind), json!(kind));
        for (path, old, new) in changes(
            &flat("params", &self.params),
            &flat("params", &stage.params),
        ) {
            differs(path, old.unwrap_or_default(), new.unwrap_or_default());
        }
        let now = inputs(stage, assessment);
        let names: BTreeSet<&String> = self.inputs.keys().chain(now.keys()).collect();
        for name in names {
            let is_known = assessment.key.is_some()
                || stage.inputs.iter().all(|(input, references)| {
                    input.name != *name
                        || references
                            .iter()
                            .all(|reference| matches!(reference, Reference::Output { .. }))
                });
            if is_known {
                let side = |inputs: &BTreeMap<String, Vec<String>>| {
                    inputs.get(name).map_or(Value::Null, |names| json!(names))
                };
                differs(format!("input {name}"), side(&self.inputs), side(&now));
            }
        }
    }

    /// Compares what the stage gave.
    fn results(
        &self,
        stage: &Stage,
        assessment: &Assessment,
        machine: bool,
        found: &mut Vec<Difference>,
    ) {
        let Some(record) = &assessment.record else {
            return;
        };
        let mut differs = |what: String, locked: Value, now: Value, tolerance: Option<f64>| {
            found.push(Difference {
                stage: stage.name.clone(),
                what,
                locked,
                found: now,
                tolerance,
                is_recipe: false,
            });
        };
        // The stricter of the two where they disagree: a stage that became one of data is held to bytes.
        if self.held_to == HeldTo::Bytes || !machine {
            let names: BTreeSet<&String> =
                self.outputs.keys().chain(record.outputs.keys()).collect();
            for name in names {
                let locked = self.outputs.get(name).map(|output| output.digest);
                let now = record.outputs.get(name).map(|object| object.digest);
                if locked != now {
                    differs(format!("output {name}"), json!(locked), json!(now), None);
                }
            }
            return;
        }
        let metrics = &record.result.metrics;
        let names: BTreeSet<&String> = self.metrics.keys().chain(metrics.keys()).collect();
        for name in names {
            let tolerance = tolerance(&stage.policy.tolerances, name);
            let (locked, now) = (self.metrics.get(name), metrics.get(name));
            let is_close = match (locked, now) {
                (Some(locked), Some(now)) => is_within(*locked, *now, tolerance.unwrap_or(0.0)),
                _ => false,
            };
            if !is_close {
                differs(
                    format!("metric {name}"),
                    json!(locked),
                    json!(now),
                    tolerance,
                );
            }
        }
    }
}

/// The tolerance of a metric: its own, or else that of the longest `prefix*` that fits.
fn tolerance(tolerances: &BTreeMap<String, f64>, metric: &str) -> Option<f64> {
    let fits = |name: &&String| {
        name.strip_suffix('*')
            .is_some_and(|prefix| metric.starts_with(prefix))
    };
    tolerances.get(metric).copied().or_else(|| {
        let longest = tolerances
            .keys()
            .filter(fits)
            .max_by_key(|name| name.len())?;
        tolerances.get(longest).copied()
    })
}

/// Whether two figures are close enough. What is no number equals itself: a loss that was NaN must be.
fn is_within(locked: f64, found: f64, tolerance: f64) -> bool {
    locked == found || (locked.is_nan() && found.is_nan()) || (locked - found).abs() <= tolerance
}

fn presence(stage: &str, is_locked: bool) -> Difference {
    let side = |is_there: bool| {
        if is_there {
            json!("there")
        } else {
            Value::Null
        }
    };
    Difference {
        stage: stage.into(),
        what: "stage".into(),
        locked: side(is_locked),
        found: side(!is_locked),
        tolerance: None,
        is_recipe: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_its_own_tolerance_or_that_of_the_longest_prefix() {
        let tolerances = BTreeMap::from([
            ("valid.loss".to_owned(), 0.1),
            ("valid.*".to_owned(), 0.2),
            ("*".to_owned(), 0.3),
        ]);
        let of = |metric| tolerance(&tolerances, metric);
        assert_eq!(of("valid.loss"), Some(0.1));
        assert_eq!(of("valid.accuracy"), Some(0.2));
        assert_eq!(of("test.loss"), Some(0.3));
        assert_eq!(tolerance(&BTreeMap::new(), "test.loss"), None);
    }

    #[test]
    fn figures_are_equal_or_within_the_tolerance() {
        assert!(is_within(0.5, 0.5, 0.0));
        assert!(!is_within(0.5, 0.500_000_000_1, 0.0));
        assert!(is_within(0.5, 0.75, 0.25));
        assert!(!is_within(0.5, f64::NAN, 10.0));
        assert!(is_within(f64::NAN, f64::NAN, 0.0));
        assert!(is_within(f64::INFINITY, f64::INFINITY, 0.0));
    }
}
