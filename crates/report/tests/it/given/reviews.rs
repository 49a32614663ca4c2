//! Reviews, rejects and findings, as `ingest` writes them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, ListBuilder, StringArray,
    StringBuilder, UInt8Array, UInt32Array, UInt64Array,
};
use cinescore_artifact::tables;

use super::{Given, Review};

impl Given {
    pub(super) fn write_reviews(&mut self) {
        let all = self.reviews.clone();
        let n = all.len();
        let mut genres = ListBuilder::new(StringBuilder::new());
        for review in &all {
            for genre in &review.genres {
                genres.values().append_value(genre);
            }
            genres.append(review.title.is_some());
        }
        let title = || StringArray::from_iter(all.iter().map(|review| review.title.as_deref()));
        let split = |review: &Review| review.split;
        self.write(
            "reviews",
            "reviews",
            &tables::REVIEWS,
            vec![
                Arc::new(UInt64Array::from_iter_values(0..n as u64)),
                Arc::new(StringArray::from_iter_values(all.iter().map(split))),
                Arc::new(StringArray::from_iter_values(
                    (0..n).map(|id| format!("train/pos/{id}_9.txt")),
                )),
                Arc::new(StringArray::from_iter_values(
                    (0..n).map(|id| format!("tt{id:07}")),
                )),
                Arc::new(UInt8Array::from_iter(all.iter().map(|review| review.score))),
                Arc::new(UInt8Array::from_iter(
                    all.iter().map(|review| review.polarity),
                )),
                Arc::new(StringArray::from_iter_values(
                    all.iter().map(|review| review.text.as_str()),
                )),
                Arc::new(StringArray::from_iter(
                    all.iter()
                        .map(|review| review.title.as_ref().map(|_| "movie")),
                )),
                Arc::new(title()),
                Arc::new(title()),
                Arc::new(BooleanArray::from_iter(
                    all.iter()
                        .map(|review| review.title.as_ref().map(|_| false)),
                )),
                Arc::new(Int32Array::from_iter(all.iter().map(|review| review.year))),
                Arc::new(Int32Array::new_null(n)),
                Arc::new(Int32Array::new_null(n)),
                Arc::new(genres.finish()),
                Arc::new(Int32Array::from_iter(all.iter().map(|review| review.movie))),
                Arc::new(Float64Array::from_iter(
                    all.iter().map(|review| review.movie.map(|_| 3.5)),
                )),
                Arc::new(UInt32Array::from_iter(
                    all.iter().map(|review| review.movie.map(|_| 12)),
                )),
            ],
        );
    }

    pub(super) fn write_rejects(&mut self, reasons: &[(&str, &str, usize)]) {
        let rows: Vec<(&str, &str)> = reasons
            .iter()
            .flat_map(|(source, reason, n)| vec![(*source, *reason); *n])
            .collect();
        self.write(
            "reviews",
            "reviews",
            &tables::REJECTS,
            vec![
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
                Arc::new(StringArray::from_iter_values(
                    (0..rows.len()).map(|line| format!("line {line}")),
                )),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
                Arc::new(BinaryArray::from_iter_values(rows.iter().map(|_| b"raw"))),
            ],
        );
    }

    pub(super) fn write_findings(&mut self, findings: &[(&str, &str, &str)]) {
        let column = |of: fn(&(&str, &str, &str)) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(findings.iter().map(of)))
        };
        let text = |(check, _, split): &(&str, &str, &str)| format!("one of {check} in {split}");
        self.write(
            "reviews",
            "audit",
            &tables::FINDINGS,
            vec![
                column(|finding| finding.0.into()),
                column(|finding| finding.1.into()),
                column(|finding| finding.2.into()),
                column(|_| "-".into()),
                Arc::new(UInt64Array::new_null(findings.len())),
                Arc::new(UInt64Array::new_null(findings.len())),
                Arc::new(Float64Array::from(vec![1.0; findings.len()])),
                Arc::new(StringArray::from_iter_values(findings.iter().map(text))),
            ],
        );
    }
}
