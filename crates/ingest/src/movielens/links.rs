//! MovieLens' `links.csv`: which IMDb title each movie is.

use std::collections::{HashMap, HashSet};
use std::io::BufReader;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, UInt64Array};

use crate::error::ReadError;
use crate::lines::{Lines, columns};
use crate::movielens::ratings::id;
use crate::movielens::source::Member;
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;

/// The name of this source in results and rejects.
pub(crate) const SOURCE: &str = "movielens/links.csv";

const COLUMNS: [&str; 2] = ["movieId", "imdbId"];

/// The links.
pub(crate) struct Links {
    /// `imdb_id` (u64, the number after `tt`) and `movie_id` (i32), by the first; each of both once.
    pub(crate) columns: [(&'static str, ArrayRef); 2],
    /// Rows of the source, refused ones included.
    pub(crate) rows_in: u64,
}

/// Reads all rows.
pub(crate) fn read(
    member: Member<'_>,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Links, ReadError> {
    let path = member.path;
    let broken = |source| ReadError::of_reading(&path, source);
    let mut lines = Lines::new(BufReader::new(member.reader));
    let header = lines.header().map_err(broken)?;
    let places = columns(&header, ',', COLUMNS).map_err(|found| ReadError::Header {
        path: path.clone(),
        expected: COLUMNS.map(String::from).to_vec(),
        found,
    })?;
    let mut collector = Collector {
        places,
        width: header.split(|&byte| byte == b',').count(),
        movie_of_title: HashMap::new(),
        movies: HashSet::new(),
    };
    let mut rows_in = 0;
    while let Some(line) = lines.read().map_err(broken)? {
        rows_in += 1;
        watch.tick("reading MovieLens' links")?;
        if let Err(reason) = line.text().and_then(|bytes| collector.row(bytes)) {
            rejects.add(SOURCE, line.place(), &reason, line.bytes);
        }
    }
    Ok(collector.finish(rows_in))
}

struct Collector {
    places: [usize; COLUMNS.len()],
    width: usize,
    movie_of_title: HashMap<u64, i32>,
    movies: HashSet<i32>,
}

impl Collector {
    fn row(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b',').collect();
        if fields.len() != self.width {
            return Err(Refusal::Fields {
                expected: self.width,
                found: fields.len(),
            });
        }
        let [movie, title] = self.places.map(|place| fields[place]);
        // Below 2^31, so it fits.
        let movie = id("movieId", movie)? as i32;
        let title = std::str::from_utf8(title)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Refusal::value("imdbId", title, "a whole number"))?;
        // A movie or title that came twice would multiply the reviews joined to it.
        if self.movie_of_title.contains_key(&title) {
            return Err(Refusal::DuplicateKey {
                column: "imdbId",
                value: title.to_string(),
            });
        }
        if !self.movies.insert(movie) {
            return Err(Refusal::DuplicateKey {
                column: "movieId",
                value: movie.to_string(),
            });
        }
        self.movie_of_title.insert(title, movie);
        Ok(())
    }

    fn finish(self, rows_in: u64) -> Links {
        let mut pairs: Vec<(u64, i32)> = self.movie_of_title.into_iter().collect();
        pairs.sort_unstable();
        let (titles, movies): (Vec<u64>, Vec<i32>) = pairs.into_iter().unzip();
        Links {
            columns: [
                ("imdb_id", Arc::new(UInt64Array::from(titles))),
                ("movie_id", Arc::new(Int32Array::from(movies))),
            ],
            rows_in,
        }
    }
}
