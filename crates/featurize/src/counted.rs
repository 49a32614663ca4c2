//! What counting leaves of texts, so that encoding them does not divide them again.
//!
//! Owns the numbers of the terms of the texts that were counted first, up to a fixed number of terms, so
//! that memory does not grow with the texts. Does not own the counting (`count`) nor the look-up of other
//! texts (`encode`).

use std::sync::atomic::{AtomicUsize, Ordering};

/// What is kept of terms at most: 32 MiB.
pub(crate) const KEPT: usize = 1 << 24;
/// Marks the first half of a number that takes two.
const HALF: u16 = 1 << 15;

/// The terms of a text, as numbers of whoever counted it, and the id of each number.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// Numbers below [`HALF`], which are those of the words that came first and mostly of the frequent
    /// ones, as they are; others as their upper half, marked, and their lower one.
    numbers: &'a [u16],
    ids: &'a [i32],
}

/// The terms of the texts that were counted first, and the ids that they have got.
#[derive(Debug, Default)]
pub struct CountedTexts {
    /// In the order of their texts, with their counters.
    parts: Vec<(usize, Part)>,
    /// By counter and number.
    ids: Vec<Vec<i32>>,
}

/// Terms of some texts in a row, by one counter.
#[derive(Debug, Default)]
pub(crate) struct Part {
    begin: u64,
    /// Where each text's numbers end.
    ends: Vec<u32>,
    /// As in [`Counted`].
    numbers: Vec<u16>,
}

/// How many numbers, or halves of them, may still be kept.
#[derive(Debug)]
pub(crate) struct Room(AtomicUsize);

impl Room {
    pub(crate) fn new(terms: usize) -> Self {
        Self(AtomicUsize::new(terms))
    }

    pub(crate) fn is_left(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Takes room for so much; where there is too little, none is left for anything after it.
    fn take(&self, halves: usize) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
                Some(room.saturating_sub(halves))
            });
        taken.is_ok_and(|before| before >= halves)
    }
}

impl Part {
    /// Begins anew, with what is there copied out of the buffers, if it is anything.
    pub(crate) fn take(&mut self) -> Option<Self> {
        let taken = Self {
            begin: self.begin,
            ends: self.ends.as_slice().into(),
            numbers: self.numbers.as_slice().into(),
        };
        self.ends.clear();
        self.numbers.clear();
        (!taken.ends.is_empty()).then_some(taken)
    }

    /// Sets the number of the first text of a part without texts.
    pub(crate) fn begin(&mut self, text: u64) {
        self.begin = text;
    }

    /// Keeps a text, the one after those before, if there is room for it.
    #[inline]
    pub(crate) fn keep(&mut self, numbers: &[u32], room: &Room) {
        // After one that did not fit there is no room, so that texts stay in a row.
        if !room.is_left() {
            return;
        }
        let before = self.numbers.len();
        for &number in numbers {
            if number < u32::from(HALF) {
                self.numbers.push(number as u16);
            } else {
                // No counter has 2^31 terms: its table would not fit into any memory.
                let upper = (number >> 16) as u16 | HALF;
                self.numbers.extend([upper, number as u16]);
            }
        }
        if room.take(self.numbers.len() - before) {
            self.ends.push(self.numbers.len() as u32);
        } else {
            self.numbers.truncate(before);
        }
    }
}

impl CountedTexts {
    /// The parts of each counter, and the ids of each counter's numbers.
    pub(crate) fn new(parts: Vec<Vec<Part>>, ids: Vec<Vec<i32>>) -> Self {
        let parts = parts.into_iter().enumerate();
        let mut parts: Vec<(usize, Part)> = parts
            .flat_map(|(counter, parts)| parts.into_iter().map(move |part| (counter, part)))
            .collect();
        parts.sort_unstable_by_key(|(_counter, part)| part.begin);
        Self { parts, ids }
    }

    /// The terms of the text of that number, counted from 0; none where they were not kept.
    pub fn get(&self, text: u64) -> Option<Counted<'_>> {
        let after = self
            .parts
            .partition_point(|(_counter, part)| part.begin <= text);
        let (counter, part) = self.parts.get(after.checked_sub(1)?)?;
        let at = (text - part.begin) as usize;
        let end = *part.ends.get(at)? as usize;
        let begin = at
            .checked_sub(1)
            .map_or(0, |before| part.ends[before] as usize);
        Some(Counted {
            numbers: &part.numbers[begin..end],
            ids: &self.ids[*counter],
        })
    }
}

impl Counted<'_> {
    /// Appends the ids of its terms.
    #[inline]
    pub(crate) fn ids_into(&self, found: &mut Vec<i32>) {
        found.reserve(self.numbers.len());
        let mut halves = self.numbers.iter();
        while let Some(&first) = halves.next() {
            let mut number = usize::from(first);
            if first >= HALF {
                let lower = halves.next().copied().unwrap_or(0);
                number = usize::from(first & !HALF) << 16 | usize::from(lower);
            }
            found.push(self.ids[number]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_until_there_is_no_room() {
        let room = Room::new(6);
        let mut buffer = Part::default();
        buffer.keep(&[0, 1], &room);
        buffer.keep(&[], &room);
        let first = buffer.take();
        assert!(buffer.take().is_none());
        buffer.begin(4);
        buffer.keep(&[0, 70_000], &room);
        let third = buffer.take();
        let mut second = Part::default();
        second.begin(2);
        second.keep(&[0, 0], &room);
        second.keep(&[], &room);
        assert!(second.take().is_none() && !room.is_left());
        let mut of_third = vec![7; 70_001];
        of_third[70_000] = 9;
        let parts = vec![vec![third.unwrap()], vec![first.unwrap()]];
        let texts = CountedTexts::new(parts, vec![of_third, vec![3, 4]]);
        let ids = |text| {
            let mut ids = Vec::new();
            texts.get(text)?.ids_into(&mut ids);
            Some(ids)
        };
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(ids),
            [
                Some(vec![3, 4]),
                Some(vec![]),
                None,
                None,
                Some(vec![7, 9]),
                None
            ]
        );
        assert!(CountedTexts::default().get(0).is_none());
    }
}
