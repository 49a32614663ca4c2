//! The parameters of `fit`.

use std::collections::BTreeMap;

use cinescore_model::Precision;
use cinescore_model::task::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objective::{ClassWeightParams, LossParams};
use crate::optimizer::OptimizerParams;
use crate::rate::{Rate, RateParams};
use crate::training::Schedule;

/// How a network is trained.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FitParams {
    /// What the network learns: `binary` (negative or positive), `regression` (stars, 1 to 10, or a popularity), `classes`
    /// (each number of stars, or class of popularity, by itself), `ordinal` (classes in their order) or `count` (ratings of a
    /// movie in a slot).
    pub task: Task,
    /// What is minimised.
    pub loss: LossParams,
    /// Share of each label that is spread over all classes alike; for task `classes`.
    #[schemars(range(min = 0, max = 0.99))]
    pub label_smoothing: f64,
    /// How much the examples of each class count; for tasks with classes.
    pub class_weights: ClassWeightParams,
    /// Decides first weights, the order of the examples and dropout.
    pub seed: u64,
    /// Passes over the training split; the weights of the one with the lowest validation loss are kept.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "epochs"))]
    pub epochs: u32,
    /// Stops after this many of them, to go on later from the output `checkpoint`; none makes them all. All else is as if
    /// they were all made: the course of the learning rate follows `epochs`.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "epochs"))]
    pub stop_after: Option<u32>,
    /// Examples that go through the network together.
    #[schemars(range(min = 1, max = 65_536), extend("unit" = "examples"))]
    pub batch: u32,
    /// Batches of one step of the optimizer, whose gradients are added up: a step is as one of `batch` times as many
    /// examples, in the memory of one batch.
    #[schemars(range(min = 1, max = 65_536), extend("unit" = "batches"))]
    pub accumulate: u32,
    /// Training examples, evenly spaced, that are evaluated after each epoch with dropout off, so that the training loss
    /// can be compared with the validation loss; none takes as many as the validation split has.
    #[schemars(range(min = 1), extend("unit" = "examples"))]
    pub evaluated: Option<u32>,
    /// How the weights follow the gradient.
    pub optimizer: OptimizerParams,
    /// How the learning rate changes in the course of the training.
    pub schedule: RateParams,
    /// Epochs in which the learning rate rises evenly to what it would be.
    #[schemars(range(max = 10_000), extend("unit" = "epochs"))]
    pub warm_up: u32,
    /// Longest gradient, all weights together, that is followed as it is; a longer one is shortened to it. None
    /// shortens nothing.
    #[schemars(range(min = 0))]
    pub clip: Option<f64>,
    /// Ends the training when this many epochs have passed without a lower validation loss; none makes them all.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "epochs"))]
    pub patience: Option<u32>,
    /// What the products of matrices are computed in while training: `float32`, or `bfloat16`, which newer GPUs compute
    /// several times as fast. Weights, the optimizer and every evaluation are float32 in any case.
    pub precision: Precision,
    /// Whether a GPU may use none but algorithms that give the same bits each time, at some cost in speed. On a CPU they
    /// always do.
    pub deterministic: bool,
    /// Scores whose reviews are kept from the network: they are left out of `train`, `valid` and `calib`, and are still
    /// evaluated in `test`. To see where a network places what it has never seen.
    #[schemars(inner(range(min = 1, max = 10)), extend("unit" = "stars"))]
    pub hold_out: Vec<u8>,
    /// The fold of the training reviews, of the input `folds`, that is kept from the network and takes the place of `calib`: what the
    /// network says of it is what another one, which learns from all folds, fits its intervals to (input `crossed`).
    #[schemars(extend("unit" = "fold"))]
    pub without_fold: Option<u32>,
    /// Values for the network file's own parameters, by name.
    pub network_params: BTreeMap<String, Value>,
}

impl Default for FitParams {
    fn default() -> Self {
        Self {
            task: Task::default(),
            loss: LossParams::default(),
            label_smoothing: 0.0,
            class_weights: ClassWeightParams::default(),
            seed: 0,
            epochs: 3,
            stop_after: None,
            batch: 64,
            accumulate: 1,
            evaluated: None,
            optimizer: OptimizerParams::default(),
            schedule: RateParams::default(),
            warm_up: 0,
            clip: None,
            patience: None,
            precision: Precision::default(),
            deterministic: false,
            hold_out: Vec::new(),
            without_fold: None,
            network_params: BTreeMap::new(),
        }
    }
}

impl FitParams {
    /// How the training goes, with so many validation examples.
    pub(super) fn schedule(&self, valid: usize) -> Schedule {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Schedule {
            seed: self.seed,
            epochs: self.epochs,
            stop_after: self.stop_after.unwrap_or(self.epochs).min(self.epochs),
            batch: count(self.batch),
            accumulate: count(self.accumulate),
            evaluated: self.evaluated.map_or(valid, count),
            optimizer: self.optimizer,
            rate: Rate {
                lr: self.optimizer.lr(),
                params: self.schedule,
                warm_up: self.warm_up,
            },
            clip: self.clip,
            patience: self.patience,
        }
    }
}
