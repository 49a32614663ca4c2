//! Reviews of one's own: a CSV, JSON lines or Parquet file with a text and whatever else is known.
//!
//! Owns what the columns mean and which split a row is in. Does not own the files' syntax (`formats`) or which
//! column is which (`columns`).
//!
//! - `score` is a whole number of stars from 1 to 10 (`7` or `7.0`).
//! - `sentiment` is `positive`, `pos` or `1`, or `negative`, `neg` or `0`. Where a table has none, it follows
//!   from the score: 1 to 4 are negative and 7 to 10 positive, as in Stanford's data.
//! - A row with neither is unlabelled. Empty values are null.
//! - A row of a table without a split column is a test row by its title, or by its text where it names none, so
//!   that neither a movie nor a text is in two splits.

pub(crate) mod columns;
pub(crate) mod formats;
pub(crate) mod guess;
pub mod look;

use std::collections::HashSet;
use std::path::Path;

use cinescore_artifact::Digest;

use super::Review;
use super::checks::{check_text, is_tconst};
use super::member::own_review_id;
use crate::error::ReadError;
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;
use columns::{Columns, ROLES, Role};
use formats::{ColumnNames, Row, column_names, for_each_row, format};

/// The name of this source in results and rejects.
pub(super) const SOURCE: &str = "reviews";

/// Reads the table of this number among those given; returns its rows and their number, refused ones included.
pub(super) fn read(
    path: &Path,
    number: u64,
    named: &Columns,
    test_share: f64,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<(Vec<Review>, u64), ReadError> {
    let format = format(path, watch)?;
    let found = column_names(path, format, watch)?;
    check_named(path, named, &found)?;
    let columns = Columns::of(&found.texts, named);
    if columns.get(Role::Text).is_none() {
        let of_other_type = Columns::of(&found.others, named);
        return Err(match of_other_type.get(Role::Text) {
            Some(column) => no_text(path, Role::Text, column),
            None => no_column(path, Role::Text, "text", found.texts),
        });
    }
    let wanted: Vec<String> = columns.0.iter().flatten().cloned().collect();
    let mut reader = Reader {
        number,
        columns: &columns,
        test_share,
        ids: HashSet::new(),
    };
    let mut reviews = Vec::new();
    let rows_in = for_each_row(path, format, &wanted, watch, |row, place, content| {
        let place = format!("table {} {place}", number + 1);
        match content {
            Row::Values(values) => match reader.review(row, &place, values) {
                Ok(review) => reviews.push(review),
                Err(reason) => {
                    let bytes = values
                        .iter()
                        .map(|value| value.as_deref().unwrap_or_default())
                        .collect::<Vec<_>>()
                        .join(&b',');
                    rejects.add(SOURCE, place, &reason, &bytes);
                }
            },
            Row::Refused(reason, bytes) => rejects.add(SOURCE, place, &reason, bytes),
        }
        Ok(())
    })?;
    Ok((reviews, rows_in))
}

/// An error if a column that the user named is not there, or cannot be read.
fn check_named(path: &Path, named: &Columns, found: &ColumnNames) -> Result<(), ReadError> {
    for role in ROLES {
        if let Some(column) = named.get(role)
            && !column.is_empty()
            && !found.texts.contains(column)
        {
            return Err(if found.others.contains(column) {
                no_text(path, role, column)
            } else {
                no_column(path, role, column, found.texts.clone())
            });
        }
    }
    Ok(())
}

fn no_text(path: &Path, role: Role, column: &str) -> ReadError {
    ReadError::NoText {
        path: path.to_owned(),
        column: column.to_owned(),
        param: role.param(),
    }
}

fn no_column(path: &Path, role: Role, column: &str, found: Vec<String>) -> ReadError {
    ReadError::NoColumn {
        path: path.to_owned(),
        column: column.to_owned(),
        param: role.param(),
        found,
    }
}

/// Makes reviews of rows.
struct Reader<'a> {
    number: u64,
    columns: &'a Columns,
    test_share: f64,
    ids: HashSet<Vec<u8>>,
}

impl Reader<'_> {
    fn review(
        &mut self,
        row: u64,
        place: &str,
        values: &[Option<Vec<u8>>],
    ) -> Result<Review, Refusal> {
        // The values are those of the columns that there are, in their order.
        let mut values = values.iter();
        let [text, score, sentiment, tconst, split, id] = ROLES.map(|role| {
            self.columns
                .get(role)
                .and_then(|_| values.next()?.as_deref())
        });
        let missing = || {
            let column = self.columns.get(Role::Text);
            Refusal::Missing(column.cloned().unwrap_or_default())
        };
        let text = check_text(text.ok_or_else(missing)?)?;
        let score = score.map(score_of).transpose()?;
        let polarity = sentiment.map(polarity_of).transpose()?;
        let polarity = polarity.or(match score {
            Some(1..=4) => Some(0),
            Some(7..) => Some(1),
            _ => None,
        });
        let tconst = tconst.map(tconst_of).transpose()?;
        let labelled = score.is_some() || polarity.is_some();
        let split = match split {
            Some(name) => split_of(name)?,
            None if !labelled => "unlabelled",
            None if share_of(tconst.unwrap_or(text)) < self.test_share => "test",
            None => "train",
        };
        if let Some(id) = id
            && !self.ids.insert(id.to_vec())
        {
            return Err(Refusal::DuplicateKey {
                column: "id",
                value: String::from_utf8_lossy(id).chars().take(60).collect(),
            });
        }
        Ok(Review {
            id: own_review_id(self.number, row).ok_or(Refusal::FileId(row))?,
            split,
            member: place.into(),
            tconst: tconst.map(Into::into),
            score,
            polarity,
            text: text.to_owned(),
        })
    }
}

fn score_of(field: &[u8]) -> Result<u8, Refusal> {
    let number = std::str::from_utf8(field)
        .ok()
        .and_then(|text| text.trim().parse::<f64>().ok());
    match number {
        Some(score) if (1.0..=10.0).contains(&score) && score.fract() == 0.0 => Ok(score as u8),
        _ => Err(Refusal::value(
            "score",
            field,
            "a whole number from 1 to 10",
        )),
    }
}

fn polarity_of(field: &[u8]) -> Result<u8, Refusal> {
    match field.trim_ascii().to_ascii_lowercase().as_slice() {
        b"positive" | b"pos" | b"1" => Ok(1),
        b"negative" | b"neg" | b"0" => Ok(0),
        _ => Err(Refusal::value(
            "sentiment",
            field,
            "positive, pos, 1, negative, neg or 0",
        )),
    }
}

fn tconst_of(field: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(field.trim_ascii())
        .ok()
        .filter(|id| is_tconst(id))
        .ok_or_else(|| Refusal::value("tconst", field, "an IMDb id such as `tt0111161`"))
}

fn split_of(field: &[u8]) -> Result<&'static str, Refusal> {
    match field.trim_ascii().to_ascii_lowercase().as_slice() {
        b"train" => Ok("train"),
        b"test" => Ok("test"),
        b"unlabelled" | b"unlabeled" | b"unsup" => Ok("unlabelled"),
        _ => Err(Refusal::value("split", field, "train, test or unlabelled")),
    }
}

/// A number from 0 to 1 that is the same for the same text, and spread evenly over texts.
fn share_of(text: &str) -> f64 {
    let digest = Digest::of_bytes(text.as_bytes()).to_hex();
    // 52 bits, which a double holds.
    let number = u64::from_str_radix(&digest[..13], 16).unwrap_or_default();
    number as f64 / (1_u64 << 52) as f64
}
