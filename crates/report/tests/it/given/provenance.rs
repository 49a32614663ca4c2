//! How everything was made, as the runner tells it.

use std::collections::BTreeMap;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::task::{
    Computed, Provenance, StageProvenance, TaskInput, TaskResult, write_json,
};
use serde_json::json;

use super::Given;

impl Given {
    pub(super) fn write_provenance(&mut self) {
        let digest = |text: &str| Digest::of_bytes(text.as_bytes());
        let stage =
            |name: &str, run: &str, params, inputs: &[(&str, &str)], outputs: &[&str], result| {
                StageProvenance {
                    stage: name.into(),
                    run: run.into(),
                    fingerprint: digest(&format!("{name} fingerprint")),
                    code: digest(&format!("{run} code")),
                    params,
                    machine: if run.starts_with("train") {
                        [("threads", "2"), ("device", "cpu"), ("libtorch", "2.11.0")]
                            .map(|(part, value)| (part.to_owned(), value.to_owned()))
                            .into()
                    } else {
                        BTreeMap::new()
                    },
                    inputs: inputs
                        .iter()
                        .map(|(name, label)| {
                            ((*name).into(), vec![((*label).into(), digest(label))])
                        })
                        .collect(),
                    outputs: outputs
                        .iter()
                        .map(|output| ((*output).into(), digest(&format!("{name}.{output}"))))
                        .collect(),
                    result,
                    // The network was computed by a run that is known, what it reads by others.
                    computed: (name == "net").then(|| Computed {
                        run: "20260102T030405678Z-sentiment-77".into(),
                        started: "2026-01-02T03:04:05.678Z".into(),
                        host: "bench".into(),
                        commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
                        dirty: Some(true),
                        wall_secs: 812.5,
                        cpu_secs: 1500.25,
                        peak_memory_bytes: 1_500_000_000,
                        threads: 2,
                        performance: [("examples_per_sec".to_owned(), 92.5)].into(),
                    }),
                }
            };
        let result = |rows_out: &[(&str, u64)],
                      rejected,
                      facts: &[(&str, u64)],
                      warnings: &[&str]| TaskResult {
            protocol: PROTOCOL,
            rows_out: rows_out
                .iter()
                .map(|(name, n)| ((*name).into(), *n))
                .collect(),
            rejected,
            facts: facts
                .iter()
                .map(|(name, n)| ((*name).into(), json!(n)))
                .collect(),
            warnings: warnings.iter().map(|warning| (*warning).into()).collect(),
            ..TaskResult::default()
        };
        let fit = json!({"batch": 64, "epochs": 5, "optimizer": {"adam": {"lr": 1e-3}}, "seed": 7, "task": "binary"});
        let provenance = Provenance {
            pipeline: self.pipeline.clone().unwrap_or_default(),
            stages: vec![
                stage(
                    "reviews",
                    "ingest reviews",
                    json!({"max_rejects": 100}),
                    &[
                        ("aclimdb", "aclImdb_v1.tar.gz"),
                        ("titles", "title.basics.tsv.gz"),
                        ("movielens", "ml-latest.zip"),
                    ],
                    &["reviews", "rejects"],
                    result(
                        &[("reviews", 6000), ("rejects", 6)],
                        6,
                        &[("titles_found", 3240), ("movies_found", 1944)],
                        &["3 titles have no start year"],
                    ),
                ),
                stage(
                    "text",
                    "featurize text",
                    json!({"vocabulary": 5000, "max_length": 500, "valid": 0.1, "calib": 0.05}),
                    &[("reviews", "reviews.reviews")],
                    &["tokens", "vocabulary", "encoder"],
                    result(&[("tokens", 6000), ("vocabulary", 5000)], 0, &[], &[]),
                ),
                stage(
                    "net",
                    "train fit",
                    fit,
                    &[
                        ("examples", "text.tokens"),
                        ("encoder", "text.encoder"),
                        ("network", "keras_lstm.yaml"),
                    ],
                    &["bundle", "history", "predictions", "metrics"],
                    TaskResult {
                        metrics: [("test.accuracy".to_owned(), 0.86137)].into(),
                        device: Some("cpu".into()),
                        ..result(
                            &[("history", 20), ("metrics", 20), ("predictions", 1800)],
                            0,
                            &[("parameters", 213_301)],
                            &[],
                        )
                    },
                ),
            ],
        };
        let path = self.root().join("provenance.json");
        write_json(&path, &provenance).unwrap();
        let input = TaskInput {
            label: "provenance".into(),
            output: None,
            path,
            digest: None,
        };
        self.inputs.insert("provenance".into(), vec![input]);
    }
}
