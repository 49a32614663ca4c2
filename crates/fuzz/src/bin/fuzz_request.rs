//! Any bytes as what a client of `predict serve` asks: reviews within their bounds, or a reason with a status and advice.
//!
//! The reader is taken in as a file, for the crate that it is part of links LibTorch.

#![no_main]

#[path = "../../../serve/src/http/request.rs"]
mod request;

use libfuzzer_sys::fuzz_target;
use request::{Bounds, RequestError, read_csv, read_json};

const BOUNDS: Bounds = Bounds {
    texts: 8,
    text_bytes: 256,
    explained: 2,
};

fn refused(error: &RequestError) {
    assert!(matches!(error.status(), 400 | 413 | 422));
    assert!(!error.advice().is_empty() && !error.to_string().is_empty());
}

fuzz_target!(|bytes: &[u8]| {
    match read_json(bytes, &BOUNDS) {
        Ok(asked) => {
            let count = asked.reviews.len();
            assert!((1..=BOUNDS.texts).contains(&count));
            assert!(!asked.single || count == 1 && asked.reviews[0].id.is_none());
            assert!(!asked.explain || count <= BOUNDS.explained);
            let mut has_text = asked.reviews.iter().map(|review| review.text.trim());
            assert!(has_text.all(|text| !text.is_empty() && text.len() <= BOUNDS.text_bytes));
            // What was read can be asked again, as a list.
            let again = serde_json::json!({"reviews": &asked.reviews, "explain": asked.explain});
            let again = read_json(again.to_string().as_bytes(), &BOUNDS).ok();
            assert_eq!(again.map(|again| again.reviews), Some(asked.reviews));
        }
        Err(error) => refused(&error),
    }
    for column in [None, Some("text")] {
        match read_csv(bytes, column, &BOUNDS) {
            Ok(table) => {
                assert!(table.rows.len() <= BOUNDS.texts);
                for row in &table.rows {
                    assert_eq!(row.len(), table.header.len());
                    let text = table.text(row, &BOUNDS);
                    assert!(text.is_ok_and(|text| !text.trim().is_empty()) || text.is_err());
                }
            }
            Err(error) => refused(&error),
        }
    }
});
