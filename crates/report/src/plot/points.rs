//! Points with intervals, one row each: figures of many networks side by side.

use plotters::element::{Circle, PathElement};
use plotters::prelude::Color;

use super::frame::{Frame, Swatch, Ticks};
use super::{INK, Plot, PlotError, series_color};
use crate::number;

/// A plot of points.
#[derive(Debug)]
pub(crate) struct Points {
    pub(crate) title: String,
    /// What the plot shows, in words.
    pub(crate) description: String,
    /// What the rows are.
    pub(crate) row_label: String,
    /// What the places mean, with their unit.
    pub(crate) value_label: String,
    pub(crate) points: Vec<Point>,
    /// A value to point out, and its name.
    pub(crate) mark: Option<(f64, String)>,
    /// Whether it is as wide as two plots: for long names.
    pub(crate) wide: bool,
}

/// A row.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// Which colour it has: rows of one kind share one.
    pub(crate) kind: usize,
}

impl Points {
    /// Draws it. Points that are no finite number are left out.
    pub(crate) fn draw(&self) -> Result<Plot, PlotError> {
        let points: Vec<&Point> = self
            .points
            .iter()
            .filter(|point| point.value.is_finite())
            .collect();
        let ends = points.iter().flat_map(|point| {
            let (lower, upper) = point.interval.unwrap_or((point.value, point.value));
            [lower, upper, point.value]
        });
        let all = ends.chain(self.mark.iter().map(|(value, _)| *value));
        let (low, high) = all
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let room = if high > low {
            (high - low) * 0.06
        } else {
            high.abs().max(1.0) * 0.1
        };
        let count = points.len().max(1) as f64;
        let row = |index: usize| count - 1.0 - index as f64;
        let legend = self
            .mark
            .iter()
            .map(|(_, name)| (name.as_str(), Swatch::Ink));
        let frame = Frame {
            title: &self.title,
            description: &self.description,
            x_label: &self.value_label,
            y_label: &self.row_label,
            x: low - room..high + room,
            y: -0.5..count - 0.5,
            ticks: Ticks::Y(
                points
                    .iter()
                    .enumerate()
                    .map(|(index, point)| (row(index), point.name.clone()))
                    .collect(),
            ),
            legend: legend.collect(),
            wide: self.wide,
        };
        frame.draw(|plane, _surface, canvas| {
            if let Some((value, name)) = &self.mark {
                let line = [(*value, -0.5), (*value, count - 0.5)];
                plane.draw(&PathElement::new(line, INK.mix(0.6).stroke_width(3)))?;
                canvas.hint(format!("{name}: {}", number::value(*value)));
            }
            for (index, point) in points.iter().enumerate() {
                let color = series_color(point.kind);
                canvas.open(&point.name);
                if let Some((lower, upper)) = point.interval {
                    let line = [(lower, row(index)), (upper, row(index))];
                    plane.draw(&PathElement::new(line, color.stroke_width(5)))?;
                }
                let place = (point.value, row(index));
                plane.draw(&Circle::new(place, 9, color.filled()))?;
                let interval = point.interval.map_or_else(String::new, |(lower, upper)| {
                    format!(" ({} to {})", number::value(lower), number::value(upper))
                });
                let value = number::value(point.value);
                canvas.hint(format!("{}: {value}{interval}", point.name));
                canvas.close();
            }
            Ok(())
        })
    }
}
