//! The record of a run, as the runner keeps it in `artifacts/logs/RUN/run.json`: times, memory and speeds.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// A run, as far as a report shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    /// Its id.
    pub(crate) id: String,
    pub(crate) pipeline: String,
    /// UTC, as written.
    pub(crate) started: String,
    /// The git commit that it ran at.
    #[serde(default)]
    pub(crate) commit: Option<String>,
    /// Whether the working folder had changes.
    #[serde(default)]
    pub(crate) dirty: Option<bool>,
    pub(crate) stages: Vec<Stage>,
}

/// A stage of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Stage {
    pub(crate) stage: String,
    pub(crate) wall_secs: f64,
    pub(crate) cpu_secs: f64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) device: Option<String>,
    /// What the stage said of its own speed.
    #[serde(default)]
    pub(crate) performance: BTreeMap<String, f64>,
}

impl Stage {
    /// Examples that went through training in a second; none where it trained nothing.
    pub(crate) fn examples_per_sec(&self) -> Option<f64> {
        self.performance.get("examples_per_sec").copied()
    }
}

/// A file as the record of a run; none where it is something else.
pub(crate) fn read(path: &Path) -> Option<Run> {
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}
