//! The tables of predictions and of figures.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, Float64Array, ListArray, ListBuilder, RecordBatch, StringArray,
    UInt64Array, new_null_array,
};
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableSpec, TableWriter};
use cinescore_artifact::tables::{METRICS, PREDICTIONS};
use cinescore_artifact::{Split, StageError};
use cinescore_model::task::Prediction;

use super::{Evaluated, Measured};
use crate::figures::Figure;

/// Writes the outputs `predictions` and `metrics`, and says in the result how many rows they have.
pub fn write_evaluated(
    context: &mut TaskContext,
    evaluated: &[Evaluated],
    measured: &[Measured],
) -> Result<(), StageError> {
    let predictions = write_predictions(&context.output("predictions"), evaluated)?;
    let metrics = write_metrics(&context.output("metrics"), measured)?;
    let rows = &mut context.result().rows_out;
    rows.insert("predictions".into(), predictions);
    rows.insert("metrics".into(), metrics);
    Ok(())
}

/// Writes `predictions`, sorted by id, and returns its number of rows.
fn write_predictions(path: &Path, evaluated: &[Evaluated]) -> Result<u64, StageError> {
    let mut rows: Vec<(u64, Split, f64, &Prediction)> = evaluated
        .iter()
        .flat_map(|own| {
            let labelled = own.ids.iter().zip(&own.targets).zip(&own.predicted);
            labelled.map(|((&id, &target), predicted)| (id, own.split, target, predicted))
        })
        .collect();
    rows.sort_by_key(|row| row.0);
    let flags = {
        let schema = PREDICTIONS.schema();
        let (_, field) = schema
            .column_with_name("flags")
            .expect("a column of the constant schema");
        new_null_array(field.data_type(), rows.len())
    };
    let split = |row: &(u64, Split, f64, &Prediction)| Some(row.1.name());
    let lower = |row: &(u64, Split, f64, &Prediction)| Some(row.3.interval?.0);
    let upper = |row: &(u64, Split, f64, &Prediction)| Some(row.3.interval?.1);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(split).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.3.value).collect::<Float64Array>()),
        Arc::new(rows.iter().map(lower).collect::<Float64Array>()),
        Arc::new(rows.iter().map(upper).collect::<Float64Array>()),
        Arc::new(probabilities(rows.iter().map(|row| row.3))),
        flags,
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
pub fn write_metrics(path: &Path, measured: &[Measured]) -> Result<u64, StageError> {
    let rows: Vec<(&Measured, &Figure)> = measured
        .iter()
        .flat_map(|own| own.figures.iter().map(move |figure| (own, figure)))
        .collect();
    let texts = |text: fn(&Measured, &Figure) -> String| -> ArrayRef {
        let texts = rows.iter().map(|(own, figure)| Some(text(own, figure)));
        Arc::new(texts.collect::<StringArray>())
    };
    let numbers = |number: fn(&Figure) -> Option<f64>| -> ArrayRef {
        let numbers = rows.iter().map(|(_, figure)| number(figure));
        Arc::new(numbers.collect::<Float64Array>())
    };
    let columns = vec![
        texts(|own, _| own.subject.clone()),
        texts(|own, _| own.split.name().to_owned()),
        texts(|_, figure| figure.name.clone()),
        numbers(|figure| figure.value),
        numbers(|figure| Some(figure.interval?.0)),
        numbers(|figure| Some(figure.interval?.1)),
        Arc::new(
            rows.iter()
                .map(|(_, figure)| figure.count)
                .collect::<UInt64Array>(),
        ),
    ];
    write(path, &METRICS, columns)
}

/// Writes a table of one batch and returns its number of rows.
pub fn write(
    path: &Path,
    spec: &'static TableSpec,
    columns: Vec<ArrayRef>,
) -> Result<u64, StageError> {
    write_noted(path, spec, columns, None)
}

/// The same, with an entry in the table's metadata: its key and its value.
pub fn write_noted(
    path: &Path,
    spec: &'static TableSpec,
    columns: Vec<ArrayRef>,
    note: Option<(&str, String)>,
) -> Result<u64, StageError> {
    let batch: RecordBatch = spec.batch(columns).map_err(|source| TableError::Arrow {
        path: path.to_owned(),
        source,
    })?;
    let mut writer = TableWriter::create(path, spec)?;
    if let Some((key, value)) = note {
        writer.note(key, value);
    }
    writer.write(&batch)?;
    Ok(writer.finish()?)
}
