//! The kind `wide`: the linear model that a network has beside it.
//!
//! Owns a logistic regression over naive Bayes' log-count ratios (the NBSVM of Wang and Manning, ACL 2012, with its
//! logistic loss), written as a bundle that rates texts by itself, and its logit for every review. A network whose file
//! says `wide: true` reads that logit beside its own features (Wide & Deep: Cheng et al., DLRS 2016) and learns what the
//! linear model misses. Does not own the bags (`featurize bags` with `values: log_count_ratio`), nor the folds
//! (`featurize folds`).
//!
//! Of reviews that it was fitted on, a linear model over as many n-grams as this one knows nearly all labels, and a
//! network would learn to believe it. So each training review's logit is that of a model that saw no review of its fold,
//! whose ratios were counted without that fold too (Wolpert, Neural Networks 1992). The logits of all other
//! reviews are those of the model that is kept; so are those of training reviews with 5 or 6 stars, which are neither positive
//! nor negative and of which it learned nothing.

mod crossfit;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::digest::Digest;
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::TableReader;
use cinescore_artifact::tables::{BAGS, FOLDS, LOGITS, METRICS, MODEL_KEY, PREDICTIONS};
use cinescore_artifact::{Split, StageError};
use cinescore_model::bundle::{self, BUNDLE_VERSION, Encoder, Manifest};
use cinescore_model::task::{Quantity, Task};
use cinescore_model::{LIBTORCH_VERSION, Net, compute};
use cinescore_network::{self as network, NetworkSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::{Device, Tensor};

use super::bags::{Bags, Splits};
use super::model::{decoder, plain};
use super::newton::{Linear, Loss, logistic};
use super::params::Strength;
use crate::examples::check_terms;
use crate::fit::errors::{of_bundle, of_examples};
use crate::folds::Folds;
use crate::results::{self, Evaluated};
use crossfit::Ratios;

/// The linear model as a network: the sum of a bag's values, each times a weight, and a bias.
const NETWORK: &str = "
name: nb_logistic
about: Logistic regression over naive Bayes' log-count ratios of n-grams, fitted to the end (the kind `wide`).
input: {kind: bag, embedding: {size: 1, start: 0.0, bias: true}}
layers: []
head: {outputs: 1}
";

/// How the linear model is fitted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WideParams {
    /// Strengths of the penalty, of which the one with the lowest log loss on the validation split is taken, as in
    /// `baseline`: scikit-learn's 1 / `C`.
    #[schemars(length(min = 1))]
    pub l2: Vec<Strength>,
}

impl Default for WideParams {
    fn default() -> Self {
        Self {
            l2: [0.01, 0.03, 0.1, 0.3].map(Strength).into(),
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    let about = "Fit a linear model that a network with `wide` has beside it";
    Kind::new("wide", about, run)
        .input(Input::table(
            "examples",
            &BAGS,
            "the bags of n-grams of the reviews, with log-count ratios as values",
        ))
        .input(Input::file("encoder", "the encoder that made them"))
        .input(Input::table(
            "folds",
            &FOLDS,
            "the folds of the training reviews",
        ))
        .output(Output::folder("bundle", "the linear model, as a bundle"))
        .output(Output::table(
            "logits",
            &LOGITS,
            "what it says of each review; of a training review what a model says that did not see its fold",
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
        .keyed_by_libtorch(LIBTORCH_VERSION)
}

fn run(params: WideParams, context: &mut TaskContext) -> Result<(), StageError> {
    let path = &context.input("encoder")?.path;
    let (encoder, encoder_bytes) = bundle::read_encoder(path).map_err(StageError::input)?;
    let ratios = ratios_of(&encoder)?;
    let path = &context.input("examples")?.path;
    if let Encoder::Bags(file) = &encoder {
        let table = TableReader::open(path, &BAGS)?;
        check_terms(&table, path, &file.terms()).map_err(of_examples)?;
    }
    let splits = Splits::read(path, Task::Binary).map_err(super::of_bags)?;
    let empty = Bags::default();
    let of = |split| splits.of(split).unwrap_or(&empty);
    let train = of(Split::Train);
    if train.features() > ratios.columns {
        let message = format!(
            "the bags have n-grams up to {}, and the encoder's end at {}: they do not belong together",
            train.features() - 1,
            ratios.columns.saturating_sub(1)
        );
        return Err(StageError::input(message));
    }
    let folds = folds_of(&train.ids, &context.input("folds")?.path)?;
    let (l2, model) = choose(&params, train, of(Split::Valid), ratios.columns, context)?;
    let crossed = cross(&ratios, train, &folds, l2, context)?;
    let said = |split: Split| match split {
        Split::Train => crossed.clone(),
        _ => model.margins(&of(split).matrix(ratios.columns)),
    };
    let logits: BTreeMap<Split, Vec<f64>> = Split::ALL
        .into_iter()
        .map(|split| (split, said(split)))
        .collect();

    let others: BTreeMap<Split, Vec<f64>> = Split::ALL
        .into_iter()
        .filter_map(|split| {
            let own = splits.others(split)?;
            Some((split, model.margins(&own.matrix(ratios.columns))))
        })
        .collect();

    let evaluated: Vec<Evaluated> = Split::ALL[1..]
        .iter()
        .map(|&split| Evaluated {
            split,
            ids: of(split).ids.clone(),
            targets: of(split).labels.clone(),
            predicted: logits[&split]
                .iter()
                .map(|logit| plain(logistic(*logit)))
                .collect(),
            knowledge: None,
        })
        .collect();
    let spec = network::parse(NETWORK, Path::new("nb_logistic.yaml"), &BTreeMap::new())
        .map_err(StageError::failed)?;
    let (decoder, labels) = decoder(Task::Binary, Quantity::Stars, &train.labels);
    let measured = results::measure(&decoder, &spec.name, &labels, &evaluated);
    let metrics = results::by_name(&spec.name, &measured);
    let manifest = Manifest {
        version: BUNDLE_VERSION,
        decoder,
        calibration: None,
        labels,
        ids: ratios.columns,
        parameters: network::parameter_count(&spec, ratios.columns),
        chosen_epoch: 1,
        metrics: metrics.clone(),
        libtorch: LIBTORCH_VERSION.into(),
        files: BTreeMap::new(),
    };
    let folder = context.output("bundle");
    compute::apart(context.threads(), || {
        let net = network_of(&spec, &model, ratios.columns).map_err(StageError::failed)?;
        bundle::save(&folder, &manifest, &spec, &encoder_bytes, &net, &[]).map_err(of_bundle)
    })??;
    let model = bundle::digest(&folder).map_err(of_bundle)?;
    let path = context.output("logits");
    let written = write_logits(&path, &model, &splits, &logits, &others)?;
    results::write_evaluated(context, &evaluated, &measured)?;
    let result = context.result();
    result
        .rows_in
        .insert("examples".into(), splits.rows() + splits.unlabelled);
    result.rows_out.insert("logits".into(), written);
    result.metrics = metrics;
    let right = crossed.iter().zip(&train.labels);
    let right = right.filter(|(logit, label)| (**logit > 0.0) == (**label > 0.5));
    let share = right.count() as f64 / crossed.len().max(1) as f64;
    result
        .metrics
        .insert("train.crossed_accuracy".into(), share);
    let losses = crossed.iter().zip(&train.labels);
    let losses = losses.map(|(logit, label)| Loss::Logistic.value(*logit, *label));
    let loss = losses.sum::<f64>() / crossed.len().max(1) as f64;
    result.metrics.insert("train.crossed_log_loss".into(), loss);
    result.facts.insert("l2".into(), l2.into());
    Ok(())
}

/// How the values of the bags came about, which must be log-count ratios.
fn ratios_of(encoder: &Encoder) -> Result<Ratios, StageError> {
    let hint = "give it `bags` and `encoder` of `featurize bags` with `values: log_count_ratio`";
    let Encoder::Bags(file) = encoder else {
        return Err(StageError::usage("the encoder is not one of bags").hint(hint));
    };
    let setting = |name: &str| file.bag.get(name);
    let text = |name: &str| setting(name).and_then(Value::as_str);
    let smoothing = setting("smoothing").and_then(Value::as_f64);
    match (text("values"), smoothing) {
        (Some("log_count_ratio"), Some(smoothing)) => Ok(Ratios {
            smoothing,
            normed: text("norm") == Some("l2"),
            columns: encoder.ids(),
        }),
        (values, _) => {
            let message = format!(
                "the values of the bags are `{}`, and not log-count ratios",
                values.unwrap_or("unknown")
            );
            Err(StageError::usage(message).hint(hint))
        }
    }
}

/// The fold of each training review.
fn folds_of(reviews: &[u64], path: &Path) -> Result<Vec<u32>, StageError> {
    let folds = Folds::read(path)?.of(reviews)?;
    if folds.iter().min() == folds.iter().max() {
        let message = "all training reviews are in one fold, and none is left to learn from";
        return Err(StageError::input(message).hint("ask `featurize folds` for two folds or more"));
    }
    Ok(folds)
}

/// Fits the model of all training reviews with each strength, the strongest first, and gives the one with the lowest loss on
/// the validation split.
fn choose(
    params: &WideParams,
    train: &Bags,
    valid: &Bags,
    columns: usize,
    context: &mut TaskContext,
) -> Result<(f64, Linear), StageError> {
    let (matrix, other) = (train.matrix(columns), valid.matrix(columns));
    let mut strengths: Vec<f64> = params.l2.iter().map(|own| own.0).collect();
    strengths.sort_by(|a, b| b.total_cmp(a));
    let mut model = Linear::zero(columns);
    let mut best: Option<(f64, f64, Linear)> = None;
    let mut candidates = Vec::new();
    for l2 in strengths {
        context.check_interrupt()?;
        context
            .progress()
            .step(&format!("fitting all training reviews with l2 {l2}"));
        let ended = model.fit(&matrix, &train.labels, Loss::Logistic, l2);
        if !ended.converged {
            context.warn(format!("the fit with l2 {l2} did not converge"));
        }
        let margins = model.margins(&other);
        let losses = margins.iter().zip(&valid.labels);
        let loss = losses
            .map(|(margin, label)| Loss::Logistic.value(*margin, *label))
            .sum::<f64>()
            / margins.len().max(1) as f64;
        candidates.push(json!({"l2": l2, "valid_loss": loss, "steps": ended.steps}));
        if best.as_ref().is_none_or(|(least, _, _)| loss < *least) {
            best = Some((loss, l2, model.clone()));
        }
    }
    let facts = &mut context.result().facts;
    facts.insert("candidates".into(), candidates.into());
    best.map(|(_, l2, model)| (l2, model))
        .ok_or_else(|| StageError::usage("parameter `l2` is empty"))
}

/// The logit of each training review by the model of the other folds.
fn cross(
    ratios: &Ratios,
    train: &Bags,
    folds: &[u32],
    l2: f64,
    context: &mut TaskContext,
) -> Result<Vec<f64>, StageError> {
    let mut crossed = vec![0.0; train.ids.len()];
    let mut all = folds.to_vec();
    all.sort_unstable();
    all.dedup();
    for (number, &fold) in (1..).zip(&all) {
        context.check_interrupt()?;
        let (done, total) = (number - 1, Some(all.len() as u64));
        let message = format!("fitting without fold {number} of {}", all.len());
        context.progress().update(done, total, "folds", &message);
        let (ended, said) = ratios.without(train, folds, fold, l2).ok_or_else(|| {
            let message = format!("without fold {fold}, all training reviews have one label");
            StageError::input(message).hint("ask `featurize folds` for other folds")
        })?;
        if !ended.converged {
            context.warn(format!("the fit without fold {fold} did not converge"));
        }
        for (row, logit) in said {
            crossed[row] = logit;
        }
    }
    Ok(crossed)
}

/// The network with the model's weights.
fn network_of(spec: &NetworkSpec, model: &Linear, columns: usize) -> Result<Net, tch::TchError> {
    let net = Net::new(spec, columns, Device::Cpu)?;
    let (bias, weights) = model.split();
    for (name, mut variable) in net.variables() {
        let values: Vec<f32> = match name.ends_with("bias") {
            true => vec![bias as f32],
            false => weights.iter().map(|weight| *weight as f32).collect(),
        };
        let values = Tensor::f_from_slice(&values)?.f_view(variable.size().as_slice())?;
        tch::no_grad(|| variable.f_copy_(&values))?;
    }
    Ok(net)
}

/// Writes the logits of the model with that digest, those of reviews without a label among them, sorted by review, and returns
/// their number.
fn write_logits(
    path: &Path,
    model: &Digest,
    splits: &Splits,
    logits: &BTreeMap<Split, Vec<f64>>,
    others: &BTreeMap<Split, Vec<f64>>,
) -> Result<u64, StageError> {
    let mut rows: Vec<(u64, Split, f64)> = Vec::new();
    let labelled = logits
        .iter()
        .map(|(split, logits)| (*split, splits.of(*split), logits));
    let others = others
        .iter()
        .map(|(split, logits)| (*split, splits.others(*split), logits));
    for (split, bags, logits) in labelled.chain(others) {
        let ids = bags.map_or(&[][..], |own| &own.ids);
        rows.extend(
            ids.iter()
                .zip(logits)
                .map(|(&id, &logit)| (id, split, logit)),
        );
    }
    rows.sort_by_key(|row| row.0);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<UInt64Array>()),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.1.name()))
                .collect::<StringArray>(),
        ),
        Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>()),
    ];
    let note = (MODEL_KEY, model.to_string());
    results::write_noted(path, &LOGITS, columns, Some(note))
}
