//! The kind `fit`: examples, an encoder and a network file to a trained model.
//!
//! Owns the order of the work, the checks before it, and the result. Does not own any step of it. Reads
//! `tokens`, an encoder file and a network file; writes the folder `bundle` and the tables `history`,
//! `predictions` and `metrics`.

mod params;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, KeyPart, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{HISTORY, METRICS, PREDICTIONS, TOKENS};
use cinescore_model::bundle::{self, BUNDLE_VERSION, BundleError, Manifest};
use cinescore_model::{LIBTORCH_VERSION, Net, compute, device};
use cinescore_network::{self as network, InputSpec, NetworkSpec};
use tch::Device;

pub use params::FitParams;

use crate::examples::{Examples, ExamplesError, Layout, Split};
use crate::figures;
use crate::objective::Objective;
use crate::training::{Schedule, Training, TrainingError, Watch, train};
use crate::{evaluate, random};
use tables::{Evaluated, Measured};

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new("fit", "Train a network and evaluate it", run)
        .input(Input::table("examples", &TOKENS, "the encoded reviews"))
        .input(Input::file("encoder", "the encoder that made their ids"))
        .input(Input::network("network", "the network file"))
        .output(Output::folder(
            "bundle",
            "the trained model: weights, network, encoder",
        ))
        .output(Output::table(
            "history",
            &HISTORY,
            "losses and scores of every epoch",
        ))
        .output(Output::table(
            "predictions",
            &PREDICTIONS,
            "what the network says of valid, calib and test",
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

fn run(params: FitParams, context: &mut TaskContext) -> Result<(), StageError> {
    compute::apart(context.threads(), || fit(&params, context))?
}

fn fit(params: &FitParams, context: &mut TaskContext) -> Result<(), StageError> {
    let device = choose_device(context)?;
    let (encoder, encoder_bytes) =
        bundle::read_encoder(&context.input("encoder")?.path).map_err(StageError::input)?;
    let spec = read_network(params, context)?;
    let InputSpec::Tokens(input) = &spec.input;
    let layout = if input.mask {
        Layout::Trimmed
    } else {
        Layout::Padded
    };
    let examples = Examples::read(
        &context.input("examples")?.path,
        params.task,
        layout,
        &encoder,
    )
    .map_err(of_examples)?;
    let objective = Objective::new(params.task, &examples);
    let parameters = network::parameter_count(&spec, encoder.ids());

    random::seed_torch(params.seed, random::INITIALISATION);
    let net = Net::new(&spec, encoder.ids(), device).map_err(StageError::failed)?;
    let schedule = Schedule {
        seed: params.seed,
        epochs: params.epochs,
        batch: usize::try_from(params.batch).unwrap_or(usize::MAX),
        optimizer: params.optimizer,
    };
    let training = train(&net, &examples, objective, &schedule, &mut Told(context))
        .map_err(|error| of_training(error, params))?;
    let evaluated = evaluate_all(&net, &examples, objective, context)
        .map_err(|error| of_training(error, params))?;
    let measured = measure(params, &spec, &examples, &evaluated);

    let metrics = by_name(&spec, &measured);
    let manifest = Manifest {
        version: BUNDLE_VERSION,
        decoder: objective.decoder(),
        ids: encoder.ids(),
        parameters,
        chosen_epoch: training.chosen,
        metrics: metrics.clone(),
        libtorch: LIBTORCH_VERSION.into(),
    };
    bundle::save(
        &context.output("bundle"),
        &manifest,
        &spec,
        &encoder_bytes,
        &net,
    )
    .map_err(of_bundle)?;
    let rows = [
        (
            "history",
            tables::write_history(&context.output("history"), objective, &training)?,
        ),
        (
            "predictions",
            tables::write_predictions(&context.output("predictions"), &examples, &evaluated)?,
        ),
        (
            "metrics",
            tables::write_metrics(&context.output("metrics"), &measured)?,
        ),
    ];
    report(context, &rows, &examples, &training, parameters, device);
    context.result().metrics = metrics;
    Ok(())
}

/// The device; says so where it is not the one that `auto` would rather have.
fn choose_device(context: &mut TaskContext) -> Result<Device, StageError> {
    let chosen = device::choose(context.device()).map_err(StageError::usage)?;
    if let Some(note) = chosen.note {
        context.progress().step(&note);
    }
    Ok(chosen.device)
}

fn read_network(params: &FitParams, context: &TaskContext) -> Result<NetworkSpec, StageError> {
    let input = context.input("network")?;
    let text = fs_err::read_to_string(&input.path).map_err(StageError::usage)?;
    // The path may be an object of the store: the label is what people know the file by.
    let spec = network::parse(&text, Path::new(&input.label), &params.network_params)
        .map_err(StageError::usage)?;
    if spec.name == TRIVIAL {
        return Err(StageError::usage(format!(
            "a network cannot be called `{TRIVIAL}`, as the trivial predictor is"
        )));
    }
    let (found, wanted) = (spec.head.dense, params.task.outputs());
    if found != wanted {
        let message = format!(
            "the network `{}` has {found} outputs, and task `{}` needs {wanted}",
            spec.name, params.task
        );
        return Err(StageError::usage(message).hint("change `head` in the network file"));
    }
    Ok(spec)
}

/// What the network says of every split but the one it learned from.
fn evaluate_all(
    net: &Net,
    examples: &Examples,
    objective: Objective,
    context: &TaskContext,
) -> Result<Vec<Evaluated>, TrainingError> {
    let splits = &Split::ALL[1..];
    let total: usize = splits.iter().map(|&split| examples.rows(split).len()).sum();
    let mut done = 0;
    let mut all = Vec::with_capacity(splits.len());
    for &split in splits {
        let rows = examples.rows(split).to_vec();
        let outputs = evaluate::outputs(net, examples, &rows, |count| {
            done += count;
            let message = format!("evaluating {}", split.name());
            let total = Some(total as u64);
            context
                .progress()
                .update(done as u64, total, "evaluated examples", &message);
            context
                .check_interrupt()
                .map_err(|_interrupted| TrainingError::Interrupted)
        })?;
        let predicted = outputs
            .into_iter()
            .map(|output| objective.decoder().decode(output))
            .collect();
        all.push(Evaluated {
            split,
            rows,
            predicted,
        });
    }
    Ok(all)
}

/// The figures of the network, then those of the trivial predictor.
fn measure(
    params: &FitParams,
    spec: &NetworkSpec,
    examples: &Examples,
    evaluated: &[Evaluated],
) -> Vec<Measured> {
    let training = examples.labels(Split::Train);
    let filled = || {
        evaluated
            .iter()
            .filter(|evaluated| !evaluated.rows.is_empty())
    };
    let targets = |evaluated: &Evaluated| examples.labels(evaluated.split);
    let of_network = filled().map(|evaluated| Measured {
        subject: spec.name.clone(),
        split: evaluated.split,
        count: evaluated.rows.len(),
        figures: figures::of(params.task, &targets(evaluated), &evaluated.predicted),
    });
    let of_trivial = filled().map(|evaluated| Measured {
        subject: TRIVIAL.into(),
        split: evaluated.split,
        count: evaluated.rows.len(),
        figures: figures::trivial(params.task, &training, &targets(evaluated)),
    });
    of_network.chain(of_trivial).collect()
}

/// The network's own figures, as `split.figure`.
fn by_name(spec: &NetworkSpec, measured: &[Measured]) -> BTreeMap<String, f64> {
    let own = measured
        .iter()
        .filter(|measured| measured.subject == spec.name);
    own.flat_map(|measured| {
        let split = measured.split.name();
        let defined = measured
            .figures
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        defined.map(move |(name, value)| (format!("{split}.{name}"), value))
    })
    .collect()
}

/// The subject of the trivial predictor's figures.
const TRIVIAL: &str = "trivial";

fn report(
    context: &mut TaskContext,
    rows: &[(&str, u64)],
    examples: &Examples,
    training: &Training,
    parameters: u64,
    device: Device,
) {
    let result = context.result();
    let left_out: u64 = Split::ALL
        .iter()
        .map(|&split| examples.unlabelled(split))
        .sum();
    result
        .rows_in
        .insert("examples".into(), examples.len() as u64 + left_out);
    result
        .rows_out
        .extend(rows.iter().map(|&(name, rows)| (name.to_owned(), rows)));
    for split in Split::ALL {
        result.facts.insert(
            format!("examples_{}", split.name()),
            examples.rows(split).len().into(),
        );
    }
    result
        .facts
        .insert("examples_without_label".into(), left_out.into());
    result.facts.insert("parameters".into(), parameters.into());
    result
        .facts
        .insert("chosen_epoch".into(), training.chosen.into());
    result.device = Some(device::name(device));
    result
        .performance
        .insert("examples_per_sec".into(), training.examples_per_sec);
    result
        .performance
        .insert("epoch_secs".into(), training.epoch_secs);
}

/// Tells the runner or the person how far a training is.
struct Told<'a>(&'a TaskContext);

impl Watch for Told<'_> {
    fn progress(&mut self, done: u64, total: u64, message: &str) -> Result<(), TrainingError> {
        self.0
            .progress()
            .update(done, Some(total), "examples", message);
        self.0
            .check_interrupt()
            .map_err(|_interrupted| TrainingError::Interrupted)
    }

    fn epoch(&mut self, message: &str) {
        self.0.progress().step(message);
    }
}

fn of_examples(error: ExamplesError) -> StageError {
    match error {
        ExamplesError::Table(error) => error.into(),
        ExamplesError::Ragged { .. } => StageError::usage(error).hint(
            "let `featurize text` pad, or take a network file with `mask: true` in its input",
        ),
        other => StageError::input(other),
    }
}

fn of_training(error: TrainingError, params: &FitParams) -> StageError {
    match error {
        TrainingError::Interrupted => StageError::interrupted(),
        TrainingError::NotFinite { .. } | TrainingError::NotFiniteAfter { .. } => {
            let crate::optimizer::OptimizerParams::Adam(adam) = params.optimizer;
            StageError::failed(error).hint(format!("try a learning rate below {}", adam.lr))
        }
        TrainingError::Torch(_) => StageError::failed(error),
    }
}

fn of_bundle(error: BundleError) -> StageError {
    match error {
        BundleError::Io { .. } => StageError::machine(error),
        other => StageError::failed(other),
    }
}
