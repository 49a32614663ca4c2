//! Which review belongs to which split.
//!
//! Owns the division of the source's training reviews into train, valid and calib (and test, where the
//! source has none), and the choice of a part of the reviews. Does not own the reading of the table, nor
//! `folds`. Everything follows from the seed and the reviews' own numbers, movies and scores: neither the
//! order of the reviews nor the number of threads counts.
//!
//! All reviews of a movie go to one side, since a network that has read of a movie knows something
//! of its other reviews. A review without a title counts as the only one of a movie of its own.
//! Movies are shuffled by a digest of seed and movie; in that order a movie goes to `valid` if all
//! its reviews fit into what `valid` lacks, else to `calib` on the same terms, else to `train`; so
//! the shares are met to within the smallest movies. Stratified, a split lacks so many reviews of each
//! score, and a movie must fit for every score. Divided by review, each review is a movie of its own.

use std::collections::{BTreeMap, BTreeSet};

pub use cinescore_artifact::Split;
use cinescore_artifact::digest::Preimage;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// All reviews of a movie are on one side.
    Movie,
    /// Each review for itself: the figures will be too good, because movies are on several sides.
    Review,
    /// The splits are those of the table.
    Given,
}

/// Whether each split gets its share of every score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stratify {
    /// It gets its share of all reviews.
    None,
    /// It gets its share of the reviews of each score; of each polarity where there are no scores.
    Score,
}

/// The split of a review in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// One of ours.
    Labelled(Split),
    /// Without a label.
    Unlabelled,
}

/// The movie of a review.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Movie {
    /// IMDb's id.
    Title(Box<str>),
    /// None is named; the number of the review.
    Own(u64),
}

/// What of a review decides on its split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The number of the review.
    pub review_id: u64,
    /// Its split in the source.
    pub source: Source,
    /// Its movie.
    pub movie: Movie,
    /// What it is counted as where splits are stratified: reviews of one score have one stratum.
    pub stratum: u8,
}

/// How reviews are divided.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRule {
    /// What is kept together.
    pub split_by: SplitBy,
    /// Whether each split gets its share of every score.
    pub stratify: Stratify,
    /// Share of the training reviews for `valid`.
    pub valid: f64,
    /// Share of the training reviews for `calib`.
    pub calib: f64,
    /// Share of all labelled reviews for `test`; `None` for the source's own.
    pub test: Option<f64>,
    /// The seed of both shuffles.
    pub seed: u64,
    /// At most so many of the source's training reviews; `None` for all.
    pub train_reviews: Option<u64>,
    /// At most so many of the source's test reviews; `None` for all.
    pub test_reviews: Option<u64>,
}

/// The reviews and movies of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Reviews.
    pub reviews: u64,
    /// Movies.
    pub movies: u64,
}

/// The split of every review.
#[derive(Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Per review, in the order given; `None` where it is left out.
    pub splits: Vec<Option<Split>>,
    /// Per review, whether it is one of the source's training or unlabelled reviews and has no split: what may be learned from without its score.
    pub unused: Vec<bool>,
    /// How large each split came out; those without reviews are absent.
    pub sizes: BTreeMap<Split, Size>,
    /// Reviews that the splits which are drawn should have had.
    pub wanted: BTreeMap<Split, u64>,
    /// Movies with reviews in `test` and in another split.
    pub movies_on_both_sides: u64,
}

/// The fold of each review by its number, and the fold that is `valid`.
pub type HeldOut<'a> = (&'a BTreeMap<u64, u32>, u32);

impl Source {
    /// The split of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "unlabelled" => Some(Self::Unlabelled),
            name => Split::of_name(name).map(Self::Labelled),
        }
    }
}

/// Gives every review its split.
pub fn assign(reviews: &[Review], rule: &SplitRule, held_out: Option<HeldOut<'_>>) -> Assignment {
    let (train_limit, test_limit) = (rule.train_reviews, rule.test_reviews);
    let train = choose(
        reviews,
        |split| split != Split::Test,
        train_limit,
        rule.seed,
    );
    let test = choose(reviews, |split| split == Split::Test, test_limit, rule.seed);
    let mut splits = vec![None; reviews.len()];
    let mut wanted = BTreeMap::new();
    if rule.split_by == SplitBy::Given {
        for &at in train.iter().chain(&test) {
            if let Source::Labelled(split) = reviews[at].source {
                splits[at] = Some(split);
            }
        }
    } else {
        let mut pool = train;
        if rule.test.is_some() {
            pool.extend(&test);
            pool.sort_unstable();
        } else {
            test.iter().for_each(|&at| splits[at] = Some(Split::Test));
        }
        if let Some((folds, fold)) = held_out {
            pool.retain(|&at| {
                let held = folds.get(&reviews[at].review_id) == Some(&fold);
                if held {
                    splits[at] = Some(Split::Valid);
                }
                !held
            });
        }
        wanted = draw(reviews, &pool, rule, held_out.is_some(), &mut splits);
    }
    let (sizes, movies_on_both_sides) = measure(reviews, &splits);
    let unused = reviews
        .iter()
        .zip(&splits)
        .map(|(review, split)| split.is_none() && review.source != Source::Labelled(Split::Test));
    Assignment {
        unused: unused.collect(),
        splits,
        sizes,
        wanted,
        movies_on_both_sides,
    }
}

/// Draws splits for the reviews of a pool; how many each should have got.
fn draw(
    reviews: &[Review],
    pool: &[usize],
    rule: &SplitRule,
    valid_is_held_out: bool,
    splits: &mut [Option<Split>],
) -> BTreeMap<Split, u64> {
    let mut strata: BTreeMap<u8, u64> = BTreeMap::new();
    for &at in pool {
        *strata.entry(rule.stratum(&reviews[at])).or_default() += 1;
    }
    let all = pool.len() as f64;
    let share = |share: f64, of: f64| (share * of).round() as u64;
    let test = rule.test.map(|test| share(test, all));
    let rest = all - test.unwrap_or(0) as f64;
    let mut wanted = BTreeMap::from([(Split::Calib, share(rule.calib, rest))]);
    if !valid_is_held_out {
        wanted.insert(Split::Valid, share(rule.valid, rest));
    }
    if let Some(test) = test {
        wanted.insert(Split::Test, test);
    }
    let mut lacking: Vec<(Split, BTreeMap<u8, u64>)> = wanted
        .iter()
        .map(|(&split, &wanted)| (split, quotas(&strata, wanted)))
        .collect();
    for unit in units(reviews, pool, rule) {
        let side = lacking.iter_mut().find(|(_split, lacks)| {
            unit.strata
                .iter()
                .all(|(stratum, count)| *count <= lacks[stratum])
        });
        let split = match side {
            None => Split::Train,
            Some((split, lacks)) => {
                for (stratum, count) in &unit.strata {
                    *lacks.entry(*stratum).or_default() -= count;
                }
                *split
            }
        };
        unit.places.iter().for_each(|&at| splits[at] = Some(split));
    }
    wanted
}

/// `wanted` reviews divided among strata in proportion, by largest remainders.
fn quotas(strata: &BTreeMap<u8, u64>, wanted: u64) -> BTreeMap<u8, u64> {
    let all: u64 = strata.values().sum();
    let exact = |count: u64| u128::from(count) * u128::from(wanted);
    let whole = u128::from(all.max(1));
    let mut quotas: BTreeMap<u8, u64> = strata
        .iter()
        .map(|(&stratum, &count)| (stratum, (exact(count) / whole) as u64))
        .collect();
    let mut remainders: Vec<(u128, u8)> = strata
        .iter()
        .map(|(&stratum, &count)| (exact(count) % whole, stratum))
        .collect();
    remainders.sort_by_key(|&(remainder, stratum)| (std::cmp::Reverse(remainder), stratum));
    let left = wanted.min(all) - quotas.values().sum::<u64>();
    for (_remainder, stratum) in remainders.into_iter().take(left as usize) {
        *quotas.entry(stratum).or_default() += 1;
    }
    quotas
}

/// Reviews that stay together.
pub(crate) struct Unit {
    /// Their places.
    pub(crate) places: Vec<usize>,
    /// How many of each stratum they are.
    pub(crate) strata: BTreeMap<u8, u64>,
}

impl SplitRule {
    fn stratum(&self, review: &Review) -> u8 {
        match self.stratify {
            Stratify::None => 0,
            Stratify::Score => review.stratum,
        }
    }
}

/// The units of a pool, shuffled by the seed.
pub(crate) fn units(reviews: &[Review], pool: &[usize], rule: &SplitRule) -> Vec<Unit> {
    let mut movies: BTreeMap<Movie, Unit> = BTreeMap::new();
    for &at in pool {
        let review = &reviews[at];
        let movie = match rule.split_by {
            SplitBy::Review => Movie::Own(review.review_id),
            SplitBy::Movie | SplitBy::Given => review.movie.clone(),
        };
        let unit = movies.entry(movie).or_insert_with(|| Unit {
            places: Vec::new(),
            strata: BTreeMap::new(),
        });
        unit.places.push(at);
        *unit.strata.entry(rule.stratum(review)).or_default() += 1;
    }
    let mut shuffled: Vec<(Movie, Unit)> = movies.into_iter().collect();
    shuffled.par_sort_by_cached_key(|(movie, _unit)| {
        let mut preimage = Preimage::new("cinescore featurize: order of movies");
        preimage.field("seed", &rule.seed.to_le_bytes());
        match movie {
            Movie::Title(title) => preimage.field("title", title.as_bytes()),
            Movie::Own(review) => preimage.field("review", &review.to_le_bytes()),
        }
        preimage.digest()
    });
    shuffled.into_iter().map(|(_movie, unit)| unit).collect()
}

/// How large the splits are, and how many movies `test` shares with others.
fn measure(reviews: &[Review], splits: &[Option<Split>]) -> (BTreeMap<Split, Size>, u64) {
    let mut movies: BTreeMap<Split, BTreeSet<&Movie>> = BTreeMap::new();
    let mut sizes: BTreeMap<Split, Size> = BTreeMap::new();
    for (review, split) in reviews.iter().zip(splits) {
        if let Some(split) = split {
            sizes.entry(*split).or_default().reviews += 1;
            movies.entry(*split).or_default().insert(&review.movie);
        }
    }
    for (split, movies) in &movies {
        sizes.entry(*split).or_default().movies = movies.len() as u64;
    }
    let test = movies.remove(&Split::Test).unwrap_or_default();
    let on_both = test
        .iter()
        .filter(|movie| movies.values().any(|movies| movies.contains(*movie)))
        .count();
    (sizes, on_both as u64)
}

/// The places of the reviews whose split in the source is wanted: all, or the `limit` first in a
/// shuffle by review.
pub(crate) fn choose(
    reviews: &[Review],
    wanted: impl Fn(Split) -> bool,
    limit: Option<u64>,
    seed: u64,
) -> Vec<usize> {
    let mut places: Vec<usize> = (0..reviews.len())
        .filter(|&at| match reviews[at].source {
            Source::Labelled(split) => wanted(split),
            Source::Unlabelled => false,
        })
        .collect();
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    if let Some(limit) = limit.filter(|&limit| limit < places.len()) {
        places.par_sort_by_cached_key(|&at| {
            let mut preimage = Preimage::new("cinescore featurize: order of reviews");
            preimage.field("seed", &seed.to_le_bytes());
            preimage.field("review", &reviews[at].review_id.to_le_bytes());
            preimage.digest()
        });
        places.truncate(limit);
    }
    places
}

#[cfg(test)]
mod tests;
