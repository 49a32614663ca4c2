//! Ratings as MovieLens has them: `userId,movieId,rating,timestamp`.
//!
//! Stars from 1 to 10 become 0.5 to 5 in steps of a half. A movie is named by MovieLens' number, or by the title's id of
//! IMDb (`tt0114709`) and MovieLens' own `links.csv`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;

use super::rows::{Cell, Chunk};

/// The columns of the output.
pub(super) const COLUMNS: [&str; 4] = ["userId", "movieId", "rating", "timestamp"];

/// From which columns MovieLens' come.
#[derive(Debug, Clone)]
pub struct MovieLens {
    /// The column with the user's number.
    pub user: String,
    /// How a movie is named.
    pub movie: Movie,
    /// Where the time comes from.
    pub timestamp: Timestamp,
}

/// How a movie is named.
#[derive(Debug, Clone)]
pub enum Movie {
    /// A column with MovieLens' number.
    Number(String),
    /// A column with IMDb's id, and the file of links.
    Title(String, PathBuf),
}

/// Where the time comes from, in seconds since 1970.
#[derive(Debug, Clone)]
pub enum Timestamp {
    /// A column.
    Column(String),
    /// The same for all rows.
    Always(i64),
}

/// Rows to MovieLens' fields.
#[derive(Debug)]
pub(super) struct ToMovieLens {
    columns: MovieLens,
    /// MovieLens' number of each number of IMDb.
    links: HashMap<u64, u64>,
}

impl ToMovieLens {
    /// Reads the links, where there are any, and checks that the columns are there.
    pub(super) fn new(columns: &MovieLens, known: &[String]) -> Result<Self, StageError> {
        let mut wanted = vec![&columns.user];
        if let Timestamp::Column(name) = &columns.timestamp {
            wanted.push(name);
        }
        wanted.push(match &columns.movie {
            Movie::Number(name) | Movie::Title(name, _) => name,
        });
        for name in wanted {
            if !known.contains(name) {
                return Err(StageError::usage(format!("there is no column `{name}`")).hint(
                    "name MovieLens' columns with --user-column, --movie-column or --title-column, and --timestamp-column (or --timestamp)",
                ));
            }
        }
        let links = match &columns.movie {
            Movie::Number(_) => HashMap::new(),
            Movie::Title(_, path) => read_links(path)?,
        };
        Ok(Self {
            columns: columns.clone(),
            links,
        })
    }

    /// The fields of each row but the rating; or why a row has none.
    pub(super) fn fields(
        &self,
        columns: &[String],
        chunk: &Chunk,
    ) -> Result<Vec<Result<[String; 3], String>>, StageError> {
        let column = |name: &str| chunk.rows.column(columns, name).map_err(StageError::failed);
        let users = column(&self.columns.user)?;
        let (Movie::Number(name) | Movie::Title(name, _)) = &self.columns.movie;
        let movies = column(name)?;
        let times = match &self.columns.timestamp {
            Timestamp::Column(name) => column(name)?,
            Timestamp::Always(time) => vec![Cell::Literal(time.to_string()); users.len()],
        };
        let number = |what: &str, cell: &Cell<'_>| {
            let text = cell.as_field().trim();
            match text.parse::<i64>() {
                Ok(number) => Ok(number.to_string()),
                Err(_) => Err(format!("`{text}` is no {what}")),
            }
        };
        let rows = users.iter().zip(&movies).zip(&times);
        Ok(rows
            .map(|((user, movie), time)| {
                let movie = match &self.columns.movie {
                    Movie::Number(_) => number("movie's number", movie)?,
                    Movie::Title(..) => self.linked(movie.as_field())?,
                };
                Ok([
                    number("user's number", user)?,
                    movie,
                    number("time in seconds", time)?,
                ])
            })
            .collect())
    }

    /// MovieLens' number of a title.
    fn linked(&self, title: &str) -> Result<String, String> {
        let title = title.trim();
        let id = imdb_number(title).ok_or_else(|| format!("`{title}` is no title's id"))?;
        match self.links.get(&id) {
            Some(movie) => Ok(movie.to_string()),
            None => Err(format!("the links have no movie for `{title}`")),
        }
    }
}

/// Stars on MovieLens' scale.
pub(super) fn on_scale(stars: f64) -> String {
    format!("{:.1}", stars.round().clamp(1.0, 10.0) / 2.0)
}

/// The number in `tt0114709`, with or without the letters.
fn imdb_number(title: &str) -> Option<u64> {
    title.strip_prefix("tt").unwrap_or(title).parse().ok()
}

fn read_links(path: &Path) -> Result<HashMap<u64, u64>, StageError> {
    let file = super::source::open_file(path)?;
    let wrong = |line: u64, what: &str| {
        StageError::input(format!("`{}` line {line}: {what}", path.display()))
            .hint("it should be MovieLens' links.csv: movieId,imdbId,tmdbId")
    };
    let mut reader = csv::Reader::from_reader(std::io::BufReader::new(file));
    let header = reader
        .headers()
        .map_err(|error| wrong(1, &error.to_string()))?;
    let place = |name: &str| header.iter().position(|column| column == name);
    let (Some(movie), Some(imdb)) = (place("movieId"), place("imdbId")) else {
        return Err(wrong(1, "the columns `movieId` and `imdbId` are not there"));
    };
    let mut links = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            wrong(line, &error.to_string())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let number = |place: usize| record.get(place).and_then(imdb_number);
        let (Some(movie), Some(imdb)) = (number(movie), number(imdb)) else {
            return Err(wrong(line, "an id is no number"));
        };
        links.insert(imdb, movie);
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_become_half_stars_and_titles_numbers() {
        for (stars, scaled) in [(1.0, "0.5"), (7.4, "3.5"), (7.5, "4.0"), (10.0, "5.0")] {
            assert_eq!(on_scale(stars), scaled);
        }
        assert_eq!(imdb_number("tt0114709"), Some(114_709));
        assert_eq!(imdb_number("0114709"), Some(114_709));
        assert_eq!(imdb_number("Toy Story"), None);
    }
}
