//! The kind `folds`: each training review in one of k folds.
//!
//! Owns the assignment and writing the table `folds`. A fold is then what `text` and `bags` hold out as `valid`
//! (their input `folds` and parameter `fold`), so that k stages with `fold` 0 to k - 1 are a
//! cross-validation.
//!
//! Movies, shuffled as for the splits, go one by one to the fold that has fewest of their scores, then
//! fewest reviews; so folds differ by less than the largest movie.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableError, TableWriter};
use cinescore_artifact::{StageError, tables};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reviews;
use crate::split::{self, Review, Split, SplitBy, SplitRule, Stratify};

/// How training reviews become folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FoldParams {
    /// How many folds.
    #[schemars(range(min = 2, max = 1000), extend("unit" = "folds"))]
    pub folds: u32,
    /// What is kept in one fold: all reviews of a `movie`, or nothing (`review`).
    pub split_by: SplitBy,
    /// Whether each fold gets its share of the reviews of every score.
    pub stratify: Stratify,
    /// Seed of the shuffle.
    pub seed: u64,
}

impl Default for FoldParams {
    fn default() -> Self {
        Self {
            folds: 5,
            split_by: SplitBy::Movie,
            stratify: Stratify::Score,
            seed: 7,
        }
    }
}

/// The kind, for the program.
pub fn kind() -> Kind {
    Kind::new(
        "folds",
        "Give each training review one of k folds, by movie, for cross-validation",
        run,
    )
    .input(Input::table("reviews", &tables::REVIEWS, "the reviews"))
    .output(Output::table(
        "folds",
        &tables::FOLDS,
        "the fold of each training review",
    ))
}

/// Does the work of the kind.
pub fn run(params: FoldParams, context: &mut TaskContext) -> Result<(), StageError> {
    if params.split_by == SplitBy::Given {
        let message = "parameter `split_by`: the table of reviews gives no folds";
        return Err(StageError::usage(message).hint("choose `movie` or `review`"));
    }
    let path = context.input("reviews")?.path.clone();
    let reviews = reviews::read_keys(&path, context)?;
    let folds = assign(&reviews, &params);
    let mut sizes = vec![0_u64; params.folds as usize];
    for fold in folds.values() {
        sizes[*fold as usize] += 1;
    }
    if let Some(fold) = sizes.iter().position(|&size| size == 0) {
        let message = format!(
            "fold {fold} of {} would have no review: there are {} training reviews",
            params.folds,
            folds.len()
        );
        return Err(StageError::input(message).hint("ask for fewer folds, or divide by `review`"));
    }
    for (fold, size) in sizes.into_iter().enumerate() {
        let name = format!("reviews.{fold}");
        context.result().facts.insert(name, size.into());
    }
    let out = context.output("folds");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(folds.keys().copied())),
        Arc::new(UInt32Array::from_iter_values(folds.values().copied())),
    ];
    let batch = tables::FOLDS
        .batch(columns)
        .map_err(|source| TableError::Arrow {
            path: out.clone(),
            source,
        })?;
    let mut writer = TableWriter::create(&out, &tables::FOLDS)?;
    writer.write(&batch)?;
    let rows = writer.finish()?;
    context.result().rows_out.insert("folds".into(), rows);
    Ok(())
}

/// The fold of each training review, by its number.
pub fn assign(reviews: &[Review], params: &FoldParams) -> BTreeMap<u64, u32> {
    let rule = SplitRule {
        split_by: params.split_by,
        stratify: params.stratify,
        valid: 0.0,
        calib: 0.0,
        test: None,
        seed: params.seed,
        train_reviews: None,
        test_reviews: None,
    };
    let pool = split::choose(reviews, |split| split != Split::Test, None, params.seed);
    let mut sizes: Vec<(BTreeMap<u8, u64>, u64)> = vec![Default::default(); params.folds as usize];
    let mut folds = BTreeMap::new();
    for unit in split::units(reviews, &pool, &rule) {
        let crowd = |fold: &usize| {
            let (strata, all) = &sizes[*fold];
            let alike = |(stratum, count)| count * strata.get(stratum).copied().unwrap_or(0);
            let alike: u64 = unit.strata.iter().map(alike).sum();
            (alike, *all, *fold)
        };
        let fold = (0..sizes.len()).min_by_key(crowd).unwrap_or(0);
        for (stratum, count) in &unit.strata {
            *sizes[fold].0.entry(*stratum).or_default() += count;
            sizes[fold].1 += count;
        }
        for at in unit.places {
            folds.insert(reviews[at].review_id, fold as u32);
        }
    }
    folds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Movie, Source};

    fn reviews() -> Vec<Review> {
        (0..1000)
            .map(|review_id: u64| Review {
                review_id,
                source: Source::Labelled(if review_id < 900 {
                    Split::Train
                } else {
                    Split::Test
                }),
                movie: Movie::Title(format!("tt{}", review_id.isqrt()).into()),
                stratum: (review_id % 3) as u8,
            })
            .collect()
    }

    #[test]
    fn folds_are_of_one_size_and_movies_stay_together() {
        let reviews = reviews();
        let folds = assign(&reviews, &FoldParams::default());
        assert_eq!(folds.len(), 900);
        let mut sizes: BTreeMap<(u32, u8), u64> = BTreeMap::new();
        let mut movies: BTreeMap<&Movie, u32> = BTreeMap::new();
        for review in &reviews[..900] {
            let fold = folds[&review.review_id];
            *sizes.entry((fold, review.stratum)).or_default() += 1;
            assert_eq!(*movies.entry(&review.movie).or_insert(fold), fold);
        }
        assert_eq!(sizes.len(), 15);
        assert!(
            sizes.values().all(|size| (40..=80).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn by_review_folds_are_exact_and_another_seed_gives_others() {
        let params = FoldParams {
            split_by: SplitBy::Review,
            folds: 10,
            ..FoldParams::default()
        };
        let folds = assign(&reviews(), &params);
        for fold in 0..10 {
            assert_eq!(folds.values().filter(|found| **found == fold).count(), 90);
        }
        let other = FoldParams { seed: 8, ..params };
        assert_ne!(assign(&reviews(), &other), folds);
    }
}
