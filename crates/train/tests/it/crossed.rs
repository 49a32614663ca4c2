//! Intervals that are fitted to what networks say of folds that they did not see.

use std::collections::BTreeSet;
use std::process::Output;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::table::{TableReader, TableWriter, column};
use cinescore_artifact::tables::{FOLDS, PREDICTIONS};
use cinescore_artifact::task::TaskInput;
use serde_json::{Value, json};

use crate::synthetic::{Bench, Review, padded, reviews};

/// Reviews of the tables; six of ten are in `train`.
const REVIEWS: usize = 600;
/// Folds of them.
const FOLD_COUNT: u32 = 3;

fn fold(review: u64) -> u32 {
    (review / 10 % u64::from(FOLD_COUNT)) as u32
}

/// Reviews of which none is in `calib`.
fn uncalibrated() -> Vec<Review> {
    let mut reviews = padded(reviews(REVIEWS));
    for review in &mut reviews {
        if review.split == "calib" {
            review.split = "train";
        }
    }
    reviews
}

fn bench() -> Bench {
    let reviews = uncalibrated();
    let bench = Bench::new(&reviews, false);
    let ids = (0..REVIEWS as u64).filter(|&id| reviews[id as usize].split == "train");
    let (ids, folds): (Vec<u64>, Vec<u32>) = ids.map(|id| (id, fold(id))).unzip();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from(ids)),
        Arc::new(UInt32Array::from(folds)),
    ];
    let mut writer = TableWriter::create(&bench.path("folds.parquet"), &FOLDS).unwrap();
    writer.write(&FOLDS.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
    bench
}

fn params() -> Value {
    json!({"task": "regression", "seed": 3, "epochs": 1})
}

/// Runs `fit` with the folds.
fn without(bench: &Bench, out: &str, params: Value) -> Output {
    let input = TaskInput {
        label: "folds.folds".to_owned(),
        output: Some("folds".to_owned()),
        path: bench.path("folds.parquet"),
        digest: None,
    };
    let mut command = bench.command_with(out, 1, params, |task| {
        task.inputs.insert("folds".to_owned(), vec![input]);
    });
    command.output().unwrap()
}

/// Runs `fit` with what others said.
fn with(bench: &Bench, out: &str, params: Value, crossed: &[&str]) -> Output {
    let inputs = crossed.iter().map(|other| TaskInput {
        label: format!("{other}.predictions"),
        output: Some("predictions".to_owned()),
        path: bench.path(other).join("predictions.parquet"),
        digest: None,
    });
    let inputs = inputs.collect();
    let mut command = bench.command_with(out, 1, params, |task| {
        task.inputs.insert("crossed".to_owned(), inputs);
    });
    command.output().unwrap()
}

fn fold_params(fold: u32) -> Value {
    let mut params = params();
    params["without_fold"] = json!(fold);
    params
}

/// The examples of a split of a `fit`, with what is said of each and whether it has an interval.
fn said(bench: &Bench, out: &str, split: &str) -> Vec<(u64, f64, f64, Option<f64>)> {
    let path = bench.path(out).join("predictions.parquet");
    let batches = TableReader::open(&path, &PREDICTIONS).unwrap();
    let mut rows = Vec::new();
    for batch in batches.batches(1000).unwrap() {
        let batch = batch.unwrap();
        let ids: &UInt64Array = column(&batch, "id");
        let splits: &StringArray = column(&batch, "split");
        let [targets, values, lower]: [&Float64Array; 3] =
            ["target", "predicted", "lower"].map(|name| column(&batch, name));
        for (row, own) in splits.iter().enumerate() {
            if own == Some(split) {
                let lower = lower.iter().nth(row).flatten();
                rows.push((ids.value(row), targets.value(row), values.value(row), lower));
            }
        }
    }
    rows
}

fn refusal(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

#[test]
fn a_fold_is_said_by_a_network_that_did_not_learn_from_it() {
    let bench = bench();
    let output = without(&bench, "first", fold_params(1));
    let result = bench.result("first", &output);
    let in_fold: BTreeSet<u64> = (0..REVIEWS as u64)
        .filter(|&id| fold(id) == 1 && uncalibrated()[id as usize].split == "train")
        .collect();
    let held: BTreeSet<u64> = said(&bench, "first", "calib")
        .iter()
        .map(|row| row.0)
        .collect();
    assert_eq!(held, in_fold);
    let train = uncalibrated()
        .iter()
        .filter(|own| own.split == "train")
        .count();
    assert_eq!(result["facts"]["examples_train"], train - in_fold.len());
}

#[test]
fn intervals_fit_the_errors_on_all_folds() {
    let bench = bench();
    let alone = bench.fitted("alone", 1, params());
    assert_eq!(said(&bench, "alone", "test")[0].3, None);
    for fold in [0, 2] {
        let out = format!("fold{fold}");
        bench.result(&out, &without(&bench, &out, fold_params(fold)));
    }
    let output = with(&bench, "out", params(), &["fold0", "fold2"]);
    let result = bench.result("out", &output);
    assert_eq!(
        result["facts"]["examples_train"],
        alone["facts"]["examples_train"]
    );

    let bundle = fs_err::read(bench.path("out/bundle/bundle.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let bins = bundle["calibration"]["bins"].as_array().unwrap();
    let said_of_folds: Vec<_> = ["fold0", "fold2"]
        .iter()
        .flat_map(|fold| said(&bench, fold, "calib"))
        .collect();
    let mut from = f64::NEG_INFINITY;
    for bin in bins {
        let below = bin["below"].as_f64().unwrap_or(f64::INFINITY);
        let own = said_of_folds
            .iter()
            .filter(|row| (from..below).contains(&row.2));
        let mut errors: Vec<f64> = own.map(|row| (row.2 - row.1).abs()).collect();
        errors.sort_by(f64::total_cmp);
        assert_eq!(bin["examples"], errors.len());
        // The k-th smallest error, k = ceil((n + 1) 0.9).
        let rank = ((errors.len() + 1) as f64 * 0.9 - 1e-9).ceil() as usize;
        assert_eq!(bin["width"].as_f64(), errors.get(rank - 1).copied());
        from = below;
    }
    assert!(
        said(&bench, "out", "test")
            .iter()
            .all(|row| row.3.is_some())
    );
}

#[test]
fn a_fold_needs_folds_and_one_that_exists() {
    let bench = bench();
    let cases = [
        (
            bench.fit("a", 1, fold_params(1)),
            "`without_fold` is 1, and the input `folds` is missing",
        ),
        (
            without(&bench, "b", params()),
            "the input `folds` is given, and no parameter says which fold is left out",
        ),
        (
            without(&bench, "c", fold_params(3)),
            "there is no fold 3: the folds go from 0 to 2",
        ),
    ];
    for (output, message) in cases {
        let (code, text) = refusal(&output);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn predictions_that_no_such_network_made_are_refused() {
    let bench = bench();
    bench.result("fold", &without(&bench, "fold", fold_params(0)));
    let (code, text) = refusal(&with(&bench, "twice", params(), &["fold", "fold"]));
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("or which another of the tables has too"),
        "{text}"
    );
    let mut binary = params();
    binary["task"] = json!("binary");
    let (code, text) = refusal(&with(&bench, "binary", binary, &["fold"]));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("task `binary` has no intervals"), "{text}");
}

#[test]
fn a_fold_that_is_in_other_splits_and_a_table_without_one_are_told() {
    let bench = bench();
    // Every review of fold 2 goes to `valid`.
    let mut reviews = uncalibrated();
    for (id, review) in (0..).zip(&mut reviews) {
        if fold(id) == 2 && review.split == "train" {
            review.split = "valid";
        }
    }
    bench.write_reviews(&reviews);
    let output = without(&bench, "fold", fold_params(2));
    let (code, text) = refusal(&output);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("all reviews of fold 2 are in other splits"),
        "{text}"
    );
    assert!(said(&bench, "fold", "calib").is_empty());
    let (code, text) = refusal(&with(&bench, "out", params(), &["fold"]));
    assert_eq!(code, Some(0), "{text}");
    for told in [
        "`fold.predictions` has no predictions of the split `calib`",
        "and so has the input `crossed`: predictions have no intervals",
    ] {
        assert!(text.contains(told), "{text}");
    }
}
