//! Counts of the `tokens` table.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, StringArray, UInt8Array, UInt32Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::TOKENS;

use super::read;

/// Lengths and classes of encoded reviews.
#[derive(Debug, Default)]
pub(crate) struct TokenCounts {
    /// By split: how many reviews have each length, in ids.
    pub(crate) lengths: BTreeMap<String, BTreeMap<u32, u64>>,
    /// By split: reviews of class 0, 1 and without a class.
    pub(crate) classes: BTreeMap<String, [u64; 3]>,
}

impl TokenCounts {
    /// The longest review, in ids.
    pub(crate) fn longest(&self) -> u32 {
        self.lengths
            .values()
            .filter_map(|lengths| lengths.keys().next_back())
            .copied()
            .max()
            .unwrap_or(0)
    }
}

/// Counts a table.
pub(crate) fn count(path: &Path) -> Result<TokenCounts, TableError> {
    let mut counts = TokenCounts::default();
    read(path, &TOKENS, &["split", "length", "polarity"], |batch| {
        let splits: &StringArray = column(batch, "split");
        let lengths: &UInt32Array = column(batch, "length");
        let polarities: &UInt8Array = column(batch, "polarity");
        for index in 0..batch.num_rows() {
            let split = splits.value(index);
            *counts
                .lengths
                .entry(split.to_owned())
                .or_default()
                .entry(lengths.value(index))
                .or_default() += 1;
            let class = if polarities.is_valid(index) {
                usize::from(polarities.value(index).min(1))
            } else {
                2
            };
            counts.classes.entry(split.to_owned()).or_default()[class] += 1;
        }
    })?;
    Ok(counts)
}
