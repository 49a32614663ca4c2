//! Parquet.

use std::path::{Path, PathBuf};

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use cinescore_artifact::StageError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::{ROW_BYTES, Source, no_column, open_file, row_bytes};
use crate::file::rows::{Chunk, Refused, Rows};
use crate::file::{CHUNK_BYTES, CHUNK_ROWS};

/// A Parquet file.
pub(super) struct ParquetFile {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    columns: Vec<String>,
    text: usize,
    row: u64,
    size: u64,
}

impl ParquetFile {
    pub(super) fn open(path: &Path, text_column: &str) -> Result<Self, StageError> {
        let damaged = |error: parquet::errors::ParquetError| {
            StageError::input(format!("cannot read `{}`: {error}", path.display()))
        };
        let file = open_file(path)?.into_parts().0;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let size = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let schema = SchemaRef::clone(builder.schema());
        let columns: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let Some(text) = columns.iter().position(|name| name == text_column) else {
            return Err(no_column(path, text_column, &columns));
        };
        let rows = rows_of_a_chunk(builder.metadata());
        let reader = builder.with_batch_size(rows).build().map_err(damaged)?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            schema,
            columns,
            text,
            row: 0,
            size,
        })
    }

    /// The texts of a batch; a row without one, or that is too large, has the reason.
    fn texts(&self, batch: &RecordBatch) -> Result<Vec<Result<String, String>>, StageError> {
        let texts = self.all_texts(batch)?.into_iter();
        let rows = texts.zip(row_bytes::of_rows(batch));
        Ok(rows
            .map(|(text, bytes)| match bytes {
                _ if bytes > ROW_BYTES => Err(format!("more than {ROW_BYTES} bytes")),
                _ => text.map_err(str::to_owned),
            })
            .collect())
    }

    fn all_texts(
        &self,
        batch: &RecordBatch,
    ) -> Result<Vec<Result<String, &'static str>>, StageError> {
        let column = batch.column(self.text);
        let text = |text: Option<&str>| match text {
            Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err("no text"),
        };
        let bytes = |bytes: Option<&[u8]>| match bytes.map(std::str::from_utf8) {
            Some(Err(_)) => Err("not UTF-8"),
            Some(Ok(own)) => text(Some(own)),
            None => text(None),
        };
        Ok(match column.data_type() {
            DataType::Binary => column.as_binary::<i32>().iter().map(bytes).collect(),
            DataType::LargeBinary => column.as_binary::<i64>().iter().map(bytes).collect(),
            DataType::Utf8 => column.as_string::<i32>().iter().map(text).collect(),
            DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                let plain =
                    cast(column, &DataType::Utf8).map_err(|error| self.not_text(column, &error))?;
                plain.as_string::<i32>().iter().map(text).collect()
            }
            _ => return Err(self.not_text(column, &"it holds no text")),
        })
    }

    fn not_text(&self, column: &ArrayRef, error: &dyn std::fmt::Display) -> StageError {
        StageError::usage(format!(
            "column `{}` of `{}` is of type {}: {error}",
            self.columns[self.text],
            self.path.display(),
            column.data_type()
        ))
    }
}

/// How many rows have about the bytes of a chunk, by those of the row group whose rows are the largest. The same of a file each
/// time.
fn rows_of_a_chunk(metadata: &ParquetMetaData) -> usize {
    // Newer files also say how large texts are once they are read from a dictionary.
    let bytes_of_a_column = |column: &ColumnChunkMetaData| {
        let read = column.unencoded_byte_array_data_bytes().unwrap_or(0);
        u64::try_from(read.max(column.uncompressed_size())).unwrap_or(0)
    };
    let bytes_of_a_row = |group: &RowGroupMetaData| {
        let columns = group.columns().iter().map(bytes_of_a_column);
        let bytes = columns.fold(0, u64::saturating_add);
        bytes.div_ceil(u64::try_from(group.num_rows()).unwrap_or(0).max(1))
    };
    let most = metadata.row_groups().iter().map(bytes_of_a_row).max();
    let rows = CHUNK_BYTES as u64 / most.unwrap_or(0).max(1);
    usize::try_from(rows).map_or(CHUNK_ROWS, |rows| rows.clamp(1, CHUNK_ROWS))
}

impl Source for ParquetFile {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn schema(&self) -> Option<SchemaRef> {
        Some(SchemaRef::clone(&self.schema))
    }

    fn next(&mut self, number: usize) -> Result<Option<Chunk>, StageError> {
        let begin = self.row;
        let damaged = |error: &dyn std::fmt::Display| {
            StageError::input(format!(
                "cannot read `{}` behind row {begin}: {error}",
                self.path.display()
            ))
        };
        let batch = match self.reader.next() {
            None => return Ok(None),
            Some(batch) => batch.map_err(|error| damaged(&error))?,
        };
        let found = self.texts(&batch)?;
        let kept: BooleanArray = found.iter().map(|text| Some(text.is_ok())).collect();
        let rows = filter_record_batch(&batch, &kept).map_err(|error| damaged(&error))?;
        let (mut texts, mut lines, mut refused) = (vec![], vec![], vec![]);
        for (line, text) in (begin + 1..).zip(found) {
            match text {
                Ok(text) => {
                    texts.push(text);
                    lines.push(line);
                }
                Err(reason) => refused.push(Refused::new(line, reason, b"")),
            }
        }
        self.row += batch.num_rows() as u64;
        Ok(Some(Chunk {
            number,
            rows: Rows::Arrow(rows),
            texts,
            lines,
            refused,
            places: begin..self.row,
        }))
    }

    fn place(&self) -> u64 {
        self.row
    }

    fn size(&self) -> u64 {
        self.size
    }
}
