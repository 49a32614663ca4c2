//! The baselines: what each learns from the training split, and what it says of others.

use cinescore_model::bundle::Labels;
use cinescore_model::task::{Decoder, Prediction, Quantity, TargetScale, Task};

use super::bags::Bags;
use super::newton::{Ended, Linear, Loss, logistic};
use super::params::Model;
use super::past::Rule;
use super::sparse::Matrix;
use crate::figures::{labels_of, trivial};
use crate::windows::LAST_CLASS;

/// A baseline before and after it was fitted.
#[derive(Debug, Clone)]
pub(super) struct Baseline {
    /// How its predictions are read.
    pub(super) decoder: Decoder,
    /// What the trivial predictor knows.
    pub(super) labels: Labels,
    fitted: Fitted,
}

#[derive(Debug, Clone)]
enum Fitted {
    /// Says this of everything.
    Constant(Prediction),
    /// One model for each output.
    Linear(Loss, Vec<Linear>),
    /// Says what follows from the past.
    Past(Rule),
}

impl Baseline {
    /// One that was not fitted yet; the trivial one needs no more than the training labels. None without labels, and of a
    /// model that has rules for windows ([`Self::by_rule`]).
    pub(super) fn new(
        model: Model,
        task: Task,
        quantity: Quantity,
        train: &[f64],
        features: usize,
    ) -> Option<Self> {
        let (decoder, labels) = decoder(task, quantity, train);
        let outputs = decoder.classes().map_or(1, <[u8]>::len);
        let fitted = match model {
            Model::Ridge => Fitted::Linear(Loss::Squared, vec![Linear::zero(features); outputs]),
            Model::Logistic => {
                Fitted::Linear(Loss::Logistic, vec![Linear::zero(features); outputs])
            }
            Model::Trivial => Fitted::Constant(trivial(&decoder, &labels)?),
            Model::LastValue
            | Model::WindowMean
            | Model::ExponentialSmoothing
            | Model::SeasonalNaive => return None,
        };
        Some(Self {
            decoder,
            labels,
            fitted,
        })
    }

    /// One that says what follows from the past of a window.
    pub(super) fn by_rule(rule: Rule, task: Task, quantity: Quantity, train: &[f64]) -> Self {
        let (decoder, labels) = decoder(task, quantity, train);
        Self {
            decoder,
            labels,
            fitted: Fitted::Past(rule),
        }
    }

    /// Fits it with a strength of the penalty. One for each output; none for the trivial one.
    pub(super) fn fit(&mut self, matrix: &Matrix, labels: &[f64], l2: f64) -> Vec<Ended> {
        let Fitted::Linear(loss, models) = &mut self.fitted else {
            return Vec::new();
        };
        let classes = self.decoder.classes();
        let targets = |output: usize| -> Vec<f64> {
            match classes {
                None => labels.to_vec(),
                Some(classes) => {
                    let own = f64::from(classes[output]);
                    labels
                        .iter()
                        .map(|label| f64::from(*label == own))
                        .collect()
                }
            }
        };
        models
            .iter_mut()
            .enumerate()
            .map(|(output, model)| model.fit(matrix, &targets(output), *loss, l2))
            .collect()
    }

    /// What it says of some examples, which have so many features.
    pub(super) fn say(&self, examples: &Bags, features: usize) -> Vec<Prediction> {
        match &self.fitted {
            Fitted::Constant(said) => vec![said.clone(); examples.ids.len()],
            Fitted::Linear(..) => self.predict(&examples.matrix(features), examples.ids.len()),
            Fitted::Past(rule) => examples
                .histories
                .iter()
                .map(|past| plain(rule.say(past)))
                .collect(),
        }
    }

    /// What a linear one says of each row.
    pub(super) fn predict(&self, matrix: &Matrix, rows: usize) -> Vec<Prediction> {
        let Fitted::Linear(_, models) = &self.fitted else {
            return Vec::new();
        };
        let margins: Vec<Vec<f64>> = models.iter().map(|model| model.margins(matrix)).collect();
        let of_row = |row: usize| match &self.decoder {
            Decoder::Binary => plain(logistic(margins[0][row])),
            Decoder::Regression { quantity, .. } => plain(quantity.clamp(margins[0][row])),
            Decoder::Count { .. } => plain(Quantity::Popularity.clamp(margins[0][row])),
            Decoder::Classes { labels, .. } | Decoder::Ordinal { labels, .. } => {
                let each: Vec<f64> = margins.iter().map(|own| logistic(own[row])).collect();
                let sum: f64 = each.iter().sum();
                let probabilities: Vec<f64> = each.iter().map(|p| p / sum).collect();
                let mean = probabilities.iter().zip(labels);
                Prediction {
                    value: mean.map(|(p, label)| p * f64::from(*label)).sum(),
                    probabilities: Some(probabilities),
                    interval: None,
                }
            }
        };
        (0..rows).map(of_row).collect()
    }

    /// The loss on examples, by which a strength is chosen: the mean squared error, or the log loss.
    pub(super) fn loss(&self, predicted: &[Prediction], targets: &[f64]) -> f64 {
        let loss = |(said, target): (&Prediction, &f64)| {
            let own = |p: f64| -p.max(f64::MIN_POSITIVE).ln();
            match (&said.probabilities, self.decoder.classes()) {
                (Some(probabilities), Some(classes)) => {
                    let place = classes.iter().position(|own| f64::from(*own) == *target);
                    own(place.map_or(0.0, |place| probabilities[place]))
                }
                _ if self.decoder == Decoder::Binary => own(if *target == 1.0 {
                    said.value
                } else {
                    1.0 - said.value
                }),
                _ => (said.value - target).powi(2),
            }
        };
        predicted.iter().zip(targets).map(loss).sum::<f64>() / targets.len() as f64
    }
}

pub(super) fn plain(value: f64) -> Prediction {
    Prediction {
        value,
        probabilities: None,
        interval: None,
    }
}

/// How predictions of a task are read, and what was trained on.
pub(super) fn decoder(task: Task, quantity: Quantity, train: &[f64]) -> (Decoder, Labels) {
    let decoder = match task {
        Task::Binary => Decoder::Binary,
        // Baselines predict numbers as they are.
        Task::Regression | Task::Count => Decoder::Regression {
            quantity,
            scale: TargetScale {
                offset: 0.0,
                factor: 1.0,
            },
        },
        Task::Classes | Task::Ordinal => Decoder::Classes {
            quantity,
            labels: match quantity {
                Quantity::Stars => {
                    let mut classes: Vec<u8> = train.iter().map(|label| *label as u8).collect();
                    classes.sort_unstable();
                    classes.dedup();
                    classes
                }
                Quantity::Popularity => (0..=LAST_CLASS).collect(),
            },
        },
    };
    let labels = labels_of(&decoder, train);
    (decoder, labels)
}
