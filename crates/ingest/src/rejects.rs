//! Input rows that were refused: what the `rejects` table holds, and when there are too many.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow::error::ArrowError;
use cinescore_artifact::tables;
use thiserror::Error;

use crate::error::ReadError;

/// Raw bytes kept of a refused row.
const BYTES_KEPT: usize = 1024;

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
    #[error("the review is empty")]
    Empty,
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
    /// A bad value of a column, cut to a length that can be read.
    pub(crate) fn value(column: &'static str, value: &[u8], wanted: &'static str) -> Self {
        Self::Value {
            column,
            value: String::from_utf8_lossy(value).chars().take(60).collect(),
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
            Self::Fields { expected, .. } => format!("not {expected} fields"),
            Self::Value { column, wanted, .. } => format!("`{column}` is not {wanted}"),
            Self::DuplicateKey { column, .. } => format!("the {column} was there before"),
            other => other.to_string(),
        }
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
    allowed: u64,
    total: u64,
    kept: Vec<Reject>,
    tallies: BTreeMap<(&'static str, String), Tally>,
}

impl Rejects {
    pub(crate) fn new(allowed: u64) -> Self {
        Self {
            allowed,
            total: 0,
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
        if self.total <= self.allowed {
            let bytes = bytes[..bytes.len().min(BYTES_KEPT)].to_vec();
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

    /// An error with a table of reasons if more rows were refused than allowed.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        if self.total <= self.allowed {
            return Ok(());
        }
        let mut table = String::new();
        for ((source, reason), Tally { count, first }) in &self.tallies {
            // Writing to a string cannot fail.
            write!(table, "\n  {count:>8}  {source}: {reason} (first: {first})").ok();
        }
        let table = table.trim_start_matches('\n').to_owned();
        Err(ReadError::TooManyRejects {
            rejected: self.total,
            allowed: self.allowed,
            table,
        })
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
        let mut rejects = Rejects::new(2);
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
        assert!(rejects.check().is_ok());
        rejects.add(
            "titles",
            "line 9",
            &Refusal::Fields {
                expected: 9,
                found: 1,
            },
            b"z",
        );
        insta::assert_snapshot!(rejects.check().unwrap_err(), @r"
        3 input rows were refused, 2 are allowed:
                 1  aclimdb: the score contradicts the folder `pos` (first: train/pos/1_2.txt)
                 2  titles: not 9 fields (first: line 3)
        ");
        assert_eq!((rejects.total(), rejects.of("titles")), (3, 2));
    }

    #[test]
    fn rows_are_kept_by_source_in_reading_order_and_cut() {
        let mut rejects = Rejects::new(9);
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
