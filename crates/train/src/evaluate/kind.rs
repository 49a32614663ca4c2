//! The kind `evaluate`: what a trained network says of any labelled examples.
//!
//! Reads a bundle and `tokens`, `bags` or `windows` of the same encoder; writes `predictions` and `metrics`, with the intervals that the
//! bundle was calibrated with. Of the examples that a training evaluated it says the same, to the last bit, on the same
//! threads and device. Nothing is learned here.
//!
//! A shard asks the network about its share of the batches, and leaves the outputs; the merge decodes them all and measures, as
//! one process would.

use std::collections::{BTreeSet, HashMap};

use cinescore_artifact::describe::{Input, KeyPart, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{BAGS, METRICS, PREDICTIONS, TOKENS, WINDOWS};
use cinescore_artifact::task::{PART, Shard};
use cinescore_artifact::{Split, StageError};
use cinescore_model::{LIBTORCH_VERSION, compute, device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::logits;
use crate::results::{self, Evaluated};
use crate::splits::SplitName;
use crate::trained::{BUNDLE, EXAMPLES, Trained};
use crate::training::TrainingError;

/// The outputs that a shard leaves.
const OUTPUTS_FILE: &str = "outputs.json";

/// The parameters of `evaluate`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateParams {
    /// The splits that are evaluated; one without labelled examples is left out.
    #[schemars(length(min = 1))]
    pub splits: Vec<SplitName>,
}

impl Default for EvaluateParams {
    fn default() -> Self {
        Self {
            splits: vec![SplitName::Valid, SplitName::Calib, SplitName::Test],
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "evaluate",
        "Evaluate a trained network on any labelled examples",
        run,
    )
    .input(Input::folder(BUNDLE, "the trained model"))
    .input(Input::tables(
        EXAMPLES,
        &[&TOKENS, &BAGS, &WINDOWS],
        "reviews that its encoder encoded, or windows that it made",
    ))
    .input(logits::input())
    .output(Output::table(
        "predictions",
        &PREDICTIONS,
        "what the network says of them",
    ))
    .output(Output::table(
        "metrics",
        &METRICS,
        "its figures beside the trivial predictor's",
    ))
    .keyed_by(KeyPart::Threads)
    .keyed_by(KeyPart::Device)
    .keyed_by_libtorch(LIBTORCH_VERSION)
    .sharded(run_share, run_merge)
}

fn run(params: EvaluateParams, context: &mut TaskContext) -> Result<(), StageError> {
    compute::apart(context.threads(), || evaluate(&params, context))?
}

fn run_share(
    params: EvaluateParams,
    shard: Shard,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    compute::apart(context.threads(), || share(&params, shard, context))?
}

fn run_merge(params: EvaluateParams, context: &mut TaskContext) -> Result<(), StageError> {
    compute::apart(context.threads(), || merge(&params, context))?
}

/// The splits that are asked for, of which at least one has examples.
fn asked(params: &EvaluateParams, trained: &Trained) -> Result<Vec<Split>, StageError> {
    let splits: BTreeSet<Split> = params.splits.iter().map(|split| (*split).into()).collect();
    let splits: Vec<Split> = splits.into_iter().collect();
    let examples = &trained.examples;
    if splits.iter().all(|&split| examples.rows(split).is_empty()) {
        let names: Vec<&str> = splits.iter().map(|split| split.name()).collect();
        let message = format!(
            "there is nothing to evaluate: no example of {} has a label for task `{}`",
            names.join(", "),
            trained.decoder().task()
        );
        return Err(StageError::input(message).hint("name other `splits`"));
    }
    Ok(splits)
}

fn evaluate(params: &EvaluateParams, context: &mut TaskContext) -> Result<(), StageError> {
    let trained = Trained::open(context)?;
    let splits = asked(params, &trained)?;
    let examples = &trained.examples;
    let decoder = trained.decoder();
    let said = super::splits(
        &trained.bundle.net,
        examples,
        decoder,
        &splits,
        |done, total, split| {
            let message = format!("evaluating {}", split.name());
            let progress = context.progress();
            progress.update(done, Some(total), "evaluated examples", &message);
            context
                .check_interrupt()
                .map_err(|_interrupted| TrainingError::Interrupted)
        },
    );
    let evaluated = said.map_err(of_training)?;
    finish(&trained, evaluated, context)
}

fn of_training(error: TrainingError) -> StageError {
    match error {
        TrainingError::Interrupted => StageError::interrupted(),
        other => StageError::failed(other),
    }
}

/// The outputs of an example: its row, and their bits, since no digit may be lost on the way.
type Line = (usize, Vec<u64>);

fn share(
    params: &EvaluateParams,
    shard: Shard,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let trained = Trained::open(context)?;
    let splits = asked(params, &trained)?;
    let mut done = 0;
    let net = &trained.bundle.net;
    let said = super::share(net, &trained.examples, &splits, shard, |count| {
        done += count as u64;
        let progress = context.progress();
        progress.update(done, None, "evaluated examples", "evaluating");
        context
            .check_interrupt()
            .map_err(|_interrupted| TrainingError::Interrupted)
    });
    let said = said.map_err(of_training)?;
    let rows = said.len() as u64;
    let lines = said
        .into_iter()
        .map(|(row, outputs)| -> Line { (row, outputs.into_iter().map(f64::to_bits).collect()) });
    let lines: Vec<Line> = lines.collect();
    let json = serde_json::to_vec(&lines).map_err(StageError::failed)?;
    fs_err::write(context.part().join(OUTPUTS_FILE), json)?;
    let result = context.result();
    result.rows_out.insert(PART.into(), rows);
    result.device = Some(device::name(trained.device));
    Ok(())
}

fn merge(params: &EvaluateParams, context: &mut TaskContext) -> Result<(), StageError> {
    let trained = Trained::open(context)?;
    let splits = asked(params, &trained)?;
    let mut by_row = HashMap::new();
    for part in context.parts() {
        let bytes = fs_err::read(part.join(OUTPUTS_FILE))?;
        let lines: Vec<Line> = serde_json::from_slice(&bytes).map_err(StageError::input)?;
        let outputs = |bits: Vec<u64>| bits.into_iter().map(f64::from_bits).collect::<Vec<_>>();
        by_row.extend(lines.into_iter().map(|(row, bits)| (row, outputs(bits))));
    }
    let decoder = trained.decoder();
    let evaluated = super::decoded(&trained.examples, decoder, &splits, &by_row);
    let evaluated = evaluated.ok_or_else(|| {
        StageError::input(
            "the shards have no outputs of some examples: they are not all shards of this work",
        )
    })?;
    finish(&trained, evaluated, context)
}

/// Measures what is said, and writes it.
fn finish(
    trained: &Trained,
    mut evaluated: Vec<Evaluated>,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let (manifest, examples) = (&trained.bundle.manifest, &trained.examples);
    if let Some(calibration) = &manifest.calibration {
        results::add_intervals(calibration, &mut evaluated);
    }
    let subject = &trained.bundle.spec.name;
    let measured = results::measure(trained.decoder(), subject, &manifest.labels, &evaluated);
    results::write_evaluated(context, &evaluated, &measured)?;
    let left_out: u64 = Split::ALL
        .iter()
        .map(|&split| examples.unlabelled(split))
        .sum();
    let result = context.result();
    result
        .rows_in
        .insert(EXAMPLES.into(), examples.len() as u64 + left_out);
    result.metrics = results::by_name(subject, &measured);
    result
        .facts
        .insert("examples_without_label".into(), left_out.into());
    result.device = Some(device::name(trained.device));
    Ok(())
}
