//! Columns between arrow-rs and polars, each of which has an Arrow of its own: they meet in the Arrow C
//! Data Interface, here and nowhere else. Nothing is copied but where a type must change.

use arrow::array::{Array as _, ArrayRef, make_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use polars::error::PolarsError;
use polars::prelude::{ArrowField, CompatLevel, DataFrame, PlSmallStr, Series};
use polars_arrow::ffi::{
    ArrowArray, ArrowSchema, export_array_to_c, export_field_to_c, import_array_from_c,
    import_field_from_c,
};

/// A polars frame of named columns, which must have equal lengths.
pub(crate) fn to_polars(columns: &[(&str, ArrayRef)]) -> Result<DataFrame, PolarsError> {
    let mut frame = Vec::with_capacity(columns.len());
    for (name, array) in columns {
        let (array, schema) = to_ffi(&array.to_data()).map_err(of_arrow)?;
        #[expect(
            unsafe_code,
            reason = "the C Data Interface hands structs of raw pointers over"
        )]
        // SAFETY: both sides declare the two structs `repr(C)` as the interface lays them out, so one may
        // become the other; `transmute` moves, so that each is released once, by its new owner. arrow-rs
        // has just exported them, so they keep the interface's promises, and each is imported once.
        let array = unsafe {
            let schema = std::mem::transmute::<FFI_ArrowSchema, ArrowSchema>(schema);
            let array = std::mem::transmute::<FFI_ArrowArray, ArrowArray>(array);
            import_array_from_c(array, import_field_from_c(&schema)?.dtype)?
        };
        let name: PlSmallStr = (*name).into();
        frame.push(Series::try_from((name, array))?.into());
    }
    DataFrame::new_infer_height(frame)
}

/// A column of a frame as an array of the given type.
pub(crate) fn from_polars(
    frame: &DataFrame,
    name: &str,
    wanted: &DataType,
) -> Result<ArrayRef, PolarsError> {
    let series = frame.column(name)?.as_materialized_series().rechunk();
    // The newest level has string views, which our tables do not use.
    let array = series.to_arrow(0, CompatLevel::oldest());
    let field = ArrowField::new(name.into(), array.dtype().clone(), true);
    let (schema, array) = (export_field_to_c(&field), export_array_to_c(array));
    #[expect(
        unsafe_code,
        reason = "the C Data Interface hands structs of raw pointers over"
    )]
    // SAFETY: as above, with the sides exchanged: polars has just exported the two structs, and arrow-rs
    // imports and releases each once.
    let array = unsafe {
        let schema = std::mem::transmute::<ArrowSchema, FFI_ArrowSchema>(schema);
        from_ffi(
            std::mem::transmute::<ArrowArray, FFI_ArrowArray>(array),
            &schema,
        )
    };
    cast(&make_array(array.map_err(of_arrow)?), wanted).map_err(of_arrow)
}

fn of_arrow(error: ArrowError) -> PolarsError {
    PolarsError::ComputeError(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, StringArray, UInt32Array, UInt64Array};

    use super::*;

    #[test]
    fn every_type_that_crosses_comes_back_equal() {
        let columns: [(&str, ArrayRef); 5] = [
            (
                "text",
                Arc::new(StringArray::from(vec![
                    Some("a longer text than a view holds"),
                    None,
                    Some(""),
                ])),
            ),
            (
                "u64",
                Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0)])),
            ),
            (
                "u32",
                Arc::new(UInt32Array::from(vec![Some(7), None, Some(0)])),
            ),
            (
                "i32",
                Arc::new(Int32Array::from(vec![Some(-7), None, Some(0)])),
            ),
            (
                "f64",
                Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-0.0)])),
            ),
        ];
        // A slice has an offset, which must not be lost on the way.
        for (offset, length) in [(0, 3), (1, 2), (3, 0)] {
            let columns = columns
                .each_ref()
                .map(|(name, array)| (*name, array.slice(offset, length)));
            let frame = to_polars(&columns).unwrap();
            for (name, array) in &columns {
                assert_eq!(
                    &from_polars(&frame, name, array.data_type()).unwrap(),
                    array,
                    "{name}"
                );
            }
        }
    }
}
