//! What a network is trained for, and the way from its outputs to predictions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The lowest and the highest rating, in stars.
pub const STARS: (f64, f64) = (1.0, 10.0);

/// What a network is trained for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Negative or positive: one output, the logit of positive.
    Binary,
    /// Stars, 1 to 10: one output, on the target scale.
    #[default]
    Regression,
}

impl Task {
    /// The number of outputs that a network for this task has.
    pub fn outputs(self) -> u32 {
        match self {
            Self::Binary | Self::Regression => 1,
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Binary => "binary",
            Self::Regression => "regression",
        })
    }
}

/// The scale on which a network learns stars: `(stars - offset) / factor`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetScale {
    /// The stars that are 0 on the scale.
    pub offset: f64,
    /// The stars that one unit of the scale spans.
    pub factor: f64,
}

impl TargetScale {
    /// From stars to the scale.
    pub fn scale(self, stars: f64) -> f64 {
        (stars - self.offset) / self.factor
    }

    /// From the scale to stars, 1 to 10.
    pub fn stars(self, scaled: f64) -> f64 {
        (self.offset + self.factor * scaled).clamp(STARS.0, STARS.1)
    }
}

/// How an output is read: all that a prediction needs beside the network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decoder {
    /// The logistic function of the output is the probability of positive.
    Binary,
    /// The output is on a scale of stars.
    Regression {
        /// The scale.
        scale: TargetScale,
    },
}

impl Decoder {
    /// The probability of positive, or stars within 1 to 10.
    pub fn decode(self, output: f64) -> f64 {
        match self {
            Self::Binary => 1.0 / (1.0 + (-output).exp()),
            Self::Regression { scale } => scale.stars(output),
        }
    }

    /// The task.
    pub fn task(self) -> Task {
        match self {
            Self::Binary => Task::Binary,
            Self::Regression { .. } => Task::Regression,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_become_probabilities_and_stars() {
        assert_eq!(Decoder::Binary.decode(0.0), 0.5);
        assert!(Decoder::Binary.decode(-800.0) >= 0.0);
        let scale = TargetScale {
            offset: 5.5,
            factor: 3.0,
        };
        let decoder = Decoder::Regression { scale };
        assert_eq!(decoder.decode(scale.scale(7.0)), 7.0);
        assert_eq!(decoder.decode(100.0), 10.0);
        assert_eq!(decoder.decode(-100.0), 1.0);
    }
}
