//! One step of one variable, for each optimizer.

use tch::{TchError, Tensor};

use super::params::{AdagradParams, AdamParams, OptimizerParams, RmspropParams, SgdParams};

/// The tensors that an optimizer keeps for each variable, by name; each has the variable's shape and
/// begins at 0.
pub(super) fn slots(params: &OptimizerParams) -> &'static [&'static str] {
    match params {
        OptimizerParams::Adam(_) | OptimizerParams::Adamw(_) => &["mean", "mean_square"],
        OptimizerParams::Sgd(SgdParams { momentum, .. }) if *momentum == 0.0 => &[],
        OptimizerParams::Sgd(_) => &["momentum"],
        OptimizerParams::Adagrad(_) => &["sum_square"],
        OptimizerParams::Rmsprop(RmspropParams { momentum, .. }) if *momentum == 0.0 => {
            &["mean_square"]
        }
        OptimizerParams::Rmsprop(_) => &["mean_square", "momentum"],
    }
}

/// Moves `variable` along `grad`, at the learning rate `lr`, in the step with number `step`, from 1.
pub(super) fn apply(
    params: &OptimizerParams,
    lr: f64,
    step: i32,
    variable: &mut Tensor,
    grad: &Tensor,
    slots: &mut [Tensor],
) -> Result<(), TchError> {
    if grad.is_sparse() {
        return sparse(params, lr, variable, grad, slots);
    }
    match params {
        OptimizerParams::Adagrad(AdagradParams { eps, .. }) => {
            let [sum_square] = slots else {
                return Ok(());
            };
            let scale = sum_square
                .f_add_(&grad.f_square()?)?
                .f_sqrt()?
                .f_add_scalar_(*eps)?;
            take(variable, &grad.f_div(&scale)?, lr)
        }
        OptimizerParams::Adam(adam) => {
            let grad = decayed(grad, variable, adam.weight_decay)?;
            self::adam(adam, lr, step, variable, &grad, slots)
        }
        OptimizerParams::Adamw(adamw) => {
            if adamw.weight_decay > 0.0 {
                let _ = variable.f_mul_scalar_(1.0 - lr * adamw.weight_decay)?;
            }
            let adam = AdamParams {
                lr,
                beta1: adamw.beta1,
                beta2: adamw.beta2,
                eps: adamw.eps,
                weight_decay: 0.0,
            };
            self::adam(&adam, lr, step, variable, grad, slots)
        }
        OptimizerParams::Sgd(sgd) => {
            let grad = decayed(grad, variable, sgd.weight_decay)?;
            let [momentum] = slots else {
                return take(variable, &grad, lr);
            };
            let _ = momentum.f_mul_scalar_(sgd.momentum)?.f_add_(&grad)?;
            if sgd.nesterov {
                let ahead = momentum.f_mul_scalar(sgd.momentum)?.f_add_(&grad)?;
                take(variable, &ahead, lr)
            } else {
                take(variable, momentum, lr)
            }
        }
        OptimizerParams::Rmsprop(rmsprop) => {
            let grad = decayed(grad, variable, rmsprop.weight_decay)?;
            let Some((mean_square, momentum)) = slots.split_first_mut() else {
                return Ok(());
            };
            let squared = grad.f_square()?.f_mul_scalar_(1.0 - rmsprop.alpha)?;
            let scale = mean_square
                .f_mul_scalar_(rmsprop.alpha)?
                .f_add_(&squared)?
                .f_sqrt()?
                .f_add_scalar_(rmsprop.eps)?;
            let step = grad.f_div(&scale)?;
            match momentum.first_mut() {
                None => take(variable, &step, lr),
                Some(momentum) => {
                    let _ = momentum.f_mul_scalar_(rmsprop.momentum)?.f_add_(&step)?;
                    take(variable, momentum, lr)
                }
            }
        }
    }
}

/// One step along a sparse gradient: only the numbers that are in it are read or changed.
fn sparse(
    params: &OptimizerParams,
    lr: f64,
    variable: &mut Tensor,
    grad: &Tensor,
    slots: &mut [Tensor],
) -> Result<(), TchError> {
    let grad = grad.f_coalesce()?;
    let (places, values) = (grad.f_indices()?, grad.f_values()?);
    let place = flat(&places, &variable.size())?;
    let step = match (params, slots) {
        (OptimizerParams::Sgd(_), []) => values,
        (OptimizerParams::Adagrad(AdagradParams { eps, .. }), [sum_square]) => {
            let mut sum_square = sum_square.f_view([-1])?;
            let sums = sum_square
                .f_index_select(0, &place)?
                .f_add_(&values.f_square()?)?;
            let _ = sum_square.f_index_copy_(0, &place, &sums)?;
            values.f_div(&sums.f_sqrt()?.f_add_scalar_(*eps)?)?
        }
        _ => {
            let message = "this optimizer follows no sparse gradients";
            return Err(TchError::Kind(message.into()));
        }
    };
    let step = step.f_mul_scalar(-lr)?;
    variable
        .f_view([-1])?
        .f_index_add_(0, &place, &step)
        .map(drop)
}

/// Places in a tensor of a shape, int64 `[axes, N]`, as places in the same without axes, `[N]`.
fn flat(places: &Tensor, shape: &[i64]) -> Result<Tensor, TchError> {
    let mut flat = places.f_select(0, 0)?;
    for (axis, length) in (1_i64..).zip(shape.iter().skip(1)) {
        flat = flat
            .f_mul_scalar(*length)?
            .f_add(&places.f_select(0, axis)?)?;
    }
    Ok(flat)
}

fn adam(
    params: &AdamParams,
    lr: f64,
    step: i32,
    variable: &mut Tensor,
    grad: &Tensor,
    slots: &mut [Tensor],
) -> Result<(), TchError> {
    let AdamParams {
        beta1, beta2, eps, ..
    } = *params;
    let [mean, mean_square] = slots else {
        return Ok(());
    };
    let mean = mean.f_lerp_(grad, 1.0 - beta1)?;
    let squared = grad.f_square()?.f_mul_scalar_(1.0 - beta2)?;
    let mean_square = mean_square.f_mul_scalar_(beta2)?.f_add_(&squared)?;
    // Both means begin at 0, and are too small for it by these factors.
    let (short1, short2) = (1.0 - beta1.powi(step), 1.0 - beta2.powi(step));
    let mut scale = mean_square
        .f_sqrt()?
        .f_div_scalar_(short2.sqrt())?
        .f_add_scalar_(eps)?;
    let step = scale
        .f_reciprocal_()?
        .f_mul_(&mean)?
        .f_mul_scalar_(lr / short1)?;
    variable.f_sub_(&step).map(drop)
}

/// The gradient with the weight decay in it.
fn decayed(grad: &Tensor, variable: &Tensor, weight_decay: f64) -> Result<Tensor, TchError> {
    if weight_decay > 0.0 {
        grad.f_add(&variable.f_mul_scalar(weight_decay)?)
    } else {
        Ok(grad.shallow_clone())
    }
}

/// Takes `lr` times a step off.
fn take(variable: &mut Tensor, step: &Tensor, lr: f64) -> Result<(), TchError> {
    variable.f_sub_(&step.f_mul_scalar(lr)?).map(drop)
}
