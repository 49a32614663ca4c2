//! The leaderboard of a sweep.

use std::cmp::Ordering;
use std::path::Path;

use cinescore_artifact::task::write_json;
use serde::Serialize;

use super::trials::Values;
use crate::error::PipelineError;
use crate::file::Sweep;

/// The trials of a sweep, best first: those that went further stand above those that were stopped.
#[derive(Debug, Clone, Serialize)]
pub struct Leaderboard {
    /// The stage.
    pub stage: String,
    /// The metric that decides.
    pub metric: String,
    /// Whether more is better.
    pub maximize: bool,
    /// The searched variables.
    pub variables: Vec<String>,
    /// One row for each trial.
    pub rows: Vec<Row>,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its number, from 1.
    pub trial: usize,
    /// The values of the searched variables.
    pub values: Vec<serde_json::Value>,
    /// How far it went, where there are rungs.
    pub rung: Option<u64>,
    /// The metric there.
    pub metric: Option<f64>,
    /// How it stands.
    pub standing: Standing,
    /// Its node in the sweep's graph.
    pub node: String,
}

/// How a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has not been run.
    Waits,
    /// It went as far as it was asked to.
    Done,
    /// Others were better, and it does not go on.
    Stopped,
    /// It failed, or has no such metric.
    Failed,
}

impl Leaderboard {
    pub(super) fn new(sweep: &Sweep, trials: &[Values]) -> Self {
        let rows = trials.iter().enumerate().map(|(index, values)| Row {
            trial: index + 1,
            values: values
                .iter()
                .map(|(_, value)| serde_json::to_value(value).unwrap_or_default())
                .collect(),
            rung: None,
            metric: None,
            standing: Standing::Waits,
            node: String::new(),
        });
        Self {
            stage: sweep.stage.clone(),
            metric: sweep.metric.clone(),
            maximize: sweep.maximize,
            variables: sweep.search.iter().map(|(name, _)| name.clone()).collect(),
            rows: rows.collect(),
        }
    }

    /// What a trial came to at a rung.
    pub(super) fn note(
        &mut self,
        trial: usize,
        rung: Option<u64>,
        node: &str,
        metric: Option<f64>,
    ) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.trial == trial) {
            row.rung = rung;
            row.metric = metric;
            row.node = node.into();
            row.standing = match metric {
                Some(_) => Standing::Done,
                None => Standing::Failed,
            };
        }
        self.sort();
    }

    /// The numbers of the best trials of a rung; the others do not go on.
    pub(super) fn best(&mut self, count: usize, rung: Option<u64>) -> Vec<usize> {
        let mut best = Vec::new();
        for row in &mut self.rows {
            if row.rung != rung || row.standing != Standing::Done {
                continue;
            }
            if best.len() < count {
                best.push(row.trial);
            } else {
                row.standing = Standing::Stopped;
            }
        }
        best.sort_unstable();
        best
    }

    /// Furthest first, then best, then by number.
    fn sort(&mut self) {
        let maximize = self.maximize;
        let by_metric = |a: &Row, b: &Row| match (a.metric, b.metric) {
            (Some(a), Some(b)) if maximize => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        self.rows.sort_by(|a, b| {
            b.rung
                .cmp(&a.rung)
                .then_with(|| by_metric(a, b))
                .then(a.trial.cmp(&b.trial))
        });
    }

    /// Writes `leaderboard.json` and `leaderboard.csv` into a folder.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), PipelineError> {
        fs_err::create_dir_all(folder).map_err(PipelineError::io("make", folder))?;
        write_json(&folder.join("leaderboard.json"), self)?;
        let path = folder.join("leaderboard.csv");
        cinescore_artifact::task::write_atomically(&path, self.csv().as_bytes())
            .map_err(PipelineError::io("write", &path))
    }

    /// The table as CSV (RFC 4180).
    pub fn csv(&self) -> String {
        let quoted = |text: &str| {
            if text.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.to_owned()
            }
        };
        let mut lines = vec![
            ["rank", "trial", "standing", "rung", self.metric.as_str()]
                .into_iter()
                .map(quoted)
                .chain(self.variables.iter().map(|name| quoted(name)))
                .collect::<Vec<_>>()
                .join(","),
        ];
        for (index, row) in self.rows.iter().enumerate() {
            let fields = [
                (index + 1).to_string(),
                row.trial.to_string(),
                row.standing.word().to_owned(),
                row.rung.map(|rung| rung.to_string()).unwrap_or_default(),
                row.metric
                    .map(|metric| metric.to_string())
                    .unwrap_or_default(),
            ];
            let values = row.values.iter().map(|value| match value {
                serde_json::Value::String(text) => quoted(text),
                other => quoted(&other.to_string()),
            });
            lines.push(
                fields
                    .into_iter()
                    .chain(values)
                    .collect::<Vec<_>>()
                    .join(","),
            );
        }
        lines.join("\n") + "\n"
    }
}

impl Standing {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}
