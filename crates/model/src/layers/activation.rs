//! Functions of each value.

use tch::{TchError, Tensor};

/// An activation. No variables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `slope` times `x`.
    LeakyRelu {
        /// The factor of negative values.
        slope: f64,
    },
    /// `x` where positive, else `exp(x) - 1` (Clevert et al., ICLR 2016).
    Elu,
    /// `x` times the standard normal distribution function (Hendrycks and Gimpel 2016).
    Gelu,
    /// `x` times its sigmoid (also called swish).
    Silu,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// Any shape, to the same.
    pub fn forward(self, xs: &Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Relu => xs.f_relu(),
            // tch's own has PyTorch's default slope only. At 0, where the gradient is `slope` in
            // PyTorch, `relu` has none and `clamp` passes it on.
            Self::LeakyRelu { slope } => xs
                .f_relu()?
                .f_add(&xs.f_clamp_max(0.0)?.f_mul_scalar(slope)?),
            Self::Elu => xs.f_elu(),
            Self::Gelu => xs.f_gelu("none"),
            Self::Silu => xs.f_silu(),
            Self::Softplus => xs.f_softplus(),
            Self::Sigmoid => xs.f_sigmoid(),
            Self::Tanh => xs.f_tanh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use super::*;
    use crate::layers::testing::{assert_close, tensor};

    #[test]
    fn values_are_those_of_pytorch() {
        // x = torch.tensor([-2.0, -0.5, 0.0, 3.0])
        // F.relu(x), F.leaky_relu(x, 0.2), F.elu(x), F.gelu(x), F.silu(x), F.softplus(x), torch.sigmoid(x), torch.tanh(x)
        let xs = tensor(&[-2.0, -0.5, 0.0, 3.0], &[2, 2]);
        let cases: [(Activation, [f64; 4]); 8] = [
            (Activation::Relu, [0.0, 0.0, 0.0, 3.0]),
            (Activation::LeakyRelu { slope: 0.2 }, [-0.4, -0.1, 0.0, 3.0]),
            (Activation::Elu, [-0.86466473, -0.39346933, 0.0, 3.0]),
            (
                Activation::Gelu,
                [-0.045500278, -0.15426877, 0.0, 2.9959497],
            ),
            (Activation::Silu, [-0.23840584, -0.18877034, 0.0, 2.8577225]),
            (
                Activation::Softplus,
                [0.126928, 0.47407699, LN_2, 3.0485873],
            ),
            (
                Activation::Sigmoid,
                [0.119_202_92, 0.377_540_67, 0.5, 0.952_574_13],
            ),
            (
                Activation::Tanh,
                [-0.964_027_58, -0.462_117_16, 0.0, 0.995_054_75],
            ),
        ];
        for (activation, expected) in cases {
            for _twice in 0..2 {
                let found = activation.forward(&xs).unwrap();
                assert_eq!(found.size(), [2, 2]);
                assert_close(&found, &expected, 1e-6);
            }
        }
    }

    #[test]
    fn the_gradient_of_a_leaky_relu_is_that_of_pytorch_at_zero_too() {
        let xs = tensor(&[-2.0, -0.5, 0.0, 3.0], &[4]).set_requires_grad(true);
        Activation::LeakyRelu { slope: 0.2 }
            .forward(&xs)
            .unwrap()
            .sum(None)
            .backward();
        assert_close(&xs.grad(), &[0.2, 0.2, 0.2, 1.0], 1e-7);
    }
}
