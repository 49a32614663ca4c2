//! The table `predictions`, row by row, for those that measure what networks said before.
//!
//! Owns the columns. Does not own what becomes of a row whose split nobody knows, or whose numbers are none.

use std::path::Path;

use arrow::array::{Array as _, AsArray as _, Float64Array, ListArray, StringArray, UInt64Array};
use arrow::datatypes::Float32Type;
use cinescore_artifact::Split;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::tables::PREDICTIONS;
use cinescore_model::task::Prediction;

/// Rows read at a time.
const READ_ROWS: usize = 65_536;

/// A row: what was said of an example.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The example.
    pub(crate) id: u64,
    /// The name of its split.
    split: &'a str,
    /// The truth.
    pub(crate) target: f64,
    /// What was predicted.
    pub(crate) value: f64,
    interval: Option<(f64, f64)>,
    probabilities: &'a ListArray,
    row: usize,
}

impl Row<'_> {
    /// The split of the example.
    ///
    /// # Errors
    /// Its name, if nobody knows it.
    pub(crate) fn split(&self) -> Result<Split, String> {
        Split::of_name(self.split).ok_or_else(|| self.split.to_owned())
    }

    /// All that was predicted.
    pub(crate) fn said(&self) -> Prediction {
        let probabilities = self.probabilities.is_valid(self.row).then(|| {
            let list = self.probabilities.value(self.row);
            let values = list.as_primitive::<Float32Type>().values();
            values.iter().copied().map(f64::from).collect()
        });
        Prediction {
            value: self.value,
            probabilities,
            interval: self.interval,
        }
    }
}

/// Hands on each row of a table, in its order, until one is refused.
pub(crate) fn each<E: From<TableError>>(
    path: &Path,
    mut take: impl FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    for batch in TableReader::open(path, &PREDICTIONS)?.batches(READ_ROWS)? {
        let batch = batch?;
        let ids: &UInt64Array = column(&batch, "id");
        let splits: &StringArray = column(&batch, "split");
        let [targets, values, lower, upper]: [&Float64Array; 4] =
            ["target", "predicted", "lower", "upper"].map(|name| column(&batch, name));
        let probabilities: &ListArray = column(&batch, "probabilities");
        for row in 0..batch.num_rows() {
            let bounded = lower.is_valid(row) && upper.is_valid(row);
            take(Row {
                id: ids.value(row),
                split: splits.value(row),
                target: targets.value(row),
                value: values.value(row),
                interval: bounded.then(|| (lower.value(row), upper.value(row))),
                probabilities,
                row,
            })?;
        }
    }
    Ok(())
}
