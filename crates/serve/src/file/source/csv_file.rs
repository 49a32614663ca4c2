//! CSV and TSV.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cinescore_artifact::StageError;
use cinescore_ingest::records::{Fields, Record, Records};
use csv::StringRecord;

use super::gather::Gathered;
use super::{Bytes, ROW_BYTES, Source, no_column};
use crate::file::rows::{Chunk, Refused, Rows};

/// A file of CSV with a line of names.
///
/// Rows are cut by `ingest`, not by a CSV library: that takes a quote that is never closed for a field up to the file's end, and
/// the rows in it would be lost.
pub(super) struct CsvFile {
    path: PathBuf,
    records: Records<Box<dyn Read + Send>>,
    columns: Columns,
    place: Arc<AtomicU64>,
    size: u64,
}

/// What rows must have.
struct Columns {
    names: Vec<String>,
    /// Which has the texts.
    text: usize,
}

impl CsvFile {
    pub(super) fn open(path: &Path, delimiter: u8, text_column: &str) -> Result<Self, StageError> {
        let bytes = Bytes::open(path)?;
        let mut records = Records::new(bytes.reader)
            .delimited_by(delimiter)
            .limited_to(ROW_BYTES);
        let names = header(path, &mut records)?;
        let Some(text) = names.iter().position(|name| name == text_column) else {
            return Err(no_column(path, text_column, &names));
        };
        Ok(Self {
            path: path.to_owned(),
            records,
            columns: Columns { names, text },
            place: bytes.place,
            size: bytes.size,
        })
    }
}

/// The names in the first row; none of an empty file.
fn header(path: &Path, records: &mut Records<impl Read>) -> Result<Vec<String>, StageError> {
    let first = records.read().map_err(|error| of_reading(path, &error))?;
    let Some(Record { line, fields, .. }) = first else {
        return Ok(Vec::new());
    };
    let bad = |reason: String| {
        let path = path.display();
        StageError::input(format!("cannot read `{path}`: line {line}: {reason}"))
    };
    let names = fields.map_err(|reason| bad(reason.to_string()))?.iter();
    names
        .map(|name| String::from_utf8(name.into_owned()))
        .collect::<Result<_, _>>()
        .map_err(|_error| bad("a column's name is not UTF-8".into()))
}

impl Columns {
    /// A row, if it can be used; else why not.
    fn checked(&self, fields: Fields<'_>, bytes: usize) -> Result<StringRecord, String> {
        if fields.len() != self.names.len() {
            return Err(format!("{} fields, not {}", fields.len(), self.names.len()));
        }
        let mut record = StringRecord::with_capacity(bytes, fields.len());
        for (field, column) in fields.iter().zip(&self.names) {
            let text = std::str::from_utf8(&field);
            record.push_field(text.map_err(|_error| format!("column `{column}` is not UTF-8"))?);
        }
        match record[self.text].trim().is_empty() {
            true => Err("no text".into()),
            false => Ok(record),
        }
    }
}

impl Source for CsvFile {
    fn columns(&self) -> &[String] {
        &self.columns.names
    }

    fn next(&mut self, number: usize) -> Result<Option<Chunk>, StageError> {
        let begin = self.place();
        let mut gathered = Gathered::new();
        while !gathered.is_full() {
            let read = self.records.read();
            let Some(Record { line, raw, fields }) =
                read.map_err(|error| of_reading(&self.path, &error))?
            else {
                break;
            };
            gathered.read(raw.len());
            let checked = fields
                .map_err(|reason| reason.to_string())
                .and_then(|fields| self.columns.checked(fields, raw.len()));
            match checked {
                Ok(record) => {
                    let text = record[self.columns.text].to_owned();
                    gathered.keep(record, text, line);
                }
                Err(reason) => gathered.refuse(Refused::new(line, reason, raw)),
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

fn of_reading(path: &Path, error: &std::io::Error) -> StageError {
    super::of_io(&format!("cannot read `{}`", path.display()), error)
}
