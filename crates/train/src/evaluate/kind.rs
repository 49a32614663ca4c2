//! The kind `evaluate`: what a trained network says of any labelled examples.
//!
//! Reads a bundle and `tokens`, `bags` or `windows` of the same encoder; writes `predictions` and `metrics`, with the intervals that the
//! bundle was calibrated with. Of the examples that a training evaluated it says the same, to the last bit, on the same
//! threads and device. Nothing is learned here.

use std::collections::BTreeSet;

use cinescore_artifact::describe::{Input, KeyPart, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{BAGS, METRICS, PREDICTIONS, TOKENS, WINDOWS};
use cinescore_artifact::{Split, StageError};
use cinescore_model::{LIBTORCH_VERSION, compute, device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::logits;
use crate::results;
use crate::splits::SplitName;
use crate::trained::{BUNDLE, EXAMPLES, Trained};
use crate::training::TrainingError;

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
}

fn run(params: EvaluateParams, context: &mut TaskContext) -> Result<(), StageError> {
    compute::apart(context.threads(), || evaluate(&params, context))?
}

fn evaluate(params: &EvaluateParams, context: &mut TaskContext) -> Result<(), StageError> {
    let trained = Trained::open(context)?;
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
    let manifest = &trained.bundle.manifest;
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
    let mut evaluated = said.map_err(|error| match error {
        TrainingError::Interrupted => StageError::interrupted(),
        other => StageError::failed(other),
    })?;
    if let Some(calibration) = &manifest.calibration {
        results::add_intervals(calibration, &mut evaluated);
    }
    let subject = &trained.bundle.spec.name;
    let measured = results::measure(decoder, subject, &manifest.labels, &evaluated);
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
