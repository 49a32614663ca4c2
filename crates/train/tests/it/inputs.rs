//! Bags of n-grams, one-hot words and given vectors are learned from, and refused where they do not fit.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, Int32Array, ListBuilder, StringArray, UInt8Array, UInt32Builder,
    UInt64Array,
};
use cinescore_artifact::Strings;
use cinescore_artifact::encoder::{BagEncoderFile, ENCODER_VERSION};
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::tables::{BAGS, VECTORS};
use cinescore_artifact::task::TaskInput;
use cinescore_model::bundle;
use serde_json::{Value, json};
use tch::Device;

use crate::repeatable::bytes;
use crate::synthetic::{Bench, IDS, Review, padded, reviews};

/// N-grams of the bags: one for each ordered pair of tokens.
const NGRAMS: usize = IDS * IDS;

/// Each review's pairs of tokens, however far apart, as n-grams: what `reviews` hides in the order of two words is
/// one of them.
fn write_bags(path: &Path, reviews: &[Review]) {
    let mut indices = ListBuilder::new(UInt32Builder::new());
    let mut values = ListBuilder::new(Float32Builder::new());
    for review in reviews {
        let words: Vec<usize> = review.ids.iter().map(|&id| id as usize).collect();
        let mut pairs: Vec<usize> = words
            .iter()
            .enumerate()
            .flat_map(|(at, first)| {
                words[at + 1..]
                    .iter()
                    .map(move |second| first * IDS + second)
            })
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        indices.append_value(pairs.iter().map(|&pair| Some(pair as u32)));
        values.append_value(pairs.iter().map(|_| Some(1.0)));
    }
    let polarities = || reviews.iter().map(|review| review.polarity);
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..reviews.len() as u64).collect::<UInt64Array>()),
        Arc::new(
            reviews
                .iter()
                .map(|review| Some(review.split))
                .collect::<StringArray>(),
        ),
        Arc::new(indices.finish()),
        Arc::new(values.finish()),
        Arc::new(
            reviews
                .iter()
                .map(|review| review.score)
                .collect::<UInt8Array>(),
        ),
        Arc::new(polarities().collect::<UInt8Array>()),
    ];
    let mut writer = TableWriter::create(path, &BAGS).unwrap();
    writer.write(&BAGS.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
}

fn bag_bench(reviews: &[Review], ngrams: usize) -> Bench {
    let bench = Bench::new(&[], false);
    write_bags(&bench.path("tokens.parquet"), reviews);
    let encoder = BagEncoderFile {
        version: ENCODER_VERSION,
        text: Value::Null,
        bag: json!({}),
        ngrams: Strings::of((0..ngrams).map(|index| format!("n{index}"))).unwrap(),
        weights: vec![1.0; ngrams],
    };
    fs_err::write(
        bench.path("encoder.json"),
        serde_json::to_vec(&encoder).unwrap(),
    )
    .unwrap();
    bench.write_network(
        "name: small\ninput: {kind: bag, word_dropout: 0.1, embedding: {size: 1, start: 0.0, bias: true}}\n\
         layers: []\nhead: {outputs: 1}\n",
    );
    bench
}

/// A vector of two numbers for each id.
fn write_vectors(path: &Path, ids: usize) {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    for id in 0..ids {
        vectors.append_value([Some(id as f32 / 10.0), Some(-1.0)]);
    }
    let source = |id: i32| Some(if id < 3 { "zero" } else { "file" });
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..ids as i32).collect::<Int32Array>()),
        Arc::new(vectors.finish()),
        Arc::new((0..ids as i32).map(source).collect::<StringArray>()),
    ];
    let mut writer = TableWriter::create(path, &VECTORS).unwrap();
    writer.write(&VECTORS.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
}

/// Runs `fit` with the vectors of so many ids.
fn with_vectors(bench: &Bench, out: &str, ids: usize, params: Value) -> std::process::Output {
    let path = bench.path("vectors.parquet");
    write_vectors(&path, ids);
    let given = TaskInput {
        label: "vectors".into(),
        output: Some("vectors".into()),
        path,
        digest: None,
    };
    let change = |task: &mut cinescore_artifact::task::Task| {
        task.inputs.insert("vectors".into(), vec![given]);
    };
    bench.command_with(out, 1, params, change).output().unwrap()
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .trim_end()
        .to_owned()
}

fn embedding(pretrained: &str, size: u32) -> String {
    format!(
        "name: small\ninput: {{kind: tokens, embedding: {{size: {size}, pretrained: {pretrained}}}}}\n\
         layers: [{{gru: {{units: 16}}}}, {{pool: last}}]\nhead: {{dense: 1}}\n"
    )
}

#[test]
fn bags_are_learned_from_and_two_runs_give_the_same_bytes() {
    let bench = bag_bench(&reviews(2000), NGRAMS);
    let params =
        json!({"task": "binary", "optimizer": {"adam": {"lr": 0.05}}, "epochs": 5, "batch": 32});
    let result = bench.fitted("a", 2, params.clone());
    let accuracy = result["metrics"]["test.accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.97, "{accuracy}");
    assert_eq!(result["facts"]["parameters"], NGRAMS + 1);
    bench.fitted("b", 2, params);
    assert!(bytes(&bench.path("a")) == bytes(&bench.path("b")));
    let loaded = bundle::load(&bench.path("a/bundle"), Device::Cpu).unwrap();
    assert_eq!(
        (loaded.encoder.ids(), loaded.encoder.name(7)),
        (NGRAMS, Some("n7"))
    );
}

#[test]
fn a_table_or_encoder_of_the_other_kind_is_refused() {
    let tokens = "name: small\ninput: {kind: tokens, embedding: {size: 2}}\nlayers: [{pool: mean}]\nhead: {dense: 1}\n";
    let bench = bag_bench(&reviews(40), NGRAMS);
    bench.write_network(tokens);
    let output = bench.fit("out", 1, json!({"task": "binary"}));
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output), @r"
    error: the network reads the table `tokens`, and the encoder is that of `bags`
    hint: give it `tokens` and `encoder` of `featurize text`
    ");
    let bench = bag_bench(&reviews(40), NGRAMS / 2);
    let output = bench.fit("out", 1, json!({"task": "binary"}));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("and the encoder's end at 71: they do not belong together"));
}

#[test]
fn one_hot_words_are_learned_from_with_padding_and_without() {
    for mask in [false, true] {
        let reviews = if mask {
            reviews(1000)
        } else {
            padded(reviews(1000))
        };
        let bench = Bench::new(&reviews, mask);
        bench.write_network(&format!(
            "name: small\ninput: {{kind: one_hot, mask: {mask}, word_dropout: 0.02}}\n\
             layers: [{{gru: {{units: 16, bidirectional: true}}}}, {{pool: ends}}]\nhead: {{dense: 1}}\n"
        ));
        let params = json!({"task": "binary", "optimizer": {"adam": {"lr": 0.02}}, "epochs": 6});
        let accuracy = bench.fitted("out", 1, params)["metrics"]["test.accuracy"].clone();
        assert!(accuracy.as_f64().unwrap() > 0.95, "mask {mask}: {accuracy}");
    }
}

#[test]
fn given_vectors_stay_or_are_learned_further_and_their_coverage_is_told() {
    let bench = Bench::new(&padded(reviews(400)), false);
    let weights = |out: &str| {
        let loaded = bundle::load(&bench.path(out).join("bundle"), Device::Cpu).unwrap();
        let (_, weight) = loaded.net.variables().remove(0);
        Vec::<f32>::try_from(weight.detach().flatten(0, 1)).unwrap()
    };
    let given: Vec<f32> = (0..IDS).flat_map(|id| [id as f32 / 10.0, -1.0]).collect();
    for (pretrained, stays) in [("frozen", true), ("tuned", false)] {
        bench.write_network(&embedding(pretrained, 2));
        let output = with_vectors(
            &bench,
            pretrained,
            IDS,
            json!({"task": "binary", "epochs": 1}),
        );
        let result = bench.result(pretrained, &output);
        assert_eq!(
            (&result["facts"]["ids_with_vector"], &result["facts"]["ids"]),
            (&json!(9), &json!(12))
        );
        assert!(text(&output).contains("9 of 12 ids have a vector of their own (75.0 %)"));
        let found = weights(pretrained);
        assert_eq!(found == given, stays, "{pretrained}");
        let moved = found
            .iter()
            .zip(&given)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(moved < 0.1, "{pretrained} began elsewhere: {moved}");
        let learned = result["facts"]["parameters"].as_u64().unwrap();
        let gru = 3 * 16 * (2 + 16 + 2) + 17;
        assert_eq!(learned, if stays { gru } else { gru + 24 });
    }
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    let bench = Bench::new(&padded(reviews(40)), false);
    let refused = |out: &str, ids: usize| {
        let output = with_vectors(&bench, out, ids, json!({"task": "binary"}));
        (output.status.code().unwrap(), text(&output))
    };
    bench.write_network(&embedding("frozen", 3));
    let (code, said) = refused("a", IDS);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r"
    error: the vectors have 2 numbers, and the network's embedding has the size 3
    hint: set `size` of the embedding to 2
    ");
    bench.write_network(&embedding("frozen", 2));
    let (code, said) = refused("b", IDS - 1);
    assert_eq!(code, 3);
    insta::assert_snapshot!(said, @"error: the vectors end at the id 10, and the encoder's ids at 11: they do not belong together");
    let output = bench.fit("c", 1, json!({"task": "binary"}));
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output), @r"
    error: the embedding of the network `small` is `pretrained`, and the input `vectors` is missing
    hint: `featurize vectors` makes it
    ");
    bench.write_network(&embedding("none", 2));
    let (code, said) = refused("d", IDS);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r"
    error: the network `small` has no `pretrained` embedding, and the input `vectors` is given
    hint: write `pretrained: frozen` or `pretrained: tuned` into the network's `embedding`
    ");
}
