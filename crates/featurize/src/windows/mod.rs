//! The kind `windows`: of each movie some successive slots, and the slot after them, which is to be forecast.
//!
//! Owns the order of the work, the table `windows`, and the encoder's file. Does not own the counting of ratings
//! (`ingest popularity`) nor any forecast. Reads the table `popularity`, once and as a stream; writes the windows a row group at a
//! time on every thread, so that memory grows with the rows of `popularity` (8 bytes each) and not with the windows.
//!
//! Nothing is learned from, and no movie is chosen by, anything later than the end of `train`: other ratings in a later
//! slot leave the inputs of every window that does not reach it as they are, byte for byte.

mod ahead;
mod features;
mod params;
mod pieces;
mod series;
pub mod trends;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, Float64Array, Int32Array, ListBuilder, RecordBatch, StringArray,
    UInt8Array, UInt32Array, UInt64Array,
};
use arrow::error::ArrowError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{EncodedGroup, TableError, TableWriter};
use cinescore_artifact::task::write_atomically;
use cinescore_artifact::{Split, StageError, tables};
use rayon::prelude::*;

pub use cinescore_artifact::slots::SlotUnit;
pub use params::{Crossing, Feature, Measure, Mode, SplitBy, WindowParams};

pub use ahead::{Ahead, AheadError, reads_movies, settings};
pub use features::{Rated, UnknownFeature};
pub use series::{Movie, Series, SeriesError};

use features::Features;
use pieces::{Piece, Pieces, Positions, deciles};

/// The year beyond which no slot lies, if its unit is the table's.
const LAST_YEAR: f64 = 2100.0;
/// A movie may be listed so many years before its release.
const YEARS_BEFORE: f64 = 5.0;

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "windows",
        "Make windows over the popularity of movies, with the slot after each as target",
        run,
    )
    .input(Input::table(
        "popularity",
        &tables::POPULARITY,
        "ratings per movie and time slot",
    ))
    .output(Output::table("windows", &tables::WINDOWS, "the windows"))
    .output(Output::file(
        "encoder",
        "windows.json",
        "scales and classes, learned from the training windows",
    ))
}

/// Does the work of the kind.
pub fn run(params: WindowParams, context: &mut TaskContext) -> Result<(), StageError> {
    let path = context.input("popularity")?.path.clone();
    let genres = params.features.contains(&Feature::Genres);
    let series = read(&path, genres, context)?;
    let (first, last) = series.span();
    check_unit(&params, last)?;
    let newest = series.movies.iter().filter_map(|movie| movie.release_year);
    if let Some(newest) = newest.max()
        && params.slot.year(last) + YEARS_BEFORE < f64::from(newest)
    {
        context.warn(format!(
            "the last slot would be in the year {:.0}, and there is a movie of {newest}: is `slot` that of the table?",
            params.slot.year(last)
        ));
    }
    let pieces = Pieces::of(&series, &params).map_err(|error| {
        StageError::usage(error).hint("ask for smaller shares, or shorter slots")
    })?;
    let mut windows: BTreeMap<Split, u64> = Split::ALL.map(|split| (split, 0)).into();
    for piece in &pieces.all {
        *windows.entry(piece.split).or_default() += piece.windows() as u64;
    }
    if windows[&Split::Train] == 0 {
        let message = format!(
            "no movie has a window of {} slots and one after them in `train`",
            params.slots
        );
        return Err(StageError::input(message)
            .hint("ask for fewer `slots` or `min_ratings`, or shorter slots"));
    }
    for (split, _) in windows.iter().filter(|(_, windows)| **windows == 0) {
        context.warn(format!("the split `{}` has no windows", split.name()));
    }
    context.progress().step("learning scales and classes");
    let features = Features::learn(&series, &params, &pieces);
    let encoder = features.to_file(&pieces).map_err(StageError::failed)?;
    let mut json = serde_json::to_vec_pretty(&encoder).map_err(StageError::failed)?;
    json.push(b'\n');
    write_atomically(&context.output("encoder"), &json)?;
    let rows = write(&series, &params, &features, &pieces, context)?;

    let mut movies: Vec<usize> = pieces.all.iter().map(|piece| piece.movie).collect();
    movies.dedup();
    let result = context.result();
    result
        .rows_in
        .insert("popularity".into(), series.slots.len() as u64);
    result.rows_out.insert("windows".into(), rows);
    for (split, windows) in windows {
        let name = format!("windows.{}", split.name());
        result.facts.insert(name, windows.into());
    }
    for (split, last) in &pieces.last_slots {
        let name = format!("last_slot.{}", split.name());
        result.facts.insert(name, (*last).into());
    }
    for (name, value) in [
        ("first_slot", u64::from(first)),
        ("movies", movies.len() as u64),
        ("movies_with_too_few_ratings", pieces.movies_left_out),
        ("windows_that_cross", pieces.crossing),
        ("features", features.len() as u64),
    ] {
        result.facts.insert(name.into(), value.into());
    }
    Ok(())
}

/// Reads the table of popularity, and says how far.
fn read(path: &Path, genres: bool, context: &TaskContext) -> Result<Series, StageError> {
    Series::read(path, genres, |done, rows| {
        context
            .progress()
            .update(done, Some(rows), "rows", "reading popularity");
        context.check_interrupt()
    })
}

/// That slots of this unit can have such numbers, the last of which is this.
///
/// # Errors
/// If that slot would lie in the year 2100 or later.
pub fn check_unit(params: &WindowParams, last: u32) -> Result<(), StageError> {
    let year = params.slot.year(last);
    if year < LAST_YEAR {
        return Ok(());
    }
    let message = format!(
        "the last slot is number {last}, which would be in the year {year:.0}: the slots of the table are shorter than `slot` says"
    );
    Err(StageError::usage(message).hint("give `slot` the value with which `popularity` was made"))
}

/// Writes the table; the number of its rows.
fn write(
    series: &Series,
    params: &WindowParams,
    features: &Features<'_>,
    pieces: &Pieces,
    context: &mut TaskContext,
) -> Result<u64, StageError> {
    let path = context.output("windows");
    let deciles = deciles(series, pieces);
    let mut writer = TableWriter::create(&path, &tables::WINDOWS)?.by_groups()?;
    let encoder = writer.encoder();
    let encode = |group: &Vec<Piece>| -> Result<EncodedGroup, TableError> {
        let batch = batch(series, params, features, &deciles, group);
        let batch = batch.map_err(|source| TableError::Arrow {
            path: path.clone(),
            source,
        })?;
        encoder.encode(&batch)
    };
    let all: usize = pieces.all.iter().map(Piece::windows).sum();
    let groups = groups(&pieces.all, tables::WINDOWS.row_group_rows);
    let mut done = 0;
    for together in groups.chunks(rayon::current_num_threads()) {
        context.check_interrupt()?;
        let encoded: Vec<_> = together.par_iter().map(encode).collect();
        for (group, encoded) in together.iter().zip(encoded) {
            writer.append(encoded?)?;
            done += group.iter().map(Piece::windows).sum::<usize>();
        }
        context
            .progress()
            .update(done as u64, Some(all as u64), "windows", "writing");
    }
    Ok(writer.finish()?)
}

/// Cuts pieces into groups of so many windows.
fn groups(pieces: &[Piece], size: usize) -> Vec<Vec<Piece>> {
    let mut groups = Vec::new();
    let (mut group, mut free) = (Vec::new(), size);
    for piece in pieces {
        let mut rest = *piece;
        while rest.windows() > 0 {
            let to = rest.to.min(rest.from + free);
            group.push(Piece { to, ..rest });
            free -= to - rest.from;
            rest.from = to;
            if free == 0 {
                groups.push(std::mem::take(&mut group));
                free = size;
            }
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

/// The rows of some windows.
fn batch(
    series: &Series,
    params: &WindowParams,
    features: &Features<'_>,
    deciles: &[u8],
    pieces: &[Piece],
) -> Result<RecordBatch, ArrowError> {
    let rows: usize = pieces.iter().map(Piece::windows).sum();
    let (slots, width) = (params.slots as usize, features.len());
    let list = |values: usize| {
        ListBuilder::with_capacity(Float32Builder::with_capacity(rows * values), rows)
    };
    let (mut inputs, mut histories) = (list(slots * width), list(slots));
    let mut ids = Vec::with_capacity(rows);
    let (mut splits, mut movies) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let (mut targets, mut counts) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let (mut classes, mut tenths) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut ages = Vec::with_capacity(rows);
    for piece in pieces {
        let movie = &series.movies[piece.movie];
        let positions = Positions::new(series, movie, params.mode);
        let values = positions.values(piece.from - slots, piece.to);
        let scaled = features.scaled(movie, &values);
        let measured: Vec<f64> = values
            .iter()
            .map(|&(slot, count)| params.target.of(count, series.total(slot)))
            .collect();
        let raw: Vec<f32> = measured.iter().map(|value| *value as f32).collect();
        for (at, &(slot, count)) in values.iter().enumerate().skip(slots) {
            // A movie's id is not negative.
            ids.push((u64::from(movie.id.unsigned_abs()) << 32) | u64::from(slot));
            splits.push(piece.split.name());
            movies.push(movie.id);
            inputs
                .values()
                .append_slice(&scaled[(at - slots) * width..at * width]);
            inputs.append(true);
            histories.values().append_slice(&raw[at - slots..at]);
            histories.append(true);
            targets.push(measured[at]);
            counts.push(count);
            classes.push(features.class(measured[at]));
            tenths.push(deciles[piece.movie]);
            let year = params.slot.year(slot).floor() as i32;
            ages.push(movie.release_year.map(|release| year - release));
        }
    }
    let slots = ids.iter().map(|id| *id as u32);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(ids.iter().copied())),
        Arc::new(StringArray::from_iter_values(splits)),
        Arc::new(Int32Array::from(movies)),
        Arc::new(UInt32Array::from_iter_values(slots)),
        Arc::new(inputs.finish()),
        Arc::new(histories.finish()),
        Arc::new(Float64Array::from(targets)),
        Arc::new(UInt32Array::from(counts)),
        Arc::new(UInt8Array::from(classes)),
        Arc::new(UInt8Array::from(tenths)),
        Arc::new(Int32Array::from(ages)),
    ];
    tables::WINDOWS.batch(columns)
}
