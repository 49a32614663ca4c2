//! The section on comparisons: networks in pairs, and their seeds.

use cinescore_artifact::StageError;
use cinescore_artifact::tables::{COMPARISONS, SPREADS};

use super::{absent, text};
use crate::count::comparisons::{Comparison, Spread, comparisons, spreads};
use crate::inputs::Group;
use crate::metric::{self, Subject};
use crate::page::{Block, Parts, Section};
use crate::table::{Cell, Table};

/// The split of the figures.
const TEST: &str = "test";
/// So many pairs are on the page; all are in the file beside it.
const SHOWN: usize = 60;

/// The section.
/// `subject`: what the networks' own metrics are about, where the compared ones do not say it.
pub(crate) fn section(
    groups: &[Group],
    subject: Subject,
    parts: &mut Parts,
) -> Result<Section, StageError> {
    let mut section = parts.section("Comparisons");
    let mut given = false;
    for group in groups {
        if let Some(path) = group.table(&COMPARISONS) {
            given = true;
            pairs(
                &group.name,
                &comparisons(path)?,
                subject,
                &mut section,
                parts,
            )?;
        }
        if let Some(path) = group.table(&SPREADS) {
            given = true;
            seeds(&group.name, &spreads(path)?, subject, &mut section, parts)?;
        }
    }
    if !given {
        let words = "No comparisons were given: a stage `train compare` makes them.";
        section.blocks.push(absent(words));
    }
    Ok(section)
}

/// The best-known metric of some on the test split.
fn main_metric<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    rows.filter(|(split, _)| *split == TEST)
        .map(|(_, metric)| metric)
        .min_by_key(|name| metric::order(name))
}

fn pairs(
    name: &str,
    rows: &[Comparison],
    subject: Subject,
    section: &mut Section,
    parts: &mut Parts,
) -> Result<(), StageError> {
    let Some(main) = main_metric(rows.iter().map(|row| (&*row.split, &*row.metric))) else {
        let words = format!("`{name}` compares nothing on the test split.");
        section.blocks.push(absent(words));
        return Ok(());
    };
    let subject = subject.or(Subject::of(rows.iter().map(|row| &*row.metric)));
    let main_label = subject.label_with_unit(main);
    let caption = format!(
        "{} of each pair on the test {}s",
        metric::capital(&main_label),
        subject.example()
    );
    let mut table = Table::new(format!("{name} pairs"), caption, &PAIR);
    let own = |row: &&Comparison| row.split == TEST && row.metric == main;
    let count = rows.iter().filter(own).count();
    for row in rows.iter().filter(own).take(SHOWN) {
        table.row(cells(row));
    }
    let rest = match count.checked_sub(SHOWN) {
        Some(more @ 1..) => format!(" {more} more pairs are in the file only."),
        _ => String::new(),
    };
    section.blocks.push(text(format!(
        "Each pair met the same resamples of the examples. p is not corrected for the number of pairs; a difference that is \
         smaller than the spread between seeds is called so, whatever its p. Other figures and splits are in \
         tables/{}.csv.{rest}",
        crate::text::slug(&format!("{name} all"))
    )));
    section.blocks.push(Block::Table {
        table: parts.table(standings(name, rows.iter().filter(own), &main_label))?,
    });
    section.blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    let mut columns: Vec<&str> = vec!["split", "metric"];
    columns.extend(PAIR);
    let mut all = Table::new(format!("{name} all"), "All comparisons", &columns);
    for row in rows {
        let mut own = vec![Cell::text(&row.split), Cell::text(&row.metric)];
        own.extend(cells(row));
        all.row(own);
    }
    // For its file alone.
    parts.table(all)?;
    Ok(())
}

/// For each configuration which others it beats, and which not: a network that does not beat a baseline is seen at once.
fn standings<'a>(name: &str, rows: impl Iterator<Item = &'a Comparison>, metric: &str) -> Table {
    let mut all: Vec<(&str, [Vec<&str>; 3])> = Vec::new();
    let mut note = |one: &'a str, other: &'a str, place: usize| {
        let at = all.iter().position(|(own, _)| *own == one);
        let at = at.unwrap_or_else(|| {
            all.push((one, Default::default()));
            all.len() - 1
        });
        all[at].1[place].push(other);
    };
    for row in rows {
        let (first, second) = match &*verdict(row) {
            "first is better" => (0, 2),
            "second is better" => (2, 0),
            _ => (1, 1),
        };
        note(&row.a, &row.b, first);
        note(&row.b, &row.a, second);
    }
    let caption = format!(
        "{}: who is better than whom on test",
        crate::metric::capital(metric)
    );
    let columns = [
        "network or baseline",
        "better than",
        "no clear difference from",
        "worse than",
    ];
    let mut table = Table::new(format!("{name} standings"), caption, &columns);
    for (own, others) in all {
        let mut cells = vec![Cell::text(own)];
        cells.extend(others.iter().map(|names| Cell::text(names.join(", "))));
        table.row(cells);
    }
    table
}

/// What is said of a pair, by [`cells`].
const PAIR: [&str; 8] = [
    "first",
    "second",
    "first less second",
    "lower, 95 %",
    "upper, 95 %",
    "p",
    "spread between seeds",
    "verdict",
];

fn cells(row: &Comparison) -> Vec<Cell> {
    vec![
        Cell::text(&row.a),
        Cell::text(&row.b),
        Cell::Value(row.difference),
        Cell::value(row.interval.map(|ends| ends.0)),
        Cell::value(row.interval.map(|ends| ends.1)),
        Cell::value(row.p),
        Cell::value(row.spread),
        Cell::text(verdict(row)),
    ]
}

/// The verdict as people read it: which is better, where it is known which way is better.
fn verdict(row: &Comparison) -> String {
    use std::cmp::Ordering;
    if row.verdict != "higher" && row.verdict != "lower" {
        return row.verdict.clone();
    }
    match metric::compare(&row.metric, row.difference, 0.0) {
        Some(Ordering::Greater) => "first is better".into(),
        Some(Ordering::Less) => "second is better".into(),
        _ => format!("first is {}", row.verdict),
    }
}

fn seeds(
    name: &str,
    rows: &[Spread],
    subject: Subject,
    section: &mut Section,
    parts: &mut Parts,
) -> Result<(), StageError> {
    if rows.iter().all(|row| row.runs < 2) {
        let words = "Every network was trained with one seed: how much another would have changed is not known.";
        section.blocks.push(absent(words));
        return Ok(());
    }
    let Some(main) = main_metric(rows.iter().map(|row| (&*row.split, &*row.metric))) else {
        return Ok(());
    };
    let columns = [
        "network",
        "seeds",
        "mean",
        "standard deviation",
        "least",
        "greatest",
    ];
    let subject = subject.or(Subject::of(rows.iter().map(|row| &*row.metric)));
    let label = subject.label_with_unit(main);
    let caption = format!(
        "{} over the seeds, on the test {}s",
        metric::capital(&label),
        subject.example()
    );
    let mut table = Table::new(format!("{name} seeds"), caption, &columns);
    for row in rows {
        if row.split == TEST && row.metric == main {
            table.row([
                Cell::text(&row.subject),
                Cell::Count(row.runs.into()),
                Cell::Value(row.mean),
                Cell::value(row.spread),
                Cell::Value(row.least),
                Cell::Value(row.greatest),
            ]);
        }
    }
    section.blocks.push(Block::Table {
        table: parts.table(table)?,
    });
    Ok(())
}
