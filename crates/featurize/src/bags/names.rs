//! The n-grams that have numbers: from a number to its name, and back.
//!
//! Owns the look-up by name, which texts are encoded with. Does not own which n-grams there are (`ngrams`).
//!
//! Names lie one behind the other, and the table has nothing but their numbers: with a million n-grams 5 MB beside the
//! names, of which a look-up that finds nothing, the most frequent one, touches a byte or two of one.

use ahash::RandomState;
use cinescore_artifact::Strings;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// N-grams by number and by name.
#[derive(Debug, Clone)]
pub(super) struct Names {
    names: Strings,
    numbers: HashTable<u32>,
    /// Keyed at random in each process, so that no encoder and no text can be written that makes look-ups slow.
    state: RandomState,
}

impl Names {
    /// These names, whose numbers are their places.
    ///
    /// # Errors
    /// The number of the first one that is empty or stood there before.
    pub(super) fn new(names: Strings) -> Result<Self, usize> {
        let state = RandomState::new();
        let mut numbers = HashTable::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(index);
            }
            let is_same = |other: &u32| names.bytes(*other as usize) == Some(name.as_bytes());
            let hash_of = |other: &u32| {
                let other = names.bytes(*other as usize);
                hash(&state, other.unwrap_or_default())
            };
            match numbers.entry(hash(&state, name.as_bytes()), is_same, hash_of) {
                Entry::Occupied(_) => return Err(index),
                Entry::Vacant(place) => {
                    place.insert(u32::try_from(index).map_err(|_many| index)?);
                }
            }
        }
        Ok(Self {
            names,
            numbers,
            state,
        })
    }

    /// The names by number.
    pub(super) fn list(&self) -> &Strings {
        &self.names
    }

    /// The number of a name.
    #[inline]
    pub(super) fn number(&self, name: &[u8]) -> Option<u32> {
        let is_name = |number: &u32| self.names.bytes(*number as usize) == Some(name);
        self.numbers.find(hash(&self.state, name), is_name).copied()
    }
}

#[inline]
fn hash(state: &RandomState, name: &[u8]) -> u64 {
    state.hash_one(name)
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
            for name in names.iter().chain(&others) {
                prop_assert_eq!(found.number(name.as_bytes()), wanted.get(name.as_str()).copied());
            }
        }
    }
}
