//! The `history` table, curve by curve.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{BooleanArray, Float64Array, StringArray, UInt32Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::HISTORY;

use super::read;

/// A network's course of training.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// By metric, then by curve: the values by epoch.
    pub(crate) curves: BTreeMap<String, BTreeMap<Curve, BTreeMap<u32, f64>>>,
    /// The epochs whose weights were kept, in order; one where all is well.
    pub(crate) chosen: Vec<u32>,
    /// The last epoch.
    pub(crate) epochs: u32,
}

/// What a curve was measured on. Training curves come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Curve {
    pub(crate) split: String,
    pub(crate) mode: String,
}

/// Reads a table.
pub(crate) fn count(path: &Path) -> Result<History, TableError> {
    let mut history = History::default();
    let columns = ["epoch", "split", "mode", "metric", "value", "chosen"];
    read(path, &HISTORY, &columns, |batch| {
        let epochs: &UInt32Array = column(batch, "epoch");
        let splits: &StringArray = column(batch, "split");
        let modes: &StringArray = column(batch, "mode");
        let metrics: &StringArray = column(batch, "metric");
        let values: &Float64Array = column(batch, "value");
        let chosen: &BooleanArray = column(batch, "chosen");
        for index in 0..batch.num_rows() {
            let epoch = epochs.value(index);
            let curve = Curve {
                split: splits.value(index).to_owned(),
                mode: modes.value(index).to_owned(),
            };
            let curves = history
                .curves
                .entry(metrics.value(index).to_owned())
                .or_default();
            curves
                .entry(curve)
                .or_default()
                .insert(epoch, values.value(index));
            history.epochs = history.epochs.max(epoch);
            if chosen.value(index) {
                history.chosen.push(epoch);
            }
        }
    })?;
    history.chosen.sort_unstable();
    history.chosen.dedup();
    Ok(history)
}
