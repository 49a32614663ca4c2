//! The tables `comparisons` and `spreads`.

use std::path::Path;

use arrow::array::{Array, Float64Array, StringArray, UInt32Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::{COMPARISONS, SPREADS};

use super::read;

/// Two configurations in a figure.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) split: String,
    pub(crate) metric: String,
    /// The figure of a less that of b.
    pub(crate) difference: f64,
    /// Its 95 % interval.
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) p: Option<f64>,
    /// Its standard deviation between seeds.
    pub(crate) spread: Option<f64>,
    pub(crate) verdict: String,
}

/// A configuration over its seeds.
#[derive(Debug)]
pub(crate) struct Spread {
    pub(crate) subject: String,
    pub(crate) split: String,
    pub(crate) metric: String,
    pub(crate) mean: f64,
    pub(crate) spread: Option<f64>,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    pub(crate) runs: u32,
}

fn at(array: &Float64Array, index: usize) -> Option<f64> {
    array.is_valid(index).then(|| array.value(index))
}

/// Reads `comparisons`.
pub(crate) fn comparisons(path: &Path) -> Result<Vec<Comparison>, TableError> {
    let mut all = Vec::new();
    let names: Vec<&str> = COMPARISONS.columns.iter().map(|own| own.name).collect();
    read(path, &COMPARISONS, &names, |batch| {
        let text = |name| column::<StringArray>(batch, name);
        let number = |name| column::<Float64Array>(batch, name);
        for row in 0..batch.num_rows() {
            let [a, b, split, metric, verdict] =
                ["a", "b", "split", "metric", "verdict"].map(|name| text(name).value(row).into());
            let [lower, upper, p, spread] =
                ["lower", "upper", "p", "spread"].map(|name| at(number(name), row));
            all.push(Comparison {
                a,
                b,
                split,
                metric,
                difference: number("difference").value(row),
                interval: lower.zip(upper),
                p,
                spread,
                verdict,
            });
        }
    })?;
    Ok(all)
}

/// Reads `spreads`.
pub(crate) fn spreads(path: &Path) -> Result<Vec<Spread>, TableError> {
    let mut all = Vec::new();
    let names: Vec<&str> = SPREADS.columns.iter().map(|own| own.name).collect();
    read(path, &SPREADS, &names, |batch| {
        let text = |name| column::<StringArray>(batch, name);
        let number = |name| column::<Float64Array>(batch, name);
        for row in 0..batch.num_rows() {
            let [subject, split, metric] =
                ["subject", "split", "metric"].map(|name| text(name).value(row).into());
            all.push(Spread {
                subject,
                split,
                metric,
                mean: number("mean").value(row),
                spread: at(number("spread"), row),
                least: number("least").value(row),
                greatest: number("greatest").value(row),
                runs: column::<UInt32Array>(batch, "runs").value(row),
            });
        }
    })?;
    Ok(all)
}
