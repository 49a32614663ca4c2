//! The kind `fit`: examples, an encoder and a network file to a trained model.
//!
//! Owns the order of the work, the checks before it, and the result. Does not own any step of it. Reads
//! `tokens`, `bags` or `windows`, an encoder file, a network file, where it wants them `vectors` and, to go on with a training, a
//! checkpoint; writes the folders
//! `bundle` and `checkpoint` and the tables `history`, `predictions` and `metrics`.
//!
//! A training may stop before its last epoch (`stop_after`). Its bundle, predictions and metrics are then those
//! of the best epoch so far, as they are at the end; a second training that takes its checkpoint ends with the
//! same bytes as one without the break.

mod crossed;
pub(crate) mod errors;
mod measure;
mod params;
mod pretrained;
mod resume;
mod tables;
mod tensorboard;

use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::course::{self, EpochLosses};
use cinescore_artifact::describe::{Input, KeyPart, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::tables::{BAGS, HISTORY, METRICS, PREDICTIONS, TOKENS, VECTORS, WINDOWS};
use cinescore_model::bundle::{self, BUNDLE_VERSION, Manifest};
use cinescore_model::task::Task;
use cinescore_model::{LIBTORCH_VERSION, Net, Precision, compute, device};
use cinescore_network::{self as network, HeadSpec, InputSpec, NetworkSpec};
use serde_json::Value;
use tch::Device;

pub use params::FitParams;

use crate::checkpoint::{self, Extent, Identity};
use crate::examples::{Examples, Layout, Split};
use crate::figures::labels_of;
use crate::logits;
use crate::objective::Objective;
use crate::random;
use crate::results::{self, TRIVIAL};
use crate::training::{Schedule, State, TrainingError, Watch, train};
use errors::{of_bundle, of_checkpoint, of_examples, of_objective, of_torch, of_training};
use measure::evaluate_all;
use resume::{CHECKPOINT, Kept};
use tensorboard::Events;

/// The input with the linear models beside a network.
const WIDE: &str = "wide";

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new("fit", "Train a network and evaluate it", run)
        .input(Input::tables(
            "examples",
            &[&TOKENS, &BAGS, &WINDOWS],
            "the encoded reviews, ids or bags of n-grams, or windows over popularity",
        ))
        .input(Input::file("encoder", "the encoder that made them"))
        .input(Input::network("network", "the network file"))
        .input(
            Input::table(
                "vectors",
                &VECTORS,
                "the vectors of words that a `pretrained` embedding begins with",
            )
            .optional(),
        )
        .input(logits::input())
        .input(
            Input::folder(
                WIDE,
                "the linear model beside a network with `wide: true`, the output `bundle` of `train wide`; with `wide: 2` two, and so on",
            )
            .optional()
            .many(),
        )
        .input(crossed::folds_input())
        .input(crossed::crossed_input())
        .input(
            Input::folder(
                CHECKPOINT,
                "the output `checkpoint` of the same training, to go on with",
            )
            .optional(),
        )
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
        .output(Output::folder(
            CHECKPOINT,
            "the training where it stopped: weights, optimizer, best weights, epochs",
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
    if params.precision == Precision::Bfloat16 && device == Device::Cpu {
        context.warn(
            "few CPUs compute `bfloat16` faster than `float32`: `precision` is meant for GPUs",
        );
    }
    compute::deterministic(params.deterministic && device != Device::Cpu);
    let (encoder, encoder_bytes) =
        bundle::read_encoder(&context.input("encoder")?.path).map_err(StageError::input)?;
    let spec = read_network(params, context)?;
    let wide = wide_of(&spec, context)?;
    let mut examples = Examples::read(
        &context.input("examples")?.path,
        params.task,
        Layout::of(&spec.input),
        &encoder,
        &params.hold_out,
    )
    .map_err(of_examples)?;
    let beside = wide.iter().map(|folder| bundle::digest(folder));
    let beside = beside.collect::<Result<Vec<_>, _>>();
    let beside = beside.map_err(StageError::input)?;
    let known: Vec<_> = beside.iter().map(Some).collect();
    logits::give(&spec, &known, &mut examples, context)?;
    crossed::hold_fold(params, &mut examples, context)?;
    let objective = Objective::new(
        params.task,
        params.loss,
        params.label_smoothing,
        &examples,
        spec.head.outputs(),
    )
    .and_then(|objective| objective.with_class_weights(&params.class_weights, &examples))
    .map_err(of_objective)?;
    let crossed = crossed::read(objective.decoder(), &examples, context)?;
    let parameters = network::parameter_count(&spec, encoder.ids());

    random::seed_torch(params.seed, random::INITIALISATION);
    let net = Net::new(&spec, encoder.ids(), device)
        .map_err(of_torch)?
        .trained_in(params.precision);
    let vectors = pretrained::begin(&spec, encoder.ids(), &net, context)?;
    let schedule = params.schedule(examples.rows(Split::Valid).len());
    let mut identity = resume::identity(params, &spec, encoder.ids(), &examples)?;
    identity.extend(vectors.map(|digest| ("vectors".to_owned(), digest.to_hex().into())));
    let mut state = State::new(&net, &schedule).map_err(of_torch)?;
    let kept = Kept::open(context, &identity, &schedule, &device::name(device))?;
    resume::resume(context, &identity, &schedule, kept.as_ref(), &mut state)?;
    let events = Events::begin(context, &objective, &state.epochs);
    let events = events.unwrap_or_else(|error| no_events(context, &error));
    let mut watch = Told {
        context,
        keep: kept.map(|kept| (kept, &identity, &schedule)),
        events,
    };
    let pace = train(
        &net, &examples, &objective, &schedule, &mut state, &mut watch,
    )
    .map_err(|error| of_training(error, params))?;
    let over = state.is_over(&schedule);
    let checkpoint = context.output(CHECKPOINT);
    let extent = match (over, params.stop_after) {
        (false, _) => Extent::Whole,
        (true, Some(_)) => Extent::Best,
        (true, None) => Extent::Epochs,
    };
    checkpoint::save(&checkpoint, &identity, &state, extent).map_err(of_checkpoint)?;
    let chosen = state.choose().map_err(StageError::failed)?;
    tell_course(&state, chosen, &objective, &examples, context);
    let decoder = bundle::as_read(objective.decoder()).map_err(StageError::failed)?;
    let mut evaluated = evaluate_all(&net, &examples, &decoder, context)
        .map_err(|error| of_training(error, params))?;
    let calibration = results::calibrate(&decoder, &evaluated, crossed);
    let calibration = bundle::as_read(&calibration).map_err(StageError::failed)?;
    match &calibration {
        Some(calibration) => results::add_intervals(calibration, &mut evaluated),
        None if params.task == Task::Binary => {}
        None => {
            let crossed = match context.inputs("crossed").is_empty() {
                true => "there is no input `crossed`",
                false => "so has the input `crossed`",
            };
            context.warn(format!("the split `calib` has too few examples, and {crossed}: predictions have no intervals"))
        }
    }
    let labels = bundle::as_read(&labels_of(&decoder, &examples.labels(Split::Train)))
        .map_err(StageError::failed)?;
    let measured = results::measure(&decoder, &spec.name, &labels, &evaluated);

    let metrics = results::by_name(&spec.name, &measured);
    let manifest = Manifest {
        version: BUNDLE_VERSION,
        decoder,
        calibration,
        labels,
        ids: encoder.ids(),
        parameters,
        chosen_epoch: chosen,
        metrics: metrics.clone(),
        libtorch: LIBTORCH_VERSION.into(),
        files: Default::default(),
    };
    bundle::save(
        &context.output("bundle"),
        &manifest,
        &spec,
        &encoder_bytes,
        &net,
        &wide,
    )
    .map_err(of_bundle)?;
    let path = context.output("history");
    let history = tables::write_history(&path, &objective, &state.epochs, chosen)?;
    results::write_evaluated(context, &evaluated, &measured)?;
    report(context, history, &examples, device);
    let result = context.result();
    result.metrics = metrics;
    result.facts.extend(
        [
            ("parameters", parameters.into()),
            ("chosen_epoch", chosen.into()),
            ("epochs", state.made().into()),
            ("over", over.into()),
        ]
        .map(|(name, value): (&str, Value)| (name.to_owned(), value)),
    );
    if let Some(pace) = pace {
        let performance = [
            ("examples_per_sec", pace.examples_per_sec),
            ("epoch_secs", pace.epoch_secs),
        ];
        result
            .performance
            .extend(performance.map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(())
}

/// The device; says so where it is not the one that `auto` would rather have.
pub(crate) fn choose_device(context: &mut TaskContext) -> Result<Device, StageError> {
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
    if matches!(spec.input, InputSpec::Regions(_)) && !params.optimizer.follows_sparse() {
        let message = format!(
            "the network `{}` reads regions, whose gradients are sparse, and parameter `optimizer` is one that needs all of a gradient",
            spec.name
        );
        let hint = "take `optimizer: {adagrad: {lr: 0.05}}`, or `sgd` without momentum and decay";
        return Err(StageError::usage(message).hint(hint));
    }
    if spec.wide > 0 && !params.hold_out.is_empty() {
        let message = format!(
            "the network `{}` has linear models beside it, which know the scores that `hold_out` keeps from the network",
            spec.name
        );
        return Err(StageError::usage(message).hint("take a network without `wide`"));
    }
    let cumulative = matches!(spec.head, HeadSpec::Cumulative(_));
    if cumulative != (params.task == Task::Ordinal) {
        let message = format!(
            "the network `{}` {} the head `cumulative`, which is that of task `ordinal`, and the task is `{}`",
            spec.name,
            if cumulative { "has" } else { "lacks" },
            params.task
        );
        return Err(StageError::usage(message).hint("change `head` in the network file"));
    }
    let found = spec.head.outputs();
    if let Some(wanted) = params.task.outputs().filter(|wanted| *wanted != found) {
        let message = format!(
            "the network `{}` has {found} outputs, and task `{}` needs {wanted}",
            spec.name, params.task
        );
        return Err(StageError::usage(message).hint("change `head` in the network file"));
    }
    Ok(spec)
}

/// The folders of the linear models beside the network, which are such, where the network has any.
fn wide_of(spec: &NetworkSpec, context: &TaskContext) -> Result<Vec<PathBuf>, StageError> {
    let inputs = context.inputs(WIDE);
    logits::check_count(spec, WIDE, "bundle", inputs.len())?;
    for input in inputs {
        bundle::load_wide(&input.path, None, Device::Cpu).map_err(StageError::input)?;
    }
    Ok(inputs.iter().map(|input| input.path.clone()).collect())
}

/// Says in words how the training went.
fn tell_course(
    state: &State,
    chosen: u32,
    objective: &Objective,
    examples: &Examples,
    context: &mut TaskContext,
) {
    let losses: Vec<EpochLosses> = state
        .epochs
        .iter()
        .map(|epoch| EpochLosses {
            trained: epoch.trained.loss,
            evaluated: Some(epoch.evaluated.loss),
            valid: epoch.valid.loss,
        })
        .collect();
    let trivial = objective.trivial_loss(examples, Split::Valid);
    let found = course::findings(&losses, chosen, Some(trivial));
    let said: Vec<Value> = found
        .iter()
        .map(|finding| finding.to_string().into())
        .collect();
    for finding in found {
        context.progress().step(&finding.to_string());
    }
    if !said.is_empty() {
        context.result().facts.insert("course".into(), said.into());
    }
}

fn report(context: &mut TaskContext, history: u64, examples: &Examples, device: Device) {
    let result = context.result();
    let left_out: u64 = Split::ALL
        .iter()
        .map(|&split| examples.unlabelled(split))
        .sum();
    result
        .rows_in
        .insert("examples".into(), examples.len() as u64 + left_out);
    result.rows_out.insert("history".into(), history);
    for split in Split::ALL {
        result.facts.insert(
            format!("examples_{}", split.name()),
            examples.rows(split).len().into(),
        );
    }
    result
        .facts
        .insert("examples_without_label".into(), left_out.into());
    result.device = Some(device::name(device));
}

/// A training does not end for want of a place to be watched at.
fn no_events(context: &TaskContext, error: &std::io::Error) -> Option<Events> {
    let message = format!("the TensorBoard event file cannot be written: {error}");
    context.progress().step(&message);
    None
}

/// Tells the runner or the person how far a training is, and keeps what each epoch left.
struct Told<'a> {
    context: &'a TaskContext,
    keep: Option<(Kept, &'a Identity, &'a Schedule)>,
    events: Option<Events>,
}

impl Watch for Told<'_> {
    fn progress(&mut self, done: u64, total: u64, message: &str) -> Result<(), TrainingError> {
        self.context
            .progress()
            .update(done, Some(total), "examples", message);
        self.context
            .check_interrupt()
            .map_err(|_interrupted| TrainingError::Interrupted)
    }

    fn epoch(&mut self, message: &str, state: &State) -> Result<(), TrainingError> {
        if let Some((kept, identity, schedule)) = &self.keep {
            kept.keep(identity, schedule, state)?;
        }
        if let (Some(events), Some(epoch)) = (&mut self.events, state.epochs.last())
            && let Err(error) = events.add(epoch)
        {
            self.events = no_events(self.context, &error);
        }
        self.context.progress().step(message);
        Ok(())
    }
}
