//! Weighted sums of the last axis.

use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use super::one_hot;
use crate::precision::Precision;

/// A fully connected layer, with a bias and without an activation.
#[derive(Debug)]
pub struct Dense {
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    /// From `features` to `units`. Weight and bias begin uniform within 1 / sqrt(features), which is
    /// what PyTorch's `Linear` does. Variables: `weight`, `bias`.
    pub fn new(path: &nn::Path<'_>, features: i64, units: i64) -> Result<Self, TchError> {
        let bound = 1.0 / (features as f64).sqrt();
        let init = Init::Uniform {
            lo: -bound,
            up: bound,
        };
        Ok(Self {
            weight: path.f_var("weight", &[units, features], init)?,
            bias: path.f_var("bias", &[units], init)?,
        })
    }

    /// `[.., F]` to `[.., units]`.
    pub fn forward(&self, xs: &Tensor, precision: Precision) -> Result<Tensor, TchError> {
        precision.linear(xs, &self.weight, &self.bias)
    }

    /// The same of the one-hot vectors of `ids`, int32 or int64 `[B, T]`, to `[B, T, units]`.
    pub fn forward_ids(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        one_hot::sums(&self.weight, ids)?.f_add(&self.bias)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set, tensor};

    #[test]
    fn sums_are_those_of_pytorch() {
        let vars = nn::VarStore::new(Device::Cpu);
        let dense = Dense::new(&vars.root(), 3, 2).unwrap();
        set(&vars, "weight", &ramp(-0.5, 0.25, &[2, 3]));
        set(&vars, "bias", &tensor(&[0.125, -1.0], &[2]));
        let xs = ramp(1.0, 1.0, &[1, 2, 3]);
        // linear = torch.nn.Linear(3, 2)
        // linear.weight.data = torch.arange(6.).reshape(2, 3) * 0.25 - 0.5
        // linear.bias.data = torch.tensor([0.125, -1.0])
        // linear(torch.arange(1., 7.).reshape(1, 2, 3))
        let expected = [-0.875, 2.5, -3.125, 7.0];
        let found = dense.forward(&xs, Precision::Float32).unwrap();
        assert_eq!(found.size(), [1, 2, 2]);
        assert_close(&found, &expected, 1e-6);
        assert_close(
            &dense.forward(&xs, Precision::Float32).unwrap(),
            &expected,
            1e-6,
        );
        assert_eq!(names(&vars), ["bias", "weight"]);
    }

    #[test]
    fn values_begin_within_their_bound() {
        let vars = nn::VarStore::new(Device::Cpu);
        let dense = Dense::new(&vars.root(), 400, 50).unwrap();
        assert!(dense.weight.abs().max().double_value(&[]) <= 0.05);
        // A uniform distribution within b has the standard deviation b / sqrt(3).
        assert!((dense.weight.std(false).double_value(&[]) - 0.05 / 3_f64.sqrt()).abs() < 1e-3);
    }
}
