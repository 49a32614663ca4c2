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
    /// Stars as classes without an order: one logit for each.
    Classes,
    /// Stars as classes in their order: the logit of each of them but the last that the stars are more (the
    /// head `cumulative`).
    Ordinal,
}

impl Task {
    /// The number of outputs that a network for this task has, where it does not depend on the classes.
    pub fn outputs(self) -> Option<u32> {
        match self {
            Self::Binary | Self::Regression => Some(1),
            Self::Classes | Self::Ordinal => None,
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Binary => "binary",
            Self::Regression => "regression",
            Self::Classes => "classes",
            Self::Ordinal => "ordinal",
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

/// What is predicted of one example.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The probability of positive for task `binary`; else stars, 1 to 10: where there are classes the mean over
    /// their probabilities.
    pub value: f64,
    /// The probability of each class, for tasks with more than two.
    pub probabilities: Option<Vec<f64>>,
    /// The 90 % interval around the stars, where the model is calibrated.
    pub interval: Option<(f64, f64)>,
}

/// How outputs are read: all that a prediction needs beside the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decoder {
    /// The logistic function of the output is the probability of positive.
    Binary,
    /// The output is on a scale of stars.
    Regression {
        /// The scale.
        scale: TargetScale,
    },
    /// The softmax of the outputs are the probabilities of the classes.
    Classes {
        /// The stars of each class, rising.
        stars: Vec<u8>,
    },
    /// The logistic function of each output is the probability of more stars than the class has.
    Ordinal {
        /// The stars of each class, rising.
        stars: Vec<u8>,
    },
}

impl Decoder {
    /// What outputs `[O]` of one example mean.
    pub fn decode(&self, outputs: &[f64]) -> Prediction {
        let first = outputs.first().copied().unwrap_or(f64::NAN);
        let plain = |value| Prediction {
            value,
            probabilities: None,
            interval: None,
        };
        match self {
            Self::Binary => plain(logistic(first)),
            Self::Regression { scale } => plain(scale.stars(first)),
            Self::Classes { stars } => of_classes(stars, softmax(outputs)),
            Self::Ordinal { stars } => {
                let mut above = 1.0;
                let mut probabilities = Vec::with_capacity(stars.len());
                for &output in outputs {
                    let next = logistic(output);
                    probabilities.push(f64::max(above - next, 0.0));
                    above = next;
                }
                probabilities.push(above);
                of_classes(stars, probabilities)
            }
        }
    }

    /// The stars of each class, rising, for tasks with more than two.
    pub fn classes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary | Self::Regression { .. } => None,
            Self::Classes { stars } | Self::Ordinal { stars } => Some(stars),
        }
    }

    /// The task.
    pub fn task(&self) -> Task {
        match self {
            Self::Binary => Task::Binary,
            Self::Regression { .. } => Task::Regression,
            Self::Classes { .. } => Task::Classes,
            Self::Ordinal { .. } => Task::Ordinal,
        }
    }
}

fn of_classes(stars: &[u8], probabilities: Vec<f64>) -> Prediction {
    let mean = stars
        .iter()
        .zip(&probabilities)
        .map(|(&stars, probability)| f64::from(stars) * probability)
        .sum();
    Prediction {
        value: mean,
        probabilities: Some(probabilities),
        interval: None,
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Probabilities from logits, without overflow.
fn softmax(logits: &[f64]) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits
        .iter()
        .map(|logit| (logit - greatest).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_become_probabilities_and_stars() {
        let value = |decoder: &Decoder, output| decoder.decode(&[output]).value;
        assert_eq!(value(&Decoder::Binary, 0.0), 0.5);
        assert!(value(&Decoder::Binary, -800.0) >= 0.0);
        let scale = TargetScale {
            offset: 5.5,
            factor: 3.0,
        };
        let decoder = Decoder::Regression { scale };
        assert_eq!(value(&decoder, scale.scale(7.0)), 7.0);
        assert_eq!(value(&decoder, 100.0), 10.0);
        assert_eq!(value(&decoder, -100.0), 1.0);
    }

    #[test]
    fn classes_have_probabilities_and_their_mean_is_the_prediction() {
        let stars = vec![1, 4, 10];
        let classes = Decoder::Classes {
            stars: stars.clone(),
        };
        let found = classes.decode(&[1000.0, 1000.0, -1000.0]);
        assert_eq!(found.probabilities, Some(vec![0.5, 0.5, 0.0]));
        assert_eq!(found.value, 2.5);
        // More than 1 star is certain, more than 4 is even.
        let ordinal = Decoder::Ordinal { stars };
        let found = ordinal.decode(&[1000.0, 0.0]);
        assert_eq!(found.probabilities, Some(vec![0.0, 0.5, 0.5]));
        assert_eq!(found.value, 7.0);
    }
}
