//! The output: one Parquet file, which has its name once everything in it was checked.

use std::fs::File;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::Error;

/// A file that is being written; it is removed if it is dropped before it is whole.
pub(crate) struct Output {
    path: PathBuf,
    partial: PathBuf,
    writer: Option<ArrowWriter<File>>,
    is_whole: bool,
}

impl Output {
    /// Of a file that is not there yet.
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        if path.exists() {
            return Err(Error::OutputFile {
                path: path.into(),
                source: std::io::ErrorKind::AlreadyExists.into(),
            });
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        Ok(Self {
            path: path.into(),
            partial: partial.into(),
            writer: None,
            is_whole: false,
        })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        if self.writer.is_none() {
            let file = File::create(&self.partial).map_err(|source| Error::OutputFile {
                path: self.partial.clone(),
                source,
            })?;
            // Read once, by a program on this machine.
            let properties = WriterProperties::builder()
                .set_compression(Compression::UNCOMPRESSED)
                .set_dictionary_enabled(false)
                .build();
            let writer = ArrowWriter::try_new(file, batch.schema(), Some(properties));
            self.writer = Some(writer.map_err(|source| self.broken(source))?);
        }
        match &mut self.writer {
            Some(writer) => writer.write(batch).map_err(|source| Error::Output {
                path: self.partial.clone(),
                source,
            }),
            None => Ok(()),
        }
    }

    /// Writes the end and gives the file its name. There is no file if there was no row.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|source| self.broken(source))?;
            std::fs::rename(&self.partial, &self.path).map_err(|source| Error::OutputFile {
                path: self.path.clone(),
                source,
            })?;
        }
        self.is_whole = true;
        Ok(())
    }

    fn broken(&self, source: datafusion::parquet::errors::ParquetError) -> Error {
        Error::Output {
            path: self.partial.clone(),
            source,
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_whole {
            std::fs::remove_file(&self.partial).ok();
        }
    }
}
