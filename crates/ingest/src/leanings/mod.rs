//! The kind `leanings`: which genres, years, running times and types of titles have more positive reviews than the others.
//!
//! Owns the groups and the table. Does not own the statistics (`proportions`). Reads the table `reviews`; writes the table
//! `leanings`.

mod proportions;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Float64Array, Int32Array, ListArray, StringArray, UInt8Array, UInt64Array,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableError, TableReader, TableWriter, column};
use cinescore_artifact::tables::{LEANINGS, REVIEWS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use proportions::{Group, Part, Test, benjamini_hochberg};

/// Parameters of `leanings`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeaningsParams {
    /// The splits whose reviews count: the training reviews alone, unless the test reviews are to be described too.
    #[schemars(length(min = 1))]
    pub splits: Vec<String>,
}

impl Default for LeaningsParams {
    fn default() -> Self {
        Self {
            splits: vec!["train".into()],
        }
    }
}

/// The description of this kind.
pub fn kind() -> Kind {
    Kind::new(
        "leanings",
        "Tests which genres, years, running times and types have more positive reviews than the others.",
        run,
    )
    .input(Input::table("reviews", &REVIEWS, "the reviews"))
    .output(Output::table(
        "leanings",
        &LEANINGS,
        "groups of reviews against the others",
    ))
}

/// Reviews of a factor's levels. A review has a factor where its title says so, and may have several levels, as genres.
#[derive(Debug, Default)]
struct Factor {
    all: Titles,
    levels: BTreeMap<String, Titles>,
}

/// The reviews of each title, by its number.
type Titles = BTreeMap<u64, Part>;

/// Numbers titles by their ids; a review without one is a title of its own.
#[derive(Debug, Default)]
struct Numbers {
    known: HashMap<String, u64>,
    next: u64,
}

impl Numbers {
    fn of(&mut self, id: Option<&str>) -> u64 {
        if let Some(number) = id.and_then(|id| self.known.get(id)) {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        if let Some(id) = id {
            self.known.insert(id.to_owned(), number);
        }
        number
    }
}

/// All factors by name, in their order.
type Factors = [(&'static str, Factor); 4];

impl Factor {
    fn add<'a>(&mut self, title: u64, levels: impl IntoIterator<Item = &'a str>, positive: bool) {
        // A review is in a level once, however often its title has it.
        let levels: BTreeSet<&str> = levels.into_iter().collect();
        let any = !levels.is_empty();
        for level in levels {
            let own = match self.levels.get_mut(level) {
                Some(own) => own,
                None => self.levels.entry(level.into()).or_default(),
            };
            own.entry(title).or_default().add(positive);
        }
        if any {
            self.all.entry(title).or_default().add(positive);
        }
    }
}

/// A row of the table.
struct Row {
    factor: &'static str,
    level: String,
    own: Group,
    rest: Group,
    test: Test,
    q: Option<f64>,
}

fn run(params: LeaningsParams, context: &mut TaskContext) -> Result<(), StageError> {
    let path = context.input("reviews")?.path.clone();
    let (factors, read) = count(&path, &params.splits)?;
    let rows = rows(factors);
    let clear = rows
        .iter()
        .filter(|row| row.q.is_some_and(|q| q < 0.05))
        .count();
    let mut writer = TableWriter::create(&context.output("leanings"), &LEANINGS)?;
    writer.write(&batch(&rows).map_err(crate::ReadError::from)?)?;
    let written = writer.finish()?;
    let result = context.result();
    result.rows_in.insert("reviews".into(), read);
    result.rows_out.insert("leanings".into(), written);
    result.facts.insert("groups_that_lean".into(), json!(clear));
    Ok(())
}

/// The factors in their order, and the number of rows read.
fn count(path: &std::path::Path, splits: &[String]) -> Result<(Factors, u64), TableError> {
    let mut factors = [
        ("genre", Factor::default()),
        ("decade", Factor::default()),
        ("running time", Factor::default()),
        ("type", Factor::default()),
    ];
    let (mut read, mut numbers) = (0, Numbers::default());
    let columns = [
        "split",
        "tconst",
        "polarity",
        "title_type",
        "start_year",
        "runtime_minutes",
        "genres",
    ];
    for batch in TableReader::open(path, &REVIEWS)?.batches_of(8192, &columns)? {
        let batch = batch?;
        read += batch.num_rows() as u64;
        let [of_split, ids, types]: [&StringArray; 3] =
            ["split", "tconst", "title_type"].map(|name| column(&batch, name));
        let polarities: &UInt8Array = column(&batch, "polarity");
        let [years, minutes]: [&Int32Array; 2] =
            ["start_year", "runtime_minutes"].map(|name| column(&batch, name));
        let genres: &ListArray = column(&batch, "genres");
        for row in 0..batch.num_rows() {
            let wanted = splits.iter().any(|split| split == of_split.value(row));
            if !wanted || polarities.is_null(row) {
                continue;
            }
            let positive = polarities.value(row) > 0;
            let title = numbers.of(ids.is_valid(row).then(|| ids.value(row)));
            let [genre, decade, time, kind] = &mut factors;
            if genres.is_valid(row) {
                let own = genres.value(row);
                let own = own.as_any().downcast_ref::<StringArray>();
                genre
                    .1
                    .add(title, own.into_iter().flatten().flatten(), positive);
            }
            if years.is_valid(row) {
                let own = format!("{}s", years.value(row).div_euclid(10) * 10);
                decade.1.add(title, [own.as_str()], positive);
            }
            if minutes.is_valid(row) {
                time.1.add(title, [band(minutes.value(row))], positive);
            }
            if types.is_valid(row) {
                kind.1.add(title, [types.value(row)], positive);
            }
        }
    }
    Ok((factors, read))
}

/// The band of a running time; names that sort as the times do.
fn band(minutes: i32) -> &'static str {
    match minutes {
        ..60 => "below 060 min",
        60..90 => "from 060 to 089 min",
        90..120 => "from 090 to 119 min",
        120..150 => "from 120 to 149 min",
        150.. => "from 150 min on",
    }
}

fn rows(factors: Factors) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, factor) in factors {
        let levels = factor.levels.into_iter();
        rows.extend(levels.map(|(level, own)| {
            let others = factor
                .all
                .iter()
                .map(|(title, all)| all.without(own.get(title).copied().unwrap_or_default()));
            let rest = Group::of(others);
            let own = Group::of(own.values().copied());
            Row {
                factor: name,
                level: match name {
                    "running time" => level.replace(" 0", " "),
                    _ => level,
                },
                test: Test::of(own, rest),
                own,
                rest,
                q: None,
            }
        }));
    }
    let tested: Vec<f64> = rows.iter().filter_map(|row| row.test.p).collect();
    let mut corrected = benjamini_hochberg(&tested).into_iter();
    for row in rows.iter_mut().filter(|row| row.test.p.is_some()) {
        row.q = corrected.next();
    }
    rows
}

fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let count = |of: fn(&Row) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
    };
    let number = |of: fn(&Row) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(rows.iter().map(of)))
    };
    LEANINGS.batch(vec![
        text(|row| row.factor),
        text(|row| &row.level),
        count(|row| row.own.all.reviews),
        count(|row| row.own.all.positive),
        count(|row| row.own.titles),
        count(|row| row.rest.all.reviews),
        count(|row| row.rest.all.positive),
        count(|row| row.rest.titles),
        number(|row| row.test.difference.and(row.own.design)),
        number(|row| row.test.difference.and(row.rest.design)),
        number(|row| row.test.difference),
        number(|row| row.test.interval.map(|ends| ends.0)),
        number(|row| row.test.interval.map(|ends| ends.1)),
        number(|row| row.test.effect),
        number(|row| row.test.z),
        number(|row| row.test.p),
        number(|row| row.test.p_independent),
        number(|row| row.q),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stands_against_all_others_of_its_factor() {
        let mut genre = Factor::default();
        genre.add(1, ["Drama", "War"], true);
        genre.add(2, ["Drama"], true);
        genre.add(3, ["Horror"], false);
        // A review without a genre is in neither group.
        genre.add(4, [], true);
        let none = || ("x", Factor::default());
        let rows = rows([("genre", genre), none(), none(), none()]);
        let found: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.level.as_str(),
                    row.own.all.reviews,
                    row.own.all.positive,
                    row.rest.all.reviews,
                )
            })
            .collect();
        assert_eq!(
            found,
            [("Drama", 2, 2, 1), ("Horror", 1, 0, 2), ("War", 1, 1, 2)]
        );
        assert!(
            rows.iter()
                .all(|row| row.test.p.is_none() && row.q.is_none()),
            "too few reviews for a test"
        );
    }

    #[test]
    fn reviews_without_a_title_are_titles_of_their_own() {
        let mut numbers = Numbers::default();
        let found = [Some("a"), None, Some("b"), None, Some("a")].map(|id| numbers.of(id));
        assert_eq!(found, [0, 1, 2, 3, 0]);
    }

    #[test]
    fn bands_of_running_time_sort_as_the_times() {
        let mut names: Vec<_> = [200, 30, 100, 89, 120].map(band).into();
        names.sort_unstable();
        assert_eq!(names, [30, 89, 100, 120, 200].map(band));
    }
}
