//! Errors by tenth of the movies and by age, the best network beside the best baselines.

use cinescore_artifact::StageError;

use super::{Forecaster, TEST, VALID, best, main_figure};
use crate::metric;
use crate::page::{Block, Figure, Parts};
use crate::plot::{BarSeries, Bars, Direction, Line, Lines};
use crate::render::RenderError;
use crate::sections::text;
use crate::table::{Cell, Table};

/// Baselines beside the network.
const BASELINES: usize = 3;
/// Ages as the figures name them, and as people do.
const AGES: [(&str, &str); 6] = [
    ("0_to_1", "0 to 1"),
    ("2_to_4", "2 to 4"),
    ("5_to_9", "5 to 9"),
    ("10_to_19", "10 to 19"),
    ("20_and_more", "20 +"),
    ("unknown", "?"),
];

/// Adds the figures.
pub(super) fn show(
    forecasters: &[Forecaster<'_>],
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), StageError> {
    let Some(main) = main_figure(forecasters) else {
        return Ok(());
    };
    let mut shown: Vec<&Forecaster<'_>> = best(forecasters, true, main).into_iter().collect();
    let mut baselines: Vec<&Forecaster<'_>> =
        forecasters.iter().filter(|own| !own.is_network).collect();
    let valid = |own: &Forecaster<'_>| own.figure(VALID, main).unwrap_or(f64::NEG_INFINITY);
    baselines.sort_by(|a, b| valid(b).total_cmp(&valid(a)));
    baselines.truncate(BASELINES);
    shown.extend(baselines);
    let mut figures = Vec::new();
    for figure in ["mae", "r2"] {
        figures.extend(by_decile(&shown, figure, parts)?);
    }
    for figure in ["mae", "r2"] {
        figures.extend(by_age(&shown, figure, parts)?);
    }
    if figures.is_empty() {
        return Ok(());
    }
    blocks.push(text(format!(
        "The network and the {BASELINES} baselines that are best by {} on the validation windows. Tenths are of the movies by their \
         ratings up to the end of training; the tenth one has the most.",
        metric::label(main)
    )));
    blocks.push(Block::Figures { figures });
    Ok(())
}

fn by_decile(
    shown: &[&Forecaster<'_>],
    figure: &str,
    parts: &mut Parts,
) -> Result<Option<Figure>, StageError> {
    let name = |decile: u32| format!("{figure}_of_decile_{decile:02}");
    let value = |own: &Forecaster<'_>, decile: u32| own.figure(TEST, &name(decile));
    if !shown.iter().any(|own| value(own, 10).is_some()) {
        return Ok(None);
    }
    let title = format!("{} by tenth of the movies", title_of(figure));
    let description = format!("{title}, on the test windows.");
    let line = |own: &&Forecaster<'_>| Line {
        name: own.short.clone(),
        dashed: !own.is_network,
        points: (1..=10)
            .filter_map(|decile| Some((decile.into(), value(own, decile)?)))
            .collect(),
    };
    let plot = Lines {
        title: title.clone(),
        description: description.clone(),
        x_label: "tenth of the movies, by ratings".into(),
        y_label: label(figure),
        lines: shown.iter().map(line).collect(),
        mark: None,
    };
    let names: Vec<String> = shown.iter().map(|own| own.short.clone()).collect();
    let columns: Vec<&str> = ["tenth", "windows"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(title, description, &columns);
    for decile in 1..=10 {
        let count = shown
            .iter()
            .find_map(|own| own.metrics.find(TEST, &name(decile)));
        let mut cells = vec![
            Cell::Count(decile.into()),
            Cell::Count(count.map_or(0, |row| row.n)),
        ];
        cells.extend(shown.iter().map(|own| Cell::value(value(own, decile))));
        table.row(cells);
    }
    Ok(Some(
        parts.figure(&plot.draw().map_err(RenderError::from)?, table)?,
    ))
}

fn by_age(
    shown: &[&Forecaster<'_>],
    figure: &str,
    parts: &mut Parts,
) -> Result<Option<Figure>, StageError> {
    let value =
        |own: &Forecaster<'_>, age: &str| own.figure(TEST, &format!("{figure}_of_age_{age}"));
    let ages: Vec<(&str, &str)> = AGES
        .into_iter()
        .filter(|(age, _)| shown.iter().any(|own| value(own, age).is_some()))
        .collect();
    if ages.is_empty() {
        return Ok(None);
    }
    let title = format!("{} by age of the movie", title_of(figure));
    let description = format!("{title}, on the test windows.");
    let values: Vec<Vec<f64>> = shown
        .iter()
        .map(|own| {
            let values = ages.iter();
            values
                .map(|(age, _)| value(own, age).unwrap_or(f64::NAN))
                .collect()
        })
        .collect();
    // Bars grow from 0: what may be below it is drawn as lines over the ages in their order.
    let below = values.iter().flatten().any(|value| *value < 0.0);
    let plot = if below {
        let line = |(own, values): (&&Forecaster<'_>, &Vec<f64>)| Line {
            name: own.short.clone(),
            dashed: !own.is_network,
            points: (1..)
                .zip(values)
                .map(|(place, value): (u32, _)| (place.into(), *value))
                .collect(),
        };
        let names: Vec<&str> = ages.iter().map(|(_, name)| *name).collect();
        Lines {
            title: title.clone(),
            description: description.clone(),
            x_label: format!("years since release, group of: {}", names.join("; ")),
            y_label: label(figure),
            lines: shown.iter().zip(&values).map(line).collect(),
            mark: None,
        }
        .draw()
        .map_err(RenderError::from)?
    } else {
        let series = |(own, values): (&&Forecaster<'_>, &Vec<f64>)| BarSeries {
            name: own.short.clone(),
            values: values
                .iter()
                .map(|value| if value.is_finite() { *value } else { 0.0 })
                .collect(),
        };
        Bars {
            title: title.clone(),
            description: description.clone(),
            category_label: "years since release".into(),
            value_label: label(figure),
            categories: ages.iter().map(|(_, name)| (*name).to_owned()).collect(),
            series: shown.iter().zip(&values).map(series).collect(),
            direction: Direction::Up,
        }
        .draw()
        .map_err(RenderError::from)?
    };
    let names: Vec<String> = shown.iter().map(|own| own.short.clone()).collect();
    let columns: Vec<&str> = ["years since release", "windows"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(title, description, &columns);
    for (index, (age, name)) in ages.iter().enumerate() {
        let figure = format!("{figure}_of_age_{age}");
        let count = shown.iter().find_map(|own| own.metrics.find(TEST, &figure));
        let mut cells = vec![Cell::text(*name), Cell::Count(count.map_or(0, |row| row.n))];
        cells.extend(values.iter().map(|own| Cell::Value(own[index])));
        table.row(cells);
    }
    Ok(Some(parts.figure(&plot, table)?))
}

/// As short as a title must be.
fn title_of(figure: &str) -> String {
    match figure {
        "mae" => "Error".into(),
        _ => metric::label(figure),
    }
}

fn label(figure: &str) -> String {
    match figure {
        "mae" => "Mean absolute error".into(),
        _ => metric::label(figure),
    }
}
