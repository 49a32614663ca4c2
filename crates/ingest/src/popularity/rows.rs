//! The rows of the `popularity` table: counts, with genres and year of each movie.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int32Builder, ListBuilder, RecordBatch, StringBuilder,
    UInt32Array,
};
use arrow::error::ArrowError;
use cinescore_artifact::tables::POPULARITY;

use super::count::Counted;
use crate::movielens::movies::Movie;

/// Makes rows on any thread.
pub(super) struct Rows {
    movies: BTreeMap<u32, Movie>,
    unknown: Mutex<BTreeSet<u32>>,
}

impl Rows {
    pub(super) fn new(movies: BTreeMap<u32, Movie>) -> Self {
        Self {
            movies,
            unknown: Mutex::default(),
        }
    }

    /// Movies so far that `movies.csv` does not have.
    pub(super) fn unknown_movies(&self) -> usize {
        self.unknown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The rows of these counts, which are sorted by movie.
    pub(super) fn batch(&self, counts: &[Counted]) -> Result<RecordBatch, ArrowError> {
        let mut genres = ListBuilder::with_capacity(StringBuilder::new(), counts.len());
        let mut years = Int32Builder::with_capacity(counts.len());
        for run in counts.chunk_by(|a, b| a.movie == b.movie) {
            let movie = self.movie(run[0].movie);
            for _ in run {
                match movie {
                    Some(movie) => {
                        for genre in &movie.genres {
                            genres.values().append_value(genre);
                        }
                        genres.append(true);
                    }
                    None => genres.append(false),
                }
            }
            match movie.and_then(|movie| movie.release_year) {
                Some(year) => years.append_value_n(year, run.len()),
                None => years.append_nulls(run.len()),
            }
        }
        let number = |of: fn(&Counted) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(counts.iter().map(of)))
        };
        let share = |row: &Counted| f64::from(row.count) / f64::from(row.total);
        let columns: Vec<ArrayRef> = vec![
            // Ids are below 2^31.
            Arc::new(Int32Array::from_iter_values(
                counts.iter().map(|row| row.movie as i32),
            )),
            number(|row| row.slot),
            number(|row| row.count),
            Arc::new(Float64Array::from_iter_values(counts.iter().map(share))),
            Arc::new(genres.finish()),
            Arc::new(years.finish()),
        ];
        POPULARITY.batch(columns)
    }

    fn movie(&self, movie: u32) -> Option<&Movie> {
        let found = self.movies.get(&movie);
        if found.is_none() {
            self.unknown
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(movie);
        }
        found
    }
}
