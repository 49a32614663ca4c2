//! Counts that were made elsewhere: pairs of movie and slot with their numbers, put in order. Memory: 16 bytes a pair.

use rayon::slice::ParallelSliceMut as _;

use super::Ordered;
use super::count::Counted;
use crate::engine::EngineError;

/// Counted pairs in order, each once.
#[derive(Debug)]
pub(super) struct Tally {
    /// Movie and slot in one number, and the count.
    counts: Vec<(u64, u32)>,
    slot_from: u32,
    /// Ratings per slot, from `slot_from` on.
    totals: Vec<u32>,
}

fn pair(key: u64) -> (u32, u32) {
    ((key >> 32) as u32, key as u32)
}

impl Tally {
    /// Of counts in any order: movie, slot, count.
    ///
    /// # Errors
    /// If a pair is there twice, or a slot has more ratings than the table's column holds.
    pub(super) fn of(counts: Vec<(u32, u32, u32)>) -> Result<Self, EngineError> {
        let key = |(movie, slot, count)| (u64::from(movie) << 32 | u64::from(slot), count);
        let mut counts: Vec<(u64, u32)> = counts.into_iter().map(key).collect();
        counts.par_sort_unstable();
        if let Some(twice) = counts.windows(2).find(|pairs| pairs[0].0 == pairs[1].0) {
            let (movie, slot) = pair(twice[0].0);
            return Err(EngineError::Twice { movie, slot });
        }
        let slots = || counts.iter().map(|(key, _)| pair(*key).1);
        let slot_from = slots().min().unwrap_or(0);
        let slots = slots()
            .max()
            .map_or(0, |last| (last - slot_from) as usize + 1);
        let mut totals = vec![0_u32; slots];
        for (key, count) in &counts {
            let slot = pair(*key).1;
            let total = &mut totals[(slot - slot_from) as usize];
            let more = total.checked_add(*count);
            *total = more.ok_or(EngineError::TooMany { slot })?;
        }
        Ok(Self {
            counts,
            slot_from,
            totals,
        })
    }
}

impl Ordered for Tally {
    const UNIT: &'static str = "rows";

    fn len(&self) -> usize {
        self.counts.len()
    }

    fn counts(&self, at: &mut usize, most: usize) -> Vec<Counted> {
        let from = *at;
        *at = self.counts.len().min(from + most);
        let counted = |(key, count): &(u64, u32)| {
            let (movie, slot) = pair(*key);
            Counted {
                movie,
                slot,
                count: *count,
                total: self.totals[(slot - self.slot_from) as usize],
            }
        };
        self.counts[from..*at].iter().map(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_in_order_with_the_totals_of_their_slots() {
        let tally = Tally::of(vec![(9, 4, 1), (2, 7, 3), (2, 4, 5)]).unwrap();
        let counted = |movie, slot, count, total| Counted {
            movie,
            slot,
            count,
            total,
        };
        let mut at = 0;
        assert_eq!(
            tally.counts(&mut at, 2),
            [counted(2, 4, 5, 6), counted(2, 7, 3, 3)]
        );
        assert_eq!(tally.counts(&mut at, 2), [counted(9, 4, 1, 6)]);
        assert_eq!((at, tally.counts(&mut at, 2).len()), (3, 0));
        assert_eq!(Tally::of(Vec::new()).unwrap().len(), 0);
    }

    #[test]
    fn a_pair_that_was_counted_in_parts_is_found() {
        let twice = Tally::of(vec![(2, 4, 5), (9, 4, 1), (2, 4, 3)]);
        let twice = twice.unwrap_err().to_string();
        assert_eq!(twice, "the cluster's table has movie 2 twice in slot 4");
    }

    #[test]
    fn a_slot_of_more_ratings_than_its_total_holds_is_told() {
        let most = Tally::of(vec![(2, 4, u32::MAX - 1), (9, 4, 1), (9, 5, 1)]).unwrap();
        assert_eq!(most.totals, [u32::MAX, 1]);
        let more = Tally::of(vec![(2, 4, u32::MAX), (9, 4, 1)]).unwrap_err();
        assert!(more.to_string().contains("slot 4"), "{more}");
    }
}
