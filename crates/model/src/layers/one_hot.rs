//! Weighted sums of one-hot vectors, without the vectors.
//!
//! A one-hot vector times a matrix is the matrix' column at its 1. So what a layer would multiply by its weights
//! is looked up in them, and goes on as the sums themselves: `[B, T, units]` instead of `[B, T, ids]`.

use tch::{TchError, Tensor};

/// The sums `[B, T, O]` that weights `[O, V]` make of the one-hot vectors of `ids`, int32 or int64 `[B, T]`.
pub(super) fn sums(weight: &Tensor, ids: &Tensor) -> Result<Tensor, TchError> {
    // -1: no column is left out of the gradient.
    Tensor::f_embedding(&weight.f_tr()?, ids, -1, false, false)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::layers::testing::{assert_close, ramp};

    #[test]
    fn sums_and_gradients_are_those_of_the_vectors_themselves() {
        let ids = Tensor::from_slice(&[3_i64, 0, 3, 1]).view([2, 2]);
        let weight = || ramp(-1.0, 0.25, &[3, 4]).set_requires_grad(true);
        let (looked_up, multiplied) = (weight(), weight());
        let found = sums(&looked_up, &ids).unwrap();
        let expected = ids.one_hot(4).to_kind(Kind::Float).matmul(&multiplied.tr());
        assert_eq!(found.size(), [2, 2, 3]);
        let expected_values: Vec<f64> =
            Vec::try_from(expected.flatten(0, -1).to_kind(Kind::Double)).unwrap();
        assert_close(&found, &expected_values, 0.0);
        found.square().sum(None).backward();
        expected.square().sum(None).backward();
        let gradient: Vec<f64> =
            Vec::try_from(multiplied.grad().flatten(0, -1).to_kind(Kind::Double)).unwrap();
        assert_close(&looked_up.grad(), &gradient, 1e-6);
    }
}
