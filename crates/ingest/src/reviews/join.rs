//! The joins: reviews with titles by IMDb id, with MovieLens' movies by the number in it, with the
//! movies' rating statistics.
//!
//! Owns which rows belong together. Texts and titles stay where they are: what goes through polars is
//! keys and row numbers, 30 bytes a review, and the caller takes the rows by number.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Float64Array, Int32Array, StringArray, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt32Type};
use polars::error::PolarsError;
use polars::prelude::{
    IntoLazy as _, JoinArgs, JoinType, JoinValidation, LazyFrame, MaintainOrderJoin, NULL,
    SortMultipleOptions, col, lit, when,
};

use crate::error::ReadError;
use crate::frames::{from_polars, to_polars};

/// What MovieLens has, for the joins.
pub(super) struct MovieLens {
    /// `imdb_id` (u64, the number after `tt`), `movie_id` (i32); each of both once.
    pub(super) links: [(&'static str, ArrayRef); 2],
    /// `movie_id` (i32), `mean` (f64, stars), `count` (u32); each movie once.
    pub(super) ratings: [(&'static str, ArrayRef); 3],
}

/// What belongs to each review, in the reviews' order.
pub(super) struct Matches {
    /// The row of its title, null where none was found.
    pub(super) title_row: UInt32Array,
    /// The MovieLens movie, null where none was found.
    pub(super) movie_id: Int32Array,
    /// Mean of the movie's ratings in stars, null without a movie or rating.
    pub(super) rating_mean: Float64Array,
    /// Number of the movie's ratings, null without a movie.
    pub(super) rating_count: UInt32Array,
}

/// Joins reviews, given by the IMDb ids of their titles, with titles, given by theirs, and MovieLens.
///
/// All joins are left joins from the reviews, in their order; a key that is twice on the right is an
/// error, so no review can be lost or multiplied, and the number of rows is checked besides.
pub(super) fn join(
    reviews: StringArray,
    titles: StringArray,
    movielens: Option<MovieLens>,
) -> Result<Matches, ReadError> {
    let expected = reviews.len();
    let matches =
        join_frames(reviews, titles, movielens).map_err(|source| ReadError::Join { source })?;
    if matches.title_row.len() != expected {
        return Err(ReadError::JoinRows {
            expected,
            found: matches.title_row.len(),
        });
    }
    Ok(matches)
}

fn join_frames(
    reviews: StringArray,
    titles: StringArray,
    movielens: Option<MovieLens>,
) -> Result<Matches, PolarsError> {
    // MovieLens names a title by its number: `tt0114709` is 114709.
    let numbers = UInt64Array::from_iter(
        reviews
            .iter()
            .map(|tconst| tconst?.strip_prefix("tt")?.parse().ok()),
    );
    let reviews = frame(&[
        ("review_row", row_numbers(reviews.len())),
        ("imdb_id", Arc::new(numbers)),
        ("tconst", Arc::new(reviews)),
    ])?;
    let titles = frame(&[
        ("title_row", row_numbers(titles.len())),
        ("tconst", Arc::new(titles)),
    ])?;
    let (links, ratings) = match movielens {
        Some(MovieLens { links, ratings }) => (frame(&links)?, frame(&ratings)?),
        None => (
            frame(&[
                ("imdb_id", empty(&DataType::UInt64)),
                ("movie_id", empty(&DataType::Int32)),
            ])?,
            frame(&[
                ("movie_id", empty(&DataType::Int32)),
                ("mean", empty(&DataType::Float64)),
                ("count", empty(&DataType::UInt32)),
            ])?,
        ),
    };
    let left = || JoinArgs {
        validation: JoinValidation::ManyToOne,
        maintain_order: MaintainOrderJoin::Left,
        ..JoinArgs::new(JoinType::Left)
    };
    // A movie without ratings has 0 of them; a review without a movie has no number at all.
    let count = when(col("movie_id").is_not_null())
        .then(col("count").fill_null(lit(0u32)))
        .otherwise(lit(NULL));
    let joined = reviews
        .join(titles, [col("tconst")], [col("tconst")], left())
        .join(links, [col("imdb_id")], [col("imdb_id")], left())
        .join(ratings, [col("movie_id")], [col("movie_id")], left())
        .sort(["review_row"], SortMultipleOptions::default())
        .select([
            col("title_row"),
            col("movie_id"),
            col("mean"),
            count.alias("count"),
        ])
        .collect()?;
    let column = |name: &str, wanted: DataType| from_polars(&joined, name, &wanted);
    Ok(Matches {
        title_row: column("title_row", DataType::UInt32)?
            .as_primitive::<UInt32Type>()
            .clone(),
        movie_id: column("movie_id", DataType::Int32)?
            .as_primitive::<Int32Type>()
            .clone(),
        rating_mean: column("mean", DataType::Float64)?
            .as_primitive::<Float64Type>()
            .clone(),
        rating_count: column("count", DataType::UInt32)?
            .as_primitive::<UInt32Type>()
            .clone(),
    })
}

fn frame(columns: &[(&str, ArrayRef)]) -> Result<LazyFrame, PolarsError> {
    Ok(to_polars(columns)?.lazy())
}

fn empty(data_type: &DataType) -> ArrayRef {
    arrow::array::new_empty_array(data_type)
}

fn row_numbers(rows: usize) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(
        (0..rows).map(|row| row as u32),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movielens(titles: &[u64], movies: &[i32]) -> MovieLens {
        MovieLens {
            links: [
                ("imdb_id", Arc::new(UInt64Array::from(titles.to_vec()))),
                ("movie_id", Arc::new(Int32Array::from(movies.to_vec()))),
            ],
            ratings: [
                ("movie_id", Arc::new(Int32Array::from(vec![1, 9]))),
                ("mean", Arc::new(Float64Array::from(vec![3.5, 1.0]))),
                ("count", Arc::new(UInt32Array::from(vec![4, 1]))),
            ],
        }
    }

    fn reviews() -> StringArray {
        StringArray::from(vec![
            Some("tt0000002"),
            None,
            Some("tt0000001"),
            Some("tt0000002"),
            Some("tt0000005"),
        ])
    }

    #[test]
    fn every_review_stays_once_and_in_its_place() {
        let titles = StringArray::from(vec!["tt0000001", "tt0000002"]);
        let found = join(reviews(), titles, Some(movielens(&[2, 5], &[1, 7]))).unwrap();
        let row = |row: Option<u32>| row;
        assert_eq!(
            found.title_row,
            UInt32Array::from(vec![row(Some(1)), None, Some(0), Some(1), None])
        );
        assert_eq!(
            found.movie_id,
            Int32Array::from(vec![Some(1), None, None, Some(1), Some(7)])
        );
        assert_eq!(
            found.rating_mean,
            Float64Array::from(vec![Some(3.5), None, None, Some(3.5), None])
        );
        assert_eq!(
            found.rating_count,
            UInt32Array::from(vec![Some(4), None, None, Some(4), Some(0)])
        );
    }

    #[test]
    fn without_movielens_its_columns_are_null() {
        let found = join(reviews(), StringArray::from(Vec::<&str>::new()), None).unwrap();
        assert_eq!(found.title_row, UInt32Array::from(vec![None::<u32>; 5]));
        assert_eq!(found.movie_id, Int32Array::from(vec![None::<i32>; 5]));
        assert_eq!(found.rating_count, UInt32Array::from(vec![None::<u32>; 5]));
    }

    #[test]
    fn a_key_that_is_twice_on_the_right_is_an_error() {
        let titles = StringArray::from(vec!["tt0000001", "tt0000001"]);
        assert!(matches!(
            join(reviews(), titles, None),
            Err(ReadError::Join { .. })
        ));
    }
}
