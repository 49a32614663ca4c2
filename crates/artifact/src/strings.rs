//! A list of many short strings in two pieces of memory.
//!
//! Owns the list and its forms: an array of strings in JSON, and one text with the end of each string for whoever keeps it in
//! another way. Does not own what the strings mean. A million n-grams, each in memory of its own, take longer to make and to
//! give back than all else of starting a program that rates one review.

use std::fmt;

use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A list of strings, of less than 4 GiB together.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Strings {
    /// One behind the other.
    text: String,
    /// Where in `text` each of them ends.
    ends: Vec<u32>,
}

/// Why there is no such list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StringsError {
    /// It is too long.
    #[error("the strings have 4 GiB or more")]
    TooLong,
    /// It is no text.
    #[error("the strings are not UTF-8")]
    Encoding,
    /// The ends are not those of strings of the text.
    #[error("string {index} ends where none can end")]
    End {
        /// Which, from 0.
        index: usize,
    },
}

impl Strings {
    /// The list of some strings.
    pub fn of<S: AsRef<str>>(strings: impl IntoIterator<Item = S>) -> Result<Self, StringsError> {
        let mut list = Self::default();
        for string in strings {
            list.push(string.as_ref())?;
        }
        Ok(list)
    }

    /// The list of a text, which is UTF-8, and of the end of each string in it, which rise to its length.
    pub fn from_parts(text: Vec<u8>, ends: Vec<u32>) -> Result<Self, StringsError> {
        let text = String::from_utf8(text).map_err(|_error| StringsError::Encoding)?;
        let mut begin = 0;
        for (index, &end) in ends.iter().enumerate() {
            if end < begin || !text.is_char_boundary(end as usize) {
                return Err(StringsError::End { index });
            }
            begin = end;
        }
        if begin as usize != text.len() {
            return Err(StringsError::End { index: ends.len() });
        }
        Ok(Self { text, ends })
    }

    /// The strings one behind the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where in [`Self::text`] each string ends, in bytes.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Appends a string.
    pub fn push(&mut self, string: &str) -> Result<(), StringsError> {
        let end = self.text.len() + string.len();
        self.ends
            .push(u32::try_from(end).map_err(|_error| StringsError::TooLong)?);
        self.text.push_str(string);
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string with a number.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        self.text.get(self.begin(index)..end)
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        self.text.as_bytes().get(self.begin(index)..end)
    }

    #[inline]
    fn begin(&self, index: usize) -> usize {
        match index {
            0 => 0,
            _ => self.ends[index - 1] as usize,
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        let begins = std::iter::once(&0).chain(&self.ends);
        let both = begins.zip(&self.ends);
        both.map(|(&begin, &end)| &self.text[begin as usize..end as usize])
    }
}

impl fmt::Debug for Strings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Strings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for string in self.iter() {
            list.serialize_element(string)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Strings;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strings, A::Error> {
        let mut strings = Strings::default();
        while list.next_element_seed(Next(&mut strings))?.is_some() {}
        Ok(strings)
    }
}

/// Appends the next string, without memory of its own for it.
struct Next<'a>(&'a mut Strings);

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Next<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, string: &str) -> Result<(), E> {
        self.0.push(string).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_that_are_no_strings_are_refused() {
        let refused = |text: &[u8], ends: &[u32]| {
            Strings::from_parts(text.to_vec(), ends.to_vec()).unwrap_err()
        };
        assert_eq!(refused(b"a\xff", &[2]), StringsError::Encoding);
        let end = |index| StringsError::End { index };
        assert_eq!(refused("é".as_bytes(), &[1, 2]), end(0));
        assert_eq!(refused(b"abc", &[2, 1, 3]), end(1));
        assert_eq!(refused(b"abc", &[4]), end(0));
        assert_eq!(refused(b"abc", &[2]), end(1));
        assert_eq!(refused(b"abc", &[]), end(0));
        let whole = Strings::from_parts(b"abc".to_vec(), vec![0, 2, 3]).unwrap();
        assert_eq!(whole, Strings::of(["", "ab", "c"]).unwrap());
    }

    #[test]
    fn what_is_no_array_of_strings_is_refused() {
        for json in ["[1]", "\"a\"", "[[\"a\"]]", "[\"a\", null]"] {
            let error = serde_json::from_str::<Strings>(json).unwrap_err();
            assert!(error.to_string().contains("string"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_strings(strings: Vec<String>) {
            let list = Strings::of(&strings).unwrap();
            prop_assert_eq!(list.len(), strings.len());
            prop_assert_eq!(list.is_empty(), strings.is_empty());
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), strings.clone());
            for (index, string) in strings.iter().enumerate() {
                prop_assert_eq!(list.get(index), Some(string.as_str()));
                prop_assert_eq!(list.bytes(index), Some(string.as_bytes()));
            }
            prop_assert_eq!(list.get(strings.len()), None);
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&strings).unwrap());
            prop_assert_eq!(&serde_json::from_str::<Strings>(&json).unwrap(), &list);
            let parts = (list.text().as_bytes().to_vec(), list.ends().to_vec());
            prop_assert_eq!(Strings::from_parts(parts.0, parts.1).unwrap(), list);
        }
    }
}
