//! Networks and baselines on windows: what they learn, what is measured of it, and what is refused.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Float32Builder, Float64Array, Int32Array, ListBuilder, StringArray,
    UInt8Array, UInt32Array, UInt64Array,
};
use cinescore_artifact::Split;
use cinescore_artifact::encoder::{ENCODER_VERSION, WindowEncoderFile, WindowFeature};
use cinescore_artifact::table::{TableReader, TableWriter, column};
use cinescore_artifact::tables::{COMPARISONS, METRICS, PREDICTIONS, WINDOWS};
use cinescore_model::bundle::Encoder;
use cinescore_model::task::Task;
use cinescore_train::examples::{Examples, Layout};
use serde_json::{Value, json};
use tempfile::TempDir;

const SLOTS: usize = 4;

/// Forty movies over thirty slots: a movie has a level, and what is in a slot is the half of what was there two slots
/// before, and the half of its level. Neither the last value nor the mean knows that.
fn series() -> Vec<Vec<u32>> {
    let mut state = 7_u64;
    let mut below = move |end: u32| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(end)) as u32
    };
    (0..40_u32)
        .map(|movie| {
            let mut own = vec![0, 2 + movie];
            for slot in 2..34 {
                own.push(own[slot - 2] / 2 + below(4) + if slot % 4 == 1 { 10 + movie } else { 0 });
            }
            own
        })
        .collect()
}

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        write_windows(&bench.path("windows.parquet"), f64::from);
        let feature = WindowFeature {
            name: "count".into(),
            offset: 12.0,
            factor: 12.0,
        };
        let encoder = WindowEncoderFile {
            version: ENCODER_VERSION,
            window: json!({"slots": SLOTS}),
            slots: SLOTS as u32,
            features: vec![feature],
            classes: vec![0.0, 3.0, 8.0, 18.0, 30.0],
            last_slots: [("train".to_owned(), 18)].into(),
        };
        let json = serde_json::to_vec(&encoder).unwrap();
        fs_err::write(bench.path("windows.json"), json).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn asked(&self, kind: &str, out: &str, inputs: &[(&str, &str)], params: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cinescore-train"));
        command
            .arg(kind)
            .args(["--threads", "1", "--out"])
            .arg(self.path(out));
        for (name, file) in inputs {
            command.arg(format!("--{name}")).arg(self.path(file));
        }
        command.args(params).output().unwrap()
    }

    fn done(&self, out: &str, output: &Output) -> Value {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let bytes = fs_err::read(self.path(out).join("result.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn fit(&self, out: &str, network: &str, params: &[&str]) -> Output {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../pipelines/networks")
            .join(format!("{network}.yaml"));
        fs_err::copy(file, self.path("network.yaml")).unwrap();
        let inputs = [
            ("examples", "windows.parquet"),
            ("encoder", "windows.json"),
            ("network", "network.yaml"),
        ];
        let common = [
            "--epochs",
            "30",
            "--batch",
            "32",
            "--optimizer",
            r#"{"adam":{"lr":0.01}}"#,
        ];
        self.asked("fit", out, &inputs, &[&common[..], params].concat())
    }

    fn baseline(&self, out: &str, params: &[&str]) -> Output {
        self.asked("baseline", out, &[("examples", "windows.parquet")], params)
    }

    fn refused(output: &Output) -> String {
        let text = String::from_utf8(output.stderr.clone()).unwrap();
        let code = output.status.code().unwrap();
        format!("{code}\n{}", &text[text.find("error:").unwrap()..])
    }
}

/// Writes the windows of the series, with targets of a measure. Slots up to 18 are `train`, and then `valid`, `calib`, `test`.
fn write_windows(path: &Path, measure: impl Fn(u32) -> f64) {
    let (mut inputs, mut histories) = (
        ListBuilder::new(Float32Builder::new()),
        ListBuilder::new(Float32Builder::new()),
    );
    let mut rows: Vec<(u32, u32, u32)> = Vec::new();
    for (movie, own) in (0..).zip(series()) {
        for (slot, part) in (SLOTS as u32..).zip(own.windows(SLOTS + 1)) {
            let (target, past) = part.split_last().unwrap();
            inputs.append_value(
                past.iter()
                    .map(|own| Some((f64::from(*own) - 12.0) as f32 / 12.0)),
            );
            histories.append_value(past.iter().map(|own| Some(measure(*own) as f32)));
            rows.push((movie, slot, *target));
        }
    }
    let split = |slot: u32| match slot {
        0..=18 => "train",
        19..=22 => "valid",
        23..=26 => "calib",
        _ => "test",
    };
    let class = |count: u32| match count {
        0 => 0,
        1..=3 => 1,
        4..=8 => 2,
        9..=18 => 3,
        19..=30 => 4,
        _ => 5,
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(
            rows.iter()
                .map(|row| (u64::from(row.0) << 32) + u64::from(row.1))
                .collect::<UInt64Array>(),
        ),
        Arc::new(
            rows.iter()
                .map(|row| Some(split(row.1)))
                .collect::<StringArray>(),
        ),
        Arc::new(rows.iter().map(|row| row.0 as i32).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<UInt32Array>()),
        Arc::new(inputs.finish()),
        Arc::new(histories.finish()),
        Arc::new(
            rows.iter()
                .map(|row| measure(row.2))
                .collect::<Float64Array>(),
        ),
        Arc::new(rows.iter().map(|row| row.2).collect::<UInt32Array>()),
        Arc::new(rows.iter().map(|row| class(row.2)).collect::<UInt8Array>()),
        Arc::new(
            rows.iter()
                .map(|row| (1 + row.0 / 4) as u8)
                .collect::<UInt8Array>(),
        ),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.0 as i32 % 20))
                .collect::<Int32Array>(),
        ),
    ];
    let mut writer = TableWriter::create(path, &WINDOWS).unwrap();
    writer.write(&WINDOWS.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
}

fn figure(result: &Value, name: &str) -> f64 {
    result["metrics"][name]
        .as_f64()
        .unwrap_or_else(|| panic!("no figure `{name}` in {}", result["metrics"]))
}

#[test]
fn networks_learn_what_no_rule_knows_and_the_figures_are_those_of_a_popularity() {
    let bench = Bench::new();
    let output = bench.fit(
        "lstm",
        "popularity_lstm",
        &["--task", "regression", "--seed", "3"],
    );
    let lstm = bench.done("lstm", &output);
    let last = bench.done("last", &bench.baseline("last", &["--model", "last_value"]));
    let mean = bench.done("mean", &bench.baseline("mean", &["--model", "window_mean"]));
    let ridge = bench.done("ridge", &bench.baseline("ridge", &["--model", "ridge"]));
    let seasonal = bench.baseline("seasonal", &["--model", "seasonal_naive", "--season", "4"]);
    let seasonal = bench.done("seasonal", &seasonal);
    let smoothing = bench.baseline("smoothing", &["--model", "exponential_smoothing"]);
    let smoothing = bench.done("smoothing", &smoothing);
    let r2 = |result: &Value| figure(result, "test.r2");
    assert!(r2(&lstm) > 0.8, "{}", lstm["metrics"]);
    for other in [&last, &mean] {
        assert!(r2(other) + 0.2 < r2(&lstm), "{}", other["metrics"]);
    }
    assert!(r2(&ridge) > r2(&mean) && r2(&seasonal) > r2(&last));
    // Its level begins at the first value, which here is a season old.
    assert!(r2(&smoothing) > r2(&mean));
    assert!((figure(&last, "test.mase") - 1.0).abs() < 1e-12);
    assert!((0.05..=1.0).contains(&smoothing["facts"]["alpha"].as_f64().unwrap()));
    for name in [
        "mae",
        "rmse",
        "spearman",
        "ndcg_at_10",
        "class_accuracy",
        "coverage",
        "interval_width",
    ] {
        assert!(figure(&lstm, &format!("test.{name}")).is_finite());
    }
    assert!(figure(&lstm, "test.coverage") > 0.8);
    // Nothing of stars.
    for name in ["within_one", "quadratic_kappa", "mse_unit"] {
        assert!(
            lstm["metrics"].get(format!("test.{name}")).is_none(),
            "{name}"
        );
    }
    let mut names: Vec<String> = Vec::new();
    for batch in TableReader::open(&bench.path("lstm/metrics.parquet"), &METRICS)
        .unwrap()
        .batches(4096)
        .unwrap()
    {
        let batch = batch.unwrap();
        names.extend(
            column::<StringArray>(&batch, "metric")
                .iter()
                .flatten()
                .map(str::to_owned),
        );
    }
    for name in [
        "mae_of_decile_10",
        "r2_of_decile_01",
        "mae_of_age_2_to_4",
        "r2_of_age_10_to_19",
    ] {
        assert!(names.iter().any(|own| own == name), "{name}");
    }
    for batch in TableReader::open(&bench.path("last/predictions.parquet"), &PREDICTIONS)
        .unwrap()
        .batches(4096)
        .unwrap()
    {
        let batch = batch.unwrap();
        let lower: &Float64Array = column(&batch, "lower");
        assert!(lower.values().iter().all(|own| *own >= 0.0) && lower.null_count() == 0);
        // No popularity is too great, as 10 stars would be.
        assert!(
            column::<Float64Array>(&batch, "predicted")
                .values()
                .iter()
                .any(|own| *own > 10.0)
        );
    }

    let evaluated = bench.asked(
        "evaluate",
        "again",
        &[("bundle", "lstm/bundle"), ("examples", "windows.parquet")],
        &[],
    );
    let again = bench.done("again", &evaluated);
    for (name, value) in lstm["metrics"].as_object().unwrap() {
        assert_eq!(&again["metrics"][name], value, "{name}");
    }
    let nets = [
        ("nets", "lstm/predictions.parquet"),
        ("nets", "last/predictions.parquet"),
    ];
    let with = [&nets[..], &[("windows", "windows.parquet")]].concat();
    for (out, inputs, known) in [("with", &with[..], true), ("without", &nets[..], false)] {
        bench.done(out, &bench.asked("compare", out, inputs, &[]));
        let mut compared: Vec<(String, String)> = Vec::new();
        let table = bench.path(out).join("comparisons.parquet");
        for batch in TableReader::open(&table, &COMPARISONS)
            .unwrap()
            .batches(4096)
            .unwrap()
        {
            let batch = batch.unwrap();
            let text = |name: &str| {
                column::<StringArray>(&batch, name)
                    .iter()
                    .flatten()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            compared.extend(text("metric").into_iter().zip(text("verdict")));
        }
        let verdict = |name: &str| {
            compared
                .iter()
                .find(|own| own.0 == name)
                .map(|own| own.1.as_str())
        };
        assert_eq!(verdict("r2"), Some("higher"));
        assert_eq!(verdict("mase"), known.then_some("lower"));
        assert_eq!(verdict("spearman").is_some(), known);
        assert_eq!(verdict("within_one"), None);
    }
}

#[test]
fn counts_are_learned_by_their_likelihood() {
    let bench = Bench::new();
    for (out, outputs) in [("poisson", 1), ("negative-binomial", 2)] {
        let params = json!({"outputs": outputs, "slots": SLOTS}).to_string();
        let params = ["--task", "count", "--network-params", params.as_str()];
        let result = bench.done(out, &bench.fit(out, "popularity_mlp", &params));
        assert!(
            figure(&result, "test.r2") > 0.8,
            "{out}: {}",
            result["metrics"]
        );
        assert!(figure(&result, "test.coverage") > 0.8);
    }
    let ridge = bench.baseline("ridge", &["--task", "count", "--model", "ridge"]);
    assert!(figure(&bench.done("ridge", &ridge), "test.r2") > 0.0);
}

#[test]
fn classes_of_popularity_are_learned() {
    let bench = Bench::new();
    let params = ["--task", "classes", "--network-params", r#"{"outputs": 6}"#];
    let gru = bench.done("gru", &bench.fit("gru", "popularity_gru", &params));
    let params = ["--task", "classes", "--model", "trivial"];
    let trivial = bench.done("trivial", &bench.baseline("trivial", &params));
    let accuracy = |result: &Value| figure(result, "test.accuracy");
    assert!(accuracy(&gru) > accuracy(&trivial) + 0.2);
    assert!(figure(&gru, "test.spearman") > 0.5);
    let params = ["--task", "classes", "--model", "logistic"];
    let logistic = bench.done("logistic", &bench.baseline("logistic", &params));
    assert!(accuracy(&logistic) > accuracy(&trivial));
}

#[test]
fn what_cannot_be_learned_from_windows_is_said() {
    let bench = Bench::new();
    let fit =
        |network: &str, params: &[&str]| Bench::refused(&bench.fit("refused", network, params));
    let baseline = |params: &[&str]| Bench::refused(&bench.baseline("refused", params));
    let mut told = vec![
        fit("popularity_lstm", &["--task", "binary"]),
        fit("popularity_mlp", &["--task", "regression"]),
        fit("popularity_lstm", &["--task", "classes"]),
        fit(
            "popularity_lstm",
            &["--task", "count", "--network-params", r#"{"outputs": 3}"#],
        ),
        fit("keras_lstm", &["--task", "regression"]),
        baseline(&["--model", "seasonal_naive"]),
        baseline(&["--model", "seasonal_naive", "--season", "12"]),
        baseline(&["--model", "last_value", "--task", "classes"]),
    ];
    write_windows(&bench.path("windows.parquet"), |count| {
        f64::from(count) / 100.0
    });
    told.push(fit("popularity_lstm", &["--task", "count"]));
    insta::assert_snapshot!(told.join("\n"), @r"
    2
    error: windows have no labels for task `binary`
    hint: take `regression`, `count`, `classes` or `ordinal`

    2
    error: the network reads windows of 8 slots, and the encoder makes windows of 4
    hint: set the network's parameter `slots` (`network_params`) to those of `featurize windows`

    2
    error: the network has outputs for 1 classes, and popularity has 6
    hint: change `head` in the network file

    2
    error: the network has 3 outputs, and task `count` needs 1 (Poisson) or 2 (negative binomial)
    hint: change `head` in the network file

    2
    error: the network reads the table `tokens`, and the encoder is that of `windows`
    hint: give it `tokens` and `encoder` of `featurize text`

    2
    error: the baseline `seasonal_naive` needs `season`, the slots of a season
    hint: 4 for quarters, 12 for months, 52 for weeks, 7 for days

    2
    error: windows of 4 slots hold no season of 12
    hint: ask `featurize windows` for longer windows

    2
    error: the baseline `last_value` is not for task `classes`
    hint: take `model: logistic`

    2
    error: window 4 has the label 0.02, which is out of range for task `count`
    hint: task `count` needs windows with `target: count`: give `featurize windows` that
    ");
}

#[test]
fn a_class_ends_where_the_encoder_says() {
    let bench = Bench::new();
    let path = bench.path("windows.json");
    let mut file: WindowEncoderFile = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
    // No window has such a count, and all are in the classes that they were in.
    file.classes = vec![0.0, 3.5, 8.5, 18.5, 30.5];
    let classes = file.classes.clone();
    let table = bench.path("windows.parquet");
    let encoder = Encoder::Windows(file);
    let read = |task| Examples::read(&table, task, Layout::Window(None), &encoder, &[]).unwrap();
    let known = read(Task::Regression).knowledge(Split::Test).unwrap();
    assert_eq!(known.bounds, classes);
    let known = read(Task::Classes).knowledge(Split::Test).unwrap();
    assert!(known.bounds.is_empty());
}
