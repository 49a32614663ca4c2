//! The kind `audit`: what in the reviews would make figures on them wrong, before anything is trained.
//!
//! Owns the findings and the policy. Does not change the reviews. Reads the table `reviews`; writes the table
//! `findings`. With the policy `fail`, a finding of severity `leak` fails the stage, which then has no output: its
//! error names the findings.

mod duplicates;
mod labels;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, StringArray, UInt8Array, UInt64Array};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableError, TableReader, TableWriter, column};
use cinescore_artifact::tables::{FINDINGS, FINDINGS_LISTED, REVIEWS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Parameters of `audit`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditParams {
    /// What a leak between the splits does.
    pub policy: Policy,
    /// Share of common runs of five words from which two texts count as near duplicates.
    #[schemars(range(min = 0.5, max = 1.0))]
    pub similarity: f64,
}

/// What a leak does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Fails the stage, and the pipeline with it.
    Fail,
    /// Is written down and said.
    Warn,
}

impl Default for AuditParams {
    fn default() -> Self {
        // The well-known data sets have a few leaks of their own, and are used as they are all the same.
        Self {
            policy: Policy::Warn,
            similarity: 0.8,
        }
    }
}

/// The description of this kind.
pub fn kind() -> Kind {
    Kind::new(
        "audit",
        "Looks for duplicates, leaks and contradictions in reviews.",
        run,
    )
    .input(Input::table("reviews", &REVIEWS, "the reviews"))
    .output(Output::table("findings", &FINDINGS, "what was found"))
}

/// A review, as the checks see it.
struct Row {
    id: u64,
    split: String,
    tconst: Option<String>,
    score: Option<u8>,
    polarity: Option<u8>,
    text: String,
}

/// How bad a finding is, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Note,
    Warning,
    Leak,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Leak => "leak",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Finding {
    check: &'static str,
    severity: Severity,
    split: String,
    subject: String,
    reviews: [Option<u64>; 2],
    value: f64,
    text: String,
}

fn run(params: AuditParams, context: &mut TaskContext) -> Result<(), StageError> {
    let rows = read(context)?;
    let mut findings = duplicates::exact(&rows);
    context.check_interrupt()?;
    findings.extend(duplicates::near(&rows, params.similarity));
    context.check_interrupt()?;
    findings.extend(movies_in_two_splits(&rows));
    findings.extend(labels::contradictions(&rows));
    findings.extend(labels::balance(&rows));
    findings.extend(labels::predictable(&rows));

    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in &findings {
        *counts.entry(finding.check).or_default() += 1;
    }
    let leaks: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Leak)
        .collect();
    if params.policy == Policy::Fail && !leaks.is_empty() {
        let mut text = format!(
            "the reviews have {} leaks between their splits:",
            leaks.len()
        );
        for leak in leaks.iter().take(10) {
            text.push_str(&format!("\n  {}: {}", leak.check, leak.text));
        }
        return Err(StageError::input(text)
            .hint("repair the reviews, or accept the leaks with `policy: warn`"));
    }
    if !leaks.is_empty() {
        let (count, first) = (leaks.len(), &leaks[0].text);
        context.warn(format!(
            "{count} leaks between the splits; the first: {first}"
        ));
    }
    let result = context.result();
    result.rows_in.insert("reviews".into(), rows.len() as u64);
    for (check, count) in counts {
        result
            .facts
            .insert(format!("findings.{check}"), json!(count));
    }
    let mut writer = TableWriter::create(&context.output("findings"), &FINDINGS)?;
    writer.write(&batch(&listed(&findings)).map_err(crate::ReadError::from)?)?;
    let written = writer.finish()?;
    context.result().rows_out.insert("findings".into(), written);
    Ok(())
}

fn read(context: &TaskContext) -> Result<Vec<Row>, TableError> {
    let columns = ["review_id", "split", "tconst", "score", "polarity", "text"];
    let path = &context
        .optional_input("reviews")
        .map(|input| input.path.clone())
        .unwrap_or_default();
    let mut rows = Vec::new();
    for batch in TableReader::open(path, &REVIEWS)?.batches_of(8192, &columns)? {
        let batch = batch?;
        let (ids, scores, polarities): (&UInt64Array, &UInt8Array, &UInt8Array) = (
            column(&batch, "review_id"),
            column(&batch, "score"),
            column(&batch, "polarity"),
        );
        let [splits, tconst, texts]: [&StringArray; 3] =
            ["split", "tconst", "text"].map(|name| column(&batch, name));
        for row in 0..batch.num_rows() {
            rows.push(Row {
                id: ids.value(row),
                split: splits.value(row).into(),
                tconst: tconst.is_valid(row).then(|| tconst.value(row).into()),
                score: scores.is_valid(row).then(|| scores.value(row)),
                polarity: polarities.is_valid(row).then(|| polarities.value(row)),
                text: texts.value(row).into(),
            });
        }
    }
    Ok(rows)
}

/// Titles that both train and test have reviews of: a network can learn the title instead of the words.
fn movies_in_two_splits(rows: &[Row]) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.split != "unlabelled") {
        if let Some(tconst) = &row.tconst {
            *counts
                .entry(tconst)
                .or_default()
                .entry(&row.split)
                .or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter(|(_, splits)| splits.len() > 1)
        .map(|(tconst, splits)| {
            let words: Vec<String> = splits
                .iter()
                .map(|(split, count)| format!("{count} in {split}"))
                .collect();
            Finding {
                check: "movies_in_two_splits",
                severity: Severity::Leak,
                split: splits.keys().copied().collect::<Vec<_>>().join(", "),
                subject: tconst.to_owned(),
                reviews: [None; 2],
                value: splits.values().sum::<u64>() as f64,
                text: format!("`{tconst}` has reviews in two splits: {}", words.join(", ")),
            }
        })
        .collect()
}

/// The findings that are written: of a check that has more than can be listed the worst, all in the order in which
/// they were made.
fn listed(findings: &[Finding]) -> Vec<&Finding> {
    let mut checks: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, finding) in findings.iter().enumerate() {
        checks.entry(finding.check).or_default().push(place);
    }
    let mut kept: Vec<usize> = Vec::new();
    for mut places in checks.into_values() {
        // A stable sort: among equals the first are kept.
        places.sort_by_key(|place| Reverse(findings[*place].severity));
        kept.extend(places.into_iter().take(FINDINGS_LISTED));
    }
    kept.sort_unstable();
    kept.into_iter().map(|place| &findings[place]).collect()
}

fn batch(findings: &[&Finding]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Finding) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            findings.iter().map(|finding| of(finding)),
        ))
    };
    let review = |index: usize| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(
            findings.iter().map(|finding| finding.reviews[index]),
        ))
    };
    FINDINGS.batch(vec![
        text(|finding| finding.check),
        text(|finding| finding.severity.name()),
        text(|finding| &finding.split),
        text(|finding| &finding.subject),
        review(0),
        review(1),
        Arc::new(Float64Array::from_iter_values(
            findings.iter().map(|finding| finding.value),
        )),
        text(|finding| &finding.text),
    ])
}

#[cfg(test)]
mod tests;
