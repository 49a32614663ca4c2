//! The section on training: learning curves.

use std::collections::BTreeMap;

use cinescore_artifact::course::{self, EpochLosses, Finding};

use super::{Network, absent, counted, text};
use crate::count::history::{Curve, History};
use crate::count::metrics::Metrics;
use crate::metric::{self, Subject};
use crate::number;
use crate::page::{Block, Figure, Parts, Section};
use crate::plot::{Line, Lines, Multiples, Panel};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// More networks than this have small plots.
const TOGETHER: usize = 6;

/// The section.
pub(crate) fn section(networks: &[Network], parts: &mut Parts) -> Result<Section, RenderError> {
    let mut section = parts.section("Training");
    if networks.is_empty() {
        section.blocks.push(absent("No network was given."));
    }
    let trained = networks.iter().filter(|network| network.history.is_some());
    let many = trained.clone().count() > TOGETHER;
    if trained.clone().count() > 1 {
        section.blocks.push(Block::Table {
            table: parts.table(verdicts(trained))?,
        });
    }
    if many {
        section.blocks.push(text(
            "Losses of all networks on one scale; the upright line is the epoch that was kept. The other curves are in \
             tables/*-by-epoch.csv.",
        ));
        multiples(networks, &mut section, parts)?;
        return Ok(section);
    }
    for network in networks {
        // A baseline has no course, and says nothing here.
        if network.history.is_none() && networks.len() > 1 {
            continue;
        }
        section.blocks.push(parts.network_heading(&network.name));
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

/// How each training went, in a row.
fn verdicts<'a>(networks: impl Iterator<Item = &'a Network>) -> Table {
    let columns = [
        "network",
        "epochs",
        "kept",
        "training loss",
        "validation loss",
        "verdict",
    ];
    let caption =
        "How the trainings went; losses at the kept epoch, each on its network's own scale";
    let mut table = Table::new("trainings", caption, &columns);
    for network in networks {
        let Some(history) = &network.history else {
            continue;
        };
        let chosen = history.chosen.first().copied();
        let at = |split: &str, mode: &str| {
            let curve = Curve {
                split: split.into(),
                mode: mode.into(),
            };
            history
                .curves
                .get("loss")?
                .get(&curve)?
                .get(&chosen?)
                .copied()
        };
        let findings: Vec<String> = course(history)
            .iter()
            .map(|own| short(&own.to_string()))
            .collect();
        table.row([
            Cell::text(&network.name),
            Cell::Count(history.epochs.into()),
            chosen.map_or(Cell::Missing, |epoch| Cell::Count(epoch.into())),
            Cell::value(at("train", "evaluated").or_else(|| at("train", "trained"))),
            Cell::value(at("valid", "evaluated")),
            match findings.as_slice() {
                [] => Cell::Missing,
                some => Cell::text(some.join("; ")),
            },
        ]);
    }
    table
}

/// A finding without its figures, which stand beside it.
fn short(finding: &str) -> String {
    let words = finding.split_once(':').map_or(finding, |(words, _)| words);
    match words.starts_with("the validation loss of") {
        true => "validation below training, by dropout".into(),
        false => words.to_owned(),
    }
}

/// The losses of all networks in small plots, grouped by the stage that trained them; every curve in a file.
fn multiples(
    networks: &[Network],
    section: &mut Section,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let mut groups: Vec<(&str, Vec<(&Network, &History)>)> = Vec::new();
    for network in networks {
        let Some(history) = &network.history else {
            continue;
        };
        for (name, curves) in &history.curves {
            parts.table(curves_table(network, history, name, curves))?;
        }
        let stage = network.stage.split('[').next().unwrap_or_default();
        match groups.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, members)) => members.push((network, history)),
            None => groups.push((stage, vec![(network, history)])),
        }
    }
    for (stage, members) in groups {
        let lines = [
            ("train", "evaluated"),
            ("train", "trained"),
            ("valid", "evaluated"),
        ];
        let mut table = Table::new(
            format!("{stage} losses"),
            format!("Losses of {stage} at the last epoch"),
            &[
                "network",
                "training, dropout off",
                "training, as trained",
                "validation",
            ],
        );
        let mut panels = Vec::new();
        for (network, history) in members {
            let curve = |(split, mode): (&str, &str)| -> Vec<(f64, f64)> {
                let curve = Curve {
                    split: split.into(),
                    mode: mode.into(),
                };
                let values = history
                    .curves
                    .get("loss")
                    .and_then(|curves| curves.get(&curve));
                let values = values.into_iter().flatten();
                values
                    .map(|(epoch, value)| (f64::from(*epoch), *value))
                    .collect()
            };
            let curves: Vec<Vec<(f64, f64)>> = lines.map(curve).into();
            let mut cells = vec![Cell::text(&network.name)];
            cells.extend(
                curves
                    .iter()
                    .map(|curve| Cell::value(curve.last().map(|last| last.1))),
            );
            table.row(cells);
            panels.push(Panel {
                name: network.name.clone(),
                lines: curves,
                mark: history.chosen.first().map(|epoch| f64::from(*epoch)),
            });
        }
        let plot = Multiples {
            title: format!("Losses of {stage}"),
            description: format!(
                "Training and validation loss by epoch of {}, all on one scale.",
                counted(panels.len() as u64, "network")
            ),
            axes: "loss, by epoch".into(),
            lines: [
                "training, dropout off",
                "training, as trained",
                "validation",
            ]
            .map(String::from)
            .into(),
            panels,
        };
        let figures = vec![parts.figure(&plot.draw()?, table)?];
        section.blocks.push(Block::Figures { figures });
    }
    Ok(())
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
    let title = format!("{} by epoch", metric::capital(&metric::label(name)));
    let table = curves_table(network, history, name, curves);
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

fn curves_table(
    network: &Network,
    history: &History,
    name: &str,
    curves: &BTreeMap<Curve, BTreeMap<u32, f64>>,
) -> Table {
    let columns: Vec<String> = curves.keys().map(curve_name).collect();
    let mut table = Table::new(
        format!("{} {name} by epoch", network.name),
        format!("{} by epoch", metric::capital(&metric::label(name))),
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
    table
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
