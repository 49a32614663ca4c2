//! The parameters of `baseline`.

use cinescore_model::task::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a baseline is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// The mean of the training split, or the shares of its classes.
    Trivial,
    /// Linear least squares with a squared penalty (Hoerl and Kennard 1970), for task `regression`.
    #[default]
    Ridge,
    /// Logistic regression with a squared penalty, for task `binary`; for `classes` one model for each class against all
    /// others, whose probabilities are divided by their sum.
    Logistic,
}

impl Model {
    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Ridge => "ridge",
            Self::Logistic => "logistic",
        }
    }
}

/// How a baseline is fitted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineParams {
    /// What is learned: `binary`, `regression` or `classes`.
    pub task: Task,
    /// The baseline.
    pub model: Model,
    /// Strengths of the penalty, of which the one with the lowest loss on the validation split is taken: what is
    /// minimised is the sum of the losses (half the squared error in stars, or the log loss) and half of this times the sum of the
    /// squared weights. It is scikit-learn's `alpha` of `Ridge`, and 1 / `C` of `LogisticRegression`.
    #[schemars(length(min = 1))]
    pub l2: Vec<Strength>,
}

/// A strength of the penalty, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Strength(#[schemars(range(min = 1e-6, max = 1e9))] pub f64);

impl Default for BaselineParams {
    fn default() -> Self {
        Self {
            task: Task::default(),
            model: Model::default(),
            l2: [0.1, 1.0, 10.0].map(Strength).into(),
        }
    }
}
