//! Input rows that were refused: what the `rejects` table holds, and when there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow::error::ArrowError;
use cinescore_artifact::StageError;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::tables;
use thiserror::Error;

use crate::error::ReadError;
use crate::records::NoRow;

/// Raw bytes kept of a refused row.
const BYTES_KEPT: usize = 1024;

/// Bytes of refused rows that are kept where a share of all rows may be refused: what that is in rows is
/// known at the end only, and a wrong file must not fill the memory before.
const MOST_KEPT: usize = 256 << 20;
/// What a kept row needs beside its raw bytes, roughly.
const REJECT_BYTES: usize = 160;

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the file name is not `ID_SCORE.txt`")]
    FileName,
    #[error("the name is absolute or has `..` in it")]
    UnsafeName,
    #[error("the member is a link or a device, not a file")]
    NotAFile,
    #[error("the file id {0} is larger than 2^45 - 1")]
    FileId(u64),
    #[error("score {0} is not in 1 to 10")]
    ScoreRange(u64),
    #[error("score {score} contradicts the folder `{folder}`")]
    ScoreFolder { score: u64, folder: &'static str },
    #[error("file id {0} was there before in the same split and class")]
    Duplicate(u64),
    #[error("invalid UTF-8 after {0} bytes")]
    Utf8(usize),
    #[error("a NUL byte after {0} bytes")]
    Nul(usize),
    #[error("the row has more than {} bytes", crate::lines::LINE_LIMIT)]
    TooLong,
    #[error(transparent)]
    NoRow(NoRow),
    #[error("the review is empty")]
    Empty,
    #[error("not a JSON object: {0}")]
    Json(String),
    #[error("column `{0}` is missing or null")]
    Missing(String),
    #[error("not the address of an IMDb title")]
    Address,
    #[error("{found} fields; expected {expected}")]
    Fields { expected: usize, found: usize },
    #[error("`{value}` in column `{column}` is not {wanted}")]
    Value {
        column: &'static str,
        value: String,
        wanted: &'static str,
    },
    #[error("the {column} `{value}` was there before")]
    DuplicateKey { column: &'static str, value: String },
}

impl Refusal {
    /// A bad value of a column, cut to a length that can be read; control characters are escaped.
    pub(crate) fn value(column: &'static str, value: &[u8], wanted: &'static str) -> Self {
        let value = &value[..value.len().min(BYTES_KEPT)];
        let mut shown = String::new();
        for character in String::from_utf8_lossy(value).chars().take(60) {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        Self::Value {
            column,
            value: shown,
            wanted,
        }
    }

    /// The reason without the row's own values, for counting.
    fn kind(&self) -> String {
        match self {
            Self::FileId(_) => "the file id is too large".into(),
            Self::ScoreRange(_) => "the score is not in 1 to 10".into(),
            Self::ScoreFolder { folder, .. } => {
                format!("the score contradicts the folder `{folder}`")
            }
            Self::Duplicate(_) => "the file id was there before in the same split and class".into(),
            Self::Utf8(_) => "invalid UTF-8".into(),
            Self::Nul(_) => "a NUL byte".into(),
            Self::Json(_) => "not a JSON object".into(),
            Self::Fields { expected, .. } => format!("not {expected} fields"),
            Self::Value { column, wanted, .. } => format!("`{column}` is not {wanted}"),
            Self::DuplicateKey { column, .. } => format!("the {column} was there before"),
            other => other.to_string(),
        }
    }
}

/// How many input rows may be refused: a whole number of them, or a share of all rows (below 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxRejects {
    /// So many rows.
    Count(u64),
    /// So much of all input rows; above 0 and below 1.
    Share(f64),
}

impl From<u64> for MaxRejects {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl MaxRejects {
    /// How many of so many rows.
    fn of(self, rows_in: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (share * rows_in as f64) as u64,
        }
    }
}

impl serde::Serialize for MaxRejects {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl<'de> serde::Deserialize<'de> for MaxRejects {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if number > 0.0 && number < 1.0 {
            Ok(Self::Share(number))
        } else if number >= 0.0 && number.fract() == 0.0 {
            // Exact below 2^53, and nobody has more rows.
            Ok(Self::Count(number as u64))
        } else {
            Err(serde::de::Error::custom(format!(
                "`max_rejects` is {number}: expected a whole number of rows, or a share below 1"
            )))
        }
    }
}

impl schemars::JsonSchema for MaxRejects {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MaxRejects".into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number", "minimum": 0, "unit": "rows, or a share of all rows (below 1)"})
    }
}

struct Reject {
    source: &'static str,
    place: String,
    reason: String,
    bytes: Vec<u8>,
}

struct Tally {
    count: u64,
    first: String,
}

/// The refused rows so far.
pub(crate) struct Rejects {
    allowed: MaxRejects,
    total: u64,
    kept_bytes: usize,
    kept: Vec<Reject>,
    tallies: BTreeMap<(&'static str, String), Tally>,
}

impl Rejects {
    pub(crate) fn new(allowed: MaxRejects) -> Self {
        Self {
            allowed,
            total: 0,
            kept_bytes: 0,
            kept: Vec::new(),
            tallies: BTreeMap::new(),
        }
    }

    /// Refuses a row.
    pub(crate) fn add(
        &mut self,
        source: &'static str,
        place: impl Into<String>,
        reason: &Refusal,
        bytes: &[u8],
    ) {
        let place = place.into();
        self.total += 1;
        let tally = self.tallies.entry((source, reason.kind()));
        tally
            .or_insert_with(|| Tally {
                count: 0,
                first: place.clone(),
            })
            .count += 1;
        // Past the limit the stage will fail, and only the table of reasons is still of use.
        let keep = match self.allowed {
            MaxRejects::Count(count) => self.total <= count,
            MaxRejects::Share(_) => self.kept_bytes <= MOST_KEPT,
        };
        if keep {
            let bytes = bytes[..bytes.len().min(BYTES_KEPT)].to_vec();
            self.kept_bytes += bytes.len() + REJECT_BYTES;
            self.kept.push(Reject {
                source,
                place,
                reason: reason.to_string(),
                bytes,
            });
        }
    }

    /// How many rows were refused.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many rows of a source were refused.
    pub(crate) fn of(&self, source: &str) -> u64 {
        self.tallies
            .iter()
            .filter(|((of, _), _)| *of == source)
            .map(|(_, tally)| tally.count)
            .sum()
    }

    /// An error with a table of reasons if more of the `rows_in` rows of all sources were refused than
    /// allowed.
    pub(crate) fn check(&self, rows_in: u64) -> Result<(), ReadError> {
        let allowed = self.allowed.of(rows_in);
        if self.total <= allowed && self.kept.len() as u64 == self.total {
            return Ok(());
        }
        let table = self.reasons().join("\n");
        Err(ReadError::TooManyRejects {
            rejected: self.total,
            allowed,
            table,
        })
    }

    /// A line for each source and reason: how many, and where first.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.tallies
            .iter()
            .map(|((source, reason), Tally { count, first })| {
                format!("  {count:>8}  {source}: {reason} (first: {first})")
            })
            .collect()
    }

    /// Writes the `rejects` table and fills in what the result says of it.
    pub(crate) fn write(self, context: &mut TaskContext) -> Result<(), StageError> {
        let total = self.total;
        let sources: BTreeMap<&str, u64> =
            self.tallies
                .iter()
                .fold(BTreeMap::new(), |mut sources, ((source, _), tally)| {
                    *sources.entry(source).or_default() += tally.count;
                    sources
                });
        for source in context.result().rows_in.clone().into_keys() {
            let count = sources.get(source.as_str()).copied().unwrap_or(0);
            context
                .result()
                .facts
                .insert(format!("rejected.{source}"), count.into());
        }
        let batch = self.batch().map_err(ReadError::from)?;
        let mut writer = TableWriter::create(&context.output("rejects"), &tables::REJECTS)?;
        writer.write(&batch)?;
        let written = writer.finish()?;
        let result = context.result();
        result.rejected = total;
        result.rows_out.insert("rejects".into(), written);
        Ok(())
    }

    /// The rows of the `rejects` table, by source, then in reading order.
    pub(crate) fn batch(mut self) -> Result<RecordBatch, ArrowError> {
        self.kept.sort_by_key(|reject| reject.source);
        let text = |of: fn(&Reject) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(self.kept.iter().map(of)))
        };
        let columns = vec![
            text(|reject| reject.source),
            text(|reject| &reject.place),
            text(|reject| &reject.reason),
            Arc::new(BinaryArray::from_iter_values(
                self.kept.iter().map(|reject| &reject.bytes),
            )),
        ];
        tables::REJECTS.batch(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_rejects_end_in_a_table_of_reasons() {
        let mut rejects = Rejects::new(2.into());
        rejects.add(
            "titles",
            "line 3",
            &Refusal::Fields {
                expected: 9,
                found: 8,
            },
            b"x",
        );
        rejects.add(
            "aclimdb",
            "train/pos/1_2.txt",
            &Refusal::ScoreFolder {
                score: 2,
                folder: "pos",
            },
            b"y",
        );
        assert!(rejects.check(1000).is_ok());
        rejects.add(
            "titles",
            "line 9",
            &Refusal::Fields {
                expected: 9,
                found: 1,
            },
            b"z",
        );
        insta::assert_snapshot!(rejects.check(1000).unwrap_err(), @r"
        3 input rows were refused, 2 are allowed:
                 1  aclimdb: the score contradicts the folder `pos` (first: train/pos/1_2.txt)
                 2  titles: not 9 fields (first: line 3)
        ");
        assert_eq!((rejects.total(), rejects.of("titles")), (3, 2));
    }

    #[test]
    fn a_share_of_all_rows_may_be_refused() {
        let mut rejects = Rejects::new(MaxRejects::Share(0.01));
        for line in 0..10 {
            rejects.add("titles", format!("line {line}"), &Refusal::Empty, b"");
        }
        assert!(rejects.check(1000).is_ok());
        assert!(
            rejects
                .check(999)
                .unwrap_err()
                .to_string()
                .starts_with("10 input rows were refused, 9 are allowed")
        );
    }

    #[test]
    fn the_limit_is_a_whole_number_or_a_share() {
        let read = |text: &str| serde_json::from_str::<MaxRejects>(text);
        assert_eq!(read("0").unwrap(), MaxRejects::Count(0));
        assert_eq!(read("12").unwrap(), MaxRejects::Count(12));
        assert_eq!(read("0.001").unwrap(), MaxRejects::Share(0.001));
        assert!(read("1.5").is_err() && read("-1").is_err());
        assert_eq!(
            serde_json::to_string(&MaxRejects::Count(100)).unwrap(),
            "100"
        );
    }

    #[test]
    fn rows_are_kept_by_source_in_reading_order_and_cut() {
        let mut rejects = Rejects::new(9.into());
        rejects.add("titles", "line 3", &Refusal::Utf8(4), &[b'x'; 5000]);
        rejects.add("aclimdb", "b", &Refusal::Empty, b"");
        rejects.add("aclimdb", "a", &Refusal::Empty, b"");
        let batch = rejects.batch().unwrap();
        let places: &StringArray = cinescore_artifact::table::column(&batch, "place");
        assert_eq!(
            places.iter().flatten().collect::<Vec<_>>(),
            ["b", "a", "line 3"]
        );
        let bytes: &BinaryArray = cinescore_artifact::table::column(&batch, "bytes");
        assert_eq!(bytes.value(2).len(), BYTES_KEPT);
    }
}
