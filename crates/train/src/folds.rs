//! The folds of training reviews.
//!
//! Owns reading the table `folds`. Does not own the division (`featurize folds`), nor what is done with a fold.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{UInt32Array, UInt64Array};
use cinescore_artifact::StageError;
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::FOLDS;

/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// The fold of each of some reviews, in their order.
///
/// # Errors
/// If the file is no such table, or one of the reviews has no fold.
pub(crate) fn of(reviews: &[u64], path: &Path) -> Result<Vec<u32>, StageError> {
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
    let fold = |review: &u64| by_review.get(review).copied();
    let missing = || reviews.iter().find(|review| fold(review).is_none());
    reviews
        .iter()
        .map(fold)
        .collect::<Option<_>>()
        .ok_or_else(|| {
            let review = missing().copied().unwrap_or_default();
            let message = format!(
                "the training review {review} has no fold: the folds are those of other reviews"
            );
            StageError::input(message)
        })
}
