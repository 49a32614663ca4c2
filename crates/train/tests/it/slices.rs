//! Errors are measured by slice, each against the others.

use arrow::array::{Array as _, Float64Array, StringArray, UInt64Array};
use cinescore_artifact::encoder::{EncoderFile, digest_of_terms};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables::SLICES;
use cinescore_artifact::task::read_json;
use serde_json::json;

use crate::synthetic::{Bench, padded, reviews};

struct Row {
    factor: String,
    level: String,
    metric: String,
    n: u64,
    value: Option<f64>,
    others_n: u64,
    others: Option<f64>,
    interval: Option<(f64, f64)>,
}

fn read(bench: &Bench, out: &str) -> Vec<Row> {
    let path = bench.path(out).join("slices.parquet");
    let mut rows = Vec::new();
    let reader = TableReader::open(&path, &SLICES).unwrap();
    for batch in reader.batches(100_000).unwrap() {
        let batch = batch.unwrap();
        let text = |name, row| column::<StringArray>(&batch, name).value(row).to_owned();
        let count = |name, row| column::<UInt64Array>(&batch, name).value(row);
        let number = |name, row| {
            let values: &Float64Array = column(&batch, name);
            values.is_valid(row).then(|| values.value(row))
        };
        for row in 0..batch.num_rows() {
            assert_eq!(text("subject", row), "net[seed=3]");
            assert_eq!(text("split", row), "test");
            rows.push(Row {
                factor: text("factor", row),
                level: text("level", row),
                metric: text("metric", row),
                n: count("n", row),
                value: number("value", row),
                others_n: count("others_n", row),
                others: number("others", row),
                interval: number("lower", row).zip(number("upper", row)),
            });
        }
    }
    rows
}

#[test]
fn the_slices_of_a_factor_add_up_to_the_figure_of_all() {
    // A third of the words is unknown in every other review.
    let mut all = padded(reviews(600));
    for review in all.iter_mut().step_by(2) {
        for id in review.ids.iter_mut().filter(|id| **id >= 9) {
            *id = 2;
        }
    }
    let bench = Bench::new(&all, false);
    for (task, metric, figure) in [
        ("binary", "error_rate", "test.accuracy"),
        ("regression", "mae", "test.mae"),
    ] {
        let fitted = bench.fitted(task, 1, json!({"task": task, "seed": 3, "epochs": 1}));
        let out = format!("slices-{task}");
        let result = bench.result(&out, &bench.sliced(task, &out, json!({})));
        let rows = read(&bench, &out);
        assert_eq!(result["rows_out"]["slices"], rows.len());
        let unknown: Vec<&Row> = rows
            .iter()
            .filter(|row| row.factor == "unknown words" && row.metric == metric)
            .collect();
        assert!(unknown.len() > 1, "{}", rows.len());
        assert_eq!(unknown[0].level, "none");
        let n: u64 = unknown.iter().map(|row| row.n).sum();
        let sum: f64 = unknown
            .iter()
            .map(|row| row.n as f64 * row.value.unwrap())
            .sum();
        let whole = fitted["metrics"][figure].as_f64().unwrap();
        let whole = if task == "binary" { 1.0 - whole } else { whole };
        assert!(
            (sum / n as f64 - whole).abs() < 1e-9,
            "{task}: {sum} of {n}"
        );
        for row in unknown {
            assert_eq!(row.n + row.others_n, n);
            let of_all =
                row.n as f64 * row.value.unwrap() + row.others_n as f64 * row.others.unwrap();
            assert!((of_all - sum).abs() < 1e-9);
            let (lower, upper) = row.interval.unwrap();
            assert!(lower <= row.value.unwrap() && row.value.unwrap() <= upper);
        }
        // All reviews are short and none has a word that negates: one slice is no slice.
        assert!(
            rows.iter()
                .all(|row| row.factor != "length" && row.factor != "negation")
        );
        bench.result("again", &bench.sliced(task, "again", json!({})));
        let bytes = |out: &str| fs_err::read(bench.path(out).join("slices.parquet")).unwrap();
        assert!(bytes(&out) == bytes("again"));
        fs_err::remove_dir_all(bench.path("again")).unwrap();
    }
}

#[test]
fn a_split_without_predictions_has_no_slices_and_says_so() {
    let bench = Bench::new(&padded(reviews(100)), false);
    bench.fitted("fit", 1, json!({"task": "binary", "seed": 3, "epochs": 1}));
    let output = bench.sliced("fit", "out", json!({"splits": ["train"]}));
    let result = bench.result("out", &output);
    assert!(read(&bench, "out").is_empty());
    assert!(
        result["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("there is no slice"),
        "{result}"
    );
}

#[test]
fn an_encoder_of_other_terms_is_refused() {
    let all = padded(reviews(100));
    let bench = Bench::new(&all, false);
    bench.fitted("fit", 1, json!({"task": "binary", "seed": 3, "epochs": 1}));
    let encoder: EncoderFile = read_json(&bench.path("encoder.json")).unwrap();
    bench.write_reviews_of(&all, encoder.terms());
    bench.result("own", &bench.sliced("fit", "own", json!({})));
    // As many, which stand for others.
    let mut tokens = encoder.tokens;
    tokens.swap(4, 5);
    let others = digest_of_terms(tokens.iter().map(String::as_str));
    bench.write_reviews_of(&all, others);
    let output = bench.sliced("fit", "other", json!({}));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("stand for other terms than the encoder's"),
        "{said}"
    );
    assert!(said.contains("of one `featurize` stage"), "{said}");
}
