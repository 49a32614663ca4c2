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
    /// Linear least squares with a squared penalty (Hoerl and Kennard 1970), for tasks `regression` and `count`; of windows
    /// over all their inputs.
    #[default]
    Ridge,
    /// Logistic regression with a squared penalty, for task `binary`; for `classes` one model for each class against all
    /// others, whose probabilities are divided by their sum.
    Logistic,
    /// Of windows, the popularity in the last slot.
    LastValue,
    /// Of windows, the mean popularity of all slots.
    WindowMean,
    /// Of windows, simple exponential smoothing over the slots.
    ExponentialSmoothing,
    /// Of windows, the popularity a season before the slot that is forecast.
    SeasonalNaive,
}

impl Model {
    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Ridge => "ridge",
            Self::Logistic => "logistic",
            Self::LastValue => "last_value",
            Self::WindowMean => "window_mean",
            Self::ExponentialSmoothing => "exponential_smoothing",
            Self::SeasonalNaive => "seasonal_naive",
        }
    }
}

/// How a baseline is fitted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineParams {
    /// What is learned: `binary`, `regression`, `classes` or `count`.
    pub task: Task,
    /// The baseline.
    pub model: Model,
    /// Strengths of the penalty, of which the one with the lowest loss on the validation split is taken: what is
    /// minimised is the sum of the losses (half the squared error in stars, or the log loss) and half of this times the sum of the
    /// squared weights. It is scikit-learn's `alpha` of `Ridge`, and 1 / `C` of `LogisticRegression`.
    #[schemars(length(min = 1))]
    pub l2: Vec<Strength>,
    /// For `exponential_smoothing`, how far a new value moves the level, of which the one with the lowest squared error on
    /// the validation split is taken.
    #[schemars(length(min = 1))]
    pub alpha: Vec<Alpha>,
    /// For `seasonal_naive`, how many slots a season has: 4 quarters, 12 months, 52 weeks, 7 days. A window must be as long.
    #[schemars(range(min = 1, max = 1000), extend("unit" = "slots"))]
    pub season: Option<u32>,
}

/// How far a new value moves a level: all the way at 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Alpha(#[schemars(range(min = 0.001, max = 1))] pub f64);

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
            alpha: (1..20).map(|step| Alpha(f64::from(step) / 20.0)).collect(),
            season: None,
        }
    }
}
