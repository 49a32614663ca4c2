//! The stage `flags`: what was flagged, and how wrong that is.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, StringArray, UInt64Array, new_null_array};
use arrow::datatypes::DataType;
use cinescore_artifact::table::{TableReader, TableSpec, TableWriter, column};
use cinescore_artifact::tables::{PREDICTIONS, REVIEWS, SLICES};
use cinescore_model::compute;
use cinescore_serve::predictor::{Prediction, Predictor};

use crate::bundle::{LSTM, program, regression, said, save, texts};

/// Writes a table of which these columns are known; others are null, or empty where they may not be.
fn write(path: &Path, spec: &'static TableSpec, rows: usize, known: &[(&str, ArrayRef)]) {
    let schema = spec.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        if let Some((_, column)) = known.iter().find(|(name, _)| name == field.name()) {
            return Arc::clone(column);
        }
        match field.data_type() {
            DataType::Utf8 if !field.is_nullable() => Arc::new(StringArray::from(vec![""; rows])),
            other => new_null_array(other, rows),
        }
    });
    let mut writer = TableWriter::create(path, spec).unwrap();
    writer
        .write(&spec.batch(columns.collect()).unwrap())
        .unwrap();
    writer.finish().unwrap();
}

#[test]
fn each_flag_has_the_error_of_its_reviews_and_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    save(&at("bundle"), LSTM, regression());
    let texts = texts(80);
    let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rated: Vec<Prediction> = compute::apart(1, || {
        Predictor::open(&at("bundle"))
            .unwrap()
            .predict(&asked)
            .unwrap()
    })
    .unwrap();
    let truth = |row: usize| [1.0, 4.0, 8.0, 10.0][row % 4];
    let numbers = |of: &dyn Fn(usize) -> Option<f64>| -> ArrayRef {
        Arc::new((0..80).map(of).collect::<Float64Array>())
    };
    let ids: ArrayRef = Arc::new((100..180).collect::<UInt64Array>());
    let splits: ArrayRef = Arc::new(StringArray::from(vec!["test"; 80]));
    let known = [
        ("id", Arc::clone(&ids)),
        ("split", Arc::clone(&splits)),
        ("target", numbers(&|row| Some(truth(row)))),
        ("predicted", numbers(&|row| rated[row].rating)),
        ("lower", numbers(&|row| rated[row].lower)),
        ("upper", numbers(&|row| rated[row].upper)),
    ];
    write(&at("predictions.parquet"), &PREDICTIONS, 80, &known);
    // The last two reviews are not there.
    let some = 78;
    let reviews: [(&str, ArrayRef); 3] = [
        ("review_id", ids.slice(0, some)),
        ("split", splits.slice(0, some)),
        (
            "text",
            Arc::new(StringArray::from_iter_values(&texts[..some])),
        ),
    ];
    write(&at("reviews.parquet"), &REVIEWS, some, &reviews);

    let path = |name: &str| at(name).to_str().unwrap().to_owned();
    let output = program(&[
        "flags",
        "--bundle",
        &path("bundle"),
        "--predictions",
        &path("predictions.parquet"),
        "--reviews",
        &path("reviews.parquet"),
        "--out",
        &path("out"),
    ]);
    let told = said(&output, 0);
    assert!(told.contains("2 predictions are of no review"), "{told}");

    let mut found = Vec::new();
    let reader = TableReader::open(&at("out/slices.parquet"), &SLICES).unwrap();
    for batch in reader.batches(1000).unwrap() {
        let batch = batch.unwrap();
        let text = |name| column::<StringArray>(&batch, name);
        let count = |name| column::<UInt64Array>(&batch, name);
        let values: &Float64Array = column(&batch, "value");
        for row in 0..batch.num_rows() {
            if text("metric").value(row) == "mae" {
                assert_eq!(text("factor").value(row), "flag");
                let value = values.is_valid(row).then(|| values.value(row));
                let counts = (count("n").value(row), count("others_n").value(row));
                found.push((text("level").value(row).to_owned(), counts, value));
            }
        }
    }
    let names: Vec<&str> = found.iter().map(|own| own.0.as_str()).collect();
    assert_eq!(
        names,
        [
            "unknown_words",
            "short",
            "long",
            "not_english",
            "wide_interval",
            "middle",
            "any"
        ]
    );
    for (level, (n, others), value) in found {
        let flagged: Vec<usize> = (0..some)
            .filter(|row| match level.as_str() {
                "any" => !rated[*row].flags.is_empty(),
                name => rated[*row].flags.iter().any(|flag| flag.name() == name),
            })
            .collect();
        assert_eq!(
            (n as usize, others as usize),
            (flagged.len(), some - flagged.len()),
            "{level}"
        );
        let error = |row: &usize| (rated[*row].rating.unwrap() - truth(*row)).abs();
        let mean = flagged.iter().map(error).sum::<f64>() / flagged.len() as f64;
        match value {
            Some(value) => assert!(
                (value - mean).abs() < 1e-9,
                "{level}: {value} is not {mean}"
            ),
            None => assert!(flagged.is_empty(), "{level}"),
        }
    }
}

#[test]
fn the_runner_and_people_are_told_of_the_stage() {
    let output = program(&["describe"]);
    said(&output, 0);
    let described: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(described["kinds"][0]["name"], "flags");
    let output = program(&["flags", "--help"]);
    said(&output, 0);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("--predictions") && help.contains("slices.parquet"),
        "{help}"
    );
}
