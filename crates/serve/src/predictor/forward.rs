//! Examples through the network, those of similar length together.

use cinescore_artifact::encoder::PADDING_ID;
use cinescore_model::Batch;
use cinescore_train::evaluate::Outputs;
use cinescore_train::examples::Layout;
use tch::{TchError, Tensor};

use super::passes::{self, MOST};
use super::read::{Example, Numbers};
use super::{PredictError, Predictor};

impl Predictor {
    /// The outputs `[O]` of each example, in their order.
    pub(super) fn outputs(
        &self,
        examples: &[Example],
        mut between: impl FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<f64>>, PredictError> {
        let mut all = vec![Vec::new(); examples.len()];
        self.each_pass(examples, |indices, outputs| {
            for (&index, outputs) in indices.iter().zip(outputs.rows()) {
                all[index] = outputs.to_vec();
            }
            between(indices.len())
        })?;
        Ok(all)
    }

    /// Hands out the outputs of each pass with the indices of its examples as soon as they are there, until `done` says false.
    pub(super) fn each_pass(
        &self,
        examples: &[Example],
        mut done: impl FnMut(&[usize], &Outputs) -> bool,
    ) -> Result<(), PredictError> {
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut pass = |some: &[usize], steps: usize, count: usize| {
            let numbers: Vec<&Numbers> =
                some.iter().map(|&index| &examples[index].numbers).collect();
            let batch = self.batch(&numbers, steps, count)?;
            let outputs = Outputs::of(&tch::no_grad(|| self.net.forward(&batch, false))?)?;
            if done(some, &outputs) {
                Ok(())
            } else {
                Err(PredictError::Stopped)
            }
        };
        if self.layout == Layout::Trimmed {
            order.sort_by_key(|&index| examples[index].length());
            let lengths: Vec<usize> = order
                .iter()
                .map(|&index| examples[index].length())
                .collect();
            for own in passes::divide(&lengths) {
                pass(&order[own.examples], own.steps, own.count)?;
            }
        } else {
            for some in order.chunks(MOST) {
                let lengths = some.iter().map(|&index| examples[index].length());
                pass(some, lengths.max().unwrap_or(0), some.len())?;
            }
        }
        Ok(())
    }

    /// The tensors of some examples. Ids are padded behind to so many steps, or the network's length; where there are to be
    /// more examples, the others are padding alone.
    pub(super) fn batch(
        &self,
        some: &[&Numbers],
        steps: usize,
        count: usize,
    ) -> Result<Batch, TchError> {
        let mut lengths: Vec<i64> = some.iter().map(|numbers| axis(numbers.len())).collect();
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
        let steps = match self.layout {
            Layout::Whole(length) => length,
            _ => steps,
        };
        let mut ids = Vec::with_capacity(count * steps);
        for own in some {
            ids.extend_from_slice(&own.ids);
            ids.resize(ids.len() + steps - own.len(), PADDING_ID);
        }
        ids.resize(count * steps, PADDING_ID);
        lengths.resize(count, 1);
        let ids = Tensor::f_from_slice(&ids)?.f_view([axis(count), axis(steps)])?;
        let masks = self.layout == Layout::Trimmed;
        let lengths = masks.then(|| Tensor::f_from_slice(&lengths)).transpose()?;
        Ok(Batch::of_ids(ids, lengths))
    }
}

/// A length as LibTorch counts; nothing in memory is longer than an i64 can say.
pub(super) fn axis(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
