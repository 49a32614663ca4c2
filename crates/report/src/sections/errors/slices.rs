//! The mean error of some of the reviews: by length, genre, year, unknown words, negation and contrast.

use std::collections::BTreeMap;

use super::Judged;
use super::flags::three;
use crate::count::known::Known;
use crate::count::slices::{Measured, Slice};
use crate::page::{Block, Figure, Parts};
use crate::plot::{Point, Points};
use crate::render::RenderError;
use crate::sections::{absent, counted};
use crate::table::{Cell, Table};

/// Slices with fewer reviews than this are in the table, and not drawn: their mean says little.
const LEAST: u64 = 10;
/// Genres that are drawn.
const GENRES: usize = 10;

/// A slice's order among its factor's, and its name.
type Place = (u32, String);
/// The slices that a review is in.
type Slicing = fn(&Known) -> Vec<Place>;

/// The mean error of a slice.
struct Shown {
    name: String,
    n: u64,
    own: Measured,
    /// The table's row; none where the mean was taken here.
    row: Option<Slice>,
}

/// The factors in their order.
const FACTORS: [(&str, Slicing); 6] = [
    ("length", length),
    ("unknown words", unknown),
    ("negation", negation),
    ("contrast", contrast),
    ("genre", genre),
    ("decade", decade),
];

/// Shows all factors of a network's reviews: those of the table, or where there is none means over the reviews.
pub(super) fn show(
    own: &Judged<'_>,
    known: &BTreeMap<u64, Known>,
    slices: &[&Slice],
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let is_own = |one: &&&Slice| one.metric == own.metric();
    let measured: Vec<&Slice> = slices.iter().filter(is_own).copied().collect();
    let given = FACTORS
        .iter()
        .any(|(factor, _)| measured.iter().any(|one| one.factor == *factor));
    let mut figures = Vec::new();
    for (factor, of) in FACTORS {
        let mut shown = match given {
            true => of_table(factor, &measured),
            false => of_reviews(own, known, of),
        };
        if factor == "genre" {
            shown.sort_by_key(|one| std::cmp::Reverse(one.n));
        }
        // A single slice says nothing that the mean does not.
        if shown.len() > 1 {
            figures.push(figure(own, factor, shown, slices, parts)?);
        }
    }
    if !given && !figures.is_empty() {
        blocks.push(absent(
            "Errors by slice are without intervals: a stage `train slices` gives them.",
        ));
    }
    if !figures.is_empty() {
        blocks.push(Block::Figures { figures });
    }
    Ok(())
}

fn of_table(factor: &str, measured: &[&Slice]) -> Vec<Shown> {
    let mut found: Vec<&Slice> = measured
        .iter()
        .copied()
        .filter(|one| one.factor == factor)
        .collect();
    found.sort_by_key(|one| one.place);
    let shown = |one: &Slice| Shown {
        name: one.level.clone(),
        n: one.n,
        own: one.own,
        row: Some(one.clone()),
    };
    found.into_iter().map(shown).collect()
}

fn of_reviews(own: &Judged<'_>, known: &BTreeMap<u64, Known>, of: Slicing) -> Vec<Shown> {
    let mut sums: BTreeMap<Place, (u64, f64)> = BTreeMap::new();
    for row in own.rows {
        for place in known.get(&row.id).map(of).unwrap_or_default() {
            let (n, sum) = sums.entry(place).or_default();
            *n += 1;
            *sum += own.error(row);
        }
    }
    let shown = |((_, name), (n, sum)): (Place, (u64, f64))| Shown {
        name,
        n,
        own: Measured {
            value: Some(sum / n as f64),
            interval: None,
        },
        row: None,
    };
    sums.into_iter().map(shown).collect()
}

/// The columns of a table with intervals, behind the slice's name and its number of reviews.
fn columns(own: &Judged<'_>, has_coverage: bool) -> Vec<String> {
    let mut columns: Vec<String> = [
        own.label(),
        "lower, 95 %",
        "upper, 95 %",
        "other reviews",
        "error of those",
        "difference",
        "lower, 95 %",
        "upper, 95 %",
    ]
    .map(str::to_owned)
    .into();
    if has_coverage {
        columns.push("90 % intervals that hold".into());
    }
    columns
}

fn figure(
    own: &Judged<'_>,
    factor: &str,
    mut all: Vec<Shown>,
    slices: &[&Slice],
    parts: &mut Parts,
) -> Result<Figure, RenderError> {
    let with_intervals = all.iter().any(|one| one.row.is_some());
    let coverage: BTreeMap<u32, f64> = slices
        .iter()
        .filter(|one| one.factor == factor && one.metric == "coverage")
        .filter_map(|one| Some((one.place, one.own.value?)))
        .collect();
    let mut names = vec![factor.to_owned(), "reviews".into()];
    match with_intervals {
        true => names.extend(columns(own, !coverage.is_empty())),
        false => names.push(own.label().into()),
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut table = Table::new(
        format!("{} errors by {factor}", own.name),
        format!("Test errors by {factor}"),
        &names,
    );
    for one in &all {
        let mut cells = vec![Cell::text(&one.name), Cell::Count(one.n)];
        match &one.row {
            None => cells.push(Cell::value(one.own.value)),
            Some(row) => {
                cells.extend(three(row.own));
                cells.extend([Cell::Count(row.others_n), Cell::value(row.others.value)]);
                cells.extend(three(row.difference));
                if !coverage.is_empty() {
                    cells.push(Cell::value(coverage.get(&row.place).copied()));
                }
            }
        }
        table.row(cells);
    }
    all.retain(|one| one.n >= LEAST);
    if factor == "genre" {
        all.truncate(GENRES);
    }
    let value = |one: &Shown| one.own.value.unwrap_or(f64::NAN);
    let worst = all.iter().max_by(|a, b| value(a).total_cmp(&value(b)));
    let words = worst.map_or_else(String::new, |one| {
        format!(
            "Worst: {}, {} over {}.",
            one.name,
            crate::number::value(value(one)),
            counted(one.n, "review")
        )
    });
    let plot = Points {
        title: format!("Errors by {factor}"),
        description: format!(
            "Mean over the test reviews of each {factor}{}. {words}",
            if with_intervals {
                ", with its 95 % interval"
            } else {
                ""
            }
        ),
        row_label: format!("{factor} (reviews)"),
        value_label: own.label().into(),
        points: all
            .iter()
            .filter_map(|one| {
                Some(Point {
                    name: format!("{} ({})", one.name, crate::number::count(one.n)),
                    value: one.own.value?,
                    interval: one.own.interval,
                    kind: 0,
                })
            })
            .collect(),
        mark: Some((own.mean(), "all test reviews".into())),
        wide: false,
    };
    parts.figure(&plot.draw()?, table)
}

fn length(known: &Known) -> Vec<Place> {
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

fn unknown(known: &Known) -> Vec<Place> {
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

fn several(count: u32) -> Vec<Place> {
    let (at, name) = match count {
        0 => (0, "none"),
        1..=2 => (1, "1 or 2"),
        3..=5 => (2, "3 to 5"),
        _ => (3, "6 and more"),
    };
    vec![(at, name.to_owned())]
}

fn negation(known: &Known) -> Vec<Place> {
    match known.text.is_empty() {
        true => Vec::new(),
        false => several(known.negations),
    }
}

fn contrast(known: &Known) -> Vec<Place> {
    match known.text.is_empty() {
        true => Vec::new(),
        false => several(known.contrasts),
    }
}

fn genre(known: &Known) -> Vec<Place> {
    known
        .genres
        .iter()
        .map(|genre| (0, genre.clone()))
        .collect()
}

fn decade(known: &Known) -> Vec<Place> {
    let decade = known.year.map(|year| year.div_euclid(10) * 10);
    decade
        .map(|decade| (u32::try_from(decade).unwrap_or(0), format!("{decade}s")))
        .into_iter()
        .collect()
}
