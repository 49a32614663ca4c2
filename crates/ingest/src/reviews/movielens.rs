//! MovieLens: which IMDb title each movie is (`links.csv`), and the mean and number of its ratings
//! (`ratings.csv`), from the zip archive or the folder extracted from it.
//!
//! Owns the statistics by movie. Does not own the single ratings: their users and times are not looked
//! at here. Ratings are streamed; memory grows with the movies only.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, UInt32Array, UInt64Array};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::ReadError;
use crate::input::{Packing, open_file, packing};
use crate::lines::{Lines, columns};
use crate::rejects::{Refusal, Rejects};
use crate::watch::{Counted, Watch};

/// The name of the links in results and rejects.
pub(super) const LINKS_SOURCE: &str = "movielens/links.csv";
/// The name of the ratings in results and rejects.
pub(super) const RATINGS_SOURCE: &str = "movielens/ratings.csv";
/// Rows between two looks at the clock and the interrupt flag.
const TICK_ROWS: u64 = 4096;
const BUFFER: usize = 256 << 10;

/// Named columns of equal lengths.
type Columns<const N: usize> = [(&'static str, ArrayRef); N];

/// What is known of MovieLens' movies.
pub(super) struct MovieLens {
    /// `imdb_id` (u64, the number after `tt`), `movie_id` (i32); each of both once.
    pub(super) links: Columns<2>,
    /// `movie_id` (i32), `mean` (f64, stars), `count` (u32); each movie once.
    pub(super) ratings: Columns<3>,
    pub(super) links_in: u64,
    pub(super) ratings_in: u64,
}

/// Reads the zip archive or folder.
pub(super) fn read(
    path: &Path,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<MovieLens, ReadError> {
    let mut source = Source::open(path, watch)?;
    let (name, reader) = source.member("links.csv", watch)?;
    let (links, links_in) = read_links(reader, &name, rejects, watch)?;
    let (name, reader) = source.member("ratings.csv", watch)?;
    let (ratings, ratings_in) = read_ratings(reader, &name, rejects, watch)?;
    Ok(MovieLens {
        links,
        ratings,
        links_in,
        ratings_in,
    })
}

type Named<'a> = (PathBuf, Box<dyn BufRead + 'a>);

/// Where the files come from.
enum Source {
    Folder(PathBuf),
    Zip(PathBuf, ZipArchive<BufReader<Counted<std::fs::File>>>),
}

impl Source {
    fn open(path: &Path, watch: &Watch<'_>) -> Result<Self, ReadError> {
        watch.tick("reading MovieLens")?;
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if packing(path)? != Packing::Zip {
            return Err(ReadError::OtherFormat {
                path: path.to_owned(),
                wanted: "a zip archive",
            });
        }
        let archive =
            ZipArchive::new(BufReader::new(watch.count(open_file(path)?))).map_err(|error| {
                match error {
                    ZipError::Io(source) => ReadError::of_reading(path, source),
                    // The directory stands at the end: a file that begins as a zip and has none is cut off.
                    other => ReadError::CutOff {
                        path: path.to_owned(),
                        source: std::io::Error::other(other),
                    },
                }
            })?;
        Ok(Self::Zip(path.to_owned(), archive))
    }

    /// Opens the one file of this name, at the top or in one folder, with its name for messages.
    fn member<'a>(
        &'a mut self,
        name: &'static str,
        watch: &Watch<'_>,
    ) -> Result<Named<'a>, ReadError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                if !path.is_file() {
                    return Err(ReadError::NotOneFile {
                        path: folder.clone(),
                        name,
                        found: Vec::new(),
                    });
                }
                let reader = BufReader::with_capacity(BUFFER, watch.count(open_file(&path)?));
                Ok((path, Box::new(reader)))
            }
            Self::Zip(path, archive) => {
                let is_it = |member: &str| {
                    member == name || member.split_once('/').is_some_and(|(_, rest)| rest == name)
                };
                let found: Vec<String> = archive
                    .file_names_raw()
                    .map(|member| String::from_utf8_lossy(member).into_owned())
                    .filter(|member| is_it(member))
                    .collect();
                let [member] = found.as_slice() else {
                    return Err(ReadError::NotOneFile {
                        path: path.clone(),
                        name,
                        found,
                    });
                };
                let file = archive.by_name(member).map_err(|error| match error {
                    ZipError::Io(source) => ReadError::of_reading(path, source),
                    other => ReadError::Damaged {
                        path: path.clone(),
                        source: std::io::Error::other(other),
                    },
                })?;
                Ok((
                    path.join(member),
                    Box::new(BufReader::with_capacity(BUFFER, file)),
                ))
            }
        }
    }
}

/// Gives each row's wanted fields to `take`, which says what is wrong with it.
fn read_rows<const N: usize>(
    reader: impl BufRead,
    path: &Path,
    needed: [&'static str; N],
    source: &'static str,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
    mut take: impl FnMut([&[u8]; N]) -> Result<(), Refusal>,
) -> Result<u64, ReadError> {
    let broken = |source| ReadError::of_reading(path, source);
    let mut lines = Lines::new(reader);
    let header = lines
        .read()
        .map_err(broken)?
        .map(|line| line.bytes.to_vec())
        .unwrap_or_default();
    let places = columns(&header, ',', needed).map_err(|found| ReadError::Header {
        path: path.to_owned(),
        expected: needed.map(String::from).to_vec(),
        found,
    })?;
    let width = header.split(|&byte| byte == b',').count();
    let mut rows = 0;
    while let Some(line) = lines.read().map_err(broken)? {
        rows += 1;
        if rows % TICK_ROWS == 0 {
            watch.tick("reading MovieLens")?;
        }
        let mut fields = [&b""[..]; N];
        let mut found = 0;
        for (index, field) in line.bytes.split(|&byte| byte == b',').enumerate() {
            if let Some(wanted) = places.iter().position(|place| *place == index) {
                fields[wanted] = field;
            }
            found = index + 1;
        }
        let outcome = if found == width {
            take(fields)
        } else {
            Err(Refusal::Fields {
                expected: width,
                found,
            })
        };
        if let Err(reason) = outcome {
            rejects.add(source, line.place(), &reason, line.bytes);
        }
    }
    Ok(rows)
}

fn whole<T: std::str::FromStr>(column: &'static str, field: &[u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(field)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Refusal::value(column, field, "a whole number"))
}

fn read_links(
    reader: impl BufRead,
    path: &Path,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<(Columns<2>, u64), ReadError> {
    let mut movie_of_title: HashMap<u64, i32> = HashMap::new();
    let mut movies = HashSet::new();
    let take = |[movie, title]: [&[u8]; 2]| {
        let movie: i32 = whole("movieId", movie)?;
        let title: u64 = whole("imdbId", title)?;
        // A movie or title that came twice would multiply the reviews joined to it.
        if movie_of_title.contains_key(&title) {
            return Err(Refusal::DuplicateKey {
                column: "imdbId",
                value: title.to_string(),
            });
        }
        if !movies.insert(movie) {
            return Err(Refusal::DuplicateKey {
                column: "movieId",
                value: movie.to_string(),
            });
        }
        movie_of_title.insert(title, movie);
        Ok(())
    };
    let rows = read_rows(
        reader,
        path,
        ["movieId", "imdbId"],
        LINKS_SOURCE,
        rejects,
        watch,
        take,
    )?;
    let mut pairs: Vec<(u64, i32)> = movie_of_title.into_iter().collect();
    pairs.sort_unstable();
    let (titles, movies): (Vec<u64>, Vec<i32>) = pairs.into_iter().unzip();
    let links: Columns<2> = [
        ("imdb_id", Arc::new(UInt64Array::from(titles))),
        ("movie_id", Arc::new(Int32Array::from(movies))),
    ];
    Ok((links, rows))
}

fn read_ratings(
    reader: impl BufRead,
    path: &Path,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<(Columns<3>, u64), ReadError> {
    // Half stars are whole numbers, so a sum does not depend on the order of the rows.
    let mut half_stars: HashMap<i32, (u64, u32)> = HashMap::new();
    let take = |[movie, rating]: [&[u8]; 2]| {
        let movie = whole("movieId", movie)?;
        let halves = half_stars_of(rating)?;
        let (sum, count) = half_stars.entry(movie).or_default();
        *sum += halves;
        *count += 1;
        Ok(())
    };
    let rows = read_rows(
        reader,
        path,
        ["movieId", "rating"],
        RATINGS_SOURCE,
        rejects,
        watch,
        take,
    )?;
    let mut movies: Vec<(i32, (u64, u32))> = half_stars.into_iter().collect();
    movies.sort_unstable();
    let means = movies
        .iter()
        .map(|(_, (sum, count))| *sum as f64 / 2.0 / f64::from(*count));
    let ratings: Columns<3> = [
        (
            "movie_id",
            Arc::new(Int32Array::from_iter_values(
                movies.iter().map(|(movie, _)| *movie),
            )),
        ),
        ("mean", Arc::new(Float64Array::from_iter_values(means))),
        (
            "count",
            Arc::new(UInt32Array::from_iter_values(
                movies.iter().map(|(_, (_, count))| *count),
            )),
        ),
    ];
    Ok((ratings, rows))
}

/// A rating of 0.5 to 5 stars in half stars.
fn half_stars_of(field: &[u8]) -> Result<u64, Refusal> {
    let halves = match field {
        [stars @ b'0'..=b'5'] | [stars @ b'0'..=b'5', b'.', b'0'] => u64::from(stars - b'0') * 2,
        [stars @ b'0'..=b'4', b'.', b'5'] => u64::from(stars - b'0') * 2 + 1,
        _ => 0,
    };
    if halves == 0 {
        Err(Refusal::value("rating", field, "0.5 to 5 in halves"))
    } else {
        Ok(halves)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::datatypes::{Float64Type, Int32Type, UInt32Type, UInt64Type};
    use cinescore_artifact::program::Progress;

    use super::*;

    #[test]
    fn means_and_links_are_exact_and_bad_rows_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
        write(
            "links.csv",
            "movieId,imdbId,tmdbId\r\n1,0114709,862\r\n2,10872600,\r\n3,0114709,5\r\n1,0000007,5\r\nx,0000008,5\r\n",
        );
        write(
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,1,4.0,9\n2,1,3.5,9\n2,2,5,9\n2,2,5.5,9\n2,2,0.0,9\n2,2\n",
        );
        let mut rejects = Rejects::new(100);
        let read = read(
            folder.path(),
            &mut rejects,
            &Watch::idle(&Progress::silent()),
        )
        .unwrap();
        assert_eq!((read.links_in, read.ratings_in), (5, 6));
        assert_eq!(
            (rejects.of(LINKS_SOURCE), rejects.of(RATINGS_SOURCE)),
            (3, 3)
        );
        assert_eq!(
            read.links[0]
                .1
                .as_primitive::<UInt64Type>()
                .values()
                .to_vec(),
            [114_709, 10_872_600]
        );
        assert_eq!(
            read.links[1]
                .1
                .as_primitive::<Int32Type>()
                .values()
                .to_vec(),
            [1, 2]
        );
        assert_eq!(
            read.ratings[1]
                .1
                .as_primitive::<Float64Type>()
                .values()
                .to_vec(),
            [3.75, 5.0]
        );
        assert_eq!(
            read.ratings[2]
                .1
                .as_primitive::<UInt32Type>()
                .values()
                .to_vec(),
            [2, 1]
        );
    }
}
