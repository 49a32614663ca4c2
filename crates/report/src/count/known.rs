//! What is known of the reviews that were evaluated: their text, their title, and what makes a review hard.
//!
//! Reads `reviews` and `tokens`. Negation and contrast are words of the text as written, nothing more.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, Int32Array, ListArray, StringArray, UInt32Array, UInt64Array};
use cinescore_artifact::encoder::UNKNOWN_ID;
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::{REVIEWS, TOKENS};
use cinescore_artifact::turns;

use super::read;
use crate::inputs::Group;
use crate::text;

/// Characters of a text that are kept.
const EXCERPT: usize = 420;

/// A review.
#[derive(Debug, Default, Clone)]
pub(crate) struct Known {
    /// The beginning of its text.
    pub(crate) text: String,
    pub(crate) title: Option<String>,
    pub(crate) year: Option<i32>,
    pub(crate) genres: Vec<String>,
    /// Words of the text that turn what follows.
    pub(crate) negations: u32,
    /// Words of the text after which it may say the opposite.
    pub(crate) contrasts: u32,
    /// Its length in ids, and those of them that stand for unknown words; where it was encoded.
    pub(crate) ids: Option<(u32, u32)>,
}

/// The reviews that are wanted, by id, from all tables of reviews and of tokens. Of several tables of tokens the first
/// that has a review counts.
pub(crate) fn of(
    groups: &[Group],
    wanted: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, Known>, TableError> {
    let mut all: BTreeMap<u64, Known> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(all);
    }
    for path in groups.iter().filter_map(|group| group.table(&REVIEWS)) {
        let columns = ["review_id", "text", "primary_title", "start_year", "genres"];
        read(path, &REVIEWS, &columns, |batch| {
            let ids: &UInt64Array = column(batch, "review_id");
            let [texts, titles]: [&StringArray; 2] =
                ["text", "primary_title"].map(|name| column(batch, name));
            let years: &Int32Array = column(batch, "start_year");
            let genres: &ListArray = column(batch, "genres");
            for row in 0..batch.num_rows() {
                if !wanted.contains(&ids.value(row)) {
                    continue;
                }
                let text = texts.value(row);
                let (negations, contrasts) = turns(text);
                let own = genres.is_valid(row).then(|| genres.value(row));
                let own = own
                    .as_ref()
                    .and_then(|own| own.as_any().downcast_ref::<StringArray>());
                all.insert(
                    ids.value(row),
                    Known {
                        text: text::excerpt(text, EXCERPT),
                        title: titles.is_valid(row).then(|| titles.value(row).to_owned()),
                        year: years.is_valid(row).then(|| years.value(row)),
                        genres: own
                            .into_iter()
                            .flatten()
                            .flatten()
                            .map(str::to_owned)
                            .collect(),
                        negations,
                        contrasts,
                        ids: None,
                    },
                );
            }
        })?;
    }
    for path in groups.iter().filter_map(|group| group.table(&TOKENS)) {
        read(path, &TOKENS, &["review_id", "ids", "length"], |batch| {
            let ids: &UInt64Array = column(batch, "review_id");
            let lengths: &UInt32Array = column(batch, "length");
            let lists: &ListArray = column(batch, "ids");
            for row in 0..batch.num_rows() {
                let id = ids.value(row);
                if !wanted.contains(&id) {
                    continue;
                }
                let known = all.entry(id).or_default();
                if known.ids.is_none() {
                    let list = lists.value(row);
                    let list = list.as_any().downcast_ref::<Int32Array>();
                    let unknown = list.into_iter().flat_map(|list| list.values().iter());
                    let unknown = unknown.filter(|id| **id == UNKNOWN_ID).count();
                    known.ids = Some((
                        lengths.value(row),
                        u32::try_from(unknown).unwrap_or(u32::MAX),
                    ));
                }
            }
        })?;
    }
    Ok(all)
}

/// How many words of a text negate, and how many begin a contrast.
fn turns(text: &str) -> (u32, u32) {
    let (mut negations, mut contrasts) = (0, 0);
    let inside = |c: char| c.is_alphanumeric() || c == '\'' || c == '’';
    for word in text
        .split(|c: char| !inside(c))
        .filter(|word| !word.is_empty())
    {
        let word = word.to_lowercase();
        let word = word.trim_matches(['\'', '’']);
        negations += u32::from(turns::negates(word));
        contrasts += u32::from(turns::contrasts(word));
    }
    (negations, contrasts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negation_and_contrast_are_whole_words() {
        assert_eq!(
            turns("It isn't bad, but NOT good. 'No' note; butter, however!"),
            (3, 2)
        );
        assert_eq!(turns("Nothing<br />though didn’t"), (2, 1));
        assert_eq!(turns(""), (0, 0));
    }
}
