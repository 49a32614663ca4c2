//! The words that decide are named.

use std::collections::BTreeMap;
use std::process::Output;

use arrow::array::{Float64Array, StringArray, UInt64Array};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::{ATTRIBUTIONS, PREDICTIONS};
use serde_json::{Value, json};

use crate::synthetic::{Bench, padded, reviews};

/// By review and method, its tokens with their weights.
type Attributions = BTreeMap<(u64, String), Vec<(String, f64)>>;

fn read(bench: &Bench, out: &str) -> Attributions {
    let path = bench.path(out).join("attributions.parquet");
    let mut all = Attributions::new();
    for batch in TableReader::open(&path, &ATTRIBUTIONS)
        .unwrap()
        .batches(100_000)
        .unwrap()
    {
        let batch = batch.unwrap();
        let ids: &UInt64Array = column(&batch, "review_id");
        let text = |name| column::<StringArray>(&batch, name);
        let weights: &Float64Array = column(&batch, "weight");
        for row in 0..batch.num_rows() {
            let key = (ids.value(row), text("method").value(row).to_owned());
            let token = (text("token").value(row).to_owned(), weights.value(row));
            all.entry(key).or_default().push(token);
        }
    }
    all
}

/// The part of the reviews in which the later of the two words that decide has the most weight of all, on its side.
fn found(all: &Attributions, method: &str) -> f64 {
    let own: Vec<_> = all
        .iter()
        .filter(|((_, other), _)| other == method)
        .collect();
    let right = own.iter().filter(|(_, tokens)| {
        let greatest = tokens
            .iter()
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
            .unwrap();
        greatest.0 == "t5" || greatest.0 == "t6"
    });
    right.count() as f64 / own.len() as f64
}

#[test]
fn every_network_of_tokens_is_explained_and_the_words_that_decide_are_named() {
    let networks = [
        (
            "{kind: tokens, mask: true, embedding: {size: 8}}",
            "{gru: {units: 12}}, {attention: {units: 8}}",
        ),
        (
            "{kind: tokens, embedding: {size: 8}}",
            "{lstm: {units: 16}}, {pool: last}",
        ),
        (
            "{kind: one_hot}",
            "{lstm: {units: 16, bidirectional: true}}, {pool: ends}, {dropout: 0.2}",
        ),
    ];
    for (input, layers) in networks {
        let mask = input.contains("mask");
        let all = if mask {
            reviews(2000)
        } else {
            padded(reviews(2000))
        };
        let bench = Bench::new(&all, mask);
        bench.write_network(&format!(
            "name: small\ninput: {input}\nlayers: [{layers}]\nhead: {{dense: 1}}\n"
        ));
        let quick =
            json!({"task": "binary", "optimizer": {"adam": {"lr": 0.01}}, "seed": 3, "epochs": 6});
        let accuracy = bench.fitted("fit", 1, quick)["metrics"]["test.accuracy"]
            .as_f64()
            .unwrap();
        assert!(accuracy > 0.95, "{layers}: {accuracy}");

        let params = json!({"reviews": 40, "top": 2, "steps": 100});
        let output = bench.asked("explain", "fit", "out", params.clone());
        let result = bench.result("out", &output);
        let metric = |name: &str| result["metrics"][name].as_f64().unwrap();
        // Sundararajan et al.: the attributions add up to the difference of the predictions.
        assert!(
            metric("test.completeness_error") < 0.02,
            "{layers}: {result}"
        );
        for method in ["occlusion", "integrated_gradients"] {
            assert!(
                metric(&format!("test.deletion_gain_{method}")) > 0.1,
                "{layers}: {result}"
            );
        }
        let found_of = read(&bench, "out");
        let methods = if mask { 3 } else { 2 };
        assert_eq!(found_of.len(), 40 * methods, "{layers}");
        for method in ["occlusion", "integrated_gradients"] {
            let part = found(&found_of, method);
            assert!(part > 0.8, "{layers} {method}: {part}");
        }
        // What has no word has no weight, and padding is no token.
        for ((_, method), tokens) in &found_of {
            assert_eq!(tokens[0].0, "t1");
            assert!(tokens.iter().all(|(token, _)| token != "t0"));
            if method == "attention" {
                let sum: f64 = tokens.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            } else {
                assert_eq!(tokens[0].1, 0.0);
            }
        }
        bench.result("again", &bench.asked("explain", "fit", "again", params));
        for name in ["attributions.parquet", "metrics.parquet"] {
            let bytes = |out: &str| fs_err::read(bench.path(out).join(name)).unwrap();
            assert!(bytes("out") == bytes("again"), "{name}");
        }
    }
}

#[test]
fn stars_are_explained_in_stars_and_classes_by_their_mean() {
    let bench = Bench::new(&padded(reviews(1000)), false);
    for (task, head) in [
        ("regression", "{dense: 1}"),
        ("classes", "{dense: 2}"),
        ("ordinal", "{cumulative: 10}"),
    ] {
        bench.write_network(&format!(
            "name: small\ninput: {{kind: tokens, embedding: {{size: 8}}}}\nlayers: [{{lstm: {{units: 16}}}}, {{pool: last}}]\nhead: {head}\n"
        ));
        let out = format!("fit-{task}");
        bench.fitted(
            &out,
            1,
            json!({"task": task, "optimizer": {"adam": {"lr": 0.02}}, "seed": 3, "epochs": 8}),
        );
        let output = bench.asked(
            "explain",
            &out,
            &format!("explain-{task}"),
            json!({"reviews": 30, "top": 2, "steps": 200}),
        );
        let result = bench.result(&format!("explain-{task}"), &output);
        // From 2 to 9 stars: seven times the probability's.
        let complete = result["metrics"]["test.completeness_error"]
            .as_f64()
            .unwrap();
        assert!(complete < 0.15, "{task}: {complete}");
        assert!(
            result["metrics"]["test.deletion_gain_occlusion"]
                .as_f64()
                .unwrap()
                > 0.7,
            "{task}: {result}"
        );
    }
}

/// The test reviews of a fit by the distance of prediction and truth, the greatest first.
fn by_error(bench: &Bench, from: &str) -> Vec<u64> {
    let path = bench.path(from).join("predictions.parquet");
    let mut all = Vec::new();
    let reader = TableReader::open(&path, &PREDICTIONS).unwrap();
    for batch in reader.batches(100_000).unwrap() {
        let batch = batch.unwrap();
        let ids: &UInt64Array = column(&batch, "id");
        let splits: &StringArray = column(&batch, "split");
        let number = |name| column::<Float64Array>(&batch, name);
        for row in 0..batch.num_rows() {
            if splits.value(row) == "test" {
                let error = number("predicted").value(row) - number("target").value(row);
                all.push((error.abs(), ids.value(row)));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn the_worst_the_best_and_any_review_can_be_chosen_and_the_sample_alone_is_measured() {
    let bench = Bench::new(&padded(reviews(400)), false);
    bench.fitted("fit", 1, json!({"task": "binary", "seed": 3, "epochs": 1}));
    let ranked = by_error(&bench, "fit");
    let (worst, best) = (ranked[..2].to_vec(), ranked[ranked.len() - 2..].to_vec());
    let asked_for = ranked[ranked.len() / 2];
    let params = json!({"reviews": 5, "choose": ["worst", "best"], "each": 2, "review_ids": [asked_for],
        "methods": ["occlusion"], "top": 2});
    let result = bench.result(
        "out",
        &bench.asked_knowing("explain", "fit", "out", params.clone()),
    );
    let explained: Vec<u64> = read(&bench, "out").into_keys().map(|(id, _)| id).collect();
    for id in worst.iter().chain(&best).chain([&asked_for]) {
        assert!(explained.contains(id), "{id} is not among {explained:?}");
    }
    assert!(explained.len() <= 10, "{explained:?}");

    // The deletion test is that of the five alone.
    let alone = json!({"reviews": 5, "methods": ["occlusion"], "top": 2});
    let plain = bench.result("alone", &bench.asked("explain", "fit", "alone", alone));
    assert_eq!(result["metrics"], plain["metrics"]);
    assert_eq!(plain["facts"]["reviews"], 5);

    let refused = |output: Output| {
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text.trim_end().to_owned())
    };
    let (code, text) = refused(bench.asked("explain", "fit", "none", params));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(text, @r"
    error: `choose` needs to know what was predicted
    hint: give it `predictions: net.predictions`
    ");
    let (code, text) = refused(bench.asked("explain", "fit", "id", json!({"review_ids": [999]})));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(text, @"error: the split `test` has no review 999 with a label, which `review_ids` names");
    let (code, _text) = refused(bench.asked("explain", "fit", "zero", json!({"reviews": 0})));
    assert_eq!(code, Some(2));
}

#[test]
fn a_network_that_reads_no_tokens_is_refused() {
    let bench = Bench::new(&padded(reviews(60)), false);
    bench.write_network(
        "name: small\ninput: {kind: whole, length: 20}\nlayers: [relu]\nhead: {dense: 1}\n",
    );
    bench.fitted("fit", 1, json!({"epochs": 1}));
    let refused = |params: Value| {
        let output = bench.asked("explain", "fit", "out", params);
        (
            output.status.code(),
            String::from_utf8(output.stderr)
                .unwrap()
                .trim_end()
                .to_owned(),
        )
    };
    let (code, text) = refused(json!({}));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(text, @"error: the network `small` does not read token by token, so no token of it can be explained");
}
