//! Writing a table: to a temporary file beside its place, moved there when it is finished.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use tempfile::NamedTempFile;

use super::{TableError, TableSpec, io_error};

/// The metadata key of a table's name.
pub(super) const NAME_KEY: &str = "cinescore.table";
/// The metadata key of a table's version.
pub(super) const VERSION_KEY: &str = "cinescore.version";

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
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let file = crate::task::readable_temporary(folder).map_err(io_error(path))?;
        let level = ZstdLevel::try_new(3).map_err(|source| TableError::Parquet {
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

    /// Appends a batch of the table's schema ([`TableSpec::batch`]).
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        if batch.schema() != self.spec.schema() {
            return Err(TableError::OtherSchema {
                path: self.path.clone(),
                table: self.spec.name,
                difference: super::read::difference(&self.spec.schema(), &batch.schema()),
            });
        }
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .map_err(|source| TableError::Parquet {
                path: self.path.clone(),
                source,
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
        written.sync_all().map_err(io_error(&path))?;
        file.persist(&path)
            .map_err(|error| io_error(&path)(error.error))?;
        Ok(rows)
    }
}
