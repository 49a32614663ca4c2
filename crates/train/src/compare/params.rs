//! The parameters of `compare`.

use std::collections::BTreeSet;

use cinescore_artifact::Split;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::differences::Measurement;
use crate::figures::{bootstrap, is_of_all};
use crate::splits::SplitName;

/// Figures that are another one times a constant: their differences say nothing new.
const MULTIPLES: [&str; 2] = ["mse_tenths", "mse_unit"];

/// What is compared.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompareParams {
    /// The figures that are compared, by their names in `metrics`; empty for all that are of all examples.
    pub metrics: Vec<String>,
    /// The splits on which they are compared.
    #[schemars(length(min = 1))]
    pub splits: Vec<SplitName>,
    /// Resamples of the examples.
    #[schemars(range(min = 100, max = 1_000_000), extend("unit" = "resamples"))]
    pub resamples: u32,
    /// Decides the resamples.
    pub seed: u64,
    /// The key of a matrix in which cells of one configuration differ; empty where none is.
    pub seed_key: String,
}

impl Default for CompareParams {
    fn default() -> Self {
        Self {
            metrics: Vec::new(),
            splits: vec![SplitName::Valid, SplitName::Test],
            resamples: bootstrap::RESAMPLES,
            seed: bootstrap::SEED,
            seed_key: "seed".into(),
        }
    }
}

/// A figure that nobody has.
#[derive(Debug, Error)]
#[error("no two of the networks have the figure `{name}` (known: {})", known.join(", "))]
pub(super) struct UnknownMetric {
    name: String,
    known: Vec<String>,
}

impl CompareParams {
    /// The splits, in order.
    pub(super) fn splits(&self) -> Vec<Split> {
        let chosen: BTreeSet<Split> = self.splits.iter().map(|split| (*split).into()).collect();
        chosen.into_iter().collect()
    }

    /// The figures that are compared, sorted.
    pub(super) fn choose(&self, measured: &[Measurement]) -> Result<Vec<String>, UnknownMetric> {
        let mut known: Vec<String> = measured
            .iter()
            .flat_map(|own| own.names.iter().cloned())
            .collect();
        known.sort();
        let all: Vec<String> = known
            .chunk_by(|a, b| a == b)
            .filter(|equal| equal.len() > 1)
            .map(|equal| equal[0].clone())
            .collect();
        if self.metrics.is_empty() {
            let main = |name: &String| is_of_all(name) && !MULTIPLES.contains(&name.as_str());
            return Ok(all.into_iter().filter(main).collect());
        }
        let empty = measured.iter().all(|own| own.examples == 0);
        match self.metrics.iter().find(|name| !all.contains(name)) {
            Some(name) if !empty => Err(UnknownMetric {
                name: name.clone(),
                known: all,
            }),
            _ => Ok(all
                .into_iter()
                .filter(|name| self.metrics.contains(name))
                .collect()),
        }
    }
}
