//! Rows on their way from one format to another.

use std::borrow::Cow;
use std::ops::Range;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use csv::StringRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most characters of a refused row that are kept.
const KEPT: usize = 1000;

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The line on which it begins, from 1; of Parquet the row, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// The row, or its beginning; bytes that are not UTF-8 are replaced.
    pub raw: String,
}

impl Refused {
    /// A row with the reason.
    pub(crate) fn new(line: u64, reason: impl Into<String>, raw: &[u8]) -> Self {
        // Four bytes are the most that a character has.
        let raw = String::from_utf8_lossy(&raw[..raw.len().min(4 * KEPT)]);
        Self {
            line,
            reason: reason.into(),
            raw: raw.chars().take(KEPT).collect(),
        }
    }
}

/// Some rows of a file, with their texts.
#[derive(Debug)]
pub struct Chunk {
    /// Its number, from 0.
    pub number: usize,
    /// The rows that have a text.
    pub rows: Rows,
    /// Their texts.
    pub texts: Vec<String>,
    /// Their lines.
    pub lines: Vec<u64>,
    /// The rows that were refused.
    pub refused: Vec<Refused>,
    /// How far in the file it begins and ends; bytes, or rows of Parquet.
    pub places: Range<u64>,
}

/// Rows as they were read.
#[derive(Debug)]
pub enum Rows {
    /// Of CSV.
    Csv(Vec<StringRecord>),
    /// Of JSON lines: the line and what is in it.
    Json(Vec<(String, Map<String, Value>)>),
    /// Of Parquet.
    Arrow(RecordBatch),
}

/// A value as text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A number, a truth or anything that is JSON as it stands.
    Literal(String),
}

impl Cell<'_> {
    /// As a field of CSV.
    pub(crate) fn as_field(&self) -> &str {
        match self {
            Self::Null => "",
            Self::Text(text) => text,
            Self::Literal(text) => text,
        }
    }

    /// As JSON.
    pub(super) fn as_json(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Text(text) => Value::from(text.as_ref()).to_string(),
            Self::Literal(text) => text.clone(),
        }
    }
}

impl Rows {
    /// The values of the first column of a name, of a source with these columns; none where a row does not have it.
    pub(crate) fn column<'a>(
        &'a self,
        columns: &[String],
        name: &str,
    ) -> Result<Vec<Cell<'a>>, ArrowError> {
        match columns.iter().position(|column| column == name) {
            Some(index) => self.column_at(columns, index),
            None => Ok(vec![Cell::Null; self.count()]),
        }
    }

    /// The values of the column at a place: names of tables are not always different.
    pub(crate) fn column_at<'a>(
        &'a self,
        columns: &[String],
        index: usize,
    ) -> Result<Vec<Cell<'a>>, ArrowError> {
        match self {
            Self::Csv(records) => {
                let cell = |record: &'a StringRecord| match record.get(index) {
                    Some(text) => Cell::Text(Cow::Borrowed(text)),
                    None => Cell::Null,
                };
                Ok(records.iter().map(cell).collect())
            }
            Self::Json(rows) => {
                let name = &columns[index];
                Ok(rows.iter().map(|(_, row)| of_json(row.get(name))).collect())
            }
            Self::Arrow(batch) => of_arrow(batch.column(index)),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Csv(records) => records.len(),
            Self::Json(rows) => rows.len(),
            Self::Arrow(batch) => batch.num_rows(),
        }
    }
}

fn of_json(value: Option<&Value>) -> Cell<'_> {
    match value {
        None | Some(Value::Null) => Cell::Null,
        Some(Value::String(text)) => Cell::Text(Cow::Borrowed(text)),
        Some(other) => Cell::Literal(other.to_string()),
    }
}

fn of_arrow(column: &dyn Array) -> Result<Vec<Cell<'static>>, ArrowError> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    let is_literal = column.data_type().is_numeric()
        && !matches!(
            column.data_type(),
            DataType::Decimal128(..) | DataType::Decimal256(..)
        )
        || *column.data_type() == DataType::Boolean;
    (0..column.len())
        .map(|row| {
            if column.is_null(row) {
                return Ok(Cell::Null);
            }
            let text = formatter.value(row).try_to_string()?;
            Ok(match is_literal {
                // JSON has no numbers for these.
                true if matches!(text.as_str(), "NaN" | "inf" | "-inf") => Cell::Null,
                true => Cell::Literal(text),
                false => Cell::Text(Cow::Owned(text)),
            })
        })
        .collect()
}
