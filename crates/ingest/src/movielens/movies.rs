//! MovieLens' `movies.csv`: genres, and the year of release out of a title such as `Title, The (1995)`.
//!
//! This file, unlike `ratings.csv` and `links.csv`, has quoted fields: a title with a comma stands in
//! quotes.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::error::ReadError;
use crate::lines::each_once;
use crate::movielens::ratings::id;
use crate::movielens::source::Member;
use crate::records::{Record, Records};
use crate::rejects::{Refusal, Rejects};
use crate::watch::Watch;

/// The name of this source in results and rejects.
pub(crate) const SOURCE: &str = "movielens/movies.csv";

const COLUMNS: [&str; 3] = ["movieId", "title", "genres"];
/// What MovieLens writes where a movie has no genre.
const NO_GENRES: &str = "(no genres listed)";
/// No `movies.csv` is larger: that of all of MovieLens has 4 MB.
const SIZE_LIMIT: u64 = 1 << 30;

/// What is known of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movie {
    pub(crate) genres: Vec<String>,
    pub(crate) release_year: Option<i32>,
}

/// The movies by id.
pub(crate) struct Movies {
    pub(crate) by_id: BTreeMap<u32, Movie>,
    /// Rows of the source, refused ones included.
    pub(crate) rows_in: u64,
}

/// Reads all rows.
pub(crate) fn read(
    member: Member<'_>,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Movies, ReadError> {
    read_limited(member, SIZE_LIMIT, rejects, watch)
}

fn read_limited(
    member: Member<'_>,
    limit: u64,
    rejects: &mut Rejects,
    watch: &Watch<'_>,
) -> Result<Movies, ReadError> {
    let path = member.path;
    let broken = |source: io::Error| match source.kind() {
        io::ErrorKind::FileTooLarge => ReadError::TooLarge {
            path: path.clone(),
            limit,
        },
        _ => ReadError::of_reading(&path, source),
    };
    let mut records = Records::new(Limited {
        inner: member.reader,
        left: limit,
    });
    let header: Vec<String> = match records.read().map_err(broken)? {
        Some(Record {
            fields: Ok(names), ..
        }) => names
            .iter()
            .take(32)
            .map(|name| String::from_utf8_lossy(&name).chars().take(40).collect())
            .collect(),
        _ => Vec::new(),
    };
    let place = |name: &str| header.iter().position(|column| column == name);
    let [Some(id_at), Some(title_at), Some(genres_at)] = COLUMNS.map(place) else {
        return Err(ReadError::Header {
            path: path.clone(),
            expected: COLUMNS.map(String::from).to_vec(),
            found: header,
        });
    };
    let mut movies = Movies {
        by_id: BTreeMap::new(),
        rows_in: 0,
    };
    while let Some(Record { raw, fields, .. }) = records.read().map_err(broken)? {
        movies.rows_in += 1;
        watch.tick("reading MovieLens' movies")?;
        let outcome = fields.map_err(Refusal::NoRow).and_then(|fields| {
            if fields.len() != header.len() {
                return Err(Refusal::Fields {
                    expected: header.len(),
                    found: fields.len(),
                });
            }
            let [movie, title, genres] = [id_at, title_at, genres_at].map(|at| fields.get(at));
            movies.row(&movie, &title, &genres)
        });
        if let Err(reason) = outcome {
            let place = format!("row {}", movies.rows_in);
            rejects.add(SOURCE, place, &reason, raw);
        }
    }
    Ok(movies)
}

/// A source that is refused where it goes on behind a limit: cut there, movies would be lost without a word.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

impl Movies {
    fn row(&mut self, movie: &[u8], title: &[u8], genres: &[u8]) -> Result<(), Refusal> {
        let movie = id("movieId", movie)?;
        let text =
            |bytes| std::str::from_utf8(bytes).map_err(|error| Refusal::Utf8(error.valid_up_to()));
        let (title, genres) = (text(title)?, text(genres)?);
        let genres = match genres {
            NO_GENRES | "" => Vec::new(),
            genres => each_once(genres, '|').map(String::from).collect(),
        };
        let row = Movie {
            genres,
            release_year: release_year(title),
        };
        match self.by_id.entry(movie) {
            std::collections::btree_map::Entry::Occupied(_) => Err(Refusal::DuplicateKey {
                column: "movieId",
                value: movie.to_string(),
            }),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(row);
                Ok(())
            }
        }
    }
}

/// The year in parentheses at the end of a title: 1995 of `Title, The (1995)`, and the first of a series'
/// years, 2006 of `Series (2006-2007)`.
fn release_year(title: &str) -> Option<i32> {
    let inside = title.trim_end().strip_suffix(')')?.rsplit_once('(')?.1;
    let year = inside.get(..4)?;
    let rest = inside[4..].trim_start();
    let ends = rest.is_empty() || rest.starts_with(['-', '\u{2013}']);
    let digits = year.bytes().all(|byte| byte.is_ascii_digit());
    (digits && ends).then(|| year.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use cinescore_artifact::program::Progress;
    use cinescore_artifact::{ErrorClass, StageError};

    use super::*;

    #[test]
    fn the_year_stands_at_the_end_of_a_title() {
        for (title, expected) in [
            ("Title, The (1995)", Some(1995)),
            ("Cit\u{e9}, La (City, The) (1995) ", Some(1995)),
            ("Series (2006-2007)", Some(2006)),
            ("Series (2016\u{2013})", Some(2016)),
            ("2001: A Space Odyssey", None),
            ("Babylon 5", None),
            ("(500) Days", None),
            ("Odd (19951)", None),
            ("Odd (\u{661}\u{669}\u{669}\u{665})", None),
            ("(", None),
            ("", None),
        ] {
            assert_eq!(release_year(title), expected, "{title}");
        }
    }

    #[test]
    fn a_file_that_goes_on_behind_the_limit_is_refused_and_not_cut() {
        let text = b"movieId,title,genres\n1,One (1995),Drama\n2,Two (1996),Drama\n";
        let read = |limit: usize| {
            let member = Member {
                path: PathBuf::from("movies.csv"),
                reader: Box::new(&text[..]),
            };
            let mut rejects = Rejects::new(100.into());
            let progress = Progress::silent();
            let movies = read_limited(member, limit as u64, &mut rejects, &Watch::idle(&progress))?;
            Ok::<_, ReadError>(movies.by_id.len())
        };
        assert_eq!(read(text.len()).unwrap(), 2);
        for limit in [text.len() - 1, text.len() - 20, 0] {
            let error = StageError::from(read(limit).unwrap_err());
            assert_eq!(error.class(), ErrorClass::Input);
            let said = error.render();
            assert!(
                said.contains(&format!("`movies.csv` has more than {limit} bytes")),
                "{said}"
            );
        }
    }

    #[test]
    fn quoted_titles_with_commas_and_both_line_ends_are_read() {
        let text = b"movieId,title,genres\r\n1,\"Quoted, \"\"The\"\" (1995)\",Action|Drama\r\n2,Plain (1996),(no genres listed)\n\
            2,Again (1997),Drama\nx,No id (1997),Drama\n3,\xff (1997),Drama\n4,short\n";
        let mut rejects = Rejects::new(100.into());
        let member = Member {
            path: PathBuf::from("movies.csv"),
            reader: Box::new(&text[..]),
        };
        let movies = read(member, &mut rejects, &Watch::idle(&Progress::silent())).unwrap();
        assert_eq!((movies.rows_in, rejects.total()), (6, 4));
        let found: Vec<(u32, Movie)> = movies.by_id.into_iter().collect();
        let movie = |genres: &[&str], year| Movie {
            genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
            release_year: Some(year),
        };
        assert_eq!(
            found,
            [
                (1, movie(&["Action", "Drama"], 1995)),
                (2, movie(&[], 1996))
            ]
        );
    }
}
