//! What is minimised: the loss of a task, on tensors for learning and on numbers for reporting.

use cinescore_model::task::{Decoder, TargetScale, Task};
use tch::{Device, Reduction, TchError, Tensor};

use crate::examples::{Examples, Split};

/// The loss of a task.
///
/// Task `binary`: the log loss of the logit, in nats. Task `regression`: the squared error on a scale on
/// which the training stars have mean 0 and standard deviation 1, so that a network that says 0 says
/// the mean, and a loss of 1 is the trivial predictor's.
#[derive(Debug, Clone, Copy)]
pub struct Objective {
    decoder: Decoder,
}

impl Objective {
    /// The objective of a task on some examples, whose training labels are not all the same.
    pub fn new(task: Task, examples: &Examples) -> Self {
        let decoder = match task {
            Task::Binary => Decoder::Binary,
            Task::Regression => {
                let stars = examples.labels(Split::Train);
                let count = stars.len() as f64;
                let mean = stars.iter().sum::<f64>() / count;
                let variance = stars
                    .iter()
                    .map(|stars| (stars - mean).powi(2))
                    .sum::<f64>()
                    / count;
                Decoder::Regression {
                    scale: TargetScale {
                        offset: mean,
                        factor: variance.sqrt(),
                    },
                }
            }
        };
        Self { decoder }
    }

    /// How outputs are read.
    pub fn decoder(self) -> Decoder {
        self.decoder
    }

    /// A label as the loss takes it.
    fn target(self, label: f64) -> f64 {
        match self.decoder {
            Decoder::Binary => label,
            Decoder::Regression { scale } => scale.scale(label),
        }
    }

    /// The targets of some examples, float32 `[B]`.
    pub fn targets(
        self,
        examples: &Examples,
        rows: &[usize],
        device: Device,
    ) -> Result<Tensor, TchError> {
        let targets: Vec<f32> = rows
            .iter()
            .map(|&row| self.target(examples.label(row)) as f32)
            .collect();
        Tensor::f_from_slice(&targets)?.f_to_device(device)
    }

    /// The mean loss, a scalar, of outputs `[B, 1]` for targets `[B]`.
    pub fn loss(self, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
        let outputs = outputs.f_squeeze_dim(1)?;
        match self.decoder {
            Decoder::Binary => outputs.f_binary_cross_entropy_with_logits::<Tensor>(
                targets,
                None,
                None,
                Reduction::Mean,
            ),
            Decoder::Regression { .. } => outputs.f_mse_loss(targets, Reduction::Mean),
        }
    }

    /// The loss of one output for one label.
    pub fn loss_of(self, output: f64, label: f64) -> f64 {
        match self.decoder {
            // The log loss of a logit without the overflow of exp and the logarithm of 0.
            Decoder::Binary => output.max(0.0) - output * label + (-output.abs()).exp().ln_1p(),
            Decoder::Regression { .. } => (output - self.target(label)).powi(2),
        }
    }

    /// The name of the figure that people read beside the loss.
    pub fn score_name(self) -> &'static str {
        match self.decoder {
            Decoder::Binary => "accuracy",
            Decoder::Regression { .. } => "mse",
        }
    }

    /// What one output adds to that figure: 1 where the class is right; the squared error in stars.
    pub fn score_of(self, output: f64, label: f64) -> f64 {
        let predicted = self.decoder.decode(output);
        match self.decoder {
            Decoder::Binary => f64::from((predicted >= 0.5) == (label >= 0.5)),
            Decoder::Regression { .. } => (predicted - label).powi(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_of_numbers_is_that_of_tensors() {
        let scale = TargetScale {
            offset: 5.0,
            factor: 2.0,
        };
        let cases = [
            (Decoder::Binary, 1.0, 1.0),
            (Decoder::Regression { scale }, 9.0, 2.0),
        ];
        for (decoder, label, target) in cases {
            let objective = Objective { decoder };
            for output in [-200.0_f32, -3.0, 0.0, 0.7, 90.0] {
                let outputs = Tensor::from_slice(&[output]).view([1, 1]);
                let of_tensors = objective
                    .loss(&outputs, &Tensor::from_slice(&[target as f32]))
                    .unwrap();
                let difference =
                    of_tensors.double_value(&[]) - objective.loss_of(f64::from(output), label);
                assert!(difference.abs() < 1e-3, "{output}: {difference}");
            }
        }
    }

    #[test]
    fn scores_are_in_units_that_people_read() {
        let binary = Objective {
            decoder: Decoder::Binary,
        };
        assert_eq!(
            (binary.score_of(0.1, 1.0), binary.score_of(0.1, 0.0)),
            (1.0, 0.0)
        );
        let scale = TargetScale {
            offset: 5.0,
            factor: 2.0,
        };
        let stars = Objective {
            decoder: Decoder::Regression { scale },
        };
        assert_eq!(stars.score_of(1.0, 10.0), 9.0);
        assert_eq!(stars.score_of(1000.0, 10.0), 0.0);
    }
}
