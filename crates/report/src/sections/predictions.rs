//! Predictions against the truth, a part of the section on results.

use super::{Network, absent, counted, text};
use crate::count::predictions::{BINS, Predictions, SplitPredictions, THRESHOLD};
use crate::metric::{Subject, capital};
use crate::number;
use crate::page::{Block, Figure, Parts};
use crate::plot::{BarSeries, Bars, Direction, Heat, Line, Lines};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// The splits of which one is shown in detail, best first.
const SHOWN: [&str; 4] = ["test", "valid", "calib", "train"];

/// What a network's predictions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Probabilities of a positive review.
    Binary,
    /// Stars.
    Stars,
}

/// Shows the predictions of a network.
pub(super) fn show(
    network: &Network,
    predictions: &Predictions,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let shown = SHOWN
        .iter()
        .find_map(|split| predictions.get_key_value(*split));
    let Some((split, counts)) = shown.or_else(|| predictions.first_key_value()) else {
        blocks.push(absent("The table of predictions is empty."));
        return Ok(());
    };
    if counts.not_finite > 0 {
        let lost = counted(counts.not_finite, "prediction");
        blocks.push(absent(format!(
            "{lost} for {split} reviews without a finite number: not counted below."
        )));
    }
    match task(network, counts) {
        Some(Task::Binary) => {
            blocks.push(text(format!(
                "{} for {split} reviews. A review counts as positive from a predicted probability of {THRESHOLD} on.",
                counted(counts.n, "prediction")
            )));
            let table = confusion(network, split, counts);
            blocks.push(Block::Figures {
                figures: vec![
                    parts.figure(&heat(&table, "predicted class").draw()?, table)?,
                    probabilities(network, split, counts, parts)?,
                    calibration(network, split, counts, parts)?,
                ],
            });
        }
        Some(Task::Stars) => {
            blocks.push(text(format!(
                "{} for {split} reviews.",
                counted(counts.n, "prediction")
            )));
            let table = rounded_by_score(network, split, counts);
            let plot = heat(&table, "prediction, rounded (stars)").draw()?;
            blocks.push(Block::Figures {
                figures: vec![
                    mean_by_score(network, split, counts, parts)?,
                    parts.figure(&plot, table)?,
                ],
            });
        }
        None => blocks.push(absent(
            "The predictions are neither classes nor stars: nothing is drawn of them.",
        )),
    }
    Ok(())
}

/// By the metrics, which say it; without them by the targets. None of windows, whose classes are no stars.
pub(super) fn task(network: &Network, counts: &SplitPredictions) -> Option<Task> {
    let has = |name: &str| {
        network
            .metrics
            .as_ref()
            .is_some_and(|metrics| metrics.rows.iter().any(|row| row.metric == name))
    };
    if network.subject() == Subject::Windows {
        return None;
    }
    if counts.no_class == 0 && (has("accuracy") || !has("mse")) {
        Some(Task::Binary)
    } else if counts.no_score == 0 {
        Some(Task::Stars)
    } else {
        None
    }
}

fn confusion(network: &Network, split: &str, counts: &SplitPredictions) -> Table {
    let mut table = Table::new(
        format!("{} confusion", network.name),
        format!("{} reviews by true and predicted class", capital(split)),
        &["true class", "predicted negative", "predicted positive"],
    );
    table.shaded = true;
    for (name, row) in ["negative", "positive"].iter().zip(counts.confusion) {
        table.row([Cell::text(*name), Cell::Count(row[0]), Cell::Count(row[1])]);
    }
    table
}

/// A table of counts as a plot.
fn heat(table: &Table, column_label: &str) -> Heat {
    let count = |cell: &Cell| match cell {
        Cell::Count(count) => *count,
        _ => 0,
    };
    let counts: Vec<Vec<u64>> = table
        .rows
        .iter()
        .map(|row| row[1..].iter().map(count).collect())
        .collect();
    let largest = counts.iter().flatten().max().copied().unwrap_or(0);
    Heat {
        title: "Predicted against true".into(),
        description: format!(
            "{}. A cell for each pair, the darker the more of its row; the largest has {}.",
            table.caption,
            counted(largest, "review")
        ),
        row_label: table.columns[0].clone(),
        column_label: column_label.into(),
        rows: table.rows.iter().map(|row| row[0].shown()).collect(),
        columns: table.columns[1..]
            .iter()
            .map(|name| name.trim_start_matches("predicted ").to_owned())
            .collect(),
        counts,
    }
}

/// How often the reviews of a predicted probability are truly positive.
fn calibration(
    network: &Network,
    split: &str,
    counts: &SplitPredictions,
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let title = "Calibration: share that is truly positive by predicted probability";
    let mut table = Table::new(
        format!("{} calibration", network.name),
        format!("{title}, {split} reviews"),
        &[
            "probability of positive",
            "reviews",
            "mean predicted probability",
            "share truly positive",
        ],
    );
    let mut points = Vec::new();
    for bin in 0..BINS {
        let [negative, positive] = counts.probabilities;
        let n = negative[bin] + positive[bin];
        let name = format!(
            "{:.1}–{:.1}",
            bin as f64 / BINS as f64,
            (bin + 1) as f64 / BINS as f64
        );
        let mean = counts.probability_sums[bin] / n as f64;
        let share = positive[bin] as f64 / n as f64;
        let known = n > 0;
        table.row([
            Cell::text(name),
            Cell::Count(n),
            Cell::value(known.then_some(mean)),
            Cell::value(known.then_some(share)),
        ]);
        if known {
            points.push((mean, share));
        }
    }
    let plot = Lines {
        title: "Calibration".into(),
        description: format!(
            "The share of truly positive reviews among those of a predicted probability, in tenths, over {}. A network that              means what it says lies on the diagonal.",
            counted(counts.n, "review")
        ),
        x_label: "mean predicted probability".into(),
        y_label: "share truly positive".into(),
        lines: vec![
            Line {
                name: network.name.clone(),
                dashed: false,
                points,
            },
            Line {
                name: "exact".into(),
                dashed: true,
                points: vec![(0.0, 0.0), (1.0, 1.0)],
            },
        ],
        mark: None,
    };
    parts.figure(&plot.draw()?, table)
}

fn probabilities(
    network: &Network,
    split: &str,
    counts: &SplitPredictions,
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let bins: Vec<String> = (0..BINS)
        .map(|bin| {
            format!(
                "{:.1}–{:.1}",
                bin as f64 / BINS as f64,
                (bin + 1) as f64 / BINS as f64
            )
        })
        .collect();
    let title = "Predicted probability by true class";
    let mut table = Table::new(
        format!("{} probabilities", network.name),
        format!("{title}, {split} reviews"),
        &[
            "probability of positive",
            "truly negative",
            "truly positive",
        ],
    );
    for (bin, name) in bins.iter().enumerate() {
        let [negative, positive] = counts.probabilities;
        table.row([
            Cell::text(name),
            Cell::Count(negative[bin]),
            Cell::Count(positive[bin]),
        ]);
    }
    let sure = counts.probabilities[0][0] + counts.probabilities[1][BINS - 1];
    let series = |name: &str, truth: usize| BarSeries {
        name: name.into(),
        values: counts.probabilities[truth]
            .iter()
            .map(|&count| count as f64)
            .collect(),
    };
    let plot = Bars {
        title: title.into(),
        description: format!(
            "Bars in tenths of probability. {} of {} lie in the outer tenth of their own class.",
            number::count(sure),
            counted(counts.n, "review")
        ),
        category_label: "predicted probability of a positive review".into(),
        value_label: "reviews".into(),
        categories: bins,
        series: vec![series("truly negative", 0), series("truly positive", 1)],
        direction: Direction::Up,
    };
    parts.figure(&plot.draw()?, table)
}

fn mean_by_score(
    network: &Network,
    split: &str,
    counts: &SplitPredictions,
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let title = "Mean prediction by true score";
    let mut table = Table::new(
        format!("{} means", network.name),
        format!("{title}, {split} reviews"),
        &[
            "true score (stars)",
            "reviews",
            "mean prediction (stars)",
            "mean absolute error (stars)",
        ],
    );
    let mut means = Vec::new();
    for (score, of_score) in &counts.scores {
        let n = of_score.n as f64;
        means.push((f64::from(*score), of_score.sum / n));
        table.row([
            Cell::Count((*score).into()),
            Cell::Count(of_score.n),
            Cell::Value(of_score.sum / n),
            Cell::Value(of_score.absolute_error / n),
        ]);
    }
    let ends = |mean: Option<&(f64, f64)>| {
        mean.map_or_else(String::new, |(score, mean)| {
            format!("{score} stars: {}", number::value(*mean))
        })
    };
    let plot = Lines {
        title: title.into(),
        description: format!(
            "Mean prediction at {}; at {}. Exact predictions would lie on the diagonal.",
            ends(means.first()),
            ends(means.last())
        ),
        x_label: "true score (stars)".into(),
        y_label: "mean prediction (stars)".into(),
        lines: vec![
            Line {
                name: network.name.clone(),
                dashed: false,
                points: means,
            },
            Line {
                name: "exact".into(),
                dashed: true,
                points: counts
                    .scores
                    .keys()
                    .map(|&score| (score.into(), score.into()))
                    .collect(),
            },
        ],
        mark: None,
    };
    parts.figure(&plot.draw()?, table)
}

fn rounded_by_score(network: &Network, split: &str, counts: &SplitPredictions) -> Table {
    let mut table = Table::new(
        format!("{} rounded", network.name),
        format!(
            "{} reviews by true score and prediction, rounded to stars",
            capital(split)
        ),
        &["true score"],
    );
    table
        .columns
        .extend((1..=10).map(|stars| format!("{stars}")));
    table.shaded = true;
    for (score, of_score) in &counts.scores {
        let mut cells = vec![Cell::Count((*score).into())];
        cells.extend(of_score.rounded.map(Cell::Count));
        table.row(cells);
    }
    table
}
