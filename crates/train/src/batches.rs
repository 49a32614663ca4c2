//! Which examples go together, and their tensors.

use std::slice::Chunks;

use cinescore_model::Batch;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::{Device, TchError, Tensor};

use crate::examples::{Examples, Layout};

/// Batches whose examples are sorted by length together: enough that those of a batch are of nearly
/// one length, few enough that an epoch's batches differ from the last one's.
const BUCKET_BATCHES: usize = 50;

/// Steps that go through a network together on a CPU, 64 reviews of 500 words: with more an example takes no less time,
/// and all of a training's memory that is for one batch grows.
const PART_STEPS: usize = 32_000;

/// The batches of an epoch, in a random order. Trimmed examples of similar length go together, so that
/// little is padded.
pub fn for_training(
    examples: &Examples,
    rows: &[usize],
    size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<usize>> {
    let mut rows = rows.to_vec();
    rows.shuffle(rng);
    match examples.layout() {
        Layout::Padded | Layout::Whole(_) | Layout::Bag | Layout::Window(_) => {
            rows.chunks(size).map(<[usize]>::to_vec).collect()
        }
        Layout::Trimmed => {
            for bucket in rows.chunks_mut(size * BUCKET_BATCHES) {
                bucket.sort_by_key(|&row| examples.ids(row).len());
            }
            let mut batches: Vec<Vec<usize>> = rows.chunks(size).map(<[usize]>::to_vec).collect();
            batches.shuffle(rng);
            batches
        }
    }
}

/// A batch in parts of nearly equal numbers of examples, each of at most 32,000 steps or of one example. The gradients of
/// all parts, each by its share of the examples, add up to those of the batch, to the last bits of their sums.
pub fn parts<'a>(examples: &Examples, batch: &'a [usize]) -> Chunks<'a, usize> {
    let steps = match examples.layout() {
        Layout::Padded | Layout::Trimmed => longest(examples, batch),
        Layout::Window(_) => examples.slots(),
        // One vector each.
        Layout::Whole(_) | Layout::Bag => 1,
    };
    divided(batch, steps)
}

fn divided(batch: &[usize], steps: usize) -> Chunks<'_, usize> {
    let most = (PART_STEPS / steps.max(1)).max(1);
    let parts = batch.len().div_ceil(most).max(1);
    batch.chunks(batch.len().div_ceil(parts).max(1))
}

/// The longest of some examples, in ids.
fn longest(examples: &Examples, rows: &[usize]) -> usize {
    let lengths = rows.iter().map(|&row| examples.ids(row).len());
    lengths.max().unwrap_or(0)
}

/// Batches for evaluation: every row once, sorted by length where that saves padding.
pub fn for_evaluation(examples: &Examples, rows: &[usize], size: usize) -> Vec<Vec<usize>> {
    let mut rows = rows.to_vec();
    if examples.layout() == Layout::Trimmed {
        rows.sort_by_key(|&row| examples.ids(row).len());
    }
    rows.chunks(size).map(<[usize]>::to_vec).collect()
}

/// The tensors of some examples; trimmed ones are padded at the end to the longest among them, whole ones to their
/// length.
pub fn assemble(examples: &Examples, rows: &[usize], device: Device) -> Result<Batch, TchError> {
    let steps = match examples.layout() {
        Layout::Bag => return assemble_bags(examples, rows, device),
        Layout::Window(_) => return assemble_windows(examples, rows, device),
        Layout::Whole(length) => length,
        Layout::Padded | Layout::Trimmed => longest(examples, rows),
    };
    let mut ids = Vec::with_capacity(rows.len() * steps);
    for &row in rows {
        let own = examples.ids(row);
        ids.extend_from_slice(own);
        ids.resize(
            ids.len() + steps - own.len(),
            cinescore_artifact::encoder::PADDING_ID,
        );
    }
    let shape = [axis(rows.len()), axis(steps)];
    let ids = Tensor::f_from_slice(&ids)?
        .f_view(shape)?
        .f_to_device(device)?;
    let lengths = match examples.layout() {
        Layout::Padded | Layout::Whole(_) | Layout::Bag | Layout::Window(_) => None,
        Layout::Trimmed => Some(lengths(examples, rows, device)?),
    };
    Ok(Batch::of_ids(ids, lengths).with_wide(wide(examples, rows, device)?))
}

/// What linear models say of each example, `[B, W]`, where the network reads it.
fn wide(examples: &Examples, rows: &[usize], device: Device) -> Result<Option<Tensor>, TchError> {
    let logits = rows.iter().flat_map(|&row| examples.logits(row)).copied();
    let logits: Vec<f32> = logits.collect();
    if examples.models() == 0 {
        return Ok(None);
    }
    Tensor::f_from_slice(&logits)?
        .f_view([axis(rows.len()), axis(examples.models())])?
        .f_to_device(device)
        .map(Some)
}

/// Bags, one after the other.
fn assemble_bags(examples: &Examples, rows: &[usize], device: Device) -> Result<Batch, TchError> {
    let ids: Vec<i64> = rows
        .iter()
        .flat_map(|&row| examples.ids(row).iter().copied().map(i64::from))
        .collect();
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|&row| examples.values(row).iter().copied())
        .collect();
    Ok(Batch {
        ids: Tensor::f_from_slice(&ids)?.f_to_device(device)?,
        lengths: Some(lengths(examples, rows, device)?),
        values: Some(Tensor::f_from_slice(&values)?.f_to_device(device)?),
        wide: wide(examples, rows, device)?,
    })
}

/// Windows, float32 `[B, S, F]`.
fn assemble_windows(
    examples: &Examples,
    rows: &[usize],
    device: Device,
) -> Result<Batch, TchError> {
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|&row| examples.values(row).iter().copied())
        .collect();
    let values =
        Tensor::f_from_slice(&values)?.f_view([axis(rows.len()), axis(examples.slots()), -1])?;
    Batch::of_windows(values.f_to_device(device)?)
}

/// How many ids each example has, int64 `[B]`.
fn lengths(examples: &Examples, rows: &[usize], device: Device) -> Result<Tensor, TchError> {
    let lengths: Vec<i64> = rows
        .iter()
        .map(|&row| axis(examples.ids(row).len()))
        .collect();
    Tensor::f_from_slice(&lengths)?.f_to_device(device)
}

/// A length as LibTorch counts; nothing in memory is longer than an i64 can say.
fn axis(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_divided_where_it_is_too_long_and_evenly() {
        let sizes = |examples: usize, steps: usize| {
            let batch: Vec<usize> = (0..examples).collect();
            let parts: Vec<usize> = divided(&batch, steps).map(<[usize]>::len).collect();
            assert!(
                parts
                    .iter()
                    .all(|&part| part == 1 || part * steps <= PART_STEPS)
            );
            assert_eq!(divided(&batch, steps).flatten().count(), examples);
            parts
        };
        assert_eq!(sizes(64, 500), [64]);
        assert_eq!(sizes(65, 500), [33, 32]);
        assert_eq!(sizes(256, 500), [64; 4]);
        assert_eq!(sizes(4570, 700).len(), 102);
        assert_eq!(sizes(3, 40_000), [1, 1, 1]);
        assert_eq!(sizes(5, 0), [5]);
        assert_eq!(sizes(0, 9), [0; 0]);
    }
}
