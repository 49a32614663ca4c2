//! The section on results: headlines, and figures beside the trivial predictor's.

use super::{Network, absent, by_score, by_truth, counted, league, predictions, text};
use crate::count::metrics::{MetricRow, Metrics};
use crate::metric::{self, Subject};
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
    let side_by_side = league::tables(networks);
    let each_alone = !league::share_a_table(networks);
    if !side_by_side.is_empty() {
        section.blocks.push(parts.heading("All networks"));
        section.blocks.push(text(
            "Rows stand in the order given. A verdict goes by the whole interval; the best is the best on the \
             validation split, which is what may choose.",
        ));
    }
    for (table, plot) in side_by_side.into_iter().zip(league::plots(networks)) {
        summary.push(table.view());
        section.blocks.push(Block::Figures {
            figures: vec![parts.picture(&plot.draw()?, &table)?],
        });
        section.blocks.push(Block::Table {
            table: parts.table(table)?,
        });
    }
    let figures = by_truth::figures(networks, parts)?;
    if !figures.is_empty() {
        section.blocks.push(Block::Figures { figures });
    }
    for network in networks {
        section.blocks.push(parts.network_heading(&network.name));
        match &network.metrics {
            None => section.blocks.push(absent("No metrics were given.")),
            Some(metrics) => {
                let table = figures_table(network, metrics);
                let mut test_only = table.clone();
                test_only.caption = format!("{}: test figures", network.name);
                test_only.rows.retain(|row| row[0] == Cell::text(TEST));
                if each_alone && !test_only.rows.is_empty() {
                    summary.push(test_only.view());
                }
                let mut folded = Vec::new();
                if test_only.rows.is_empty() {
                    section.blocks.push(Block::Table {
                        table: parts.table(table)?,
                    });
                } else {
                    test_only.name = format!("{} test", network.name);
                    test_only.caption = "Test figures beside the trivial predictor's".into();
                    section.blocks.push(Block::Table {
                        table: parts.table_without_file(test_only),
                    });
                    folded.push(parts.table(table)?);
                }
                if let Some(table) = by_score::table(&network.name, metrics) {
                    folded.push(parts.table(table)?);
                }
                if !folded.is_empty() {
                    section.blocks.push(Block::Fold {
                        summary: "All splits, and figures by truth".into(),
                        tables: folded,
                    });
                }
            }
        }
        match &network.predictions {
            None => section.blocks.push(absent("No predictions were given.")),
            Some(counts) => predictions::show(network, counts, &mut section.blocks, parts)?,
        }
    }
    Ok((section, summary))
}

/// The main test figure of each network that has one; of many networks, of the best on validation.
pub(crate) fn headlines(networks: &[Network]) -> Vec<Headline> {
    let leading = league::leading(networks);
    let chosen = leading.len() < networks.len();
    let headlines = leading
        .into_iter()
        .filter_map(|network| headline(network, networks));
    headlines
        .map(|own| match chosen {
            true => Headline {
                measured_on: format!(
                    "{}; of {} networks the best on validation",
                    own.measured_on,
                    networks.len()
                ),
                ..own
            },
            false => own,
        })
        .collect()
}

fn headline(network: &Network, networks: &[Network]) -> Option<Headline> {
    let metrics = network.metrics.as_ref()?;
    let (name, main) = league::leading_figure(network, networks)?;
    let value = main.model?;
    let subject = metrics.subject_of();
    // Beside a network that says good or bad, an accuracy must not be taken for the same.
    let of_scores = metrics.find(TEST, "sentiment_accuracy").is_some();
    let label = |name: &str| match name {
        "accuracy" if of_scores => "accuracy of the exact score".into(),
        name => metric::label(name),
    };
    let others = metric::headline_order()
        .filter_map(|name| metrics.find(TEST, name))
        .filter(|row| row.metric != main.metric)
        .filter_map(|row| {
            Some(format!(
                "{} {}",
                label(&row.metric),
                number::value(row.model?)
            ))
        });
    Some(Headline {
        network: network.name.clone(),
        metric: label(name),
        unit: subject.unit(name).into(),
        measured_on: counted(main.n, &format!("test {}", subject.example())),
        value: number::value(value),
        trivial: main.trivial.map(number::value),
        verdict: league::verdict(main),
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
    let of_all = |row: &&MetricRow| metric::of_some(&row.metric).is_none();
    for row in metrics.rows.iter().filter(of_all) {
        table.row(figures_row(row, intervals, metrics.subject_of()));
    }
    table
}

fn figures_row(row: &MetricRow, intervals: bool, subject: Subject) -> Vec<Cell> {
    let mut cells = vec![
        Cell::text(&row.split),
        Cell::text(subject.label_with_unit(&row.metric)),
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
