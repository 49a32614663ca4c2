//! Counts of the `vocabulary` table.

use std::path::Path;

use arrow::array::{Int32Array, StringArray, UInt64Array};
use cinescore_artifact::encoder::{RESERVED, UNKNOWN_ID};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::VOCABULARY;

use super::read;

/// What a vocabulary holds.
#[derive(Debug, Default)]
pub(crate) struct VocabularyCounts {
    /// Ids, reserved ones included.
    pub(crate) ids: u64,
    /// Occurrences of its tokens in the training split.
    pub(crate) known: u64,
    /// Occurrences of all other tokens in the training split.
    pub(crate) unknown: u64,
    /// The most frequent tokens with their occurrences, most frequent first.
    pub(crate) frequent: Vec<(String, u64)>,
}

/// Counts a table and keeps its `frequent` most frequent tokens.
pub(crate) fn count(path: &Path, frequent: usize) -> Result<VocabularyCounts, TableError> {
    let mut counts = VocabularyCounts::default();
    let reserved = i32::try_from(RESERVED.len()).unwrap_or(i32::MAX);
    counts.ids = read(path, &VOCABULARY, &["id", "token", "count"], |batch| {
        let ids: &Int32Array = column(batch, "id");
        let tokens: &StringArray = column(batch, "token");
        let occurrences: &UInt64Array = column(batch, "count");
        for index in 0..batch.num_rows() {
            let (id, count) = (ids.value(index), occurrences.value(index));
            if id == UNKNOWN_ID {
                counts.unknown += count;
            } else if id >= reserved {
                counts.known += count;
                counts
                    .frequent
                    .push((tokens.value(index).to_owned(), count));
            }
        }
    })?;
    // A stable sort: ties stay in the order of their ids.
    counts
        .frequent
        .sort_by_key(|(_token, count)| std::cmp::Reverse(*count));
    counts.frequent.truncate(frequent);
    Ok(counts)
}
