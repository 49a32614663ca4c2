//! The deletion test: whether the words that a method names do decide.
//!
//! The words with the most weight for the prediction are made unknown, and as many random ones instead (comprehensiveness,
//! DeYoung et al., ACL 2020; Samek et al. 2017). How far each takes the prediction back towards that of the review
//! without known words is a figure; a method that says something takes it further than chance.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::TchError;

use super::params::{ExplainParams, Method};
use super::review::{Explained, Review};
use crate::figures::{Figure, bootstrap};

/// What the test found in a review.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deletion {
    /// How far the top words of each method took the prediction back.
    pub(super) top: Vec<(Method, f64)>,
    /// How far random ones did, on average.
    pub(super) random: f64,
}

/// Tests a review; none where it has fewer than two words. `weights`: one for each step, by method. `predicted` and `base`:
/// what is predicted of it, and of it without known words.
pub(super) fn test(
    explained: &Explained<'_>,
    review: &Review<'_>,
    review_id: u64,
    (predicted, base): (f64, f64),
    weights: &[(Method, Vec<f64>)],
    params: &ExplainParams,
) -> Result<Option<Deletion>, TchError> {
    let count = params.top.min(review.words.len() / 2);
    if count == 0 {
        return Ok(None);
    }
    let side = if predicted >= base { 1.0 } else { -1.0 };
    let mut lists: Vec<Vec<i32>> = weights
        .iter()
        .map(|(method, weights)| {
            // Attention has no sign.
            let side = if *method == Method::Attention {
                1.0
            } else {
                side
            };
            let mut words = review.words.clone();
            words.sort_by(|&a, &b| (side * weights[b]).total_cmp(&(side * weights[a])));
            review.without(&words[..count])
        })
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(params.seed);
    rng.set_stream(review_id);
    for _draw in 0..params.draws {
        let mut words = review.words.clone();
        let (chosen, _others) = words.partial_shuffle(&mut rng, count);
        lists.push(review.without(chosen));
    }
    let back: Vec<f64> = explained
        .predict(&lists)?
        .into_iter()
        .map(|without| side * (predicted - without))
        .collect();
    let (top, random) = back.split_at(weights.len());
    let methods = weights.iter().map(|(method, _)| *method);
    Ok(Some(Deletion {
        top: methods.zip(top.iter().copied()).collect(),
        random: random.iter().sum::<f64>() / random.len() as f64,
    }))
}

/// The means over reviews, with intervals, sorted by name; `gain` is the top words' less the random ones'.
pub(super) fn figures(found: &[Deletion], methods: &[Method], complete: &[f64]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let random = |own: &Deletion| own.random;
    if !found.is_empty() {
        figures.push(mean("deletion_random", found.iter().map(random).collect()));
    }
    for &method in methods {
        let top = |own: &Deletion| {
            let own = own.top.iter().find(|(other, _)| *other == method);
            own.map_or(f64::NAN, |(_, value)| *value)
        };
        if found.iter().any(|own| top(own).is_nan()) || found.is_empty() {
            continue;
        }
        let name = method.name();
        figures.push(mean(
            &format!("deletion_top_{name}"),
            found.iter().map(top).collect(),
        ));
        figures.push(mean(
            &format!("deletion_gain_{name}"),
            found.iter().map(|own| top(own) - own.random).collect(),
        ));
    }
    if !complete.is_empty() {
        figures.push(mean("completeness_error", complete.to_vec()));
    }
    figures.sort_by(|a, b| a.name.cmp(&b.name));
    figures
}

fn mean(name: &str, values: Vec<f64>) -> Figure {
    let count = values.len();
    let weighted = |weights: &[u32]| {
        let pairs = weights.iter().zip(&values);
        pairs.map(|(w, value)| f64::from(*w) * value).sum::<f64>() / count as f64
    };
    let resampled = bootstrap::resampled(count, bootstrap::RESAMPLES, bootstrap::SEED, weighted);
    Figure {
        name: name.to_owned(),
        value: Some(weighted(&vec![1; count])),
        interval: bootstrap::interval(resampled, count),
        count: count as u64,
    }
}
