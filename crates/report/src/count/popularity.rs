//! The tables `trends` and `windows`, and of `predictions` those of some windows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Float64Array, Int32Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::{PREDICTIONS, TRENDS, WINDOWS};

use super::read;

/// The split whose windows are shown.
const TEST: &str = "test";

/// A point of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) series: String,
    pub(crate) place: f64,
    pub(crate) value: f64,
    pub(crate) n: u64,
}

/// The points of each figure, in the table's order.
pub(crate) fn trends(path: &Path) -> Result<BTreeMap<String, Vec<Point>>, TableError> {
    let mut all: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    let columns = ["figure", "series", "place", "value", "n"];
    read(path, &TRENDS, &columns, |batch| {
        let figures: &StringArray = column(batch, "figure");
        let series: &StringArray = column(batch, "series");
        let places: &Float64Array = column(batch, "place");
        let values: &Float64Array = column(batch, "value");
        let counts: &UInt64Array = column(batch, "n");
        for row in 0..batch.num_rows() {
            let points = all.entry(figures.value(row).to_owned()).or_default();
            points.push(Point {
                series: series.value(row).to_owned(),
                place: places.value(row),
                value: values.value(row),
                n: counts.value(row),
            });
        }
    })?;
    Ok(all)
}

/// A movie's test windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Movie {
    pub(crate) id: i32,
    /// Its ratings in the slots that are forecast.
    pub(crate) ratings: u64,
    /// By slot: the window and the truth.
    pub(crate) slots: BTreeMap<u32, (u64, f64)>,
}

/// The movies with the most ratings in the slots of `test`, so many of them, the one with the most first.
pub(crate) fn most_rated(path: &Path, movies: usize) -> Result<Vec<Movie>, TableError> {
    let mut all: BTreeMap<i32, Movie> = BTreeMap::new();
    let columns = ["window_id", "split", "movie_id", "slot", "target", "count"];
    read(path, &WINDOWS, &columns, |batch| {
        let ids: &UInt64Array = column(batch, "window_id");
        let splits: &StringArray = column(batch, "split");
        let own: &Int32Array = column(batch, "movie_id");
        let slots: &UInt32Array = column(batch, "slot");
        let targets: &Float64Array = column(batch, "target");
        let counts: &UInt32Array = column(batch, "count");
        for row in (0..batch.num_rows()).filter(|&row| splits.value(row) == TEST) {
            let id = own.value(row);
            let movie = all.entry(id).or_default();
            movie.id = id;
            movie.ratings += u64::from(counts.value(row));
            let truth = (ids.value(row), targets.value(row));
            movie.slots.insert(slots.value(row), truth);
        }
    })?;
    let mut all: Vec<Movie> = all.into_values().collect();
    all.sort_by_key(|movie| std::cmp::Reverse(movie.ratings));
    all.truncate(movies);
    Ok(all)
}

/// What was predicted of some windows.
pub(crate) fn predicted(
    path: &Path,
    windows: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, f64>, TableError> {
    let mut all = BTreeMap::new();
    read(path, &PREDICTIONS, &["id", "predicted"], |batch| {
        let ids: &UInt64Array = column(batch, "id");
        let values: &Float64Array = column(batch, "predicted");
        for row in 0..batch.num_rows() {
            if windows.contains(&ids.value(row)) {
                all.insert(ids.value(row), values.value(row));
            }
        }
    })?;
    Ok(all)
}
