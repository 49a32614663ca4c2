//! The `metrics` table, a model's figures beside the trivial predictor's.

use std::path::Path;

use arrow::array::{Array, Float64Array, StringArray, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::METRICS;

use super::{read, split_order};
use crate::metric::Subject;

/// The subject that is no model.
const TRIVIAL: &str = "trivial";

/// A network's figures.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// The network's name.
    pub(crate) subject: Option<String>,
    /// By split (test last but for the unknown), then in the table's order.
    pub(crate) rows: Vec<MetricRow>,
}

/// A metric on a split.
#[derive(Debug)]
pub(crate) struct MetricRow {
    pub(crate) split: String,
    pub(crate) metric: String,
    /// The model's figure.
    pub(crate) model: Option<f64>,
    /// Its 95 % interval.
    pub(crate) interval: Option<(f64, f64)>,
    /// The trivial predictor's figure.
    pub(crate) trivial: Option<f64>,
    /// Examples.
    pub(crate) n: u64,
}

impl Metrics {
    /// What its figures are of.
    pub(crate) fn subject_of(&self) -> Subject {
        Subject::of(self.rows.iter().map(|row| &*row.metric))
    }

    /// A metric on a split.
    pub(crate) fn find(&self, split: &str, metric: &str) -> Option<&MetricRow> {
        self.rows
            .iter()
            .find(|row| row.split == split && row.metric == metric)
    }
}

/// Reads a table.
pub(crate) fn count(path: &Path) -> Result<Metrics, TableError> {
    let mut metrics = Metrics::default();
    let columns = ["subject", "split", "metric", "value", "lower", "upper", "n"];
    read(path, &METRICS, &columns, |batch| {
        let subjects: &StringArray = column(batch, "subject");
        let splits: &StringArray = column(batch, "split");
        let names: &StringArray = column(batch, "metric");
        let values: &Float64Array = column(batch, "value");
        let lowers: &Float64Array = column(batch, "lower");
        let uppers: &Float64Array = column(batch, "upper");
        let counts: &UInt64Array = column(batch, "n");
        let at =
            |array: &Float64Array, index: usize| array.is_valid(index).then(|| array.value(index));
        for index in 0..batch.num_rows() {
            let (split, metric) = (splits.value(index), names.value(index));
            let position = metrics
                .rows
                .iter()
                .position(|row| row.split == split && row.metric == metric);
            let position = position.unwrap_or_else(|| {
                metrics.rows.push(MetricRow {
                    split: split.to_owned(),
                    metric: metric.to_owned(),
                    model: None,
                    interval: None,
                    trivial: None,
                    n: counts.value(index),
                });
                metrics.rows.len() - 1
            });
            let row = &mut metrics.rows[position];
            if subjects.value(index) == TRIVIAL {
                row.trivial = at(values, index);
            } else {
                metrics.subject = Some(subjects.value(index).to_owned());
                row.model = at(values, index);
                row.interval = at(lowers, index).zip(at(uppers, index));
            }
        }
    })?;
    // The trivial predictor alone, as a baseline, is what the table is about.
    if metrics.subject.is_none() && !metrics.rows.is_empty() {
        metrics.subject = Some(TRIVIAL.to_owned());
        for row in &mut metrics.rows {
            row.model = row.trivial;
        }
    }
    metrics
        .rows
        .sort_by(|a, b| split_order(&a.split).cmp(&split_order(&b.split)));
    Ok(metrics)
}
