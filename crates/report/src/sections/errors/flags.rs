//! The error with and without each flag of the predictions; which have which is the work of `predict flags`.

use super::Judged;
use crate::count::slices::{Measured, Slice};
use crate::page::{Block, Figure, Parts};
use crate::plot::{Point, Points};
use crate::render::RenderError;
use crate::sections::{absent, counted, text};
use crate::table::{Cell, Table};

/// The factor.
const FLAG: &str = "flag";
/// The level of predictions with any flag.
const ANY: &str = "any";

/// Shows one row for each flag.
pub(super) fn show(
    own: &Judged<'_>,
    slices: &[&Slice],
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let of = |metric: &str| -> Vec<&Slice> {
        let mut found: Vec<&Slice> = slices
            .iter()
            .copied()
            .filter(|one| one.factor == FLAG && one.metric == metric)
            .collect();
        found.sort_by_key(|one| one.place);
        found
    };
    let found = of(own.metric());
    let Some(any) = found.iter().find(|one| one.level == ANY) else {
        blocks.push(absent(
            "Nothing is known of the flags of these predictions: a stage `predict flags` gives the error with and without each.",
        ));
        return Ok(());
    };
    blocks.push(text(match any.n {
        0 => "No test prediction has a flag.".to_owned(),
        n => format!(
            "{} of {} have a flag, which says not to trust the prediction: a flag that warns rightly has a greater error \
             than the others, and an interval of the difference that is above 0.",
            counted(n, "test prediction"),
            crate::number::count(n + any.others_n)
        ),
    }));
    let figure = figure(own, &found, &of("coverage"), parts)?;
    blocks.push(Block::Figures {
        figures: vec![figure],
    });
    Ok(())
}

fn figure(
    own: &Judged<'_>,
    found: &[&Slice],
    coverage: &[&Slice],
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let label = own.label();
    let mut columns: Vec<String> = [
        "flag",
        "reviews with it",
        &format!("{label}, with the flag"),
        "lower, 95 %",
        "upper, 95 %",
        "reviews without it",
        &format!("{label}, without it"),
        "lower, 95 %",
        "upper, 95 %",
        "difference",
        "lower, 95 %",
        "upper, 95 %",
    ]
    .map(str::to_owned)
    .into();
    if !coverage.is_empty() {
        columns.push("90 % intervals that hold, with it".into());
        columns.push("without it".into());
    }
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(
        format!("{} flags", own.name),
        "Test errors with and without each flag",
        &names,
    );
    for one in found {
        let mut cells = vec![Cell::text(name(one)), Cell::Count(one.n)];
        cells.extend(three(one.own));
        cells.push(Cell::Count(one.others_n));
        cells.extend(three(one.others));
        cells.extend(three(one.difference));
        if !coverage.is_empty() {
            let held = coverage.iter().find(|held| held.level == one.level);
            cells.push(Cell::value(held.and_then(|held| held.own.value)));
            cells.push(Cell::value(held.and_then(|held| held.others.value)));
        }
        table.row(cells);
    }
    let plot = Points {
        title: "Errors with and without each flag".into(),
        description: format!(
            "Mean over the test reviews with each flag, and over those without it, which are orange, with 95 % intervals. {}",
            match found.iter().any(|one| one.n == 0) {
                true => "Flags that no review has are not drawn.",
                false => "",
            }
        ),
        row_label: "flag (reviews); orange: without it".into(),
        value_label: label.into(),
        points: found
            .iter()
            .filter(|one| one.n > 0)
            .flat_map(|one| {
                let point = |name: String, measured: Measured, kind| {
                    Some(Point {
                        name,
                        value: measured.value?,
                        interval: measured.interval,
                        kind,
                    })
                };
                let with = format!("{} ({})", name(one), crate::number::count(one.n));
                let without = match one.level.as_str() {
                    ANY => "no flag".to_owned(),
                    _ => format!("not {}", name(one)),
                };
                let without = format!("{without} ({})", crate::number::count(one.others_n));
                [point(with, one.own, 0), point(without, one.others, 1)]
            })
            .flatten()
            .collect(),
        mark: Some((own.mean(), "all test reviews".into())),
        wide: false,
    };
    parts.figure(&plot.draw()?, table)
}

fn name(one: &Slice) -> String {
    match one.level.as_str() {
        ANY => "any flag".into(),
        level => level.replace('_', " "),
    }
}

/// A figure and the ends of its interval.
pub(super) fn three(measured: Measured) -> [Cell; 3] {
    [
        Cell::value(measured.value),
        Cell::value(measured.interval.map(|ends| ends.0)),
        Cell::value(measured.interval.map(|ends| ends.1)),
    ]
}
