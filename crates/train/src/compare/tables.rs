//! The tables of differences and spreads.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use cinescore_artifact::StageError;
use cinescore_artifact::tables::{COMPARISONS, SPREADS};

use super::configuration::Configuration;
use super::differences::{Comparison, Spread};
use crate::results::write;

fn texts<T>(rows: &[T], text: impl Fn(&T) -> String) -> ArrayRef {
    Arc::new(
        rows.iter()
            .map(|row| Some(text(row)))
            .collect::<StringArray>(),
    )
}

fn numbers<T>(rows: &[T], number: impl Fn(&T) -> Option<f64>) -> ArrayRef {
    Arc::new(rows.iter().map(number).collect::<Float64Array>())
}

/// Writes `comparisons` and returns its number of rows.
pub(super) fn write_comparisons(
    path: &Path,
    configurations: &[Configuration],
    rows: &[Comparison],
) -> Result<u64, StageError> {
    let name = |number: usize| configurations[number].name.clone();
    let columns = vec![
        texts(rows, |row| name(row.pair.0)),
        texts(rows, |row| name(row.pair.1)),
        texts(rows, |row| row.split.name().to_owned()),
        texts(rows, |row| row.metric.clone()),
        numbers(rows, |row| Some(row.difference)),
        numbers(rows, |row| Some(row.interval?.0)),
        numbers(rows, |row| Some(row.interval?.1)),
        numbers(rows, |row| row.p),
        numbers(rows, |row| row.spread),
        texts(rows, |row| row.verdict.name().to_owned()),
    ];
    write(path, &COMPARISONS, columns)
}

/// Writes `spreads` and returns its number of rows.
pub(super) fn write_spreads(
    path: &Path,
    configurations: &[Configuration],
    rows: &[Spread],
) -> Result<u64, StageError> {
    let columns = vec![
        texts(rows, |row| configurations[row.configuration].name.clone()),
        texts(rows, |row| row.split.name().to_owned()),
        texts(rows, |row| row.metric.clone()),
        numbers(rows, |row| Some(row.mean)),
        numbers(rows, |row| row.spread),
        numbers(rows, |row| Some(row.least)),
        numbers(rows, |row| Some(row.greatest)),
        Arc::new(rows.iter().map(|row| row.runs).collect::<UInt32Array>()),
    ];
    write(path, &SPREADS, columns)
}
