//! The first reviews of the `attributions` table.

use std::path::Path;

use arrow::array::{Float64Array, StringArray, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::ATTRIBUTIONS;

use super::read;

/// A review as a method sees it.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) review_id: u64,
    pub(crate) method: String,
    /// Its tokens with their weights, in their order.
    pub(crate) tokens: Vec<(String, f64)>,
}

/// Reads the table's first reviews, each with the methods that it has.
pub(crate) fn first(path: &Path, reviews: usize) -> Result<Vec<Explained>, TableError> {
    let mut all: Vec<Explained> = Vec::new();
    let mut ids: Vec<u64> = Vec::new();
    let columns = ["review_id", "token", "method", "weight"];
    read(path, &ATTRIBUTIONS, &columns, |batch| {
        let numbers: &UInt64Array = column(batch, "review_id");
        let (tokens, methods): (&StringArray, &StringArray) =
            (column(batch, "token"), column(batch, "method"));
        let weights: &Float64Array = column(batch, "weight");
        for row in 0..batch.num_rows() {
            let (review_id, method) = (numbers.value(row), methods.value(row));
            // Rows are sorted by review.
            if ids.last() != Some(&review_id) {
                ids.push(review_id);
            }
            if ids.len() > reviews {
                return;
            }
            let token = (tokens.value(row).to_owned(), weights.value(row));
            match all.last_mut() {
                Some(own) if own.review_id == review_id && own.method == method => {
                    own.tokens.push(token);
                }
                _ => all.push(Explained {
                    review_id,
                    method: method.to_owned(),
                    tokens: vec![token],
                }),
            }
        }
    })?;
    Ok(all)
}
