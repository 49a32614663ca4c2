//! A network file checked as a whole, for those who only want to know whether it can be used.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_config::Problems;
use serde_json::Value;

use crate::{parameter_count, parse};

/// What is known of a network before anything is trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The name by which tables and reports call it.
    pub name: String,
    /// How many outputs its head has.
    pub outputs: u32,
    /// The table that it reads, by name.
    pub table: &'static str,
    /// Whether it needs vectors beside the examples.
    pub pretrained: bool,
    /// How many numbers are learned.
    pub parameters: Parameters,
}

/// How many numbers a network learns; the encoder decides how many rows its look-ups have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Those that do not depend on the encoder.
    pub fixed: u64,
    /// Those that there are for each id of the encoder.
    pub per_id: u64,
}

impl Parameters {
    /// Their number for an encoder of so many ids.
    pub fn with_ids(self, ids: u64) -> u64 {
        self.fixed + self.per_id * ids
    }
}

/// Checks a network file's text. `file` is its name in messages; `overrides` are the values that a stage
/// sets for the file's `params` (its parameter `network_params`).
///
/// # Errors
/// Every problem of the file, each with its place: keys and layers that are unknown, values of a wrong type,
/// parameters that are missing or that nothing reads, layers that do not fit together.
///
/// ```
/// # use std::{collections::BTreeMap, path::Path};
/// let text = "
/// name: small
/// params: {units: 100}
/// input: {kind: tokens, embedding: {size: 32}}
/// layers: [{lstm: {units: \"${units}\"}}, {pool: last}]
/// head: {dense: 1}
/// ";
/// let units = BTreeMap::from([("units".to_owned(), 50.into())]);
/// let summary = cinescore_network::check(text, Path::new("small.yaml"), &units).unwrap();
/// assert_eq!(summary.parameters.with_ids(5000), 5000 * 32 + 4 * 50 * (32 + 50 + 2) + 51);
///
/// let problems = cinescore_network::check(&text.replace("size", "sise"), Path::new("small.yaml"), &units);
/// assert!(problems.unwrap_err().to_string().contains("small.yaml:4:35"));
/// ```
pub fn check(
    text: &str,
    file: &Path,
    overrides: &BTreeMap<String, Value>,
) -> Result<Summary, Problems> {
    let spec = parse(text, file, overrides)?;
    let fixed = parameter_count(&spec, 0);
    Ok(Summary {
        parameters: Parameters {
            fixed,
            per_id: parameter_count(&spec, 1) - fixed,
        },
        outputs: spec.head.outputs(),
        table: spec.input.table(),
        pretrained: !spec.input.pretrained().is_none(),
        name: spec.name,
    })
}
