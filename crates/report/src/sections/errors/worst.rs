//! The worst errors with their texts, and the reviews whose label may be wrong.

use std::collections::BTreeMap;

use super::Judged;
use crate::count::known::Known;
use crate::count::predictions::Evaluated;
use crate::number;
use crate::page::{Block, Parts};
use crate::render::RenderError;
use crate::sections::predictions::Task;
use crate::sections::{absent, text};
use crate::table::{Cell, Table};

/// What is said of a review.
const COLUMNS: [&str; 6] = [
    "review",
    "title",
    "true",
    "predicted",
    "90 % interval",
    "beginning of the text",
];
/// Rows of each table.
const SHOWN: usize = 8;
/// How far off all networks must be for a label to be doubted: stars, or probability.
const FAR_STARS: f64 = 5.0;
const FAR_PROBABILITY: f64 = 0.9;

/// Shows the worst errors of a network.
pub(super) fn show(
    own: &Judged<'_>,
    known: &BTreeMap<u64, Known>,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let mut rows: Vec<&Evaluated> = own.rows.iter().collect();
    let off = |row: &Evaluated| (row.predicted - row.target).abs();
    // A stable sort: ties stay in the order of their ids.
    rows.sort_by(|a, b| off(b).total_cmp(&off(a)));
    let mut table = Table::new(
        format!("{} worst", own.name),
        "The worst test errors",
        &COLUMNS,
    );
    for row in rows.into_iter().take(SHOWN) {
        table.row(cells(row, known));
    }
    blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}

fn cells(row: &Evaluated, known: &BTreeMap<u64, Known>) -> Vec<Cell> {
    let known = known.get(&row.id);
    let title = known.and_then(|known| {
        let title = known.title.as_ref()?;
        Some(match known.year {
            Some(year) => format!("{title} ({year})"),
            None => title.clone(),
        })
    });
    vec![
        Cell::text(row.id.to_string()),
        title.map_or(Cell::Missing, Cell::text),
        // A class or stars: no digits behind the point.
        Cell::text(number::plain(row.target)),
        Cell::Value(row.predicted),
        row.interval.map_or(Cell::Missing, |(lower, upper)| {
            Cell::text(format!(
                "{} to {}",
                number::value(lower),
                number::value(upper)
            ))
        }),
        known
            .filter(|known| !known.text.is_empty())
            .map_or(Cell::Missing, |known| Cell::text(&known.text)),
    ]
}

/// Reviews that every network is far off at, on the same side: rather than the networks, the label may be wrong.
pub(super) fn noise(
    all: &[Judged<'_>],
    known: &BTreeMap<u64, Known>,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    for (task, far, name) in [
        (Task::Stars, FAR_STARS, "stars"),
        (Task::Binary, FAR_PROBABILITY, "of a probability of 1"),
    ] {
        let networks: Vec<&Judged<'_>> = all.iter().filter(|own| own.task == task).collect();
        let Some((first, others)) = networks.split_first() else {
            continue;
        };
        // By review: the network that is nearest to the label, and how many there were.
        let mut nearest: BTreeMap<u64, (Evaluated, usize)> = BTreeMap::new();
        for row in first.rows {
            nearest.insert(row.id, (row.clone(), 1));
        }
        for own in others {
            for row in own.rows {
                if let Some((best, count)) = nearest.get_mut(&row.id) {
                    let same_side =
                        (row.predicted - row.target) * (best.predicted - best.target) > 0.0;
                    let (new, old) = (row.predicted - row.target, best.predicted - best.target);
                    if !same_side || new.abs() < old.abs() {
                        *best = row.clone();
                    }
                    *count += usize::from(same_side);
                }
            }
        }
        let off = |row: &Evaluated| (row.predicted - row.target).abs();
        let mut doubted: Vec<Evaluated> = nearest
            .into_values()
            .filter(|(row, count)| *count == networks.len() && off(row) >= far)
            .map(|(row, _)| row)
            .collect();
        doubted.sort_by(|a, b| off(b).total_cmp(&off(a)));
        blocks.push(parts.heading(match task {
            Task::Stars => "Labels to look at (stars)",
            Task::Binary => "Labels to look at (classes)",
        }));
        let who = match networks.len() {
            1 => "the network".to_owned(),
            n => format!("each of {n} networks"),
        };
        if doubted.is_empty() {
            blocks.push(absent(format!(
                "No test review is {far} {name} or more off for {who}."
            )));
            continue;
        }
        blocks.push(text(format!(
            "Test reviews for which {who} is {far} {name} or more off, on the same side: the label may be wrong, or the \
             review ironic. Shown is the prediction that is nearest to the label.",
        )));
        let mut table = Table::new(
            format!("doubted {task:?}"),
            format!(
                "{} of {} such reviews",
                SHOWN.min(doubted.len()),
                doubted.len()
            ),
            &COLUMNS,
        );
        for row in doubted.iter().take(SHOWN) {
            table.row(cells(row, known));
        }
        blocks.push(Block::Table {
            table: parts.table(table)?,
        });
    }
    Ok(())
}
