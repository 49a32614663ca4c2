//! The section on results: headlines, and figures beside the trivial predictor's.

use std::cmp::Ordering;

use super::{Network, absent, counted, predictions};
use crate::count::metrics::{MetricRow, Metrics};
use crate::metric;
use crate::number;
use crate::page::{Block, Headline, Parts, Section};
use crate::render::RenderError;
use crate::table::{Cell, Table, TableView};

/// The split that headlines and the summary are about.
const TEST: &str = "test";

/// The section, and what of it the Markdown summary shows.
pub(crate) fn section(
    networks: &[Network],
    parts: &mut Parts,
) -> Result<(Section, Vec<TableView>), RenderError> {
    let mut section = parts.section("Results");
    let mut summary = Vec::new();
    if networks.is_empty() {
        section.blocks.push(absent("No network was given."));
    }
    for network in networks {
        section.blocks.push(parts.heading(&network.name));
        match &network.metrics {
            None => section.blocks.push(absent("No metrics were given.")),
            Some(metrics) => {
                let table = figures_table(network, metrics);
                let mut test_only = table.clone();
                test_only.caption = format!("{}: test figures", network.name);
                test_only.rows.retain(|row| row[0] == Cell::text(TEST));
                if !test_only.rows.is_empty() {
                    summary.push(test_only.view());
                }
                section.blocks.push(Block::Table {
                    table: parts.table(table)?,
                });
            }
        }
        match &network.predictions {
            None => section.blocks.push(absent("No predictions were given.")),
            Some(counts) => predictions::show(network, counts, &mut section.blocks, parts)?,
        }
    }
    Ok((section, summary))
}

/// The main test figure of each network that has one.
pub(crate) fn headlines(networks: &[Network]) -> Vec<Headline> {
    networks.iter().filter_map(headline).collect()
}

fn headline(network: &Network) -> Option<Headline> {
    let metrics = network.metrics.as_ref()?;
    let on_test = || metric::headline_order().filter_map(|name| metrics.find(TEST, name));
    let (main, value) = on_test().find_map(|row| Some((row, row.model?)))?;
    let others = on_test()
        .filter(|row| row.metric != main.metric)
        .filter_map(|row| {
            Some(format!(
                "{} {}",
                metric::label(&row.metric),
                number::value(row.model?)
            ))
        });
    Some(Headline {
        network: network.name.clone(),
        metric: metric::label(&main.metric),
        unit: metric::unit(&main.metric).into(),
        measured_on: counted(main.n, "test review"),
        value: number::value(value),
        trivial: main.trivial.map(number::value),
        better: main
            .trivial
            .and_then(|trivial| metric::compare(&main.metric, value, trivial))
            .map(|order| order == Ordering::Greater),
        others: others.collect(),
    })
}

fn figures_table(network: &Network, metrics: &Metrics) -> Table {
    let intervals = metrics.rows.iter().any(|row| row.interval.is_some());
    let mut columns = vec!["split", "metric", network.name.as_str()];
    if intervals {
        columns.extend(["lower, 95 %", "upper, 95 %"]);
    }
    columns.extend(["trivial", "n"]);
    let caption = "Figures beside the trivial predictor's";
    let mut table = Table::new(format!("{} metrics", network.name), caption, &columns);
    for row in &metrics.rows {
        table.row(figures_row(row, intervals));
    }
    table
}

fn figures_row(row: &MetricRow, intervals: bool) -> Vec<Cell> {
    let mut cells = vec![
        Cell::text(&row.split),
        Cell::text(metric::label_with_unit(&row.metric)),
        Cell::value(row.model),
    ];
    if intervals {
        cells.extend(
            [
                row.interval.map(|ends| ends.0),
                row.interval.map(|ends| ends.1),
            ]
            .map(Cell::value),
        );
    }
    cells.extend([Cell::value(row.trivial), Cell::Count(row.n)]);
    cells
}
