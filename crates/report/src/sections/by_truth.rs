//! The error of every network per true score, side by side: which part of the scale each is good at.

use std::collections::BTreeMap;

use super::Network;
use super::predictions::{Task, task};
use crate::page::{Figure, Parts};
use crate::plot::{Line, Lines, Multiples, Panel, Plot, PlotError};
use crate::render::RenderError;
use crate::table::{Cell, Table};

/// The split of the errors.
const TEST: &str = "test";
/// More networks than this have a plot each.
const TOGETHER: usize = 6;

/// Figures by true score of the networks that predict stars; none where there are fewer than two.
pub(super) fn figures(networks: &[Network], parts: &mut Parts) -> Result<Vec<Figure>, RenderError> {
    let of_stars: Vec<(&str, &BTreeMap<u8, _>)> = networks
        .iter()
        .filter_map(|network| {
            let counts = network.predictions.as_ref()?.get(TEST)?;
            (task(network, counts)? == Task::Stars)
                .then_some((network.name.as_str(), &counts.scores))
        })
        .collect();
    if of_stars.len() < 2 {
        return Ok(Vec::new());
    }
    let mut scores: Vec<u8> = of_stars
        .iter()
        .flat_map(|(_, own)| own.keys().copied())
        .collect();
    scores.sort_unstable();
    scores.dedup();
    let mut figures = Vec::new();
    for (what, title, of) in [
        (
            "absolute errors",
            "Mean absolute error by true score",
            (|own: &crate::count::predictions::ScorePredictions| own.absolute_error / own.n as f64)
                as fn(&crate::count::predictions::ScorePredictions) -> f64,
        ),
        ("mean predictions", "Mean prediction by true score", |own| {
            own.sum / own.n as f64
        }),
    ] {
        let mut table = Table::new(
            format!("all {what} by score"),
            format!("{title}, test reviews (stars)"),
            &["true score", "reviews"],
        );
        table
            .columns
            .extend(of_stars.iter().map(|(name, _)| (*name).to_owned()));
        for score in &scores {
            let n = of_stars
                .iter()
                .filter_map(|(_, own)| own.get(score))
                .map(|own| own.n)
                .max();
            let mut cells = vec![
                Cell::Count((*score).into()),
                n.map_or(Cell::Missing, Cell::Count),
            ];
            cells.extend(
                of_stars
                    .iter()
                    .map(|(_, own)| Cell::value(own.get(score).map(of))),
            );
            table.row(cells);
        }
        let lines: Vec<(&str, Vec<(f64, f64)>)> = of_stars
            .iter()
            .map(|(name, own)| {
                let points = own.iter().map(|(score, own)| (f64::from(*score), of(own)));
                (*name, points.collect())
            })
            .collect();
        figures.push(parts.figure(&draw(title, &lines)?, table)?);
    }
    Ok(figures)
}

fn draw(title: &str, lines: &[(&str, Vec<(f64, f64)>)]) -> Result<Plot, PlotError> {
    let description = format!(
        "{title} of {} networks, in stars, over the test reviews of each score.",
        lines.len()
    );
    if lines.len() <= TOGETHER {
        return Lines {
            title: title.into(),
            description,
            x_label: "true score (stars)".into(),
            y_label: "stars".into(),
            lines: lines
                .iter()
                .map(|(name, points)| Line {
                    name: (*name).to_owned(),
                    dashed: false,
                    points: points.clone(),
                })
                .collect(),
            mark: None,
        }
        .draw();
    }
    Multiples {
        title: title.into(),
        description,
        axes: "stars, by true score (stars)".into(),
        lines: vec!["network".into()],
        panels: lines
            .iter()
            .map(|(name, points)| Panel {
                name: (*name).to_owned(),
                lines: vec![points.clone()],
                mark: None,
            })
            .collect(),
    }
    .draw()
}
