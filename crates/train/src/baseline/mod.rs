//! The kind `baseline`: what needs no network.
//!
//! Owns the order of the work and the result: the trivial predictor; ridge regression and logistic regression over bags of
//! n-grams or the inputs of windows; and rules over the past of windows; with the outputs of `fit`, so that comparisons and reports take them as they take networks. Does not own how
//! bags are made (`featurize bags`: tf-idf for ridge regression, log-count ratios for the logistic one, which then is the NBSVM
//! of Wang and Manning, ACL 2012, with its logistic loss). Reads `bags` or `windows`; writes `predictions` and `metrics`.
//!
//! The strength of the penalty, and of the smoothing, is chosen on `valid`, intervals are fitted on `calib`. The same input gives the same bytes,
//! whatever the number of threads.

mod bags;
mod model;
mod newton;
mod params;
mod past;
mod sparse;
pub mod wide;

use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{BAGS, METRICS, PREDICTIONS, WINDOWS};
use cinescore_artifact::{Split, StageError};
use cinescore_model::task::{Quantity, Task};
use serde_json::json;

pub use params::{Alpha, BaselineParams, Model, Strength};

use crate::fit::errors::of_windows;
use crate::results::{self, Evaluated};
use bags::{Bags, BagsError, Splits};
use model::Baseline;
use past::Rule;

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "baseline",
        "Fit a model without a network and evaluate it",
        run,
    )
    .input(Input::tables(
        "examples",
        &[&BAGS, &WINDOWS],
        "the bags of n-grams of the reviews, or windows over popularity",
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
    let features = train.features();
    let alphas: Vec<f64> = params.alpha.iter().map(|own| own.0).collect();
    let season = season(&params, splits.slots)?;
    let rules = Rule::of(params.model, &alphas, season);
    let best = if rules.is_empty() {
        let start = Baseline::new(
            params.model,
            params.task,
            splits.quantity(),
            &train.labels,
            features,
        )
        .ok_or_else(|| StageError::failed("there are no training labels"))?;
        match params.model {
            Model::Trivial => start,
            _ => fit(&params, train, of(Split::Valid), start, context)?,
        }
    } else if splits.slots.is_some() {
        choose(&rules, &params, train, of(Split::Valid), context)
    } else {
        let message = format!("the baseline `{}` is for windows", params.model.name());
        return Err(StageError::usage(message).hint("take `model: ridge` or `model: logistic`"));
    };
    context.check_interrupt()?;

    let said = |split: Split| {
        let own = of(split);
        Evaluated {
            split,
            ids: own.ids.clone(),
            targets: own.labels.clone(),
            predicted: best.say(own, features),
            knowledge: splits.slots.is_some().then(|| own.knowledge.clone()),
        }
    };
    let mut evaluated: Vec<Evaluated> = Split::ALL[1..].iter().map(|&split| said(split)).collect();
    match results::calibrate(&best.decoder, &evaluated, Default::default()) {
        Some(calibration) => results::add_intervals(&calibration, &mut evaluated),
        None if params.task == Task::Binary => {}
        None => {
            context.warn("the split `calib` has too few examples: predictions have no intervals")
        }
    }
    let subject = params.model.name();
    let measured = results::measure(&best.decoder, subject, &best.labels, &evaluated);
    results::write_evaluated(context, &evaluated, &measured)?;
    let result = context.result();
    result
        .rows_in
        .insert("examples".into(), splits.rows() + splits.unlabelled);
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
        (Model::Trivial | Model::Logistic, Task::Binary | Task::Classes) => return Ok(()),
        (_, Task::Binary | Task::Classes) => Model::Logistic,
        (Model::Logistic, Task::Regression | Task::Count) => Model::Ridge,
        _ => return Ok(()),
    };
    Err(
        StageError::usage(format!("the baseline `{model}` is not for task `{task}`"))
            .hint(format!("take `model: {}`", wanted.name())),
    )
}

/// The slots of a season, where they are needed; else 1.
fn season(params: &BaselineParams, slots: Option<usize>) -> Result<usize, StageError> {
    let (Model::SeasonalNaive, Some(slots)) = (params.model, slots) else {
        return Ok(1);
    };
    match params.season.map(|season| season as usize) {
        None => Err(StageError::usage(
            "the baseline `seasonal_naive` needs `season`, the slots of a season",
        )
        .hint("4 for quarters, 12 for months, 52 for weeks, 7 for days")),
        Some(season) if season > slots => {
            let message = format!("windows of {slots} slots hold no season of {season}");
            Err(StageError::usage(message).hint("ask `featurize windows` for longer windows"))
        }
        Some(season) => Ok(season),
    }
}

/// The rule with the lowest squared error on the validation split, the first of several.
fn choose(
    rules: &[Rule],
    params: &BaselineParams,
    train: &Bags,
    valid: &Bags,
    context: &mut TaskContext,
) -> Baseline {
    let made = |rule: &Rule| {
        let quantity = Quantity::Popularity;
        Baseline::by_rule(*rule, params.task, quantity, &train.labels)
    };
    let losses: Vec<f64> = rules
        .iter()
        .map(|rule| {
            let model = made(rule);
            model.loss(&model.say(valid, 0), &valid.labels)
        })
        .collect();
    let best = (0..rules.len())
        .min_by(|&a, &b| losses[a].total_cmp(&losses[b]))
        .unwrap_or(0);
    let facts = &mut context.result().facts;
    if let Rule::Smoothing(alpha) = rules[best] {
        facts.insert("alpha".into(), alpha.into());
    }
    facts.insert("valid_loss".into(), losses[best].into());
    made(&rules[best])
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
        BagsError::Windows(error) => of_windows(error),
        BagsError::Task { .. } => {
            StageError::usage(error).hint("this task is for windows over popularity")
        }
        other => StageError::input(other),
    }
}
