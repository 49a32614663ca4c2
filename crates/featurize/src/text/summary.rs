//! What the result says of the work: counts, shares, and what a person should look at.

use std::collections::BTreeMap;

use cinescore_artifact::program::TaskContext;

use super::passes::Totals;
use crate::split::{Assignment, Review, Source, Split};
use crate::vocabulary::Vocabulary;

/// Reviews that the source has in one of its splits.
pub(super) fn source_reviews(reviews: &[Review], source: Source) -> u64 {
    reviews
        .iter()
        .filter(|review| review.source == source)
        .count() as u64
}

/// Facts and warnings of the division.
///
/// `reviews.SPLIT`, `movies.SPLIT`: how many each split has. `left_out.unlabelled`, `.train`,
/// `.test`: reviews of that split of the source that are in none of ours.
pub(super) fn of_split(reviews: &[Review], assignment: &Assignment, context: &mut TaskContext) {
    for (split, size) in &assignment.sizes {
        let facts = &mut context.result().facts;
        facts.insert(format!("reviews.{}", split.name()), size.reviews.into());
        facts.insert(format!("movies.{}", split.name()), size.movies.into());
    }
    for (name, source) in [
        ("train", Source::Train),
        ("test", Source::Test),
        ("unlabelled", Source::Unlabelled),
    ] {
        let pairs = reviews.iter().zip(&assignment.splits);
        let left_out = pairs
            .filter(|(review, split)| review.source == source && split.is_none())
            .count();
        context
            .result()
            .facts
            .insert(format!("left_out.{name}"), left_out.into());
    }
    for (split, &wanted) in &assignment.wanted {
        let got = assignment.sizes.get(split).map_or(0, |size| size.reviews);
        if got * 10 < wanted * 9 {
            let name = split.name();
            context.warn(format!(
                "`{name}` has {got} reviews, not the {wanted} asked for: the movies have too many reviews each"
            ));
        }
    }
    if assignment.movies_on_both_sides > 0 {
        let movies = assignment.movies_on_both_sides;
        context.warn(format!(
            "{movies} of the source's movies are in both its training and its test split: the test figures will be too good"
        ));
    }
}

/// Facts and figures of the tokens.
///
/// Facts: `ids`, how many there are, reserved ones included; `distinct_tokens` of the training split.
/// Metrics: `oov.SPLIT`, the share of tokens, before the cut, that have no id; `truncated.SPLIT`, the
/// share of reviews that were cut; `mean_tokens.SPLIT`, tokens of a review before the cut.
pub(super) fn of_tokens(
    vocabulary: &Vocabulary,
    totals: &BTreeMap<Split, Totals>,
    context: &mut TaskContext,
) {
    let result = context.result();
    result
        .facts
        .insert("ids".into(), vocabulary.tokens().len().into());
    result
        .facts
        .insert("distinct_tokens".into(), vocabulary.distinct().into());
    for (split, totals) in totals {
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
        for (name, value) in [
            ("oov", share(totals.unknown, totals.tokens)),
            ("truncated", share(totals.truncated, totals.reviews)),
            ("mean_tokens", share(totals.tokens, totals.reviews)),
        ] {
            result
                .metrics
                .insert(format!("{name}.{}", split.name()), value);
        }
    }
}
