//! Examples through the network, those of similar length together.

use cinescore_artifact::encoder::PADDING_ID;
use cinescore_model::Batch;
use cinescore_train::evaluate::Outputs;
use cinescore_train::examples::Layout;
use tch::{TchError, Tensor};

use super::read::{Example, Numbers};
use super::{PredictError, Predictor};

/// Examples that go through a network together: as many as in an evaluation.
pub(crate) const BATCH: usize = 64;

impl Predictor {
    /// The outputs `[O]` of each example, in their order.
    pub(super) fn outputs(
        &self,
        examples: &[Example],
        mut between: impl FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<f64>>, PredictError> {
        let mut order: Vec<usize> = (0..examples.len()).collect();
        if self.layout == Layout::Trimmed {
            order.sort_by_key(|&index| examples[index].numbers.len());
        }
        let mut all = vec![Vec::new(); examples.len()];
        for some in order.chunks(BATCH) {
            let numbers: Vec<&Numbers> =
                some.iter().map(|&index| &examples[index].numbers).collect();
            let batch = self.batch(&numbers)?;
            let outputs = Outputs::of(&tch::no_grad(|| self.net.forward(&batch, false))?)?;
            for (&index, outputs) in some.iter().zip(outputs.rows()) {
                all[index] = outputs.to_vec();
            }
            if !between(some.len()) {
                return Err(PredictError::Stopped);
            }
        }
        Ok(all)
    }

    /// The tensors of some examples; ids are padded behind, to the longest among them or the network's length.
    pub(super) fn batch(&self, some: &[&Numbers]) -> Result<Batch, TchError> {
        let lengths: Vec<i64> = some.iter().map(|numbers| axis(numbers.len())).collect();
        if self.layout == Layout::Bag {
            let ids: Vec<i64> = some
                .iter()
                .flat_map(|own| own.ids.iter().map(|&id| i64::from(id)))
                .collect();
            let values: Vec<f32> = some.iter().flat_map(|own| &own.values).copied().collect();
            return Ok(Batch {
                ids: Tensor::f_from_slice(&ids)?,
                lengths: Some(Tensor::f_from_slice(&lengths)?),
                values: Some(Tensor::f_from_slice(&values)?),
            });
        }
        let longest = some.iter().map(|numbers| numbers.len()).max().unwrap_or(0);
        let steps = match self.layout {
            Layout::Whole(length) => length,
            _ => longest,
        };
        let mut ids = Vec::with_capacity(some.len() * steps);
        for own in some {
            ids.extend_from_slice(&own.ids);
            ids.resize(ids.len() + steps - own.len(), PADDING_ID);
        }
        let ids = Tensor::f_from_slice(&ids)?.f_view([axis(some.len()), axis(steps)])?;
        let masks = self.layout == Layout::Trimmed;
        let lengths = masks.then(|| Tensor::f_from_slice(&lengths)).transpose()?;
        Ok(Batch::of_ids(ids, lengths))
    }
}

/// A length as LibTorch counts; nothing in memory is longer than an i64 can say.
pub(super) fn axis(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
