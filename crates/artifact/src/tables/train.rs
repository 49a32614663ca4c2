//! What `train`, and where it says so `predict`, writes: the course of trainings, predictions and figures.

use super::{col, opt};
use crate::table::ColumnType::*;
use crate::table::TableSpec;

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

/// The metadata key under which a table of logits says which linear model they are of: the digest of the `bundle.json` of
/// its bundle. A table that others made need not say.
pub const MODEL_KEY: &str = "cinescore.model";

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
