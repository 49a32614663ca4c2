//! The rows of the `reviews` table, put together from the reviews and what belongs to them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow::compute::take;
use arrow::error::ArrowError;
use cinescore_artifact::tables;

use super::aclimdb::Reviews;
use super::join::Matches;
use super::titles::Titles;

/// At most `count` rows from row `start` on.
pub(super) fn batch(
    reviews: &Reviews,
    titles: &Titles,
    matches: &Matches,
    start: usize,
    count: usize,
) -> Result<RecordBatch, ArrowError> {
    let end = reviews.rows.len().min(start + count);
    let rows = &reviews.rows[start..end];
    let title_rows = matches.title_row.slice(start, rows.len());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.id))),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.folder.split()),
        )),
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.member()),
        )),
        Arc::new(StringArray::from_iter(
            rows.iter().map(|row| reviews.tconst(row)),
        )),
        Arc::new(UInt8Array::from_iter(rows.iter().map(|row| row.score))),
        Arc::new(UInt8Array::from_iter(
            rows.iter().map(|row| row.folder.polarity()),
        )),
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
