//! What a plan will cost: time, memory and disk, guessed from earlier runs of the same kind of stage.
//!
//! Time and disk go with the rows that are read, time also with the epochs. Memory and the rest are taken
//! as they were, unless earlier runs of clearly different sizes say how they go. It is a guess, and
//! nothing is decided by it.
//!
//! Owns the guess and how many records are read for it. Does not own their format.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::graph::{Graph, Stage};
use crate::plan::{Assessment, State};
use crate::runs::Runs;

/// The most records that are read.
const RECORDS: usize = 50;
/// The most bytes of them: a plan must stay fast after runs of a thousand stages.
const BYTES: u64 = 4_000_000;
/// The most earlier runs that a guess is made from: machines and programs change.
const OBSERVATIONS: usize = 5;
/// Sizes that are closer than this say nothing of how costs go with them.
const SPREAD: f64 = 1.5;

/// What a stage will cost, or several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Wall time, seconds; of several stages the sum.
    pub wall_secs: f64,
    /// Largest resident memory, bytes; of several stages that of the largest.
    pub peak_memory_bytes: u64,
    /// Bytes of the outputs.
    pub output_bytes: u64,
    /// From how many earlier runs of the stage or its kind; of several stages the fewest.
    pub from_runs: usize,
}

impl Cost {
    /// What several stages cost.
    pub fn total<'a>(costs: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        costs.into_iter().copied().reduce(|a, b| Self {
            wall_secs: a.wall_secs + b.wall_secs,
            peak_memory_bytes: a.peak_memory_bytes.max(b.peak_memory_bytes),
            output_bytes: a.output_bytes + b.output_bytes,
            from_runs: a.from_runs.min(b.from_runs),
        })
    }
}

/// What the stages of a plan that run, or may have to, will cost; nothing of those of which nothing is
/// known. Records that cannot be read are passed over.
pub fn guess(
    runs: &Runs,
    graph: &Graph,
    planned: &[(&Stage, Assessment)],
) -> BTreeMap<String, Cost> {
    let stale: Vec<&(&Stage, Assessment)> = planned
        .iter()
        .filter(|(_, assessment)| {
            matches!(assessment.state, State::Run { .. } | State::Waits { .. })
        })
        .collect();
    if stale.is_empty() {
        return BTreeMap::new();
    }
    let kinds: BTreeSet<String> = stale.iter().map(|(stage, _)| kind_of(stage)).collect();
    let history = History::read(runs, &kinds);
    let rows = rows_by_digest(planned.iter().filter_map(|(_, assessment)| {
        let record = assessment.record.as_ref()?;
        let outputs = record.outputs.iter();
        let digests = outputs.map(|(name, object)| (name.clone(), object.digest));
        Some((digests.collect(), &record.result.rows_out))
    }));
    let guesses = stale.into_iter().filter_map(|(stage, assessment)| {
        let inputs = assessment.key.as_ref().map(|key| {
            let digests = key.preimage.inputs.iter().map(|input| input.digest);
            rows_of(digests, &rows)
        });
        let wanted = Wanted {
            pipeline: &graph.name,
            stage,
            kind: kind_of(stage),
            rows: inputs.flatten(),
            epochs: epochs(&stage.params),
        };
        Some((stage.name.clone(), history.guess(&wanted)?))
    });
    guesses.collect()
}

fn kind_of(stage: &Stage) -> String {
    let program = stage.program.file_name().unwrap_or_default();
    format!("{} {}", program.to_string_lossy(), stage.kind.name)
}

/// What is to be guessed.
struct Wanted<'a> {
    pipeline: &'a str,
    stage: &'a Stage,
    kind: String,
    /// Rows that it will read; none where that is not known.
    rows: Option<u64>,
    epochs: Option<f64>,
}

/// The epochs that a stage will run, where it has such a thing.
fn epochs(params: &Value) -> Option<f64> {
    let number = |name: &str| params[name].as_f64().filter(|number| *number > 0.0);
    let epochs = number("epochs")?;
    Some(number("stop_after").map_or(epochs, |stop| stop.min(epochs)))
}

/// Rows of tables by their digests.
fn rows_by_digest<'a>(
    results: impl Iterator<Item = (BTreeMap<String, Digest>, &'a BTreeMap<String, u64>)>,
) -> BTreeMap<Digest, u64> {
    let mut found = BTreeMap::new();
    for (digests, rows) in results {
        for (name, digest) in digests {
            if let Some(rows) = rows.get(&name) {
                found.insert(digest, *rows);
            }
        }
    }
    found
}

/// The rows of all inputs that are tables; none where none is.
fn rows_of(digests: impl Iterator<Item = Digest>, rows: &BTreeMap<Digest, u64>) -> Option<u64> {
    let known: Vec<u64> = digests.filter_map(|it| rows.get(&it).copied()).collect();
    (!known.is_empty()).then(|| known.iter().sum::<u64>().max(1))
}

/// A stage that was computed.
#[derive(Debug, Clone)]
struct Observation {
    pipeline: String,
    stage: String,
    wall_secs: f64,
    peak_memory_bytes: u64,
    output_bytes: u64,
    rows: Option<u64>,
    epochs: Option<f64>,
    device: Option<String>,
}

/// What is known of former runs, by program and kind, the newest first.
#[derive(Debug, Default)]
struct History {
    by_kind: BTreeMap<String, Vec<Observation>>,
}

/// The part of a run record that is needed here.
#[derive(Deserialize)]
struct LightRun {
    pipeline: String,
    stages: Vec<LightStage>,
}

#[derive(Deserialize)]
struct LightStage {
    stage: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    how: crate::run::How,
    ended: String,
    wall_secs: f64,
    peak_memory_bytes: u64,
    device: Option<String>,
    #[serde(default)]
    outputs: BTreeMap<String, LightObject>,
    #[serde(default)]
    rows_out: BTreeMap<String, u64>,
    #[serde(default)]
    preimage: Option<LightPreimage>,
}

#[derive(Deserialize)]
struct LightObject {
    digest: Digest,
    bytes: u64,
}

#[derive(Deserialize)]
struct LightPreimage {
    #[serde(default)]
    params: LightParams,
    #[serde(default)]
    inputs: Vec<LightInput>,
}

#[derive(Default, Deserialize)]
struct LightParams {
    epochs: Option<Value>,
    stop_after: Option<Value>,
}

#[derive(Deserialize)]
struct LightInput {
    digest: Digest,
}

impl History {
    fn read(runs: &Runs, kinds: &BTreeSet<String>) -> Self {
        let mut history = Self::default();
        let mut left = BYTES;
        for id in runs.ids(None).unwrap_or_default().iter().take(RECORDS) {
            let Ok(text) = runs.read_bytes(id, left) else {
                continue;
            };
            let Some(text) = text else {
                break;
            };
            left = left.saturating_sub(text.len() as u64);
            if let Ok(run) = serde_json::from_slice::<LightRun>(&text) {
                history.add(run, kinds);
            }
        }
        history
    }

    fn add(&mut self, run: LightRun, kinds: &BTreeSet<String>) {
        let rows = rows_by_digest(run.stages.iter().map(|stage| {
            let outputs = stage.outputs.iter();
            let digests = outputs.map(|(name, object)| (name.clone(), object.digest));
            (digests.collect(), &stage.rows_out)
        }));
        for stage in run.stages {
            let is_computed = stage.how == crate::run::How::Computed
                && stage.ended == "exit code 0"
                && !stage.outputs.is_empty();
            if !is_computed || !kinds.contains(&stage.kind) {
                continue;
            }
            let preimage = stage.preimage.as_ref();
            let inputs = preimage.map_or(&[][..], |preimage| &preimage.inputs);
            let params = preimage.map(|preimage| {
                serde_json::json!({
                    "epochs": preimage.params.epochs,
                    "stop_after": preimage.params.stop_after,
                })
            });
            let observation = Observation {
                pipeline: run.pipeline.clone(),
                wall_secs: stage.wall_secs,
                peak_memory_bytes: stage.peak_memory_bytes,
                output_bytes: stage.outputs.values().map(|object| object.bytes).sum(),
                rows: rows_of(inputs.iter().map(|input| input.digest), &rows),
                epochs: params.as_ref().and_then(epochs),
                device: stage.device,
                stage: stage.stage,
            };
            self.by_kind
                .entry(stage.kind)
                .or_default()
                .push(observation);
        }
    }

    /// From runs of the same stage, or else of other cells of its matrix, or else of the same kind.
    fn guess(&self, wanted: &Wanted) -> Option<Cost> {
        let class = |device: &str| device.split(':').next().unwrap_or_default().to_owned();
        let device = class(&wanted.stage.device);
        let all: Vec<&Observation> = self
            .by_kind
            .get(&wanted.kind)?
            .iter()
            .filter(|seen| seen.device.as_deref().is_none_or(|it| class(it) == device))
            .collect();
        let base = |stage: &str| stage.split('[').next().unwrap_or_default().to_owned();
        let is_here = |seen: &Observation| seen.pipeline == wanted.pipeline;
        let tiers: [&dyn Fn(&Observation) -> bool; 3] = [
            &|seen| is_here(seen) && seen.stage == wanted.stage.name,
            &|seen| is_here(seen) && base(&seen.stage) == wanted.stage.base,
            &|_| true,
        ];
        let chosen = tiers.iter().find_map(|tier| {
            let fits = all.iter().filter(|seen| tier(seen)).take(OBSERVATIONS);
            let fits: Vec<&Observation> = fits.copied().collect();
            (!fits.is_empty()).then_some(fits)
        })?;
        let by_epochs = |seen: &Observation| match (wanted.epochs, seen.epochs) {
            (Some(now), Some(then)) => now / then,
            _ => 1.0,
        };
        let points = |cost: &dyn Fn(&Observation) -> f64| -> Vec<(Option<f64>, f64)> {
            let point = |seen: &&Observation| (seen.rows.map(|rows| rows as f64), cost(seen));
            chosen.iter().map(point).collect()
        };
        let rows = wanted.rows.map(|rows| rows as f64);
        let wall = points(&|seen| seen.wall_secs * by_epochs(seen));
        let memory = points(&|seen| seen.peak_memory_bytes as f64);
        let bytes = points(&|seen| seen.output_bytes as f64);
        Some(Cost {
            wall_secs: at(&wall, rows, true),
            peak_memory_bytes: at(&memory, rows, false).round() as u64,
            output_bytes: at(&bytes, rows, true).round() as u64,
            from_runs: chosen.len(),
        })
    }
}

/// What a cost will be at so many rows, from what it was at others. Where earlier sizes are far enough
/// apart, it lies on the line through the smallest and the largest; else it is the median, and goes with
/// the rows where it is `proportional` to them.
fn at(points: &[(Option<f64>, f64)], rows: Option<f64>, proportional: bool) -> f64 {
    let sized: Vec<(f64, f64)> = points
        .iter()
        .filter_map(|(rows, cost)| Some(((*rows)?, *cost)))
        .collect();
    let least = sized.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
    let most = sized.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0));
    match (rows, least, most) {
        (Some(rows), Some(least), Some(most)) if most.0 >= SPREAD * least.0 => {
            let slope = ((most.1 - least.1) / (most.0 - least.0)).max(0.0);
            // Below the smallest size that was seen, half of its cost is as far as a line is believed.
            (least.1 + slope * (rows - least.0)).max(least.1 * (rows / least.0).min(0.5))
        }
        (Some(rows), Some(_), _) if proportional => {
            median(sized.iter().map(|(then, cost)| cost * rows / then))
        }
        _ => median(points.iter().map(|(_, cost)| *cost)),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn time_goes_with_the_rows_and_memory_stays() {
        let one_size = [
            (Some(100.0), 10.0),
            (Some(100.0), 12.0),
            (Some(100.0), 11.0),
        ];
        assert_eq!(at(&one_size, Some(200.0), true), 22.0);
        assert_eq!(at(&one_size, Some(200.0), false), 11.0);
        assert_eq!(at(&one_size, None, true), 11.0);
    }

    #[test]
    fn sizes_that_are_apart_give_a_line() {
        let two_sizes = [(Some(100.0), 10.0), (Some(300.0), 20.0)];
        assert_eq!(at(&two_sizes, Some(500.0), false), 30.0);
        // Noise: more rows were cheaper.
        let falling = [(Some(100.0), 20.0), (Some(300.0), 10.0)];
        assert_eq!(at(&falling, Some(500.0), true), 20.0);
        // Never nothing, and never below it.
        assert!(at(&[(Some(100.0), 1.0), (Some(200.0), 10.0)], Some(1.0), true) > 0.0);
    }

    #[test]
    fn epochs_end_where_a_rung_does() {
        assert_eq!(epochs(&json!({"epochs": 27, "stop_after": 3})), Some(3.0));
        assert_eq!(epochs(&json!({"epochs": 2, "stop_after": null})), Some(2.0));
        assert_eq!(epochs(&json!({"text": "x"})), None);
    }

    #[test]
    fn of_several_stages_times_add_up_and_memory_does_not() {
        let cost = |wall_secs, peak_memory_bytes, from_runs| Cost {
            wall_secs,
            peak_memory_bytes,
            output_bytes: 5,
            from_runs,
        };
        let total = Cost::total(&[cost(1.0, 10, 3), cost(2.0, 7, 1)]);
        assert_eq!(
            total,
            Some(Cost {
                output_bytes: 10,
                ..cost(3.0, 10, 1)
            })
        );
        assert_eq!(Cost::total(&[]), None);
    }
}
