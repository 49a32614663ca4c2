//! The kind `trends`: what popularity looks like, as points for plots.
//!
//! Owns the statistics; the report draws them as they are. Ratings over time, how many movies have how many ratings, the rise
//! and decay after a movie's first rating, and genres over time are of the whole table. What goes with the next value is of the
//! training windows alone, since features are chosen by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::encoder::{ENCODER_VERSION, WindowEncoderFile};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::slots::SlotUnit;
use cinescore_artifact::table::{TableError, TableWriter};
use cinescore_artifact::{Split, StageError, tables};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ahead::settings;
use super::features::Features;
use super::params::{Feature, WindowParams};
use super::pieces::{Piece, Pieces, Positions};
use super::series::Series;

/// Parts of a year by which the years since the first rating are told apart.
const PARTS_OF_YEAR: f64 = 4.0;
/// Pieces whose sums are made together: what is added up in which order must not depend on the threads.
const TOGETHER: usize = 4096;
/// A movie is new in its first slot if that lies so many calendar years behind its release at most.
const NEW_YEARS: i32 = 1;

/// How far the trends go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrendParams {
    /// The last year after a movie's first rating.
    #[schemars(range(min = 1, max = 100), extend("unit" = "years"))]
    pub years: u32,
}

impl Default for TrendParams {
    fn default() -> Self {
        Self { years: 15 }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "trends",
        "Ratings over time, rise and decay, genres, and what goes with the next value, as points for plots",
        run,
    )
    .input(Input::table(
        "popularity",
        &tables::POPULARITY,
        "ratings per movie and time slot",
    ))
    .input(Input::file(
        "encoder",
        "the encoder of the windows that were made of it",
    ))
    .output(Output::table("trends", &tables::TRENDS, "the points"))
}

/// A point: its series, place, value, and how many it is made of.
type Point = (String, f64, f64, u64);

/// Does the work of the kind.
pub fn run(params: TrendParams, context: &mut TaskContext) -> Result<(), StageError> {
    let path = context.input("encoder")?.path.clone();
    let file: WindowEncoderFile =
        serde_json::from_slice(&fs_err::read(&path)?).map_err(|error| {
            let message = format!("`{}` is no encoder of windows: {error}", path.display());
            StageError::input(message).hint("give the `encoder` of `featurize windows`")
        })?;
    if file.version != ENCODER_VERSION {
        let message = format!(
            "`{}` has version {}; this program reads version {ENCODER_VERSION}",
            path.display(),
            file.version
        );
        return Err(StageError::input(message));
    }
    let windows = settings(&file).map_err(StageError::input)?;
    let series = super::read(&context.input("popularity")?.path.clone(), true, context)?;
    super::check_unit(&windows, series.span().1)?;
    let pieces = Pieces::of(&series, &windows).map_err(StageError::usage)?;
    context.progress().step("counting");
    let mut figures: BTreeMap<&str, Vec<Point>> = [
        ("ratings", by_time(&series, windows.slot)),
        ("movies", by_ratings(&series)),
        (
            "rise_and_decay",
            by_age(&series, windows.slot, params.years),
        ),
        ("genres", by_genre(&series, windows.slot)),
    ]
    .into();
    context.check_interrupt()?;
    context.progress().step("correlating");
    let (features, lags) = correlations(&series, &windows, &pieces);
    figures.insert("correlation", features);
    figures.insert("correlation_by_lag", lags);
    let rows = write(&mut figures, context).map_err(StageError::from)?;
    let result = context.result();
    let read = series.slots.len() as u64;
    result.rows_in.insert("popularity".into(), read);
    result.rows_out.insert("trends".into(), rows);
    Ok(())
}

fn write(
    figures: &mut BTreeMap<&str, Vec<Point>>,
    context: &TaskContext,
) -> Result<u64, TableError> {
    let path = context.output("trends");
    let mut writer = TableWriter::create(&path, &tables::TRENDS)?;
    for (figure, points) in figures {
        points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![*figure; points.len()])),
            Arc::new(StringArray::from_iter_values(
                points.iter().map(|own| &own.0),
            )),
            Arc::new(Float64Array::from_iter_values(
                points.iter().map(|own| own.1),
            )),
            Arc::new(Float64Array::from_iter_values(
                points.iter().map(|own| own.2),
            )),
            Arc::new(UInt64Array::from_iter_values(
                points.iter().map(|own| own.3),
            )),
        ];
        let batch = tables::TRENDS
            .batch(columns)
            .map_err(|source| TableError::Arrow {
                path: path.clone(),
                source,
            })?;
        writer.write(&batch)?;
    }
    writer.finish()
}

/// Ratings in each slot; of hours, days and weeks in each month.
fn by_time(series: &Series, unit: SlotUnit) -> Vec<Point> {
    let months = matches!(unit, SlotUnit::Hour | SlotUnit::Day | SlotUnit::Week);
    let (first, last) = series.span();
    let mut sums: BTreeMap<i64, (f64, u64)> = BTreeMap::new();
    for slot in first..=last {
        let year = unit.year(slot);
        let key = if months {
            (year * 12.0).floor() as i64
        } else {
            slot.into()
        };
        let place = if months {
            (key as f64 + 0.5) / 12.0
        } else {
            year
        };
        let sum = sums.entry(key).or_insert((place, 0));
        sum.1 += series.total(slot);
    }
    let points = sums.into_values();
    points
        .map(|(place, sum)| ("all movies".into(), place, sum as f64, sum))
        .collect()
}

/// How many movies have 1, 2, 4, .. ratings and more.
fn by_ratings(series: &Series) -> Vec<Point> {
    let (_, last) = series.span();
    let movies = series.movies.iter();
    let ratings: Vec<u64> = movies
        .map(|movie| series.ratings_until(movie, last))
        .collect();
    let mut points = Vec::new();
    let mut least = 1_u64;
    loop {
        let movies = ratings.iter().filter(|own| **own >= least).count();
        if movies == 0 {
            return points;
        }
        points.push((
            "all movies".into(),
            least as f64,
            movies as f64,
            movies as u64,
        ));
        least *= 2;
    }
}

/// The mean share of a slot's ratings by quarters of years since the movie's first rating, in slots without any as 0. Not of movies
/// that are there in the table's first year: nobody knows when those appeared.
fn by_age(series: &Series, unit: SlotUnit, years: u32) -> Vec<Point> {
    let (first, last) = series.span();
    let length = unit.year(2) - unit.year(1);
    let part = |slots: u32| (f64::from(slots) * length * PARTS_OF_YEAR + 1e-6).floor() as usize;
    let parts = (f64::from(years) * PARTS_OF_YEAR) as usize;
    let is_new = |begin: u32, released: Option<i32>| {
        released.is_some_and(|year| unit.year(begin).floor() as i32 - year <= NEW_YEARS)
    };
    let mut points = Vec::new();
    for (name, only_new) in [("all movies", false), ("new in that year", true)] {
        let mut sums = vec![0.0; parts];
        // Movies that have so many slots behind their first one.
        let mut movies = vec![0_u64; (last - first) as usize + 1];
        for movie in &series.movies {
            let begin = series.slots[movie.rows.start];
            let appeared = unit.year(begin) >= unit.year(first) + 1.0;
            if !appeared || (only_new && !is_new(begin, movie.release_year)) {
                continue;
            }
            movies[(last - begin) as usize] += 1;
            for row in movie.rows.clone() {
                if let Some(sum) = sums.get_mut(part(series.slots[row] - begin)) {
                    *sum += f64::from(series.counts[row]) / series.total(series.slots[row]) as f64;
                }
            }
        }
        let mut pairs = vec![0_u64; parts];
        let mut longer = 0;
        for (slots, own) in movies.iter().enumerate().rev() {
            longer += own;
            if let Some(pairs) = pairs.get_mut(part(slots as u32)) {
                *pairs += longer;
            }
        }
        let all = sums.iter().zip(pairs).enumerate();
        points.extend(
            all.filter(|(_, (_, pairs))| *pairs > 0)
                .map(|(part, (sum, pairs))| {
                    let place = part as f64 / PARTS_OF_YEAR;
                    (name.to_owned(), place, sum / pairs as f64, pairs)
                }),
        );
    }
    points
}

/// The part of each calendar year's ratings that is of movies of a genre; a movie may have several.
fn by_genre(series: &Series, unit: SlotUnit) -> Vec<Point> {
    let year = |slot: u32| unit.year(slot).floor() as i64;
    let mut all: BTreeMap<i64, u64> = BTreeMap::new();
    let mut own: BTreeMap<(u16, i64), u64> = BTreeMap::new();
    for movie in &series.movies {
        for row in movie.rows.clone() {
            let (year, count) = (year(series.slots[row]), u64::from(series.counts[row]));
            *all.entry(year).or_default() += count;
            for &genre in &movie.genres {
                *own.entry((genre, year)).or_default() += count;
            }
        }
    }
    let point = |((genre, year), count): ((u16, i64), u64)| {
        let name = series.genres.get(usize::from(genre)).cloned();
        let part = count as f64 / all[&year] as f64;
        (name.unwrap_or_default(), year as f64, part, count)
    };
    own.into_iter().map(point).collect()
}

/// Sums of which a correlation is made.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: u64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    fn join(&mut self, other: &Self) {
        self.n += other.n;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    /// Pearson's correlation; NaN where one of the two hardly differs.
    fn correlation(&self) -> f64 {
        let n = self.n as f64;
        let deviation = |sum: f64, squares: f64| squares - sum * sum / n;
        let (x, y) = (deviation(self.x, self.xx), deviation(self.y, self.yy));
        match x > 1e-9 * self.xx && y > 1e-9 * self.yy {
            true => (self.xy - self.x * self.y / n) / (x * y).sqrt(),
            false => f64::NAN,
        }
    }
}

/// What goes with the target: every feature of the window's last slot, and the popularity of each slot by how long before the
/// target it is.
fn correlations(
    series: &Series,
    params: &WindowParams,
    pieces: &Pieces,
) -> (Vec<Point>, Vec<Point>) {
    let all = WindowParams {
        features: vec![
            Feature::Share,
            Feature::Count,
            Feature::Log1pCount,
            Feature::Log1pTotal,
            Feature::Age,
            Feature::Season,
            Feature::Genres,
        ],
        ..params.clone()
    };
    let features = Features::unscaled(series, &all, pieces);
    let slots = params.slots as usize;
    let of_pieces = |some: &[&Piece]| {
        let mut own = (
            vec![Sums::default(); features.len()],
            vec![Sums::default(); slots],
        );
        for piece in some {
            let movie = &series.movies[piece.movie];
            let positions = Positions::new(series, movie, params.mode);
            let values = positions.values(piece.from - slots, piece.to);
            let measured: Vec<f64> = values
                .iter()
                .map(|&(slot, count)| params.target.of(count, series.total(slot)))
                .collect();
            for at in slots..values.len() {
                let (slot, count) = values[at - 1];
                let raws = features.raws(movie, features.rated(slot, count));
                for (sums, raw) in own.0.iter_mut().zip(raws) {
                    if let Some(raw) = raw {
                        sums.add(raw, measured[at]);
                    }
                }
                for (before, sums) in own.1.iter_mut().enumerate() {
                    sums.add(measured[at - 1 - before], measured[at]);
                }
            }
        }
        own
    };
    let train: Vec<&Piece> = pieces
        .all
        .iter()
        .filter(|piece| piece.split == Split::Train)
        .collect();
    let parts: Vec<_> = train.par_chunks(TOGETHER).map(of_pieces).collect();
    let mut sums = (
        vec![Sums::default(); features.len()],
        vec![Sums::default(); slots],
    );
    for (of_features, of_lags) in &parts {
        let features = sums.0.iter_mut().zip(of_features);
        for (sum, own) in features.chain(sums.1.iter_mut().zip(of_lags)) {
            sum.join(own);
        }
    }
    let names = features.names();
    let of_features = names.into_iter().zip(&sums.0);
    let of_lags = (1..).zip(&sums.1);
    (
        of_features
            .map(|(name, sums)| (name, 0.0, sums.correlation(), sums.n))
            .collect(),
        of_lags
            .map(|(before, sums): (u32, _)| {
                let name = params.target.name().to_owned();
                (name, f64::from(before), sums.correlation(), sums.n)
            })
            .collect(),
    )
}
