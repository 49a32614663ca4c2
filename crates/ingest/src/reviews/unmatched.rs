//! The ids of reviewed titles that a source does not have, as a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use cinescore_artifact::tables::UNMATCHED;

use super::Review;
use super::join::Matches;
use super::titles;
use crate::movielens::links;

/// The ids by source, with their numbers of reviews.
pub(super) struct Unmatched(BTreeMap<(&'static str, String), u64>);

impl Unmatched {
    /// Of reviews joined with the sources that were given.
    pub(super) fn of(
        reviews: &[Review],
        matches: &Matches,
        with_titles: bool,
        with_movielens: bool,
    ) -> Self {
        let mut ids: BTreeMap<(&'static str, String), u64> = BTreeMap::new();
        for (row, review) in reviews.iter().enumerate() {
            let Some(tconst) = &review.tconst else {
                continue;
            };
            let mut missing = |source| *ids.entry((source, tconst.to_string())).or_default() += 1;
            if with_titles && matches.title_row.is_null(row) {
                missing(titles::SOURCE);
            }
            if with_movielens && matches.movie_id.is_null(row) {
                missing(links::SOURCE);
            }
        }
        Self(ids)
    }

    /// How many ids a source does not have.
    pub(super) fn count(&self, source: &str) -> usize {
        self.0.keys().filter(|(of, _)| *of == source).count()
    }

    /// The rows of the `unmatched` table; `movielens/links.csv` comes before `titles`.
    pub(super) fn batch(&self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(
                self.0.keys().map(|(source, _)| source),
            )),
            Arc::new(StringArray::from_iter_values(
                self.0.keys().map(|(_, id)| id),
            )),
            Arc::new(UInt64Array::from_iter_values(self.0.values().copied())),
        ];
        UNMATCHED.batch(columns)
    }
}
