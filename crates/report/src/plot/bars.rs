//! Bars side by side, upwards or to the right.

use plotters::element::Rectangle;
use plotters::prelude::Color;

use super::frame::{Frame, Swatch, Ticks};
use super::{Plot, PlotError, series_color};
use crate::number;

/// Part of a category's room that stays empty.
const GAP: f64 = 0.24;

/// Where bars grow to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Upwards, categories from left to right: for scales.
    Up,
    /// To the right, categories from top to bottom: for names.
    Right,
}

/// A plot of bars.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) title: String,
    /// What the plot shows, in words.
    pub(crate) description: String,
    /// What the categories are.
    pub(crate) category_label: String,
    /// What the bars' length means, with its unit.
    pub(crate) value_label: String,
    pub(crate) categories: Vec<String>,
    pub(crate) series: Vec<BarSeries>,
    pub(crate) direction: Direction,
}

/// Bars of one colour.
#[derive(Debug)]
pub(crate) struct BarSeries {
    pub(crate) name: String,
    /// One value per category, not negative.
    pub(crate) values: Vec<f64>,
}

impl Bars {
    /// Draws it.
    pub(crate) fn draw(&self) -> Result<Plot, PlotError> {
        let longest = self
            .series
            .iter()
            .flat_map(|series| &series.values)
            .copied()
            .fold(0.0, f64::max);
        let values = 0.0..if longest > 0.0 { longest * 1.04 } else { 1.0 };
        let count = self.categories.len().max(1) as f64;
        let named = || self.categories.iter().enumerate();
        let frame = match self.direction {
            Direction::Up => Frame {
                title: &self.title,
                description: &self.description,
                x_label: &self.category_label,
                y_label: &self.value_label,
                x: -0.5..count - 0.5,
                y: values,
                ticks: Ticks::X(
                    named()
                        .map(|(index, name)| (index as f64, name.clone()))
                        .collect(),
                ),
                legend: self.legend(),
                wide: false,
            },
            Direction::Right => Frame {
                title: &self.title,
                description: &self.description,
                x_label: &self.value_label,
                y_label: &self.category_label,
                x: values,
                y: -0.5..count - 0.5,
                ticks: Ticks::Y(
                    named()
                        .map(|(index, name)| (count - 1.0 - index as f64, name.clone()))
                        .collect(),
                ),
                legend: self.legend(),
                wide: false,
            },
        };
        frame.draw(|plane, _surface, canvas| {
            let width = (1.0 - GAP) / self.series.len().max(1) as f64;
            for (number, series) in self.series.iter().enumerate() {
                canvas.open(&series.name);
                for (index, &value) in series.values.iter().enumerate() {
                    let start = index as f64 - 0.5 + GAP / 2.0 + number as f64 * width;
                    let corners = match self.direction {
                        Direction::Up => [(start, 0.0), (start + width, value)],
                        Direction::Right => {
                            let top = count - 1.0 - start;
                            [(0.0, top), (value, top - width)]
                        }
                    };
                    plane.draw(&Rectangle::new(corners, series_color(number).filled()))?;
                    let category = self.categories.get(index).map_or("", String::as_str);
                    canvas.hint(format!(
                        "{}, {category}: {}",
                        series.name,
                        number::value(value)
                    ));
                }
                canvas.close();
            }
            Ok(())
        })
    }

    fn legend(&self) -> Vec<(&str, Swatch)> {
        self.series
            .iter()
            .map(|series| (series.name.as_str(), Swatch::Box))
            .collect()
    }
}
