//! Reading the table `folds`.
//!
//! Owns that alone. Does not own the division (`featurize folds`), nor what is done with a fold.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{UInt32Array, UInt64Array};

use crate::table::{TableError, TableReader, column};
use crate::tables::FOLDS;

/// Rows read at a time.
const READ_ROWS: usize = 8192;

/// The fold of each review of a table, by review.
///
/// # Errors
/// If the file cannot be read, or is no such table.
pub fn read(path: &Path) -> Result<BTreeMap<u64, u32>, TableError> {
    let mut folds = BTreeMap::new();
    for batch in TableReader::open(path, &FOLDS)?.batches(READ_ROWS)? {
        let batch = batch?;
        let ids: &UInt64Array = column(&batch, "review_id");
        let numbers: &UInt32Array = column(&batch, "fold");
        let pairs = ids.values().iter().zip(numbers.values());
        folds.extend(pairs.map(|(&id, &fold)| (id, fold)));
    }
    Ok(folds)
}
