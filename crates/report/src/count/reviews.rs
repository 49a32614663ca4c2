//! Counts of the `reviews` table.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, Int32Array, ListArray, StringArray, UInt8Array};
use cinescore_artifact::table::{TableError, column};
use cinescore_artifact::tables::REVIEWS;

use super::read;
use crate::text;

/// Characters of a sample row's text.
const EXCERPT: usize = 200;

/// Running times from here on share a bar, minutes.
pub(crate) const LONGEST: i32 = 180;

/// Counts of reviews, and a few of them.
#[derive(Debug, Default)]
pub(crate) struct ReviewCounts {
    /// By split.
    pub(crate) splits: BTreeMap<String, SplitCounts>,
    /// Reviews by start year of their title, rounded down to tens.
    pub(crate) decades: BTreeMap<i32, ByPolarity>,
    /// Reviews by running time of their title in minutes, rounded down to twenties; the last has all from 180 on.
    pub(crate) runtimes: BTreeMap<i32, ByPolarity>,
    /// Reviews by genre of their title; a title may have several.
    pub(crate) genres: BTreeMap<String, ByPolarity>,
    /// A few reviews, evenly from the whole table; with a title where any review has one.
    pub(crate) sample: Vec<SampleRow>,
}

/// Counts of one split.
#[derive(Debug, Default)]
pub(crate) struct SplitCounts {
    /// Reviews by class.
    pub(crate) classes: ByPolarity,
    /// Reviews without a class.
    pub(crate) unlabelled: u64,
    /// Reviews by stars; the first is one star.
    pub(crate) scores: [u64; 10],
    /// Reviews whose title was found.
    pub(crate) titles: u64,
    /// Reviews whose MovieLens movie was found.
    pub(crate) movies: u64,
}

impl SplitCounts {
    /// All reviews of the split.
    pub(crate) fn total(&self) -> u64 {
        self.classes.total() + self.unlabelled
    }
}

/// Counts of negative and positive reviews.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ByPolarity {
    /// Negative reviews.
    pub(crate) negative: u64,
    /// Positive reviews.
    pub(crate) positive: u64,
}

impl ByPolarity {
    /// Both.
    pub(crate) fn total(self) -> u64 {
        self.negative + self.positive
    }

    fn add(&mut self, polarity: u8) {
        if polarity == 0 {
            self.negative += 1
        } else {
            self.positive += 1
        }
    }
}

/// A review as a person may look at it.
#[derive(Debug)]
pub(crate) struct SampleRow {
    pub(crate) member: String,
    pub(crate) title: Option<String>,
    pub(crate) year: Option<i32>,
    pub(crate) score: Option<u8>,
    /// The beginning of the text.
    pub(crate) text: String,
}

/// Counts a table and takes `sample_rows` reviews out of it.
pub(crate) fn count(path: &Path, sample_rows: usize) -> Result<ReviewCounts, TableError> {
    let mut counts = ReviewCounts::default();
    let mut with_title = Vec::new();
    let mut row = 0u64;
    let columns = [
        "split",
        "score",
        "polarity",
        "title_type",
        "primary_title",
        "start_year",
        "runtime_minutes",
        "genres",
        "movie_id",
    ];
    let rows = read(path, &REVIEWS, &columns, |batch| {
        let splits: &StringArray = column(batch, "split");
        let scores: &UInt8Array = column(batch, "score");
        let polarities: &UInt8Array = column(batch, "polarity");
        let types: &StringArray = column(batch, "title_type");
        let titles: &StringArray = column(batch, "primary_title");
        let years: &Int32Array = column(batch, "start_year");
        let minutes: &Int32Array = column(batch, "runtime_minutes");
        let genres: &ListArray = column(batch, "genres");
        let movies: &Int32Array = column(batch, "movie_id");
        for index in 0..batch.num_rows() {
            let split = counts
                .splits
                .entry(splits.value(index).to_owned())
                .or_default();
            if scores.is_valid(index)
                && let Some(count) = split
                    .scores
                    .get_mut(usize::from(scores.value(index)).wrapping_sub(1))
            {
                *count += 1;
            }
            if titles.is_valid(index) || types.is_valid(index) {
                split.titles += 1;
            }
            if titles.is_valid(index) {
                with_title.push(row);
            }
            split.movies += u64::from(movies.is_valid(index));
            row += 1;
            if polarities.is_null(index) {
                split.unlabelled += 1;
                continue;
            }
            let polarity = polarities.value(index);
            split.classes.add(polarity);
            if years.is_valid(index) {
                let decade = years.value(index).div_euclid(10) * 10;
                counts.decades.entry(decade).or_default().add(polarity);
            }
            if minutes.is_valid(index) {
                let band = (minutes.value(index).div_euclid(20) * 20).clamp(0, LONGEST);
                counts.runtimes.entry(band).or_default().add(polarity);
            }
            if genres.is_valid(index) {
                let of_title = genres.value(index);
                let of_title = of_title.as_any().downcast_ref::<StringArray>();
                for genre in of_title.into_iter().flatten().flatten() {
                    counts
                        .genres
                        .entry(genre.to_owned())
                        .or_default()
                        .add(polarity);
                }
            }
        }
    })?;
    let wanted = if with_title.is_empty() {
        evenly(rows, sample_rows)
    } else {
        evenly(with_title.len() as u64, sample_rows)
            .into_iter()
            .map(|index| with_title[index as usize])
            .collect()
    };
    counts.sample = sample(path, &wanted)?;
    Ok(counts)
}

/// `wanted` of the numbers below `rows`, as far apart as they can be.
fn evenly(rows: u64, wanted: usize) -> Vec<u64> {
    let wanted = (wanted as u64).min(rows);
    (0..wanted)
        .map(|index| (2 * index + 1) * rows / (2 * wanted))
        .collect()
}

/// The rows of the given numbers, which rise.
fn sample(path: &Path, wanted: &[u64]) -> Result<Vec<SampleRow>, TableError> {
    let mut rows = Vec::with_capacity(wanted.len());
    let mut first = 0u64;
    let columns = ["member", "score", "text", "primary_title", "start_year"];
    if wanted.is_empty() {
        return Ok(rows);
    }
    read(path, &REVIEWS, &columns, |batch| {
        let members: &StringArray = column(batch, "member");
        let scores: &UInt8Array = column(batch, "score");
        let texts: &StringArray = column(batch, "text");
        let titles: &StringArray = column(batch, "primary_title");
        let years: &Int32Array = column(batch, "start_year");
        let end = first + batch.num_rows() as u64;
        for number in wanted.iter().filter(|number| (first..end).contains(number)) {
            let index = (number - first) as usize;
            rows.push(SampleRow {
                member: members.value(index).to_owned(),
                title: titles
                    .is_valid(index)
                    .then(|| titles.value(index).to_owned()),
                year: years.is_valid(index).then(|| years.value(index)),
                score: scores.is_valid(index).then(|| scores.value(index)),
                text: text::excerpt(texts.value(index), EXCERPT),
            });
        }
        first = end;
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_all_rows() {
        assert_eq!(evenly(10, 5), [1, 3, 5, 7, 9]);
        assert_eq!(evenly(2, 5), [0, 1]);
        assert_eq!(evenly(0, 5), [0u64; 0]);
    }
}
