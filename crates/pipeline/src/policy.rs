//! How a stage is run: what it may use, how often it is tried, what its result is held to.
//!
//! Owns what the runner does around a stage and what is not in its key, with two exceptions that say
//! so. What can change a result is in [`Stage`](crate::graph::Stage) and [`crate::fingerprint`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::executor::Executor;

/// What the YAML says about running a stage, beyond what it computes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Policy {
    /// GPUs that it is given.
    pub gpus: usize,
    /// Memory that it is expected to need at most, bytes: stages run side by side only while the sum
    /// fits into the machine. Not a limit.
    pub memory_bytes: Option<u64>,
    /// Stages that share one of these names never run side by side.
    pub mutex: Vec<String>,
    /// How long one try may take.
    pub timeout: Option<Duration>,
    /// How often it is tried again.
    pub retries: Retries,
    /// Variables that the program gets of the runner's environment, and their values now (none: not
    /// set). They are in the key.
    pub env: BTreeMap<String, Option<String>>,
    /// Its last result counts as fresh whatever changed, until it is thawed or forced.
    pub frozen: bool,
    /// Whether its scratch folder outlives a try that failed and is given to the next try of the same
    /// key: for checkpoints.
    pub persist: bool,
    /// Whether it is told how long the stages above it took and where, from the records of runs: then the times are a part of
    /// its key.
    pub records: bool,
    /// What outputs are held to, by output.
    pub checks: BTreeMap<String, OutputCheck>,
    /// How far a metric may be from the lock file's in `run --locked`, by metric. A name that ends in
    /// `*` stands for every metric that begins so.
    pub tolerances: BTreeMap<String, f64>,
    /// Where it runs.
    pub executor: Executor,
}

/// How often a stage is tried again after it failed or ran out of time. Never after it refused its
/// input or was interrupted: that would only fail again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Retries {
    /// Tries after the first.
    pub times: u32,
    /// What the expected memory is multiplied by at each further try, at least 1.
    pub memory_factor: f64,
    /// What the `timeout` is multiplied by at each further try, at least 1.
    pub time_factor: f64,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            times: 0,
            memory_factor: 1.0,
            time_factor: 1.0,
        }
    }
}

impl Policy {
    /// Memory that the `attempt`th try, from 1, is expected to need, bytes.
    pub fn memory_of_try(&self, attempt: u32) -> Option<u64> {
        let factor = at_try(self.retries.memory_factor, attempt);
        self.memory_bytes
            .map(|bytes| (bytes as f64 * factor) as u64)
    }

    /// How long the `attempt`th try, from 1, may take.
    pub fn timeout_of_try(&self, attempt: u32) -> Option<Duration> {
        // No computer lives longer than a hundred years.
        const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;
        let factor = at_try(self.retries.time_factor, attempt);
        self.timeout
            .map(|timeout| Duration::from_secs_f64((timeout.as_secs_f64() * factor).min(LONGEST)))
    }
}

fn at_try(factor: f64, attempt: u32) -> f64 {
    let tries = i32::try_from(attempt).unwrap_or(i32::MAX);
    factor.max(1.0).powi(tries.saturating_sub(1))
}

/// What an output must be like for the stage to have succeeded. Looked at whenever the result is used,
/// so that a changed check needs no new result.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OutputCheck {
    /// The fewest rows that it may have.
    pub min_rows: Option<u64>,
    /// The most rows that it may have.
    pub max_rows: Option<u64>,
    /// Columns that its schema must have.
    pub columns: Vec<String>,
}
