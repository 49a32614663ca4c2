use proptest::prelude::*;

use super::*;

const TRAIN: Source = Source::Labelled(Split::Train);
const TEST: Source = Source::Labelled(Split::Test);

fn rule() -> SplitRule {
    SplitRule {
        split_by: SplitBy::Movie,
        stratify: Stratify::None,
        valid: 0.1,
        calib: 0.05,
        test: None,
        seed: 7,
        train_reviews: None,
        test_reviews: None,
    }
}

/// `n` reviews of each source, up to 30 a movie as in the real data; every tenth has no title.
fn reviews(n: u64) -> Vec<Review> {
    let of = |source, first: u64| {
        (first..first + n).map(move |review_id| Review {
            review_id,
            source,
            movie: match review_id {
                _ if review_id % 10 == 0 => Movie::Own(review_id),
                _ => Movie::Title(format!("tt{first}{:04}", (review_id - first).isqrt()).into()),
            },
            stratum: (review_id % 7 % 4) as u8,
        })
    };
    of(TRAIN, 0)
        .chain(of(TEST, 10_000))
        .chain(of(Source::Unlabelled, 20_000))
        .collect()
}

#[test]
fn shares_are_met_and_no_movie_is_on_two_sides() {
    let reviews = reviews(1000);
    let assignment = assign(&reviews, &rule(), None);
    let counts = |split| assignment.sizes[&split].reviews;
    assert_eq!(
        [Split::Train, Split::Valid, Split::Calib, Split::Test].map(counts),
        [850, 100, 50, 1000]
    );
    assert_eq!(assignment.movies_on_both_sides, 0);
    let mut sides: BTreeMap<&Movie, BTreeSet<Split>> = BTreeMap::new();
    for (review, split) in reviews.iter().zip(&assignment.splits) {
        assert_eq!(split.is_none(), review.source == Source::Unlabelled);
        if let Some(split) = split {
            sides.entry(&review.movie).or_default().insert(*split);
        }
    }
    assert!(sides.values().all(|sides| sides.len() == 1));
    let movies: u64 = assignment.sizes.values().map(|size| size.movies).sum();
    assert_eq!(movies, sides.len() as u64);
}

#[test]
fn another_seed_gives_another_split() {
    let reviews = reviews(1000);
    let other = SplitRule { seed: 8, ..rule() };
    assert_ne!(
        assign(&reviews, &rule(), None).splits,
        assign(&reviews, &other, None).splits
    );
}

#[test]
fn at_most_the_reviews_asked_for_are_chosen() {
    let reviews = reviews(1000);
    let rule = SplitRule {
        train_reviews: Some(200),
        test_reviews: Some(30),
        ..rule()
    };
    let sizes = assign(&reviews, &rule, None).sizes;
    let counts = |split| sizes[&split].reviews;
    assert_eq!(
        [Split::Train, Split::Valid, Split::Calib, Split::Test].map(counts),
        [170, 20, 10, 30]
    );
    let all = SplitRule {
        train_reviews: Some(1_000_000),
        ..rule
    };
    assert_eq!(
        assign(&reviews, &all, None).sizes[&Split::Train].reviews,
        850
    );
}

#[test]
fn a_movie_too_large_for_a_share_stays_in_training() {
    let review = |review_id| Review {
        review_id,
        source: TRAIN,
        movie: Movie::Title("tt1".into()),
        stratum: 0,
    };
    let assignment = assign(
        &[review(1), review(2), review(3)],
        &SplitRule {
            valid: 0.5,
            ..rule()
        },
        None,
    );
    assert_eq!(assignment.splits, [Some(Split::Train); 3]);
    assert_eq!(assignment.wanted[&Split::Valid], 2);
}

#[test]
fn movies_that_the_source_has_on_both_sides_are_counted() {
    let review = |review_id, source| Review {
        review_id,
        source,
        movie: Movie::Title(format!("tt{}", review_id % 2).into()),
        stratum: 0,
    };
    let reviews = [review(1, TRAIN), review(2, TRAIN), review(3, TEST)];
    assert_eq!(assign(&reviews, &rule(), None).movies_on_both_sides, 1);
}

#[test]
fn stratified_splits_have_their_share_of_every_score() {
    let reviews = reviews(1000);
    for split_by in [SplitBy::Movie, SplitBy::Review] {
        let rule = SplitRule {
            split_by,
            stratify: Stratify::Score,
            ..rule()
        };
        let assignment = assign(&reviews, &rule, None);
        assert_eq!(assignment.sizes[&Split::Valid].reviews, 100);
        let mut strata: BTreeMap<(Split, u8), i64> = BTreeMap::new();
        for (review, split) in reviews.iter().zip(&assignment.splits) {
            if let Some(split) = split.filter(|_split| review.source == TRAIN) {
                *strata.entry((split, review.stratum)).or_default() += 1;
            }
        }
        // Of the strata 0 to 3 the first three have two sevenths each.
        for (stratum, wanted) in [(0, 28), (1, 29), (2, 29), (3, 14)] {
            let valid = strata[&(Split::Valid, stratum)];
            assert!((valid - wanted).abs() <= 1, "{strata:?}");
        }
    }
}

#[test]
fn a_test_split_can_be_drawn_and_no_movie_is_on_two_sides() {
    let reviews = reviews(1000);
    let rule = SplitRule {
        test: Some(0.25),
        ..rule()
    };
    let assignment = assign(&reviews, &rule, None);
    let counts = Split::ALL.map(|split| assignment.sizes[&split].reviews);
    assert_eq!(counts, [1275, 150, 75, 500]);
    assert_eq!(assignment.movies_on_both_sides, 0);
}

#[test]
fn the_tables_own_splits_can_be_taken() {
    let mut reviews = reviews(10);
    for review in &mut reviews[..3] {
        review.source = Source::Labelled(Split::Valid);
    }
    let rule = SplitRule {
        split_by: SplitBy::Given,
        ..rule()
    };
    let assignment = assign(&reviews, &rule, None);
    assert!(assignment.wanted.is_empty());
    let names: Vec<&str> = assignment
        .splits
        .iter()
        .map(|split| split.map_or("", Split::name))
        .collect();
    assert_eq!(names[..4], ["valid", "valid", "valid", "train"]);
    assert_eq!(names[10..], [["test"; 10], [""; 10]].concat());
    assert_eq!(assignment.movies_on_both_sides, 0);
}

#[test]
fn a_fold_can_be_what_is_held_out() {
    let reviews = reviews(1000);
    let folds: BTreeMap<u64, u32> = (0..1000).map(|id| (id, (id % 5) as u32)).collect();
    let assignment = assign(&reviews, &rule(), Some((&folds, 3)));
    for (review, split) in reviews.iter().zip(&assignment.splits).take(1000) {
        assert_eq!(*split == Some(Split::Valid), review.review_id % 5 == 3);
    }
    assert_eq!(assignment.sizes[&Split::Calib].reviews, 40);
    assert_eq!(assignment.wanted.get(&Split::Valid), None);
}

proptest! {
    #[test]
    fn the_order_of_the_reviews_does_not_matter(
        shuffled in Just(reviews(60)).prop_shuffle(),
        limit in prop::option::of(0_u64..70),
    ) {
        let rule = SplitRule { train_reviews: limit, ..rule() };
        let by_id = |reviews: &[Review]| -> BTreeMap<u64, Option<Split>> {
            let splits = assign(reviews, &rule, None).splits;
            reviews.iter().map(|review| review.review_id).zip(splits).collect()
        };
        prop_assert_eq!(by_id(&shuffled), by_id(&reviews(60)));
    }
}
