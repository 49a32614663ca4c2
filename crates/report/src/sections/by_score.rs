//! Figures by true score or class, a part of the section on results.

use std::collections::BTreeMap;

use crate::count::metrics::{MetricRow, Metrics};
use crate::metric::{self, Subject};
use crate::table::{Cell, Table};

/// The split of the figures.
const TEST: &str = "test";
/// The figures whose intervals are shown too.
const WITH_INTERVAL: [&str; 2] = ["mean_error", "coverage"];

/// The table; none where there are no such figures of the test split.
pub(super) fn table(network: &str, metrics: &Metrics) -> Option<Table> {
    // Scores by number, then classes by name.
    let mut rows: BTreeMap<(u32, &str), BTreeMap<&str, &MetricRow>> = BTreeMap::new();
    for row in metrics.rows.iter().filter(|row| row.split == TEST) {
        if let Some((figure, of)) = metric::of_some(&row.metric) {
            let number = of.parse().unwrap_or(u32::MAX);
            rows.entry((number, of)).or_default().insert(figure, row);
        }
    }
    let mut figures: Vec<&str> = rows.values().flat_map(|own| own.keys().copied()).collect();
    figures.sort_by_key(|figure| metric::order(figure));
    figures.dedup();
    if figures.is_empty() {
        return None;
    }
    let subject = metrics.subject_of();
    let first = match subject {
        Subject::Reviews => "true score or class",
        Subject::Windows => "class, tenth of the movies, or years since release",
    };
    let mut columns = vec![first.to_owned(), format!("{}s", subject.example())];
    for figure in &figures {
        columns.push(subject.label_with_unit(figure));
        if WITH_INTERVAL.contains(figure) {
            columns.extend(["lower, 95 %", "upper, 95 %"].map(str::to_owned));
        }
    }
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let caption = match subject {
        Subject::Reviews => "Test figures by the truth; a mean error above 0 is too many stars",
        Subject::Windows => "Test figures of some of the windows",
    };
    let mut table = Table::new(format!("{network} by score"), caption, &names);
    for ((_, of), own) in rows {
        let count = own.values().next().map_or(0, |row| row.n);
        let mut cells = vec![Cell::text(of), Cell::Count(count)];
        for figure in &figures {
            let row = own.get(figure);
            cells.push(Cell::value(row.and_then(|row| row.model)));
            if WITH_INTERVAL.contains(figure) {
                let interval = row.and_then(|row| row.interval);
                cells.push(Cell::value(interval.map(|ends| ends.0)));
                cells.push(Cell::value(interval.map(|ends| ends.1)));
            }
        }
        table.row(cells);
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_stand_in_their_order_with_their_figures() {
        let row = |metric: &str, model, n| MetricRow {
            split: TEST.into(),
            metric: metric.into(),
            model: Some(model),
            interval: Some((model - 0.25, model + 0.25)),
            trivial: None,
            n,
        };
        let rows = vec![
            row("mse", 4.0, 30),
            row("mean_error_of_10", -1.5, 20),
            row("mean_error_of_2", 2.5, 10),
            row("coverage_of_2", 0.5, 10),
        ];
        let subject = None;
        let table = table("n", &Metrics { subject, rows }).unwrap();
        assert_eq!(
            String::from_utf8(table.csv().unwrap()).unwrap(),
            "true score or class,reviews,held by the 90 % interval,\"lower, 95 %\",\"upper, 95 %\",mean error (stars),\"lower, 95 %\",\"upper, 95 %\"\n\
             2,10,0.5,0.25,0.75,2.5,2.25,2.75\n10,20,,,,-1.5,-1.75,-1.25\n"
        );
        let (subject, rows) = (None, vec![row("mse", 4.0, 30)]);
        assert!(super::table("n", &Metrics { subject, rows }).is_none());
    }
}
