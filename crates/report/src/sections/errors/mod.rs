//! The section on errors: where the networks are wrong, and whether the label may be.
//!
//! Owns which networks are looked at: of many the best on validation of each kind. Errors by slice and by flag come from
//! `train slices` and `predict flags`, with their intervals; where they were not made, slices are means over test reviews
//! without any.

mod flags;
mod slices;
mod worst;

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::StageError;
use cinescore_artifact::tables::SLICES;

use super::predictions::{Task, task};
use super::{Network, absent, league, text};
use crate::count;
use crate::count::known::{self, Known};
use crate::count::predictions::{Evaluated, THRESHOLD};
use crate::count::slices::Slice;
use crate::inputs::Group;
use crate::metric::Subject;
use crate::page::{Parts, Section};

/// So many networks are looked at.
const SHOWN: usize = 3;
/// The split whose predictions are looked at.
const TEST: &str = "test";

/// A network with its test predictions.
pub(super) struct Judged<'a> {
    name: &'a str,
    /// The stage that made it.
    stage: &'a str,
    task: Task,
    rows: &'a [Evaluated],
}

impl Judged<'_> {
    /// How far off a prediction is: stars, or of classes whether the class is wrong.
    fn error(&self, row: &Evaluated) -> f64 {
        match self.task {
            Task::Binary => f64::from(u8::from(
                (row.predicted >= THRESHOLD) != (row.target == 1.0),
            )),
            Task::Stars => (row.predicted - row.target).abs(),
        }
    }

    /// What the mean of it is called.
    fn label(&self) -> &'static str {
        match self.task {
            Task::Binary => "share of wrong classes",
            Task::Stars => "mean absolute error (stars)",
        }
    }

    /// What that figure is called in `slices`.
    fn metric(&self) -> &'static str {
        match self.task {
            Task::Binary => "error_rate",
            Task::Stars => "mae",
        }
    }

    /// The mean over all rows.
    fn mean(&self) -> f64 {
        self.rows.iter().map(|row| self.error(row)).sum::<f64>() / self.rows.len().max(1) as f64
    }
}

/// The section.
pub(crate) fn section(
    groups: &[Group],
    networks: &[Network],
    parts: &mut Parts,
) -> Result<Section, StageError> {
    let mut section = parts.section("Errors");
    let judged = judged(networks);
    if judged.is_empty() {
        let of_windows = networks
            .iter()
            .any(|network| network.subject() == Subject::Windows);
        section.blocks.push(absent(match of_windows {
            true => "The predictions are of windows over popularity: the section on popularity has their errors.",
            false => "No predictions for test reviews were given: there is nothing to look for errors in.",
        }));
        return Ok(section);
    }
    let wanted: BTreeSet<u64> = judged
        .iter()
        .flat_map(|own| own.rows.iter().map(|row| row.id))
        .collect();
    let known: BTreeMap<u64, Known> = known::of(groups, &wanted)?;
    if known.is_empty() {
        section.blocks.push(absent(
            "Neither reviews nor tokens of the predictions were given: errors cannot be told by text, length or title.",
        ));
    }
    let with_rows = networks
        .iter()
        .filter(|network| rows(network).is_some())
        .count();
    if with_rows > judged.len() {
        section.blocks.push(text(format!(
            "Of {with_rows} networks those that are best on validation: {}.",
            judged
                .iter()
                .map(|own| own.name)
                .collect::<Vec<_>>()
                .join(", ")
        )));
    }
    let mut slices = Vec::new();
    for path in groups.iter().filter_map(|group| group.table(&SLICES)) {
        slices.extend(count::slices::all(path)?);
    }
    for own in &judged {
        let is_own = |one: &&Slice| one.subject == own.stage && one.split == TEST;
        let of_network: Vec<&Slice> = slices.iter().filter(is_own).collect();
        section
            .blocks
            .push(parts.heading(format!("Where {} is wrong", own.name)));
        slices::show(own, &known, &of_network, &mut section.blocks, parts)?;
        flags::show(own, &of_network, &mut section.blocks, parts)?;
        worst::show(own, &known, &mut section.blocks, parts)?;
    }
    let all: Vec<Judged<'_>> = networks.iter().filter_map(of_network).collect();
    worst::noise(&all, &known, &mut section.blocks, parts)?;
    Ok(section)
}

fn rows(network: &Network) -> Option<&[Evaluated]> {
    let split = network.predictions.as_ref()?.get(TEST)?;
    (!split.rows.is_empty()).then_some(&split.rows)
}

fn of_network(network: &Network) -> Option<Judged<'_>> {
    let counts = network.predictions.as_ref()?.get(TEST)?;
    Some(Judged {
        name: &network.name,
        stage: &network.stage,
        task: task(network, counts)?,
        rows: rows(network)?,
    })
}

/// The networks that are looked at: those at the top of the page, as far as they have predictions.
fn judged(networks: &[Network]) -> Vec<Judged<'_>> {
    let leading: Vec<Judged<'_>> = league::leading(networks)
        .into_iter()
        .filter_map(of_network)
        .collect();
    let best = league::best_names(networks);
    let mut chosen: Vec<Judged<'_>> = leading
        .into_iter()
        .filter(|own| best.is_empty() || best.contains(&own.name))
        .collect();
    if chosen.is_empty() {
        chosen = networks.iter().filter_map(of_network).collect();
    }
    chosen.truncate(SHOWN);
    chosen
}
