//! The baselines: what each learns from the training split, and what it says of others.

use std::collections::BTreeMap;

use cinescore_model::task::{Decoder, Prediction, STARS, TargetScale, Task};

use super::newton::{Ended, Linear, Loss, logistic};
use super::params::Model;
use super::sparse::Matrix;
use crate::figures::trivial;

/// A baseline before and after it was fitted.
#[derive(Debug, Clone)]
pub(super) struct Baseline {
    /// How its predictions are read.
    pub(super) decoder: Decoder,
    fitted: Fitted,
}

#[derive(Debug, Clone)]
enum Fitted {
    /// Says this of everything.
    Constant(Prediction),
    /// One model for each output.
    Linear(Loss, Vec<Linear>),
}

impl Baseline {
    /// One that was not fitted yet; the trivial one needs no more than how often each label is there. None without labels.
    pub(super) fn new(
        model: Model,
        task: Task,
        labels: &BTreeMap<u8, u64>,
        features: usize,
    ) -> Option<Self> {
        let decoder = match task {
            Task::Binary => Decoder::Binary,
            // Baselines predict stars as they are.
            Task::Regression => Decoder::Regression {
                scale: TargetScale {
                    offset: 0.0,
                    factor: 1.0,
                },
            },
            Task::Classes | Task::Ordinal => Decoder::Classes {
                stars: labels.keys().copied().collect(),
            },
        };
        let outputs = decoder.classes().map_or(1, <[u8]>::len);
        let fitted = match model {
            Model::Trivial => Fitted::Constant(trivial(&decoder, labels)?),
            Model::Ridge => Fitted::Linear(Loss::Squared, vec![Linear::zero(features); outputs]),
            Model::Logistic => {
                Fitted::Linear(Loss::Logistic, vec![Linear::zero(features); outputs])
            }
        };
        Some(Self { decoder, fitted })
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
                Some(stars) => {
                    let own = f64::from(stars[output]);
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

    /// What it says of each row.
    pub(super) fn predict(&self, matrix: &Matrix, rows: usize) -> Vec<Prediction> {
        let models = match &self.fitted {
            Fitted::Constant(said) => return vec![said.clone(); rows],
            Fitted::Linear(_, models) => models,
        };
        let margins: Vec<Vec<f64>> = models.iter().map(|model| model.margins(matrix)).collect();
        let plain = |value| Prediction {
            value,
            probabilities: None,
            interval: None,
        };
        let of_row = |row: usize| match &self.decoder {
            Decoder::Binary => plain(logistic(margins[0][row])),
            Decoder::Regression { .. } => plain(margins[0][row].clamp(STARS.0, STARS.1)),
            Decoder::Classes { stars } | Decoder::Ordinal { stars } => {
                let each: Vec<f64> = margins.iter().map(|own| logistic(own[row])).collect();
                let sum: f64 = each.iter().sum();
                let probabilities: Vec<f64> = each.iter().map(|p| p / sum).collect();
                let mean = probabilities.iter().zip(stars);
                Prediction {
                    value: mean.map(|(p, stars)| p * f64::from(*stars)).sum(),
                    probabilities: Some(probabilities),
                    interval: None,
                }
            }
        };
        (0..rows).map(of_row).collect()
    }

    /// The loss on examples, by which a strength is chosen: the mean squared error in stars, or the log loss.
    pub(super) fn loss(&self, predicted: &[Prediction], targets: &[f64]) -> f64 {
        let loss = |(said, target): (&Prediction, &f64)| {
            let own = |p: f64| -p.max(f64::MIN_POSITIVE).ln();
            match (&said.probabilities, self.decoder.classes()) {
                (Some(probabilities), Some(stars)) => {
                    let place = stars.iter().position(|own| f64::from(*own) == *target);
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
