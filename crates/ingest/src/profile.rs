//! The verb `profile`: what a table holds, for people and as JSON.
//!
//! Reads any Parquet file in batches; memory grows with the distinct values of a column up to `DISTINCT`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use cinescore_artifact::StageError;
use cinescore_artifact::program::{Verb, print};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use crate::error::ReadError;
use crate::input::open_file;

/// Distinct values of a column that are counted; with more, none is a top value.
const DISTINCT: usize = 10_000;
/// Top values shown.
const TOP: usize = 5;
/// Characters shown of a value.
const SHOWN: usize = 40;

/// What a table holds.
#[derive(Debug, Serialize, PartialEq)]
struct Profile {
    rows: u64,
    columns: Vec<Column>,
}

/// What a column holds.
#[derive(Debug, Serialize, PartialEq)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    nulls: u64,
    /// Of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<Range>,
    /// Of texts, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    text_bytes: Option<Range>,
    /// `None` where there are more than are counted.
    distinct: Option<u64>,
    /// Commonest values with their numbers; none where every value is there once.
    top: Vec<(String, u64)>,
}

/// Least, mean and most.
#[derive(Debug, Clone, Copy, Serialize, PartialEq)]
struct Range {
    least: f64,
    mean: f64,
    most: f64,
}

/// The description of this verb.
pub fn verb() -> Verb {
    let command = Command::new("profile")
        .about("Shows what a Parquet table holds: rows, nulls, ranges, top values, text lengths")
        .arg(
            Arg::new("table")
                .required(true)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The table"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print JSON"),
        );
    Verb::new(command, run)
}

fn run(matches: &ArgMatches) -> Result<(), StageError> {
    let path = matches
        .get_one::<PathBuf>("table")
        .cloned()
        .unwrap_or_default();
    let profile = profile(&path)?;
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&profile).map_err(StageError::failed)?;
        print(&format!("{text}\n"))
    } else {
        print(&format!("{}\n", for_people(&profile)))
    }
}

/// What is gathered of a column.
#[derive(Default)]
struct Gathered {
    nulls: u64,
    numbers: Spread,
    lengths: Spread,
    values: Option<BTreeMap<String, u64>>,
}

#[derive(Default)]
struct Spread {
    count: u64,
    sum: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.least, self.most) = (value, value);
        }
        self.count += 1;
        self.sum += value;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    fn range(&self) -> Option<Range> {
        (self.count > 0).then(|| Range {
            least: self.least,
            mean: self.sum / self.count as f64,
            most: self.most,
        })
    }
}

fn profile(path: &Path) -> Result<Profile, ReadError> {
    let damaged = |error| ReadError::Damaged {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(open_file(path)?).map_err(damaged)?;
    let schema = builder.schema().clone();
    let mut columns: Vec<Gathered> = schema
        .fields()
        .iter()
        .map(|_| Gathered {
            values: Some(BTreeMap::new()),
            ..Gathered::default()
        })
        .collect();
    let mut rows = 0;
    for batch in builder.with_batch_size(4096).build().map_err(damaged)? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        for (gathered, array) in columns.iter_mut().zip(batch.columns()) {
            gathered.nulls += array.null_count() as u64;
            if array.data_type().is_numeric() {
                let numbers = cast(array, &DataType::Float64)?;
                for value in numbers.as_primitive::<Float64Type>().iter().flatten() {
                    gathered.numbers.add(value);
                }
            }
            let is_text = matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8);
            // A value that has no text form, such as raw bytes that are no UTF-8, is counted as null only.
            let Ok(texts) = cast(array, &DataType::Utf8) else {
                gathered.values = None;
                continue;
            };
            for text in texts.as_string::<i32>().iter().flatten() {
                if is_text {
                    gathered.lengths.add(text.len() as f64);
                }
                if let Some(values) = &mut gathered.values {
                    *values
                        .entry(text.chars().take(SHOWN).collect())
                        .or_default() += 1;
                    if values.len() > DISTINCT {
                        gathered.values = None;
                    }
                }
            }
        }
    }
    let columns = schema
        .fields()
        .iter()
        .zip(columns)
        .map(|(field, gathered)| Column {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nulls: gathered.nulls,
            numbers: gathered.numbers.range(),
            text_bytes: gathered.lengths.range(),
            distinct: gathered.values.as_ref().map(|values| values.len() as u64),
            top: top(gathered.values.unwrap_or_default()),
        })
        .collect();
    Ok(Profile { rows, columns })
}

fn top(values: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut values: Vec<(String, u64)> =
        values.into_iter().filter(|(_, count)| *count > 1).collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(TOP);
    values
}

fn for_people(profile: &Profile) -> String {
    let mut text = format!("{} rows", profile.rows);
    for column in &profile.columns {
        text.push_str(&format!(
            "\n{} ({}): {} null",
            column.name, column.data_type, column.nulls
        ));
        if let Some(distinct) = column.distinct {
            text.push_str(&format!(", {distinct} distinct"));
        }
        for (what, range) in [
            ("value", &column.numbers),
            ("bytes of text", &column.text_bytes),
        ] {
            if let Some(Range { least, mean, most }) = range {
                text.push_str(&format!(", {what} {least} to {most}, mean {mean:.3}"));
            }
        }
        for (value, count) in &column.top {
            text.push_str(&format!("\n    {count:>10}  {value:?}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    #[test]
    fn a_table_is_profiled() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "score",
                Arc::new(Int32Array::from(vec![Some(1), Some(4), None, Some(4)])),
            ),
            (
                "text",
                Arc::new(StringArray::from(vec!["one", "two", "three", "four"])),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer =
            ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let profile = profile(file.path()).unwrap();
        insta::assert_snapshot!(for_people(&profile), @r#"
        4 rows
        score (Int32): 1 null, 2 distinct, value 1 to 4, mean 3.000
                     2  "4"
        text (Utf8): 0 null, 4 distinct, bytes of text 3 to 5, mean 3.750
        "#);
        let json = serde_json::to_value(&profile).unwrap();
        assert_eq!(json["columns"][0]["numbers"]["most"], 4.0);
        assert_eq!(json["columns"][0]["top"][0][1], 2);
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), "no table").unwrap();
        assert!(matches!(
            profile(file.path()),
            Err(ReadError::Damaged { .. })
        ));
    }
}
