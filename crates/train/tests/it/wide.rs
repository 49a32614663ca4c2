//! The linear model beside a network says of a training review what it can know without it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, Float64Array, ListBuilder, StringArray, UInt8Array, UInt32Array,
    UInt32Builder, UInt64Array,
};
use cinescore_artifact::Strings;
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::encoder::{BagEncoderFile, ENCODER_VERSION};
use cinescore_artifact::table::{TableReader, TableWriter, column};
use cinescore_artifact::tables::{BAGS, FOLDS, LOGITS, PREDICTIONS};
use cinescore_artifact::task::{Task, TaskInput, write_json};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::synthetic::{Bench as Tokens, reviews};

/// Reviews of the tables.
const REVIEWS: usize = 600;
/// Two words that say what a review is, one of which most reviews have, and a word of each review's own.
const WORDS: usize = 2 + REVIEWS;
/// Of ten reviews so many have the word that fits.
const HONEST: u64 = 8;

struct Bench {
    folder: TempDir,
}

/// As [`reviews`] divides them.
fn split(review: usize) -> &'static str {
    match review % 10 {
        0 => "valid",
        1 => "calib",
        2 | 3 => "test",
        _ => "train",
    }
}

/// The columns that all tables of reviews begin with.
fn ids() -> ArrayRef {
    Arc::new((0..REVIEWS as u64).collect::<UInt64Array>())
}

/// See [`ids`].
fn splits() -> ArrayRef {
    let splits = (0..REVIEWS).map(|own| Some(split(own)));
    Arc::new(splits.collect::<StringArray>())
}

/// Whether a review has 5 stars, which are neither positive nor negative.
fn neither(review: usize) -> bool {
    review % 50 == 49
}

/// Of all reviews whether they are positive, and whether their words say so.
fn labels() -> Vec<(bool, bool)> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..REVIEWS)
        .map(|_| (rng.random(), rng.random_range(0..10) < HONEST))
        .collect()
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let labels = labels();
        let (mut indices, mut values) = (
            ListBuilder::new(UInt32Builder::new()),
            ListBuilder::new(Float32Builder::new()),
        );
        for (review, &(positive, honest)) in labels.iter().enumerate() {
            let word = u32::from(positive == honest);
            indices.append_value([Some(word), Some(2 + review as u32)]);
            // As naive Bayes would have it of the training split: the words of its reviews know their labels.
            let ratio = if word == 1 { 1.2 } else { -1.2 };
            let own = if positive { 0.7 } else { -0.7 };
            let own = if split(review) == "train" { own } else { 0.0 };
            values.append_value([Some(ratio), Some(own)]);
        }
        let columns: Vec<ArrayRef> = vec![
            ids(),
            splits(),
            Arc::new(indices.finish()),
            Arc::new(values.finish()),
            Arc::new(
                labels
                    .iter()
                    .map(|own| 2 + 7 * u8::from(own.0))
                    .collect::<UInt8Array>(),
            ),
            Arc::new(
                labels
                    .iter()
                    .enumerate()
                    .map(|(index, own)| (!neither(index)).then_some(u8::from(own.0)))
                    .collect::<UInt8Array>(),
            ),
        ];
        let mut writer = TableWriter::create(&bench.path("bags.parquet"), &BAGS).unwrap();
        writer.write(&BAGS.batch(columns).unwrap()).unwrap();
        writer.finish().unwrap();
        bench.write_folds(5);
        bench.write_encoder("log_count_ratio");
        bench
    }

    fn write_folds(&self, folds: u32) {
        let rows = (0..REVIEWS).filter(|own| split(*own) != "test");
        let (ids, folds): (Vec<u64>, Vec<u32>) =
            rows.map(|own| (own as u64, own as u32 % folds)).unzip();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(ids)),
            Arc::new(UInt32Array::from(folds)),
        ];
        let mut writer = TableWriter::create(&self.path("folds.parquet"), &FOLDS).unwrap();
        writer.write(&FOLDS.batch(columns).unwrap()).unwrap();
        writer.finish().unwrap();
    }

    fn write_encoder(&self, values: &str) {
        let encoder = BagEncoderFile {
            version: ENCODER_VERSION,
            text: Value::Null,
            bag: json!({"values": values, "smoothing": 1.0, "norm": "auto"}),
            ngrams: Strings::of((0..WORDS).map(|word| format!("w{word}"))).unwrap(),
            weights: vec![1.0; WORDS],
        };
        fs_err::write(
            self.path("bags.json"),
            serde_json::to_vec(&encoder).unwrap(),
        )
        .unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, kind: &str, out: &str, inputs: &[(&str, PathBuf)], params: Value) -> Output {
        let input = |path: &PathBuf| TaskInput {
            label: path.file_name().unwrap().to_string_lossy().into_owned(),
            output: None,
            path: path.clone(),
            digest: None,
        };
        let inputs: BTreeMap<String, Vec<TaskInput>> = inputs
            .iter()
            .map(|(name, path)| ((*name).to_owned(), vec![input(path)]))
            .collect();
        let task = Task {
            protocol: PROTOCOL,
            kind: kind.into(),
            params,
            inputs,
            output_dir: self.path(out),
            scratch_dir: self.path("scratch"),
            persist: false,
            log_dir: None,
            threads: 1,
            device: "cpu".into(),
            work: Default::default(),
        };
        for folder in [&task.output_dir, &task.scratch_dir] {
            fs_err::create_dir_all(folder).unwrap();
        }
        let file = self.path(&format!("task-{out}.json"));
        write_json(&file, &task).unwrap();
        Command::new(env!("CARGO_BIN_EXE_cinescore-train"))
            .env_remove("LD_LIBRARY_PATH")
            .args([kind, "--task-file"])
            .arg(file)
            .output()
            .unwrap()
    }

    fn wide(&self, out: &str) -> Output {
        self.wide_with(out, &[0.001, 0.01])
    }

    fn wide_with(&self, out: &str, l2: &[f64]) -> Output {
        let inputs = [
            ("examples", self.path("bags.parquet")),
            ("encoder", self.path("bags.json")),
            ("folds", self.path("folds.parquet")),
        ];
        self.run("wide", out, &inputs, json!({"l2": l2}))
    }

    fn write_logits(&self, name: &str, logits: &[f64]) {
        let columns: Vec<ArrayRef> = vec![
            ids(),
            splits(),
            Arc::new(Float64Array::from(logits.to_vec())),
        ];
        let mut writer = TableWriter::create(&self.path(name), &LOGITS).unwrap();
        writer.write(&LOGITS.batch(columns).unwrap()).unwrap();
        writer.finish().unwrap();
    }

    /// The logit of each review.
    fn logits(&self, out: &str) -> Vec<f64> {
        let reader = TableReader::open(&self.path(out).join("logits.parquet"), &LOGITS).unwrap();
        reader
            .batches(8192)
            .unwrap()
            .flat_map(|batch| {
                let batch = batch.unwrap();
                column::<Float64Array>(&batch, "logit").values().to_vec()
            })
            .collect()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The share of some reviews whose label a logit has.
fn right(logits: &[f64], of: impl Fn(usize) -> bool) -> f64 {
    let labels = labels();
    let rows: Vec<usize> = (0..REVIEWS)
        .filter(|own| of(*own) && !neither(*own))
        .collect();
    let right = rows
        .iter()
        .filter(|own| (logits[**own] > 0.0) == labels[**own].0);
    right.count() as f64 / rows.len() as f64
}

#[test]
fn logits_of_training_reviews_know_no_more_than_those_of_others() {
    let bench = Bench::new();
    let output = bench.wide("out");
    assert!(output.status.success(), "{}", said(&output));
    let logits = bench.logits("out");
    let (train, test) = (|own| split(own) == "train", |own| split(own) == "test");
    // Words say what eight of ten reviews are. Each has a word of its own, too, which would give its label away.
    assert!(
        (0.7..0.9).contains(&right(&logits, train)),
        "{}",
        right(&logits, train)
    );
    assert!(
        (0.7..0.9).contains(&right(&logits, test)),
        "{}",
        right(&logits, test)
    );

    // The bundle rates by itself, and says the same of whoever was not trained on; of these it knows nearly all.
    let inputs = [
        ("bundle", bench.path("out/bundle")),
        ("examples", bench.path("bags.parquet")),
    ];
    let output = bench.run(
        "evaluate",
        "again",
        &inputs,
        json!({"splits": ["train", "test"]}),
    );
    assert!(output.status.success(), "{}", said(&output));
    let path = bench.path("again/predictions.parquet");
    assert_eq!(logits.len(), REVIEWS);
    let (mut known, mut trained) = (0_i32, 0_i32);
    for batch in TableReader::open(&path, &PREDICTIONS)
        .unwrap()
        .batches(8192)
        .unwrap()
    {
        let batch = batch.unwrap();
        let ids: &UInt64Array = column(&batch, "id");
        let (predicted, targets): (&Float64Array, &Float64Array) =
            (column(&batch, "predicted"), column(&batch, "target"));
        for row in 0..batch.num_rows() {
            let review = ids.value(row) as usize;
            if test(review) {
                let expected = 1.0 / (1.0 + (-logits[review]).exp());
                assert!((predicted.value(row) - expected).abs() < 1e-5);
            } else {
                trained += 1;
                known += i32::from((predicted.value(row) > 0.5) == (targets.value(row) > 0.5));
            }
        }
    }
    assert!(
        f64::from(known) > 0.97 * f64::from(trained),
        "{known} of {trained}"
    );

    let again = bench.wide("twice");
    assert!(again.status.success());
    assert_eq!(bench.logits("twice"), logits);
}

#[test]
fn what_cannot_be_crossed_is_refused_in_words() {
    let bench = Bench::new();
    bench.write_folds(1);
    let text = said(&bench.wide("one"));
    assert!(
        text.contains("all training reviews are in one fold"),
        "{text}"
    );
    bench.write_folds(5);
    bench.write_encoder("tf_idf");
    let text = said(&bench.wide("tf_idf"));
    assert!(
        text.contains("`tf_idf`, and not log-count ratios"),
        "{text}"
    );
}

#[test]
fn a_network_reads_what_the_linear_model_says() {
    let bench = Bench::new();
    assert!(bench.wide("out").status.success());
    let tokens = Tokens::new(&reviews(REVIEWS), true);
    tokens.write_network(
        "name: small\ninput: {kind: regions, sizes: [1, 2], filters: 8}\nwide: true\nlayers: [relu]\nhead: {dense: 1}\n",
    );
    let params = || json!({"task": "binary", "epochs": 16, "optimizer": {"adagrad": {"lr": 0.1}}});
    let mut inputs = vec![
        ("examples", tokens.path("tokens.parquet")),
        ("encoder", tokens.path("encoder.json")),
        ("network", tokens.path("small.yaml")),
        ("logits", bench.path("out/logits.parquet")),
    ];
    let text = said(&bench.run("fit", "lacks", &inputs, params()));
    assert!(text.contains("the input `wide` is missing"), "{text}");
    inputs.push(("wide", bench.path("out/bundle")));
    let adam = json!({"task": "binary"});
    let text = said(&bench.run("fit", "adam", &inputs, adam));
    assert!(text.contains("whose gradients are sparse"), "{text}");
    let mut held = params();
    held["hold_out"] = json!([4]);
    let text = said(&bench.run("fit", "held", &inputs, held));
    assert!(text.contains("which knows the scores"), "{text}");
    let output = bench.run("fit", "net", &inputs, params());
    assert!(output.status.success(), "{}", said(&output));
    let result = fs_err::read(bench.path("net/result.json")).unwrap();
    let result: Value = serde_json::from_slice(&result).unwrap();
    // Its regions are what it learns from: here the bags are those of other reviews. Which of two words comes last can be
    // read off neighbours in many reviews, not in all.
    let accuracy = result["metrics"]["test.accuracy"].as_f64();
    assert!(accuracy.unwrap() > 0.7, "{result}");

    let asked = [
        ("bundle", bench.path("net/bundle")),
        ("examples", tokens.path("tokens.parquet")),
        ("logits", bench.path("out/logits.parquet")),
    ];
    let output = bench.run("evaluate", "again", &asked, json!({}));
    assert!(output.status.success(), "{}", said(&output));
    let read = |folder: &str| fs_err::read(bench.path(folder).join("predictions.parquet")).unwrap();
    assert_eq!(read("again"), read("net"));
    let text = said(&bench.run("evaluate", "without", &asked[..2], json!({})));
    assert!(text.contains("the input `logits` is missing"), "{text}");
    // The logits of another fit, of the same reviews in the same splits.
    assert!(bench.wide_with("other", &[3.0]).status.success());
    let other = || ("logits", bench.path("other/logits.parquet"));
    inputs.retain(|(name, _)| *name != "logits");
    inputs.push(other());
    let mixed = [asked[0].clone(), asked[1].clone(), other()];
    for text in [
        said(&bench.run("fit", "mixed", &inputs, params())),
        said(&bench.run("evaluate", "mixed", &mixed, json!({}))),
        said(&bench.run("explain", "mixed", &mixed, json!({"reviews": 3}))),
    ] {
        assert!(text.contains("are those of another linear model"), "{text}");
        assert!(text.contains("of one `train wide`"), "{text}");
    }
    // A table that others made need not say whose logits they are.
    bench.write_logits("logits.parquet", &bench.logits("out"));
    let others = ("logits", bench.path("logits.parquet"));
    let others = [asked[0].clone(), asked[1].clone(), others];
    let output = bench.run("evaluate", "others", &others, json!({}));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(read("others"), read("net"));
    let explained = bench.run("explain", "words", &asked, json!({"reviews": 3}));
    assert!(explained.status.success(), "{}", said(&explained));

    // The linear model goes with the bundle, and no other does.
    let manifest = bench.path("net/bundle/wide/bundle.json");
    let text = fs_err::read_to_string(&manifest).unwrap();
    fs_err::write(
        &manifest,
        text.replace("\"chosen_epoch\": 1", "\"chosen_epoch\": 2"),
    )
    .unwrap();
    let text = said(&bench.run("evaluate", "exchanged", &asked, json!({})));
    assert!(text.contains("is damaged or was exchanged"), "{text}");
}
