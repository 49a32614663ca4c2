//! The same joins by a cluster.
//!
//! Owns what is given to it (keys and row numbers, as Parquet in a folder that all nodes see) and whether its answer is taken: each review is there
//! once, whatever it found has the review's own key, and the reviews of a sample of the titles have what the join in this process gives
//! them. What follows the joins is the same code as for one process, so that the table is the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Int64Array, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use cinescore_artifact::StageError;
use cinescore_artifact::table::{ColumnSpec, ColumnType, TableSpec, TableWriter};

use super::join::{self, Matches, MovieLens};
use crate::engine::plan::{Match, Sums, Work, movie_rank, sample_limit};
use crate::engine::{self, EngineError, Far, batches, column};
use crate::error::ReadError;
use crate::watch::Watch;

const ROWS: usize = 262_144;

static REVIEWS: TableSpec = TableSpec {
    name: "join_reviews",
    version: 1,
    row: "a review, for a cluster to join",
    order: "by review",
    row_group_rows: ROWS,
    columns: &[
        ColumnSpec::new("review_row", ColumnType::Int64, "its row, from 0"),
        ColumnSpec::nullable("tconst", ColumnType::Utf8, "IMDb id of its title"),
        ColumnSpec::nullable("imdb_id", ColumnType::UInt64, "the number in it"),
    ],
};
static TITLES: TableSpec = TableSpec {
    name: "join_titles",
    version: 1,
    row: "a title, for a cluster to join",
    order: "as in the source",
    row_group_rows: ROWS,
    columns: &[
        ColumnSpec::new("title_row", ColumnType::Int64, "its row, from 0"),
        ColumnSpec::new("tconst", ColumnType::Utf8, "its IMDb id"),
    ],
};
static LINKS: TableSpec = TableSpec {
    name: "join_links",
    version: 1,
    row: "a movie of MovieLens, for a cluster to join",
    order: "by IMDb id",
    row_group_rows: ROWS,
    columns: &[
        ColumnSpec::new("imdb_id", ColumnType::UInt64, "the number in its IMDb id"),
        ColumnSpec::new("movie_id", ColumnType::Int64, "MovieLens movieId"),
    ],
};
static RATINGS: TableSpec = TableSpec {
    name: "join_ratings",
    version: 1,
    row: "a rated movie of MovieLens, for a cluster to join",
    order: "by movie",
    row_group_rows: ROWS,
    columns: &[
        ColumnSpec::new("movie_id", ColumnType::Int64, "MovieLens movieId"),
        ColumnSpec::new("mean", ColumnType::Float64, "mean rating, stars"),
        ColumnSpec::new("count", ColumnType::Int64, "ratings"),
    ],
};

/// Joins on the cluster; also returns how many reviews were joined again here.
pub(super) fn join(
    far: &Far<'_>,
    reviews: StringArray,
    titles: StringArray,
    movielens: Option<MovieLens>,
    watch: &Watch<'_>,
) -> Result<(Matches, u64), StageError> {
    if far.ballista.ratings.is_some() {
        return Err(StageError::usage("`ratings` of `engine` is for `popularity`").hint(
            "leave it out: `reviews` reads the ratings of its input `movielens`, and the cluster gets each movie's mean and number of them",
        ));
    }
    let folder = far.ballista.shared_folder(far.scratch)?;
    // The answer is for this machine alone.
    let answer = tempfile::tempdir_in(far.scratch)?;
    let given = Given {
        reviews,
        titles,
        movielens,
    };
    let [reviews, titles, links, ratings] = given.hand_over(folder.path())?;
    let output = answer.path().join("joined.parquet");
    let work = Work::Reviews {
        reviews,
        titles,
        links,
        ratings,
        expected: given.reviews.len() as u64,
    };
    let done = engine::run(&far.plan(work, &output), answer.path(), watch)?;
    let rows = given.take(&output, done)?;
    given.check(&rows)?;
    let matches = matches(&rows);
    let again = given.again(&matches, far.verify_sample)?;
    Ok((matches, again))
}

/// What is joined.
struct Given {
    reviews: StringArray,
    titles: StringArray,
    movielens: Option<MovieLens>,
}

impl Given {
    /// Writes the tables for the cluster; returns where they lie.
    fn hand_over(&self, folder: &Path) -> Result<[String; 4], ReadError> {
        let numbers = |rows: usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(
                (0..rows).map(|row| row as i64),
            ))
        };
        let ids: UInt64Array = self.reviews.iter().map(|tconst| number(tconst?)).collect();
        let reviews: Vec<ArrayRef> = vec![
            numbers(self.reviews.len()),
            Arc::new(self.reviews.clone()),
            Arc::new(ids),
        ];
        let titles: Vec<ArrayRef> = vec![numbers(self.titles.len()), Arc::new(self.titles.clone())];
        let (links, ratings) = match &self.movielens {
            Some(movielens) => (
                columns(&LINKS, &movielens.links)?,
                columns(&RATINGS, &movielens.ratings)?,
            ),
            None => (Vec::new(), Vec::new()),
        };
        let tables = [
            (&REVIEWS, reviews),
            (&TITLES, titles),
            (&LINKS, links),
            (&RATINGS, ratings),
        ];
        let mut addresses = [const { String::new() }; 4];
        for (address, (spec, columns)) in addresses.iter_mut().zip(tables) {
            let path = folder.join(format!("{}.parquet", spec.name));
            let mut writer = TableWriter::create_quickly(&path, spec)?;
            if !columns.is_empty() {
                writer.write(&spec.batch(columns)?)?;
            }
            writer.finish()?;
            *address = path.display().to_string();
        }
        Ok(addresses)
    }

    /// Reads the cluster's rows, which are in no order, and puts each in its review's place.
    fn take(&self, path: &Path, done: engine::Done) -> Result<Vec<Match>, EngineError> {
        let mut rows: Vec<Option<Match>> = vec![None; self.reviews.len()];
        let mut found = Sums::default();
        // There is no file where there are no rows.
        if done.rows > 0 {
            read(path, |row| {
                found.add_match(&row);
                let place = usize::try_from(row.review)
                    .ok()
                    .and_then(|place| rows.get_mut(place))
                    .ok_or(EngineError::NoReview { row: row.review })?;
                match place.replace(row) {
                    Some(_) => Err(EngineError::ReviewTwice { row: row.review }),
                    None => Ok(()),
                }
            })?;
        }
        if found != done.sums || found.items != done.rows {
            return Err(EngineError::Joined {
                found,
                expected: done.sums,
            });
        }
        rows.into_iter()
            .zip(0..)
            .map(|(row, number)| row.ok_or(EngineError::ReviewLost { row: number }))
            .collect()
    }

    /// What was found must have the review's key. That nothing was overlooked is not seen here.
    fn check(&self, rows: &[Match]) -> Result<(), EngineError> {
        let movies = self.movielens.as_ref().map(movies).unwrap_or_default();
        for row in rows {
            let own = &self.reviews;
            // It was put in this place by this number.
            let place = row.review as usize;
            let tconst = (!own.is_null(place)).then(|| own.value(place));
            let title = row.title.and_then(|title| usize::try_from(title).ok());
            let has_its_title = row.title.is_none()
                || title.is_some_and(|title| {
                    title < self.titles.len() && tconst == Some(self.titles.value(title))
                });
            let has_its_movie = match row.movie {
                None => row.count.is_none() && row.mean.is_none(),
                Some(movie) => movies.get(&movie).is_some_and(|known| {
                    tconst.and_then(number) == Some(known.imdb_id)
                        && row.count == Some(known.count)
                        && row.mean.map(f64::to_bits) == known.mean.map(f64::to_bits)
                }),
            };
            if !has_its_title || !has_its_movie {
                let tconst = tconst.unwrap_or("no title").to_owned();
                return Err(EngineError::Foreign {
                    tconst,
                    what: if has_its_title { "movie" } else { "title" },
                });
            }
        }
        Ok(())
    }

    /// Joins the reviews of a sample of the titles in this process and compares; returns how many.
    fn again(self, matches: &Matches, share: f64) -> Result<u64, StageError> {
        let limit = sample_limit(share);
        // Numbers of titles stay far below 2^32; where one does not, it is sampled as its remainder.
        let rank = |tconst: &str| number(tconst).map(|number| movie_rank(number as u32));
        let sampled: Vec<(usize, &str)> = self
            .reviews
            .iter()
            .enumerate()
            .filter_map(|(row, tconst)| Some((row, tconst?)))
            .filter(|(_, tconst)| rank(tconst).is_some_and(|rank| rank < limit))
            .collect();
        if sampled.is_empty() {
            return Ok(0);
        }
        let reviews = StringArray::from_iter_values(sampled.iter().map(|(_, tconst)| tconst));
        let here = join::join(reviews, self.titles, self.movielens)?;
        for (at, (row, tconst)) in sampled.iter().enumerate() {
            let [here, there] = [(&here, at), (matches, *row)].map(|(matches, row)| {
                let is = |column: &dyn Array| column.is_valid(row);
                (
                    is(&matches.title_row).then(|| matches.title_row.value(row)),
                    is(&matches.movie_id).then(|| matches.movie_id.value(row)),
                    is(&matches.rating_mean).then(|| matches.rating_mean.value(row).to_bits()),
                    is(&matches.rating_count).then(|| matches.rating_count.value(row)),
                )
            });
            if here != there {
                return Err(EngineError::Sample {
                    tconst: (*tconst).to_owned(),
                }
                .into());
            }
        }
        Ok(sampled.len() as u64)
    }
}

/// The number in an IMDb id: `tt0114709` is 114709.
fn number(tconst: &str) -> Option<u64> {
    tconst.strip_prefix("tt")?.parse().ok()
}

/// The columns of a table from named ones of other whole numbers.
fn columns<const N: usize>(
    spec: &TableSpec,
    named: &[(&str, ArrayRef); N],
) -> Result<Vec<ArrayRef>, ReadError> {
    let one = |column: &ColumnSpec| {
        let (_, array) = named
            .iter()
            .find(|(name, _)| *name == column.name)
            .unwrap_or(&named[0]);
        Ok(cast(array, &column.column_type.data_type())?)
    };
    spec.columns.iter().map(one).collect()
}

/// What MovieLens knows of a movie.
struct Movie {
    imdb_id: u64,
    count: u64,
    mean: Option<f64>,
}

/// By MovieLens' id.
fn movies(movielens: &MovieLens) -> HashMap<u64, Movie> {
    let [(_, imdb_ids), (_, movie_ids)] = &movielens.links;
    let ids = movie_ids.as_primitive::<Int32Type>().values();
    let numbers = imdb_ids.as_primitive::<UInt64Type>().values();
    let unrated = |imdb_id: &u64| Movie {
        imdb_id: *imdb_id,
        count: 0,
        mean: None,
    };
    let pairs = ids.iter().zip(numbers);
    let mut movies: HashMap<u64, Movie> = pairs
        .map(|(id, imdb_id)| (*id as u64, unrated(imdb_id)))
        .collect();
    let [(_, ids), (_, means), (_, counts)] = &movielens.ratings;
    let ids = ids.as_primitive::<Int32Type>().values();
    let means = means.as_primitive::<Float64Type>().values();
    let counts = counts.as_primitive::<UInt32Type>().values();
    for ((id, mean), count) in ids.iter().zip(means).zip(counts) {
        if let Some(movie) = movies.get_mut(&(*id as u64)) {
            movie.count = (*count).into();
            movie.mean = Some(*mean);
        }
    }
    movies
}

/// Hands over every row of the cluster's table.
fn read(
    path: &Path,
    mut each: impl FnMut(Match) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    for batch in batches(path)? {
        let batch = batch?;
        let number = |name| column::<Int64Type>(path, &batch, name);
        let (reviews, titles) = (number("review_row")?, number("title_row")?);
        let (movies, counts) = (number("movie_id")?, number("count")?);
        let means = column::<Float64Type>(path, &batch, "mean")?;
        for row in 0..batch.num_rows() {
            let value = |column: &Int64Array| -> Result<Option<u64>, EngineError> {
                let value = column.is_valid(row).then(|| column.value(row));
                value
                    .map(|value| {
                        let small = u32::try_from(value).ok().map(u64::from);
                        small.ok_or(EngineError::Number { value })
                    })
                    .transpose()
            };
            let review = value(reviews)?.ok_or(EngineError::Number { value: -1 })?;
            each(Match {
                review,
                title: value(titles)?,
                movie: value(movies)?,
                count: value(counts)?,
                mean: means.is_valid(row).then(|| means.value(row)),
            })?;
        }
    }
    Ok(())
}

/// All numbers are below 2^32, and those of movies below 2^31, or they had not been found here.
fn matches(rows: &[Match]) -> Matches {
    Matches {
        title_row: rows
            .iter()
            .map(|row| row.title.map(|row| row as u32))
            .collect(),
        movie_id: rows
            .iter()
            .map(|row| row.movie.map(|id| id as i32))
            .collect(),
        rating_mean: rows.iter().map(|row| row.mean).collect(),
        rating_count: rows
            .iter()
            .map(|row| row.count.map(|count| count as u32))
            .collect(),
    }
}
