//! The tables that set all networks side by side, one for each kind of figures.
//!
//! Owns which networks share a table, which figures are its columns, and the verdict beside the trivial
//! predictor. Nothing is ranked by test figures: rows stand in the order given, and what is called the best
//! is the best on the validation split.

use std::cmp::Ordering;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Network;
use crate::count::metrics::{MetricRow, Metrics};
use crate::metric::{self, Subject};
use crate::number;
use crate::plot::{Point, Points};
use crate::table::{Cell, Table};

/// The split of the figures.
const TEST: &str = "test";
/// The split that may choose.
const VALID: &str = "valid";
/// What a network's stage tells of its training, and the column's name.
const FACTS: [(&str, &str); 4] = [
    ("parameters", "parameters"),
    ("examples_train", "training examples"),
    ("epochs", "epochs"),
    ("chosen_epoch", "chosen epoch"),
];
/// What a column of a metric holds at most beside the main one; the rest is in each network's own table.
const OTHERS: [&str; 10] = [
    "mase",
    "spearman",
    "ndcg_at_10",
    "mse_tenths",
    "mse_unit",
    "mae",
    "r2",
    "f1",
    "auc",
    "quadratic_kappa",
];

/// So many networks are all shown at the top of the page.
const FEW: usize = 6;

/// How a figure stands to the trivial predictor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Better,
    NotBetter,
    /// The trivial predictor's figure lies within the interval.
    Unclear,
}

impl Verdict {
    /// In words.
    fn words(self) -> &'static str {
        match self {
            Self::Better => "better than trivial",
            Self::NotBetter => "not better than trivial",
            Self::Unclear => "no clear difference from trivial",
        }
    }
}

/// For the template: its words, and the class of their colour.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let class = match self {
            Self::Better => "good",
            Self::NotBetter => "bad",
            Self::Unclear => "unclear",
        };
        let mut fields = serializer.serialize_struct("Verdict", 2)?;
        fields.serialize_field("words", self.words())?;
        fields.serialize_field("class", class)?;
        fields.end()
    }
}

/// How a network's figure stands to the trivial predictor's: by its whole interval where it has one. None
/// where that is not known.
pub(crate) fn verdict(row: &MetricRow) -> Option<Verdict> {
    let trivial = row.trivial?;
    let ends = match row.interval {
        Some((lower, upper)) => [lower, upper],
        None => [row.model?; 2],
    };
    let orders = [
        metric::compare(&row.metric, ends[0], trivial)?,
        metric::compare(&row.metric, ends[1], trivial)?,
    ];
    Some(match orders {
        [Ordering::Greater, Ordering::Greater] => Verdict::Better,
        [Ordering::Less, Ordering::Less] => Verdict::NotBetter,
        _ if row.interval.is_some() => Verdict::Unclear,
        _ => Verdict::NotBetter,
    })
}

/// The metric that a network is judged by: the best-known that it has a figure of on `split`.
pub(crate) fn main_metric<'a>(metrics: &'a Metrics, split: &str) -> Option<&'a MetricRow> {
    metric::headline_order()
        .filter_map(|name| metrics.find(split, name))
        .find(|row| row.model.is_some())
}

/// The networks that stand at the top of the page: all where they are few, else the best on validation of
/// each table.
pub(crate) fn leading(networks: &[Network]) -> Vec<&Network> {
    if networks.len() <= FEW {
        return networks.iter().collect();
    }
    leagues(networks)
        .iter()
        .filter_map(|league| Some(league.members[best_on_validation(league)?].0))
        .collect()
}

/// The names of the best on validation, one of each table; none where no network has figures.
pub(crate) fn best_names(networks: &[Network]) -> Vec<&str> {
    let leagues = leagues(networks);
    let best = leagues.iter().filter_map(|league| {
        let index = best_on_validation(league)?;
        Some(league.members[index].0.name.as_str())
    });
    best.collect()
}

/// Networks that share a table: those that are judged by the same metrics.
#[derive(Debug)]
struct League<'a> {
    main: &'a str,
    others: Vec<&'a str>,
    members: Vec<(&'a Network, &'a Metrics, &'a MetricRow)>,
}

/// The main figures of each table's networks as a plot, with the name and the caption of that table; none of fewer than
/// two networks.
pub(crate) fn plots(networks: &[Network]) -> Vec<Points> {
    leagues(networks)
        .iter()
        .filter(|league| league.members.len() > 1)
        .map(plot)
        .collect()
}

fn plot(league: &League<'_>) -> Points {
    let subject = league.members[0].1.subject_of();
    let label = subject.label_with_unit(league.main);
    let best = best_on_validation(league);
    let points: Vec<Point> = league
        .members
        .iter()
        .enumerate()
        .filter_map(|(index, (network, _, main))| {
            Some(Point {
                name: network.name.clone(),
                value: main.model?,
                interval: main.interval,
                kind: usize::from(best != Some(index)),
            })
        })
        .collect();
    let chosen = best.map_or_else(String::new, |index| {
        let (network, _, main) = league.members[index];
        let value = main.model.map_or_else(String::new, number::value);
        format!(
            " {}, in blue, is the best on validation: {value}.",
            network.name
        )
    });
    Points {
        title: format!(
            "{} on the test {}s",
            metric::capital(&label),
            subject.example()
        ),
        description: format!(
            "A point and its 95 % interval for each of {} networks.{chosen}",
            points.len()
        ),
        row_label: "network".into(),
        value_label: label,
        points,
        mark: league
            .members
            .iter()
            .find_map(|(.., main)| main.trivial)
            .map(|value| (value, "trivial predictor".into())),
        wide: true,
    }
}

/// The tables; none where fewer than two networks could share one.
pub(crate) fn tables(networks: &[Network]) -> Vec<Table> {
    let leagues = leagues(networks);
    let several = leagues.len() > 1;
    leagues
        .iter()
        .filter(|league| league.members.len() > 1)
        .map(|league| table(league, several))
        .collect()
}

fn leagues(networks: &[Network]) -> Vec<League<'_>> {
    let mut leagues: Vec<League<'_>> = Vec::new();
    for network in networks {
        let Some(metrics) = &network.metrics else {
            continue;
        };
        let Some(main) = main_metric(metrics, TEST) else {
            continue;
        };
        let others: Vec<&str> = OTHERS
            .into_iter()
            .filter(|name| *name != main.metric && metrics.find(TEST, name).is_some())
            .collect();
        let member = (network, metrics, main);
        match leagues
            .iter_mut()
            .find(|league| league.main == main.metric && league.others == others)
        {
            Some(league) => league.members.push(member),
            None => leagues.push(League {
                main: &main.metric,
                others,
                members: vec![member],
            }),
        }
    }
    leagues
}

fn table(league: &League<'_>, several: bool) -> Table {
    let facts: Vec<(&str, &str)> = FACTS
        .into_iter()
        .filter(|(fact, _)| {
            league
                .members
                .iter()
                .any(|(network, ..)| network.facts.contains_key(*fact))
        })
        .collect();
    let intervals = league
        .members
        .iter()
        .any(|(.., main)| main.interval.is_some());
    let subject = league
        .members
        .first()
        .map_or(Subject::Reviews, |member| member.1.subject_of());
    let label = subject.label_with_unit(league.main);
    let mut columns = vec!["network".to_owned()];
    columns.push(label.clone());
    if intervals {
        columns.extend(["lower, 95 %", "upper, 95 %"].map(str::to_owned));
    }
    columns.extend([
        "trivial".to_owned(),
        "verdict".to_owned(),
        "best on validation".to_owned(),
    ]);
    columns.extend(
        league
            .others
            .iter()
            .map(|name| subject.label_with_unit(name)),
    );
    columns.extend(facts.iter().map(|(_, column)| (*column).to_owned()));
    let name = if several {
        format!("all by {}", metric::label(league.main))
    } else {
        "all networks".into()
    };
    let caption = format!(
        "All networks, judged by {label} on the test {}s",
        subject.example()
    );
    let mut table = Table::new(
        name,
        caption,
        &columns.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let best = best_on_validation(league);
    for (index, (network, metrics, main)) in league.members.iter().enumerate() {
        let mut cells = vec![Cell::text(&network.name)];
        cells.push(Cell::value(main.model));
        if intervals {
            cells.push(Cell::value(main.interval.map(|ends| ends.0)));
            cells.push(Cell::value(main.interval.map(|ends| ends.1)));
        }
        cells.push(Cell::value(main.trivial));
        cells.push(verdict(main).map_or(Cell::Missing, |verdict| Cell::text(verdict.words())));
        cells.push(Cell::text(if best == Some(index) { "best" } else { "" }));
        cells.extend(
            league
                .others
                .iter()
                .map(|name| Cell::value(metrics.find(TEST, name).and_then(|row| row.model))),
        );
        cells.extend(facts.iter().map(|(fact, _)| {
            network
                .facts
                .get(*fact)
                .and_then(Value::as_u64)
                .map_or(Cell::Missing, Cell::Count)
        }));
        table.row(cells);
    }
    table
}

/// Which member has the best main figure on the validation split.
fn best_on_validation(league: &League<'_>) -> Option<usize> {
    let on_validation = |metrics: &Metrics| metrics.find(VALID, league.main)?.model;
    let mut best: Option<(usize, f64)> = None;
    for (index, (_, metrics, _)) in league.members.iter().enumerate() {
        let Some(value) = on_validation(metrics) else {
            continue;
        };
        let better = best.is_none_or(|(_, former)| {
            metric::compare(league.main, value, former) == Some(Ordering::Greater)
        });
        if better {
            best = Some((index, value));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(split: &str, metric: &str, model: f64, interval: Option<(f64, f64)>) -> MetricRow {
        MetricRow {
            split: split.into(),
            metric: metric.into(),
            model: Some(model),
            interval,
            trivial: Some(12.0),
            n: 100,
        }
    }

    fn network(name: &str, valid: f64, test: f64, interval: Option<(f64, f64)>) -> Network {
        let rows = vec![
            row(VALID, "mse", valid, None),
            row(TEST, "mse", test, interval),
            row(TEST, "mae", 2.0, None),
        ];
        Network {
            name: name.into(),
            stage: "net".into(),
            history: None,
            metrics: Some(Metrics {
                subject: None,
                rows,
            }),
            predictions: None,
            facts: [("parameters".to_owned(), Value::from(7))].into(),
        }
    }

    #[test]
    fn a_verdict_goes_by_the_whole_interval() {
        let of = |test, interval| verdict(&row(TEST, "mse", test, interval));
        assert_eq!(of(11.0, Some((10.0, 11.9))), Some(Verdict::Better));
        assert_eq!(of(11.9, Some((11.0, 12.5))), Some(Verdict::Unclear));
        assert_eq!(of(13.0, Some((12.5, 14.0))), Some(Verdict::NotBetter));
        assert_eq!(of(11.9, None), Some(Verdict::Better));
        assert_eq!(of(12.0, None), Some(Verdict::NotBetter));
    }

    #[test]
    fn the_best_is_chosen_on_validation_and_never_on_test() {
        let networks = [network("a", 5.0, 9.0, None), network("b", 6.0, 4.0, None)];
        let tables = tables(&networks);
        assert_eq!(tables.len(), 1);
        let csv = String::from_utf8(tables[0].csv().unwrap()).unwrap();
        let expected = "\
network,mean squared error (stars²),trivial,verdict,best on validation,mean absolute error (stars),parameters
a,9,12,better than trivial,best,2,7
b,4,12,better than trivial,,2,7
";
        assert_eq!(csv, expected);
    }

    #[test]
    fn of_many_networks_the_best_of_each_table_stands_at_the_top() {
        let mut networks: Vec<Network> = (0..FEW)
            .map(|index| network(&format!("n{index}"), 9.0 - index as f64, 8.0, None))
            .collect();
        assert_eq!(leading(&networks).len(), FEW);
        networks.push(network("last", 20.0, 1.0, None));
        let names: Vec<&str> = leading(&networks)
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["n5"]);
    }

    #[test]
    fn one_network_needs_no_table() {
        assert!(tables(&[network("a", 5.0, 9.0, None)]).is_empty());
    }
}
