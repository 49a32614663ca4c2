//! The table `slices`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::StageError;
use cinescore_artifact::tables::SLICES;

use super::measure::Slice;
use crate::results;

/// Writes `slices` and returns its number of rows.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, rows: &[Slice]) -> Result<u64, StageError> {
    let text = |of: fn(&Slice) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let count = |of: fn(&Slice) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
    };
    let number = |of: fn(&Slice) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(rows.iter().map(of)))
    };
    let columns = vec![
        text(|row| &row.subject),
        text(|row| row.split.name()),
        text(|row| row.factor),
        Arc::new(UInt32Array::from_iter_values(
            rows.iter().map(|row| row.place),
        )),
        text(|row| &row.level),
        text(|row| row.metric),
        count(|row| row.n),
        number(|row| row.own.value),
        number(|row| Some(row.own.interval?.0)),
        number(|row| Some(row.own.interval?.1)),
        count(|row| row.others_n),
        number(|row| row.others.value),
        number(|row| Some(row.others.interval?.0)),
        number(|row| Some(row.others.interval?.1)),
        number(|row| row.difference.value),
        number(|row| Some(row.difference.interval?.0)),
        number(|row| Some(row.difference.interval?.1)),
    ];
    results::write(path, &SLICES, columns)
}
