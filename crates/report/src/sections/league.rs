//! The tables that set all networks side by side, one for each kind of figures, and one for each figure that means the same whatever
//! a network was trained for.
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

/// The figure of networks that say good or bad, under the name that it has of networks that say stars.
const SENTIMENT: &str = "sentiment_accuracy";
/// The figures of reviews that mean the same of networks that were trained for different tasks.
const ACROSS: [&str; 2] = [SENTIMENT, "mse"];

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

/// The figure at the top of the page, and its name: where networks of different tasks stand side by side the first one that means the
/// same of all, else the one that each is judged by.
pub(crate) fn leading_figure<'a>(
    network: &'a Network,
    networks: &'a [Network],
) -> Option<(&'a str, &'a MetricRow)> {
    let across = across(networks, &leagues(networks)).into_iter().next();
    let shared = across.and_then(|league| {
        let mut members = league.members.into_iter();
        let (.., row) = members.find(|(own, ..)| std::ptr::eq(*own, network))?;
        Some((league.main, row))
    });
    shared.or_else(|| {
        let main = main_metric(network.metrics.as_ref()?, TEST)?;
        Some((main.metric.as_str(), main))
    })
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
    /// Whether they were trained for different tasks.
    across: bool,
    main: &'a str,
    others: Vec<&'a str>,
    members: Vec<(&'a Network, &'a Metrics, &'a MetricRow)>,
}

/// The main figures of each table's networks as a plot, with the name and the caption of that table; none of fewer than
/// two networks.
pub(crate) fn plots(networks: &[Network]) -> Vec<Points> {
    shown(networks).iter().map(plot).collect()
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
        mark: trivial(league).map(|value| (value, "trivial predictor".into())),
        wide: true,
    }
}

/// The trivial predictor's figure, where all members have the same or are of one task.
fn trivial(league: &League<'_>) -> Option<f64> {
    let mut all = league.members.iter().filter_map(|(.., main)| main.trivial);
    let first = all.next()?;
    (!league.across || all.all(|other| other == first)).then_some(first)
}

/// The tables; none where fewer than two networks could share one.
pub(crate) fn tables(networks: &[Network]) -> Vec<Table> {
    let several = leagues(networks).len() > 1;
    let shown = shown(networks);
    shown.iter().map(|league| table(league, several)).collect()
}

/// Whether networks of one task share a table, which then has more of each than one figure.
pub(crate) fn share_a_table(networks: &[Network]) -> bool {
    leagues(networks)
        .iter()
        .any(|league| league.members.len() > 1)
}

/// What is shown: the networks that were trained for different tasks, then those of each.
fn shown(networks: &[Network]) -> Vec<League<'_>> {
    let leagues = leagues(networks);
    let mut shown = across(networks, &leagues);
    shown.extend(
        leagues
            .into_iter()
            .filter(|league| league.members.len() > 1),
    );
    shown
}

/// For each figure that means the same of all tasks over reviews the networks that have it, where they are not of one league.
fn across<'a>(networks: &'a [Network], leagues: &[League<'a>]) -> Vec<League<'a>> {
    let league = |main: &'static str| {
        let members: Vec<_> = networks
            .iter()
            .filter_map(|network| {
                let metrics = network.metrics.as_ref()?;
                let row = figure(metrics, TEST, main)?;
                // Errors of popularity are in the unit of each task.
                let counts = row.model.is_some() && metrics.subject_of() == Subject::Reviews;
                counts.then_some((network, metrics, row))
            })
            .collect();
        let is_in = |league: &League<'_>, network: &Network| {
            let mut own = league.members.iter();
            own.any(|(member, ..)| std::ptr::eq(*member, network))
        };
        let of_one = |league: &League<'_>| members.iter().all(|(own, ..)| is_in(league, own));
        (members.len() > 1 && !leagues.iter().any(of_one)).then_some(League {
            across: true,
            main,
            others: Vec::new(),
            members: members.clone(),
        })
    };
    ACROSS.into_iter().filter_map(league).collect()
}

/// A figure of a network, under the name that it has whatever the network was trained for.
fn figure<'a>(metrics: &'a Metrics, split: &str, name: &str) -> Option<&'a MetricRow> {
    metrics.find(split, name).or_else(|| {
        // Only of two classes, good and bad, is there one F1.
        let says_sentiment = name == SENTIMENT && metrics.find(split, "f1").is_some();
        says_sentiment.then(|| metrics.find(split, "accuracy"))?
    })
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
                across: false,
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
    let name = match (league.across, several) {
        (true, _) => format!("every network by {}", metric::label(league.main)),
        (false, true) => format!("all by {}", metric::label(league.main)),
        (false, false) => "all networks".into(),
    };
    let judged = format!("judged by {label} on the test {}s", subject.example());
    let caption = match league.across {
        true => format!("Networks trained for different tasks, {judged}"),
        false => format!("All networks, {judged}"),
    };
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

/// Which member has the best main figure on the validation split; those whose split lacks a score are not compared.
fn best_on_validation(league: &League<'_>) -> Option<usize> {
    let on_validation = |metrics: &Metrics| figure(metrics, VALID, league.main)?.model;
    let mut best: Option<(usize, f64)> = None;
    for (index, (network, metrics, _)) in league.members.iter().enumerate() {
        if !network.held_out.is_empty() {
            continue;
        }
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
            held_out: Vec::new(),
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
    fn networks_of_different_tasks_share_what_means_the_same() {
        let named = |name: &str, rows: Vec<MetricRow>| Network {
            metrics: Some(Metrics {
                subject: None,
                rows,
            }),
            facts: [].into(),
            ..network(name, 1.0, 1.0, None)
        };
        let figures = |split: &str, figures: &[(&str, f64)]| -> Vec<MetricRow> {
            let row = |(metric, value): &(&str, f64)| row(split, metric, *value, None);
            figures.iter().map(row).collect()
        };
        let stars = [("accuracy", 0.5), ("mse", 3.0), (SENTIMENT, 0.92)];
        let mut classes = figures(TEST, &stars);
        classes.extend(figures(VALID, &[("accuracy", 0.5), (SENTIMENT, 0.8)]));
        let mut binary = figures(TEST, &[("accuracy", 0.91), ("f1", 0.9)]);
        binary.extend(figures(VALID, &[("accuracy", 0.9), ("f1", 0.9)]));
        let regression = figures(TEST, &[("mse", 4.0), (SENTIMENT, 0.9)]);
        let more = figures(TEST, &stars);
        // Its errors are of another unit.
        let windows = figures(TEST, &[("mse", 0.1), ("mase", 0.9)]);
        let networks = [
            named("classes", classes),
            named("windows", windows),
            named("binary", binary),
            named("regression", regression),
            named("more classes", more),
        ];
        let csv = |table: &Table| String::from_utf8(table.csv().unwrap()).unwrap();
        let shown: Vec<String> = tables(&networks).iter().map(csv).collect();
        let sentiment = "\
network,sentiment accuracy,trivial,verdict,best on validation
classes,0.92,12,not better than trivial,
binary,0.91,12,not better than trivial,best
regression,0.9,12,not better than trivial,
more classes,0.92,12,not better than trivial,
";
        let mse = "\
network,mean squared error (stars²),trivial,verdict,best on validation
classes,3,12,better than trivial,
regression,4,12,better than trivial,
more classes,3,12,better than trivial,
";
        assert_eq!(&shown[..2], [sentiment, mse]);
        assert_eq!((shown.len(), plots(&networks).len()), (3, 3));
        // At the top each has what can be compared.
        let tops = |networks: &[Network]| -> Vec<String> {
            let top = |network| {
                let (name, row) = leading_figure(network, networks).unwrap();
                format!("{name} {}", row.model.unwrap())
            };
            networks.iter().map(top).collect()
        };
        let wanted = [
            "sentiment_accuracy 0.92",
            "mse 0.1",
            "sentiment_accuracy 0.91",
        ];
        assert_eq!(tops(&networks)[..3], wanted);
        assert_eq!(tops(&networks[3..4]), ["mse 4"]);
        assert!(share_a_table(&networks) && !share_a_table(&networks[..4]));
    }

    #[test]
    fn trivial_predictors_that_differ_are_no_line() {
        let with = |name: &str, metric: &str, trivial: f64| {
            let mut own = network(name, 1.0, 1.0, None);
            let rows = [row(TEST, metric, 0.9, None), row(TEST, "f1", 0.9, None)];
            let mut rows = Vec::from(rows);
            rows[0].trivial = Some(trivial);
            if metric == SENTIMENT {
                rows.truncate(1);
            }
            own.metrics = Some(Metrics {
                subject: None,
                rows,
            });
            own
        };
        let marks = |second: f64| {
            let networks = [with("a", "accuracy", 0.5), with("b", SENTIMENT, second)];
            plots(&networks)[0].mark.is_some()
        };
        assert!(marks(0.5) && !marks(0.4));
    }

    #[test]
    fn one_network_needs_no_table() {
        assert!(tables(&[network("a", 5.0, 9.0, None)]).is_empty());
    }
}
