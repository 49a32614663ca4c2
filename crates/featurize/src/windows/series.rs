//! The table `popularity` in memory: movies with the slots in which they were rated.
//!
//! Owns reading and checking it. 8 bytes a row, and a little for each movie and slot.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use arrow::array::{Array as _, Int32Array, ListArray, StringArray, UInt32Array};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::{StageError, tables};
use thiserror::Error;

/// Rows read at a time.
const READ_ROWS: usize = 65_536;

/// Why a table of popularity is refused.
#[derive(Debug, Error)]
pub enum SeriesError {
    /// Rows are not in their order.
    #[error(
        "slot {slot} of movie {movie} is not behind the row before it: the table is not sorted by `movie_id` and `slot`"
    )]
    Order {
        /// The movie.
        movie: i32,
        /// The slot.
        slot: u32,
    },
    /// A row without ratings.
    #[error("movie {movie} has no ratings in slot {slot}: such slots have no row")]
    Empty {
        /// The movie.
        movie: i32,
        /// The slot.
        slot: u32,
    },
    /// Nothing to make windows of.
    #[error("the table of popularity has no rows")]
    NoRows,
}

/// A movie.
#[derive(Debug)]
pub struct Movie {
    /// MovieLens' number.
    pub id: i32,
    /// When it came out, if that is known.
    pub release_year: Option<i32>,
    /// Numbers of its genres.
    pub(super) genres: Vec<u16>,
    /// Its rows.
    pub(super) rows: Range<usize>,
}

/// All movies.
#[derive(Debug, Default)]
pub struct Series {
    pub(super) movies: Vec<Movie>,
    /// Of each row, rising within a movie.
    pub(super) slots: Vec<u32>,
    /// Of each row, above 0.
    pub(super) counts: Vec<u32>,
    /// All ratings of each slot, from the first one of the table on.
    totals: Vec<u64>,
    first: u32,
    /// By number.
    pub(super) genres: Vec<String>,
}

impl Series {
    /// Reads a table; genres only where they are asked for. `between` is told the rows so far and all rows, and ends the work.
    ///
    /// # Errors
    /// If it is no such table, is not sorted, has no rows, or `between` says so.
    pub fn read(
        path: &Path,
        genres: bool,
        mut between: impl FnMut(u64, u64) -> Result<(), StageError>,
    ) -> Result<Self, StageError> {
        let reader = TableReader::open(path, &tables::POPULARITY)?;
        let rows = reader.rows();
        let mut columns = vec!["movie_id", "slot", "count", "release_year"];
        if genres {
            columns.push("genres");
        }
        let mut series = Self::default();
        let mut numbers: BTreeMap<String, u16> = BTreeMap::new();
        let (mut first, mut last) = (u32::MAX, 0);
        for batch in reader.batches_of(READ_ROWS, &columns)? {
            between(series.slots.len() as u64, rows)?;
            let batch = batch?;
            let ids: &Int32Array = column(&batch, "movie_id");
            let slots: &UInt32Array = column(&batch, "slot");
            let counts: &UInt32Array = column(&batch, "count");
            let years: &Int32Array = column(&batch, "release_year");
            let lists: Option<&ListArray> = genres.then(|| column(&batch, "genres"));
            for row in 0..batch.num_rows() {
                let (id, slot, count) = (ids.value(row), slots.value(row), counts.value(row));
                let at = series.slots.len();
                if count == 0 {
                    return Err(StageError::input(SeriesError::Empty { movie: id, slot }));
                }
                match series.movies.last_mut() {
                    Some(movie) if movie.id == id && series.slots[at - 1] < slot => {
                        movie.rows.end = at + 1;
                    }
                    Some(movie) if movie.id >= id => {
                        return Err(StageError::input(SeriesError::Order { movie: id, slot }));
                    }
                    _ => series.movies.push(Movie {
                        id,
                        release_year: years.is_valid(row).then(|| years.value(row)),
                        genres: lists
                            .map_or_else(Vec::new, |lists| numbered(lists, row, &mut numbers)),
                        rows: at..at + 1,
                    }),
                }
                (first, last) = (first.min(slot), last.max(slot));
                series.slots.push(slot);
                series.counts.push(count);
            }
        }
        if series.slots.is_empty() {
            return Err(StageError::input(SeriesError::NoRows));
        }
        series.first = first;
        series.totals = vec![0; (last - first) as usize + 1];
        for (&slot, &count) in series.slots.iter().zip(&series.counts) {
            series.totals[(slot - first) as usize] += u64::from(count);
        }
        series.genres = vec![String::new(); numbers.len()];
        for (name, number) in numbers {
            series.genres[usize::from(number)] = name;
        }
        Ok(series)
    }

    /// The first and the last slot in which anything was rated.
    pub fn span(&self) -> (u32, u32) {
        (self.first, self.first + self.totals.len() as u32 - 1)
    }

    /// All ratings of a slot of the span.
    pub fn total(&self, slot: u32) -> u64 {
        self.totals[(slot - self.first) as usize]
    }

    /// The number of a movie in `movies`; none where it was never rated.
    pub fn movie(&self, id: i32) -> Option<usize> {
        self.movies.binary_search_by_key(&id, |movie| movie.id).ok()
    }

    /// The movies, by their ids.
    pub fn movies(&self) -> &[Movie] {
        &self.movies
    }

    /// The ratings of a movie in a slot.
    pub fn count(&self, movie: &Movie, slot: u32) -> u32 {
        let found = self.slots[movie.rows.clone()].binary_search(&slot);
        found.map_or(0, |row| self.counts[movie.rows.start + row])
    }

    /// The ratings of a movie up to a slot, that one included.
    pub fn ratings_until(&self, movie: &Movie, last: u32) -> u64 {
        let slots = &self.slots[movie.rows.clone()];
        let rows = slots.partition_point(|slot| *slot <= last);
        let counts = &self.counts[movie.rows.start..movie.rows.start + rows];
        counts.iter().map(|count| u64::from(*count)).sum()
    }
}

fn numbered(lists: &ListArray, row: usize, numbers: &mut BTreeMap<String, u16>) -> Vec<u16> {
    if lists.is_null(row) {
        return Vec::new();
    }
    let list = lists.value(row);
    let Some(names) = list.as_any().downcast_ref::<StringArray>() else {
        return Vec::new();
    };
    let mut own = Vec::with_capacity(names.len());
    for name in names.iter().flatten() {
        let next = u16::try_from(numbers.len()).unwrap_or(u16::MAX);
        own.push(*numbers.entry(name.to_owned()).or_insert(next));
    }
    own
}
