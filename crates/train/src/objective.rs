//! What is minimised: the loss of a task, on tensors for learning and on numbers for reporting.

use cinescore_model::task::{Decoder, Prediction, Quantity, TargetScale, Task};
use tch::{Device, Kind, Reduction, TchError, Tensor};

use crate::examples::{Examples, Split};
use crate::windows::LAST_CLASS;

mod count;
mod error;
mod params;

pub use error::ObjectiveError;
pub use params::{ClassWeightParams, HuberParams, LossParams};

/// Beyond every threshold: a logit whose logistic function is 1, or 0, to the last bit of a float32.
const BEYOND: f64 = 40.0;
/// What is added to a mean squared error before its root is taken.
const LEAST_SQUARE: f64 = 1e-12;

/// The loss of a task.
///
/// Task `binary`: the log loss of the logit, in nats. Task `regression`: the error on a scale on
/// which the training labels have mean 0 and standard deviation 1, so that a network that says 0 says
/// the mean, and a squared loss of 1 is the trivial predictor's. Tasks `classes` and `ordinal`: the negative
/// logarithm of the true class' probability, in nats; task `count` of the true count's (`count`). Class weights multiply the loss of each example.
#[derive(Debug, Clone)]
pub struct Objective {
    decoder: Decoder,
    loss: LossParams,
    /// The share of each label that is spread over all classes alike.
    smoothing: f64,
    /// What the loss of each class is multiplied by; for task `binary` of negative and positive.
    weights: Option<Vec<f64>>,
    /// Outputs of the network.
    outputs: usize,
}

impl Objective {
    /// The objective of a task on some examples, whose training labels are not all the same, for a network of so
    /// many outputs.
    pub fn new(
        task: Task,
        loss: LossParams,
        smoothing: f64,
        examples: &Examples,
        outputs: u32,
    ) -> Result<Self, ObjectiveError> {
        if loss != LossParams::Auto && task != Task::Regression {
            return Err(ObjectiveError::Loss { task });
        }
        if smoothing > 0.0 && task != Task::Classes {
            return Err(ObjectiveError::Smoothing { task });
        }
        let outputs = usize::try_from(outputs).unwrap_or(usize::MAX);
        let quantity = examples.quantity();
        let decoder = match task {
            Task::Binary => Decoder::Binary,
            Task::Regression => Decoder::Regression {
                quantity,
                scale: scale_of(&examples.labels(Split::Train)),
            },
            Task::Classes => Decoder::Classes {
                quantity,
                labels: classes(examples, outputs)?,
            },
            Task::Ordinal => Decoder::Ordinal {
                quantity,
                labels: classes(examples, outputs.saturating_add(1))?,
            },
            Task::Count if !(1..=2).contains(&outputs) => {
                return Err(ObjectiveError::CountOutputs { found: outputs });
            }
            // Not all training counts are alike, so that their mean is above 0.
            Task::Count => Decoder::Count {
                mean: scale_of(&examples.labels(Split::Train)).offset,
            },
        };
        Ok(Self {
            decoder,
            loss,
            smoothing,
            weights: None,
            outputs,
        })
    }

    /// With weights for the classes.
    pub fn with_class_weights(
        mut self,
        params: &ClassWeightParams,
        examples: &Examples,
    ) -> Result<Self, ObjectiveError> {
        if *params == ClassWeightParams::None {
            return Ok(self);
        }
        let labels: Vec<u8> = match (&self.decoder, self.decoder.classes()) {
            (Decoder::Binary, _) => vec![0, 1],
            (_, Some(labels)) => labels.to_vec(),
            (decoder, None) => {
                let task = decoder.task();
                return Err(ObjectiveError::Weights { task });
            }
        };
        let training = examples.labels(Split::Train);
        let count = |label: u8| {
            let own = training.iter().filter(|other| **other == f64::from(label));
            own.count() as f64
        };
        let mut weights: Vec<f64> = match params {
            ClassWeightParams::None => Vec::new(),
            // A class without training examples may still be in `valid`: there it counts as without weights.
            ClassWeightParams::Balanced => labels
                .iter()
                .map(|&label| match count(label) {
                    0.0 => labels.len() as f64 / training.len().max(1) as f64,
                    own => 1.0 / own,
                })
                .collect(),
            ClassWeightParams::Given(given) => {
                for (label, &weight) in given {
                    let known = labels.iter().any(|known| known.to_string() == *label);
                    if !known || !weight.is_finite() || weight <= 0.0 {
                        let known: Vec<String> = labels.iter().map(u8::to_string).collect();
                        return Err(ObjectiveError::Weight {
                            label: label.clone(),
                            weight,
                            known: known.join(", "),
                        });
                    }
                }
                let weight = |label: &u8| given.get(&label.to_string()).copied().unwrap_or(1.0);
                labels.iter().map(weight).collect()
            }
        };
        let sum: f64 = labels
            .iter()
            .zip(&weights)
            .map(|(&label, weight)| count(label) * weight)
            .sum();
        let mean = sum / training.len() as f64;
        weights.iter_mut().for_each(|weight| *weight /= mean);
        self.weights = Some(weights);
        Ok(self)
    }

    /// How outputs are read.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The class of a label; the labels were checked when this was made.
    fn class(&self, label: f64) -> usize {
        let labels = self.decoder.classes().unwrap_or_default();
        labels
            .iter()
            .position(|&own| f64::from(own) == label)
            .unwrap_or(0)
    }

    /// The targets of some examples: float32 `[B]`, or the numbers of their classes, int64 `[B]`.
    pub fn targets(
        &self,
        examples: &Examples,
        rows: &[usize],
        device: Device,
    ) -> Result<Tensor, TchError> {
        let labels = rows.iter().map(|&row| examples.label(row));
        let targets = match &self.decoder {
            Decoder::Binary | Decoder::Count { .. } => {
                Tensor::f_from_slice(&labels.map(|label| label as f32).collect::<Vec<_>>())?
            }
            Decoder::Regression { scale, .. } => Tensor::f_from_slice(
                &labels
                    .map(|label| scale.scale(label) as f32)
                    .collect::<Vec<_>>(),
            )?,
            Decoder::Classes { .. } | Decoder::Ordinal { .. } => {
                let classes = labels.map(|label| i64::try_from(self.class(label)).unwrap_or(0));
                Tensor::f_from_slice(&classes.collect::<Vec<_>>())?
            }
        };
        targets.f_to_device(device)
    }

    /// The mean loss, a scalar, of outputs `[B, O]` for targets `[B]`; of loss `rmse` the root of the mean.
    pub fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
        let losses = self.losses(outputs, targets)?;
        let losses = match &self.weights {
            None => losses,
            Some(weights) => {
                let weights = Tensor::f_from_slice(weights)?
                    .f_to_kind(Kind::Float)?
                    .f_to_device(outputs.device())?;
                losses.f_mul(&weights.f_index_select(0, &targets.f_to_kind(Kind::Int64)?)?)?
            }
        };
        let mean = losses.f_mean(Kind::Float)?;
        match self.loss {
            // At 0 the root has no gradient.
            LossParams::Rmse => mean.f_add_scalar(LEAST_SQUARE)?.f_sqrt(),
            _ => Ok(mean),
        }
    }

    /// The sum of the losses ([`Self::loss`]) of a network's heads, so that each gets the gradient that it would get alone. (Layers
    /// that they share get the sum, and where gradients are clipped the length of all of them counts.)
    pub fn loss_of_members(
        &self,
        members: &[Tensor],
        targets: &Tensor,
    ) -> Result<Tensor, TchError> {
        if let [one] = members {
            return self.loss(one, targets);
        }
        let losses = members.iter().map(|outputs| self.loss(outputs, targets));
        let losses = losses.collect::<Result<Vec<_>, _>>()?;
        Tensor::f_stack(&losses, 0)?.f_sum(None::<Kind>)
    }

    /// The loss of each example `[B]` before weights; of loss `rmse` its squared error.
    fn losses(&self, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
        match &self.decoder {
            Decoder::Binary => outputs
                .f_squeeze_dim(1)?
                .f_binary_cross_entropy_with_logits::<Tensor>(targets, None, None, Reduction::None),
            Decoder::Regression { .. } => {
                let outputs = outputs.f_squeeze_dim(1)?;
                match self.loss {
                    LossParams::Auto | LossParams::Mse | LossParams::Rmse => {
                        outputs.f_mse_loss(targets, Reduction::None)
                    }
                    LossParams::Mae => outputs.f_l1_loss(targets, Reduction::None),
                    LossParams::Huber(HuberParams { delta }) => {
                        outputs.f_huber_loss(targets, Reduction::None, delta)
                    }
                }
            }
            // -100: PyTorch's number for a target that does not count; there is none here.
            Decoder::Classes { .. } => outputs.f_cross_entropy_loss::<Tensor>(
                targets,
                None,
                Reduction::None,
                -100,
                self.smoothing,
            ),
            Decoder::Ordinal { .. } => cumulative_losses(outputs, targets),
            Decoder::Count { mean } => count::losses(outputs, targets, *mean),
        }
    }

    /// The mean loss of examples, from the sum of their [`Self::loss_of`] or, for loss `rmse`, of batches' squared
    /// losses, and how many they are.
    pub fn mean_of(&self, sum: f64, count: usize) -> f64 {
        let mean = sum / count as f64;
        match self.loss {
            LossParams::Rmse => mean.sqrt(),
            _ => mean,
        }
    }

    /// What a batch's mean loss adds to the sum, for each of its examples.
    pub fn share_of(&self, batch: f64) -> f64 {
        match self.loss {
            LossParams::Rmse => batch.powi(2),
            _ => batch,
        }
    }

    /// The mean loss on a split of a predictor that says the same of everything: what is best for the training
    /// split, about.
    pub fn trivial_loss(&self, examples: &Examples, split: Split) -> f64 {
        let training = examples.labels(Split::Train);
        let count = training.len() as f64;
        let above = |bound: f64| training.iter().filter(|label| **label > bound).count() as f64;
        // Half an example keeps the logarithm of a class without any finite.
        let odds = |bound: f64| ((above(bound) + 0.5) / (count - above(bound) + 0.5)).ln();
        let outputs: Vec<f64> = match &self.decoder {
            Decoder::Binary => vec![odds(0.5)],
            Decoder::Regression { .. } => vec![0.0],
            Decoder::Count { mean } => count::constant(&training, *mean, self.outputs),
            Decoder::Classes { labels, .. } => labels
                .iter()
                .map(|&class| {
                    let own = |label: &&f64| **label == f64::from(class);
                    (training.iter().filter(own).count() as f64 + 0.5).ln()
                })
                .collect(),
            Decoder::Ordinal { labels, .. } => labels
                .iter()
                .take(labels.len().saturating_sub(1))
                .map(|&class| odds(f64::from(class) + 0.5))
                .collect(),
        };
        let labels = examples.labels(split);
        let sum = labels
            .iter()
            .map(|&label| self.loss_of(&outputs, label))
            .sum();
        self.mean_of(sum, labels.len())
    }

    /// Whether the loss of a batch is the mean of its parts' losses, each by its examples.
    pub fn is_a_mean(&self) -> bool {
        self.loss != LossParams::Rmse
    }

    /// The loss of one example's outputs `[O]` for its label; of loss `rmse` its squared error.
    pub fn loss_of(&self, outputs: &[f64], label: f64) -> f64 {
        let weight = self.weights.as_ref().map_or(1.0, |weights| {
            let class = match self.decoder {
                Decoder::Binary => usize::from(label >= 0.5),
                _ => self.class(label),
            };
            weights.get(class).copied().unwrap_or(1.0)
        });
        weight * self.unweighted(outputs, label)
    }

    fn unweighted(&self, outputs: &[f64], label: f64) -> f64 {
        let first = outputs.first().copied().unwrap_or(f64::NAN);
        match &self.decoder {
            // The log loss of a logit without the overflow of exp and the logarithm of 0.
            Decoder::Binary => softplus(first) - first * label,
            Decoder::Count { mean } => count::loss_of(outputs, label, *mean),
            Decoder::Regression { scale, .. } => {
                let error = first - scale.scale(label);
                match self.loss {
                    LossParams::Auto | LossParams::Mse | LossParams::Rmse => error.powi(2),
                    LossParams::Mae => error.abs(),
                    LossParams::Huber(HuberParams { delta }) if error.abs() < delta => {
                        error.powi(2) / 2.0
                    }
                    LossParams::Huber(HuberParams { delta }) => delta * (error.abs() - delta / 2.0),
                }
            }
            Decoder::Classes { .. } => {
                let greatest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = outputs.iter().map(|output| (output - greatest).exp()).sum();
                let loss_of = |output: f64| greatest + sum.ln() - output;
                let own = loss_of(outputs.get(self.class(label)).copied().unwrap_or(f64::NAN));
                let all: f64 = outputs.iter().map(|&output| loss_of(output)).sum();
                (1.0 - self.smoothing) * own + self.smoothing * all / outputs.len() as f64
            }
            Decoder::Ordinal { .. } => {
                let class = self.class(label);
                let below = class.checked_sub(1).and_then(|index| outputs.get(index));
                let above = outputs.get(class);
                let (a, b) = (below.unwrap_or(&BEYOND), above.unwrap_or(&-BEYOND));
                softplus(-a) + softplus(*b) - (-(b - a).exp()).ln_1p()
            }
        }
    }

    /// What one example's outputs mean.
    pub fn predict(&self, outputs: &[f64]) -> Prediction {
        self.decoder.decode(outputs)
    }

    /// The name of the figure that people read beside the loss.
    pub fn score_name(&self) -> &'static str {
        match self.decoder {
            Decoder::Binary | Decoder::Classes { .. } | Decoder::Ordinal { .. } => "accuracy",
            Decoder::Regression { .. } | Decoder::Count { .. } => "mse",
        }
    }

    /// What one example's outputs add to that figure: 1 where the class is right; the squared error.
    pub fn score_of(&self, outputs: &[f64], label: f64) -> f64 {
        let Prediction {
            value,
            probabilities,
            ..
        } = self.predict(outputs);
        match (&self.decoder, probabilities) {
            (Decoder::Binary, _) => f64::from((value >= 0.5) == (label >= 0.5)),
            (_, Some(probabilities)) => {
                f64::from(most_probable(&probabilities) == self.class(label))
            }
            (_, None) => (value - label).powi(2),
        }
    }
}

/// The greatest probability's place, the first of several.
pub fn most_probable(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (index, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = index;
        }
    }
    best
}

/// The scale on which some labels have mean 0 and standard deviation 1.
fn scale_of(stars: &[f64]) -> TargetScale {
    let count = stars.len() as f64;
    let mean = stars.iter().sum::<f64>() / count;
    let variance = stars
        .iter()
        .map(|stars| (stars - mean).powi(2))
        .sum::<f64>()
        / count;
    TargetScale {
        offset: mean,
        factor: variance.sqrt(),
    }
}

/// The labels of so many classes: of reviews those stars that training reviews have, or all; of windows all.
fn classes(examples: &Examples, count: usize) -> Result<Vec<u8>, ObjectiveError> {
    if examples.quantity() == Quantity::Popularity {
        let all: Vec<u8> = (0..=LAST_CLASS).collect();
        return match count == all.len() {
            true => Ok(all),
            false => Err(ObjectiveError::PopularityClasses {
                found: count,
                wanted: all.len(),
            }),
        };
    }
    let all: Vec<u8> = (1..=10).collect();
    let has = |rows: &[usize], stars: u8| {
        rows.iter()
            .any(|&row| examples.label(row) == f64::from(stars))
    };
    let observed: Vec<u8> = all
        .iter()
        .copied()
        .filter(|&stars| has(examples.rows(Split::Train), stars))
        .collect();
    if count == all.len() {
        return Ok(all);
    }
    if count != observed.len() {
        return Err(ObjectiveError::Classes {
            found: count,
            observed: observed.len(),
        });
    }
    let known = |row: &usize| {
        observed
            .iter()
            .any(|&stars| examples.label(*row) == f64::from(stars))
    };
    let stray = Split::ALL
        .iter()
        .flat_map(|&split| examples.rows(split))
        .find(|row| !known(row));
    match stray {
        None => Ok(observed),
        Some(&row) => Err(ObjectiveError::Score {
            review_id: examples.review_id(row),
            score: examples.label(row) as u8,
        }),
    }
}

/// `-log(P(above the threshold below the class) - P(above the one above it))`, `[B]`, of logits
/// `[B, K - 1]`, falling, for classes `[B]`. With logits a and b that is `softplus(-a) + softplus(b) - log(1 - exp(b - a))`,
/// in which nothing is lost when both probabilities are near 0 or 1.
fn cumulative_losses(logits: &Tensor, classes: &Tensor) -> Result<Tensor, TchError> {
    let (batch, _thresholds) = logits.size2()?;
    let beyond = |value| Tensor::f_full([batch, 1], value, (Kind::Float, logits.device()));
    let bounds = Tensor::f_cat(&[&beyond(BEYOND)?, logits, &beyond(-BEYOND)?], 1)?;
    let index = classes.f_unsqueeze(1)?;
    let a = bounds.f_gather(1, &index, false)?;
    let b = bounds.f_gather(1, &index.f_add_scalar(1)?, false)?;
    let between = b.f_sub(&a)?.f_exp()?.f_neg()?.f_log1p()?;
    a.f_neg()?
        .f_softplus()?
        .f_add(&b.f_softplus()?)?
        .f_sub(&between)
}

/// `log(1 + exp(x))` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests;
