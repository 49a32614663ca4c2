//! The kind `popularity`: how many ratings each movie got in each time slot, and which share of all ratings
//! in the slot that is.
//!
//! Owns the counts and the table. Does not own the source's format (`movielens`). Reads `ratings.csv` and
//! `movies.csv`; writes the tables `popularity` and `rejects`. Slots in which a movie was not rated have no
//! row. How it counts 26 million ratings in little time and memory stands in `count`, how a cluster does in `distributed`.

mod count;
mod distributed;
mod own;
mod rows;
mod tally;

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
use crate::engine::{Engine, Far};
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
    /// Where to count; in this process where it is not said. The table is the same.
    pub engine: Option<Engine>,
    /// Of what an `engine` counted, the share of the movies that is counted again on this machine and compared. Beside that, the number of
    /// ratings and a checksum over all of them are compared always.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub verify_sample: f64,
}

impl Default for PopularityParams {
    fn default() -> Self {
        Self {
            slot: SlotUnit::Day,
            max_rejects: MaxRejects::Count(100),
            engine: None,
            verify_sample: 0.01,
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
    let (made, sampled) = match &params.engine {
        None => {
            let made = make(&mut source, movies, params.slot, &mut rejects, &out, &watch)?;
            (made, None)
        }
        Some(Engine::Ballista(ballista)) => {
            let far = Far {
                ballista,
                verify_sample: params.verify_sample,
                scratch: context.scratch(),
            };
            let unit = params.slot;
            let (made, sampled) =
                distributed::make(&far, &mut source, movies, unit, &mut rejects, &out, &watch)?;
            (made, Some(sampled))
        }
    };
    let Made {
        ratings_in,
        kept,
        written,
        unknown,
    } = made;
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
    if let Some(sampled) = sampled {
        let name = "popularity.counted_again".into();
        result.facts.insert(name, json!(sampled));
    }
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
    let (written, unknown) = finish(&sorted, movies, out, watch)?;
    Ok(Made {
        ratings_in,
        kept: sorted.len(),
        written,
        unknown,
    })
}

/// Counts in the order of the table.
trait Ordered: Sync {
    /// What a place is counted in.
    const UNIT: &'static str;

    /// The place behind the last count.
    fn len(&self) -> usize;

    /// Counts from the place `*at` on, at most `most`, and moves `at` behind them.
    fn counts(&self, at: &mut usize, most: usize) -> Vec<count::Counted>;
}

impl Ordered for Sorted {
    const UNIT: &'static str = "ratings";

    fn len(&self) -> usize {
        self.len()
    }

    fn counts(&self, at: &mut usize, most: usize) -> Vec<count::Counted> {
        self.counts(at, most)
    }
}

/// Adds what is known of the movies and writes the table; returns its rows, and how many rated movies are not known.
fn finish<C: Ordered>(
    counts: &C,
    movies: Movies,
    out: &Out<'_>,
    watch: &Watch<'_>,
) -> Result<(u64, usize), ReadError> {
    let rows = Rows::new(movies.by_id);
    let written = write(counts, &rows, out, watch)?;
    Ok((written, rows.unknown_movies()))
}

/// Writes the table, a row group at a time on every thread.
fn write<C: Ordered>(
    sorted: &C,
    rows: &Rows,
    out: &Out<'_>,
    watch: &Watch<'_>,
) -> Result<u64, ReadError> {
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
                .update(done as u64, Some(all), C::UNIT, "writing");
            Ok::<(), ReadError>(writer.append(group)?)
        },
    )?;
    Ok(writer.finish()?)
}
