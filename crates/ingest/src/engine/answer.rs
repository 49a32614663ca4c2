//! Reading the Parquet that a cluster's answer is.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array as _, AsArray as _, PrimitiveArray, RecordBatch};
use arrow::datatypes::ArrowPrimitiveType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::EngineError;

/// The rows.
pub(crate) fn batches(
    path: &Path,
) -> Result<impl Iterator<Item = Result<RecordBatch, EngineError>>, EngineError> {
    let broken = |source| EngineError::Parquet {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(|error| broken(error.into()))?;
    let batches = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(broken)?;
    Ok(batches.map(move |batch| batch.map_err(|error| broken(error.into()))))
}

/// A column, in which there may be nulls.
pub(crate) fn column<'a, T: ArrowPrimitiveType>(
    path: &Path,
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a PrimitiveArray<T>, EngineError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<T>())
        .ok_or_else(|| EngineError::Column {
            path: path.to_owned(),
            column: name,
            wanted: T::DATA_TYPE,
        })
}

/// A column without nulls.
pub(crate) fn full_column<'a, T: ArrowPrimitiveType>(
    path: &Path,
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a PrimitiveArray<T>, EngineError> {
    let column = column::<T>(path, batch, name)?;
    if column.null_count() > 0 {
        return Err(EngineError::Nulls {
            path: path.to_owned(),
            column: name,
        });
    }
    Ok(column)
}
