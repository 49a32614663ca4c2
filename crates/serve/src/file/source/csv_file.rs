//! CSV and TSV.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use cinescore_artifact::StageError;
use csv::{ByteRecord, StringRecord};

use super::gather::Gathered;
use super::{Bytes, ROW_BYTES, Source, no_column};
use crate::file::rows::{Chunk, Refused, Rows};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// A file of CSV with a line of names.
pub(super) struct CsvFile {
    path: PathBuf,
    reader: csv::Reader<Bounded>,
    left: Arc<AtomicUsize>,
    columns: Vec<String>,
    text: usize,
    place: Arc<AtomicU64>,
    size: u64,
}

impl CsvFile {
    pub(super) fn open(path: &Path, delimiter: u8, text_column: &str) -> Result<Self, StageError> {
        let bytes = Bytes::open(path)?;
        let left = Arc::new(AtomicUsize::new(ROW_BYTES));
        let bounded = Bounded {
            inner: bytes.reader,
            left: Arc::clone(&left),
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            // Rows of another length are refused by themselves.
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(bounded);
        let header = reader.headers().map_err(|error| of_csv(path, error))?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let Some(text) = columns.iter().position(|name| name == text_column) else {
            return Err(no_column(path, text_column, &columns));
        };
        Ok(Self {
            path: path.to_owned(),
            reader,
            left,
            columns,
            text,
            place: bytes.place,
            size: bytes.size,
        })
    }

    /// A row, if it can be used.
    fn checked(&self, record: ByteRecord, line: u64) -> Result<StringRecord, Refused> {
        let raw = || record.iter().collect::<Vec<_>>().join(&b',');
        if record.len() != self.columns.len() {
            let reason = format!("{} fields, not {}", record.len(), self.columns.len());
            return Err(Refused::new(line, reason, &raw()));
        }
        let record = StringRecord::from_byte_record(record).map_err(|error| {
            let column = &self.columns[error.utf8_error().field()];
            let raw = error
                .into_byte_record()
                .iter()
                .collect::<Vec<_>>()
                .join(&b',');
            Refused::new(line, format!("column `{column}` is not UTF-8"), &raw)
        })?;
        if record[self.text].trim().is_empty() {
            let raw = record.iter().collect::<Vec<_>>().join(",");
            return Err(Refused::new(line, "no text", raw.as_bytes()));
        }
        Ok(record)
    }
}

impl Source for CsvFile {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self, number: usize) -> Result<Option<Chunk>, StageError> {
        let begin = self.place();
        let mut gathered = Gathered::new();
        let mut record = ByteRecord::new();
        while !gathered.is_full() {
            self.left.store(ROW_BYTES, Ordering::Relaxed);
            let read = self.reader.read_byte_record(&mut record);
            if !read.map_err(|error| of_csv(&self.path, error))? {
                break;
            }
            let line = record.position().map_or(0, csv::Position::line);
            gathered.read(record.as_slice().len());
            match self.checked(std::mem::take(&mut record), line) {
                Ok(record) => {
                    let text = record[self.text].to_owned();
                    gathered.keep(record, text, line);
                }
                Err(row) => gathered.refuse(row),
            }
        }
        Ok(gathered.chunk(number, begin..self.place(), Rows::Csv))
    }

    fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Ends reading when a row has more bytes than any row should: a quote that is never closed would else be the rest of the
/// file.
struct Bounded {
    inner: Box<dyn Read + Send>,
    left: Arc<AtomicUsize>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed);
        let Some(left) = left.checked_sub(read) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a row has more than {ROW_BYTES} bytes: is a quote never closed?"),
            ));
        };
        self.left.store(left, Ordering::Relaxed);
        Ok(read)
    }
}

fn of_csv(path: &Path, error: csv::Error) -> StageError {
    let line = error
        .position()
        .map(|position| format!(" behind line {}", position.line()));
    let message = format!(
        "cannot read `{}`{}",
        path.display(),
        line.unwrap_or_default()
    );
    match error.into_kind() {
        csv::ErrorKind::Io(source) => super::of_io(&message, &source),
        csv::ErrorKind::Utf8 { err, .. } => StageError::input(format!("{message}: {err}")),
        other => StageError::input(format!("{message}: {other:?}")),
    }
}
