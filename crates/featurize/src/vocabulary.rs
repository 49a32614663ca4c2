//! The vocabulary: which tokens have ids.
//!
//! Owns the choice and the table `vocabulary`. Does not own the counting (`count`) nor the look-up
//! (`encode`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use cinescore_artifact::encoder::{RESERVED, UNKNOWN_ID};
use cinescore_artifact::tables;

use crate::count::{Count, Counts};

/// The tokens that have ids, reserved ids included, and what they were chosen from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// Shared with the encoder that is made of them.
    tokens: Arc<[Box<str>]>,
    counts: Vec<Count>,
    distinct: u64,
}

impl Vocabulary {
    /// The reserved ids, then the terms as they were counted.
    pub fn of(counts: Counts) -> Self {
        let Counts {
            terms,
            distinct,
            left_out,
            longest: _,
        } = counts;
        let mut reserved = [Count::default(); RESERVED.len()];
        reserved[UNKNOWN_ID as usize].count = left_out;
        let reserved = RESERVED.map(Box::from).into_iter().zip(reserved);
        let (tokens, counts): (Vec<Box<str>>, _) = reserved.chain(terms).unzip();
        Self {
            tokens: tokens.into(),
            counts,
            distinct,
        }
    }

    /// Tokens whose counts come later ([`Self::recount`]), `distinct` of which there were to choose from.
    pub fn uncounted(tokens: Vec<Box<str>>, distinct: u64) -> Self {
        Self {
            counts: vec![Count::default(); tokens.len()],
            tokens: tokens.into(),
            distinct,
        }
    }

    /// Gives every id its counts; the reserved ids before `<unknown>` keep none.
    pub fn recount(&mut self, counts: Vec<Count>) {
        let uncounted = UNKNOWN_ID as usize;
        let given = self.counts.iter_mut().zip(counts).skip(uncounted);
        given.for_each(|(count, given)| *count = given);
    }

    /// Tokens by id.
    pub fn tokens(&self) -> &Arc<[Box<str>]> {
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
            Arc::new(StringArray::from_iter_values(self.tokens.iter())),
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

    #[test]
    fn the_rest_is_counted_as_unknown() {
        let terms = vec![(
            Box::from("the"),
            Count {
                count: 9,
                documents: 3,
            },
        )];
        let vocabulary = Vocabulary::of(Counts {
            terms,
            distinct: 3,
            left_out: 5,
            longest: 4,
        });
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
    fn ids_can_be_counted_later() {
        let tokens = RESERVED.into_iter().chain(["a"]).map(Box::from).collect();
        let mut vocabulary = Vocabulary::uncounted(tokens, 1);
        let count = |count| Count {
            count,
            documents: 1,
        };
        vocabulary.recount([7, 7, 2, 3].map(count).into());
        let batch = vocabulary.batch().unwrap();
        assert_eq!(
            column::<UInt64Array>(&batch, "count").values(),
            &[0, 0, 2, 3]
        );
    }
}
