//! A table of the report: one source for what stands on the page and in the CSV file beside it.
//!
//! Owns both forms of a cell, rounded for people and exact for programs. Does not own the HTML.

use serde::Serialize;

use crate::number;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Words.
    Text(String),
    /// A count.
    Count(u64),
    /// A measured value.
    Value(f64),
    /// A part of a whole, shown in per cent.
    Part(u64, u64),
    /// Nothing known.
    Missing,
}

impl Cell {
    /// Words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A value, or nothing.
    pub(crate) fn value(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Value)
    }

    /// As people read it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => number::count(*count),
            Self::Value(value) => number::value(*value),
            Self::Part(part, whole) => number::percent(*part, *whole),
            Self::Missing => "–".into(),
        }
    }

    /// Exactly.
    fn exact(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Value(value) => value.to_string(),
            Self::Part(part, whole) if *whole > 0 => (*part as f64 / *whole as f64).to_string(),
            Self::Part(..) | Self::Missing => String::new(),
        }
    }
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The name of its file, without `.csv`.
    pub(crate) name: String,
    /// What it shows, a sentence or less.
    pub(crate) caption: String,
    /// The names of its columns; the first names the rows.
    pub(crate) columns: Vec<String>,
    /// Its rows, each as long as `columns`.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether counts are shaded by their part of their row.
    pub(crate) shaded: bool,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(
        name: impl Into<String>,
        caption: impl Into<String>,
        columns: &[&str],
    ) -> Self {
        Self {
            name: name.into(),
            caption: caption.into(),
            columns: columns.iter().map(|&column| column.into()).collect(),
            rows: Vec::new(),
            shaded: false,
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len(), "a row of `{}`", self.name);
        self.rows.push(cells);
    }

    /// The exact values as CSV (RFC 4180), with a header.
    pub(crate) fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::exact))?;
        }
        Ok(writer.into_inner().map_err(|error| error.into_error())?)
    }

    /// As the page shows it.
    pub(crate) fn view(&self) -> TableView {
        let numeric = |index: usize| {
            self.rows
                .iter()
                .all(|row| !matches!(row[index], Cell::Text(_)))
                && !self.rows.is_empty()
        };
        TableView {
            name: self.name.clone(),
            caption: self.caption.clone(),
            columns: self
                .columns
                .iter()
                .enumerate()
                .map(|(index, name)| ColumnView {
                    name: name.clone(),
                    numeric: numeric(index),
                })
                .collect(),
            rows: self
                .rows
                .iter()
                .map(|row| self.row_view(row, &numeric))
                .collect(),
        }
    }

    fn row_view(&self, row: &[Cell], numeric: &impl Fn(usize) -> bool) -> Vec<CellView> {
        let count = |cell: &Cell| {
            if let Cell::Count(count) = cell {
                *count
            } else {
                0
            }
        };
        let total: u64 = row.iter().skip(1).map(count).sum();
        row.iter()
            .enumerate()
            .map(|(index, cell)| {
                let shaded = self.shaded && index > 0 && count(cell) > 0;
                CellView {
                    text: cell.shown(),
                    numeric: match cell {
                        Cell::Text(_) => false,
                        Cell::Missing => numeric(index),
                        _ => true,
                    },
                    // At most 55 %: the number on top stays readable.
                    shade: shaded.then(|| (count(cell) * 55 / total).max(3)),
                }
            })
            .collect()
    }
}

/// A table for the templates.
#[derive(Debug, Serialize)]
pub(crate) struct TableView {
    name: String,
    caption: String,
    columns: Vec<ColumnView>,
    rows: Vec<Vec<CellView>>,
}

#[derive(Debug, Serialize)]
struct ColumnView {
    name: String,
    numeric: bool,
}

#[derive(Debug, Serialize)]
struct CellView {
    text: String,
    numeric: bool,
    shade: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_rounds_and_the_csv_does_not() {
        let mut table = Table::new("scores", "Scores", &["name", "n", "value", "part"]);
        table.row([
            Cell::text("a, \"b\""),
            Cell::Count(12_177),
            Cell::Value(0.861_234_5),
            Cell::Part(1, 3),
        ]);
        table.row([
            Cell::text("c"),
            Cell::Missing,
            Cell::value(None),
            Cell::Part(0, 0),
        ]);
        assert_eq!(
            String::from_utf8(table.csv().unwrap()).unwrap(),
            "name,n,value,part\n\"a, \"\"b\"\"\",12177,0.8612345,0.3333333333333333\nc,,,\n"
        );
        let shown: Vec<String> = table.rows[0].iter().map(Cell::shown).collect();
        assert_eq!(shown, ["a, \"b\"", "12,177", "0.8612", "33.3 %"]);
        let numeric: Vec<bool> = table
            .view()
            .columns
            .iter()
            .map(|column| column.numeric)
            .collect();
        assert_eq!(numeric, [false, true, true, true]);
    }
}
