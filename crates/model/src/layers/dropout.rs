//! Dropout: zeros at random in training, nothing in evaluation.

use tch::{TchError, Tensor};

/// Sets each value to zero with a probability, and divides the others by what is left of 1, so that
/// the expectation stays (Srivastava et al., JMLR 2014).
#[derive(Debug)]
pub struct Dropout {
    probability: f64,
    /// Whether an example's steps share what is set to zero.
    variational: bool,
}

impl Dropout {
    /// `probability`: 0 or more, below 1. No variables.
    pub fn new(probability: f64) -> Self {
        Self {
            probability,
            variational: false,
        }
    }

    /// One that sets a feature to zero in all steps of an example or in none (Gal and Ghahramani, NeurIPS 2016).
    pub fn variational(probability: f64) -> Self {
        Self {
            probability,
            variational: true,
        }
    }

    /// Any shape, to the same; for a variational one `[B, T, F]`.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor, TchError> {
        if !train || self.probability == 0.0 {
            return Ok(xs.shallow_clone());
        }
        if !self.variational {
            return xs.f_dropout(self.probability, true);
        }
        let (batch, _steps, features) = xs.size3()?;
        let ones = Tensor::f_ones([batch, 1, features], (xs.kind(), xs.device()))?;
        xs.f_mul(&ones.f_dropout(self.probability, true)?)
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

    #[test]
    fn a_variational_one_drops_a_feature_of_all_steps_or_of_none() {
        let ones = Tensor::ones([50, 20, 40], (Kind::Float, Device::Cpu));
        let dropped = Dropout::variational(0.25).forward(&ones, true).unwrap();
        let first = dropped.narrow(1, 0, 1).expand([50, 20, 40], false);
        assert_eq!(dropped, first);
        let zeros = dropped.eq(0.0).to_kind(Kind::Float).mean(None);
        assert!((zeros.double_value(&[]) - 0.25).abs() < 0.06);
        assert!((dropped.max().double_value(&[]) - 1.0 / 0.75).abs() < 1e-6);
        assert_eq!(
            Dropout::variational(0.25).forward(&ones, false).unwrap(),
            ones
        );
    }
}
