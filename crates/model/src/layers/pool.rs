//! One vector from all steps.

use tch::{Kind, TchError, Tensor};

use cinescore_network::PoolSpec;

/// A pooling over the steps. No variables.
#[derive(Debug)]
pub struct Pool {
    spec: PoolSpec,
}

impl Pool {
    /// See [`PoolSpec`].
    pub fn new(spec: PoolSpec) -> Self {
        Self { spec }
    }

    /// `xs`: `[B, T, F]`, padded at the end where `lengths` (int64 `[B]`, at least 1) says how many
    /// steps are real; without lengths all are. Gives `[B, F]`.
    pub fn forward(&self, xs: &Tensor, lengths: Option<&Tensor>) -> Result<Tensor, TchError> {
        let (batch, steps, features) = xs.size3()?;
        match (self.spec, lengths) {
            (PoolSpec::Last, None) => xs.f_select(1, steps - 1),
            (PoolSpec::Last, Some(lengths)) => {
                let index = lengths
                    .f_sub_scalar(1)?
                    .f_view([batch, 1, 1])?
                    .f_expand([batch, 1, features], false)?;
                xs.f_gather(1, &index, false)?.f_squeeze_dim(1)
            }
            (PoolSpec::Mean, None) => xs.f_mean_dim(1_i64, false, None),
            (PoolSpec::Mean, Some(lengths)) => {
                let sum = xs
                    .f_masked_fill(&padding(xs, lengths)?, 0.0)?
                    .f_sum_dim_intlist(1_i64, false, None)?;
                sum.f_div(&lengths.f_to_kind(xs.kind())?.f_unsqueeze(1)?)
            }
            (PoolSpec::Max, None) => xs.f_amax(1_i64, false),
            (PoolSpec::Max, Some(lengths)) => xs
                .f_masked_fill(&padding(xs, lengths)?, f64::NEG_INFINITY)?
                .f_amax(1_i64, false),
        }
    }
}

/// Where `xs` `[B, T, F]` is padding: bool `[B, T, 1]`.
fn padding(xs: &Tensor, lengths: &Tensor) -> Result<Tensor, TchError> {
    let (_batch, steps, _features) = xs.size3()?;
    let step = Tensor::f_arange(steps, (Kind::Int64, xs.device()))?.f_unsqueeze(0)?;
    step.f_ge_tensor(&lengths.f_unsqueeze(1)?)?.f_unsqueeze(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::testing::{assert_close, tensor};

    /// Two reviews of 3 steps with 2 features; of the second one step is padding.
    fn steps() -> Tensor {
        tensor(
            &[
                1.0, -1.0, 5.0, 2.0, 3.0, 0.0, -4.0, 4.0, -2.0, 8.0, 9.0, 9.0,
            ],
            &[2, 3, 2],
        )
    }

    #[test]
    fn every_step_counts_without_lengths() {
        // x.select(1, 2), x.mean(1), x.amax(1)
        for (spec, expected) in [
            (PoolSpec::Last, [3.0, 0.0, 9.0, 9.0]),
            (PoolSpec::Mean, [3.0, 1.0 / 3.0, 1.0, 7.0]),
            (PoolSpec::Max, [5.0, 2.0, 9.0, 9.0]),
        ] {
            let found = Pool::new(spec).forward(&steps(), None).unwrap();
            assert_eq!(found.size(), [2, 2]);
            assert_close(&found, &expected, 1e-6);
        }
    }

    #[test]
    fn padding_counts_for_nothing_with_lengths() {
        let lengths = Tensor::from_slice(&[3_i64, 2]);
        // the second review as x[1:2, :2]
        for (spec, expected) in [
            (PoolSpec::Last, [3.0, 0.0, -2.0, 8.0]),
            (PoolSpec::Mean, [3.0, 1.0 / 3.0, -3.0, 6.0]),
            (PoolSpec::Max, [5.0, 2.0, -2.0, 8.0]),
        ] {
            for _twice in 0..2 {
                assert_close(
                    &Pool::new(spec).forward(&steps(), Some(&lengths)).unwrap(),
                    &expected,
                    1e-6,
                );
            }
        }
    }

    #[test]
    fn padding_gets_no_gradient() {
        let lengths = Tensor::from_slice(&[3_i64, 2]);
        for spec in [PoolSpec::Last, PoolSpec::Mean, PoolSpec::Max] {
            let xs = steps().set_requires_grad(true);
            Pool::new(spec)
                .forward(&xs, Some(&lengths))
                .unwrap()
                .sum(None)
                .backward();
            let grad = xs.grad();
            assert_close(&grad.get(1).get(2), &[0.0, 0.0], 0.0);
            assert_close(&grad.sum(None), &[4.0], 1e-6);
        }
    }
}
