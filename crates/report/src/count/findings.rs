//! Counts of the `findings` table, an audit's.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::StringArray;
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::{FINDINGS, FINDINGS_LISTED};

use super::read;

/// Findings that share check, severity and splits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) severity: String,
    pub(crate) split: String,
    pub(crate) count: u64,
    /// Whether there may be more of them than the table lists.
    pub(crate) cut: bool,
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
            cut: false,
            first,
        })
        .collect();
    mark_cut(&mut findings);
    // A stable sort: ties stay in the order of the map's keys.
    findings.sort_by_key(|finding| {
        (
            mildness(&finding.severity),
            std::cmp::Reverse(finding.count),
        )
    });
    Ok(findings)
}

/// How harmless a severity is: 0 for the worst.
fn mildness(severity: &str) -> u8 {
    match severity {
        "leak" => 0,
        "warning" => 1,
        _ => 2,
    }
}

/// Marks the findings of which the audit may have left some out: a check that fills its rows lists the worst, and is
/// complete but for those as mild as the mildest of them.
fn mark_cut(findings: &mut [Finding]) {
    let mut checks: BTreeMap<String, (u64, u8)> = BTreeMap::new();
    for finding in findings.iter() {
        let (listed, mildest) = checks.entry(finding.check.clone()).or_default();
        *listed += finding.count;
        *mildest = mildness(&finding.severity).max(*mildest);
    }
    for finding in findings {
        if let Some((listed, mildest)) = checks.get(&finding.check) {
            finding.cut =
                *listed >= FINDINGS_LISTED as u64 && mildness(&finding.severity) == *mildest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mildest_of_a_full_check_may_be_more() {
        let finding = |check: &str, severity: &str, split: &str, count| Finding {
            check: check.into(),
            severity: severity.into(),
            split: split.into(),
            count,
            cut: false,
            first: String::new(),
        };
        let mut findings = [
            finding("exact_duplicates", "leak", "train, test", 100),
            finding("exact_duplicates", "warning", "test", 100),
            finding("exact_duplicates", "warning", "train", 800),
            finding("movies_in_two_splits", "leak", "train, test", 1000),
            finding("near_duplicates", "leak", "train, test", 999),
        ];
        mark_cut(&mut findings);
        assert_eq!(
            findings.map(|finding| finding.cut),
            [false, true, true, true, false]
        );
    }
}
