//! The vocabulary: which tokens have ids.
//!
//! Owns the choice and the table `vocabulary`. Does not own the counting (`count`) nor the look-up
//! (`encode`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use cinescore_artifact::encoder::{RESERVED, UNKNOWN_ID};
use cinescore_artifact::tables;

use crate::count::Count;

/// The tokens that have ids, reserved ids included, and what they were chosen from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<Box<str>>,
    counts: Vec<Count>,
    distinct: u64,
}

impl Vocabulary {
    /// The most frequent tokens, of `counts` as [`crate::count::TokenCounter::finish`] orders them,
    /// so that there are at most `ids` ids, reserved ones included.
    pub fn choose(counts: Vec<(Box<str>, Count)>, ids: usize) -> Self {
        let distinct = counts.len() as u64;
        let room = ids.saturating_sub(RESERVED.len());
        let left_out = counts
            .iter()
            .skip(room)
            .map(|(_token, count)| count.count)
            .sum();
        let mut reserved = [Count::default(); RESERVED.len()];
        reserved[UNKNOWN_ID as usize].count = left_out;
        let reserved = RESERVED.map(Box::from).into_iter().zip(reserved);
        let (tokens, counts) = reserved.chain(counts.into_iter().take(room)).unzip();
        Self {
            tokens,
            counts,
            distinct,
        }
    }

    /// Tokens by id.
    pub fn tokens(&self) -> &[Box<str>] {
        &self.tokens
    }

    /// How many different tokens there were to choose from.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// The rows of the table `vocabulary`.
    pub fn batch(&self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values((0..).take(self.tokens.len()))),
            Arc::new(StringArray::from_iter_values(&self.tokens)),
            Arc::new(UInt64Array::from_iter_values(
                self.counts.iter().map(|count| count.count),
            )),
            Arc::new(UInt64Array::from_iter_values(
                self.counts.iter().map(|count| count.documents),
            )),
        ];
        tables::VOCABULARY.batch(columns)
    }
}

#[cfg(test)]
mod tests {
    use cinescore_artifact::table::column;

    use super::*;

    fn counts() -> Vec<(Box<str>, Count)> {
        [("the", 9, 3), ("a", 4, 2), ("film", 1, 1)]
            .map(|(token, count, documents)| (Box::from(token), Count { count, documents }))
            .into()
    }

    #[test]
    fn the_rest_is_counted_as_unknown() {
        let vocabulary = Vocabulary::choose(counts(), 4);
        let tokens: Vec<&str> = vocabulary.tokens().iter().map(AsRef::as_ref).collect();
        assert_eq!(tokens, ["<padding>", "<start>", "<unknown>", "the"]);
        assert_eq!(vocabulary.distinct(), 3);
        let batch = vocabulary.batch().unwrap();
        assert_eq!(column::<Int32Array>(&batch, "id").values(), &[0, 1, 2, 3]);
        assert_eq!(
            column::<UInt64Array>(&batch, "count").values(),
            &[0, 0, 5, 9]
        );
        assert_eq!(
            column::<UInt64Array>(&batch, "document_count").values(),
            &[0, 0, 0, 3]
        );
    }

    #[test]
    fn few_tokens_make_a_smaller_vocabulary() {
        assert_eq!(Vocabulary::choose(counts(), 5000).tokens().len(), 6);
    }
}
