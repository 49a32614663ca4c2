//! The section on sweeps: leaderboard, parallel coordinates, and how much each variable mattered.
//!
//! The importance of a variable is the part of the metric's variance over the trials that a split of the trials by it
//! accounts for (the ratio of the sum of squares between groups to the whole one, eta squared): its values themselves
//! where they are few, else four groups of as many trials each. Trials that were stopped earlier are left out, for they are
//! not measured where the others are.

use serde_json::Value;

use super::{absent, counted, text};
use crate::count::sweep::{Leaderboard, Trial};
use crate::metric::capital;
use crate::number;
use crate::page::{Block, Parts, Section};
use crate::plot::{Axis, BarSeries, Bars, Direction, Parallel, Strand};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// More different numbers than this are put into groups.
const VALUES: usize = 6;
/// Groups of many different numbers.
const GROUPS: usize = 4;
/// Of the trials, the part that is drawn as the best.
const BEST: usize = 5;

/// The section; none where no sweep was given.
pub(crate) fn section(
    boards: &[&Leaderboard],
    parts: &mut Parts,
) -> Result<Option<Section>, RenderError> {
    if boards.is_empty() {
        return Ok(None);
    }
    let mut section = parts.section("Sweep");
    for board in boards {
        let done: Vec<&Trial> = measured(board);
        let way = if board.maximize { "more" } else { "less" };
        section.blocks.push(text(format!(
            "{} of `{}`, judged by {}, of which {way} is better. {} went as far as the furthest; only those are drawn and weighed.",
            counted(board.rows.len() as u64, "trial"),
            board.stage,
            board.metric,
            counted(done.len() as u64, "trial"),
        )));
        if done.is_empty() {
            section.blocks.push(absent("No trial has the metric."));
        } else {
            let figures = vec![
                parallel(board, &done, parts)?,
                importance(board, &done, parts)?,
            ];
            section.blocks.push(Block::Figures { figures });
        }
        let table = leaderboard(board);
        section.blocks.push(Block::Table {
            table: parts.table(table)?,
        });
    }
    Ok(Some(section))
}

/// The trials with a figure at the furthest rung.
fn measured(board: &Leaderboard) -> Vec<&Trial> {
    let has = |trial: &&Trial| trial.metric.is_some_and(f64::is_finite);
    let furthest = board.rows.iter().filter(has).map(|trial| trial.rung).max();
    let own = board.rows.iter().filter(has);
    own.filter(|trial| Some(trial.rung) == furthest).collect()
}

fn shown(value: &Value) -> String {
    match (value.as_f64(), value.as_str()) {
        (Some(value), _) => number::plain(value),
        (_, Some(text)) => text.to_owned(),
        _ => value.to_string(),
    }
}

fn leaderboard(board: &Leaderboard) -> Table {
    let rungs = board.rows.iter().any(|trial| trial.rung.is_some());
    let mut columns = vec!["trial", "standing"];
    if rungs {
        columns.push("went to");
    }
    columns.push(&board.metric);
    columns.extend(board.variables.iter().map(String::as_str));
    let mut table = Table::new(
        format!("{} sweep", board.stage),
        "Leaderboard, the best first",
        &columns,
    );
    for trial in &board.rows {
        let mut cells = vec![
            Cell::text(trial.trial.to_string()),
            Cell::text(&trial.standing),
        ];
        if rungs {
            cells.push(trial.rung.map_or(Cell::Missing, Cell::Count));
        }
        cells.push(Cell::value(trial.metric));
        cells.extend(trial.values.iter().map(|value| match value.as_f64() {
            Some(value) => Cell::Value(value),
            None => Cell::text(shown(value)),
        }));
        table.row(cells);
    }
    table
}

/// Places from 0 to 1 of values on an axis: numbers by their size (by their logarithm where they span two orders of it),
/// others by their rank; and the ends of the axis.
fn places(values: &[&Value]) -> (Vec<Option<f64>>, (String, String)) {
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.as_f64()).collect();
    if let Some(numbers) = numbers {
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let scale = |value: f64| {
            if low > 0.0 && high / low >= 20.0 {
                value.ln()
            } else {
                value
            }
        };
        let span = scale(high) - scale(low);
        let place = |value: &f64| {
            Some(if span > 0.0 {
                (scale(*value) - scale(low)) / span
            } else {
                0.5
            })
        };
        return (
            numbers.iter().map(place).collect(),
            (number::plain(low), number::plain(high)),
        );
    }
    let mut names: Vec<String> = values.iter().map(|value| shown(value)).collect();
    names.sort();
    names.dedup();
    let last = names.len().max(2) as f64 - 1.0;
    let place = |value: &&Value| {
        let at = names.iter().position(|name| *name == shown(value))?;
        Some(at as f64 / last)
    };
    let ends = (names.first().cloned(), names.last().cloned());
    (
        values.iter().map(place).collect(),
        (ends.0.unwrap_or_default(), ends.1.unwrap_or_default()),
    )
}

fn parallel(
    board: &Leaderboard,
    done: &[&Trial],
    parts: &mut Parts,
) -> Result<crate::page::Figure, RenderError> {
    let metrics: Vec<Value> = done.iter().map(|trial| Value::from(trial.metric)).collect();
    let mut columns: Vec<(String, Vec<&Value>)> = board
        .variables
        .iter()
        .enumerate()
        .map(|(index, name)| {
            (
                name.clone(),
                done.iter().map(|trial| &trial.values[index]).collect(),
            )
        })
        .collect();
    columns.push((board.metric.clone(), metrics.iter().collect()));
    let mut axes = Vec::new();
    let mut by_trial: Vec<Vec<Option<f64>>> = vec![Vec::new(); done.len()];
    for (name, values) in &columns {
        let (places, ends) = places(values);
        axes.push(Axis {
            name: name.clone(),
            ends,
        });
        for (own, place) in by_trial.iter_mut().zip(places) {
            own.push(place);
        }
    }
    let strands = done
        .iter()
        .zip(by_trial)
        .enumerate()
        .map(|(index, (trial, places))| {
            let values = board.variables.iter().zip(&trial.values);
            let values: Vec<String> = values
                .map(|(name, value)| format!("{name} {}", shown(value)))
                .collect();
            Strand {
                hint: format!(
                    "trial {}: {} {}; {}",
                    trial.trial,
                    board.metric,
                    trial.metric.map_or_else(String::new, number::value),
                    values.join(", ")
                ),
                places,
                best: index < BEST.min(done.len().div_ceil(3)),
            }
        });
    let plot = Parallel {
        title: "Trials".into(),
        description: format!(
            "A line for each of {} trials, across one axis for each variable and one for {}.",
            done.len(),
            board.metric
        ),
        axes,
        strands: strands.collect(),
    };
    let mut table = leaderboard(board);
    table.name = format!("{} trials", board.stage);
    parts.picture(&plot.draw()?, &table)
}

fn importance(
    board: &Leaderboard,
    done: &[&Trial],
    parts: &mut Parts,
) -> Result<crate::page::Figure, RenderError> {
    let metrics: Vec<f64> = done.iter().filter_map(|trial| trial.metric).collect();
    let mut table = Table::new(
        format!("{} importance", board.stage),
        format!(
            "Part of the variance of {} that each variable accounts for",
            board.metric
        ),
        &["variable", "part", "best value"],
    );
    let mut all: Vec<(String, f64)> = Vec::new();
    for (index, name) in board.variables.iter().enumerate() {
        let values: Vec<&Value> = done.iter().map(|trial| &trial.values[index]).collect();
        all.push((name.clone(), accounted(&groups(&values), &metrics)));
    }
    for (index, (name, part)) in all.iter().enumerate() {
        let best = done.first().map_or(Cell::Missing, |trial| {
            Cell::text(shown(&trial.values[index]))
        });
        table.row([Cell::text(name), Cell::Value(*part), best]);
    }
    let most = all.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let plot = Bars {
        title: "What mattered".into(),
        description: format!(
            "The part of the variance of {} between the trials that goes with each variable, by itself. {} has the most. With \
             few trials chance has its part in it too.",
            board.metric,
            most.map_or_else(String::new, |(name, _)| capital(name)),
        ),
        category_label: "variable".into(),
        value_label: "part of the variance".into(),
        categories: all.iter().map(|(name, _)| name.clone()).collect(),
        series: vec![BarSeries {
            name: "part".into(),
            values: all.iter().map(|(_, part)| *part).collect(),
        }],
        direction: Direction::Right,
    };
    parts.figure(&plot.draw()?, table)
}

/// The group of each value.
fn groups(values: &[&Value]) -> Vec<usize> {
    let mut names: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    names.sort();
    names.dedup();
    if names.len() <= VALUES || values.iter().any(|value| value.as_f64().is_none()) {
        let place = |value: &&Value| names.iter().position(|name| *name == value.to_string());
        return values
            .iter()
            .map(|value| place(value).unwrap_or(0))
            .collect();
    }
    let size = |index: usize| values[index].as_f64().unwrap_or(0.0);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| size(a).total_cmp(&size(b)));
    let mut groups = vec![0; values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        groups[index] = rank * GROUPS / values.len();
    }
    groups
}

/// The part of the variance that is between the groups; 0 where all figures are alike.
fn accounted(groups: &[usize], figures: &[f64]) -> f64 {
    let mean = |figures: &[f64]| figures.iter().sum::<f64>() / figures.len().max(1) as f64;
    let all = mean(figures);
    let whole: f64 = figures.iter().map(|figure| (figure - all).powi(2)).sum();
    let last = groups.iter().max().copied().unwrap_or(0);
    let between: f64 = (0..=last)
        .map(|group| {
            let own: Vec<f64> = groups
                .iter()
                .zip(figures)
                .filter(|(own, _)| **own == group)
                .map(|(_, figure)| *figure)
                .collect();
            own.len() as f64 * (mean(&own) - all).powi(2)
        })
        .filter(|part| part.is_finite())
        .sum();
    if whole > 0.0 { between / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_that_decides_accounts_for_all_and_one_that_does_not_for_nothing() {
        let figures = [1.0, 1.0, 3.0, 3.0];
        assert_eq!(accounted(&[0, 0, 1, 1], &figures), 1.0);
        assert_eq!(accounted(&[0, 1, 0, 1], &figures), 0.0);
        assert_eq!(accounted(&[0, 1], &[2.0, 2.0]), 0.0);
    }

    #[test]
    fn many_numbers_are_put_into_groups_of_one_size() {
        let values: Vec<Value> = (0..8).map(|n| json!(f64::from(n) * 0.1)).collect();
        let values: Vec<&Value> = values.iter().collect();
        assert_eq!(groups(&values), [0, 0, 1, 1, 2, 2, 3, 3]);
        let few = [json!("b"), json!("a"), json!("b")];
        assert_eq!(groups(&few.iter().collect::<Vec<_>>()), [1, 0, 1]);
    }

    #[test]
    fn numbers_over_orders_of_size_stand_by_their_logarithm() {
        let values = [json!(0.001), json!(0.01), json!(0.1)];
        let (found, ends) = places(&values.iter().collect::<Vec<_>>());
        assert!((found[1].unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(ends, ("0.001".into(), "0.1".into()));
    }
}
