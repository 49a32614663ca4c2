//! Which examples go together, and their tensors.

use cinescore_model::Batch;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::{Device, TchError, Tensor};

use crate::examples::{Examples, Layout};

/// Batches whose examples are sorted by length together: enough that those of a batch are of nearly
/// one length, few enough that an epoch's batches differ from the last one's.
const BUCKET_BATCHES: usize = 50;

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
        Layout::Padded | Layout::Trimmed => rows
            .iter()
            .map(|&row| examples.ids(row).len())
            .max()
            .unwrap_or(0),
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

/// What a linear model says of each example, `[B, 1]`, where the network reads it.
fn wide(examples: &Examples, rows: &[usize], device: Device) -> Result<Option<Tensor>, TchError> {
    let logits: Option<Vec<f32>> = rows.iter().map(|&row| examples.logit(row)).collect();
    logits
        .map(|logits| {
            Tensor::f_from_slice(&logits)?
                .f_view([-1, 1])?
                .f_to_device(device)
        })
        .transpose()
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
