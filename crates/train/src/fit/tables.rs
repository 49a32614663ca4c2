//! The tables that `fit` writes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Builder, Float64Array, ListArray, ListBuilder, RecordBatch,
    StringArray, UInt32Array, UInt64Array, new_null_array,
};
use cinescore_artifact::StageError;
use cinescore_artifact::table::{TableError, TableSpec, TableWriter};
use cinescore_artifact::tables::{HISTORY, METRICS, PREDICTIONS};
use cinescore_model::task::Prediction;

use crate::examples::{Examples, Split};
use crate::figures::Figure;
use crate::objective::Objective;
use crate::training::{Course, Epoch};

/// What a network says of a split.
pub(super) struct Evaluated {
    pub(super) split: Split,
    pub(super) rows: Vec<usize>,
    /// One for each row.
    pub(super) predicted: Vec<Prediction>,
}

/// The figures of a subject on a split.
pub(super) struct Measured {
    pub(super) subject: String,
    pub(super) split: Split,
    pub(super) count: usize,
    pub(super) figures: Vec<Figure>,
}

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

/// Writes `predictions`, sorted by id, and returns its number of rows.
pub(super) fn write_predictions(
    path: &Path,
    examples: &Examples,
    evaluated: &[Evaluated],
) -> Result<u64, StageError> {
    let mut rows: Vec<(u64, Split, f64, &Prediction)> = evaluated
        .iter()
        .flat_map(|evaluated| {
            let pairs = evaluated.rows.iter().zip(&evaluated.predicted);
            pairs.map(|(&row, predicted)| {
                (
                    examples.review_id(row),
                    evaluated.split,
                    examples.label(row),
                    predicted,
                )
            })
        })
        .collect();
    rows.sort_by_key(|row| row.0);
    let nulls = |name: &str| {
        let schema = PREDICTIONS.schema();
        let (_, field) = schema
            .column_with_name(name)
            .expect("a column of the constant schema");
        new_null_array(field.data_type(), rows.len())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<UInt64Array>()),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.1.name()))
                .collect::<StringArray>(),
        ),
        Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.3.value).collect::<Float64Array>()),
        nulls("lower"),
        nulls("upper"),
        Arc::new(probabilities(rows.iter().map(|row| row.3))),
        nulls("flags"),
    ];
    write(path, &PREDICTIONS, columns)
}

/// The column of probabilities: null for tasks without classes.
fn probabilities<'a>(predicted: impl Iterator<Item = &'a Prediction>) -> ListArray {
    let mut lists = ListBuilder::new(Float32Builder::new());
    for prediction in predicted {
        if let Some(probabilities) = &prediction.probabilities {
            for probability in probabilities {
                lists.values().append_value(*probability as f32);
            }
        }
        lists.append(prediction.probabilities.is_some());
    }
    lists.finish()
}

/// Writes `metrics` and returns its number of rows.
pub(super) fn write_metrics(path: &Path, measured: &[Measured]) -> Result<u64, StageError> {
    let rows: Vec<(&Measured, &Figure)> = measured
        .iter()
        .flat_map(|measured| {
            measured
                .figures
                .iter()
                .map(move |figure| (measured, figure))
        })
        .collect();
    let none = || Arc::new(Float64Array::new_null(rows.len()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(
            rows.iter()
                .map(|(measured, _)| Some(measured.subject.as_str()))
                .collect::<StringArray>(),
        ),
        Arc::new(
            rows.iter()
                .map(|(measured, _)| Some(measured.split.name()))
                .collect::<StringArray>(),
        ),
        Arc::new(
            rows.iter()
                .map(|(_, figure)| Some(figure.0))
                .collect::<StringArray>(),
        ),
        Arc::new(
            rows.iter()
                .map(|(_, figure)| figure.1)
                .collect::<Float64Array>(),
        ),
        none(),
        none(),
        Arc::new(
            rows.iter()
                .map(|(measured, _)| measured.count as u64)
                .collect::<UInt64Array>(),
        ),
    ];
    write(path, &METRICS, columns)
}

fn write(path: &Path, spec: &'static TableSpec, columns: Vec<ArrayRef>) -> Result<u64, StageError> {
    let batch: RecordBatch = spec.batch(columns).map_err(|source| TableError::Arrow {
        path: path.to_owned(),
        source,
    })?;
    let mut writer = TableWriter::create(path, spec)?;
    writer.write(&batch)?;
    Ok(writer.finish()?)
}
