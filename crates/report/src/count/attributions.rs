//! The `attributions` table: reviews, and words over all of them.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Float64Array, StringArray, UInt64Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::ATTRIBUTIONS;

use super::read;

/// A review as a method sees it.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) review_id: u64,
    pub(crate) method: String,
    /// Its tokens with their weights, in their order.
    pub(crate) tokens: Vec<(String, f64)>,
}

/// Reads the table: each review with the methods that it has.
pub(crate) fn all(path: &Path) -> Result<Vec<Explained>, TableError> {
    let mut all: Vec<Explained> = Vec::new();
    let columns = ["review_id", "token", "method", "weight"];
    read(path, &ATTRIBUTIONS, &columns, |batch| {
        let numbers: &UInt64Array = column(batch, "review_id");
        let (tokens, methods): (&StringArray, &StringArray) =
            (column(batch, "token"), column(batch, "method"));
        let weights: &Float64Array = column(batch, "weight");
        for row in 0..batch.num_rows() {
            let (review_id, method) = (numbers.value(row), methods.value(row));
            let token = (tokens.value(row).to_owned(), weights.value(row));
            match all.last_mut() {
                // Rows are sorted by review and method.
                Some(own) if own.review_id == review_id && own.method == method => {
                    own.tokens.push(token);
                }
                _ => all.push(Explained {
                    review_id,
                    method: method.to_owned(),
                    tokens: vec![token],
                }),
            }
        }
    })?;
    Ok(all)
}

/// A word, or two that follow each other, over all reviews.
#[derive(Debug, PartialEq)]
pub(crate) struct Phrase {
    pub(crate) words: String,
    /// How often it occurs.
    pub(crate) count: u64,
    /// The mean of its weight, of two words of their sum.
    pub(crate) mean: f64,
}

/// The words (`length` 1) or neighbours (2) that a method sees at least `least` times, the strongest first.
pub(crate) fn phrases(all: &[Explained], method: &str, length: usize, least: u64) -> Vec<Phrase> {
    let mut sums: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for own in all.iter().filter(|own| own.method == method) {
        for tokens in own.tokens.windows(length) {
            // Names in angle brackets stand for no word.
            if tokens
                .iter()
                .any(|(token, _)| token.starts_with('<') && token.ends_with('>'))
            {
                continue;
            }
            let words: Vec<&str> = tokens.iter().map(|(token, _)| token.as_str()).collect();
            let weight: f64 = tokens.iter().map(|(_, weight)| weight).sum();
            if weight.is_finite() {
                let (count, sum) = sums.entry(words.join(" ")).or_default();
                *count += 1;
                *sum += weight;
            }
        }
    }
    let mut phrases: Vec<Phrase> = sums
        .into_iter()
        .filter(|(_, (count, _))| *count >= least)
        .map(|(words, (count, sum))| Phrase {
            words,
            count,
            mean: sum / count as f64,
        })
        .collect();
    // A stable sort: ties stay in alphabetical order.
    phrases.sort_by(|a, b| b.mean.abs().total_cmp(&a.mean.abs()));
    phrases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_means_over_all_reviews() {
        let explained = |tokens: &[(&str, f64)]| Explained {
            review_id: 1,
            method: "occlusion".into(),
            tokens: tokens
                .iter()
                .map(|(token, weight)| ((*token).into(), *weight))
                .collect(),
        };
        let all = [
            explained(&[("<start>", 9.0), ("not", -1.0), ("bad", 0.5)]),
            explained(&[("bad", -1.5), ("not", -0.5), ("bad", 0.5)]),
        ];
        let phrase = |words: &str, count, mean| Phrase {
            words: words.into(),
            count,
            mean,
        };
        assert_eq!(
            phrases(&all, "occlusion", 1, 2),
            [phrase("not", 2, -0.75), phrase("bad", 3, -0.5 / 3.0)]
        );
        assert_eq!(
            phrases(&all, "occlusion", 2, 2),
            [phrase("not bad", 2, -0.25)]
        );
        assert!(phrases(&all, "attention", 1, 1).is_empty());
    }
}
