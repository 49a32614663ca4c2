//! Counts in rows and columns, the darker the more of its row.

use plotters::element::Rectangle;
use plotters::prelude::Color;
use plotters::style::text_anchor::HPos;

use super::frame::{Frame, SIZE, Ticks, text};
use super::{Plot, PlotError, series_color};
use crate::number;

/// A plot of counts.
#[derive(Debug)]
pub(crate) struct Heat {
    pub(crate) title: String,
    /// What the plot shows, in words.
    pub(crate) description: String,
    /// What the rows are, from top to bottom.
    pub(crate) row_label: String,
    /// What the columns are.
    pub(crate) column_label: String,
    pub(crate) rows: Vec<String>,
    pub(crate) columns: Vec<String>,
    /// By row, by column.
    pub(crate) counts: Vec<Vec<u64>>,
}

impl Heat {
    /// Draws it.
    pub(crate) fn draw(&self) -> Result<Plot, PlotError> {
        let (rows, columns) = (
            self.rows.len().max(1) as f64,
            self.columns.len().max(1) as f64,
        );
        let frame = Frame {
            title: &self.title,
            description: &self.description,
            x_label: &self.column_label,
            y_label: &self.row_label,
            x: 0.0..columns,
            y: 0.0..rows,
            ticks: Ticks::Table(self.rows.clone(), self.columns.clone()),
            legend: Vec::new(),
            wide: false,
        };
        // A number needs room; without it the cell's hint has it.
        let room = f64::from(SIZE.0) * 0.78 / columns;
        frame.draw(|plane, surface, canvas| {
            for (row, counts) in self.counts.iter().enumerate() {
                let total: u64 = counts.iter().sum();
                for (column, &count) in counts.iter().enumerate() {
                    let part = if total > 0 {
                        count as f64 / total as f64
                    } else {
                        0.0
                    };
                    let top = rows - row as f64;
                    let corners = [(column as f64, top), (column as f64 + 1.0, top - 1.0)];
                    // At most 0.6: the number on top stays readable.
                    let shade = series_color(0).mix((0.6 * part).max(0.04));
                    plane.draw(&Rectangle::new(corners, shade.filled()))?;
                    canvas.hint(format!(
                        "{} {}, {} {}: {} ({})",
                        self.row_label,
                        self.rows[row],
                        self.column_label,
                        self.columns.get(column).map_or("", String::as_str),
                        number::count(count),
                        number::percent(count, total)
                    ));
                    let shown = number::count(count);
                    if count > 0 && (shown.len() as f64) * 16.0 < room {
                        let (x, y) = plane.map_coordinate(&(column as f64 + 0.5, top - 0.5));
                        surface.draw(&text(&shown, (x, y - 12), HPos::Center))?;
                    }
                }
            }
            Ok(())
        })
    }
}
