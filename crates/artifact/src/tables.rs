//! The tables: one schema constant each.
//!
//! Column docs give meaning, unit and null rule. Rows are sorted as `order` says before they are
//! written.

use crate::table::{ColumnSpec, ColumnType::*, TableSpec};

const fn col(
    name: &'static str,
    column_type: crate::table::ColumnType,
    doc: &'static str,
) -> ColumnSpec {
    ColumnSpec::new(name, column_type, doc)
}

const fn opt(
    name: &'static str,
    column_type: crate::table::ColumnType,
    doc: &'static str,
) -> ColumnSpec {
    ColumnSpec::nullable(name, column_type, doc)
}

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

/// What a linear model says of reviews.
pub static LOGITS: TableSpec = TableSpec {
    name: "logits",
    version: 1,
    row: "a review",
    order: "review_id",
    row_group_rows: 65_536,
    columns: &[
        col("review_id", UInt64, "the review"),
        col("split", Utf8, "its split"),
        col(
            "logit",
            Float64,
            "log odds of positive; of a training review those of a model that did not see its fold",
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

/// The course of a training.
pub static HISTORY: TableSpec = TableSpec {
    name: "history",
    version: 1,
    row: "a metric of an epoch",
    order: "epoch, split, mode, metric",
    row_group_rows: 65_536,
    columns: &[
        col("epoch", UInt32, "epoch, from 1"),
        col("split", Utf8, "`train` or `valid`"),
        col(
            "mode",
            Utf8,
            "`trained`: as the epoch's batches saw it, dropout on; `evaluated`: after the epoch, dropout off",
        ),
        col(
            "metric",
            Utf8,
            "`loss` (in the loss's own unit), `accuracy`, `mse` (stars squared, or the target's unit squared), ...",
        ),
        col("value", Float64, "the value"),
        col("chosen", Bool, "whether this epoch's weights were kept"),
    ],
};

/// Figures of models and of the trivial predictor.
pub static METRICS: TableSpec = TableSpec {
    name: "metrics",
    version: 1,
    row: "a figure",
    order: "subject (the model first), split (train, valid, calib, test), metric",
    row_group_rows: 65_536,
    columns: &[
        col(
            "subject",
            Utf8,
            "the network's name, or `trivial`: the training split's mean or most common class",
        ),
        col("split", Utf8, "the split it was measured on"),
        col(
            "metric",
            Utf8,
            "`accuracy`, `precision`, `recall`, `f1` (of positive; `_macro`: the mean over the classes), `auc`, `calibration_error`, `log_loss` (nats), `mse` (stars squared, of windows the target's unit squared; `mse_tenths` and `mse_unit`: of stars / 10 and (stars - 1) / 9), `rmse` and `mae` (stars, or the target's unit), `r2`, of windows `mase` (mean absolute error over the last value's), `class_accuracy`, `spearman` and `ndcg_at_10` (means over the slots), by tenth of the movies and years since release `mae_of_decile_10`, `r2_of_age_0_to_1`; `within_one` and `quadratic_kappa` (of whole stars), `sentiment_accuracy` (of the side of 5.5 stars), `coverage` and `interval_width` (stars) of the 90 % intervals; of some examples only, by true class or score: `recall_of_7`, `f1_of_negative`, `mean_error_of_7` (predicted less true, stars), `coverage_of_7`; of explanations, in the unit of the prediction: `deletion_top_METHOD`, `deletion_random`, `deletion_gain_METHOD` (the one less the other), `completeness_error`",
        ),
        opt(
            "value",
            Float64,
            "the value; null where it is not defined, such as a precision without positives",
        ),
        opt(
            "lower",
            Float64,
            "lower end of its 95 % interval, by bootstrap; null where there is none",
        ),
        opt(
            "upper",
            Float64,
            "upper end of its 95 % interval, by bootstrap; null where there is none",
        ),
        col("n", UInt64, "examples it was computed from"),
    ],
};

/// Evaluated examples.
pub static PREDICTIONS: TableSpec = TableSpec {
    name: "predictions",
    version: 1,
    row: "an evaluated example",
    order: "id",
    row_group_rows: 65_536,
    columns: &[
        col("id", UInt64, "review_id, or window_id for popularity"),
        col("split", Utf8, "its split"),
        col(
            "target",
            Float64,
            "the truth: 0 or 1 for task `binary`, stars for the others; of windows a popularity, or its class",
        ),
        col(
            "predicted",
            Float64,
            "probability of positive for `binary`; stars, clipped to 1 to 10, or a popularity, 0 or more, for `regression`; the mean over the classes for `classes` and `ordinal`; the expected ratings for `count`",
        ),
        opt(
            "lower",
            Float64,
            "lower end of the 90 % interval; null where the model is not calibrated",
        ),
        opt(
            "upper",
            Float64,
            "upper end of the 90 % interval; null where the model is not calibrated",
        ),
        opt(
            "probabilities",
            ListFloat32,
            "probability per class, for tasks with more than two; else null",
        ),
        opt(
            "flags",
            ListUtf8,
            "why not to trust the prediction; null where not computed",
        ),
    ],
};

/// Differences between networks.
pub static COMPARISONS: TableSpec = TableSpec {
    name: "comparisons",
    version: 1,
    row: "a pair of networks in a figure",
    order: "a, b (both in the order given), split, metric",
    row_group_rows: 65_536,
    columns: &[
        col(
            "a",
            Utf8,
            "a configuration: what the pipeline calls a network or baseline, without its seed",
        ),
        col("b", Utf8, "another one"),
        col("split", Utf8, "the split they were measured on"),
        col("metric", Utf8, "the figure, as in `metrics`"),
        col(
            "difference",
            Float64,
            "the figure of a less that of b, each the mean over its seeds",
        ),
        opt(
            "lower",
            Float64,
            "lower end of its 95 % interval, by paired bootstrap; null where there is none",
        ),
        opt(
            "upper",
            Float64,
            "upper end of its 95 % interval, by paired bootstrap; null where there is none",
        ),
        opt(
            "p",
            Float64,
            "two-sided p of no difference, by the same resamples, not corrected for the number of pairs; null where there is no interval",
        ),
        opt(
            "spread",
            Float64,
            "standard deviation of the difference between seeds; null where neither has several",
        ),
        col(
            "verdict",
            Utf8,
            "`within the spread of seeds`: the difference is smaller than `spread`; else `higher` or `lower`: a is; `not told apart`: 0 is in the interval",
        ),
    ],
};

/// Means over seeds.
pub static SPREADS: TableSpec = TableSpec {
    name: "spreads",
    version: 1,
    row: "a configuration's figure over its seeds",
    order: "subject (in the order given), split, metric",
    row_group_rows: 65_536,
    columns: &[
        col(
            "subject",
            Utf8,
            "a configuration: what the pipeline calls a network or baseline, without its seed",
        ),
        col("split", Utf8, "the split it was measured on"),
        col("metric", Utf8, "the figure, as in `metrics`"),
        col("mean", Float64, "its mean over the seeds"),
        opt(
            "spread",
            Float64,
            "its standard deviation between seeds (over n - 1); null of one seed",
        ),
        col("least", Float64, "the least of them"),
        col("greatest", Float64, "the greatest of them"),
        col("runs", UInt32, "seeds"),
    ],
};

/// What decided predictions.
pub static ATTRIBUTIONS: TableSpec = TableSpec {
    name: "attributions",
    version: 1,
    row: "a token of an explained review, as a method sees it",
    order: "review_id, method, position",
    row_group_rows: 65_536,
    columns: &[
        col("review_id", UInt64, "the review"),
        col(
            "position",
            UInt32,
            "place of the token in `ids` of the review, padding left out, from 0",
        ),
        col(
            "token",
            Utf8,
            "the token; `<unknown>` where it is not in the vocabulary",
        ),
        col(
            "method",
            Utf8,
            "`attention`, `integrated_gradients` or `occlusion`",
        ),
        col(
            "weight",
            Float64,
            "what the token adds to the prediction, in its unit (probability of positive, or stars); of `attention` the part that it was given, without a sign",
        ),
    ],
};

/// Errors of some of the examples and of the others.
pub static SLICES: TableSpec = TableSpec {
    name: "slices",
    version: 1,
    row: "a figure of some of a subject's examples, and of all others of which the same is known",
    order: "subject (in the order given), split, factor (in the order of the stage), place, metric",
    row_group_rows: 65_536,
    columns: &[
        col(
            "subject",
            Utf8,
            "what the pipeline calls the network or baseline whose predictions they are",
        ),
        col("split", Utf8, "the split they were measured on"),
        col(
            "factor",
            Utf8,
            "`length`, `unknown words`, `negation`, `contrast`, `genre`, `decade` or `flag`",
        ),
        col(
            "place",
            UInt32,
            "the level's place among its factor's, from 0",
        ),
        col(
            "level",
            Utf8,
            "`to 100 ids`, `Drama`, `wide_interval`; of flags also `any`",
        ),
        col(
            "metric",
            Utf8,
            "`error_rate` (share of wrong classes) of task `binary`; else `mae` (stars), `mse` (stars squared) and, with intervals, `coverage`",
        ),
        col("n", UInt64, "its examples"),
        opt(
            "value",
            Float64,
            "the figure of them; null where there are none",
        ),
        opt(
            "lower",
            Float64,
            "lower end of its 95 % interval, by bootstrap; null where there is none",
        ),
        opt("upper", Float64, "upper end of its 95 % interval"),
        col(
            "others_n",
            UInt64,
            "examples with this factor that are not in the level",
        ),
        opt(
            "others",
            Float64,
            "the figure of those; null where there are none",
        ),
        opt(
            "others_lower",
            Float64,
            "lower end of its 95 % interval; null where there is none",
        ),
        opt("others_upper", Float64, "upper end of its 95 % interval"),
        opt("difference", Float64, "`value` less `others`"),
        opt(
            "difference_lower",
            Float64,
            "lower end of its 95 % interval, by the same resamples; null where there is none",
        ),
        opt(
            "difference_upper",
            Float64,
            "upper end of its 95 % interval",
        ),
    ],
};

/// All tables, by which a reader of an unknown artifact can find its schema.
pub static ALL: &[&TableSpec] = &[
    &REVIEWS,
    &REJECTS,
    &RATINGS,
    &POPULARITY,
    &UNMATCHED,
    &FINDINGS,
    &LEANINGS,
    &TOKENS,
    &VOCABULARY,
    &BUCKETS,
    &FOLDS,
    &BAGS,
    &NGRAMS,
    &LOGITS,
    &VECTORS,
    &WINDOWS,
    &TRENDS,
    &HISTORY,
    &METRICS,
    &PREDICTIONS,
    &COMPARISONS,
    &SPREADS,
    &ATTRIBUTIONS,
    &SLICES,
];
