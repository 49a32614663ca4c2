//! Reading the table `reviews` in passes: one batch in memory at a time, and the next one read while
//! its texts are worked on.

use std::path::Path;

use arrow::array::{Array, RecordBatch, StringArray, UInt8Array, UInt64Array};
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::table::{TableError, TableReader, column};
use cinescore_artifact::{StageError, tables};
use thiserror::Error;

use crate::split::{Movie, Review, Source, Split};

/// Reviews in a batch: some megabytes of text.
pub(crate) const BATCH_ROWS: usize = 2048;

/// Why a table of reviews is refused.
#[derive(Debug, Error)]
pub(crate) enum ReviewsError {
    /// A review has a split that no source has.
    #[error(
        "review {review_id} has the split `{split}`; known are `train`, `valid`, `calib`, `test` and `unlabelled`"
    )]
    Split {
        /// The review.
        review_id: u64,
        /// Its split.
        split: String,
    },
    /// The table is not sorted by its key, or has a key twice.
    #[error(
        "review {review_id} comes after review {before}: the table is not sorted by `review_id`"
    )]
    Order {
        /// The review.
        review_id: u64,
        /// The review before it.
        before: u64,
    },
    /// Nothing is left to train on.
    #[error(
        "no review is left for the training split, of {source_reviews} training reviews in the table"
    )]
    NoTraining {
        /// Training reviews of the source.
        source_reviews: u64,
    },
    /// The training split has no token.
    #[error("the {reviews} reviews of the training split have no words")]
    NoWords {
        /// Reviews of the training split.
        reviews: u64,
    },
}

/// What decides on the split of each review, in the table's order.
pub(crate) fn read_keys(path: &Path, context: &mut TaskContext) -> Result<Vec<Review>, StageError> {
    let reader = TableReader::open(path, &tables::REVIEWS)?;
    let mut reviews: Vec<Review> = Vec::new();
    let columns = ["review_id", "split", "tconst", "score", "polarity"];
    for batch in reader.batches_of(BATCH_ROWS, &columns)? {
        context.check_interrupt()?;
        let batch = batch?;
        let ids: &UInt64Array = column(&batch, "review_id");
        let splits: &StringArray = column(&batch, "split");
        let titles: &StringArray = column(&batch, "tconst");
        for (row, &review_id) in ids.values().iter().enumerate() {
            if let Some(before) = reviews
                .last()
                .map(|review| review.review_id)
                .filter(|before| *before >= review_id)
            {
                return Err(StageError::input(ReviewsError::Order { review_id, before }));
            }
            let source = Source::of_name(splits.value(row)).ok_or_else(|| {
                StageError::input(ReviewsError::Split {
                    review_id,
                    split: splits.value(row).to_owned(),
                })
            })?;
            let movie = if titles.is_null(row) {
                Movie::Own(review_id)
            } else {
                Movie::Title(titles.value(row).into())
            };
            reviews.push(Review {
                review_id,
                source,
                movie,
                stratum: stratum(&batch, row),
            });
        }
    }
    context
        .result()
        .rows_in
        .insert("reviews".into(), reviews.len() as u64);
    Ok(reviews)
}

/// A number for each score, for each polarity without a score, and for what has neither.
fn stratum(batch: &RecordBatch, row: usize) -> u8 {
    let value = |name: &str| {
        let column: &UInt8Array = column(batch, name);
        column.is_valid(row).then(|| column.value(row))
    };
    match (value("score"), value("polarity")) {
        (Some(score), _) => score,
        (None, Some(polarity)) => 100 + polarity.min(1),
        (None, None) => 0,
    }
}

/// Gives each batch of the table, with the splits of its reviews, to `work`, and reads the next one
/// beside it.
pub(crate) fn each_batch(
    path: &Path,
    columns: &[&str],
    splits: &[Option<Split>],
    mut work: impl FnMut(&RecordBatch, &[Option<Split>]) -> Result<(), StageError> + Send,
) -> Result<(), StageError> {
    let reader = TableReader::open(path, &tables::REVIEWS)?;
    let mut batches = reader.batches_of(BATCH_ROWS, columns)?;
    let mut splits = splits.chunks(BATCH_ROWS);
    let mut next: Option<Result<RecordBatch, TableError>> = batches.next();
    while let Some((batch, splits)) = next.zip(splits.next()) {
        let batch = batch?;
        let (following, worked) = rayon::join(|| batches.next(), || work(&batch, splits));
        worked?;
        next = following;
    }
    Ok(())
}

/// The texts of a batch whose split is wanted.
pub(crate) fn texts_of<'a>(
    batch: &'a RecordBatch,
    splits: &[Option<Split>],
    wanted: impl Fn(Option<Split>) -> bool,
) -> Vec<&'a str> {
    let texts: &StringArray = column(batch, "text");
    let rows = splits
        .iter()
        .enumerate()
        .filter(|(_row, split)| wanted(**split));
    rows.map(|(row, _split)| texts.value(row)).collect()
}

/// 0 or 1, from the polarity or else from the score; none for a score in the middle.
pub(crate) fn class_of(batch: &RecordBatch, row: usize) -> Option<usize> {
    let value = |name: &str| {
        let column: &UInt8Array = column(batch, name);
        column.is_valid(row).then(|| column.value(row))
    };
    match (value("polarity"), value("score")) {
        (Some(polarity), _) => Some(usize::from(polarity.min(1))),
        (None, Some(score)) if score > 6 => Some(1),
        (None, Some(score)) if score < 5 => Some(0),
        _ => None,
    }
}
