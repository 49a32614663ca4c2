//! A vector for each token id.

use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use super::look_up;

/// A look-up of vectors; padding has a row like every id.
#[derive(Debug)]
pub struct Embedding {
    weight: Tensor,
}

impl Embedding {
    /// `ids` rows of `size` numbers, from a standard normal as in PyTorch. Variable: `weight`. `drawn`: see `look_up`.
    pub fn new(path: &nn::Path<'_>, ids: i64, size: i64, drawn: bool) -> Result<Self, TchError> {
        let normal = Init::Randn {
            mean: 0.0,
            stdev: 1.0,
        };
        let weight = look_up(path, "weight", [ids, size], normal, drawn)?;
        Ok(Self { weight })
    }

    /// `ids` rows of `size` zeros that are not learned, until [`Self::begin`] gives the numbers. Variable: `weight`.
    pub fn frozen(path: &nn::Path<'_>, ids: i64, size: i64) -> Result<Self, TchError> {
        let weight = path.f_zeros_no_train("weight", &[ids, size])?;
        Ok(Self { weight })
    }

    /// Puts given vectors, float32 `[ids, E]`, in place of the first ones.
    pub fn begin(&self, vectors: &Tensor) -> Result<(), TchError> {
        tch::no_grad(|| self.weight.shallow_clone().f_copy_(vectors))
    }

    /// `ids`: int32 or int64 `[B, T]`, each below the number of rows, to `[B, T, E]`.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        // -1: no row is left out of the gradient.
        Tensor::f_embedding(&self.weight, ids, -1, false, false)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set};

    #[test]
    fn rows_are_looked_up_and_repeated_ids_add_up_in_the_gradient() {
        let vars = nn::VarStore::new(Device::Cpu);
        let embedding = Embedding::new(&vars.root(), 4, 2, true).unwrap();
        set(&vars, "weight", &ramp(0.0, 1.0, &[4, 2]));
        let ids = Tensor::from_slice(&[3_i32, 0, 3, 1]).view([2, 2]);
        let found = embedding.forward(&ids).unwrap();
        assert_eq!(found.size(), [2, 2, 2]);
        assert_close(&found, &[6.0, 7.0, 0.0, 1.0, 6.0, 7.0, 2.0, 3.0], 0.0);
        assert_close(
            &embedding.forward(&ids).unwrap(),
            &[6.0, 7.0, 0.0, 1.0, 6.0, 7.0, 2.0, 3.0],
            0.0,
        );
        found.sum(None).backward();
        assert_close(
            &embedding.weight.grad(),
            &[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 2.0, 2.0],
            0.0,
        );
        assert_eq!(names(&vars), ["weight"]);
    }

    #[test]
    fn values_begin_standard_normal() {
        let vars = nn::VarStore::new(Device::Cpu);
        let embedding = Embedding::new(&vars.root(), 1000, 20, true).unwrap();
        let (mean, sd) = (embedding.weight.mean(None), embedding.weight.std(false));
        assert!(mean.double_value(&[]).abs() < 0.05);
        assert!((sd.double_value(&[]) - 1.0).abs() < 0.03);
    }

    #[test]
    fn given_vectors_are_looked_up_and_frozen_ones_not_learned() {
        let vars = nn::VarStore::new(Device::Cpu);
        let frozen = Embedding::frozen(&vars.root(), 3, 2).unwrap();
        frozen.begin(&ramp(1.0, 1.0, &[3, 2])).unwrap();
        let ids = Tensor::from_slice(&[2_i64, 0]).view([1, 2]);
        assert_close(&frozen.forward(&ids).unwrap(), &[5.0, 6.0, 1.0, 2.0], 0.0);
        assert!(!frozen.weight.requires_grad());
        let vars = nn::VarStore::new(Device::Cpu);
        let tuned = Embedding::new(&vars.root(), 3, 2, true).unwrap();
        tuned.begin(&ramp(1.0, 1.0, &[3, 2])).unwrap();
        assert!(tuned.weight.requires_grad());
        assert!(tuned.begin(&ramp(1.0, 1.0, &[3, 3])).is_err());
    }
}
