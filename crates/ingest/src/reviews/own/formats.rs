//! Tables of one's own as rows of texts: CSV (quoted or not, comma), JSON lines and Parquet, told apart by
//! their content; the first two may be in gzip.
//!
//! Owns the syntax. Does not own what a column means.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, FieldRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::error::ReadError;
use crate::input::{open_file, open_stream};
use crate::lines::{BYTE_ORDER_MARK, Lines};
use crate::records::{Record, Records};
use crate::rejects::Refusal;
use crate::watch::Watch;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    JsonLines,
    Parquet,
}

/// A row: the values of the wanted columns in their order, `None` where null or absent; or why it cannot be
/// read, with its bytes.
pub(crate) enum Row<'a> {
    Values(&'a [Option<Vec<u8>>]),
    Refused(Refusal, &'a [u8]),
}

/// The format of a file, by its first bytes.
pub(crate) fn format(path: &Path, watch: &Watch<'_>) -> Result<Format, ReadError> {
    let io = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let mut magic = Vec::new();
    open_file(path)?
        .take(4)
        .read_to_end(&mut magic)
        .map_err(io)?;
    if magic == b"PAR1" {
        return Ok(Format::Parquet);
    }
    let mut reader = BufReader::new(open_stream(path, watch)?);
    let broken = |source| ReadError::of_reading(path, source);
    let first = reader.fill_buf().map_err(broken)?;
    let first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first);
    let first = first.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(if first == Some(&b'{') {
        Format::JsonLines
    } else {
        Format::Csv
    })
}

/// The names of a table's columns.
pub(crate) struct ColumnNames {
    /// Of those whose values are text or can be written as text.
    pub(crate) texts: Vec<String>,
    /// Of the others: structs and maps of a Parquet file, and what else has no text.
    pub(crate) others: Vec<String>,
}

/// The names of a table's columns; of JSON lines, those of the first hundred rows.
pub(crate) fn column_names(
    path: &Path,
    format: Format,
    watch: &Watch<'_>,
) -> Result<ColumnNames, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    let only_texts = |texts| ColumnNames {
        texts,
        others: Vec::new(),
    };
    match format {
        Format::Csv => {
            let mut records = Records::new(open_stream(path, watch)?);
            header(path, &mut records).map(only_texts)
        }
        Format::JsonLines => {
            let mut lines = Lines::new(BufReader::new(open_stream(path, watch)?));
            let mut names: Vec<String> = Vec::new();
            for _ in 0..100 {
                let Some(line) = lines.read().map_err(broken)? else {
                    break;
                };
                if let Ok(Value::Object(object)) = serde_json::from_slice(line.bytes) {
                    for name in object.keys() {
                        if !names.contains(name) {
                            names.push(name.clone());
                        }
                    }
                }
            }
            Ok(only_texts(names))
        }
        Format::Parquet => {
            let reader = parquet_reader(path)?;
            let (texts, others): (Vec<_>, Vec<_>) = reader
                .schema()
                .fields()
                .iter()
                .partition(|field| can_cast_types(field.data_type(), &DataType::Utf8));
            let names = |fields: Vec<&FieldRef>| -> Vec<String> {
                fields.iter().map(|field| field.name().clone()).collect()
            };
            Ok(ColumnNames {
                texts: names(texts),
                others: names(others),
            })
        }
    }
}

/// Gives every row of a table to `each`, with its place (`row 17`, or `line 17` of JSON lines); returns the
/// number of rows. `columns` are there and can be read as text.
pub(crate) fn for_each_row(
    path: &Path,
    format: Format,
    columns: &[String],
    watch: &Watch<'_>,
    mut each: impl FnMut(u64, &str, Row<'_>) -> Result<(), ReadError>,
) -> Result<u64, ReadError> {
    match format {
        Format::Csv => csv_rows(path, columns, watch, &mut each),
        Format::JsonLines => json_rows(path, columns, watch, &mut each),
        Format::Parquet => parquet_rows(path, columns, watch, &mut each),
    }
}

type Each<'e> = dyn FnMut(u64, &str, Row<'_>) -> Result<(), ReadError> + 'e;

/// The names in the first row.
fn header(path: &Path, records: &mut Records<impl Read>) -> Result<Vec<String>, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    match records.read().map_err(broken)? {
        Some(Record {
            fields: Ok(names),
            raw,
            ..
        }) if memchr::memchr(0, raw).is_none() && std::str::from_utf8(raw).is_ok() => Ok(names
            .iter()
            // A file of another kind may have anything as its first line.
            .take(1000)
            .map(|name| String::from_utf8_lossy(&name).chars().take(100).collect())
            .collect()),
        _ => Err(ReadError::OtherFormat {
            path: path.to_owned(),
            wanted: "a table: CSV whose first line names the columns, JSON lines or Parquet",
        }),
    }
}

fn csv_rows(
    path: &Path,
    columns: &[String],
    watch: &Watch<'_>,
    each: &mut Each<'_>,
) -> Result<u64, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    let mut records = Records::new(open_stream(path, watch)?);
    let names = header(path, &mut records)?;
    let places: Vec<Option<usize>> = columns
        .iter()
        .map(|column| names.iter().position(|name| name == column))
        .collect();
    let mut rows = 0;
    while let Some(Record { raw, fields, .. }) = records.read().map_err(broken)? {
        watch.tick("reading reviews")?;
        // Rows and not lines: a quoted field may have many.
        let place = format!("row {}", rows + 1);
        let fields = fields.map_err(Refusal::NoRow).and_then(|fields| {
            if fields.len() == names.len() {
                return Ok(fields);
            }
            Err(Refusal::Fields {
                expected: names.len(),
                found: fields.len(),
            })
        });
        match fields {
            Ok(fields) => {
                let value = |place: &Option<usize>| {
                    let field = fields.get((*place)?);
                    (!field.is_empty()).then(|| field.into_owned())
                };
                let values: Vec<_> = places.iter().map(value).collect();
                each(rows, &place, Row::Values(&values))?;
            }
            Err(reason) => each(rows, &place, Row::Refused(reason, raw))?,
        }
        rows += 1;
    }
    Ok(rows)
}

fn json_rows(
    path: &Path,
    columns: &[String],
    watch: &Watch<'_>,
    each: &mut Each<'_>,
) -> Result<u64, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    let mut lines = Lines::new(BufReader::new(open_stream(path, watch)?));
    let mut rows = 0;
    while let Some(line) = lines.read().map_err(broken)? {
        watch.tick("reading reviews")?;
        let parsed = line.text().and_then(|text| {
            serde_json::from_slice::<serde_json::Map<String, Value>>(text)
                .map_err(|error| Refusal::Json(error.to_string()))
        });
        match parsed {
            Ok(object) => {
                let value = |column: &String| match object.get(column)? {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone().into_bytes()),
                    other => Some(other.to_string().into_bytes()),
                };
                let values: Vec<_> = columns.iter().map(value).collect();
                each(rows, &line.place(), Row::Values(&values))?;
            }
            Err(reason) => each(rows, &line.place(), Row::Refused(reason, line.bytes))?,
        }
        rows += 1;
    }
    Ok(rows)
}

fn parquet_reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, ReadError> {
    ParquetRecordBatchReaderBuilder::try_new(open_file(path)?).map_err(|error| ReadError::Damaged {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })
}

fn parquet_rows(
    path: &Path,
    columns: &[String],
    watch: &Watch<'_>,
    each: &mut Each<'_>,
) -> Result<u64, ReadError> {
    let damaged = |source| ReadError::Damaged {
        path: path.to_owned(),
        source,
    };
    let reader = parquet_reader(path)?
        .with_batch_size(4096)
        .build()
        .map_err(|error| damaged(std::io::Error::other(error)))?;
    let mut rows = 0;
    for batch in reader {
        watch.tick("reading reviews")?;
        let batch = batch.map_err(|error| damaged(std::io::Error::other(error)))?;
        let mut texts = Vec::with_capacity(columns.len());
        for column in columns {
            texts.push(match batch.column_by_name(column) {
                // Numbers and dictionaries too become text, and are checked as the text of a CSV file is.
                Some(array) => Some(cast(array, &DataType::Utf8)?),
                None => None,
            });
        }
        for row in 0..batch.num_rows() {
            let values: Vec<Option<Vec<u8>>> = texts
                .iter()
                .map(|array| {
                    let array = array.as_ref()?.as_string::<i32>();
                    array.is_valid(row).then(|| array.value(row).into())
                })
                .collect();
            each(rows, &format!("row {}", rows + 1), Row::Values(&values))?;
            rows += 1;
        }
    }
    Ok(rows)
}
