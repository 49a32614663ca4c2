//! The section on the missing middle: where networks place a score that they were never shown.
//!
//! No training review has 5 or 6 stars, so that nothing can be measured there. A network whose training left out an observed
//! score (`hold_out` of `train fit`) is measured at that score instead, on the test reviews that have it. The kind of network
//! that is nearest there is the one to trust between the scores that were seen.

use cinescore_artifact::task::Provenance;
use serde_json::Value;

use super::{Network, absent, text};
use crate::count::predictions::ScorePredictions;
use crate::number;
use crate::page::{Block, Parts, Section};
use crate::plot::{BarSeries, Bars, Direction};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// The middle of the scale, stars.
const MIDDLE: f64 = 5.5;
/// The split of the figures.
const TEST: &str = "test";

/// A network at a score that it was not shown, or at the same score though it was.
struct Placed<'a> {
    network: &'a str,
    task: String,
    score: u8,
    /// Whether the training reviews had the score.
    seen: bool,
    /// Whether nothing was held out.
    whole: bool,
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
    let mut all_scores: Vec<u8> = networks
        .iter()
        .flat_map(|network| network.held_out.iter().copied())
        .collect();
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
                seen: !network.held_out.contains(&score),
                whole: network.held_out.is_empty(),
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

/// How far each kind of network is from the scores that it was not shown, against a constant in the middle and against the
/// same kind that was shown them.
fn trust(placed: &[Placed<'_>]) -> String {
    let unseen: Vec<&Placed<'_>> = placed.iter().filter(|own| !own.seen).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let constant: Vec<f64> = unseen
        .iter()
        .map(|own| (f64::from(own.score) - MIDDLE).abs())
        .collect();
    let constant = mean(&constant);
    let mut tasks: Vec<&str> = unseen.iter().map(|own| own.task.as_str()).collect();
    tasks.sort_unstable();
    tasks.dedup();
    // By task: the error, and by how much it is more than that of networks of this task that met the score.
    let mut kinds: Vec<(&str, f64, Option<f64>)> = Vec::new();
    for task in tasks {
        let own: Vec<&&Placed<'_>> = unseen.iter().filter(|own| own.task == task).collect();
        let errors: Vec<f64> = own.iter().map(|own| own.error()).collect();
        let more: Vec<f64> = own
            .iter()
            .filter_map(|own| {
                let same = |other: &&Placed<'_>| {
                    other.whole && other.task == task && other.score == own.score
                };
                Some(own.error() - placed.iter().find(same)?.error())
            })
            .collect();
        kinds.push((task, mean(&errors), (!more.is_empty()).then(|| mean(&more))));
    }
    let figures: Vec<String> = kinds
        .iter()
        .map(|(task, error, more)| {
            let more = more.map_or_else(String::new, |more| {
                format!(" ({} against {task} networks that met them)", signed(more))
            });
            format!("{task} {}{more}", number::value(*error))
        })
        .collect();
    let mut words = format!(
        "Mean absolute error at the scores that were held out, in stars: {}; of a constant {MIDDLE}: {}. ",
        figures.join(", "),
        number::value(constant)
    );
    let nearest = kinds.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let steadiest = kinds
        .iter()
        .filter_map(|(task, _, more)| Some((*task, (*more)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    match (nearest, steadiest) {
        _ if kinds.len() < 2 => words.push_str("With one kind of network there is nothing to compare."),
        (Some((task, error, _)), _) if *error < constant => words.push_str(&format!(
            "Task {task} is nearest, and nearer than a constant: the kind to trust for the middle of the scale, as far as these tell."
        )),
        (Some(_), Some((task, _))) => words.push_str(&format!(
            "None is nearer than a constant: networks this weak say more about the middle by leaning to it than by reading. Task {task} \
             loses least by not having met a score."
        )),
        _ => words.push_str("None is nearer than a constant: none is to be trusted for the middle of the scale."),
    }
    words
}

/// A difference with its sign.
fn signed(difference: f64) -> String {
    match difference > 0.0 {
        true => format!("+{}", number::value(difference)),
        false => number::value(difference),
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

/// The scores that the training of a stage left out.
pub(super) fn held_out(stage: &str, provenance: Option<&Provenance>) -> Vec<u8> {
    let mut stages = provenance
        .into_iter()
        .flat_map(|provenance| &provenance.stages);
    let params = stages.find(|own| own.stage == stage).map(|own| &own.params);
    let list = params.and_then(|params| params.get("hold_out")?.as_array());
    let numbers = list.into_iter().flatten().filter_map(Value::as_u64);
    numbers
        .filter_map(|score| u8::try_from(score).ok())
        .filter(|score| (1..=10).contains(score))
        .collect()
}
