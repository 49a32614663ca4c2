//! The mean error of some of the reviews: by length, genre, year, unknown words, negation and contrast.

use std::collections::BTreeMap;

use super::Judged;
use crate::count::known::Known;
use crate::page::{Block, Figure, Parts};
use crate::plot::{Point, Points};
use crate::render::RenderError;
use crate::sections::counted;
use crate::table::{Cell, Table};

/// Slices with fewer reviews than this are in the table, and not drawn: their mean says little.
const LEAST: u64 = 10;
/// Genres that are drawn.
const GENRES: usize = 10;

/// A slice's order among its factor's, and its name.
type Slice = (u32, String);

/// Shows all factors of a network's reviews.
pub(super) fn show(
    own: &Judged<'_>,
    known: &BTreeMap<u64, Known>,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let factors: [(&str, fn(&Known) -> Vec<Slice>); 6] = [
        ("length", length),
        ("unknown words", unknown),
        ("negation", negation),
        ("contrast", contrast),
        ("genre", genre),
        ("decade", decade),
    ];
    let mut figures = Vec::new();
    for (factor, of) in factors {
        let mut slices: BTreeMap<Slice, (u64, f64)> = BTreeMap::new();
        for row in own.rows {
            for slice in known.get(&row.id).map(of).unwrap_or_default() {
                let (n, sum) = slices.entry(slice).or_default();
                *n += 1;
                *sum += own.error(row);
            }
        }
        // A single slice says nothing that the mean does not.
        if slices.len() > 1 {
            figures.push(figure(own, factor, slices, parts)?);
        }
    }
    if !figures.is_empty() {
        blocks.push(Block::Figures { figures });
    }
    Ok(())
}

fn figure(
    own: &Judged<'_>,
    factor: &str,
    slices: BTreeMap<Slice, (u64, f64)>,
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let mut table = Table::new(
        format!("{} errors by {factor}", own.name),
        format!("Test errors by {factor}"),
        &[factor, "reviews", own.label()],
    );
    let mut all: Vec<(String, u64, f64)> = slices
        .into_iter()
        .map(|((_, name), (n, sum))| (name, n, sum / n as f64))
        .collect();
    if factor == "genre" {
        all.sort_by_key(|(_, n, _)| std::cmp::Reverse(*n));
    }
    for (name, n, mean) in &all {
        table.row([Cell::text(name), Cell::Count(*n), Cell::Value(*mean)]);
    }
    all.retain(|(_, n, _)| *n >= LEAST);
    if factor == "genre" {
        all.truncate(GENRES);
    }
    let worst = all.iter().max_by(|a, b| a.2.total_cmp(&b.2));
    let words = worst.map_or_else(String::new, |(name, n, mean)| {
        format!(
            "Worst: {name}, {} over {}.",
            crate::number::value(*mean),
            counted(*n, "review")
        )
    });
    let plot = Points {
        title: format!("Errors by {factor}"),
        description: format!("Mean over the test reviews of each {factor}. {words}"),
        row_label: format!("{factor} (reviews)"),
        value_label: own.label().into(),
        points: all
            .iter()
            .map(|(name, n, mean)| Point {
                name: format!("{name} ({})", crate::number::count(*n)),
                value: *mean,
                interval: None,
                kind: 0,
            })
            .collect(),
        mark: Some((own.mean(), "all test reviews".into())),
        wide: false,
    };
    parts.figure(&plot.draw()?, table)
}

fn length(known: &Known) -> Vec<Slice> {
    let of = |ids: u32| match ids {
        ..=100 => (0, "to 100 ids"),
        101..=200 => (1, "101 to 200"),
        201..=400 => (2, "201 to 400"),
        _ => (3, "above 400"),
    };
    let slice = known.ids.map(|(ids, _)| of(ids));
    slice
        .map(|(at, name)| (at, name.to_owned()))
        .into_iter()
        .collect()
}

fn unknown(known: &Known) -> Vec<Slice> {
    let of = |(ids, unknown): (u32, u32)| match f64::from(unknown) / f64::from(ids.max(1)) {
        0.0 => (0, "none"),
        part if part <= 0.02 => (1, "to 2 %"),
        part if part <= 0.05 => (2, "2 to 5 %"),
        part if part <= 0.1 => (3, "5 to 10 %"),
        _ => (4, "above 10 %"),
    };
    known
        .ids
        .map(of)
        .map(|(at, name)| (at, name.to_owned()))
        .into_iter()
        .collect()
}

fn several(count: u32) -> Vec<Slice> {
    let (at, name) = match count {
        0 => (0, "none"),
        1..=2 => (1, "1 or 2"),
        3..=5 => (2, "3 to 5"),
        _ => (3, "6 and more"),
    };
    vec![(at, name.to_owned())]
}

fn negation(known: &Known) -> Vec<Slice> {
    match known.text.is_empty() {
        true => Vec::new(),
        false => several(known.negations),
    }
}

fn contrast(known: &Known) -> Vec<Slice> {
    match known.text.is_empty() {
        true => Vec::new(),
        false => several(known.contrasts),
    }
}

fn genre(known: &Known) -> Vec<Slice> {
    known
        .genres
        .iter()
        .map(|genre| (0, genre.clone()))
        .collect()
}

fn decade(known: &Known) -> Vec<Slice> {
    let decade = known.year.map(|year| year.div_euclid(10) * 10);
    decade
        .map(|decade| (u32::try_from(decade).unwrap_or(0), format!("{decade}s")))
        .into_iter()
        .collect()
}
