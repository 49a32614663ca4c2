//! What differs between two tables of the same name.

use std::collections::BTreeMap;

/// A number that is not the same in both.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    /// The table, without its ending.
    pub(super) table: String,
    /// What names the row: its words.
    pub(super) row: String,
    pub(super) column: String,
    /// None where the row or the number is not there.
    pub(super) before: Option<f64>,
    pub(super) after: Option<f64>,
}

/// Rows by what names them, each with its numbers by column.
type Rows = BTreeMap<(String, usize), BTreeMap<String, f64>>;

/// The numbers of two CSV files that differ, by row and column. A file that cannot be read has no rows.
pub(super) fn changes(name: &str, before: &[u8], after: &[u8]) -> Vec<Change> {
    let (before, after) = (rows(before), rows(after));
    let mut keys: Vec<&(String, usize)> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut changes = Vec::new();
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        let both = old.into_iter().chain(new).flat_map(BTreeMap::keys);
        let mut columns: Vec<&String> = both.collect();
        columns.sort();
        columns.dedup();
        for column in columns {
            let of = |row: Option<&BTreeMap<String, f64>>| row?.get(column).copied();
            if of(old) != of(new) {
                changes.push(Change {
                    table: name.trim_end_matches(".csv").into(),
                    row: key.0.clone(),
                    column: column.clone(),
                    before: of(old),
                    after: of(new),
                });
            }
        }
    }
    changes
}

fn rows(bytes: &[u8]) -> Rows {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let Ok(columns) = reader.headers().cloned() else {
        return Rows::new();
    };
    let mut rows = Rows::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for row in reader.records().map_while(Result::ok) {
        let (mut words, mut numbers) = (Vec::new(), BTreeMap::new());
        for (index, (column, cell)) in columns.iter().zip(&row).enumerate() {
            match cell.parse::<f64>() {
                // The first column names the row, be it a number.
                Ok(number) if index > 0 => {
                    // Columns of one name, as the two ends of several intervals, are told apart by their place.
                    let column = match columns.iter().filter(|other| *other == column).count() {
                        1 => column.to_owned(),
                        _ => format!("{column} ({})", index + 1),
                    };
                    numbers.insert(column, number);
                }
                _ if cell.is_empty() => {}
                _ => words.push(cell.to_owned()),
            }
        }
        let key = words.join(", ");
        let nth = seen.entry(key.clone()).or_default();
        rows.insert((key, *nth), numbers);
        *nth += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_what_names_their_row() {
        let before = b"split,metric,net,n\ntest,mse,4.5,100\nvalid,mse,5,10\n";
        let after = b"split,metric,net,n\nvalid,mse,5,10\ntest,mse,4.25,100\ntest,mae,1,100\n";
        let change = |row: &str, column: &str, before, after| Change {
            table: "net-metrics".into(),
            row: row.into(),
            column: column.into(),
            before,
            after,
        };
        assert_eq!(
            changes("net-metrics.csv", before, after),
            [
                change("test, mae", "n", None, Some(100.0)),
                change("test, mae", "net", None, Some(1.0)),
                change("test, mse", "net", Some(4.5), Some(4.25)),
            ]
        );
        assert!(changes("x.csv", before, before).is_empty());
        assert!(changes("x.csv", b"", b"").is_empty());
    }

    #[test]
    fn a_number_in_the_first_column_names_its_row() {
        let found = changes(
            "t.csv",
            b"epoch,loss\n1,0.5\n2,0.25\n",
            b"epoch,loss\n1,0.5\n2,0.125\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].row.as_str(), found[0].after), ("2", Some(0.125)));
    }
}
