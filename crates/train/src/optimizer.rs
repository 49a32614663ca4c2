//! Steps along the gradient.
//!
//! Our own, because tch's optimizers cannot give their state back, which an exact resume needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

/// How the weights follow the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerParams {
    /// Adam (Kingma and Ba, ICLR 2015), as in PyTorch.
    Adam(AdamParams),
}

impl Default for OptimizerParams {
    fn default() -> Self {
        Self::Adam(AdamParams::default())
    }
}

/// Adam's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamParams {
    /// Learning rate: the length of a step in each weight, about.
    #[schemars(range(min = 0))]
    pub lr: f64,
    /// How much of the mean gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub beta1: f64,
    /// How much of the mean squared gradient is kept at each step.
    #[schemars(range(min = 0, max = 0.999_999))]
    pub beta2: f64,
    /// What is added to the denominator.
    #[schemars(range(min = 0))]
    pub eps: f64,
}

impl Default for AdamParams {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
        }
    }
}

/// An optimizer with its state.
#[derive(Debug)]
pub struct Adam {
    params: AdamParams,
    steps: i32,
    variables: Vec<Moments>,
}

#[derive(Debug)]
struct Moments {
    variable: Tensor,
    /// The running mean of the gradient.
    first: Tensor,
    /// The running mean of the squared gradient.
    second: Tensor,
}

impl Adam {
    /// An optimizer of some variables, before its first step.
    pub fn new(
        params: AdamParams,
        variables: impl IntoIterator<Item = Tensor>,
    ) -> Result<Self, TchError> {
        let moments = |variable: Tensor| {
            let (first, second) = (variable.f_zeros_like()?, variable.f_zeros_like()?);
            Ok(Moments {
                variable,
                first,
                second,
            })
        };
        let variables = variables
            .into_iter()
            .map(moments)
            .collect::<Result<_, TchError>>()?;
        Ok(Self {
            params,
            steps: 0,
            variables,
        })
    }

    /// One step along the gradients of a loss, a scalar.
    pub fn step(&mut self, loss: &Tensor) -> Result<(), TchError> {
        tch::no_grad(|| {
            self.variables
                .iter()
                .map(|moments| moments.variable.grad())
                .filter(Tensor::defined)
                .try_for_each(|mut grad| grad.f_zero_().map(drop))
        })?;
        loss.f_backward()?;
        self.steps += 1;
        tch::no_grad(|| {
            self.variables
                .iter_mut()
                .try_for_each(|moments| moments.step(&self.params, self.steps))
        })
    }
}

impl Moments {
    fn step(&mut self, params: &AdamParams, steps: i32) -> Result<(), TchError> {
        let AdamParams {
            lr,
            beta1,
            beta2,
            eps,
        } = *params;
        let grad = self.variable.grad();
        if !grad.defined() {
            return Ok(());
        }
        let first = self.first.f_lerp_(&grad, 1.0 - beta1)?;
        let squared = grad.f_square()?.f_mul_scalar_(1.0 - beta2)?;
        let second = self.second.f_mul_scalar_(beta2)?.f_add_(&squared)?;
        // Both means begin at 0, and are too small for it by these factors.
        let (short1, short2) = (1.0 - beta1.powi(steps), 1.0 - beta2.powi(steps));
        let mut scale = second
            .f_sqrt()?
            .f_div_scalar_(short2.sqrt())?
            .f_add_scalar_(eps)?;
        let step = scale
            .f_reciprocal_()?
            .f_mul_(&first)?
            .f_mul_scalar_(lr / short1)?;
        self.variable.f_sub_(&step).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_pytorch() {
        // p = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
        // opt = torch.optim.Adam([p], lr=0.1, betas=(0.8, 0.95), eps=1e-3)
        // for _ in range(4):
        //     opt.zero_grad(); (p * p * torch.tensor([1.0, 0.5, 3.0])).sum().backward(); opt.step()
        let expected = [
            [0.900_049_98, -1.900_049_9, 0.400_033_32],
            [0.800_690_23, -1.800_353_1, 0.301_630_08],
            [0.702_407_6, -1.701_093_4, 0.206_455_38],
            [0.605_770_83, -1.602_466_2, 0.116_835_47],
        ];
        let variable = Tensor::from_slice(&[1.0_f32, -2.0, 0.5]).set_requires_grad(true);
        let params = AdamParams {
            lr: 0.1,
            beta1: 0.8,
            beta2: 0.95,
            eps: 1e-3,
        };
        let mut adam = Adam::new(params, [variable.shallow_clone()]).unwrap();
        for expected in expected {
            let loss = (&variable * &variable * Tensor::from_slice(&[1.0_f32, 0.5, 3.0])).sum(None);
            adam.step(&loss).unwrap();
            let found = Vec::<f32>::try_from(variable.detach()).unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 2e-7,
                    "{found} is not {expected}"
                );
            }
        }
    }
}
