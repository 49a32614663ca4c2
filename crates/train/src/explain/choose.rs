//! Which reviews are explained.
//!
//! A sample evenly over the split, which alone the deletion test is of, since reviews that were chosen by their error would say
//! something else; and those that a reader asks for first: the worst errors, the least certain, the best, and any by id.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::{Split, StageError};
use cinescore_model::task::Prediction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::ExplainParams;
use crate::examples::Examples;
use crate::slices::Rows;

/// What reviews are chosen for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The greatest distance between truth and prediction.
    Worst,
    /// The widest interval; of probabilities, which have none, the nearest to a half.
    Uncertain,
    /// The least distance between truth and prediction.
    Best,
}

/// A review that is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Its row among the examples.
    pub(super) row: usize,
    /// Whether it is one of the sample.
    pub(super) sampled: bool,
}

/// The reviews, by row. `predictions`: those of the split, where they were given.
pub(super) fn choose(
    params: &ExplainParams,
    examples: &Examples,
    split: Split,
    predictions: Option<&Rows>,
) -> Result<Vec<Chosen>, StageError> {
    let rows = examples.rows(split);
    let count = params.reviews.min(rows.len());
    let mut chosen: BTreeMap<usize, bool> = BTreeMap::new();
    let by_id: BTreeMap<u64, usize> = rows
        .iter()
        .map(|&row| (examples.review_id(row), row))
        .collect();
    for id in &params.review_ids {
        let Some(row) = by_id.get(id) else {
            let message = format!(
                "the split `{}` has no review {id} with a label, which `review_ids` names",
                split.name()
            );
            return Err(StageError::usage(message));
        };
        chosen.insert(*row, false);
    }
    let choices: BTreeSet<Choice> = params.choose.iter().copied().collect();
    if !choices.is_empty() {
        let Some(predictions) = predictions else {
            let message = "`choose` needs to know what was predicted";
            return Err(StageError::usage(message).hint("give it `predictions: net.predictions`"));
        };
        let known = |index: &usize| by_id.contains_key(&predictions.ids[*index]);
        let all: Vec<usize> = (0..predictions.ids.len()).filter(known).collect();
        if all.is_empty() && !rows.is_empty() {
            let message = format!(
                "no prediction is of a review of the split `{}`",
                split.name()
            );
            return Err(StageError::input(message)
                .hint("give it the predictions of the same bundle for the same examples"));
        }
        for choice in choices {
            let mut sorted = all.clone();
            let rank = |index: &usize| {
                let (target, said) = (predictions.targets[*index], &predictions.predicted[*index]);
                choice.rank(target, said)
            };
            // Stable: what is equal stays in the order of its ids.
            sorted.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
            for index in sorted.into_iter().take(params.each) {
                chosen.insert(by_id[&predictions.ids[index]], false);
            }
        }
    }
    for number in 0..count {
        chosen.insert(rows[number * rows.len() / count], true);
    }
    if chosen.is_empty() {
        let message = "no review is to be explained";
        return Err(StageError::usage(message).hint("set `reviews`, `choose` or `review_ids`"));
    }
    Ok(chosen
        .into_iter()
        .map(|(row, sampled)| Chosen { row, sampled })
        .collect())
}

impl Choice {
    /// The greater, the sooner it is chosen.
    fn rank(self, target: f64, said: &Prediction) -> f64 {
        let error = (said.value - target).abs();
        match (self, said.interval) {
            (Self::Worst, _) => error,
            (Self::Best, _) => -error,
            (Self::Uncertain, Some((lower, upper))) => upper - lower,
            (Self::Uncertain, None) => -(said.value - 0.5).abs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_put_what_is_wanted_first() {
        let said = |value, interval| Prediction {
            value,
            probabilities: None,
            interval,
        };
        let (near, far) = (said(0.9, None), said(0.4, None));
        assert!(Choice::Worst.rank(1.0, &far) > Choice::Worst.rank(1.0, &near));
        assert!(Choice::Best.rank(1.0, &near) > Choice::Best.rank(1.0, &far));
        assert!(Choice::Uncertain.rank(1.0, &far) > Choice::Uncertain.rank(1.0, &near));
        let (narrow, wide) = (said(5.0, Some((4.0, 6.0))), said(9.0, Some((5.0, 10.0))));
        assert!(Choice::Uncertain.rank(5.0, &wide) > Choice::Uncertain.rank(5.0, &narrow));
    }
}
