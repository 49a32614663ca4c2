use proptest::prelude::*;

use super::*;

fn rule() -> SplitRule {
    SplitRule {
        valid: 0.1,
        calib: 0.05,
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
        })
    };
    of(Source::Train, 0)
        .chain(of(Source::Test, 10_000))
        .chain(of(Source::Unlabelled, 20_000))
        .collect()
}

#[test]
fn shares_are_met_and_no_movie_is_on_two_sides() {
    let reviews = reviews(1000);
    let assignment = assign(&reviews, &rule());
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
        assign(&reviews, &rule()).splits,
        assign(&reviews, &other).splits
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
    let sizes = assign(&reviews, &rule).sizes;
    let counts = |split| sizes[&split].reviews;
    assert_eq!(
        [Split::Train, Split::Valid, Split::Calib, Split::Test].map(counts),
        [170, 20, 10, 30]
    );
    let all = SplitRule {
        train_reviews: Some(1_000_000),
        ..rule
    };
    assert_eq!(assign(&reviews, &all).sizes[&Split::Train].reviews, 850);
}

#[test]
fn a_movie_too_large_for_a_share_stays_in_training() {
    let review = |review_id| Review {
        review_id,
        source: Source::Train,
        movie: Movie::Title("tt1".into()),
    };
    let assignment = assign(
        &[review(1), review(2), review(3)],
        &SplitRule {
            valid: 0.5,
            ..rule()
        },
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
    };
    let reviews = [
        review(1, Source::Train),
        review(2, Source::Train),
        review(3, Source::Test),
    ];
    assert_eq!(assign(&reviews, &rule()).movies_on_both_sides, 1);
}

proptest! {
    #[test]
    fn the_order_of_the_reviews_does_not_matter(
        shuffled in Just(reviews(60)).prop_shuffle(),
        limit in prop::option::of(0_u64..70),
    ) {
        let rule = SplitRule { train_reviews: limit, ..rule() };
        let by_id = |reviews: &[Review]| -> BTreeMap<u64, Option<Split>> {
            let splits = assign(reviews, &rule).splits;
            reviews.iter().map(|review| review.review_id).zip(splits).collect()
        };
        prop_assert_eq!(by_id(&shuffled), by_id(&reviews(60)));
    }
}
