//! The n-grams that have numbers: from a number to its name, and back.
//!
//! Owns the look-up by name, which texts are encoded with. Does not own which n-grams there are (`ngrams`).
//!
//! Names lie one behind the other, and the table has nothing but their numbers and a half of their hashes: 8 bytes a slot, of which
//! at most three quarters are taken. A look-up that finds nothing, the most frequent one, touches one line of the processor's
//! cache. A table of millions is made in a fraction of the time that `hashbrown`'s takes, since it lies in large pages and the
//! slots of many names are fetched together: beside LibTorch's start it was most of what `predict text` waits for.

use ahash::RandomState;
use cinescore_artifact::Strings;

use crate::prefetch::prefetch;
use cinescore_artifact::large_pages;

/// Slots of an empty table.
const FIRST_SLOTS: usize = 16;
/// Names whose slots are fetched together.
const TOGETHER: usize = 32;
/// A slot that no name has: the number in it is one more than any name's.
const FREE: u64 = u32::MAX as u64;

/// N-grams by number and by name.
#[derive(Debug, Clone)]
pub(super) struct Names {
    names: Strings,
    /// A power of two of them: in the upper half that of the name's hash, in the lower one its number. A name whose place is taken has
    /// the next free one.
    slots: Vec<u64>,
    /// Keyed at random in each process, so that no encoder and no text can be written that makes look-ups slow.
    state: RandomState,
}

/// Where the look-up of a name stands.
enum Place {
    Taken(u32),
    Free(usize),
}

impl Names {
    /// These names, whose numbers are their places.
    ///
    /// # Errors
    /// The number of one that is empty or stood there before.
    pub(super) fn new(names: Strings) -> Result<Self, usize> {
        // A number is told from `FREE`.
        if names.len() >= FREE as usize {
            return Err(FREE as usize);
        }
        // Before room is made for as many as there are.
        let ends = names.ends();
        let begins = std::iter::once(&0).chain(ends);
        if let Some(empty) = begins.zip(ends).position(|(begin, end)| begin == end) {
            return Err(empty);
        }
        let slots = (names.len() * 4 / 3 + 1).next_power_of_two();
        let mut table = Self {
            slots: large_pages::filled(FREE, slots.max(FIRST_SLOTS)),
            names,
            state: RandomState::new(),
        };
        let mut hashes = [0; TOGETHER];
        for first in (0..table.names.len()).step_by(TOGETHER) {
            let numbers = first..table.names.len().min(first + TOGETHER);
            for (hash, number) in hashes.iter_mut().zip(numbers.clone()) {
                *hash = table.state.hash_one(table.name(number));
                prefetch(&table.slots[table.home(*hash)]);
            }
            for (hash, number) in hashes.into_iter().zip(numbers) {
                match table.place(hash, table.name(number)) {
                    Place::Free(place) => table.slots[place] = upper(hash) | number as u64,
                    Place::Taken(_) => return Err(number),
                }
            }
        }
        Ok(table)
    }

    /// The names by number.
    pub(super) fn list(&self) -> &Strings {
        &self.names
    }

    /// The number of a name.
    #[inline]
    pub(super) fn number(&self, name: &[u8]) -> Option<u32> {
        match self.place(self.state.hash_one(name), name) {
            Place::Taken(number) => Some(number),
            Place::Free(_) => None,
        }
    }

    /// Puts the numbers of those names of a buffer that have one behind others. Faster than one by one.
    pub(super) fn numbers(&self, buffer: &[u8], places: &[(usize, usize)], found: &mut Vec<u32>) {
        let name = |&(begin, end): &(usize, usize)| &buffer[begin..end];
        let mut hashes = [0; TOGETHER];
        for places in places.chunks(TOGETHER) {
            for (hash, place) in hashes.iter_mut().zip(places) {
                *hash = self.state.hash_one(name(place));
                prefetch(&self.slots[self.home(*hash)]);
            }
            for (hash, place) in hashes.into_iter().zip(places) {
                if let Place::Taken(number) = self.place(hash, name(place)) {
                    found.push(number);
                }
            }
        }
    }

    #[inline]
    fn name(&self, number: usize) -> &[u8] {
        self.names.bytes(number).unwrap_or_default()
    }

    /// The slot at which the look-up of a name begins. The lower half of a hash says where, the upper one is in the slot.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Where a name of that hash is, or the free slot at which it is known not to be there. The search ends, since [`Self::new`] makes a third more
    /// slots than names and none is taken after that.
    #[inline]
    fn place(&self, hash: u64, name: &[u8]) -> Place {
        let mut place = self.home(hash);
        loop {
            let slot = self.slots[place];
            let number = slot as u32;
            if slot == FREE {
                return Place::Free(place);
            }
            if upper(slot) == upper(hash) && self.name(number as usize) == name {
                return Place::Taken(number);
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }
}

/// The upper half of a number.
#[inline]
fn upper(number: u64) -> u64 {
    number >> 32 << 32
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_told_apart_and_none_is_empty() {
        let new = |names: &[&str]| Names::new(Strings::of(names).unwrap()).map(|_| ());
        assert_eq!(new(&["a", "b", "a b"]), Ok(()));
        assert_eq!(new(&["a", "b", "a"]), Err(2));
        assert_eq!(new(&["a", ""]), Err(1));
        assert_eq!(new(&[]), Ok(()));
    }

    proptest! {
        #[test]
        fn every_name_has_its_number(names in prop::collection::hash_set("[ab ]{1,12}", 0..600), others in prop::collection::vec("[ab ]{0,12}", 50)) {
            let names: Vec<String> = names.into_iter().collect();
            let wanted: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
            let found = Names::new(Strings::of(&names).unwrap()).unwrap();
            let (mut text, mut places, mut all) = (String::new(), Vec::new(), Vec::new());
            for name in names.iter().chain(&others) {
                let number = wanted.get(name.as_str()).copied();
                prop_assert_eq!(found.number(name.as_bytes()), number);
                places.push((text.len(), text.len() + name.len()));
                text.push_str(name);
                all.extend(number);
            }
            let mut numbers = vec![7];
            found.numbers(text.as_bytes(), &places, &mut numbers);
            prop_assert_eq!(&numbers[1..], all);
        }
    }
}
