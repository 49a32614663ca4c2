//! The queries: ratings to pairs of movie and slot in SQL, with nothing but the arithmetic that every node has.
//!
//! Owns what a slot is in SQL; it is what `cinescore_artifact::slots` has, and a test counts the same ratings with both. Slots are numbered from 1,
//! the first of 1970, and hold their end and not their beginning; time 0 is in slot 0.

use datafusion::arrow::datatypes::{DataType, Schema};

use crate::error::Error;
use crate::plan::{MOVIE_FACTOR, OFFSET, PRIME, SLOT_FACTOR};

/// 2100-01-01 00:00 UTC, seconds.
const TIME_END: u64 = 4_102_444_800;
/// Names that a column may have, best first.
const MOVIE: [&str; 2] = ["movie_id", "movieId"];
const TIME: [&str; 1] = ["timestamp"];

/// How ratings are read.
pub(crate) struct Ratings {
    /// The ratings as `movie` and `moment`, both int64.
    moments: String,
    /// The slot of a `moment`.
    slot: String,
}

impl Ratings {
    /// By the columns of the table `ratings`, which lies at an address, and the unit of the slots.
    pub(crate) fn of(schema: &Schema, address: &str, unit: &str) -> Result<Self, Error> {
        let movie = column(schema, address, &MOVIE)?;
        let time = column(schema, address, &TIME)?;
        Ok(Self {
            moments: format!("select {movie} as movie, {time} as moment from ratings"),
            slot: slot(unit)?,
        })
    }

    /// The ratings as pairs `movie`, `slot`, both int64.
    fn pairs(&self) -> String {
        format!(
            "select movie, {} as slot from ({})",
            self.slot, self.moments
        )
    }

    /// Pairs with how many ratings each has.
    pub(crate) fn counts(&self) -> String {
        format!(
            "select movie, slot, count(*) as count from ({}) group by movie, slot",
            self.pairs()
        )
    }

    /// The same of the movies whose rank is below a limit.
    pub(crate) fn counts_of_sample(&self, limit: u64) -> String {
        format!(
            "select movie, slot, count(*) as count from ({}) \
             where (movie * {MOVIE_FACTOR} + {OFFSET}) % {PRIME} < {limit} group by movie, slot",
            self.pairs()
        )
    }

    /// One row: `ratings`, `bad` ones, and the `checksum` of the others.
    pub(crate) fn sums(&self) -> String {
        let good = format!(
            "movie between 0 and {} and moment between 0 and {}",
            i32::MAX,
            TIME_END - 1
        );
        // Bad ones become something that has a slot: what a date in the year 10^9 is differs.
        let checked = format!(
            "select case when {good} then movie else 0 end as movie, \
             case when {good} then moment else 0 end as moment, \
             case when {good} then 0 else 1 end as bad from ({})",
            self.moments
        );
        let linear =
            format!("(movie * {MOVIE_FACTOR} + slot * {SLOT_FACTOR} + {OFFSET}) % {PRIME}");
        format!(
            "select count(*) as ratings, sum(bad) as bad, \
             sum(linear * linear % {PRIME} * linear % {PRIME}) as checksum \
             from (select bad, {linear} as linear \
             from (select bad, movie, {} as slot from ({checked})))",
            self.slot
        )
    }
}

/// How many ratings there are, which the files' footers say.
pub(crate) const ROWS: &str = "select count(*) as ratings from ratings";

/// A column as int64, by one of its names.
fn column(schema: &Schema, address: &str, names: &[&'static str]) -> Result<String, Error> {
    let found = names
        .iter()
        .find_map(|name| schema.field_with_name(name).ok());
    let Some(field) = found else {
        return Err(Error::NoColumn {
            address: address.into(),
            column: names[0],
            found: schema
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect(),
        });
    };
    match field.data_type() {
        DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64 => {
            Ok(format!("cast(\"{}\" as bigint)", field.name()))
        }
        other => Err(Error::ColumnType {
            address: address.into(),
            column: field.name().clone(),
            found: other.to_string(),
        }),
    }
}

/// The slot of a `moment`.
fn slot(unit: &str) -> Result<String, Error> {
    let day = "(moment + 86399) / 86400";
    // Of the last second that the slot holds.
    let part = |part: &str| {
        format!("cast(date_part('{part}', to_timestamp_seconds(moment - 1)) as bigint)")
    };
    let month = format!("(({} - 1970) * 12 + {})", part("year"), part("month"));
    let or_zero = |slot: String| format!("case when moment = 0 then 0 else {slot} end");
    Ok(match unit {
        "hour" => "(moment + 3599) / 3600".into(),
        "day" => day.into(),
        // Day 1 was a Thursday, the fourth of its week.
        "week" => or_zero(format!("({day} + 9) / 7")),
        "month" => or_zero(month),
        "quarter" => or_zero(format!("({month} + 2) / 3")),
        "year" => or_zero(format!("{} - 1969", part("year"))),
        other => return Err(Error::Slot { slot: other.into() }),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;

    use super::*;

    fn schema(movie: &str, time: DataType) -> Schema {
        Schema::new(vec![
            Field::new(movie, DataType::Int32, false),
            Field::new("timestamp", time, false),
        ])
    }

    #[test]
    fn columns_go_by_either_name_and_must_be_whole_numbers() {
        for movie in ["movie_id", "movieId"] {
            assert!(Ratings::of(&schema(movie, DataType::Int64), "x", "day").is_ok());
        }
        let error = |schema: Schema, unit: &str| {
            Ratings::of(&schema, "x", unit)
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(
            error(schema("film", DataType::Int64), "day").as_deref(),
            Some("`x` has no column `movie_id`: it has film, timestamp")
        );
        assert_eq!(
            error(schema("movieId", DataType::Float64), "day").as_deref(),
            Some("the column `timestamp` of `x` is Float64; expected whole numbers")
        );
        assert_eq!(
            error(schema("movieId", DataType::Int64), "fortnight").as_deref(),
            Some("`fortnight` is no slot of time")
        );
    }
}
