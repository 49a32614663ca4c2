//! Dropout: zeros at random in training, nothing in evaluation.

use tch::{TchError, Tensor};

/// Sets each value to zero with a probability, and divides the others by what is left of 1, so that
/// the expectation stays (Srivastava et al., JMLR 2014).
#[derive(Debug)]
pub struct Dropout {
    probability: f64,
}

impl Dropout {
    /// `probability`: 0 or more, below 1. No variables.
    pub fn new(probability: f64) -> Self {
        Self { probability }
    }

    /// Any shape, to the same.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor, TchError> {
        if train && self.probability > 0.0 {
            xs.f_dropout(self.probability, true)
        } else {
            Ok(xs.shallow_clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::layers::testing::assert_close;

    #[test]
    fn training_drops_the_share_asked_for_and_keeps_the_mean() {
        let ones = Tensor::ones([100, 1000], (Kind::Float, Device::Cpu));
        let dropped = Dropout::new(0.25).forward(&ones, true).unwrap();
        let zeros = dropped
            .eq(0.0)
            .to_kind(Kind::Float)
            .mean(None)
            .double_value(&[]);
        assert!((zeros - 0.25).abs() < 0.01, "{zeros}");
        assert!((dropped.mean(None).double_value(&[]) - 1.0).abs() < 0.01);
        assert!((dropped.max().double_value(&[]) - 1.0 / 0.75).abs() < 1e-6);
    }

    #[test]
    fn evaluation_changes_nothing() {
        let layer = Dropout::new(0.9);
        let xs = crate::layers::testing::ramp(0.0, 0.5, &[2, 2]);
        assert_close(
            &layer.forward(&xs, false).unwrap(),
            &[0.0, 0.5, 1.0, 1.5],
            0.0,
        );
        assert_close(
            &layer.forward(&xs, false).unwrap(),
            &[0.0, 0.5, 1.0, 1.5],
            0.0,
        );
    }
}
