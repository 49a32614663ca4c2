//! Intervals from what networks say that did not see the reviews.
//!
//! Owns keeping a fold of the training reviews from a network, and reading what such networks said of their folds.
//! Does not own the folds (`featurize folds`), nor how an interval comes out of errors (`results::calibrate`).
//!
//! The split `calib` costs training reviews, and of the thousand that one can spare the intervals stray by a per cent and more. Networks
//! of the same kind, each trained without one fold, say of thousands of reviews what they would of new ones, and the network that
//! learned from all of them gets the intervals that fit their errors: cross-conformal prediction (Vovk, Annals of Mathematics
//! and Artificial Intelligence 74, 2015), with the pooled errors and the network of all folds. The promise of
//! `calib` holds for one and the same network; here it is as good as the networks are alike. Those without a fold learned from
//! fewer reviews, so their errors are a little larger and the intervals rather too wide than too narrow
//! (Barber et al., Annals of Statistics 49, 2021, who give bounds for a related method).

use std::collections::HashMap;

use cinescore_artifact::describe::Input;
use cinescore_artifact::program::TaskContext;
use cinescore_artifact::tables::{FOLDS, PREDICTIONS};
use cinescore_artifact::task::TaskInput;
use cinescore_artifact::{Split, StageError};
use cinescore_model::task::Decoder;

use super::FitParams;
use super::errors::of_examples;
use crate::examples::Examples;
use crate::folds::Folds;
use crate::slices::judged::Judged;

/// The input with the folds.
const FOLDS_INPUT: &str = "folds";
/// The input with what networks said that did not see a fold.
const CROSSED: &str = "crossed";

/// The input with the folds of the training reviews.
pub(super) fn folds_input() -> Input {
    let about =
        "the folds of the training reviews, of which `without_fold` is kept from the network";
    Input::table(FOLDS_INPUT, &FOLDS, about).optional()
}

/// The input with what other networks said of the folds that they did not see.
pub(super) fn crossed_input() -> Input {
    let about = "what networks trained with `without_fold` said: the intervals are fitted to their folds too";
    Input::table(CROSSED, &PREDICTIONS, about).optional().many()
}

/// Makes the training reviews of a fold the split `calib`, in place of those that are in it, where the parameters say so.
pub(super) fn hold_fold(
    params: &FitParams,
    examples: &mut Examples,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let (fold, input) = match (params.without_fold, context.optional_input(FOLDS_INPUT)) {
        (None, None) => return Ok(()),
        (Some(fold), Some(input)) => (fold, input),
        (None, Some(_)) => {
            let message =
                "the input `folds` is given, and no parameter says which fold is left out";
            return Err(
                StageError::usage(message).hint("set `without_fold`, or leave the input away")
            );
        }
        (Some(fold), None) => {
            let message = format!("`without_fold` is {fold}, and the input `folds` is missing");
            return Err(
                StageError::usage(message).hint("give it the output `folds` of `featurize folds`")
            );
        }
    };
    let reviews: Vec<u64> = examples
        .rows(Split::Train)
        .iter()
        .map(|&row| examples.review_id(row))
        .collect();
    let folds = Folds::read(&input.path)?;
    let last = folds.last();
    if fold > last {
        let message = format!("there is no fold {fold}: the folds go from 0 to {last}");
        return Err(StageError::usage(message).hint("change `without_fold`"));
    }
    let folds = folds.of(&reviews)?;
    if !folds.contains(&fold) {
        context.warn(format!(
            "all reviews of fold {fold} are in other splits than `train`: nothing is kept from the network, and it says nothing for intervals"
        ));
    }
    examples
        .hold_fold(&folds, fold, params.task)
        .map_err(of_examples)
}

/// What other networks said of the folds that they did not see, and what is true of these: predictions and targets.
///
/// # Errors
/// If a table is not that of such a network, has a prediction that is no number, or a review that another one has.
pub(super) fn read(
    decoder: &Decoder,
    examples: &Examples,
    context: &mut TaskContext,
) -> Result<(Vec<f64>, Vec<f64>), StageError> {
    let crossed = context.inputs(CROSSED);
    if decoder.quantity().is_none() && !crossed.is_empty() {
        let message = "task `binary` has no intervals, and the input `crossed` is given";
        return Err(StageError::usage(message).hint("leave the input away"));
    }
    let rows = examples.rows(Split::Train).iter();
    // The label of each training example of which nothing has been said so far.
    let mut left: HashMap<u64, f64> = rows
        .map(|&row| (examples.review_id(row), examples.label(row)))
        .collect();
    let (mut predicted, mut targets, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for input in crossed {
        let judged = Judged::read(input, &[Split::Calib])?;
        if judged.not_finite > 0 {
            let message = format!(
                "`{}` has {} predictions that are no numbers",
                input.label, judged.not_finite
            );
            return Err(StageError::input(message)
                .hint("train that network again, with a lower learning rate"));
        }
        let Some(rows) = judged.splits.get(&Split::Calib) else {
            silent.push(input.label.clone());
            continue;
        };
        for (id, target) in rows.ids.iter().zip(&rows.targets) {
            if left.remove(id) != Some(*target) {
                return Err(strange(input, *id));
            }
        }
        predicted.extend(rows.predicted.iter().map(|said| said.value));
        targets.extend(&rows.targets);
    }
    for label in silent {
        context.warn(format!(
            "`{label}` has no predictions of the split `calib`, so no interval is fitted to it: was it trained with `without_fold`?"
        ));
    }
    Ok((predicted, targets))
}

/// That predictions cannot be ones of a network like this one that did not see a fold.
fn strange(input: &TaskInput, id: u64) -> StageError {
    let message = format!(
        "`{}` has a prediction of {id}, which this network does not learn from with that score, or which another of the tables has too",
        input.label
    );
    StageError::input(message).hint(
        "give it networks of the same examples and folds, each trained with another `without_fold`",
    )
}
