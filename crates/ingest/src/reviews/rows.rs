//! The rows of the `reviews` table, put together from the reviews and what belongs to them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow::compute::take;
use arrow::error::ArrowError;
use cinescore_artifact::tables;

use super::Review;
use super::join::Matches;
use super::titles::Titles;

/// At most `count` rows from row `start` on.
pub(super) fn batch(
    reviews: &[Review],
    titles: &Titles,
    matches: &Matches,
    start: usize,
    count: usize,
) -> Result<RecordBatch, ArrowError> {
    let end = reviews.len().min(start + count);
    let rows = &reviews[start..end];
    let title_rows = matches.title_row.slice(start, rows.len());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.id))),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.split),
        )),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| &row.member),
        )),
        Arc::new(StringArray::from_iter(
            rows.iter().map(|row| row.tconst.as_deref()),
        )),
        Arc::new(UInt8Array::from_iter(rows.iter().map(|row| row.score))),
        Arc::new(UInt8Array::from_iter(rows.iter().map(|row| row.polarity))),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| &row.text),
        )),
    ];
    for column in &titles.columns {
        columns.push(take(column, &title_rows, None)?);
    }
    columns.push(Arc::new(matches.movie_id.slice(start, rows.len())));
    columns.push(Arc::new(matches.rating_mean.slice(start, rows.len())));
    columns.push(Arc::new(matches.rating_count.slice(start, rows.len())));
    tables::REVIEWS.batch(columns)
}
