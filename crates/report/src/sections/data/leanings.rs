//! Which groups of titles have more positive reviews than the others; the tests are `ingest leanings`'.

use super::Data;
use crate::count::leanings::Leaning;
use crate::inputs::Group;
use crate::page::{Block, Parts};
use crate::plot::{Point, Points};
use crate::render::RenderError;
use crate::sections::{absent, counted, text};
use crate::table::{Cell, Table};

/// The rate of false discoveries that is accepted.
const RATE: f64 = 0.05;
/// Groups of a factor that are drawn: those with the most reviews.
const SHOWN: usize = 14;

/// Shows the tests of one table.
pub(super) fn show(
    group: &Group,
    all: &[Leaning],
    data: &mut Data,
    parts: &mut Parts,
) -> Result<(), RenderError> {
    let blocks = &mut data.section.blocks;
    if all.is_empty() {
        blocks.push(absent(
            "No review with a polarity has a title: nothing was tested.",
        ));
        return Ok(());
    }
    let clear = all
        .iter()
        .filter(|own| own.q.is_some_and(|q| q < RATE))
        .count();
    let tested = all.iter().filter(|own| own.p.is_some()).count();
    blocks.push(text(format!(
        "{} of {} have another share of positive reviews than the others of their kind, at a rate of false discoveries of \
         5 % (two-proportion z-tests, corrected after Benjamini and Hochberg). Reviews of one title are alike: each side's \
         are divided by the design effect (Rao and Scott 1992) before they are tested. Cohen's h says how much it is: 0.2 is \
         small, 0.5 medium.",
        clear,
        counted(tested as u64, "group"),
    )));
    let mut figures = Vec::new();
    let mut factors: Vec<&str> = all.iter().map(|own| own.factor.as_str()).collect();
    factors.dedup();
    for factor in factors {
        let mut own: Vec<&Leaning> = all.iter().filter(|own| own.factor == factor).collect();
        if own.len() < 2 {
            continue;
        }
        let mut table = Table::new(
            format!("{} {factor}", group.name),
            format!("Share of positive reviews by {factor}, less that of the others"),
            &[
                factor,
                "reviews",
                "positive",
                "titles",
                "design effect",
                "difference",
                "lower, 95 %",
                "upper, 95 %",
                "Cohen's h",
                "z",
                "p",
                "q",
                "p if independent",
            ],
        );
        for one in &own {
            table.row([
                Cell::text(&one.level),
                Cell::Count(one.reviews),
                Cell::Part(one.positive, one.reviews),
                Cell::Count(one.titles),
                Cell::value(one.design),
                Cell::value(one.difference),
                Cell::value(one.interval.map(|ends| ends.0)),
                Cell::value(one.interval.map(|ends| ends.1)),
                Cell::value(one.effect),
                Cell::value(one.z),
                Cell::value(one.p),
                Cell::value(one.q),
                Cell::value(one.p_independent),
            ]);
        }
        own.sort_by_key(|one| std::cmp::Reverse(one.reviews));
        own.truncate(SHOWN);
        // Those of a scale stand in its order, those without one by how they lean.
        if factor == "genre" || factor == "type" {
            own.sort_by(|a, b| {
                b.difference
                    .unwrap_or(0.0)
                    .total_cmp(&a.difference.unwrap_or(0.0))
            });
        } else {
            let place = |one: &Leaning| all.iter().position(|other| std::ptr::eq(other, one));
            own.sort_by_key(|one| place(one));
        }
        let plot = Points {
            title: format!("Which {factor}s lean"),
            description: format!(
                "The share of positive reviews of each {factor} less that of the others, with its 95 % interval. Orange \
                 points are different at a rate of false discoveries of 5 %."
            ),
            row_label: format!("{factor}; orange: different at 5 %"),
            value_label: "difference of the shares".into(),
            points: own
                .iter()
                .filter_map(|one| {
                    Some(Point {
                        name: one.level.clone(),
                        value: one.difference?,
                        interval: one.interval,
                        kind: usize::from(one.q.is_some_and(|q| q < RATE)),
                    })
                })
                .collect(),
            mark: Some((0.0, "no difference".into())),
            wide: false,
        };
        figures.push(parts.figure(&plot.draw()?, table)?);
    }
    blocks.push(Block::Figures { figures });
    Ok(())
}
