//! What counting leaves of texts, so that encoding them does not divide them again.
//!
//! Owns the numbers of the terms of the texts that were counted first, up to a fixed number of terms, so
//! that memory does not grow with the texts. Does not own the counting (`count`) nor the look-up of other
//! texts (`encode`).

use std::sync::atomic::{AtomicUsize, Ordering};

use cinescore_artifact::large_pages;

/// What is kept of terms at most: 32 MiB.
pub(crate) const KEPT: usize = 1 << 24;
/// Numbers, or halves of them, in a block: 8 MiB. What a block has left is never touched, so it takes no memory.
const BLOCK: usize = 1 << 22;
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
    /// By counter: its blocks of numbers.
    blocks: Vec<Vec<Vec<u16>>>,
    /// By text: where its numbers are; none where they were not kept.
    places: Vec<Option<Place>>,
    /// By counter and number.
    ids: Vec<Vec<i32>>,
}

/// Where the numbers of a text are.
#[derive(Debug, Clone, Copy)]
struct Place {
    counter: u32,
    block: u32,
    begin: u32,
    end: u32,
}

/// The terms of texts that one counter keeps.
///
/// They are in blocks that never move: a growing buffer is copied again and again, and each piece of memory that
/// the system gives costs a call in which all threads of a process wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    blocks: Vec<Vec<u16>>,
    /// The number of each text, and where in which block its numbers begin and end.
    texts: Vec<(u64, u32, u32, u32)>,
}

/// How many numbers, or halves of them, may still be kept. All threads write it, so that nothing else is in its
/// lines of the cache.
#[derive(Debug)]
#[repr(align(128))]
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

impl Kept {
    /// Keeps the text of that number, if there is room for it.
    #[inline]
    pub(crate) fn keep(&mut self, text: u64, numbers: &[u32], room: &Room) {
        if !room.is_left() {
            return;
        }
        let most = 2 * numbers.len();
        let spare = |block: &Vec<u16>| block.capacity() - block.len();
        if self.blocks.last().is_none_or(|block| spare(block) < most) {
            self.blocks
                .push(large_pages::with_capacity(BLOCK.max(most)));
        }
        let at = self.blocks.len() - 1;
        let block = &mut self.blocks[at];
        let begin = block.len();
        for &number in numbers {
            if number < u32::from(HALF) {
                block.push(number as u16);
            } else {
                // No counter has 2^31 terms: its table would not fit into any memory.
                let upper = (number >> 16) as u16 | HALF;
                block.extend([upper, number as u16]);
            }
        }
        if room.take(block.len() - begin) {
            let (begin, end) = (begin as u32, block.len() as u32);
            self.texts.push((text, at as u32, begin, end));
        } else {
            block.truncate(begin);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

impl CountedTexts {
    /// What each counter kept, and the ids of each counter's numbers.
    pub(crate) fn new(kept: Vec<Kept>, ids: Vec<Vec<i32>>) -> Self {
        let texts = kept.iter().flat_map(|kept| &kept.texts);
        let end = texts.map(|(text, ..)| text + 1).max().unwrap_or(0);
        let mut places = vec![None; end as usize];
        for (counter, kept) in (0..).zip(&kept) {
            for &(text, block, begin, end) in &kept.texts {
                places[text as usize] = Some(Place {
                    counter,
                    block,
                    begin,
                    end,
                });
            }
        }
        let blocks = kept.into_iter().map(|kept| kept.blocks).collect();
        Self {
            blocks,
            places,
            ids,
        }
    }

    /// The terms of the text of that number, counted from 0; none where they were not kept.
    pub fn get(&self, text: u64) -> Option<Counted<'_>> {
        let place = (*self.places.get(usize::try_from(text).ok()?)?)?;
        let counter = place.counter as usize;
        let block = &self.blocks[counter][place.block as usize];
        Some(Counted {
            numbers: &block[place.begin as usize..place.end as usize],
            ids: &self.ids[counter],
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
        let (mut first, mut second) = (Kept::default(), Kept::default());
        first.keep(0, &[0, 1], &room);
        first.keep(1, &[], &room);
        second.keep(4, &[0, 70_000], &room);
        first.keep(2, &[0, 0], &room);
        first.keep(3, &[], &room);
        assert!(!room.is_left() && Kept::default().is_empty());
        let mut of_third = vec![7; 70_001];
        of_third[70_000] = 9;
        let texts = CountedTexts::new(vec![second, first], vec![of_third, vec![3, 4]]);
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
