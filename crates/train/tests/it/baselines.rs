//! Baselines have the outputs of a network, and learn what words say by themselves.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Float32Builder, Float64Array, ListBuilder, StringArray, UInt8Array,
    UInt32Builder, UInt64Array,
};
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::table::{TableReader, TableWriter, column};
use cinescore_artifact::tables::{BAGS, METRICS, PREDICTIONS};
use cinescore_artifact::task::{Task, TaskInput, write_json};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

/// A review whose 5 words of 30 are good ones, below 15, as often as its stars say.
struct Review {
    split: &'static str,
    words: Vec<u32>,
    stars: u8,
}

fn reviews(count: u64) -> Vec<Review> {
    let mut state = 5_u64;
    let mut below = move |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut review = |number: u64| {
        let stars = below(10) + 1;
        let mut words: Vec<u32> = (0..5)
            .map(|_| (below(15) + if below(10) < stars - 1 { 0 } else { 15 }) as u32)
            .collect();
        words.sort_unstable();
        words.dedup();
        let split = ["train", "train", "train", "valid", "calib", "test"][(number % 6) as usize];
        Review {
            split,
            words,
            stars: stars as u8,
        }
    };
    (0..count).map(&mut review).collect()
}

impl Bench {
    fn new(reviews: &[Review]) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let (mut indices, mut values) = (
            ListBuilder::new(UInt32Builder::new()),
            ListBuilder::new(Float32Builder::new()),
        );
        for review in reviews {
            indices.append_value(review.words.iter().copied().map(Some));
            values.append_value(review.words.iter().map(|_| Some(1.0)));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new((0..reviews.len() as u64).collect::<UInt64Array>()),
            Arc::new(
                reviews
                    .iter()
                    .map(|own| Some(own.split))
                    .collect::<StringArray>(),
            ),
            Arc::new(indices.finish()),
            Arc::new(values.finish()),
            Arc::new(reviews.iter().map(|own| own.stars).collect::<UInt8Array>()),
            Arc::new(
                reviews
                    .iter()
                    .map(|own| u8::from(own.stars > 5))
                    .collect::<UInt8Array>(),
            ),
        ];
        let mut writer = TableWriter::create(&bench.path("bags.parquet"), &BAGS).unwrap();
        writer.write(&BAGS.batch(columns).unwrap()).unwrap();
        writer.finish().unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, out: &str, threads: usize, params: Value) -> Output {
        let input = TaskInput {
            label: "bags".into(),
            output: None,
            path: self.path("bags.parquet"),
            digest: None,
        };
        let task = Task {
            protocol: PROTOCOL,
            kind: "baseline".into(),
            params,
            inputs: [("examples".to_owned(), vec![input])].into(),
            output_dir: self.path(out),
            scratch_dir: self.path("scratch"),
            persist: false,
            log_dir: None,
            threads,
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
            .args(["baseline", "--task-file"])
            .arg(file)
            .output()
            .unwrap()
    }

    fn fitted(&self, out: &str, threads: usize, params: Value) -> Value {
        let output = self.run(out, threads, params);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&fs_err::read(self.path(out).join("result.json")).unwrap()).unwrap()
    }
}

#[test]
fn words_are_learned_for_every_task_and_the_trivial_predictor_learns_none() {
    let bench = Bench::new(&reviews(3000));
    let metric = |result: &Value, name: &str| result["metrics"][name].as_f64().unwrap();
    let ridge = bench.fitted("ridge", 1, json!({"task": "regression", "model": "ridge"}));
    // Of 5 words the best guess leaves about half of the variance, 8.25.
    assert!(metric(&ridge, "test.mse") < 5.0, "{ridge}");
    assert!(metric(&ridge, "test.coverage") > 0.85);
    assert_eq!(ridge["facts"]["candidates"].as_array().unwrap().len(), 3);
    let trivial = bench.fitted(
        "trivial",
        1,
        json!({"task": "regression", "model": "trivial"}),
    );
    assert_eq!(trivial["metrics"]["test.r2"].as_f64().unwrap().round(), 0.0);
    let logistic = bench.fitted(
        "logistic",
        1,
        json!({"task": "binary", "model": "logistic"}),
    );
    assert!(metric(&logistic, "test.accuracy") > 0.75, "{logistic}");
    let classes = bench.fitted(
        "classes",
        1,
        json!({"task": "classes", "model": "logistic", "l2": [1.0]}),
    );
    assert!(metric(&classes, "test.accuracy") > 0.15, "{classes}");
    assert!(metric(&classes, "test.mse") < 6.0);

    // One subject each, and the trivial predictor once.
    for (out, subjects) in [
        ("ridge", &["ridge", "trivial"][..]),
        ("trivial", &["trivial"]),
    ] {
        let path = bench.path(out).join("metrics.parquet");
        let mut found: Vec<String> = Vec::new();
        for batch in TableReader::open(&path, &METRICS)
            .unwrap()
            .batches(1000)
            .unwrap()
        {
            let batch = batch.unwrap();
            let names: &StringArray = column(&batch, "subject");
            found.extend(names.iter().flatten().map(str::to_owned));
        }
        found.dedup();
        assert_eq!(found, subjects);
    }
    let path = bench.path("classes").join("predictions.parquet");
    for batch in TableReader::open(&path, &PREDICTIONS)
        .unwrap()
        .batches(10_000)
        .unwrap()
    {
        let batch = batch.unwrap();
        assert_eq!(batch.num_rows(), 1500);
        let (lower, upper) = (
            column::<Float64Array>(&batch, "lower"),
            column::<Float64Array>(&batch, "upper"),
        );
        let predicted: &Float64Array = column(&batch, "predicted");
        assert_eq!(lower.null_count() + upper.null_count(), 0);
        assert!(
            (0..1500)
                .all(|row| (lower.value(row)..=upper.value(row)).contains(&predicted.value(row)))
        );
    }
}

#[test]
fn the_threads_change_no_byte() {
    let bench = Bench::new(&reviews(900));
    let bytes = |threads: usize| {
        let out = format!("out-{threads}");
        bench.fitted(
            &out,
            threads,
            json!({"task": "binary", "model": "logistic"}),
        );
        ["predictions", "metrics"]
            .map(|name| fs_err::read(bench.path(&out).join(format!("{name}.parquet"))).unwrap())
    };
    assert!(bytes(1) == bytes(3));
}

#[test]
fn a_model_of_another_task_and_splits_without_examples_are_refused() {
    let mut all = reviews(60);
    let refused = |bench: &Bench, params: Value| {
        let output = bench.run("out", 1, params);
        (
            output.status.code(),
            String::from_utf8(output.stderr)
                .unwrap()
                .trim_end()
                .to_owned(),
        )
    };
    let (code, text) = refused(&Bench::new(&all), json!({"task": "binary"}));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(text, @r"
    error: the baseline `ridge` is not for task `binary`
    hint: take `model: logistic`
    ");
    all.retain(|review| review.split != "valid");
    let (code, text) = refused(&Bench::new(&all), json!({}));
    assert_eq!(code, Some(3));
    insta::assert_snapshot!(text, @"error: the split `valid` has no examples with a label for task `regression`");
}
