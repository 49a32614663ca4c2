//! Reading a table: name, version and schema are checked when it is opened.

use std::any::type_name;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::write::{NAME_KEY, VERSION_KEY};
use super::{TableError, TableSpec, io_error};

/// What a Parquet file says of itself, whichever table it is: for checks that know no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFooter {
    /// The table's name, where cinescore's writer wrote it.
    pub name: Option<String>,
    /// The version of its schema, as written.
    pub version: Option<String>,
    /// Rows.
    pub rows: u64,
    /// The names of the columns, in order.
    pub columns: Vec<String>,
}

impl TableFooter {
    /// Reads the end of a file.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(io_error(path))?;
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|source| {
                TableError::Parquet {
                    path: path.to_owned(),
                    source,
                }
            })?;
        let file = metadata.metadata().file_metadata();
        let value = |key: &str| {
            let entries = file.key_value_metadata()?;
            entries.iter().find(|entry| entry.key == key)?.value.clone()
        };
        Ok(Self {
            name: value(NAME_KEY),
            version: value(VERSION_KEY),
            rows: u64::try_from(file.num_rows()).unwrap_or(0),
            columns: metadata
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect(),
        })
    }
}

/// What a file's metadata say under a key.
fn entry(metadata: &ArrowReaderMetadata, key: &str) -> Option<String> {
    let entries = metadata.metadata().file_metadata().key_value_metadata()?;
    let entry = entries.iter().find(|entry| entry.key == key)?;
    entry.value.clone()
}

/// An opened table, ready to give its batches.
pub struct TableReader {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
}

impl TableReader {
    /// Opens a table and checks that it is the one of `spec`.
    pub fn open(path: &Path, spec: &'static TableSpec) -> Result<Self, TableError> {
        let file = File::open(path).map_err(io_error(path))?;
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|source| {
                TableError::Parquet {
                    path: path.to_owned(),
                    source,
                }
            })?;
        let value = |key: &str| entry(&metadata, key);
        let found = match value(NAME_KEY) {
            Some(name) if name == spec.name => None,
            Some(name) => Some(format!("is a `{name}` table")),
            None => Some("was not written by cinescore".to_owned()),
        };
        if let Some(found) = found {
            return Err(TableError::OtherTable {
                path: path.to_owned(),
                wanted: spec.name,
                found,
            });
        }
        let version = value(VERSION_KEY).unwrap_or_default();
        if version != spec.version.to_string() {
            return Err(TableError::OtherVersion {
                path: path.to_owned(),
                table: spec.name,
                found: version,
                wanted: spec.version,
            });
        }
        if metadata.schema().fields() != spec.schema().fields() {
            return Err(TableError::OtherSchema {
                path: path.to_owned(),
                table: spec.name,
                difference: difference(&spec.schema(), metadata.schema()),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
        })
    }

    /// What the table's metadata say under a key.
    pub fn note(&self, key: &str) -> Option<String> {
        entry(&self.metadata, key)
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        // A negative count cannot come from a writer; a damaged file reads as empty and fails later.
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// All batches, of at most `batch_rows` rows each.
    pub fn batches(
        self,
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, TableError>>, TableError> {
        self.read(batch_rows, None)
    }

    /// All batches, with the named columns only, in the table's order.
    pub fn batches_of(
        self,
        batch_rows: usize,
        columns: &[&str],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, TableError>>, TableError> {
        self.read(batch_rows, Some(columns))
    }

    fn read(
        self,
        batch_rows: usize,
        columns: Option<&[&str]>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, TableError>> + use<>, TableError> {
        let Self {
            path,
            file,
            metadata,
        } = self;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let reader = builder
            .with_batch_size(batch_rows)
            .build()
            .map_err(|source| TableError::Parquet {
                path: path.clone(),
                source,
            })?;
        Ok(reader.map(move |batch| {
            batch.map_err(|source| TableError::Arrow {
                path: path.clone(),
                source,
            })
        }))
    }
}

/// The first difference between two schemas, in words.
pub(super) fn difference(wanted: &Schema, found: &Schema) -> String {
    for (index, field) in wanted.fields().iter().enumerate() {
        match found.fields().get(index) {
            None => return format!("column `{}` is missing", field.name()),
            Some(other) if other.name() != field.name() => {
                return format!(
                    "column {} is `{}`, not `{}`",
                    index + 1,
                    other.name(),
                    field.name()
                );
            }
            Some(other) if other != field => {
                let null = |nullable| if nullable { ", nullable" } else { "" };
                return format!(
                    "column `{}` is {}{}, not {}{}",
                    field.name(),
                    other.data_type(),
                    null(other.is_nullable()),
                    field.data_type(),
                    null(field.is_nullable())
                );
            }
            Some(_same) => {}
        }
    }
    match found.fields().get(wanted.fields().len()) {
        Some(extra) => format!("column `{}` is unknown", extra.name()),
        None => "none".into(),
    }
}

/// A column of a batch that came from a [`TableReader`] or [`TableSpec::batch`].
///
/// # Panics
/// If the table has no such column, or one of another type: a mistake in the program, since the
/// schema was checked when the table was opened.
pub fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> &'a A {
    batch
        .column_by_name(name)
        .and_then(|array| array.as_any().downcast_ref())
        .unwrap_or_else(|| {
            panic!(
                "the table has no column `{name}` of type {}",
                type_name::<A>()
            )
        })
}
