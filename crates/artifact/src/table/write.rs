//! Writing a table: to a temporary file beside its place, moved there when it is finished.
//!
//! [`TableWriter`] takes batches one after the other. [`GroupWriter`] takes whole row groups, which may be
//! encoded on any thread: encoding and compressing are most of the work of a large table.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use tempfile::NamedTempFile;

use super::{TableError, TableSpec, io_error};

/// The metadata key of a table's name.
pub(super) const NAME_KEY: &str = "cinescore.table";
/// The metadata key of a table's version.
pub(super) const VERSION_KEY: &str = "cinescore.version";

/// How hard zstd tries.
const LEVEL: i32 = 3;
/// The same where texts are nearly all of a table, and compressing them nearly all of the work.
const QUICK_LEVEL: i32 = 1;

/// Writes one table. Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub struct TableWriter {
    spec: &'static TableSpec,
    path: PathBuf,
    writer: ArrowWriter<File>,
    file: NamedTempFile,
    rows: u64,
}

impl TableWriter {
    /// Begins a table that will lie at `path`.
    pub fn create(path: &Path, spec: &'static TableSpec) -> Result<Self, TableError> {
        Self::with_level(path, spec, LEVEL)
    }

    /// Begins a table that is mostly text: compressed a third faster, and an eighth larger.
    pub fn create_quickly(path: &Path, spec: &'static TableSpec) -> Result<Self, TableError> {
        Self::with_level(path, spec, QUICK_LEVEL)
    }

    fn with_level(path: &Path, spec: &'static TableSpec, level: i32) -> Result<Self, TableError> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let file = crate::task::readable_temporary(folder).map_err(io_error(path))?;
        let level = ZstdLevel::try_new(level).map_err(|source| TableError::Parquet {
            path: path.to_owned(),
            source,
        })?;
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_compression(Compression::ZSTD(level))
            .set_created_by("cinescore".into())
            .set_max_row_group_row_count(Some(spec.row_group_rows))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(vec![
                KeyValue::new(NAME_KEY.into(), spec.name.to_owned()),
                KeyValue::new(VERSION_KEY.into(), spec.version.to_string()),
            ]))
            .build();
        let handle = file.reopen().map_err(io_error(path))?;
        let writer =
            ArrowWriter::try_new(handle, spec.schema(), Some(properties)).map_err(|source| {
                TableError::Parquet {
                    path: path.to_owned(),
                    source,
                }
            })?;
        Ok(Self {
            spec,
            path: path.to_owned(),
            writer,
            file,
            rows: 0,
        })
    }

    /// Puts an entry into the table's metadata, beside its name and version.
    pub fn note(&mut self, key: &str, value: String) {
        let entry = KeyValue::new(key.into(), value);
        self.writer.append_key_value_metadata(entry);
    }

    /// Appends a batch of the table's schema ([`TableSpec::batch`]).
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        check_schema(self.spec, &self.path, batch)?;
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .map_err(|source| TableError::Parquet {
                path: self.path.clone(),
                source,
            })
    }

    /// The writer of the same file by whole row groups.
    pub fn by_groups(self) -> Result<GroupWriter, TableError> {
        let Self {
            spec,
            path,
            writer,
            file,
            rows,
        } = self;
        let (writer, factory) =
            writer
                .into_serialized_writer()
                .map_err(|source| TableError::Parquet {
                    path: path.clone(),
                    source,
                })?;
        let encoder = GroupEncoder {
            spec,
            path,
            factory,
        };
        Ok(GroupWriter {
            encoder: encoder.into(),
            writer,
            file,
            rows,
        })
    }

    /// Completes the file, puts it in its place and returns the number of rows.
    pub fn finish(self) -> Result<u64, TableError> {
        let Self {
            path,
            writer,
            file,
            rows,
            ..
        } = self;
        let written = writer.into_inner().map_err(|source| TableError::Parquet {
            path: path.clone(),
            source,
        })?;
        put_in_place(&written, file, &path)?;
        Ok(rows)
    }
}

fn check_schema(
    spec: &'static TableSpec,
    path: &Path,
    batch: &RecordBatch,
) -> Result<(), TableError> {
    if batch.schema() == spec.schema() {
        return Ok(());
    }
    Err(TableError::OtherSchema {
        path: path.to_owned(),
        table: spec.name,
        difference: super::read::difference(&spec.schema(), &batch.schema()),
    })
}

fn put_in_place(written: &File, file: NamedTempFile, path: &Path) -> Result<(), TableError> {
    written.sync_all().map_err(io_error(path))?;
    file.persist(path)
        .map_err(|error| io_error(path)(error.error))?;
    Ok(())
}

/// Writes one table by whole row groups, made by [`TableWriter::by_groups`]. Dropped before
/// [`finish`](Self::finish), it leaves nothing behind.
pub struct GroupWriter {
    encoder: Arc<GroupEncoder>,
    writer: SerializedFileWriter<File>,
    file: NamedTempFile,
    rows: u64,
}

/// Encodes row groups of one table, on any thread. What it makes does not depend on the thread.
pub struct GroupEncoder {
    spec: &'static TableSpec,
    path: PathBuf,
    factory: ArrowRowGroupWriterFactory,
}

/// An encoded row group.
pub struct EncodedGroup {
    columns: Vec<ArrowColumnChunk>,
    rows: u64,
}

impl GroupEncoder {
    /// Encodes a batch of the table's schema as a row group.
    pub fn encode(&self, batch: &RecordBatch) -> Result<EncodedGroup, TableError> {
        check_schema(self.spec, &self.path, batch)?;
        self.encode_columns(batch)
            .map_err(|source| TableError::Parquet {
                path: self.path.clone(),
                source,
            })
    }

    fn encode_columns(
        &self,
        batch: &RecordBatch,
    ) -> Result<EncodedGroup, parquet::errors::ParquetError> {
        // The number of a row group matters to encryption only, which is not used.
        let mut writers = self.factory.create_column_writers(0)?.into_iter();
        let mut columns = Vec::with_capacity(writers.len());
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array)? {
                let Some(mut writer) = writers.next() else {
                    return Err(parquet::errors::ParquetError::General(
                        "more leaves than columns".into(),
                    ));
                };
                writer.write(&leaf)?;
                columns.push(writer.close()?);
            }
        }
        Ok(EncodedGroup {
            columns,
            rows: batch.num_rows() as u64,
        })
    }
}

impl GroupWriter {
    /// What encodes row groups for this file.
    pub fn encoder(&self) -> Arc<GroupEncoder> {
        Arc::clone(&self.encoder)
    }

    /// Appends a row group.
    pub fn append(&mut self, group: EncodedGroup) -> Result<(), TableError> {
        self.rows += group.rows;
        self.append_columns(group)
            .map_err(|source| TableError::Parquet {
                path: self.encoder.path.clone(),
                source,
            })
    }

    fn append_columns(&mut self, group: EncodedGroup) -> Result<(), parquet::errors::ParquetError> {
        let mut row_group = self.writer.next_row_group()?;
        for column in group.columns {
            column.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }

    /// Completes the file, puts it in its place and returns the number of rows.
    pub fn finish(self) -> Result<u64, TableError> {
        let Self {
            encoder,
            writer,
            file,
            rows,
        } = self;
        let path = &encoder.path;
        let written = writer.into_inner().map_err(|source| TableError::Parquet {
            path: path.clone(),
            source,
        })?;
        put_in_place(&written, file, path)?;
        Ok(rows)
    }
}
