//! The same task gives the same bytes; another seed gives others.

use std::path::Path;

use serde_json::json;

use crate::synthetic::{Bench, padded, reviews};

/// Every file that a whole training writes.
pub(crate) const OUTPUTS: [&str; 8] = [
    "history.parquet",
    "predictions.parquet",
    "metrics.parquet",
    "bundle/weights.safetensors",
    "bundle/network.yaml",
    "bundle/encoder.json",
    "bundle/bundle.json",
    "checkpoint/checkpoint.json",
];

/// Their bytes.
pub(crate) fn bytes(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    OUTPUTS
        .map(|name| (name, fs_err::read(folder.join(name)).unwrap()))
        .into()
}

#[test]
fn two_runs_of_one_task_are_byte_identical() {
    for (mask, threads) in [(false, 1), (false, 2), (true, 2)] {
        let reviews = if mask {
            reviews(600)
        } else {
            padded(reviews(600))
        };
        let bench = Bench::new(&reviews, mask);
        let run = |out: &str, seed: u64| {
            bench.fitted(out, threads, json!({"epochs": 2, "seed": seed}));
            bytes(&bench.path(out))
        };
        let (first, second, other) = (run("a", 1), run("b", 1), run("c", 2));
        for (first, second) in first.iter().zip(&second) {
            assert!(
                first == second,
                "mask {mask}, {threads} threads: `{}` differs",
                first.0
            );
        }
        assert_ne!(first[3], other[3]);
    }
}
