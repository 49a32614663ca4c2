//! The parameters of the optimizers, with PyTorch's meaning and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the weights follow the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerParams {
    /// Adam (Kingma and Ba, ICLR 2015), as in PyTorch.
    Adam(AdamParams),
    /// AdamW (Loshchilov and Hutter, ICLR 2019), as in PyTorch: Adam whose weight decay is no part of the
    /// gradient.
    Adamw(AdamwParams),
    /// Stochastic gradient descent, with momentum or without, as in PyTorch.
    Sgd(SgdParams),
    /// Adagrad (Duchi, Hazan and Singer, JMLR 2011), as in PyTorch. The one for networks that read regions, whose
    /// weights have sparse gradients: a number moves only in steps in which it took part.
    Adagrad(AdagradParams),
    /// RMSprop (Tieleman and Hinton, lecture 6.5 of their course, 2012), as in PyTorch.
    Rmsprop(RmspropParams),
}

impl Default for OptimizerParams {
    fn default() -> Self {
        Self::Adam(AdamParams::default())
    }
}

impl OptimizerParams {
    /// The learning rate before any schedule.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Adam(params) => params.lr,
            Self::Adamw(params) => params.lr,
            Self::Sgd(params) => params.lr,
            Self::Adagrad(params) => params.lr,
            Self::Rmsprop(params) => params.lr,
        }
    }

    /// Whether it can follow sparse gradients.
    pub fn follows_sparse(&self) -> bool {
        match self {
            Self::Adagrad(_) => true,
            Self::Sgd(params) => params.momentum == 0.0 && params.weight_decay == 0.0,
            Self::Adam(_) | Self::Adamw(_) | Self::Rmsprop(_) => false,
        }
    }
}

/// Adam's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamParams {
    /// Learning rate: the length of a step in each weight, about.
    #[schemars(range(min = 0))]
    pub lr: f64,
    /// How much of the mean gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub beta1: f64,
    /// How much of the mean squared gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub beta2: f64,
    /// What is added to the denominator.
    #[schemars(range(min = 0))]
    pub eps: f64,
    /// How much of each weight is added to its gradient.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
}

impl Default for AdamParams {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// AdamW's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamwParams {
    /// Learning rate: the length of a step in each weight, about.
    #[schemars(range(min = 0))]
    pub lr: f64,
    /// How much of the mean gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub beta1: f64,
    /// How much of the mean squared gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub beta2: f64,
    /// What is added to the denominator.
    #[schemars(range(min = 0))]
    pub eps: f64,
    /// Share of each weight, times the learning rate, that is taken off at each step.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
}

impl Default for AdamwParams {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// The parameters of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SgdParams {
    /// Learning rate: a step's length per unit of the gradient.
    #[schemars(range(min = 0))]
    pub lr: f64,
    /// How much of the last step is made again.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub momentum: f64,
    /// Whether the gradient is taken as if the momentum's step were already made (Nesterov); only with a
    /// momentum.
    pub nesterov: bool,
    /// How much of each weight is added to its gradient.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
}

impl Default for SgdParams {
    fn default() -> Self {
        Self {
            lr: 0.01,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        }
    }
}

/// Adagrad's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdagradParams {
    /// Learning rate: the length of the first step in each weight.
    #[schemars(range(min = 0))]
    pub lr: f64,
    /// What is added to the denominator, which is 0 before a weight's first gradient.
    #[schemars(range(min = 1e-30))]
    pub eps: f64,
}

impl Default for AdagradParams {
    fn default() -> Self {
        Self {
            lr: 0.01,
            eps: 1e-10,
        }
    }
}

/// RMSprop's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RmspropParams {
    /// Learning rate: the length of a step in each weight, about.
    #[schemars(range(min = 0))]
    pub lr: f64,
    /// How much of the mean squared gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub alpha: f64,
    /// What is added to the denominator.
    #[schemars(range(min = 0))]
    pub eps: f64,
    /// How much of the last step is made again.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub momentum: f64,
    /// How much of each weight is added to its gradient.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
}

impl Default for RmspropParams {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            alpha: 0.99,
            eps: 1e-8,
            momentum: 0.0,
            weight_decay: 0.0,
        }
    }
}
