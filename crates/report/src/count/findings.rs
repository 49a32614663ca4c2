//! Counts of the `findings` table, an audit's.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::StringArray;
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::FINDINGS;

use super::read;

/// Findings that share check, severity and splits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) severity: String,
    pub(crate) split: String,
    pub(crate) count: u64,
    /// The first of them, in words.
    pub(crate) first: String,
}

/// Counts a table by severity, check and splits: the worst first, and then the most frequent.
pub(crate) fn count(path: &Path) -> Result<Vec<Finding>, TableError> {
    let mut counts: BTreeMap<[String; 3], (u64, String)> = BTreeMap::new();
    let columns = ["check", "severity", "split", "text"];
    read(path, &FINDINGS, &columns, |batch| {
        let [checks, severities, splits, texts]: [&StringArray; 4] =
            columns.map(|name| column(batch, name));
        for index in 0..batch.num_rows() {
            let key = [checks, severities, splits].map(|column| column.value(index).to_owned());
            counts
                .entry(key)
                .or_insert_with(|| (0, texts.value(index).to_owned()))
                .0 += 1;
        }
    })?;
    let mut findings: Vec<Finding> = counts
        .into_iter()
        .map(|([check, severity, split], (count, first))| Finding {
            check,
            severity,
            split,
            count,
            first,
        })
        .collect();
    findings.sort_by_key(|finding| {
        let badness = match finding.severity.as_str() {
            "leak" => 0,
            "warning" => 1,
            _ => 2,
        };
        // A stable sort: ties stay in the order of the map's keys.
        (badness, std::cmp::Reverse(finding.count))
    });
    Ok(findings)
}
