//! The table `leanings`.

use std::path::Path;

use arrow::array::{Array as _, Float64Array, StringArray, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::LEANINGS;

use super::read;

/// A group of reviews against the others.
#[derive(Debug)]
pub(crate) struct Leaning {
    pub(crate) factor: String,
    pub(crate) level: String,
    pub(crate) reviews: u64,
    pub(crate) positive: u64,
    pub(crate) titles: u64,
    /// By how much reviews of one title that are alike widen the variance.
    pub(crate) design: Option<f64>,
    /// Share of positive reviews less that of the others.
    pub(crate) difference: Option<f64>,
    /// Its 95 % interval.
    pub(crate) interval: Option<(f64, f64)>,
    /// Cohen's h.
    pub(crate) effect: Option<f64>,
    pub(crate) z: Option<f64>,
    pub(crate) p: Option<f64>,
    /// As if all reviews were independent.
    pub(crate) p_independent: Option<f64>,
    /// p after Benjamini and Hochberg.
    pub(crate) q: Option<f64>,
}

/// Reads a table.
pub(crate) fn all(path: &Path) -> Result<Vec<Leaning>, TableError> {
    let mut all = Vec::new();
    let names: Vec<&str> = LEANINGS.columns.iter().map(|own| own.name).collect();
    read(path, &LEANINGS, &names, |batch| {
        let text = |name| column::<StringArray>(batch, name);
        let count = |name| column::<UInt64Array>(batch, name);
        for row in 0..batch.num_rows() {
            let number = |name: &'static str| {
                let values: &Float64Array = column(batch, name);
                values.is_valid(row).then(|| values.value(row))
            };
            all.push(Leaning {
                factor: text("factor").value(row).into(),
                level: text("level").value(row).into(),
                reviews: count("reviews").value(row),
                positive: count("positive").value(row),
                titles: count("titles").value(row),
                design: number("design"),
                difference: number("difference"),
                interval: number("lower").zip(number("upper")),
                effect: number("effect"),
                z: number("z"),
                p: number("p"),
                p_independent: number("p_independent"),
                q: number("q"),
            });
        }
    })?;
    Ok(all)
}
