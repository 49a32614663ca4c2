//! The kind `popularity`: how many ratings each movie got in each time slot, and which share of all ratings
//! in the slot that is.
//!
//! Owns the counts and the table. Does not own the source's format (`movielens`). Reads `ratings.csv` and
//! `movies.csv`; writes the tables `popularity` and `rejects`. Slots in which a movie was not rated have no
//! row. How it counts 26 million ratings in little time and memory stands in `count`.

mod count;
mod own;
mod rows;

use std::path::PathBuf;

use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, Progress, TaskContext};
use cinescore_artifact::slots::{SlotUnit, Slots};
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::tables::{self, POPULARITY};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::count::{Chunk, Pairs, Sorted};
use crate::error::ReadError;
use crate::input;
use crate::movielens::movies::{self, Movies};
use crate::movielens::{self, ratings, source::Source};
use crate::ordered;
use crate::rejects::{MaxRejects, Rejects};
use crate::watch::Watch;
pub use own::{Counted, Given, count};
use rows::Rows;

/// Parameters of `popularity`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PopularityParams {
    /// How long a time slot is.
    pub slot: SlotUnit,
    /// Input rows, of all files together, that may be refused before the stage fails: a whole number, or a
    /// share of all rows below 1.
    pub max_rejects: MaxRejects,
}

impl Default for PopularityParams {
    fn default() -> Self {
        Self {
            slot: SlotUnit::Day,
            max_rejects: MaxRejects::Count(100),
        }
    }
}

/// The description of this kind.
pub fn kind() -> Kind {
    Kind::new(
        "popularity",
        "Counts MovieLens' ratings per movie and time slot.",
        run,
    )
    .input(Input::source(
        "movielens",
        &movielens::ACCEPTS,
        "MovieLens, its zip archive or folder",
    ))
    .output(Output::table(
        "popularity",
        &POPULARITY,
        "ratings per movie and time slot",
    ))
    .output(Output::table(
        "rejects",
        &tables::REJECTS,
        "the input rows that were refused",
    ))
}

fn run(params: PopularityParams, context: &mut TaskContext) -> Result<(), StageError> {
    let path = context.input("movielens")?.path.clone();
    let watch = Watch::of(context, input::size(&path));
    let mut rejects = Rejects::new(params.max_rejects);
    let mut source = Source::open(&path, &watch)?;
    let movies = movies::read(source.member("movies.csv", &watch)?, &mut rejects, &watch)?;
    let movies_in = movies.rows_in;
    let out = Out {
        path: context.output("popularity"),
        threads: context.threads(),
        progress: context.progress(),
    };
    let Made {
        ratings_in,
        kept,
        written,
        unknown,
    } = make(&mut source, movies, params.slot, &mut rejects, &out, &watch)?;
    if unknown > 0 {
        context.warn(format!(
            "{unknown} of the rated movies are not in `movies.csv`: their genres and year are null"
        ));
    }
    let result = context.result();
    result.rows_in.insert(movies::SOURCE.into(), movies_in);
    result.rows_in.insert(ratings::SOURCE.into(), ratings_in);
    result.rows_out.insert("popularity".into(), written);
    result.facts.insert("ratings.counted".into(), json!(kept));
    result.facts.insert("movies.unknown".into(), json!(unknown));
    rejects.write(context)
}

/// Where the table goes, and how it is made.
struct Out<'a> {
    path: PathBuf,
    threads: usize,
    progress: &'a Progress,
}

/// How many of what.
struct Made {
    /// Rows of `ratings.csv`, refused ones included.
    ratings_in: u64,
    /// Ratings that were counted.
    kept: usize,
    /// Rows of the table.
    written: u64,
    /// Rated movies that `movies.csv` does not have.
    unknown: usize,
}

/// Counts the ratings and writes the table.
fn make(
    source: &mut Source,
    movies: Movies,
    unit: SlotUnit,
    rejects: &mut Rejects,
    out: &Out<'_>,
    watch: &Watch<'_>,
) -> Result<Made, ReadError> {
    let slots = Slots::new(unit);
    let mut pairs = Pairs::default();
    let ratings_in = ratings::read(
        source.member("ratings.csv", watch)?,
        out.threads,
        rejects,
        watch,
        |chunk: &mut Chunk, rating| chunk.push(rating.movie, slots.of(rating.timestamp)),
        |chunk| {
            pairs.add(chunk);
            Ok(())
        },
    )?;
    rejects.check(movies.rows_in + ratings_in)?;
    watch.check()?;
    let sorted = pairs.sort();
    let rows = Rows::new(movies.by_id);
    Ok(Made {
        ratings_in,
        kept: sorted.len(),
        written: write(&sorted, &rows, out, watch)?,
        unknown: rows.unknown_movies(),
    })
}

/// Writes the table, a row group at a time on every thread.
fn write(sorted: &Sorted, rows: &Rows, out: &Out<'_>, watch: &Watch<'_>) -> Result<u64, ReadError> {
    let mut writer = TableWriter::create(&out.path, &POPULARITY)?.by_groups()?;
    let encoder = writer.encoder();
    let mut at = 0;
    ordered::map(
        out.threads,
        || {
            let counts = sorted.counts(&mut at, POPULARITY.row_group_rows);
            Ok((!counts.is_empty()).then_some((at, counts)))
        },
        |(done, counts)| Ok((done, encoder.encode(&rows.batch(&counts)?)?)),
        |(done, group)| {
            watch.check()?;
            let all = sorted.len() as u64;
            out.progress
                .update(done as u64, Some(all), "ratings", "writing");
            Ok::<(), ReadError>(writer.append(group)?)
        },
    )?;
    Ok(writer.finish()?)
}
