//! Inputs that have next to nothing in them, and those that few reports have.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, Float64Array, StringArray, UInt32Array, UInt64Array, new_empty_array,
};
use cinescore_artifact::tables;
use cinescore_artifact::task::{Provenance, TaskInput, read_json, write_json};
use serde_json::{Value, json};

use super::{Given, review};

impl Given {
    /// One class, no title, and a network that failed in its only epoch.
    pub(crate) fn poor() -> Self {
        let mut reviews: Vec<_> = (0..40).map(review).collect();
        for review in &mut reviews {
            review.polarity = review.polarity.map(|_| 1);
            review.score = review.score.map(|_| 10);
            review.title = None;
            review.year = None;
            review.movie = None;
            review.genres = Vec::new();
        }
        let mut given = Self::empty("poor", reviews);
        given.write_reviews();
        given.write(
            "nets",
            "net",
            &tables::HISTORY,
            vec![
                Arc::new(UInt32Array::from(vec![1, 1])),
                Arc::new(StringArray::from(vec!["train", "valid"])),
                Arc::new(StringArray::from(vec!["trained", "evaluated"])),
                Arc::new(StringArray::from(vec!["loss", "loss"])),
                Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY])),
                Arc::new(BooleanArray::from(vec![false, false])),
            ],
        );
        given.write(
            "nets",
            "net",
            &tables::METRICS,
            vec![
                Arc::new(StringArray::from(vec!["failed_lstm"])),
                Arc::new(StringArray::from(vec!["test"])),
                Arc::new(StringArray::from(vec!["accuracy"])),
                Arc::new(Float64Array::new_null(1)),
                Arc::new(Float64Array::new_null(1)),
                Arc::new(Float64Array::new_null(1)),
                Arc::new(UInt64Array::from(vec![0])),
            ],
        );
        given
    }

    /// Every table that there is, without a row.
    pub(crate) fn tables_without_rows() -> Self {
        let mut given = Self::empty("empty", Vec::new());
        for spec in tables::ALL {
            let schema = spec.schema();
            let columns = schema.fields().iter();
            let columns = columns.map(|field| new_empty_array(field.data_type()));
            given.write("nets", spec.name, spec, columns.collect());
        }
        given
    }

    /// A network that was kept from a score, the leaderboard of a sweep, the record of a run.
    pub(crate) fn searched() -> Self {
        let mut given = Self::everything();
        given.write_network("unseen", "lstm_unseen", false);
        let path = given.inputs["provenance"][0].path.clone();
        let mut provenance: Provenance = read_json(&path).unwrap();
        let mut stage = provenance.stages[2].clone();
        stage.stage = "unseen".into();
        stage.params = json!({"task": "regression", "hold_out": [4]});
        provenance.stages.push(stage);
        write_json(&path, &provenance).unwrap();
        let trial = |trial: u64, units: u64, lr: f64, metric: Option<f64>| -> Value {
            let standing = if metric.is_some() { "done" } else { "failed" };
            json!({"trial": trial, "values": [units, lr, "adam"], "rung": 3, "metric": metric, "standing": standing, "node": "n"})
        };
        given.write_json(
            "sweep",
            "leaderboard",
            &json!({"stage": "net", "metric": "valid.accuracy", "maximize": true, "variables": ["units", "lr", "optimizer"],
                "rows": [trial(2, 100, 0.001, Some(0.9)), trial(1, 50, 0.01, Some(0.85)), trial(3, 50, 0.0001, Some(0.8)),
                    trial(4, 100, 1.0, None)]}),
        );
        given.write_json(
            "runs",
            "run",
            &json!({"id": "20261121-demo", "pipeline": "demo", "started": "2026-11-21T10:00:00Z", "commit": "abc", "dirty": false,
                "stages": [{"stage": "net", "wall_secs": 12.5, "cpu_secs": 24.0, "peak_memory_bytes": 300_000_000,
                    "threads": 2, "device": "cpu", "performance": {"examples_per_sec": 431.5}}]}),
        );
        given
    }

    fn write_json(&mut self, input: &str, name: &str, value: &Value) {
        let path = self.root().join(format!("{name}.json"));
        write_json(&path, value).unwrap();
        let given = TaskInput {
            label: name.into(),
            output: None,
            path,
            digest: None,
        };
        self.inputs.entry(input.into()).or_default().push(given);
    }
}
