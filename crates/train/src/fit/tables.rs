//! The table that `fit` alone writes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, StringArray, UInt32Array};
use cinescore_artifact::StageError;
use cinescore_artifact::tables::HISTORY;

use crate::examples::Split;
use crate::objective::Objective;
use crate::results::write;
use crate::training::{Course, Epoch};

/// Writes `history` and returns its number of rows.
pub(super) fn write_history(
    path: &Path,
    objective: &Objective,
    epochs: &[Epoch],
    chosen: u32,
) -> Result<u64, StageError> {
    let mut rows: Vec<(u32, Split, &str, &str, f64, bool)> = Vec::new();
    for epoch in epochs {
        for (split, mode, course) in [
            (Split::Train, "evaluated", epoch.evaluated),
            (Split::Train, "trained", epoch.trained),
            (Split::Valid, "evaluated", epoch.valid),
        ] {
            let Course { loss, score } = course;
            let mut metrics = [("loss", loss), (objective.score_name(), score)];
            metrics.sort_by_key(|(name, _)| *name);
            let chosen = epoch.number == chosen;
            rows.extend(
                metrics.map(|(name, value)| (epoch.number, split, mode, name, value, chosen)),
            );
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<UInt32Array>()),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.1.name()))
                .collect::<StringArray>(),
        ),
        Arc::new(rows.iter().map(|row| Some(row.2)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| Some(row.3)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| Some(row.5)).collect::<BooleanArray>()),
    ];
    write(path, &HISTORY, columns)
}
