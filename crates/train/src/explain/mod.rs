//! The kind `explain`: which words decided a prediction.
//!
//! Owns the order of the work and the result. Reads a bundle, `tokens` of its encoder and, to choose reviews by them, its
//! predictions; writes
//! `attributions` and, as `metrics`, the test of whether the words that are named do decide. For networks that read token by
//! token; what a prediction is, is the probability of positive, or stars.
//!
//! A word is taken away by making it `<unknown>`, for every method alike. Integrated gradients of a review add up to
//! its prediction less that of the review without known words (completeness); `completeness_error` is the mean
//! distance from that, which more `steps` make smaller.

mod choose;
mod deletion;
mod params;
mod review;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::describe::{Input, KeyPart, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{ATTRIBUTIONS, METRICS, PREDICTIONS, TOKENS};
use cinescore_artifact::{Split, StageError};
use cinescore_model::{LIBTORCH_VERSION, compute, device};
use cinescore_network::InputSpec;
use tch::TchError;

pub use choose::Choice;
pub use params::{ExplainParams, Method};

use crate::logits;
use crate::results::{self, Measured};
use crate::slices::Judged;
use crate::trained::{BUNDLE, EXAMPLES, Trained};
use choose::Chosen;
use deletion::Deletion;
use review::{Explained, Review};

/// What the network said.
const PREDICTED: &str = "predictions";

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "explain",
        "Say which words decided a network's predictions",
        run,
    )
    .input(Input::folder(BUNDLE, "the trained model"))
    .input(Input::table(
        EXAMPLES,
        &TOKENS,
        "reviews that its encoder encoded",
    ))
    .input(
        Input::table(
            PREDICTED,
            &PREDICTIONS,
            "its predictions, by which `choose` finds the worst, the least certain and the best",
        )
        .optional(),
    )
    .input(logits::input())
    .output(Output::table(
        "attributions",
        &ATTRIBUTIONS,
        "what each token of some reviews added, by method",
    ))
    .output(Output::table(
        "metrics",
        &METRICS,
        "the deletion test: how far the top words move the prediction, and random ones",
    ))
    .keyed_by(KeyPart::Threads)
    .keyed_by(KeyPart::Device)
    .keyed_by_libtorch(LIBTORCH_VERSION)
}

fn run(params: ExplainParams, context: &mut TaskContext) -> Result<(), StageError> {
    compute::apart(context.threads(), || explain(&params, context))?
}

/// What was found in one review.
struct Found {
    review_id: u64,
    /// Whether it is one of the sample, which alone the figures are of.
    sampled: bool,
    /// The tokens' names.
    tokens: Vec<String>,
    /// One weight for each of them.
    weights: Vec<(Method, Vec<f64>)>,
    deletion: Option<Deletion>,
    /// How far integrated gradients are from adding up.
    incomplete: Option<f64>,
}

fn explain(params: &ExplainParams, context: &mut TaskContext) -> Result<(), StageError> {
    let trained = Trained::open(context)?;
    let spec = &trained.bundle.spec;
    if !matches!(
        spec.input,
        InputSpec::Tokens(_) | InputSpec::OneHot(_) | InputSpec::Regions(_)
    ) {
        let message = format!(
            "the network `{}` does not read token by token, so no token of it can be explained",
            spec.name
        );
        return Err(StageError::usage(message));
    }
    let split = Split::from(params.split);
    let rows = trained.examples.rows(split);
    if rows.is_empty() {
        let message = format!("the split `{}` has no review with a label", split.name());
        return Err(StageError::input(message).hint("name another `split`"));
    }
    let explained = Explained {
        net: &trained.bundle.net,
        decoder: trained.decoder(),
        ids: trained.bundle.manifest.ids,
        masks: spec.input.masks(),
        logits: &[],
    };
    let said = match context.optional_input(PREDICTED) {
        Some(input) => Judged::read(input, &[split])?.splits.remove(&split),
        None => None,
    };
    let chosen = choose::choose(params, &trained.examples, split, said.as_ref())?;
    let count = chosen.len();
    let mut methods = params.methods.clone();
    methods.sort();
    methods.dedup();
    let mut all = Vec::with_capacity(count);
    for (number, chosen) in chosen.into_iter().enumerate() {
        context.check_interrupt()?;
        let found = of_review(&trained, &explained, chosen, &methods, params);
        all.push(found.map_err(StageError::failed)?);
        let done = number as u64 + 1;
        context
            .progress()
            .update(done, Some(count as u64), "explained reviews", "explaining");
    }
    let missing = methods.iter().filter(|method| {
        all.iter()
            .any(|own| own.weights.iter().all(|(other, _)| other != *method))
    });
    for method in missing {
        let reason = match method {
            Method::Attention => "it has no attention over its tokens",
            _ => "it has no vectors of tokens",
        };
        context.progress().step(&format!(
            "no {} of `{}`: {reason}",
            method.name(),
            spec.name
        ));
    }
    write(&trained, split, &methods, &mut all, context)
}

fn of_review(
    trained: &Trained,
    explained: &Explained<'_>,
    chosen: Chosen,
    methods: &[Method],
    params: &ExplainParams,
) -> Result<Found, TchError> {
    let review = Review::new(trained.examples.ids(chosen.row));
    // The words are left out of what the network reads itself; linear models beside it go on reading them.
    let logits: Vec<f32> = trained.examples.logits(chosen.row).copied().collect();
    let explained = &Explained {
        logits: &logits,
        ..*explained
    };
    let review_id = trained.examples.review_id(chosen.row);
    let ends = [review.ids.to_vec(), review.without(&review.words)];
    let said = explained.predict(&ends)?;
    let (predicted, base) = (said[0], said[1]);
    let mut weights = Vec::with_capacity(methods.len());
    let mut incomplete = None;
    for &method in methods {
        let own = match method {
            Method::Attention => explained.attention(&review)?,
            Method::Occlusion => Some(explained.occlusion(&review, predicted)?),
            Method::IntegratedGradients => {
                let own = explained.integrated_gradients(&review, params.steps)?;
                incomplete = own
                    .as_ref()
                    .map(|own| (own.iter().sum::<f64>() - (predicted - base)).abs());
                own
            }
        };
        weights.extend(own.map(|own| (method, own)));
    }
    let ends = (predicted, base);
    let deletion = deletion::test(explained, &review, review_id, ends, &weights, params)?;
    for (_, own) in &mut weights {
        *own = review.tokens.iter().map(|&place| own[place]).collect();
    }
    let name = |&place: &usize| {
        let id = usize::try_from(review.ids[place]).unwrap_or(usize::MAX);
        trained.bundle.encoder.name(id).unwrap_or("?").to_owned()
    };
    Ok(Found {
        review_id,
        sampled: chosen.sampled,
        tokens: review.tokens.iter().map(name).collect(),
        weights,
        deletion,
        incomplete,
    })
}

fn write(
    trained: &Trained,
    split: Split,
    methods: &[Method],
    all: &mut [Found],
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let sample = || all.iter().filter(|own| own.sampled);
    let deletions: Vec<Deletion> = sample().filter_map(|own| own.deletion.clone()).collect();
    let complete: Vec<f64> = sample().filter_map(|own| own.incomplete).collect();
    let subject = &trained.bundle.spec.name;
    let measured = [Measured {
        subject: subject.clone(),
        split,
        figures: deletion::figures(&deletions, methods, &complete),
    }];
    all.sort_by_key(|own| own.review_id);
    let rows = [
        (
            "attributions",
            write_attributions(&context.output("attributions"), all)?,
        ),
        (
            "metrics",
            results::write_metrics(&context.output("metrics"), &measured)?,
        ),
    ];
    let examples = trained.examples.len() as u64;
    let result = context.result();
    result.rows_in.insert(EXAMPLES.into(), examples);
    result
        .rows_out
        .extend(rows.map(|(name, rows)| (name.to_owned(), rows)));
    result.metrics = results::by_name(subject, &measured);
    result.facts.insert("reviews".into(), all.len().into());
    result.device = Some(device::name(trained.device));
    Ok(())
}

/// Writes `attributions` and returns its number of rows.
fn write_attributions(path: &std::path::Path, all: &[Found]) -> Result<u64, StageError> {
    let mut rows: Vec<(u64, u32, &str, &str, f64)> = Vec::new();
    for own in all {
        for (method, weights) in &own.weights {
            for (position, (token, weight)) in own.tokens.iter().zip(weights).enumerate() {
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                rows.push((own.review_id, position, token, method.name(), *weight));
            }
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<UInt32Array>()),
        Arc::new(rows.iter().map(|row| Some(row.2)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| Some(row.3)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
    ];
    results::write(path, &ATTRIBUTIONS, columns)
}
