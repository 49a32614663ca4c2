//! Networks are compared on the same examples, and on no others.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Float64Array, ListArray, StringArray, UInt32Array, UInt64Array,
    new_null_array,
};
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::table::{TableReader, TableSpec, TableWriter, column};
use cinescore_artifact::tables::{COMPARISONS, PREDICTIONS, SPREADS};
use cinescore_artifact::task::{Task, TaskInput, write_json};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Predictions of stars for test reviews, by rule: the truth with an error of this size.
fn write_predictions(path: &Path, ids: std::ops::Range<u64>, error: f64, turn: u64) {
    let noise = |id: u64| ((id * 37 + turn * 11) % 41) as f64 / 20.0 - 1.0;
    let target = |id: u64| (id % 10 + 1) as f64;
    let nulls = |name: &str| {
        let schema = PREDICTIONS.schema();
        let field = schema.column_with_name(name).unwrap().1;
        new_null_array(field.data_type(), ids.clone().count())
    };
    let lists: ListArray = nulls("probabilities")
        .as_any()
        .downcast_ref::<ListArray>()
        .unwrap()
        .clone();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.clone().collect::<UInt64Array>()),
        Arc::new(ids.clone().map(|_| Some("test")).collect::<StringArray>()),
        Arc::new(ids.clone().map(target).collect::<Float64Array>()),
        Arc::new(
            ids.clone()
                .map(|id| target(id) + error * noise(id))
                .collect::<Float64Array>(),
        ),
        nulls("lower"),
        nulls("upper"),
        Arc::new(lists),
        nulls("flags"),
    ];
    let mut writer = TableWriter::create(path, &PREDICTIONS).unwrap();
    writer.write(&PREDICTIONS.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
}

/// Runs `compare` on tables with these labels.
fn compare(folder: &TempDir, labels: &[&str], threads: usize, params: Value) -> Output {
    let out = folder.path().join(format!("out-{threads}"));
    let input = |(index, label): (usize, &&str)| TaskInput {
        label: format!("{label}.predictions"),
        output: Some("predictions".into()),
        path: folder.path().join(format!("{index}.parquet")),
        digest: None,
    };
    let task = Task {
        protocol: PROTOCOL,
        kind: "compare".into(),
        params,
        inputs: [(
            "nets".to_owned(),
            labels.iter().enumerate().map(input).collect(),
        )]
        .into(),
        output_dir: out,
        scratch_dir: folder.path().join("scratch"),
        persist: false,
        log_dir: None,
        threads,
        device: "cpu".into(),
        work: Default::default(),
    };
    for folder in [&task.output_dir, &task.scratch_dir] {
        fs_err::create_dir_all(folder).unwrap();
    }
    let file = folder.path().join("task.json");
    write_json(&file, &task).unwrap();
    Command::new(env!("CARGO_BIN_EXE_cinescore-train"))
        .env_remove("LD_LIBRARY_PATH")
        .args(["compare", "--task-file"])
        .arg(file)
        .output()
        .unwrap()
}

/// The rows of a table, as its named columns' texts and numbers.
fn rows(
    path: &Path,
    spec: &'static TableSpec,
    texts: &[&str],
    numbers: &[&str],
) -> Vec<(String, Vec<Option<f64>>)> {
    let mut all = Vec::new();
    for batch in TableReader::open(path, spec)
        .unwrap()
        .batches(1000)
        .unwrap()
    {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let text: Vec<&str> = texts
                .iter()
                .map(|name| column::<StringArray>(&batch, name).value(row))
                .collect();
            let values = numbers.iter().map(|name| {
                let values = column::<Float64Array>(&batch, name);
                values.is_valid(row).then(|| values.value(row))
            });
            all.push((text.join(" "), values.collect()));
        }
    }
    all
}

#[test]
fn differences_are_paired_and_seeds_have_a_spread() {
    let folder = tempfile::tempdir().unwrap();
    let labels = [
        "net[network=a,seed=1]",
        "net[network=a,seed=2]",
        "net[network=b,seed=1]",
        "net[network=b,seed=2]",
        "twin",
    ];
    for (index, (error, turn)) in [(1.0, 0), (1.1, 5), (2.0, 0), (2.1, 5), (1.0, 0)]
        .into_iter()
        .enumerate()
    {
        write_predictions(
            &folder.path().join(format!("{index}.parquet")),
            0..400,
            error,
            turn,
        );
    }
    let mut tables = Vec::new();
    for threads in [1, 3] {
        let output = compare(
            &folder,
            &labels,
            threads,
            json!({"splits": ["test"], "metrics": ["mse", "mae"]}),
        );
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let out = folder.path().join(format!("out-{threads}"));
        tables.push(
            ["comparisons", "spreads"]
                .map(|name| fs_err::read(out.join(format!("{name}.parquet"))).unwrap()),
        );
    }
    assert_eq!(tables[0], tables[1], "the threads matter");

    let out = folder.path().join("out-1");
    let found = rows(
        &out.join("comparisons.parquet"),
        &COMPARISONS,
        &["a", "b", "split", "metric", "verdict"],
        &["difference", "lower", "upper", "p", "spread"],
    );
    let names: Vec<&str> = found.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(
        names,
        [
            "net[network=a] net[network=b] test mae lower",
            "net[network=a] net[network=b] test mse lower",
            "net[network=a] twin test mae within the spread of seeds",
            "net[network=a] twin test mse within the spread of seeds",
            "net[network=b] twin test mae higher",
            "net[network=b] twin test mse higher",
        ]
    );
    for (name, values) in &found {
        let [difference, lower, upper, p, spread] = values.as_slice() else {
            panic!("five numbers")
        };
        let (difference, lower, upper, p) = (
            difference.unwrap(),
            lower.unwrap(),
            upper.unwrap(),
            p.unwrap(),
        );
        assert!((lower..=upper).contains(&difference), "{name}");
        assert!(spread.is_some() && (0.0..=1.0).contains(&p), "{name}");
        assert_eq!(p < 0.05, lower > 0.0 || upper < 0.0, "{name}: p is {p}");
    }
    // Every error is twice as large: nothing is left to chance but which examples were drawn.
    let spreads = rows(
        &out.join("spreads.parquet"),
        &SPREADS,
        &["subject", "metric"],
        &["mean", "spread", "least", "greatest"],
    );
    assert_eq!(spreads.len(), 6);
    let twin = spreads.iter().find(|row| row.0 == "twin mae").unwrap();
    assert_eq!((twin.1[1], twin.1[0]), (None, twin.1[2]));
    let batches: Vec<_> = TableReader::open(&out.join("spreads.parquet"), &SPREADS)
        .unwrap()
        .batches(100)
        .unwrap()
        .collect();
    let runs: &UInt32Array = column(batches[0].as_ref().unwrap(), "runs");
    assert_eq!(runs.values().to_vec(), [2, 2, 2, 2, 1, 1]);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_predictions(&folder.path().join("0.parquet"), 0..40, 1.0, 0);
    write_predictions(&folder.path().join("1.parquet"), 0..39, 1.0, 0);
    let refused = |labels: &[&str], params: Value| {
        let output = compare(&folder, labels, 1, params);
        (
            output.status.code(),
            String::from_utf8(output.stderr)
                .unwrap()
                .trim_end()
                .to_owned(),
        )
    };
    let (code, text) = refused(&["a", "b"], json!({}));
    assert_eq!(code, Some(3));
    insta::assert_snapshot!(text, @r"
    error: `a` and `b` were not evaluated on the same examples: 39 of the split `test` is in `a` only
    hint: train and evaluate them on the same table, or leave one of them out
    ");
    let (code, text) = refused(&["a"], json!({}));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(text, @r#"
    error: there is nothing to compare: 1 of at least 2 tables of predictions
    hint: give it `nets: "net[*].predictions"`
    "#);
    write_predictions(&folder.path().join("1.parquet"), 0..40, 1.0, 0);
    let (code, text) = refused(
        &["a", "b"],
        json!({"splits": ["test"], "metrics": ["accuracy"], "resamples": 100}),
    );
    assert_eq!(code, Some(2));
    assert!(
        text.contains("error: no two of the networks have the figure `accuracy` (known: mae, "),
        "{text}"
    );
}
