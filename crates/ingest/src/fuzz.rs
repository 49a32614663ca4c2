//! The readers of raw bytes as functions, for fuzzing: each takes any bytes, must return, and says how many rows
//! went in, came out and were refused. For all of them `rows_in == rows_out + refused`.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::program::Progress;

use crate::error::ReadError;
use crate::movielens::source::{Member, Source};
use crate::movielens::{movies, ratings};
use crate::rejects::{MaxRejects, Rejects};
use crate::reviews::fuzz as reviews;
use crate::watch::Watch;

/// What a reader counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Rows of the source.
    pub rows_in: u64,
    /// Rows that were taken, or looked at and not needed.
    pub rows_out: u64,
    /// Rows that were refused.
    pub refused: u64,
}

/// MovieLens' `ratings.csv`.
pub fn ratings_csv(bytes: &[u8]) -> Result<Counted, ReadError> {
    with_rejects(|rejects, watch| {
        let mut rows_out = 0;
        let rows_in = ratings::read(
            member("ratings.csv", bytes),
            2,
            rejects,
            watch,
            |rows: &mut u64, _rating| *rows += 1,
            |rows| {
                rows_out += rows;
                Ok(())
            },
        )?;
        Ok((rows_in, rows_out))
    })
}

/// MovieLens' `movies.csv`, which has quotes.
pub fn movies_csv(bytes: &[u8]) -> Result<Counted, ReadError> {
    with_rejects(|rejects, watch| {
        let movies = movies::read(member("movies.csv", bytes), rejects, watch)?;
        Ok((movies.rows_in, movies.by_id.len() as u64))
    })
}

/// The layout of MovieLens' zip archive, and the ratings in it.
pub fn movielens_zip(bytes: &[u8]) -> Result<Counted, ReadError> {
    with_file(bytes, |path| {
        with_rejects(|rejects, watch| {
            let mut source = Source::open(path, watch)?;
            let mut rows_out = 0;
            let rows_in = ratings::read(
                source.member("ratings.csv", watch)?,
                1,
                rejects,
                watch,
                |rows: &mut u64, _rating| *rows += 1,
                |rows| {
                    rows_out += rows;
                    Ok(())
                },
            )?;
            Ok((rows_in, rows_out))
        })
    })
}

/// IMDb's `title.basics.tsv`, plain or in gzip. Rows that nobody needs count as taken.
pub fn titles_tsv(bytes: &[u8]) -> Result<Counted, ReadError> {
    let needed: HashSet<&str> = ["tt0000001", "tt0000002"].into_iter().collect();
    with_file(bytes, |path| {
        with_rejects(|rejects, watch| {
            let rows_in = reviews::titles(path, &needed, rejects, watch)?;
            Ok((rows_in, rows_in - rejects.total()))
        })
    })
}

/// Stanford's archive, a tar in gzip.
pub fn reviews_tar_gz(bytes: &[u8]) -> Result<Counted, ReadError> {
    with_file(bytes, |path| {
        with_rejects(|rejects, watch| reviews::aclimdb(path, rejects, watch))
    })
}

/// Stanford's archive before it is packed: hardly any random bytes are a gzip file with a right checksum.
pub fn reviews_tar(bytes: &[u8]) -> Result<Counted, ReadError> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    // Writing to memory cannot fail.
    packed.write_all(bytes).ok();
    reviews_tar_gz(&packed.finish().unwrap_or_default())
}

/// A table of one's own: CSV, JSON lines or Parquet, plain or in gzip.
pub fn own_table(bytes: &[u8]) -> Result<Counted, ReadError> {
    with_file(bytes, |path| {
        with_rejects(|rejects, watch| reviews::own(path, rejects, watch))
    })
}

fn member<'a>(name: &str, bytes: &'a [u8]) -> Member<'a> {
    Member {
        path: PathBuf::from(name),
        reader: Box::new(bytes),
    }
}

fn with_file<T>(
    bytes: &[u8],
    read: impl FnOnce(&Path) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let io = |source| ReadError::Io {
        path: std::env::temp_dir(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    read(file.path())
}

fn with_rejects(
    read: impl FnOnce(&mut Rejects, &Watch<'_>) -> Result<(u64, u64), ReadError>,
) -> Result<Counted, ReadError> {
    let mut rejects = Rejects::new(MaxRejects::Count(0));
    let progress = Progress::silent();
    let (rows_in, rows_out) = read(&mut rejects, &Watch::idle(&progress))?;
    Ok(Counted {
        rows_in,
        rows_out,
        refused: rejects.total(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nothing_is_lost(counted: Result<Counted, ReadError>) -> bool {
        match counted {
            Ok(counted) => counted.rows_in == counted.rows_out + counted.refused,
            // A source that is refused as a whole has lost nothing either.
            Err(_refused) => true,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn no_row_is_lost_whatever_the_bytes(
            ratings in "((1,2,[0-5]\\.[05],[0-9]{1,11}|[0-9a,.\"\u{0}]{0,14})\r?\n){0,8}",
            movies in "([0-9]{1,2},(\"?[A-Z,()0-9\"]{0,12}),[A-Z|]{0,5}\r?\n){0,8}",
            titles in "((tt000000[0-3]\t){0,2}([a0\t]{0,12})\r?\n){0,8}",
            own in "(([a-z\"\u{0}]{0,5},){0,3}[0-9]{0,2}\r?\n){0,8}",
            any in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let text = format!("userId,movieId,rating,timestamp\n{ratings}");
            prop_assert!(nothing_is_lost(ratings_csv(text.as_bytes())));
            let text = format!("movieId,title,genres\n{movies}");
            prop_assert!(nothing_is_lost(movies_csv(text.as_bytes())));
            let header = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres";
            let text = format!("{header}\n{titles}");
            prop_assert!(nothing_is_lost(titles_tsv(text.as_bytes())));
            let text = format!("text,score\n{own}");
            prop_assert!(nothing_is_lost(own_table(text.as_bytes())));
            for read in [movielens_zip, reviews_tar_gz, reviews_tar, own_table, titles_tsv, ratings_csv] {
                prop_assert!(nothing_is_lost(read(&any)));
            }
        }

        /// Whole archives, with good and bad members.
        #[test]
        fn no_member_is_lost(
            members in prop::collection::vec(
                ("(/|\\.\\./)?(aclImdb/)?(train|test|dev)/((pos|neg|unsup)/[0-9]{1,2}(_[0-9]{1,2})?|urls_pos)\\.txt", "[a\u{0}\u{e9} ]{0,5}"),
                0..8),
            ratings in "((1,2,[0-5]\\.[05],[0-9]{1,11}|[0-9a,]{0,14})\r?\n){0,8}",
        ) {
            let mut archive = tar::Builder::new(Vec::new());
            for (name, text) in &members {
                let mut header = tar::Header::new_gnu();
                header.set_size(text.len() as u64);
                header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
                header.set_cksum();
                archive.append(&header, text.as_bytes()).unwrap();
            }
            match reviews_tar(&archive.into_inner().unwrap()) {
                Ok(counted) => {
                    prop_assert_eq!(counted.rows_in, counted.rows_out + counted.refused);
                    let reviews = members.iter().filter(|(name, _)| !name.contains("dev/") && !name.contains("urls_"));
                    prop_assert!(counted.rows_in >= reviews.count() as u64);
                }
                Err(error) => {
                    let is_empty = matches!(error, ReadError::NoReviews { .. } | ReadError::OtherFormat { .. });
                    prop_assert!(is_empty, "{}", error);
                }
            }
            let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            archive.start_file("ml/ratings.csv", zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(format!("userId,movieId,rating,timestamp\n{ratings}").as_bytes()).unwrap();
            let counted = movielens_zip(&archive.finish().unwrap().into_inner()).unwrap();
            prop_assert_eq!(counted.rows_in, counted.rows_out + counted.refused);
            prop_assert_eq!(counted.rows_in, ratings.matches('\n').count() as u64);
        }
    }
}
