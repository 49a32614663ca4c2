//! The same counts from a cluster.
//!
//! Owns what is given to it (movie and time of every rating that was not refused, as Parquet in a folder that all nodes see) and whether its
//! answer is taken: as many ratings as were given, with their checksum, and no pair twice. Whatever is wrong is an error, and no table is
//! written. What follows the counts is the same code as for one process, so that the table is the same.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array};
use arrow::datatypes::Int64Type;
use cinescore_artifact::StageError;
use cinescore_artifact::slots::{SlotUnit, Slots};
use cinescore_artifact::table::{ColumnSpec, ColumnType, TableSpec, TableWriter};

use super::tally::Tally;
use super::{Made, Out, finish};
use crate::engine::plan::{Sums, Work};
use crate::engine::{self, EngineError, Far, batches, full_column};
use crate::error::ReadError;
use crate::movielens::movies::Movies;
use crate::movielens::ratings;
use crate::movielens::source::Source;
use crate::rejects::Rejects;
use crate::watch::Watch;

/// What the cluster reads.
static EVENTS: TableSpec = TableSpec {
    name: "events",
    version: 1,
    row: "a rating, for a cluster to count",
    order: "as in the source",
    row_group_rows: 262_144,
    columns: &[
        ColumnSpec::new("movie_id", ColumnType::Int32, "MovieLens movieId"),
        ColumnSpec::new(
            "timestamp",
            ColumnType::Int64,
            "when it was given, UTC seconds",
        ),
    ],
};

/// Counts the ratings on the cluster and writes the table; also returns how many rows were counted again here.
pub(super) fn make(
    far: &Far<'_>,
    source: &mut Source,
    movies: Movies,
    unit: SlotUnit,
    rejects: &mut Rejects,
    out: &Out<'_>,
    watch: &Watch<'_>,
) -> Result<(Made, u64), StageError> {
    let folder = far.ballista.shared_folder(far.scratch)?;
    // The answer is for this machine alone.
    let answer = tempfile::tempdir_in(far.scratch)?;
    let (ratings, given) = match &far.ballista.ratings {
        Some(address) => (address.clone(), None),
        None => {
            let events = folder.path().join("ratings.parquet");
            let given = hand_over(&events, source, unit, rejects, out, watch)?;
            (events.display().to_string(), Some(given))
        }
    };
    let rows_in = given.map_or(0, |(_, rows_in)| rows_in);
    rejects.check(movies.rows_in + rows_in)?;
    let expected = given.map(|(sums, _)| sums);
    let counts = answer.path().join("counts.parquet");
    let work = Work::Popularity {
        ratings,
        slot: unit.name().into(),
        expected,
    };
    let done = engine::run(&far.plan(work, &counts), answer.path(), watch)?;
    let tally = take(&counts, done, expected.unwrap_or(done.sums))?;
    // Gone before the table is written: both may lie on one disk.
    drop((folder, answer));
    let (written, unknown) = finish(&tally, movies, out, watch)?;
    let made = Made {
        // What lies at an address has no refused rows: the program refuses all of it instead.
        ratings_in: given.map_or(done.sums.items, |(_, rows_in)| rows_in),
        kept: done.sums.items as usize,
        written,
        unknown,
    };
    Ok((made, done.sampled))
}

/// Writes the ratings for the cluster; returns what they come to, and how many rows were read.
fn hand_over(
    path: &Path,
    source: &mut Source,
    unit: SlotUnit,
    rejects: &mut Rejects,
    out: &Out<'_>,
    watch: &Watch<'_>,
) -> Result<(Sums, u64), ReadError> {
    #[derive(Default)]
    struct Part {
        movies: Vec<i32>,
        times: Vec<i64>,
        sums: Sums,
    }
    let slots = Slots::new(unit);
    let mut writer = TableWriter::create_quickly(path, &EVENTS)?;
    let mut sums = Sums::default();
    let rows_in = ratings::read(
        source.member("ratings.csv", watch)?,
        out.threads,
        rejects,
        watch,
        |part: &mut Part, rating| {
            // Ids are below 2^31.
            part.movies.push(rating.movie as i32);
            part.times.push(rating.timestamp.into());
            part.sums.add(rating.movie, slots.of(rating.timestamp), 1);
        },
        |part| {
            sums = sums.and(part.sums);
            let columns: Vec<ArrayRef> = vec![
                Arc::new(Int32Array::from(part.movies)),
                Arc::new(Int64Array::from(part.times)),
            ];
            Ok(writer.write(&EVENTS.batch(columns)?)?)
        },
    )?;
    writer.finish()?;
    Ok((sums, rows_in))
}

/// Reads the cluster's counts, which are in no order, and checks them.
fn take(path: &Path, done: engine::Done, expected: Sums) -> Result<Tally, EngineError> {
    let mut counts = Vec::new();
    let mut found = Sums::default();
    // There is no file where there are no rows.
    if done.rows > 0 {
        read(path, |movie, slot, count| {
            found.add(movie, slot, count.into());
            counts.push((movie, slot, count));
        })?;
    }
    if counts.len() as u64 != done.rows {
        return Err(EngineError::Rows {
            found: counts.len() as u64,
            expected: done.rows,
        });
    }
    if found != expected {
        return Err(EngineError::Sums { found, expected });
    }
    Tally::of(counts)
}

fn read(path: &Path, mut each: impl FnMut(u32, u32, u32)) -> Result<(), EngineError> {
    for batch in batches(path)? {
        let batch = batch?;
        let column = |name| full_column::<Int64Type>(path, &batch, name);
        let (movies, slots, counts) = (column("movie")?, column("slot")?, column("count")?);
        let rows = movies
            .values()
            .iter()
            .zip(slots.values())
            .zip(counts.values());
        for ((&movie, &slot), &count) in rows {
            let wrong = || EngineError::Value { movie, slot, count };
            // Ids are below 2^31, as everywhere.
            let id = i32::try_from(movie)
                .ok()
                .and_then(|id| u32::try_from(id).ok());
            match (id, u32::try_from(slot), u32::try_from(count)) {
                (Some(movie), Ok(slot), Ok(count)) if count > 0 => each(movie, slot, count),
                _ => return Err(wrong()),
            }
        }
    }
    Ok(())
}
