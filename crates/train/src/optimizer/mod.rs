//! Steps along the gradient.
//!
//! Our own, because tch's optimizers cannot give their state back, which an exact resume needs. Owns the
//! parameters, the rules and the state of the optimizers. Does not own the course of the learning rate
//! (`rate`).

mod params;
mod rule;

pub use params::{
    AdagradParams, AdamParams, AdamwParams, OptimizerParams, RmspropParams, SgdParams,
};

use tch::{TchError, Tensor};

/// An optimizer with its state.
#[derive(Debug)]
pub struct Optimizer {
    params: OptimizerParams,
    /// The longest gradient, of all variables together, that is followed as it is.
    clip: Option<f64>,
    /// Steps made.
    steps: i32,
    variables: Vec<Followed>,
}

#[derive(Debug)]
struct Followed {
    name: String,
    variable: Tensor,
    /// As [`rule::slots`] names them.
    slots: Vec<Tensor>,
}

impl Optimizer {
    /// An optimizer of some variables, by name, before its first step. A gradient that is longer than
    /// `clip` (the Euclidean norm over all variables) is shortened to it.
    pub fn new(
        params: OptimizerParams,
        clip: Option<f64>,
        variables: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, TchError> {
        let follow = |(name, variable): (String, Tensor)| {
            let slots = rule::slots(&params)
                .iter()
                .map(|_slot| tch::no_grad(|| variable.f_zeros_like()))
                .collect::<Result<_, TchError>>()?;
            Ok(Followed {
                name,
                variable,
                slots,
            })
        };
        Ok(Self {
            params,
            clip,
            steps: 0,
            variables: variables
                .into_iter()
                .map(follow)
                .collect::<Result<_, TchError>>()?,
        })
    }

    /// One step along the gradients of a loss, a scalar, at the learning rate `lr`.
    pub fn step(&mut self, loss: &Tensor, lr: f64) -> Result<(), TchError> {
        self.forget()?;
        loss.f_backward()?;
        self.follow(lr)
    }

    /// Sets all gradients to 0. What `backward` of a loss finds from here on is added up.
    pub fn forget(&self) -> Result<(), TchError> {
        tch::no_grad(|| {
            self.variables
                .iter()
                .map(|followed| followed.variable.grad())
                .filter(Tensor::defined)
                .try_for_each(|mut grad| grad.f_zero_().map(drop))
        })
    }

    /// One step along the gradients that are there, at the learning rate `lr`.
    pub fn follow(&mut self, lr: f64) -> Result<(), TchError> {
        self.steps += 1;
        tch::no_grad(|| {
            self.shorten()?;
            for followed in &mut self.variables {
                let grad = followed.variable.grad();
                if grad.defined() {
                    let slots = &mut followed.slots;
                    rule::apply(
                        &self.params,
                        lr,
                        self.steps,
                        &mut followed.variable,
                        &grad,
                        slots,
                    )?;
                }
            }
            Ok(())
        })
    }

    /// Shortens the gradients to the longest that is allowed, as PyTorch's `clip_grad_norm_` does.
    fn shorten(&self) -> Result<(), TchError> {
        let Some(longest) = self.clip else {
            return Ok(());
        };
        let grads: Vec<Tensor> = self
            .variables
            .iter()
            .map(|followed| followed.variable.grad())
            .filter(Tensor::defined)
            .collect();
        let norms = grads
            .iter()
            .map(|grad| {
                if grad.is_sparse() {
                    grad.f_coalesce()?.f_values()?.f_norm()
                } else {
                    grad.f_norm()
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if norms.is_empty() {
            return Ok(());
        }
        let norm = Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])?;
        // What is added keeps a gradient of 0 from being divided by 0.
        let factor = longest / (norm + 1e-6);
        if factor < 1.0 {
            for mut grad in grads {
                let _ = grad.f_mul_scalar_(factor)?;
            }
        }
        Ok(())
    }

    /// Steps made.
    pub fn steps(&self) -> i32 {
        self.steps
    }

    /// The tensors of the state with their names, `head.weight.mean`; they share their numbers with the
    /// optimizer.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let slots = rule::slots(&self.params);
        self.variables
            .iter()
            .flat_map(|followed| {
                followed
                    .slots
                    .iter()
                    .zip(slots)
                    .map(|(slot, name)| (format!("{}.{name}", followed.name), slot.shallow_clone()))
            })
            .collect()
    }

    /// Says how many steps led to the state, once its tensors are those of another optimizer.
    pub fn continue_after(&mut self, steps: i32) {
        self.steps = steps;
    }
}

#[cfg(test)]
mod tests;
