//! The section on training: learning curves.

use std::collections::BTreeMap;

use cinescore_artifact::course::{self, EpochLosses, Finding};

use super::{Network, absent, counted, text};
use crate::count::history::{Curve, History};
use crate::count::metrics::Metrics;
use crate::metric::{self, Subject};
use crate::number;
use crate::page::{Block, Figure, Parts, Section};
use crate::plot::{Line, Lines};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// The section.
pub(crate) fn section(networks: &[Network], parts: &mut Parts) -> Result<Section, RenderError> {
    let mut section = parts.section("Training");
    if networks.is_empty() {
        section.blocks.push(absent("No network was given."));
    }
    for network in networks {
        section.blocks.push(parts.heading(&network.name));
        match &network.history {
            None => section
                .blocks
                .push(absent("No history of its training was given.")),
            Some(history) => {
                section.blocks.push(text(in_words(history)));
                for finding in course(history) {
                    let words = metric::capital(&finding.to_string());
                    section.blocks.push(text(format!("{words}.")));
                }
                let mut figures = Vec::new();
                let mut metrics: Vec<_> = history.curves.iter().collect();
                // The loss first: it is what was trained on.
                metrics.sort_by_key(|(name, _)| (*name != "loss", metric::order(name)));
                for (name, curves) in metrics {
                    figures.push(figure(network, history, name, curves, parts)?);
                }
                section.blocks.push(Block::Figures { figures });
            }
        }
    }
    Ok(section)
}

fn in_words(history: &History) -> String {
    let epochs = counted(history.epochs.into(), "epoch");
    match history.chosen.as_slice() {
        [] => {
            format!("Trained for {epochs}; the table does not say which epoch's weights were kept.")
        }
        chosen => {
            let chosen: Vec<String> = chosen.iter().map(u32::to_string).collect();
            format!(
                "Trained for {epochs}; the weights after epoch {} were kept.",
                chosen.join(", ")
            )
        }
    }
}

/// What the losses show, by the rules of `cinescore_artifact::course`; nothing where an epoch lacks one.
fn course(history: &History) -> Vec<Finding> {
    let loss = |split: &str, mode: &str, epoch: u32| {
        let curve = Curve {
            split: split.into(),
            mode: mode.into(),
        };
        history
            .curves
            .get("loss")?
            .get(&curve)?
            .get(&epoch)
            .copied()
    };
    let losses = (1..=history.epochs).map(|epoch| {
        Some(EpochLosses {
            trained: loss("train", "trained", epoch)?,
            evaluated: loss("train", "evaluated", epoch),
            valid: loss("valid", "evaluated", epoch)?,
        })
    });
    match (
        losses.collect::<Option<Vec<_>>>(),
        history.chosen.as_slice(),
    ) {
        // The trivial predictor's loss is in no table.
        (Some(losses), [chosen]) => course::findings(&losses, *chosen, None),
        _ => Vec::new(),
    }
}

fn figure(
    network: &Network,
    history: &History,
    name: &str,
    curves: &BTreeMap<Curve, BTreeMap<u32, f64>>,
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let columns: Vec<String> = curves.keys().map(curve_name).collect();
    let title = format!("{} by epoch", metric::capital(&metric::label(name)));
    let mut table = Table::new(
        format!("{} {name} by epoch", network.name),
        title.clone(),
        &["epoch"],
    );
    table.columns.extend(columns.iter().cloned());
    table.columns.push("kept".into());
    for epoch in 1..=history.epochs {
        let mut cells = vec![Cell::Count(epoch.into())];
        cells.extend(
            curves
                .values()
                .map(|curve| Cell::value(curve.get(&epoch).copied())),
        );
        cells.push(Cell::text(if history.chosen.contains(&epoch) {
            "kept"
        } else {
            ""
        }));
        table.row(cells);
    }
    let last: Vec<String> = curves
        .iter()
        .filter_map(|(curve, values)| {
            values
                .values()
                .next_back()
                .map(|value| format!("{} {}", curve_name(curve), number::value(*value)))
        })
        .collect();
    let plot = Lines {
        description: format!(
            "{title} of {}; at the end: {}.",
            network.name,
            last.join(", ")
        ),
        title,
        x_label: "epoch".into(),
        y_label: network
            .metrics
            .as_ref()
            .map_or(Subject::Reviews, Metrics::subject_of)
            .label_with_unit(name),
        lines: curves
            .iter()
            .map(|(curve, values)| Line {
                name: curve_name(curve),
                dashed: curve.split != "train",
                points: values
                    .iter()
                    .map(|(epoch, value)| (f64::from(*epoch), *value))
                    .collect(),
            })
            .collect(),
        mark: history
            .chosen
            .first()
            .map(|epoch| (f64::from(*epoch), "kept".into())),
    };
    parts.figure(&plot.draw()?, table)
}

fn curve_name(curve: &Curve) -> String {
    let split = if curve.split == "valid" {
        "validation"
    } else {
        &curve.split
    };
    format!(
        "{split}, {}",
        if curve.mode == "trained" {
            "as trained"
        } else {
            &curve.mode
        }
    )
}
