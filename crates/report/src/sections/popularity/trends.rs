//! How popularity looks: over time, over movies, after a movie appears, by genre, and what goes with the next value.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::StageError;

use crate::count::popularity::{self, Point};
use crate::page::{Block, Figure, Parts};
use crate::plot::{BarSeries, Bars, Direction, Line, Lines};
use crate::render::RenderError;
use crate::sections::text;
use crate::table::{Cell, Table};

/// Genres that have a line; the others are in the table beside the plot.
const GENRES: usize = 6;
/// Features that have a bar.
const FEATURES: usize = 10;

/// A figure of lines, and how its table is written.
struct Drawn {
    figure: &'static str,
    title: &'static str,
    description: &'static str,
    place: &'static str,
    value: &'static str,
    n: &'static str,
}

const OVER_TIME: [Drawn; 4] = [
    Drawn {
        figure: "ratings",
        title: "Ratings over time",
        description: "All ratings of each slot, or month where slots are shorter, by year.",
        place: "year",
        value: "ratings",
        n: "ratings",
    },
    Drawn {
        figure: "rise_and_decay",
        title: "After the first rating",
        description: "Mean share of all ratings of a slot by years since a movie's first rating, slots without a rating counted as 0.",
        place: "years since the first rating",
        value: "mean share",
        n: "pairs of movie and slot",
    },
    Drawn {
        figure: "genres",
        title: "Genres over time",
        description: "The part of each year's ratings that is of movies of a genre, for the genres with the most ratings. A movie may have several genres.",
        place: "year",
        value: "part of the ratings",
        n: "ratings",
    },
    Drawn {
        figure: "correlation_by_lag",
        title: "What remains of the past",
        description: "Correlation of the popularity some slots before with the popularity that is forecast, over the training windows.",
        place: "slots before",
        value: "correlation",
        n: "windows",
    },
];

/// Adds the figures of a table.
pub(super) fn show(
    path: &Path,
    blocks: &mut Vec<Block>,
    parts: &mut Parts,
) -> Result<(), StageError> {
    let figures = popularity::trends(path)?;
    blocks.push(text(
        "Ratings, movies and genres are of all slots. What goes with the next value is of the training windows alone. Movies that \
         were rated in the table's first year have no known beginning, and are not in the figure of the first years.",
    ));
    let mut drawn = Vec::new();
    for own in &OVER_TIME {
        if let Some(points) = figures.get(own.figure) {
            drawn.push(lines(own, points, parts)?);
        }
    }
    if let Some(points) = figures.get("movies") {
        drawn.insert(1.min(drawn.len()), distribution(points, parts)?);
    }
    if let Some(points) = figures.get("correlation") {
        drawn.push(correlation(points, parts)?);
    }
    blocks.push(Block::Figures { figures: drawn });
    Ok(())
}

/// The points of each series; of many the ones with the most in them first.
fn by_series(points: &[Point]) -> Vec<(&str, Vec<&Point>)> {
    let mut all: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
    for point in points {
        all.entry(&point.series).or_default().push(point);
    }
    let mut all: Vec<_> = all.into_iter().collect();
    let size = |points: &[&Point]| -> u64 { points.iter().map(|point| point.n).sum() };
    all.sort_by_key(|(_, points)| std::cmp::Reverse(size(points)));
    all
}

fn lines(own: &Drawn, points: &[Point], parts: &mut Parts) -> Result<Figure, StageError> {
    let all = by_series(points);
    let line = |(name, points): &(&str, Vec<&Point>)| Line {
        name: (*name).to_owned(),
        dashed: false,
        points: points.iter().map(|own| (own.place, own.value)).collect(),
    };
    let plot = Lines {
        title: own.title.into(),
        description: own.description.into(),
        x_label: own.place.into(),
        y_label: own.value.into(),
        lines: all.iter().take(GENRES).map(line).collect(),
        mark: None,
    };
    let columns = ["series", own.place, own.value, own.n];
    let mut table = Table::new(own.title, own.description, &columns);
    for (name, points) in &all {
        for point in points {
            table.row([
                Cell::text(*name),
                Cell::Value(point.place),
                known(point.value),
                Cell::Count(point.n),
            ]);
        }
    }
    Ok(parts.figure(&plot.draw().map_err(RenderError::from)?, table)?)
}

/// How many movies have so many ratings and more, both scales logarithmic.
fn distribution(points: &[Point], parts: &mut Parts) -> Result<Figure, StageError> {
    let title = "Movies by ratings";
    let description = "How many movies have so many ratings and more; both axes are logarithms, so that a power law is a straight line.";
    let plot = Lines {
        title: title.into(),
        description: description.into(),
        x_label: "ratings and more, power of 2".into(),
        y_label: "movies, power of 10".into(),
        lines: vec![Line {
            name: "all movies".into(),
            dashed: false,
            points: points
                .iter()
                .map(|own| (own.place.log2(), own.value.log10()))
                .collect(),
        }],
        mark: None,
    };
    let mut table = Table::new(title, description, &["ratings and more", "movies"]);
    for point in points {
        table.row([Cell::Value(point.place), Cell::Count(point.n)]);
    }
    Ok(parts.figure(&plot.draw().map_err(RenderError::from)?, table)?)
}

/// What of the last slot goes with the popularity of the next one, the strongest first.
fn correlation(points: &[Point], parts: &mut Parts) -> Result<Figure, StageError> {
    let title = "What goes with the next value";
    let description = "Correlation of each feature of the window's last slot with the popularity that is forecast, over the training windows; the strongest features.";
    let mut sorted: Vec<&Point> = points.iter().filter(|own| own.value.is_finite()).collect();
    sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let shown = &sorted[..sorted.len().min(FEATURES)];
    let series = |name: &str, sign: f64| BarSeries {
        name: name.into(),
        values: shown
            .iter()
            .map(|own| (own.value * sign).max(0.0))
            .collect(),
    };
    let plot = Bars {
        title: title.into(),
        description: description.into(),
        category_label: "feature".into(),
        value_label: "correlation, without its sign".into(),
        categories: shown.iter().map(|own| named(&own.series)).collect(),
        series: vec![series("rises with it", 1.0), series("falls with it", -1.0)],
        direction: Direction::Right,
    };
    let mut table = Table::new(title, description, &["feature", "correlation", "windows"]);
    for point in points {
        table.row([
            Cell::text(named(&point.series)),
            known(point.value),
            Cell::Count(point.n),
        ]);
    }
    Ok(parts.figure(&plot.draw().map_err(RenderError::from)?, table)?)
}

/// A feature as people name it.
fn named(feature: &str) -> String {
    match feature {
        "log1p_count" => "log(1 + ratings)".into(),
        "log1p_total" => "log(1 + all ratings)".into(),
        "count" => "ratings".into(),
        other => other.trim_start_matches("genre:").replace('_', " "),
    }
}

/// A value, if there is one: what hardly differs goes with nothing.
fn known(value: f64) -> Cell {
    Cell::value(Some(value).filter(|value| value.is_finite()))
}
