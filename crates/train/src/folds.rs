//! The folds of training reviews.
//!
//! Owns asking the table `folds`. Does not own the division (`featurize folds`), nor what is done with a fold.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::table::TableError;
use cinescore_artifact::{StageError, folds};

/// The fold of each review of a table.
pub(crate) struct Folds(BTreeMap<u64, u32>);

impl Folds {
    /// Reads the table.
    pub(crate) fn read(path: &Path) -> Result<Self, TableError> {
        Ok(Self(folds::read(path)?))
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
