//! The parameters of what is minimised.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a prediction is from the truth, for task `regression`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossParams {
    /// The loss of the task: `mse` for `regression`; for the others the log loss (the cross entropy), and there is no
    /// other.
    #[default]
    Auto,
    /// The squared error.
    Mse,
    /// The root of a batch's mean squared error: as `mse`, with gradients of one length however far the network is.
    Rmse,
    /// The absolute error.
    Mae,
    /// Half the squared error up to a bound, and from there on as a line (Huber 1964).
    Huber(HuberParams),
}

/// How much the examples of each class count in the loss, for tasks with classes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeightParams {
    /// Alike.
    #[default]
    None,
    /// So that every class counts alike: each example by one over the share of its class in the training split.
    Balanced,
    /// As given, by label (`0` and `1` for task `binary`, stars for the others); a label that is not named has the
    /// weight 1. What counts is how they relate: they are scaled so that the mean over the training split is 1.
    Given(BTreeMap<String, f64>),
}

/// Parameters of `huber`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HuberParams {
    /// The bound, in standard deviations of the training stars.
    #[schemars(range(min = 0.000_001))]
    pub delta: f64,
}

impl Default for HuberParams {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}
