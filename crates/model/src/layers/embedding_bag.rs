//! The weighted sum of the vectors of a bag's n-grams.

use cinescore_network::BagEmbeddingSpec;
use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use super::look_up;

/// PyTorch's number for bags whose vectors are summed up.
const SUM: i64 = 0;

/// A look-up of vectors that are summed up, each times the value of its n-gram: PyTorch's `EmbeddingBag` with
/// `mode="sum"` and `per_sample_weights`.
#[derive(Debug)]
pub struct EmbeddingBag {
    weight: Tensor,
    bias: Option<Tensor>,
    start: Option<f64>,
    scale: f64,
}

impl EmbeddingBag {
    /// `ids` rows of `spec.size` numbers, from a standard normal as in PyTorch until [`Self::start`] is called.
    /// Variables: `weight`, and `bias`, which begins at 0, where there is one. `drawn`: see `look_up`.
    pub fn new(
        path: &nn::Path<'_>,
        ids: i64,
        spec: &BagEmbeddingSpec,
        drawn: bool,
    ) -> Result<Self, TchError> {
        let size = i64::from(spec.size);
        let normal = Init::Randn {
            mean: 0.0,
            stdev: 1.0,
        };
        let bias = spec
            .bias
            .then(|| path.f_var("bias", &[size], Init::Const(0.0)))
            .transpose()?;
        Ok(Self {
            weight: look_up(path, "weight", [ids, size], normal, drawn)?,
            bias,
            start: spec.start,
            scale: spec.scale,
        })
    }

    /// Puts the vectors where the network file says that they begin.
    pub fn start(&self) -> Result<(), TchError> {
        match self.start {
            None => Ok(()),
            Some(value) => tch::no_grad(|| self.weight.shallow_clone().f_fill_(value).map(drop)),
        }
    }

    /// `ids` int64 `[N]`, the n-grams of all examples one after the other, each below the number of rows; `counts`
    /// int64 `[B]`, how many each example has; `values` `[N]`. Gives `[B, E]`, of an empty bag the bias alone.
    pub fn forward(
        &self,
        ids: &Tensor,
        counts: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor, TchError> {
        let values = match self.scale {
            1.0 => values.shallow_clone(),
            scale => values.f_mul_scalar(scale)?,
        };
        let offsets = counts.f_cumsum(0, None)?.f_sub(counts)?;
        let (sums, _, _, _) = Tensor::f_embedding_bag(
            &self.weight,
            ids,
            &offsets,
            false,
            SUM,
            false,
            Some(&values),
            false,
        )?;
        match &self.bias {
            Some(bias) => sums.f_add(bias),
            None => Ok(sums),
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set, tensor};

    fn spec(start: Option<f64>) -> BagEmbeddingSpec {
        BagEmbeddingSpec {
            size: 2,
            start,
            bias: true,
            scale: 1.0,
        }
    }

    #[test]
    fn sums_are_those_of_pytorch_and_an_empty_bag_is_the_bias() {
        let vars = nn::VarStore::new(Device::Cpu);
        let bag = EmbeddingBag::new(&vars.root(), 4, &spec(None), true).unwrap();
        set(&vars, "weight", &ramp(0.0, 1.0, &[4, 2]));
        set(&vars, "bias", &tensor(&[0.5, -0.5], &[2]));
        let ids = Tensor::from_slice(&[0_i64, 3, 3, 1]);
        let counts = Tensor::from_slice(&[2_i64, 0, 2]);
        let values = tensor(&[1.0, 2.0, 0.5, -1.0], &[4]);
        // F.embedding_bag(ids, torch.arange(8.).reshape(4, 2), torch.tensor([0, 2, 2]), mode="sum",
        //                 per_sample_weights=torch.tensor([1, 2, 0.5, -1])) + torch.tensor([0.5, -0.5])
        let expected = [12.5, 14.5, 0.5, -0.5, 1.5, 0.0];
        for _twice in 0..2 {
            let found = bag.forward(&ids, &counts, &values).unwrap();
            assert_eq!(found.size(), [3, 2]);
            assert_close(&found, &expected, 1e-6);
        }
        let scaled = EmbeddingBag { scale: 2.0, ..bag };
        let found = scaled.forward(&ids, &counts, &values).unwrap();
        assert_close(&found, &[24.5, 29.5, 0.5, -0.5, 2.5, 0.5], 1e-6);
        let bag = EmbeddingBag {
            scale: 1.0,
            ..scaled
        };
        let found = bag.forward(&ids, &counts, &values).unwrap();
        found.sum(None).backward();
        assert_close(
            &bag.weight.grad(),
            &[1.0, 1.0, -1.0, -1.0, 0.0, 0.0, 2.5, 2.5],
            0.0,
        );
        assert_eq!(names(&vars), ["bias", "weight"]);
    }

    #[test]
    fn vectors_begin_where_the_file_says() {
        for value in [0.0, 0.25] {
            let vars = nn::VarStore::new(Device::Cpu);
            let bag = EmbeddingBag::new(&vars.root(), 3, &spec(Some(value)), true).unwrap();
            bag.start().unwrap();
            assert_close(&bag.weight, &[value; 6], 0.0);
        }
    }
}
