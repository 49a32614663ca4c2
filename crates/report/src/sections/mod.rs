//! The sections of the page: counts in words, tables and plots.

mod by_score;
mod by_truth;
pub(crate) mod comparisons;
pub(crate) mod data;
pub(crate) mod errors;
mod league;
pub(crate) mod middle;
pub(crate) mod origin;
pub(crate) mod popularity;
mod predictions;
pub(crate) mod results;
pub(crate) mod sweep;
pub(crate) mod times;
pub(crate) mod training;
pub(crate) mod words;

use std::collections::BTreeMap;

pub(crate) use league::Verdict;

use cinescore_artifact::table::TableError;
use cinescore_artifact::tables::{ATTRIBUTIONS, HISTORY, METRICS, PREDICTIONS};
use cinescore_artifact::task::Provenance;
use serde_json::Value;

use crate::count::history::{self, History};
use crate::count::metrics::{self, Metrics};
use crate::count::predictions::{self as predicted, Predictions};
use crate::inputs::Group;
use crate::metric::Subject;
use crate::page::Block;

/// What is known of a trained network.
#[derive(Debug)]
pub(crate) struct Network {
    /// Its name; with the stage's where that says more.
    name: String,
    /// The stage or cell that made it.
    stage: String,
    history: Option<History>,
    metrics: Option<Metrics>,
    predictions: Option<Predictions>,
    /// What its stage tells of the training, where the runner handed over the provenance.
    facts: BTreeMap<String, Value>,
}

impl Network {
    /// What its figures are about.
    pub(crate) fn subject(&self) -> Subject {
        let metrics = self.metrics.as_ref();
        metrics.map_or(Subject::Reviews, Metrics::subject_of)
    }
}

/// The networks among the groups, in the order given.
pub(crate) fn networks(
    groups: &[Group],
    provenance: Option<&Provenance>,
) -> Result<Vec<Network>, TableError> {
    let mut networks = Vec::new();
    // What explains a network has figures too, and is none.
    let explains = |group: &&Group| group.table(&ATTRIBUTIONS).is_some();
    for group in groups.iter().filter(|group| !explains(group)) {
        let history = group.table(&HISTORY).map(history::count).transpose()?;
        let metrics = group.table(&METRICS).map(metrics::count).transpose()?;
        let predictions = group
            .table(&PREDICTIONS)
            .map(predicted::count)
            .transpose()?;
        if history.is_none() && metrics.is_none() && predictions.is_none() {
            continue;
        }
        let name = group.name.clone();
        networks.push(Network {
            name,
            stage: group.name.clone(),
            history,
            metrics,
            predictions,
            facts: provenance
                .and_then(|provenance| {
                    let mut stages = provenance.stages.iter();
                    stages.find(|stage| stage.stage == group.name)
                })
                .map(|stage| stage.result.facts.clone())
                .unwrap_or_default(),
        });
    }
    name_by_subject(&mut networks);
    Ok(networks)
}

/// Calls each network by its own name; where several stages trained one of that name, the stage's
/// name stays behind it.
fn name_by_subject(networks: &mut [Network]) {
    let subjects: Vec<Option<String>> = networks
        .iter()
        .map(|network| {
            network
                .metrics
                .as_ref()
                .and_then(|metrics| metrics.subject.clone())
        })
        .collect();
    for (network, subject) in networks.iter_mut().zip(&subjects) {
        if let Some(name) = subject {
            let shared = subjects.iter().filter(|other| *other == subject).count() > 1;
            network.name = if shared {
                format!("{name} ({})", told_apart(&network.name, name))
            } else {
                name.clone()
            };
        }
    }
}

/// What of a stage's name tells it from others that trained a network of the same name: `net[network=lstm,seed=7]` is
/// `net, seed=7`.
fn told_apart(stage: &str, network: &str) -> String {
    let Some((base, keys)) = stage
        .strip_suffix(']')
        .and_then(|stage| stage.split_once('['))
    else {
        return stage.to_owned();
    };
    let says_more = |key: &&str| {
        key.split_once('=')
            .is_none_or(|(_, value)| value != network)
    };
    let keys = keys.split(',').filter(says_more);
    let parts: Vec<&str> = std::iter::once(base).chain(keys).collect();
    parts.join(", ")
}

pub(crate) fn text(text: impl Into<String>) -> Block {
    Block::Text { text: text.into() }
}

pub(crate) fn absent(text: impl Into<String>) -> Block {
    Block::Absent { text: text.into() }
}

/// `1 review`, `2 reviews`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", crate::number::count(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_one_name_are_told_apart_by_what_differs() {
        assert_eq!(
            told_apart("net[network=lstm,seed=7]", "lstm"),
            "net, seed=7"
        );
        assert_eq!(told_apart("again", "lstm"), "again");
    }
}
