//! How large the rows of an Arrow batch are: their texts and lists, which is all that can be large.

use arrow::array::{Array, AsArray as _, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::DataType;

/// The bytes of each row of a batch. A value that rows share counts for each of them, as it does when they are written.
pub(super) fn of_rows(batch: &RecordBatch) -> Vec<usize> {
    let mut bytes = vec![0; batch.num_rows()];
    for column in batch.columns() {
        add(&mut bytes, &of_values(column));
    }
    bytes
}

fn add(bytes: &mut [usize], more: &[usize]) {
    for (own, more) in bytes.iter_mut().zip(more) {
        *own = own.saturating_add(*more);
    }
}

/// The bytes of each value of a column.
fn of_values(column: &dyn Array) -> Vec<usize> {
    let rows = column.len();
    match column.data_type() {
        DataType::Utf8 => widths(column.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => widths(column.as_string::<i64>().value_offsets()),
        DataType::Binary => widths(column.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => widths(column.as_binary::<i64>().value_offsets()),
        DataType::Utf8View => lengths(column.as_string_view().lengths()),
        DataType::BinaryView => lengths(column.as_binary_view().lengths()),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let values = of_values(dictionary.values());
            if values.is_empty() {
                return vec![0; rows];
            }
            let keys = dictionary.normalized_keys();
            keys.into_iter().map(|key| values[key]).collect()
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            sums(list.value_offsets(), &of_values(list.values()))
        }
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>();
            sums(list.value_offsets(), &of_values(list.values()))
        }
        DataType::Map(..) => {
            let map = column.as_map();
            sums(map.value_offsets(), &of_values(map.entries()))
        }
        DataType::Struct(_) => {
            let mut bytes = vec![0; rows];
            for field in column.as_struct().columns() {
                add(&mut bytes, &of_values(field));
            }
            bytes
        }
        other => vec![other.primitive_width().unwrap_or(0); rows],
    }
}

fn widths<O: OffsetSizeTrait>(offsets: &[O]) -> Vec<usize> {
    let width = |pair: &[O]| pair[1].as_usize() - pair[0].as_usize();
    offsets.windows(2).map(width).collect()
}

fn lengths(lengths: impl Iterator<Item = u32>) -> Vec<usize> {
    lengths.map(|length| length as usize).collect()
}

/// The sums of values, list by list.
fn sums<O: OffsetSizeTrait>(offsets: &[O], values: &[usize]) -> Vec<usize> {
    let sum = |pair: &[O]| values[pair[0].as_usize()..pair[1].as_usize()].iter().sum();
    offsets.windows(2).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BinaryViewArray, DictionaryArray, Int64Array, LargeStringArray, StringArray,
        StringViewArray, StructArray,
    };
    use arrow::array::{ListBuilder, StringBuilder};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn rows_have_the_bytes_of_all_their_values() {
        let words = [Some("four"), None, Some("seventy")];
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("a"), Some("bc")]);
        list.append_null();
        list.append_value([Some("def")]);
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let texts: ArrayRef = Arc::new(StringArray::from(words.to_vec()));
        let both = StructArray::try_from(vec![("n", numbers.clone()), ("t", texts.clone())]);
        let columns: Vec<(ArrayRef, [usize; 3])> = vec![
            (numbers, [8, 8, 8]),
            (texts, [4, 0, 7]),
            (Arc::new(LargeStringArray::from(words.to_vec())), [4, 0, 7]),
            (Arc::new(StringViewArray::from(words.to_vec())), [4, 0, 7]),
            (
                Arc::new(BinaryViewArray::from(vec![b"ab".as_slice(), b"", b"c"])),
                [2, 0, 1],
            ),
            (
                Arc::new(
                    ["same", "same", "b"]
                        .into_iter()
                        .collect::<DictionaryArray<Int32Type>>(),
                ),
                [4, 4, 1],
            ),
            (Arc::new(list.finish()), [3, 0, 3]),
            (Arc::new(both.unwrap()), [12, 8, 15]),
        ];
        for (column, wanted) in &columns {
            assert_eq!(of_values(column), wanted, "{:?}", column.data_type());
            // A part of a column counts what is in it, and not what lies beside it.
            assert_eq!(of_values(&column.slice(1, 2)), wanted[1..]);
        }
        let named = columns.iter().enumerate();
        let named = named.map(|(index, (column, _))| (index.to_string(), column.clone()));
        let batch = RecordBatch::try_from_iter(named.collect::<Vec<_>>()).unwrap();
        let total = |row: usize| columns.iter().map(|(_, wanted)| wanted[row]).sum::<usize>();
        assert_eq!(of_rows(&batch), [total(0), total(1), total(2)]);
    }
}
