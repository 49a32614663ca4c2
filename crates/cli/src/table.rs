//! Tables for people: aligned text, or Markdown for a pull request.

use serde_json::Value;

use crate::display;

/// A table. Cells of the columns in `right` are numbers and stand at the right.
pub(crate) struct Table {
    header: Vec<String>,
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&str], right: &[usize]) -> Self {
        Self {
            header: header.iter().map(|&name| name.into()).collect(),
            right: right.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines of the table, columns two spaces apart.
    pub(crate) fn lines(&self) -> Vec<String> {
        let all: Vec<&Vec<String>> = std::iter::once(&self.header).chain(&self.rows).collect();
        let width = |column: usize| {
            let cells = all.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let line = |row: &&Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| {
                if self.right.contains(&column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
            let cells: Vec<String> = cells.collect();
            cells.join("  ").trim_end().to_owned()
        };
        all.iter().map(line).collect()
    }

    /// The lines of the table in Markdown.
    pub(crate) fn markdown(&self) -> Vec<String> {
        let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let rule = (0..self.header.len()).map(|column| {
            if self.right.contains(&column) {
                "---:"
            } else {
                "---"
            }
        });
        let mut lines = vec![
            row(self.header.iter().map(|name| (*name).to_owned()).collect()),
            row(rule.map(String::from).collect()),
        ];
        for cells in &self.rows {
            lines.push(row(cells.iter().map(|cell| escape(cell)).collect()));
        }
        lines
    }

    /// Prints the table as data.
    pub(crate) fn print(&self) {
        self.lines().iter().for_each(|line| display::row(line));
    }
}

/// What would end a cell or begin markup is escaped.
fn escape(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for c in cell.chars() {
        match c {
            '|' | '\\' | '*' | '_' | '`' | '<' | '[' => text.extend(['\\', c]),
            '\n' => text.push_str("<br>"),
            c => text.push(c),
        }
    }
    text
}

/// A value in a cell: digests cut short, nothing as `-`.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => short(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<String> = items.iter().filter_map(Value::as_str).map(short).collect();
            items.join(", ")
        }
        other => other.to_string(),
    }
}

fn short(text: &str) -> String {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        text[..12].to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["stage", "value"], &[1]);
        table.row(["a_b".into(), "1.5".into()]);
        table.row(["é|".into(), "10".into()]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(
            table().lines(),
            ["stage  value", "a_b      1.5", "é|        10"]
        );
    }

    #[test]
    fn markdown_cells_are_escaped() {
        assert_eq!(
            table().markdown(),
            [
                "| stage | value |",
                "| --- | ---: |",
                r"| a\_b | 1.5 |",
                r"| é\| | 10 |",
            ]
        );
    }
}
