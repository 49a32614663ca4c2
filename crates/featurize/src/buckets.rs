//! Length buckets: groups of reviews of similar lengths.
//!
//! Owns their bounds and the table `buckets`. A batch whose reviews are all of one bucket, padded to its
//! longest, wastes little; what is wasted in all is in the table.
//!
//! The bounds are those that waste least on the training split, found by dynamic programming over the
//! lengths that occur; the last one reaches to the longest review of all.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::error::ArrowError;
use cinescore_artifact::tables;

use crate::split::Split;

/// How many reviews have each length.
pub type Histogram = BTreeMap<u32, u64>;

/// Different lengths that are told apart when bounds are chosen, so that this takes no time.
const MOST_LENGTHS: usize = 512;

/// The longest length of each bucket, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    bounds: Vec<u32>,
}

impl Buckets {
    /// At most `count` buckets for the lengths of each split.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use cinescore_artifact::Split;
    /// use cinescore_featurize::buckets::Buckets;
    ///
    /// let train = BTreeMap::from([(10, 5), (11, 5), (100, 1), (120, 9)]);
    /// let buckets = Buckets::choose(&BTreeMap::from([(Split::Train, train)]), 2);
    /// assert_eq!(buckets.bounds(), [11, 120]);
    /// ```
    pub fn choose(histograms: &BTreeMap<Split, Histogram>, count: usize) -> Self {
        let lengths = histograms
            .values()
            .filter_map(|lengths| lengths.keys().next_back());
        let Some(&longest) = lengths.max() else {
            return Self { bounds: Vec::new() };
        };
        let step = longest.div_ceil(MOST_LENGTHS as u32).max(1);
        let mut cells: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (&length, &reviews) in histograms.get(&Split::Train).into_iter().flatten() {
            let cell = cells.entry(length.div_ceil(step) * step).or_default();
            cell.0 += reviews;
            cell.1 += u64::from(length) * reviews;
        }
        let mut bounds = least_padding(&cells, count);
        bounds.pop();
        bounds.retain(|bound| *bound < longest);
        bounds.push(longest);
        Self { bounds }
    }

    /// The longest length of each bucket.
    pub fn bounds(&self) -> &[u32] {
        &self.bounds
    }

    /// The rows of the table `buckets`.
    pub fn batch(
        &self,
        histograms: &BTreeMap<Split, Histogram>,
    ) -> Result<RecordBatch, ArrowError> {
        let mut rows: Vec<(&str, u32, u32, u64, u64)> = Vec::new();
        for (split, lengths) in histograms {
            let mut begin = 0;
            for (bucket, &longest) in (0..).zip(&self.bounds) {
                let (mut reviews, mut ids) = (0, 0);
                for (&length, &count) in lengths.range(begin..=longest) {
                    reviews += count;
                    ids += u64::from(length) * count;
                }
                rows.push((split.name(), bucket, longest, reviews, ids));
                begin = longest + 1;
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.2))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.3))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.4))),
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|row| u64::from(row.2) * row.3 - row.4),
            )),
        ];
        tables::BUCKETS.batch(columns)
    }
}

/// The bounds, at most `count`, with which reviews and ids by length need least padding.
fn least_padding(cells: &BTreeMap<u32, (u64, u64)>, count: usize) -> Vec<u32> {
    let lengths: Vec<u32> = cells.keys().copied().collect();
    // Reviews and ids of the first n cells.
    let mut sums = vec![(0, 0)];
    for (reviews, ids) in cells.values() {
        let (all_reviews, all_ids) = sums[sums.len() - 1];
        sums.push((all_reviews + reviews, all_ids + ids));
    }
    let padding = |begin: usize, end: usize| {
        let reviews = sums[end].0 - sums[begin].0;
        u64::from(lengths[end - 1]) * reviews - (sums[end].1 - sums[begin].1)
    };
    // By number of cells: the least padding, and where the last bucket begins; one round a bucket.
    let mut best: Vec<u64> = (0..=lengths.len())
        .map(|end| if end == 0 { 0 } else { padding(0, end) })
        .collect();
    let mut begins: Vec<Vec<usize>> = vec![vec![0; lengths.len() + 1]];
    for _bucket in 1..count.min(lengths.len()) {
        let mut next = vec![(0, 0)];
        for end in 1..=lengths.len() {
            let choices = (0..end).map(|begin| (best[begin] + padding(begin, end), begin));
            next.push(choices.min().unwrap_or_default());
        }
        best = next.iter().map(|(padding, _begin)| *padding).collect();
        begins.push(next.into_iter().map(|(_padding, begin)| begin).collect());
    }
    let mut bounds = Vec::new();
    let mut end = lengths.len();
    for begins in begins.iter().rev() {
        if end == 0 {
            break;
        }
        bounds.push(lengths[end - 1]);
        end = begins[end];
    }
    bounds.reverse();
    bounds
}

#[cfg(test)]
mod tests {
    use cinescore_artifact::table::column;
    use proptest::prelude::*;

    use super::*;

    fn waste(bounds: &[u32], lengths: &Histogram) -> u64 {
        let bound = |length: u32| *bounds.iter().find(|bound| **bound >= length).unwrap();
        lengths
            .iter()
            .map(|(&length, &count)| u64::from(bound(length) - length) * count)
            .sum()
    }

    #[test]
    fn rows_count_reviews_ids_and_padding() {
        let histograms = BTreeMap::from([
            (Split::Train, BTreeMap::from([(3, 2), (4, 1), (9, 1)])),
            (Split::Test, BTreeMap::from([(4, 1), (12, 2)])),
        ]);
        let buckets = Buckets::choose(&histograms, 2);
        assert_eq!(buckets.bounds(), [4, 12]);
        let batch = buckets.batch(&histograms).unwrap();
        let values = |name| column::<UInt64Array>(&batch, name).values().to_vec();
        assert_eq!(values("reviews"), [3, 1, 1, 2]);
        assert_eq!(values("ids"), [10, 9, 4, 24]);
        assert_eq!(values("padding"), [2, 3, 0, 0]);
        assert!(Buckets::choose(&BTreeMap::new(), 4).bounds().is_empty());
    }

    proptest! {
        #[test]
        fn no_other_bounds_waste_less(
            lengths in prop::collection::btree_map(1_u32..40, 1_u64..9, 1..8),
            others in prop::collection::btree_set(1_u32..40, 2),
        ) {
            let longest = *lengths.keys().next_back().unwrap();
            let histograms = BTreeMap::from([(Split::Train, lengths.clone())]);
            let chosen = Buckets::choose(&histograms, 3);
            let others: Vec<u32> = others.into_iter().filter(|bound| *bound < longest).chain([longest]).collect();
            prop_assert!(chosen.bounds().len() <= 3);
            prop_assert!(waste(chosen.bounds(), &lengths) <= waste(&others, &lengths));
        }
    }
}
