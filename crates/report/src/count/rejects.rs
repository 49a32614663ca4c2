//! Counts of the `rejects` table.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::StringArray;
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::REJECTS;

use super::read;

/// Refused rows that share source and reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) source: String,
    pub(crate) reason: String,
    pub(crate) count: u64,
    /// Where the first of them was.
    pub(crate) first_place: String,
}

/// Counts a table by reason: the most frequent first, then by source and reason.
pub(crate) fn count(path: &Path) -> Result<Vec<Reason>, TableError> {
    let mut counts: BTreeMap<(String, String), (u64, String)> = BTreeMap::new();
    read(path, &REJECTS, &["source", "place", "reason"], |batch| {
        let sources: &StringArray = column(batch, "source");
        let places: &StringArray = column(batch, "place");
        let reasons: &StringArray = column(batch, "reason");
        for index in 0..batch.num_rows() {
            let key = (
                sources.value(index).to_owned(),
                reasons.value(index).to_owned(),
            );
            counts
                .entry(key)
                .or_insert_with(|| (0, places.value(index).to_owned()))
                .0 += 1;
        }
    })?;
    let mut reasons: Vec<Reason> = counts
        .into_iter()
        .map(|((source, reason), (count, first_place))| Reason {
            source,
            reason,
            count,
            first_place,
        })
        .collect();
    // A stable sort: ties stay in the order of the map's keys.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    Ok(reasons)
}
