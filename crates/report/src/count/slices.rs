//! The table `slices`.

use std::path::Path;

use arrow::array::{Array as _, Float64Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::SLICES;

use super::read;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// None where there are no examples.
    pub(crate) value: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
}

/// A figure of some examples, and of the others.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    /// The stage whose predictions they are.
    pub(crate) subject: String,
    pub(crate) split: String,
    pub(crate) factor: String,
    pub(crate) place: u32,
    pub(crate) level: String,
    pub(crate) metric: String,
    pub(crate) n: u64,
    pub(crate) own: Measured,
    pub(crate) others_n: u64,
    pub(crate) others: Measured,
    /// The one less the other.
    pub(crate) difference: Measured,
}

/// Reads a table.
pub(crate) fn all(path: &Path) -> Result<Vec<Slice>, TableError> {
    let mut all = Vec::new();
    let names: Vec<&str> = SLICES.columns.iter().map(|own| own.name).collect();
    read(path, &SLICES, &names, |batch| {
        let text = |name| column::<StringArray>(batch, name);
        let count = |name| column::<UInt64Array>(batch, name);
        let places: &UInt32Array = column(batch, "place");
        for row in 0..batch.num_rows() {
            let number = |name: &'static str| {
                let values: &Float64Array = column(batch, name);
                values.is_valid(row).then(|| values.value(row))
            };
            let measured = |value, lower, upper| Measured {
                value: number(value),
                interval: number(lower).zip(number(upper)),
            };
            all.push(Slice {
                subject: text("subject").value(row).into(),
                split: text("split").value(row).into(),
                factor: text("factor").value(row).into(),
                place: places.value(row),
                level: text("level").value(row).into(),
                metric: text("metric").value(row).into(),
                n: count("n").value(row),
                own: measured("value", "lower", "upper"),
                others_n: count("others_n").value(row),
                others: measured("others", "others_lower", "others_upper"),
                difference: measured("difference", "difference_lower", "difference_upper"),
            });
        }
    })?;
    Ok(all)
}
