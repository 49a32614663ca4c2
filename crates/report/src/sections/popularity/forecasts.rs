//! Forecasts beside the truth, for the movies with the most ratings in the slots that are forecast.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cinescore_artifact::StageError;

use super::{Axes, Forecaster, best, main_figure};
use crate::count::popularity::{self, Movie};
use crate::metric;
use crate::page::{Block, Parts};
use crate::plot::{Line, Lines};
use crate::render::RenderError;
use crate::sections::text;
use crate::table::{Cell, Table};

/// Movies that are shown.
const MOVIES: usize = 4;
/// Slots of a movie that are shown, the last ones: more are no lines any more.
const SLOTS: usize = 60;

/// Adds a plot for each movie.
pub(super) fn show(
    windows: &Path,
    axes: Axes,
    forecasters: &[Forecaster<'_>],
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), StageError> {
    // Classes are no popularity: there is nothing to draw beside it.
    let Some(main @ "r2") = main_figure(forecasters) else {
        return Ok(());
    };
    let chosen = [true, false].map(|is_network| best(forecasters, is_network, main));
    let chosen: Vec<&Forecaster<'_>> = chosen.into_iter().flatten().collect();
    let movies = popularity::most_rated(windows, MOVIES)?;
    let ids: BTreeSet<u64> = movies
        .iter()
        .flat_map(|movie| movie.slots.values().map(|(id, _)| *id))
        .collect();
    let mut said: Vec<(String, BTreeMap<u64, f64>)> = Vec::new();
    for own in &chosen {
        if let Some(path) = own.predictions {
            said.push((own.short.clone(), popularity::predicted(path, &ids)?));
        }
    }
    if movies.is_empty() || said.is_empty() {
        return Ok(());
    }
    blocks.push(parts.heading("Forecasts and what came"));
    blocks.push(text(format!(
        "The movies with the most ratings in the test slots; each forecast is of the next slot, from those before it. The network \
         and the baseline are the ones that are best by {} on the validation windows.",
        metric::label(main)
    )));
    let mut figures = Vec::new();
    for movie in &movies {
        let (plot, table) = drawn(movie, axes, &said);
        figures.push(parts.figure(&plot.draw().map_err(RenderError::from)?, table)?);
    }
    blocks.push(Block::Figures { figures });
    Ok(())
}

fn drawn(movie: &Movie, axes: Axes, said: &[(String, BTreeMap<u64, f64>)]) -> (Lines, Table) {
    let title = format!("Movie {}", movie.id);
    let description = format!(
        "The popularity of movie {} in the test slots, and what was forecast of it; it has {} ratings in them.",
        movie.id,
        crate::number::count(movie.ratings)
    );
    let place = |slot: u32| axes.unit.map_or(f64::from(slot), |unit| unit.year(slot));
    let x_label = axes.unit.map_or("slot", |_| "year");
    let shown = movie.slots.len().saturating_sub(SLOTS);
    let slots = || movie.slots.iter().skip(shown);
    let mut lines = vec![Line {
        name: "truth".into(),
        dashed: false,
        points: slots()
            .map(|(slot, (_, own))| (place(*slot), *own))
            .collect(),
    }];
    for (name, own) in said {
        lines.push(Line {
            name: name.clone(),
            dashed: true,
            points: slots()
                .filter_map(|(slot, (id, _))| Some((place(*slot), *own.get(id)?)))
                .collect(),
        });
    }
    let names = said.iter().map(|(name, _)| name.as_str());
    let columns: Vec<&str> = ["slot", "truth"].into_iter().chain(names).collect();
    let mut table = Table::new(title.clone(), description.clone(), &columns);
    for (slot, (id, truth)) in &movie.slots {
        let mut cells = vec![Cell::Count((*slot).into()), Cell::Value(*truth)];
        let values = said.iter().map(|(_, own)| own.get(id).copied());
        cells.extend(values.map(Cell::value));
        table.row(cells);
    }
    let plot = Lines {
        title,
        description,
        x_label: x_label.into(),
        y_label: axes.measure.unwrap_or("popularity").into(),
        lines,
        mark: None,
    };
    (plot, table)
}
