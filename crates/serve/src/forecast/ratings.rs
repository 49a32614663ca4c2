//! The ratings to forecast from: MovieLens' files, or the table that `cinescore-ingest popularity` makes of them.
//!
//! Owns telling the two apart. Files are counted by the code of that stage, into a table in a temporary folder.

use std::io::Read as _;
use std::path::Path;

use cinescore_artifact::StageError;
use cinescore_artifact::slots::SlotUnit;
use cinescore_featurize::windows::Series;
use cinescore_ingest::MaxRejects;
use cinescore_ingest::popularity::{self, Counted, Given};

/// How every Parquet file begins.
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
/// How every zip archive begins.
const ZIP_MAGIC: &[u8; 4] = b"PK\x03\x04";

/// Ratings in memory.
#[derive(Debug)]
pub struct Ratings {
    /// By movie and slot.
    pub series: Series,
    /// What was counted; none where a table was given, which has been counted before.
    pub counted: Option<Counted>,
}

impl Ratings {
    /// Reads MovieLens' archive or folder, a `ratings.csv` with its `movies.csv`, or a table `popularity` of such slots.
    /// `reads_movies`: whether the network needs what `movies.csv` says.
    ///
    /// # Errors
    /// If a file cannot be read, is cut off or something else, has too many rows that are refused, or nothing in it.
    pub fn read(
        path: &Path,
        movies: Option<&Path>,
        unit: SlotUnit,
        reads_movies: bool,
        max_rejects: MaxRejects,
        threads: usize,
    ) -> Result<Self, StageError> {
        if !path.exists() {
            return Err(StageError::usage(format!(
                "there is no `{}`",
                path.display()
            )));
        }
        let mut magic = [0; 4];
        let begins = !path.is_dir() && fs_err::File::open(path)?.read_exact(&mut magic).is_ok();
        let table = begins && &magic == PARQUET_MAGIC;
        let zipped = begins && &magic == ZIP_MAGIC;
        let single = !(table || zipped || path.is_dir());
        if movies.is_some() && !single {
            let message = format!("`{}` has its movies with it", path.display());
            return Err(StageError::usage(message).hint("leave --movies out"));
        }
        if single && movies.is_none() && reads_movies {
            let message =
                "the network reads years of release or genres, which are not in the ratings";
            return Err(StageError::usage(message).hint("give --movies, MovieLens' movies.csv"));
        }
        if table {
            return Ok(Self {
                series: series(path, reads_movies)?,
                counted: None,
            });
        }
        let given = match single {
            true => Given::Files {
                ratings: path,
                movies,
            },
            false => Given::MovieLens(path),
        };
        let folder = tempfile::tempdir()?;
        let made = folder.path().join("popularity.parquet");
        let counted = popularity::count(given, unit, max_rejects, threads, &made)?;
        if counted.ratings == 0 {
            let message = format!("`{}` has no ratings", path.display());
            return Err(StageError::input(message));
        }
        Ok(Self {
            series: series(&made, reads_movies)?,
            counted: Some(counted),
        })
    }
}

fn series(path: &Path, genres: bool) -> Result<Series, StageError> {
    Series::read(path, genres, |_, _| Ok(())).map_err(|error| {
        error.hint("give MovieLens' archive, folder or ratings.csv, or the table `popularity` that ingest makes of them")
    })
}
