//! What `ingest` writes: reviews, ratings, what was refused, and what was found out about them.

use super::{col, opt};
use crate::table::ColumnType::*;
use crate::table::TableSpec;

/// Reviews with what is known of their movies.
pub static REVIEWS: TableSpec = TableSpec {
    name: "reviews",
    version: 1,
    row: "a review",
    order: "review_id",
    row_group_rows: 8192,
    columns: &[
        col(
            "review_id",
            UInt64,
            "number of the review, unique; from split, class and file id, never from reading order",
        ),
        col(
            "split",
            Utf8,
            "`train`, `test` or `unlabelled`, as the source gives it",
        ),
        col("member", Utf8, "name in the source: `train/pos/12_9.txt`"),
        opt(
            "tconst",
            Utf8,
            "IMDb id of the title, `tt0111161`; null where the source names none",
        ),
        opt("score", UInt8, "stars given, 1 to 10; null where unknown"),
        opt(
            "polarity",
            UInt8,
            "0 negative, 1 positive; may be set where score is null; null for unlabelled reviews",
        ),
        col("text", Utf8, "the review as written"),
        opt(
            "title_type",
            Utf8,
            "IMDb titleType; null where no title was found or IMDb has none, as all title columns",
        ),
        opt("primary_title", Utf8, "IMDb primaryTitle"),
        opt("original_title", Utf8, "IMDb originalTitle"),
        opt("is_adult", Bool, "IMDb isAdult"),
        opt("start_year", Int32, "IMDb startYear"),
        opt("end_year", Int32, "IMDb endYear, of series"),
        opt("runtime_minutes", Int32, "IMDb runtimeMinutes, minutes"),
        opt("genres", ListUtf8, "IMDb genres, in IMDb's order"),
        opt(
            "movie_id",
            Int32,
            "MovieLens movieId; null where no MovieLens movie was found, as both columns below",
        ),
        opt(
            "ml_rating_mean",
            Float64,
            "mean of the movie's MovieLens ratings, 0.5 to 5 stars; null also where it has no rating",
        ),
        opt(
            "ml_rating_count",
            UInt32,
            "number of the movie's MovieLens ratings; 0 where the movie is known and has none",
        ),
    ],
};

/// Input rows that were refused.
pub static REJECTS: TableSpec = TableSpec {
    name: "rejects",
    version: 1,
    row: "an input row that was refused",
    order: "source, then reading order",
    row_group_rows: 8192,
    columns: &[
        col(
            "source",
            Utf8,
            "`aclimdb`, `titles`, `movielens/ratings.csv`, ...",
        ),
        col(
            "place",
            Utf8,
            "member or line: `train/pos/12.txt`, `line 17`",
        ),
        col("reason", Utf8, "why it was refused"),
        col("bytes", Binary, "the raw bytes, at most the first 1024"),
    ],
};

/// MovieLens' ratings.
pub static RATINGS: TableSpec = TableSpec {
    name: "ratings",
    version: 1,
    row: "a MovieLens rating",
    order: "as in the source: user_id, then movie_id, as MovieLens sorts them",
    row_group_rows: 262_144,
    columns: &[
        col("user_id", Int32, "MovieLens userId"),
        col("movie_id", Int32, "MovieLens movieId"),
        col("rating", Float32, "0.5 to 5 stars in halves"),
        col(
            "timestamp",
            Int64,
            "when it was given, UTC seconds, from 1970 to 2099",
        ),
    ],
};

/// How often movies were rated over time.
pub static POPULARITY: TableSpec = TableSpec {
    name: "popularity",
    version: 1,
    row: "a movie in a time slot in which it was rated",
    order: "movie_id, slot",
    row_group_rows: 262_144,
    columns: &[
        col("movie_id", Int32, "MovieLens movieId"),
        col(
            "slot",
            UInt32,
            "number of the slot; 1 is the first of 1970, and a slot holds its end and not its beginning: of days ceil(timestamp / 86400)",
        ),
        col("count", UInt32, "ratings of the movie in the slot"),
        col(
            "share",
            Float64,
            "count / all ratings in the slot; above 0, at most 1",
        ),
        opt(
            "genres",
            ListUtf8,
            "MovieLens genres, in MovieLens' order, empty where it lists none; null where the movie is unknown",
        ),
        opt(
            "release_year",
            Int32,
            "year at the end of the MovieLens title; null where it has none or the movie is unknown",
        ),
    ],
};

/// Ids of reviewed titles that were not found in a source.
pub static UNMATCHED: TableSpec = TableSpec {
    name: "unmatched",
    version: 1,
    row: "an id that was looked for in a source and not found",
    order: "source, id",
    row_group_rows: 65_536,
    columns: &[
        col(
            "source",
            Utf8,
            "`titles`: not in IMDb's titles; `movielens/links.csv`: no MovieLens movie",
        ),
        col("id", Utf8, "IMDb id of the title, `tt0111161`"),
        col("reviews", UInt64, "reviews of the title"),
    ],
};

/// The most rows of a check in [`FINDINGS`]: of more findings the worst are listed, so that only those of the least
/// severity that is there may be more than are listed.
pub const FINDINGS_LISTED: usize = 1000;

/// What an audit of the reviews found.
pub static FINDINGS: TableSpec = TableSpec {
    name: "findings",
    version: 1,
    row: "a finding about the reviews",
    order: "check, in the order in which they are made, then reviews",
    row_group_rows: 65_536,
    columns: &[
        col(
            "check",
            Utf8,
            "`exact_duplicates`, `near_duplicates`, `movies_in_two_splits`, `score_contradicts_polarity`, `class_balance`, `predictable_from_id`, `predictable_from_order`",
        ),
        col(
            "severity",
            Utf8,
            "`leak`: test figures cannot be trusted; `warning`: look at it; `note`: for information",
        ),
        col(
            "split",
            Utf8,
            "the split or splits it is about, `train, test`",
        ),
        col("subject", Utf8, "the movie, review or class it is about"),
        opt(
            "review_id",
            UInt64,
            "a review it is about; null where it is about no single one",
        ),
        opt(
            "other_review_id",
            UInt64,
            "the other review of a pair; null where there is none",
        ),
        col(
            "value",
            Float64,
            "the figure: similarity, count, share or accuracy, as `text` says",
        ),
        col("text", Utf8, "the finding in words"),
    ],
};

/// Which groups of titles have more positive reviews than the others.
pub static LEANINGS: TableSpec = TableSpec {
    name: "leanings",
    version: 2,
    row: "a group of reviews, by what is known of their titles, against all others of which the same is known",
    order: "factor (genre, decade, running time, type), level",
    row_group_rows: 65_536,
    columns: &[
        col(
            "factor",
            Utf8,
            "`genre`, `decade` (of the start year), `running time` or `type`",
        ),
        col("level", Utf8, "the group: `Drama`, `1980s`"),
        col("reviews", UInt64, "its reviews with a polarity"),
        col("positive", UInt64, "the positive ones among them"),
        col("titles", UInt64, "the titles that they are about"),
        col(
            "other_reviews",
            UInt64,
            "reviews with this factor that are not in the group",
        ),
        col("other_positive", UInt64, "the positive ones among them"),
        col("other_titles", UInt64, "the titles that they are about"),
        opt(
            "design",
            Float64,
            "design effect: by how much reviews of one title that are alike widen the variance of the share, 1 or more; null where there are fewer than 2 titles or no others",
        ),
        opt("other_design", Float64, "the same of the others"),
        opt(
            "difference",
            Float64,
            "share of positive reviews less that of the others; null where there are no others, as all below",
        ),
        opt(
            "lower",
            Float64,
            "lower end of its 95 % interval, after Newcombe, of reviews divided by the design effect; null where that is",
        ),
        opt("upper", Float64, "upper end of its 95 % interval"),
        opt(
            "effect",
            Float64,
            "Cohen's h: 0.2 is small, 0.5 medium, 0.8 large",
        ),
        opt(
            "z",
            Float64,
            "of the two-proportion z-test of reviews divided by the design effect; null where an expected count is below 5 or there are fewer than 10 titles on a side",
        ),
        opt("p", Float64, "two-sided p of no difference"),
        opt(
            "p_independent",
            Float64,
            "the same as if reviews of one title were independent: too small",
        ),
        opt(
            "q",
            Float64,
            "p after Benjamini and Hochberg, over all rows that have one",
        ),
    ],
};
