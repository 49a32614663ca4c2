//! The folds of training reviews.
//!
//! Owns reading the table `folds`. Does not own the division (`featurize folds`), nor what is done with a fold.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{UInt32Array, UInt64Array};
use cinescore_artifact::StageError;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::tables::FOLDS;

/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// The fold of each review of a table.
pub(crate) struct Folds(HashMap<u64, u32>);

impl Folds {
    /// Reads the table.
    pub(crate) fn read(path: &Path) -> Result<Self, TableError> {
        let mut by_review = HashMap::new();
        for batch in TableReader::open(path, &FOLDS)?.batches(READ_ROWS)? {
            let batch = batch?;
            let ids: &UInt64Array = column(&batch, "review_id");
            let folds: &UInt32Array = column(&batch, "fold");
            by_review.extend(
                ids.values()
                    .iter()
                    .copied()
                    .zip(folds.values().iter().copied()),
            );
        }
        Ok(Self(by_review))
    }

    /// The last fold.
    pub(crate) fn last(&self) -> u32 {
        self.0.values().max().copied().unwrap_or_default()
    }

    /// The fold of each of some reviews, in their order.
    ///
    /// # Errors
    /// If one of them has none.
    pub(crate) fn of(&self, reviews: &[u64]) -> Result<Vec<u32>, StageError> {
        let fold = |review: &u64| {
            self.0.get(review).copied().ok_or_else(|| {
                let message = format!(
                    "the training review {review} has no fold: the folds are those of other reviews"
                );
                StageError::input(message)
            })
        };
        reviews.iter().map(fold).collect()
    }
}
