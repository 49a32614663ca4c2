//! Stages in shards, here and as jobs of a real Slurm, give the bytes and the key that one process gives.
//!
//! `predict file` has such a test of its own, beside its crate.

use std::ffi::OsString;
use std::path::Path;

use cinescore_artifact::exit;
use cinescore_tests::{Ended, Project};
use serde_json::Value;

use crate::pipelines::TINY;

#[path = "../../crates/cli/tests/slurm/cluster.rs"]
mod cluster;

/// Bags of three pieces, and a network that is asked about a dozen batches. What is not divided is made here.
const PIPELINE: &str = r#"
version: 1
executor: {slurm: {poll: 1s}}
stages:
  sample:
    run: ingest sample
    executor: local
    params: {seed: 3, reviews: 5000, unlabelled: 500, other_titles: 50, ratings: 500}
  reviews:
    run: ingest reviews
    executor: local
    inputs: {aclimdb: sample.aclimdb, titles: sample.titles, movielens: sample.movielens}
  bags:
    run: featurize bags
    SHARDS
    inputs: {reviews: reviews.reviews}
    params: {classes: 20, classes_from: unlabelled, values: log_count_ratio, norm: l2}
    resources: {threads: 1, memory: 600MB}
  # A class may be called what a word between white space is: the merge does all of it.
  left:
    run: featurize bags
    SHARDS
    inputs: {reviews: reviews.reviews}
    params: {classes: 20, tokenizer: whitespace}
    resources: {threads: 1, memory: 600MB}
  text:
    run: featurize text
    executor: local
    inputs: {reviews: reviews.reviews}
    params: {vocabulary: 400, max_length: 40, train_reviews: 400, test_reviews: 400}
  net:
    run: train fit
    executor: local
    inputs: {examples: text.tokens, encoder: text.encoder, network: tiny.yaml}
    params: {task: binary, seed: 5, epochs: 1, batch: 16}
    resources: {threads: 1}
  asked:
    run: train evaluate
    SHARDS
    inputs: {bundle: net.bundle, examples: text.tokens}
    resources: {threads: 1, memory: 600MB}
"#;

const BAGS: &[&str] = &["bags.parquet", "ngrams.parquet", "bags.json"];

/// What is divided, with its outputs.
const DIVIDED: [(&str, &[&str]); 3] = [
    ("bags", BAGS),
    ("left", BAGS),
    ("asked", &["predictions.parquet", "metrics.parquet"]),
];

/// Runs the pipeline with results of its own.
fn run(project: &Project, results: &str, shards: &str, cluster: Option<&Path>) -> Ended {
    project.write("pipelines/shards.yaml", PIPELINE.replace("SHARDS", shards));
    let mut command = project.command("cinescore", ["run", "-p", "shards", "--artifacts", results]);
    command.env_remove("CINESCORE_CACHE");
    match cluster {
        Some(config) => command.env("SLURM_CONF", config),
        None => command.args(["--executor", "local"]),
    };
    Ended::from(command.output().unwrap()).with_code(exit::DONE)
}

/// The keys of what is divided, what its results say but for times, and the digests of its outputs.
fn made(project: &Project, results: &str) -> Vec<(Value, Value, Vec<OsString>)> {
    let of_stage = |(stage, outputs): (&str, &[&str])| {
        let folder = project.path(&format!("{results}/runs/shards/{stage}"));
        let view = fs_err::read(folder.join("stage.json")).unwrap();
        let mut view: Value = serde_json::from_slice(&view).unwrap();
        let digest = |name: &&str| {
            let object = fs_err::canonicalize(folder.join(name)).unwrap();
            object.file_name().unwrap().to_owned()
        };
        let mut result = view["result"].take();
        let fields = result.as_object_mut().unwrap();
        fields.remove("performance");
        assert!(fields.contains_key("rows_out"), "{result}");
        let digests = outputs.iter().map(digest).collect();
        (view["fingerprint"].take(), result, digests)
    };
    DIVIDED.into_iter().map(of_stage).collect()
}

#[test]
fn what_is_divided_here_or_on_slurm_is_what_one_process_makes() {
    let project = Project::new();
    project.write("pipelines/tiny.yaml", TINY);
    run(&project, "whole", "", None);
    let whole = made(&project, "whole");
    assert!(whole.iter().all(|(key, ..)| key.to_string().len() > 60));
    run(&project, "divided", "shards: 3", None)
        .saying("bags[shard=3]")
        .saying("asked[shard=3]");
    assert_eq!(made(&project, "divided"), whole);

    let cluster = match cluster::Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => {
            eprintln!("NOT TESTED: shards on Slurm, which cannot be started here: {why}");
            return;
        }
    };
    let config = cluster.config();
    run(&project, "cluster", "shards: 4", Some(&config))
        .saying("bags[shard=4]")
        .saying("asked[shard=4]")
        .saying("Slurm job");
    assert_eq!(made(&project, "cluster"), whole);
}
