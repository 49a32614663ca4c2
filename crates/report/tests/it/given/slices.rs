//! Errors by slice and by flag, as `train slices` and `predict flags` write them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::tables;

use super::Given;

/// Factor, place, level, examples and their figure, other examples and theirs.
type Row = (
    &'static str,
    u32,
    &'static str,
    u64,
    Option<f64>,
    u64,
    Option<f64>,
);

impl Given {
    pub(super) fn write_slices(&mut self, subject: &str) {
        let lengths = [
            (
                "length",
                0,
                "to 100 ids",
                800,
                Some(0.125),
                1000,
                Some(0.25),
            ),
            (
                "length",
                1,
                "101 to 200",
                1000,
                Some(0.25),
                800,
                Some(0.125),
            ),
        ];
        let flags = [
            ("flag", 0, "short", 0, None, 1800, Some(0.2)),
            ("flag", 1, "middle", 300, Some(0.4375), 1500, Some(0.15625)),
            ("flag", 2, "any", 300, Some(0.4375), 1500, Some(0.15625)),
        ];
        self.write_slices_of("slices", subject, &lengths);
        self.write_slices_of("flags", subject, &flags);
    }

    fn write_slices_of(&mut self, stage: &str, subject: &str, rows: &[Row]) {
        let text = |of: &dyn Fn(&Row) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let count = |of: &dyn Fn(&Row) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
        };
        let number = |of: &dyn Fn(&Row) -> Option<f64>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<Float64Array>())
        };
        let difference = |row: &Row| Some(row.4? - row.6?);
        let columns = vec![
            text(&|_| subject.to_owned()),
            text(&|_| "test".to_owned()),
            text(&|row| row.0.to_owned()),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.1))),
            text(&|row| row.2.to_owned()),
            text(&|_| "error_rate".to_owned()),
            count(&|row| row.3),
            number(&|row| row.4),
            number(&|row| Some(row.4? - 0.03125)),
            number(&|row| Some(row.4? + 0.03125)),
            count(&|row| row.5),
            number(&|row| row.6),
            number(&|row| Some(row.6? - 0.0625)),
            number(&|row| Some(row.6? + 0.0625)),
            number(&difference),
            number(&|row| Some(difference(row)? - 0.125)),
            number(&|row| Some(difference(row)? + 0.125)),
        ];
        self.write("slices", stage, &tables::SLICES, columns);
    }
}
