//! What every kind that reads reviews begins with: its inputs, and who belongs to which split.

use std::path::Path;

use cinescore_artifact::describe::Input;
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::{StageError, folds, tables};

use crate::params::SplitParams;
use crate::reviews::{self, ReviewsError};
use crate::split::{self, Assignment, Review, Source, Split, SplitBy};

/// Adds the inputs.
pub(crate) fn inputs(kind: Kind) -> Kind {
    kind.input(Input::table("reviews", &tables::REVIEWS, "the reviews"))
        .input(
            Input::table(
                "folds",
                &tables::FOLDS,
                "folds, of which parameter `fold` names the one that is `valid`",
            )
            .optional(),
        )
        .input(
            Input::file(
                "stop_list",
                "words that are dropped, one a line, for `stop_words: file`",
            )
            .optional(),
        )
        .input(
            Input::file(
                "lemmas",
                "words and their lemmas, a tab between them, one pair a line",
            )
            .optional(),
        )
}

/// Reads the keys and gives every review its split, with facts and warnings.
pub(crate) fn divide(
    path: &Path,
    params: &SplitParams,
    context: &mut TaskContext,
) -> Result<Assignment, StageError> {
    params.check()?;
    let folds = context
        .optional_input("folds")
        .map(|input| input.path.clone());
    if folds.is_some() != params.fold.is_some() {
        let message = "parameter `fold` and input `folds` do not agree";
        return Err(StageError::usage(message).hint(
            "a fold needs both: the table as input, and the number of the fold that is `valid`",
        ));
    }
    let folds = folds.map(|path| folds::read(&path)).transpose()?;
    let held_out = folds.as_ref().zip(params.fold);
    if let Some((folds, fold)) = held_out
        && !folds.values().any(|found| *found == fold)
    {
        let last = folds.values().max().copied().unwrap_or(0);
        let message = format!("parameter `fold`: the table of folds has no fold {fold}");
        return Err(StageError::usage(message).hint(format!("its folds are 0 to {last}")));
    }
    let reviews = reviews::read_keys(path, context)?;
    if params.split_by != SplitBy::Given {
        refuse_drawn(&reviews)?;
    }
    let assignment = split::assign(&reviews, &params.rule(), held_out);
    summarise(&reviews, &assignment, params.split_by, context);
    if !assignment.sizes.contains_key(&Split::Train) {
        let source_reviews = of_source(&reviews, Source::Labelled(Split::Train));
        return Err(StageError::input(ReviewsError::NoTraining {
            source_reviews,
        }));
    }
    Ok(assignment)
}

/// Splits that would be drawn must not be in the table already.
fn refuse_drawn(reviews: &[Review]) -> Result<(), StageError> {
    for split in [Split::Valid, Split::Calib] {
        let drawn = reviews
            .iter()
            .find(|review| review.source == Source::Labelled(split));
        if let Some(Review { review_id, .. }) = drawn {
            let message = format!(
                "review {review_id} has the split `{}` already, and this stage draws its own",
                split.name()
            );
            return Err(
                StageError::input(message).hint("`split_by: given` takes the table's splits")
            );
        }
    }
    Ok(())
}

fn of_source(reviews: &[Review], source: Source) -> u64 {
    let count = reviews.iter().filter(|review| review.source == source);
    count.count() as u64
}

/// Facts and warnings of the division.
///
/// `reviews.SPLIT`, `movies.SPLIT`: how many each split has. `left_out.unlabelled`, `.train`,
/// `.test`: reviews of that split of the source that are in none of ours.
fn summarise(
    reviews: &[Review],
    assignment: &Assignment,
    split_by: SplitBy,
    context: &mut TaskContext,
) {
    let facts = &mut context.result().facts;
    for (split, size) in &assignment.sizes {
        facts.insert(format!("reviews.{}", split.name()), size.reviews.into());
        facts.insert(format!("movies.{}", split.name()), size.movies.into());
    }
    for (name, source) in [
        ("train", Source::Labelled(Split::Train)),
        ("test", Source::Labelled(Split::Test)),
        ("unlabelled", Source::Unlabelled),
    ] {
        let pairs = reviews.iter().zip(&assignment.splits);
        let left_out = pairs
            .filter(|(review, split)| review.source == source && split.is_none())
            .count();
        facts.insert(format!("left_out.{name}"), left_out.into());
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
    let movies = assignment.movies_on_both_sides;
    if movies > 0 {
        let cause = match split_by {
            SplitBy::Review => format!(
                "{movies} movies have reviews in `test` and in another split, because reviews are divided one by one"
            ),
            SplitBy::Movie | SplitBy::Given => format!(
                "{movies} of the source's movies are in both its training and its test split"
            ),
        };
        context.warn(format!("{cause}: the test figures will be too good"));
    }
}
