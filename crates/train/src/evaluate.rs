//! What a network says of examples, without dropout; and the kind `evaluate`, which asks a trained one.

mod kind;

use std::collections::HashMap;

use cinescore_artifact::task::Shard;
use cinescore_model::Net;
use cinescore_model::task::{Decoder, Prediction};
use tch::{Kind, TchError, Tensor};

use crate::batches;
use crate::examples::{Examples, Split};
use crate::results::Evaluated;

pub use kind::{EvaluateParams, kind};

/// Examples that go through a network together; four times as many were no faster and took more memory.
const BATCH: usize = 64;

/// The outputs of some examples.
#[derive(Debug, Clone)]
pub struct Outputs {
    width: usize,
    values: Vec<f64>,
}

impl Outputs {
    /// Those of a batch, `[B, O]`.
    pub fn of(outputs: &Tensor) -> Result<Self, TchError> {
        let (_batch, width) = outputs.size2()?;
        Ok(Self {
            width: usize::try_from(width).unwrap_or(1).max(1),
            values: Vec::try_from(
                outputs
                    .f_detach()?
                    .f_to_kind(Kind::Double)?
                    .f_flatten(0, 1)?,
            )?,
        })
    }

    /// The outputs of each example.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width)
    }
}

/// The outputs for each of `rows`, in their order. `between` is called after each batch with the number of
/// examples done, and can end it with an error.
pub fn outputs<E: From<TchError>>(
    net: &Net,
    examples: &Examples,
    rows: &[usize],
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Outputs, E> {
    // Batches need not come in the order of the rows.
    let mut by_row: Vec<Vec<f64>> = vec![Vec::new(); examples.len()];
    let mut width = 1;
    for batch in batches::for_evaluation(examples, rows, BATCH) {
        let tensors = batches::assemble(examples, &batch, net.device())?;
        let outputs = Outputs::of(&tch::no_grad(|| net.forward(&tensors, false))?)?;
        width = outputs.width;
        for (&row, outputs) in batch.iter().zip(outputs.rows()) {
            by_row[row] = outputs.to_vec();
        }
        between(batch.len())?;
    }
    Ok(Outputs {
        width,
        values: rows.iter().flat_map(|&row| &by_row[row]).copied().collect(),
    })
}

/// The outputs for the examples of one shard, by row: those of every so many-th batch of all splits. A batch is a batch whoever
/// asks the network about it, so that its outputs are, to the last bit, those of [`splits`]. `between` is called after each batch with
/// the number of its examples, and can end it with an error.
pub fn share<E: From<TchError>>(
    net: &Net,
    examples: &Examples,
    splits: &[Split],
    shard: Shard,
    mut between: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<(usize, Vec<f64>)>, E> {
    let batches = splits
        .iter()
        .flat_map(|&split| batches::for_evaluation(examples, examples.rows(split), BATCH));
    let own = batches
        .enumerate()
        .filter(|(number, _)| shard.takes(*number));
    let mut all = Vec::new();
    for (_, batch) in own {
        let tensors = batches::assemble(examples, &batch, net.device())?;
        let outputs = Outputs::of(&tch::no_grad(|| net.forward(&tensors, false))?)?;
        let rows = batch.iter().copied();
        all.extend(rows.zip(outputs.rows().map(<[f64]>::to_vec)));
        between(batch.len())?;
    }
    Ok(all)
}

/// What a network said of some splits, whose outputs are known by row.
pub fn decoded(
    examples: &Examples,
    decoder: &Decoder,
    splits: &[Split],
    by_row: &HashMap<usize, Vec<f64>>,
) -> Option<Vec<Evaluated>> {
    let of_split = |&split: &Split| {
        let rows = examples.rows(split).iter();
        let predicted = rows.map(|row| Some(decoder.decode(by_row.get(row)?)));
        let predicted: Option<Vec<_>> = predicted.collect();
        Some(evaluated(examples, split, predicted?))
    };
    splits.iter().map(of_split).collect()
}

/// What is said of a split, with what is known of its examples.
fn evaluated(examples: &Examples, split: Split, predicted: Vec<Prediction>) -> Evaluated {
    let rows = examples.rows(split);
    Evaluated {
        split,
        ids: rows.iter().map(|&row| examples.review_id(row)).collect(),
        targets: examples.labels(split),
        predicted,
        knowledge: examples.knowledge(split),
    }
}

/// What a network says of some splits. `between` is called after each batch with the examples done, how many there
/// are, and the split, and can end it with an error.
pub fn splits<E: From<TchError>>(
    net: &Net,
    examples: &Examples,
    decoder: &Decoder,
    splits: &[Split],
    mut between: impl FnMut(u64, u64, Split) -> Result<(), E>,
) -> Result<Vec<Evaluated>, E> {
    let total: usize = splits.iter().map(|&split| examples.rows(split).len()).sum();
    let mut done = 0;
    let mut all = Vec::with_capacity(splits.len());
    for &split in splits {
        let rows = examples.rows(split);
        let outputs = outputs(net, examples, rows, |count| {
            done += count;
            between(done as u64, total as u64, split)
        })?;
        let predicted = outputs.rows().map(|outputs| decoder.decode(outputs));
        all.push(evaluated(examples, split, predicted.collect()));
    }
    Ok(all)
}
