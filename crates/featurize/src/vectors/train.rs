//! Word vectors from the training split.
//!
//! Owns the way from the table `tokens` to a vector for each word of the vocabulary. Does not own the matrix
//! ([`pairs`](super::pairs)) nor its factors ([`factors`](super::factors)).
//!
//! The method is that of Levy, Goldberg and Dagan 2015: positive pointwise mutual information, contexts
//! smoothed, factored by a truncated singular value decomposition, with the root of the singular values. They
//! find it as good as GloVe and word2vec on corpora of a fixed size; unlike those it has no learning rate and
//! no order of examples, so that the result is the same with any number of threads.

use arrow::array::{AsArray as _, ListArray, StringArray};
use arrow::datatypes::Int32Type;
use cinescore_artifact::encoder::{PADDING_ID, RESERVED, START_ID, UNKNOWN_ID};
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::{StageError, tables};
use thiserror::Error;

use super::factors::factors;
use super::pairs::{Corpus, NONE, Ppmi};
use super::{Found, VectorParams};
use crate::split::Split;

/// Rows read at a time.
const READ_ROWS: usize = 2048;

/// Why there are no vectors.
#[derive(Debug, Error)]
pub(super) enum TrainError {
    /// An id is not in the vocabulary.
    #[error(
        "review {row} of `tokens` has the id {id}, and the vocabulary has {ids} ids: they do not belong together"
    )]
    Id {
        /// The row, from 0.
        row: u64,
        /// Its id.
        id: i32,
        /// Ids of the vocabulary.
        ids: usize,
    },
    /// No two words stand near each other.
    #[error("the training split of `tokens` has no two words that stand near each other")]
    Nothing,
}

/// A vector for each id that was seen near another word. Their mean length is 1.
pub(super) fn train(
    ids: usize,
    params: &VectorParams,
    context: &mut TaskContext,
) -> Result<Found, StageError> {
    let corpus = read(ids, context)?;
    let words = ids.saturating_sub(RESERVED.len());
    context.check_interrupt()?;
    let ppmi = Ppmi::of(&corpus, words, params.window);
    drop(corpus);
    let seen: Vec<bool> = (0..words).map(|word| ppmi.has(word)).collect();
    if !seen.contains(&true) {
        return Err(StageError::input(TrainError::Nothing));
    }
    context.check_interrupt()?;
    let dimensions = params.dimensions as usize;
    let vectors = factors(&ppmi, dimensions, params.seed);
    let of_words = || {
        vectors
            .chunks(dimensions)
            .zip(&seen)
            .filter(|(_vector, seen)| **seen)
    };
    let length = |vector: &[f32]| {
        let squares = vector.iter().map(|number| f64::from(number * number));
        squares.sum::<f64>().sqrt()
    };
    let mean = of_words()
        .map(|(vector, _seen)| length(vector))
        .sum::<f64>()
        / of_words().count() as f64;
    let scaled = |vector: &[f32]| -> Box<[f32]> {
        let numbers = vector
            .iter()
            .map(|number| (f64::from(*number) / mean) as f32);
        numbers.collect()
    };
    let reserved = std::iter::repeat_n(None, RESERVED.len().min(ids));
    let vectors = vectors.chunks(dimensions).zip(seen);
    Ok(reserved
        .chain(vectors.map(|(vector, seen)| seen.then(|| scaled(vector))))
        .collect())
}

/// The words of the training split. An unknown word takes its place, padding and start do not.
fn read(ids: usize, context: &TaskContext) -> Result<Corpus, StageError> {
    let path = &context.input("tokens")?.path;
    let mut corpus = Corpus::default();
    let mut row = 0;
    for batch in
        TableReader::open(path, &tables::TOKENS)?.batches_of(READ_ROWS, &["split", "ids"])?
    {
        context.check_interrupt()?;
        let batch = batch?;
        let splits: &StringArray = column(&batch, "split");
        let lists: &ListArray = column(&batch, "ids");
        for (at, split) in splits.iter().enumerate() {
            row += 1;
            if split != Some(Split::Train.name()) {
                continue;
            }
            let list = lists.value(at);
            let list = list.as_primitive::<Int32Type>().values();
            let wrong = |id: &&i32| usize::try_from(**id).map_or(true, |id| id >= ids);
            if let Some(&id) = list.iter().find(wrong) {
                let row = row - 1;
                return Err(StageError::input(TrainError::Id { row, id, ids }));
            }
            let words = list
                .iter()
                .filter(|id| ![PADDING_ID, START_ID].contains(*id));
            corpus.add(words.map(|&id| match id {
                UNKNOWN_ID => NONE,
                id => id as u32 - RESERVED.len() as u32,
            }));
        }
    }
    Ok(corpus)
}
