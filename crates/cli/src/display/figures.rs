//! The metrics of a stage as a small table: `test.accuracy` and `valid.accuracy` stand in one line.

use std::collections::{BTreeMap, BTreeSet};

/// The lines: a head where the names have groups, then a line for each metric. A group is what stands before the
/// first dot of a name.
pub(crate) fn lines(stage: &str, metrics: &BTreeMap<String, f64>) -> Vec<String> {
    let split = |name: &'_ str| match name.split_once('.') {
        Some((group, metric)) => (group.to_owned(), metric.to_owned()),
        None => (String::new(), name.to_owned()),
    };
    let mut rows: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for (name, value) in metrics {
        let (group, metric) = split(name);
        rows.entry(metric).or_default().insert(group, *value);
    }
    let groups: BTreeSet<&str> = rows
        .values()
        .flat_map(BTreeMap::keys)
        .map(String::as_str)
        .collect();
    let name_width = rows.keys().map(String::len).max().unwrap_or(0);
    let line = |name: &str, cells: Vec<(usize, String)>| {
        let cells: String = cells
            .iter()
            .map(|(width, cell)| format!("  {cell:>width$}"))
            .collect();
        format!("{stage}: {name:<name_width$}{cells}")
            .trim_end()
            .to_owned()
    };
    let shown = |row: &BTreeMap<String, f64>, group: &str| {
        row.get(group)
            .map_or_else(String::new, |value| format!("{value:.4}"))
    };
    let width = |group: &str| {
        let cells = rows.values().map(|row| shown(row, group).len());
        cells.chain([group.len()]).max().unwrap_or(0)
    };
    let mut lines = Vec::new();
    if groups.iter().any(|group| !group.is_empty()) {
        let cells = groups.iter().map(|group| (width(group), (*group).into()));
        lines.push(line("", cells.collect()));
    }
    for (metric, row) in &rows {
        let cells = groups
            .iter()
            .map(|group| (width(group), shown(row, group)))
            .collect();
        lines.push(line(metric, cells));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_of_several_splits_is_one_line() {
        let metrics = [
            ("test.mse", 12.25),
            ("valid.mse", 9.5),
            ("test.within_one", 0.5),
            ("rows", 7.0),
        ];
        let metrics = metrics.map(|(name, value)| (name.to_owned(), value)).into();
        let expected = [
            "net:                        test   valid",
            "net: mse                 12.2500  9.5000",
            "net: rows        7.0000",
            "net: within_one           0.5000",
        ];
        assert_eq!(lines("net", &metrics), expected);
        assert!(lines("net", &BTreeMap::new()).is_empty());
    }
}
