//! Mean and number of the ratings of each movie.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, UInt32Array};

use crate::error::ReadError;
use crate::movielens::ratings;
use crate::movielens::source::Member;
use crate::rejects::Rejects;
use crate::watch::Watch;

/// Movies of smaller ids are counted in a plain array; MovieLens' ids stay far below.
const DENSE: u32 = 1 << 20;

/// The statistics.
pub(crate) struct Statistics {
    /// `movie_id` (i32), `mean` (f64, stars), `count` (u32); by movie, each once.
    pub(crate) columns: [(&'static str, ArrayRef); 3],
    /// Rows of the source, refused ones included.
    pub(crate) rows_in: u64,
}

/// Sum of half stars, and count. Half stars are whole numbers, so a sum does not depend on the order of the
/// rows.
type Sum = (u64, u32);

/// Reads all ratings.
pub(crate) fn read(
    member: Member<'_>,
    threads: usize,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Statistics, ReadError> {
    let mut dense: Vec<Sum> = Vec::new();
    let mut sparse: BTreeMap<u32, Sum> = BTreeMap::new();
    let rows_in = ratings::read(
        member,
        threads,
        rejects,
        watch,
        |rows: &mut Vec<(u32, u8)>, rating| rows.push((rating.movie, rating.half_stars)),
        |rows| {
            for (movie, half_stars) in rows {
                let sum = if movie < DENSE {
                    let place = movie as usize;
                    if place >= dense.len() {
                        dense.resize(place + 1, (0, 0));
                    }
                    &mut dense[place]
                } else {
                    sparse.entry(movie).or_default()
                };
                sum.0 += u64::from(half_stars);
                sum.1 += 1;
            }
            Ok(())
        },
    )?;
    let movies: Vec<(u32, Sum)> = (0..)
        .zip(dense)
        .chain(sparse)
        .filter(|(_, (_, count))| *count > 0)
        .collect();
    let means = movies
        .iter()
        .map(|(_, (sum, count))| *sum as f64 / 2.0 / f64::from(*count));
    Ok(Statistics {
        columns: [
            (
                "movie_id",
                Arc::new(Int32Array::from_iter_values(
                    // Below 2^31, as every movie id.
                    movies.iter().map(|(movie, _)| *movie as i32),
                )),
            ),
            ("mean", Arc::new(Float64Array::from_iter_values(means))),
            (
                "count",
                Arc::new(UInt32Array::from_iter_values(
                    movies.iter().map(|(_, (_, count))| *count),
                )),
            ),
        ],
        rows_in,
    })
}
