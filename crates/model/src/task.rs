//! What a network is trained for, and the way from its outputs to predictions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The lowest and the highest rating, in stars.
pub const STARS: (f64, f64) = (1.0, 10.0);

/// What the numbers of a task measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// The stars of a review, 1 to 10.
    #[default]
    Stars,
    /// The popularity of a movie, 0 or more: a share, a count, its logarithm, or the number of its class.
    Popularity,
}

impl Quantity {
    /// The least and the greatest value that there is; infinity where there is no greatest one.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Stars => STARS,
            Self::Popularity => (0.0, f64::INFINITY),
        }
    }

    /// The nearest value that there is.
    pub fn clamp(self, value: f64) -> f64 {
        let (least, greatest) = self.range();
        value.clamp(least, greatest)
    }
}

/// What a network is trained for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Negative or positive: one output, the logit of positive.
    Binary,
    /// Stars, 1 to 10, or the popularity of windows: one output, on the target scale.
    #[default]
    Regression,
    /// Stars, or classes of popularity, without an order: one logit for each.
    Classes,
    /// Stars, or classes of popularity, in their order: the logit of each of them but the last that it is more (the
    /// head `cumulative`).
    Ordinal,
    /// How many ratings a window's next slot has. One output: the logarithm of a Poisson distribution's mean, over the
    /// training mean. Two: of a negative binomial distribution that, and the logarithm of its dispersion.
    Count,
}

impl Task {
    /// The number of outputs that a network for this task has, where it does not depend on the classes.
    pub fn outputs(self) -> Option<u32> {
        match self {
            Self::Binary | Self::Regression => Some(1),
            Self::Classes | Self::Ordinal | Self::Count => None,
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
            Self::Count => "count",
        })
    }
}

/// The scale on which a network learns numbers: `(number - offset) / factor`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetScale {
    /// The number that is 0 on the scale.
    pub offset: f64,
    /// What one unit of the scale spans.
    pub factor: f64,
}

impl TargetScale {
    /// To the scale.
    pub fn scale(self, number: f64) -> f64 {
        (number - self.offset) / self.factor
    }

    /// From the scale.
    pub fn number(self, scaled: f64) -> f64 {
        self.offset + self.factor * scaled
    }
}

/// What is predicted of one example.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The probability of positive for task `binary`; else stars, 1 to 10, or a popularity: where there are classes the
    /// mean over their probabilities.
    pub value: f64,
    /// The probability of each class, for tasks with more than two.
    pub probabilities: Option<Vec<f64>>,
    /// The 90 % interval around the value, where the model is calibrated.
    pub interval: Option<(f64, f64)>,
}

/// How outputs are read: all that a prediction needs beside the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decoder {
    /// The logistic function of the output is the probability of positive.
    Binary,
    /// The output is on a scale.
    Regression {
        /// Of what.
        quantity: Quantity,
        /// The scale.
        scale: TargetScale,
    },
    /// The softmax of the outputs are the probabilities of the classes.
    Classes {
        /// Of what.
        quantity: Quantity,
        /// The label of each class, rising: its stars, or the number of the popularity's class.
        labels: Vec<u8>,
    },
    /// The logistic function of each output is the probability of more than the label of the class.
    Ordinal {
        /// Of what.
        quantity: Quantity,
        /// The label of each class, rising.
        labels: Vec<u8>,
    },
    /// The first output is the logarithm of the mean over `mean`; the second, if there is one, that of the dispersion
    /// ([`dispersion`]).
    Count {
        /// The mean of the training targets.
        mean: f64,
    },
}

/// The dispersion `a` of a negative binomial distribution, whose variance is `mean + a mean^2`, from an output: between
/// `exp(-6)` and `exp(6)`, since a float32 cannot tell what lies beyond from a Poisson distribution.
pub fn dispersion(output: f64) -> f64 {
    output.clamp(-DISPERSION, DISPERSION).exp()
}

/// The greatest logarithm of a mean of counts: beyond it neither a loss nor its square is a number.
pub const MOST_LOG_MEAN: f64 = 80.0;

/// The bound of an output that is the logarithm of a dispersion.
pub const DISPERSION: f64 = 6.0;

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
            Self::Regression { scale, quantity } => plain(quantity.clamp(scale.number(first))),
            Self::Count { mean } => plain(mean * first.min(MOST_LOG_MEAN - mean.ln()).exp()),
            Self::Classes { labels, .. } => of_classes(labels, softmax(outputs)),
            Self::Ordinal { labels, .. } => {
                let mut above = 1.0;
                let mut probabilities = Vec::with_capacity(labels.len());
                for &output in outputs {
                    let next = logistic(output);
                    probabilities.push(f64::max(above - next, 0.0));
                    above = next;
                }
                probabilities.push(above);
                of_classes(labels, probabilities)
            }
        }
    }

    /// The label of each class, rising, for tasks with more than two.
    pub fn classes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary | Self::Regression { .. } | Self::Count { .. } => None,
            Self::Classes { labels, .. } | Self::Ordinal { labels, .. } => Some(labels),
        }
    }

    /// What is predicted; none for task `binary`, which predicts a probability.
    pub fn quantity(&self) -> Option<Quantity> {
        match self {
            Self::Binary => None,
            Self::Regression { quantity, .. }
            | Self::Classes { quantity, .. }
            | Self::Ordinal { quantity, .. } => Some(*quantity),
            Self::Count { .. } => Some(Quantity::Popularity),
        }
    }

    /// The task.
    pub fn task(&self) -> Task {
        match self {
            Self::Binary => Task::Binary,
            Self::Regression { .. } => Task::Regression,
            Self::Classes { .. } => Task::Classes,
            Self::Ordinal { .. } => Task::Ordinal,
            Self::Count { .. } => Task::Count,
        }
    }
}

fn of_classes(labels: &[u8], probabilities: Vec<f64>) -> Prediction {
    let mean = labels
        .iter()
        .zip(&probabilities)
        .map(|(&label, probability)| f64::from(label) * probability)
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
        let regression = |quantity| Decoder::Regression { quantity, scale };
        let decoder = regression(Quantity::Stars);
        assert_eq!(value(&decoder, scale.scale(7.0)), 7.0);
        assert_eq!(value(&decoder, 100.0), 10.0);
        assert_eq!(value(&decoder, -100.0), 1.0);
        let decoder = regression(Quantity::Popularity);
        assert_eq!(value(&decoder, 100.0), 305.5);
        assert_eq!(value(&decoder, -100.0), 0.0);
        assert_eq!(value(&Decoder::Count { mean: 3.0 }, 0.0), 3.0);
        assert_eq!(value(&Decoder::Count { mean: 3.0 }, -2000.0), 0.0);
    }

    #[test]
    fn classes_have_probabilities_and_their_mean_is_the_prediction() {
        let stars = vec![1, 4, 10];
        let classes = Decoder::Classes {
            quantity: Quantity::Stars,
            labels: stars.clone(),
        };
        let found = classes.decode(&[1000.0, 1000.0, -1000.0]);
        assert_eq!(found.probabilities, Some(vec![0.5, 0.5, 0.0]));
        assert_eq!(found.value, 2.5);
        // More than 1 star is certain, more than 4 is even.
        let ordinal = Decoder::Ordinal {
            quantity: Quantity::Stars,
            labels: stars,
        };
        let found = ordinal.decode(&[1000.0, 0.0]);
        assert_eq!(found.probabilities, Some(vec![0.0, 0.5, 0.5]));
        assert_eq!(found.value, 7.0);
    }
}
