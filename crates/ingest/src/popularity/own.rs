//! The same table without a pipeline: for whoever forecasts from ratings of their own.
//!
//! Owns which files may be given. Reads and refuses as the kind `popularity` does, and writes that table and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::program::Progress;
use cinescore_artifact::slots::SlotUnit;

use super::{Out, make};
use crate::movielens::movies::{self, Movies};
use crate::movielens::source::Source;
use crate::rejects::{MaxRejects, Rejects};
use crate::watch::Watch;

/// Ratings, and where they lie.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// MovieLens' zip archive, or the folder extracted from it.
    MovieLens(&'a Path),
    /// Single files, plain or gzip.
    Files {
        /// In the form of `ratings.csv`.
        ratings: &'a Path,
        /// In the form of `movies.csv`; without it no genres and no years of release are known.
        movies: Option<&'a Path>,
    },
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Ratings that were counted.
    pub ratings: usize,
    /// Rows that were refused.
    pub refused: u64,
    /// For each source and reason how many rows were refused, and where the first one is.
    pub reasons: Vec<String>,
    /// Rated movies of which neither genres nor year are known.
    pub unknown_movies: usize,
}

/// Counts ratings by movie and slot, into the table `popularity` at `out`.
///
/// # Errors
/// If a file cannot be read, is cut off, or has more refused rows than `max_rejects`.
pub fn count(
    given: Given<'_>,
    unit: SlotUnit,
    max_rejects: MaxRejects,
    threads: usize,
    out: &Path,
) -> Result<Counted, StageError> {
    let progress = Progress::silent();
    let watch = Watch::idle(&progress);
    let mut rejects = Rejects::new(max_rejects);
    let mut source = match given {
        Given::MovieLens(path) => Source::open(path, &watch)?,
        Given::Files { ratings, movies } => {
            let file = |path: &Path| -> PathBuf { path.to_owned() };
            let ratings = ("ratings.csv", file(ratings));
            let movies = movies.map(|path| ("movies.csv", file(path)));
            Source::Files([Some(ratings), movies].into_iter().flatten().collect())
        }
    };
    let known = match given {
        Given::Files { movies: None, .. } => Movies {
            by_id: BTreeMap::new(),
            rows_in: 0,
        },
        _ => movies::read(source.member("movies.csv", &watch)?, &mut rejects, &watch)?,
    };
    let out = Out {
        path: out.to_owned(),
        threads,
        progress: &progress,
    };
    let made = make(&mut source, known, unit, &mut rejects, &out, &watch)?;
    Ok(Counted {
        ratings: made.kept,
        refused: rejects.total(),
        reasons: rejects.reasons(),
        unknown_movies: made.unknown,
    })
}
