//! What `featurize` writes: vocabularies, and reviews and windows as numbers.

use super::{col, opt};
use crate::table::ColumnType::*;
use crate::table::TableSpec;

/// Encoded reviews.
pub static TOKENS: TableSpec = TableSpec {
    name: "tokens",
    version: 1,
    row: "an encoded review",
    order: "review_id",
    row_group_rows: 8192,
    columns: &[
        col("review_id", UInt64, "the review"),
        col(
            "split",
            Utf8,
            "`train`, `valid`, `calib` or `test`; `unlabelled` where asked for",
        ),
        col(
            "ids",
            ListInt32,
            "token ids, 0 is padding; padded to one length or not, as the encoder says",
        ),
        col("length", UInt32, "ids that are not padding"),
        opt("score", UInt8, "stars given, 1 to 10; null where unknown"),
        opt(
            "polarity",
            UInt8,
            "0 negative, 1 positive; null where unknown",
        ),
    ],
};

/// The tokens that have ids.
pub static VOCABULARY: TableSpec = TableSpec {
    name: "vocabulary",
    version: 1,
    row: "a token",
    order: "id",
    row_group_rows: 65_536,
    columns: &[
        col(
            "id",
            Int32,
            "the id in `tokens`; the first ids are reserved (padding, start, unknown)",
        ),
        col(
            "token",
            Utf8,
            "the token; reserved ids have names in angle brackets",
        ),
        col(
            "count",
            UInt64,
            "occurrences in the training split; for `<unknown>` those of all tokens left out",
        ),
        col(
            "document_count",
            UInt64,
            "training reviews in which it occurs; 0 for reserved ids",
        ),
    ],
};

/// Groups of reviews of similar lengths.
pub static BUCKETS: TableSpec = TableSpec {
    name: "buckets",
    version: 1,
    row: "a split's reviews of similar lengths",
    order: "split (train, valid, calib, test), bucket",
    row_group_rows: 65_536,
    columns: &[
        col("split", Utf8, "their split"),
        col(
            "bucket",
            UInt32,
            "number of the bucket, from 0, shortest first",
        ),
        col(
            "longest",
            UInt32,
            "the bucket has the reviews with at most so many ids, and more than the bucket before",
        ),
        col("reviews", UInt64, "reviews"),
        col("ids", UInt64, "their ids, padding not counted"),
        col(
            "padding",
            UInt64,
            "ids of padding that they need to be as long as `longest`",
        ),
    ],
};

/// The folds of a cross-validation.
pub static FOLDS: TableSpec = TableSpec {
    name: "folds",
    version: 1,
    row: "a training review",
    order: "review_id",
    row_group_rows: 65_536,
    columns: &[
        col("review_id", UInt64, "the review"),
        col("fold", UInt32, "its fold, from 0"),
    ],
};

/// Bags of words.
pub static BAGS: TableSpec = TableSpec {
    name: "bags",
    version: 1,
    row: "a review's n-grams",
    order: "review_id",
    row_group_rows: 8192,
    columns: &[
        col("review_id", UInt64, "the review"),
        col("split", Utf8, "`train`, `valid`, `calib` or `test`"),
        col(
            "indices",
            ListUInt32,
            "the n-grams that it has, by number, ascending; empty where it has none that is known",
        ),
        col("values", ListFloat32, "the value of each, never 0"),
        opt("score", UInt8, "stars given, 1 to 10; null where unknown"),
        opt(
            "polarity",
            UInt8,
            "0 negative, 1 positive; null where unknown",
        ),
    ],
};

/// The n-grams of bags.
pub static NGRAMS: TableSpec = TableSpec {
    name: "ngrams",
    version: 1,
    row: "an n-gram, or a number that n-grams are hashed to",
    order: "index",
    row_group_rows: 65_536,
    columns: &[
        col("index", UInt32, "the number in `bags`"),
        opt(
            "ngram",
            Utf8,
            "its terms with spaces between them; null where n-grams are hashed",
        ),
        col("count", UInt64, "occurrences in the training split"),
        col(
            "document_count",
            UInt64,
            "training reviews in which it occurs",
        ),
        col(
            "weight",
            Float32,
            "what the value in a review is multiplied by: its inverse document frequency, its log-count ratio, or 1",
        ),
    ],
};

/// Bags of words.
pub static VECTORS: TableSpec = TableSpec {
    name: "vectors",
    version: 1,
    row: "an id's vector",
    order: "id",
    row_group_rows: 8192,
    columns: &[
        col("id", Int32, "the id in `tokens`"),
        col("vector", ListFloat32, "the vector; all have one length"),
        col(
            "source",
            Utf8,
            "where it is from: `file`, `trained`, or the rule for words without one: `zero`, `mean`, `random`",
        ),
    ],
};

/// Windows over movies' popularity.
pub static WINDOWS: TableSpec = TableSpec {
    name: "windows",
    version: 1,
    row: "some successive slots of a movie, and the slot after them",
    order: "window_id",
    row_group_rows: 65_536,
    columns: &[
        col(
            "window_id",
            UInt64,
            "movie_id times 2^32 plus slot, so that both can be read off it",
        ),
        col(
            "split",
            Utf8,
            "`train`, `valid`, `calib` or `test`: by time that of the slot that is forecast, or that of the movie",
        ),
        col("movie_id", Int32, "MovieLens movieId"),
        col(
            "slot",
            UInt32,
            "the slot that is forecast, numbered as in `popularity`; everything else is from before it",
        ),
        col(
            "inputs",
            ListFloat32,
            "what a network reads, slots x features: all features of the oldest slot first, scaled as the encoder says",
        ),
        col(
            "history",
            ListFloat32,
            "the popularity in each of these slots, oldest first, in the unit of `target`",
        ),
        col(
            "target",
            Float64,
            "the popularity in the slot that is forecast: share, count or log(1 + count), as the encoder says; 0 or more",
        ),
        col("count", UInt32, "ratings in the slot that is forecast"),
        col(
            "class",
            UInt8,
            "the class of `target`: 0 for none, then 1 to 5 by the quintiles of the training targets above 0",
        ),
        col(
            "decile",
            UInt8,
            "1 to 10: the tenth of the movies, by their ratings up to the end of `train`, that the movie is in; 10 has the most rated ones",
        ),
        opt(
            "age",
            Int32,
            "calendar years from the movie's release to the slot that is forecast; null where the year of release is not known",
        ),
    ],
};

/// What popularity looks like: for plots.
pub static TRENDS: TableSpec = TableSpec {
    name: "trends",
    version: 1,
    row: "a point of a figure about the popularity of movies",
    order: "figure, series, place",
    row_group_rows: 65_536,
    columns: &[
        col(
            "figure",
            Utf8,
            "`ratings` (by time), `movies` (by how many ratings they have at least), `rise_and_decay` (by years since the first rating), `genres` (by year), `correlation` (of a feature of the window's last slot with the target, training windows), `correlation_by_lag` (of the popularity some slots before with the target, training windows)",
        ),
        col(
            "series",
            Utf8,
            "what the point belongs to: a genre, a feature, a group of movies",
        ),
        col(
            "place",
            Float64,
            "time in years of the common era, ratings, years since the first rating, or slots before the target; 0 where there is none",
        ),
        col(
            "value",
            Float64,
            "ratings, movies, the mean share of a slot's ratings, the part of a year's ratings, or Pearson's correlation; NaN where there is none",
        ),
        col(
            "n",
            UInt64,
            "how many ratings, movies, pairs of movie and slot, or windows it is made of",
        ),
    ],
};
