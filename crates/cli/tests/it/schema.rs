//! `cinescore schema`: every pipeline of the repository and of these tests fits it, and mistakes do not.

use std::path::Path;

use serde_json::Value;

use crate::project::Project;

fn schema(project: &Project) -> jsonschema::Validator {
    let printed = project.done("schema").stdout;
    jsonschema::validator_for(&serde_json::from_str(&printed).unwrap()).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn every_pipeline_of_the_repository_fits() {
    let schema = schema(&Project::new(""));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines");
    let mut count = 0;
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let pipeline = yaml(&fs_err::read_to_string(&path).unwrap());
            let problems: Vec<String> = schema
                .iter_errors(&pipeline)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
            count += 1;
        }
    }
    assert!(count >= 3);
}

#[test]
fn what_the_loader_takes_fits() {
    let schema = schema(&Project::new(""));
    let every_key = "\
version: 1
include: [shared.yaml]
vars: {epochs: 3, gpu: 0}
executor: {slurm: {partition: gpu, account: reviews, extra: [--qos=long], at_once: 20, poll: 30s}}
stages:
  net:
    executor: local
    run: toy write
    matrix: {word: [x, y], number: \"${numbers}\", exclude: [{word: x}], include: [{word: z, number: 1}],
             override: [{when: {word: y}, params: {text: z}}]}
    inputs: {from: [a, \"b[*].made\"]}
    params: {text: \"${word}\", sleep_millis: \"${epochs}\"}
    resources: {threads: 2, gpu: \"${gpu}\", memory: 4GB}
    mutex: disk
    timeout: 2h 30m
    retries: {times: 2, memory_factor: 1.5, time_factor: 2}
    env: [TZ]
    frozen: false
    persist: true
    outputs: {made: {columns: [text]}}
    metrics: {\"test.*\": {tolerance: 0.01}}
";
    let problems: Vec<String> = schema
        .iter_errors(&yaml(every_key))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn what_can_be_said_by_a_schema_is_refused() {
    let project = Project::new("");
    let schema = schema(&project);
    for name in [
        "param-misspelt",
        "param-out-of-range",
        "param-not-among-the-names",
        "stage-key-misspelt",
        "root-key-misspelt",
        "run-missing",
        "threads-zero",
        "input-unknown-name",
        "output-unknown",
        "version-of-tomorrow",
        "stage-name-with-space",
        "metric-without-tolerance",
        "matrix-not-a-list",
        "executor-unknown",
        "executor-slurm-wrong",
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wrong/{name}.yaml"));
        let pipeline = yaml(&fs_err::read_to_string(file).unwrap());
        assert!(!schema.is_valid(&pipeline), "{name}");
    }
}
