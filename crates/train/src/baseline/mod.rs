//! The kind `baseline`: what needs no network.
//!
//! Owns the order of the work and the result: the trivial predictor, ridge regression and logistic regression over bags of
//! n-grams, with the outputs of `fit`, so that comparisons and reports take them as they take networks. Does not own how
//! bags are made (`featurize bags`: tf-idf for ridge regression, log-count ratios for the logistic one, which then is the NBSVM
//! of Wang and Manning, ACL 2012, with its logistic loss). Reads `bags`; writes `predictions` and `metrics`.
//!
//! The strength of the penalty is chosen on `valid`, intervals are fitted on `calib`. The same input gives the same bytes,
//! whatever the number of threads.

mod bags;
mod model;
mod newton;
mod params;
mod sparse;

use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{BAGS, METRICS, PREDICTIONS};
use cinescore_artifact::{Split, StageError};
use cinescore_model::task::Task;
use serde_json::json;

pub use params::{BaselineParams, Model, Strength};

use crate::results::{self, Evaluated};
use bags::{Bags, BagsError, Splits};
use model::Baseline;

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "baseline",
        "Fit a model without a network and evaluate it",
        run,
    )
    .input(Input::table(
        "examples",
        &BAGS,
        "the bags of n-grams of the reviews",
    ))
    .output(Output::table(
        "predictions",
        &PREDICTIONS,
        "what it says of valid, calib and test",
    ))
    .output(Output::table(
        "metrics",
        &METRICS,
        "its figures beside the trivial predictor's",
    ))
}

fn run(params: BaselineParams, context: &mut TaskContext) -> Result<(), StageError> {
    check(&params)?;
    let splits = Splits::read(&context.input("examples")?.path, params.task).map_err(of_bags)?;
    let empty = Bags::default();
    let of = |split| splits.of(split).unwrap_or(&empty);
    let train = of(Split::Train);
    let labels = results::count_labels(&train.labels);
    let features = train.features();
    let mut best = Baseline::new(params.model, params.task, &labels, features)
        .ok_or_else(|| StageError::failed("there are no training labels"))?;
    if params.model != Model::Trivial {
        best = fit(&params, train, of(Split::Valid), best, context)?;
    }
    context.check_interrupt()?;

    let said = |split: Split| {
        let own = of(split);
        Evaluated {
            split,
            ids: own.ids.clone(),
            targets: own.labels.clone(),
            predicted: best.predict(&own.matrix(features), own.ids.len()),
        }
    };
    let mut evaluated: Vec<Evaluated> = Split::ALL[1..].iter().map(|&split| said(split)).collect();
    match results::calibrate(&best.decoder, &evaluated) {
        Some(calibration) => results::add_intervals(&calibration, &mut evaluated),
        None if params.task == Task::Binary => {}
        None => context.warn("the split `calib` is empty: predictions have no intervals"),
    }
    let subject = params.model.name();
    let measured = results::measure(&best.decoder, subject, &labels, &evaluated);
    let rows = [
        (
            "predictions",
            results::write_predictions(&context.output("predictions"), &evaluated)?,
        ),
        (
            "metrics",
            results::write_metrics(&context.output("metrics"), &measured)?,
        ),
    ];
    let result = context.result();
    result
        .rows_in
        .insert("examples".into(), splits.rows() + splits.unlabelled);
    result
        .rows_out
        .extend(rows.map(|(name, rows)| (name.to_owned(), rows)));
    result.metrics = results::by_name(subject, &measured);
    result.facts.insert("features".into(), features.into());
    result
        .facts
        .insert("examples_without_label".into(), splits.unlabelled.into());
    Ok(())
}

/// That the model is one for the task.
fn check(params: &BaselineParams) -> Result<(), StageError> {
    let (model, task) = (params.model.name(), params.task);
    let wanted = match (params.model, task) {
        (_, Task::Ordinal) => {
            return Err(StageError::usage("no baseline is for task `ordinal`")
                .hint("take `task: classes`, or `task: regression` with `model: ridge`"));
        }
        (Model::Ridge, Task::Binary | Task::Classes) => Model::Logistic,
        (Model::Logistic, Task::Regression) => Model::Ridge,
        _ => return Ok(()),
    };
    Err(
        StageError::usage(format!("the baseline `{model}` is not for task `{task}`"))
            .hint(format!("take `model: {}`", wanted.name())),
    )
}

/// Fits the model with each strength, the strongest first, and gives the best on the validation split.
fn fit(
    params: &BaselineParams,
    train: &Bags,
    valid: &Bags,
    start: Baseline,
    context: &mut TaskContext,
) -> Result<Baseline, StageError> {
    let features = train.features();
    let (matrix, other) = (train.matrix(features), valid.matrix(features));
    let mut strengths: Vec<f64> = params.l2.iter().map(|own| own.0).collect();
    strengths.sort_by(|a, b| b.total_cmp(a));
    let mut best: Option<(f64, f64, Baseline)> = None;
    let mut candidates = Vec::new();
    for l2 in strengths {
        context.check_interrupt()?;
        context
            .progress()
            .step(&format!("fitting {} with l2 {l2}", params.model.name()));
        let mut model = start.clone();
        let ended = model.fit(&matrix, &train.labels, l2);
        if ended.iter().any(|ended| !ended.converged) {
            context.warn(format!("the fit with l2 {l2} did not converge"));
        }
        let loss = model.loss(&model.predict(&other, valid.ids.len()), &valid.labels);
        let steps: Vec<u32> = ended.iter().map(|ended| ended.steps).collect();
        candidates.push(json!({"l2": l2, "valid_loss": loss, "steps": steps}));
        if best.as_ref().is_none_or(|(least, _, _)| loss < *least) {
            best = Some((loss, l2, model));
        }
    }
    let facts = &mut context.result().facts;
    facts.insert("candidates".into(), candidates.into());
    let Some((_, l2, model)) = best else {
        return Ok(start);
    };
    facts.insert("l2".into(), l2.into());
    Ok(model)
}

fn of_bags(error: BagsError) -> StageError {
    match error {
        BagsError::Table(error) => error.into(),
        other => StageError::input(other),
    }
}
