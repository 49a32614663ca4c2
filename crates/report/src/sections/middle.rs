//! The section on the missing middle: where networks place a score that they were never shown.
//!
//! No training review has 5 or 6 stars, so that nothing can be measured there. A network whose training left out an observed
//! score (`hold_out` of `train fit`) is measured at that score instead, on the test reviews that have it. The kind of network
//! that is nearest there is the one to trust between the scores that were seen.

use std::collections::BTreeMap;

use cinescore_artifact::task::Provenance;
use serde_json::Value;

use super::{Network, absent, text};
use crate::count::predictions::ScorePredictions;
use crate::number;
use crate::page::{Block, Parts, Section};
use crate::plot::{BarSeries, Bars, Direction};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// The split of the figures.
const TEST: &str = "test";

/// A network at a score that it was not shown, or at the same score though it was.
struct Placed<'a> {
    network: &'a str,
    task: String,
    score: u8,
    /// Whether the training reviews had the score.
    seen: bool,
    counts: &'a ScorePredictions,
}

impl Placed<'_> {
    fn mean(&self) -> f64 {
        self.counts.sum / self.counts.n as f64
    }

    fn error(&self) -> f64 {
        self.counts.absolute_error / self.counts.n as f64
    }
}

/// The section; none where no network was kept from a score.
pub(crate) fn section(
    networks: &[Network],
    provenance: Option<&Provenance>,
    parts: &mut Parts,
) -> Result<Option<Section>, RenderError> {
    let held_out: BTreeMap<&str, Vec<u8>> = networks
        .iter()
        .map(|network| (network.name.as_str(), scores(network, provenance)))
        .collect();
    let mut all_scores: Vec<u8> = held_out.values().flatten().copied().collect();
    all_scores.sort_unstable();
    all_scores.dedup();
    if all_scores.is_empty() {
        return Ok(None);
    }
    let mut section = parts.section("The missing middle");
    section.blocks.push(text(
        "No training review has 5 or 6 stars. Here an observed score was kept from the networks too, so that it can be seen \
         where they place test reviews of a score that they have never met. The nearer, the more the network can be trusted \
         between the scores that it was shown. Beside them stand networks that did meet the score.",
    ));
    let mut placed: Vec<Placed<'_>> = Vec::new();
    for &score in &all_scores {
        for network in networks {
            let predictions = network.predictions.as_ref().and_then(|all| all.get(TEST));
            let Some(counts) = predictions.and_then(|split| split.scores.get(&score)) else {
                continue;
            };
            placed.push(Placed {
                network: &network.name,
                task: param(network, provenance, "task")
                    .and_then(Value::as_str)
                    .unwrap_or("unknown")
                    .to_owned(),
                score,
                seen: !held_out[network.name.as_str()].contains(&score),
                counts,
            });
        }
    }
    if placed.iter().all(|own| own.seen) {
        section.blocks.push(absent(
            "No test review has a score that was held out: nothing can be said.",
        ));
        return Ok(Some(section));
    }
    section.blocks.push(text(trust(&placed)));
    let mut table = Table::new(
        "missing middle",
        "Test reviews of the scores that were held out",
        &[
            "network",
            "task",
            "true score",
            "in training",
            "reviews",
            "mean prediction (stars)",
            "mean absolute error (stars)",
            "rounded to the score",
        ],
    );
    for own in &placed {
        table.row([
            Cell::text(own.network),
            Cell::text(&own.task),
            Cell::Count(own.score.into()),
            Cell::text(if own.seen { "yes" } else { "held out" }),
            Cell::Count(own.counts.n),
            Cell::Value(own.mean()),
            Cell::Value(own.error()),
            Cell::Part(own.counts.rounded[usize::from(own.score) - 1], own.counts.n),
        ]);
    }
    let mut figures = Vec::new();
    for &score in &all_scores {
        figures.push(histogram(score, &placed, parts)?);
    }
    section.blocks.push(Block::Figures { figures });
    section.blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(Some(section))
}

/// Which kind of network is nearest to the scores that it was not shown.
fn trust(placed: &[Placed<'_>]) -> String {
    let mut tasks: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for own in placed.iter().filter(|own| !own.seen) {
        let (sum, count) = tasks.entry(&own.task).or_default();
        *sum += own.error();
        *count += 1.0;
    }
    let mut means: Vec<(&str, f64)> = tasks
        .into_iter()
        .map(|(task, (sum, count))| (task, sum / count))
        .collect();
    means.sort_by(|a, b| a.1.total_cmp(&b.1));
    let figures: Vec<String> = means
        .iter()
        .map(|(task, mean)| format!("{task} {}", number::value(*mean)))
        .collect();
    match means.as_slice() {
        [(best, _), _, ..] => format!(
            "Nearest to the scores that were held out is task {best}: mean absolute errors there, in stars, are {}. This is the \
             kind to trust for the middle of the scale, as far as these networks and scores tell.",
            figures.join(", ")
        ),
        _ => format!(
            "The mean absolute error at the scores that were held out is, in stars, {}. With one kind of network there is nothing to compare.",
            figures.join(", ")
        ),
    }
}

fn histogram(
    score: u8,
    placed: &[Placed<'_>],
    parts: &mut Parts,
) -> Result<crate::page::Figure, RenderError> {
    let own: Vec<&Placed<'_>> = placed
        .iter()
        .filter(|own| own.score == score && !own.seen)
        .collect();
    let mut table = Table::new(
        format!("held out {score}"),
        format!(
            "Test reviews with {score} stars by prediction, rounded, of networks that never met the score"
        ),
        &["prediction (stars)"],
    );
    table
        .columns
        .extend(own.iter().map(|own| own.network.to_owned()));
    for stars in 1..=10usize {
        let mut cells = vec![Cell::Count(stars as u64)];
        cells.extend(
            own.iter()
                .map(|own| Cell::Count(own.counts.rounded[stars - 1])),
        );
        table.row(cells);
    }
    let plot = Bars {
        title: format!("Where {score} stars are placed unseen"),
        description: format!(
            "Bars by the predicted stars of test reviews that truly have {score}, for {} networks that were trained without that score.",
            own.len()
        ),
        category_label: "prediction, rounded (stars)".into(),
        value_label: format!("share of the reviews with {score} stars"),
        categories: (1..=10).map(|stars| stars.to_string()).collect(),
        series: own
            .iter()
            .map(|own| BarSeries {
                name: own.network.to_owned(),
                values: own
                    .counts
                    .rounded
                    .iter()
                    .map(|&n| n as f64 / own.counts.n as f64)
                    .collect(),
            })
            .collect(),
        direction: Direction::Up,
    };
    parts.figure(&plot.draw()?, table)
}

/// A parameter of the stage that trained a network.
fn param<'a>(
    network: &Network,
    provenance: Option<&'a Provenance>,
    name: &str,
) -> Option<&'a Value> {
    let mut stages = provenance?.stages.iter();
    stages
        .find(|stage| stage.stage == network.stage)?
        .params
        .get(name)
}

fn scores(network: &Network, provenance: Option<&Provenance>) -> Vec<u8> {
    let list = param(network, provenance, "hold_out").and_then(Value::as_array);
    let numbers = list.into_iter().flatten().filter_map(Value::as_u64);
    numbers
        .filter_map(|score| u8::try_from(score).ok())
        .collect()
}
