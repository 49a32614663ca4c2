//! Real reviews, end to end: a few thousand, one epoch, and a bound that a broken pipeline misses.

use arrow::array::{Array as _, Float64Array, RecordBatch, StringArray};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::{exit, tables};
use cinescore_tests::{Project, real_data};

const PIPELINE: &str = r#"
version: 1
vars: {data: data}
stages:
  reviews:
    run: ingest reviews
    inputs: {aclimdb: "${data}", titles: "${data}", movielens: "${data}"}
  text:
    run: featurize text
    inputs: {reviews: reviews.reviews}
    params: {vocabulary: 5000, max_length: 200, train_reviews: 6000, test_reviews: 2000}
  net:
    run: train fit
    inputs: {examples: text.tokens, encoder: text.encoder, network: small.yaml}
    params: {task: binary, seed: 5, epochs: 1, batch: 16, optimizer: {adam: {lr: 5.0e-3}}}
    resources: {threads: 2}
  report:
    run: report
    inputs: {reviews: reviews, text: text, nets: net}
"#;

const NETWORK: &str = r#"
name: small
about: An LSTM of 32 units whose mean decides.
input: {kind: tokens, mask: true, embedding: {size: 32}}
layers:
  - lstm: {units: 32}
  - pool: mean
head: {dense: 1}
"#;

/// Coin flips get 0.5 with a standard error of 0.011 on 2,000 reviews.
const LEAST_ACCURACY: f64 = 0.65;

#[test]
fn real_reviews_are_learnt_from() {
    let Some(data) = real_data("real_reviews_are_learnt_from") else {
        return;
    };
    let project = Project::new();
    project.write("pipelines/real.yaml", PIPELINE);
    project.write("pipelines/small.yaml", NETWORK);
    let setting = format!("vars.data={}", data.display());
    let run = || project.run("cinescore", ["run", "-p", "real", "--set", &setting]);
    run().with_code(exit::DONE).saying("4 stages were computed");

    let folder = project.path("artifacts/runs/real");
    let reviews =
        TableReader::open(&folder.join("reviews/reviews.parquet"), &tables::REVIEWS).unwrap();
    assert!(reviews.rows() > 30_000, "only {} reviews", reviews.rows());
    let rejects =
        TableReader::open(&folder.join("reviews/rejects.parquet"), &tables::REJECTS).unwrap();
    assert_eq!(rejects.rows(), 0, "the sources have nothing to refuse");

    let accuracy = |subject: &str| figure(&folder.join("net/metrics.parquet"), subject, "accuracy");
    let (network, trivial) = (accuracy("small"), accuracy("trivial"));
    assert!(
        network >= LEAST_ACCURACY,
        "test accuracy {network}, trivial {trivial}"
    );
    assert!(
        (0.45..0.55).contains(&trivial),
        "the trivial predictor gets {trivial}"
    );
    run().with_code(exit::DONE).saying("nothing was computed");
}

/// A figure of the test split.
fn figure(table: &std::path::Path, subject: &str, metric: &str) -> f64 {
    let reader = TableReader::open(table, &tables::METRICS).unwrap();
    let batches: Vec<RecordBatch> = reader
        .batches(1024)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let found = batches.iter().find_map(|batch| {
        let text = |name: &str| column::<StringArray>(batch, name);
        let (subjects, splits, metrics) = (text("subject"), text("split"), text("metric"));
        let row = (0..batch.num_rows()).find(|&row| {
            subjects.value(row) == subject
                && splits.value(row) == "test"
                && metrics.value(row) == metric
        })?;
        let values: &Float64Array = column(batch, "value");
        values.is_valid(row).then(|| values.value(row))
    });
    found.unwrap_or_else(|| panic!("no test {metric} of {subject}"))
}
