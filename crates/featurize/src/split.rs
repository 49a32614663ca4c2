//! Which review belongs to which split.
//!
//! Owns the division of the source's training reviews by movie into train, valid and calib, and the
//! choice of a part of the reviews. Does not own the reading of the table. Everything follows from
//! the seed and the reviews' own numbers and movies: neither the order of the reviews nor the number
//! of threads counts.
//!
//! All reviews of a movie go to one side, since a network that has read of a movie knows something
//! of its other reviews. A review without a title counts as the only one of a movie of its own.
//! Movies are shuffled by a digest of seed and movie; in that order a movie goes to `valid` if all
//! its reviews fit into what `valid` lacks, else to `calib` on the same terms, else to `train`; so
//! the shares are met to within the smallest movies.

use std::collections::{BTreeMap, BTreeSet};

pub use cinescore_artifact::Split;
use cinescore_artifact::digest::Preimage;
use rayon::prelude::*;

/// The split of a review in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Training.
    Train,
    /// Test.
    Test,
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
}

/// How reviews are divided.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRule {
    /// Share of the training reviews for `valid`.
    pub valid: f64,
    /// Share of the training reviews for `calib`.
    pub calib: f64,
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
    /// How large each split came out; those without reviews are absent.
    pub sizes: BTreeMap<Split, Size>,
    /// Reviews that `valid` and `calib` should have had.
    pub wanted: BTreeMap<Split, u64>,
    /// Movies that the source has in both its training and its test split.
    pub movies_on_both_sides: u64,
}

impl Source {
    /// The split of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "train" => Some(Self::Train),
            "test" => Some(Self::Test),
            "unlabelled" => Some(Self::Unlabelled),
            _ => None,
        }
    }
}

/// Gives every review its split.
pub fn assign(reviews: &[Review], rule: &SplitRule) -> Assignment {
    let train = choose(reviews, Source::Train, rule.train_reviews, rule.seed);
    let test = choose(reviews, Source::Test, rule.test_reviews, rule.seed);
    let mut movies: BTreeMap<&Movie, u64> = BTreeMap::new();
    for &at in &train {
        *movies.entry(&reviews[at].movie).or_default() += 1;
    }
    let share = |share: f64| (share * train.len() as f64).round() as u64;
    let wanted = BTreeMap::from([
        (Split::Valid, share(rule.valid)),
        (Split::Calib, share(rule.calib)),
    ]);
    let sides = divide(&movies, &wanted, rule.seed);

    let mut splits = vec![None; reviews.len()];
    for &at in &train {
        splits[at] = Some(sides[&reviews[at].movie]);
    }
    for &at in &test {
        splits[at] = Some(Split::Test);
    }
    let test_movies: BTreeSet<&Movie> = test.iter().map(|&at| &reviews[at].movie).collect();
    let movies_on_both_sides = test_movies
        .iter()
        .filter(|movie| movies.contains_key(*movie))
        .count() as u64;

    let mut sizes: BTreeMap<Split, Size> = BTreeMap::new();
    for split in splits.iter().flatten() {
        sizes.entry(*split).or_default().reviews += 1;
    }
    for split in sides
        .values()
        .copied()
        .chain(test_movies.iter().map(|_movie| Split::Test))
    {
        sizes.entry(split).or_default().movies += 1;
    }
    Assignment {
        splits,
        sizes,
        wanted,
        movies_on_both_sides,
    }
}

/// The places of the reviews of a source: all, or the `limit` first in a shuffle by review.
fn choose(reviews: &[Review], source: Source, limit: Option<u64>, seed: u64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..reviews.len())
        .filter(|&at| reviews[at].source == source)
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

/// The side of every movie.
fn divide<'a>(
    movies: &BTreeMap<&'a Movie, u64>,
    wanted: &BTreeMap<Split, u64>,
    seed: u64,
) -> BTreeMap<&'a Movie, Split> {
    let mut shuffled: Vec<(&Movie, u64)> = movies
        .iter()
        .map(|(movie, reviews)| (*movie, *reviews))
        .collect();
    shuffled.par_sort_by_cached_key(|(movie, _reviews)| {
        let mut preimage = Preimage::new("cinescore featurize: order of movies");
        preimage.field("seed", &seed.to_le_bytes());
        match movie {
            Movie::Title(title) => preimage.field("title", title.as_bytes()),
            Movie::Own(review) => preimage.field("review", &review.to_le_bytes()),
        }
        preimage.digest()
    });
    let mut lacking = wanted.clone();
    let mut side = |reviews: u64| {
        for (split, lacks) in &mut lacking {
            if reviews <= *lacks {
                *lacks -= reviews;
                return *split;
            }
        }
        Split::Train
    };
    shuffled
        .into_iter()
        .map(|(movie, reviews)| (movie, side(reviews)))
        .collect()
}

#[cfg(test)]
mod tests;
