//! Plain counts of the tables that a report is given.
//!
//! Owns reading: each file reads one table, batch by batch, into counts, sums or its few rows. Does
//! not own how they are shown (`sections`), nor any statistics: whatever needs more than counting is
//! the work of an earlier stage.

pub(crate) mod attributions;
pub(crate) mod comparisons;
pub(crate) mod findings;
pub(crate) mod history;
pub(crate) mod known;
pub(crate) mod leanings;
pub(crate) mod metrics;
pub(crate) mod popularity;
pub(crate) mod predictions;
pub(crate) mod rejects;
pub(crate) mod reviews;
pub(crate) mod runs;
pub(crate) mod slices;
pub(crate) mod sweep;
pub(crate) mod tokens;
pub(crate) mod vocabulary;

use std::path::Path;

use arrow::array::RecordBatch;
use cinescore_artifact::table::{TableError, TableReader, TableSpec};

/// Rows read at a time.
const BATCH_ROWS: usize = 8192;

/// Reads the named columns of a table, batch by batch; returns its number of rows.
fn read(
    path: &Path,
    spec: &'static TableSpec,
    columns: &[&str],
    mut each: impl FnMut(&RecordBatch),
) -> Result<u64, TableError> {
    let reader = TableReader::open(path, spec)?;
    let rows = reader.rows();
    for batch in reader.batches_of(BATCH_ROWS, columns)? {
        each(&batch?);
    }
    Ok(rows)
}

/// The order in which splits are shown; a split that nobody knows comes last.
pub(crate) fn split_order(split: &str) -> (usize, &str) {
    const KNOWN: [&str; 5] = ["train", "valid", "calib", "test", "unlabelled"];
    (
        KNOWN
            .iter()
            .position(|known| *known == split)
            .unwrap_or(KNOWN.len()),
        split,
    )
}
