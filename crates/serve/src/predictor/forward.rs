//! Examples through the network, those of similar length together.

use cinescore_artifact::encoder::PADDING_ID;
use cinescore_model::Batch;
use cinescore_train::evaluate::Outputs;
use cinescore_train::examples::Layout;
use tch::{TchError, Tensor};

use super::passes::{self, MOST, Pass};
use super::read::{Example, Numbers};
use super::{PredictError, Predictor};

/// A pass that is to be done.
#[derive(Debug)]
pub(super) struct Planned {
    /// Its examples, by index.
    pub(super) examples: Vec<usize>,
    steps: usize,
    count: usize,
}

impl Predictor {
    /// The outputs `[O]` of each example, in their order.
    pub(super) fn outputs(
        &self,
        examples: &[Example],
        mut between: impl FnMut(usize) -> bool,
    ) -> Result<Vec<Vec<f64>>, PredictError> {
        let mut all = vec![Vec::new(); examples.len()];
        for pass in self.plan(examples) {
            let outputs = self.pass(examples, &pass)?;
            for (&index, outputs) in pass.examples.iter().zip(outputs.rows()) {
                all[index] = outputs.to_vec();
            }
            if !between(pass.examples.len()) {
                return Err(PredictError::Stopped);
            }
        }
        Ok(all)
    }

    /// The passes for some examples, those of short ones first.
    pub(super) fn plan(&self, examples: &[Example]) -> Vec<Planned> {
        let mut order: Vec<usize> = (0..examples.len()).collect();
        if self.layout != Layout::Trimmed {
            let planned = |some: &[usize]| Planned {
                examples: some.to_vec(),
                steps: some
                    .iter()
                    .map(|&index| examples[index].length())
                    .max()
                    .unwrap_or(0),
                count: some.len(),
            };
            return order.chunks(MOST).map(planned).collect();
        }
        order.sort_by_key(|&index| examples[index].length());
        let lengths: Vec<usize> = order
            .iter()
            .map(|&index| examples[index].length())
            .collect();
        let planned = |pass: Pass| Planned {
            examples: order[pass.examples].to_vec(),
            steps: pass.steps,
            count: pass.count,
        };
        passes::divide(&lengths).into_iter().map(planned).collect()
    }

    /// The outputs of a pass, in the order of its examples; of those that only fill it there may be more behind.
    pub(super) fn pass(
        &self,
        examples: &[Example],
        pass: &Planned,
    ) -> Result<Outputs, PredictError> {
        let numbers: Vec<&Numbers> = pass
            .examples
            .iter()
            .map(|&index| &examples[index].numbers)
            .collect();
        let own: Vec<&Example> = pass
            .examples
            .iter()
            .map(|&index| &examples[index])
            .collect();
        let batch = self
            .batch(&numbers, pass.steps, pass.count)?
            .with_wide(self.wide(&own)?);
        Ok(Outputs::of(&tch::no_grad(|| {
            self.net.forward(&batch, false)
        })?)?)
    }

    /// What the linear models beside the network say of what they read, `[B, W]`; nothing where there are none.
    pub(super) fn wide(&self, some: &[&Example]) -> Result<Option<Tensor>, TchError> {
        let said = self.wide.iter().enumerate().map(|(model, wide)| {
            let own: Vec<&Numbers> = some.iter().map(|example| &example.wide[model]).collect();
            tch::no_grad(|| wide.net.forward(&bags(&own)?, false))
        });
        let said = said.collect::<Result<Vec<_>, _>>()?;
        (!said.is_empty())
            .then(|| Tensor::f_cat(&said, 1))
            .transpose()
    }

    /// The tensors of some examples. Ids are padded behind to so many steps, or the network's length; where there are to be
    /// more examples, the others are padding alone.
    pub(super) fn batch(
        &self,
        some: &[&Numbers],
        steps: usize,
        count: usize,
    ) -> Result<Batch, TchError> {
        if self.layout == Layout::Bag {
            return bags(some);
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
        let mut lengths: Vec<i64> = some.iter().map(|numbers| axis(numbers.len())).collect();
        lengths.resize(count, 1);
        let ids = Tensor::f_from_slice(&ids)?.f_view([axis(count), axis(steps)])?;
        let masks = self.layout == Layout::Trimmed;
        let lengths = masks.then(|| Tensor::f_from_slice(&lengths)).transpose()?;
        Ok(Batch::of_ids(ids, lengths))
    }
}

/// The tensors of some bags.
fn bags(some: &[&Numbers]) -> Result<Batch, TchError> {
    let lengths: Vec<i64> = some.iter().map(|numbers| axis(numbers.len())).collect();
    let ids: Vec<i64> = some
        .iter()
        .flat_map(|own| own.ids.iter().map(|&id| i64::from(id)))
        .collect();
    let values: Vec<f32> = some.iter().flat_map(|own| &own.values).copied().collect();
    Ok(Batch {
        ids: Tensor::f_from_slice(&ids)?,
        lengths: Some(Tensor::f_from_slice(&lengths)?),
        values: Some(Tensor::f_from_slice(&values)?),
        wide: None,
    })
}

/// A length as LibTorch counts; nothing in memory is longer than an i64 can say.
pub(super) fn axis(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
