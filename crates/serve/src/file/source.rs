//! Reading files of reviews, chunk by chunk.
//!
//! A source gives the same chunks each time, so that a part of the output belongs to the same rows when a command goes on.

mod csv_file;
mod gather;
mod json_lines;
mod parquet_file;
mod row_bytes;

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use cinescore_artifact::StageError;
use flate2::read::MultiGzDecoder;
use fs_err::File;

use super::Job;
use super::format::{Format, is_gzip};
use super::rows::Chunk;

/// The most bytes of a row.
pub(super) const ROW_BYTES: usize = 16 << 20;

/// Rows of a file.
pub trait Source: Send {
    /// The names of the columns, in order; of JSON lines those of the first.
    fn columns(&self) -> &[String];
    /// The columns' types, where the format has any.
    fn schema(&self) -> Option<SchemaRef> {
        None
    }
    /// The next rows; none at the end.
    fn next(&mut self, number: usize) -> Result<Option<Chunk>, StageError>;
    /// How far it has read.
    fn place(&self) -> u64;
    /// How far it will have to read.
    fn size(&self) -> u64;
}

/// Opens the input of a job.
pub(super) fn open(job: &Job) -> Result<Box<dyn Source>, StageError> {
    open_file_of(&job.input, job.input_format, &job.text_column)
}

/// Opens a file of a format, with texts in a column.
pub(crate) fn open_file_of(
    path: &Path,
    format: Format,
    text_column: &str,
) -> Result<Box<dyn Source>, StageError> {
    Ok(match format {
        Format::Csv | Format::Tsv => Box::new(csv_file::CsvFile::open(
            path,
            format.delimiter(),
            text_column,
        )?),
        Format::Jsonl => Box::new(json_lines::JsonLines::open(path, text_column)?),
        Format::Parquet => Box::new(parquet_file::ParquetFile::open(path, text_column)?),
    })
}

/// A file's bytes, inflated where its name ends in `.gz`, with how far the file itself was read.
pub(super) struct Bytes {
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) place: Arc<AtomicU64>,
    pub(super) size: u64,
}

impl Bytes {
    pub(super) fn open(path: &Path) -> Result<Self, StageError> {
        let file = open_file(path)?;
        let size = file.metadata()?.len();
        let place = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: file,
            read: Arc::clone(&place),
        };
        let reader: Box<dyn Read + Send> = if is_gzip(path) {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(
                1 << 16,
                counted,
            )))
        } else {
            Box::new(counted)
        };
        Ok(Self {
            reader,
            place,
            size,
        })
    }
}

/// Opens a file that a user names.
pub(crate) fn open_file(path: &Path) -> Result<File, StageError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StageError::usage(error),
        _ => StageError::from(error),
    })?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(StageError::usage(format!(
        "`{}` is not a file",
        path.display()
    )))
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// An error while a file is read, which is the file's where it is damaged.
pub(super) fn of_io(message: &str, error: &io::Error) -> StageError {
    let message = format!("{message}: {error}");
    match error.kind() {
        // What a damaged gzip file says.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            StageError::input(message)
        }
        _ => StageError::machine(message),
    }
}

/// The error for a file without the column of texts.
pub(super) fn no_column(path: &Path, wanted: &str, columns: &[String]) -> StageError {
    let known: Vec<String> = columns
        .iter()
        .take(20)
        .map(|name| format!("`{name}`"))
        .collect();
    StageError::usage(format!("`{}` has no column `{wanted}`", path.display())).hint(format!(
        "name the column with the texts with --text-column; there are {}",
        known.join(", ")
    ))
}
