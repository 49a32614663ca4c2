//! The parameters of `fit`.

use std::collections::BTreeMap;

use cinescore_model::task::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::optimizer::OptimizerParams;

/// How a network is trained.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FitParams {
    /// What the network learns: `binary` (negative or positive) or `regression` (stars, 1 to 10).
    pub task: Task,
    /// Decides first weights, the order of the examples and dropout.
    pub seed: u64,
    /// Passes over the training split; the weights of the one with the lowest validation loss are kept.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "epochs"))]
    pub epochs: u32,
    /// Examples of one step of the optimizer.
    #[schemars(range(min = 1, max = 65_536), extend("unit" = "examples"))]
    pub batch: u32,
    /// How the weights follow the gradient.
    pub optimizer: OptimizerParams,
    /// Values for the network file's own parameters, by name.
    pub network_params: BTreeMap<String, Value>,
}

impl Default for FitParams {
    fn default() -> Self {
        Self {
            task: Task::default(),
            seed: 0,
            epochs: 3,
            batch: 64,
            optimizer: OptimizerParams::default(),
            network_params: BTreeMap::new(),
        }
    }
}
