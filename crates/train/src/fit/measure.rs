//! What a trained network says of the splits that it did not learn from, and how good that is.

use std::collections::BTreeMap;

use cinescore_artifact::program::TaskContext;
use cinescore_model::Net;
use cinescore_model::task::Decoder;
use cinescore_network::NetworkSpec;

use super::tables::{Evaluated, Measured};
use crate::examples::{Examples, Split};
use crate::objective::Objective;
use crate::training::TrainingError;
use crate::{evaluate, figures};

/// The subject of the trivial predictor's figures.
pub(super) const TRIVIAL: &str = "trivial";

/// What the network says of every split but the one it learned from.
pub(super) fn evaluate_all(
    net: &Net,
    examples: &Examples,
    objective: &Objective,
    context: &TaskContext,
) -> Result<Vec<Evaluated>, TrainingError> {
    let splits = &Split::ALL[1..];
    let total: usize = splits.iter().map(|&split| examples.rows(split).len()).sum();
    let mut done = 0;
    let mut all = Vec::with_capacity(splits.len());
    for &split in splits {
        let rows = examples.rows(split).to_vec();
        let outputs = evaluate::outputs(net, examples, &rows, |count| {
            done += count;
            let message = format!("evaluating {}", split.name());
            let total = Some(total as u64);
            context
                .progress()
                .update(done as u64, total, "evaluated examples", &message);
            context
                .check_interrupt()
                .map_err(|_interrupted| TrainingError::Interrupted)
        })?;
        let predicted = outputs
            .rows()
            .map(|outputs| objective.predict(outputs))
            .collect();
        all.push(Evaluated {
            split,
            rows,
            predicted,
        });
    }
    Ok(all)
}

/// The figures of the network, then those of the trivial predictor.
pub(super) fn measure(
    decoder: &Decoder,
    spec: &NetworkSpec,
    examples: &Examples,
    evaluated: &[Evaluated],
) -> Vec<Measured> {
    let training = examples.labels(Split::Train);
    let filled = || {
        evaluated
            .iter()
            .filter(|evaluated| !evaluated.rows.is_empty())
    };
    let targets = |evaluated: &Evaluated| examples.labels(evaluated.split);
    let of_network = filled().map(|evaluated| Measured {
        subject: spec.name.clone(),
        split: evaluated.split,
        count: evaluated.rows.len(),
        figures: figures::of(decoder, &targets(evaluated), &evaluated.predicted),
    });
    let of_trivial = filled().map(|evaluated| Measured {
        subject: TRIVIAL.into(),
        split: evaluated.split,
        count: evaluated.rows.len(),
        figures: figures::trivial(decoder, &training, &targets(evaluated)),
    });
    of_network.chain(of_trivial).collect()
}

/// The network's own figures, as `split.figure`.
pub(super) fn by_name(spec: &NetworkSpec, measured: &[Measured]) -> BTreeMap<String, f64> {
    let own = measured
        .iter()
        .filter(|measured| measured.subject == spec.name);
    own.flat_map(|measured| {
        let split = measured.split.name();
        let defined = measured
            .figures
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        defined.map(move |(name, value)| (format!("{split}.{name}"), value))
    })
    .collect()
}
