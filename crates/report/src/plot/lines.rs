//! Lines over whole numbers, such as epochs or scores.

use plotters::element::{Circle, PathElement};
use plotters::prelude::Color;
use plotters::series::DashedLineSeries;
use plotters::style::text_anchor::HPos;

use super::frame::{Frame, Swatch, Ticks, text};
use super::{INK, Plot, PlotError, series_color};
use crate::number;

/// A plot of lines.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) title: String,
    /// What the plot shows, in words.
    pub(crate) description: String,
    /// What the whole numbers from left to right are.
    pub(crate) x_label: String,
    /// What the height means, with its unit.
    pub(crate) y_label: String,
    pub(crate) lines: Vec<Line>,
    /// A place from left to right to point out, and its name.
    pub(crate) mark: Option<(f64, String)>,
}

/// A line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) dashed: bool,
    /// Points from left to right; those that are no finite number are left out.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Lines {
    /// Draws it.
    pub(crate) fn draw(&self) -> Result<Plot, PlotError> {
        let finite = |line: &Line| -> Vec<(f64, f64)> {
            line.points
                .iter()
                .copied()
                .filter(|(x, y)| x.is_finite() && y.is_finite())
                .collect()
        };
        let finite: Vec<Vec<(f64, f64)>> = self.lines.iter().map(finite).collect();
        let points = || finite.iter().flatten();
        let (low_x, high_x) = bounds(points().map(|point| point.0));
        let (low_y, high_y) = bounds(points().map(|point| point.1));
        let room = if high_y > low_y {
            (high_y - low_y) * 0.08
        } else {
            high_y.abs().max(1.0) * 0.1
        };
        // A quantity that is never negative gets no room below zero.
        let floor = if low_y >= 0.0 {
            (low_y - room).max(0.0)
        } else {
            low_y - room
        };
        let whole = points().all(|(x, _)| x.fract() == 0.0);
        let beside = if whole {
            0.5
        } else {
            0.03 * (high_x - low_x).max(1e-9)
        };
        let frame = Frame {
            title: &self.title,
            description: &self.description,
            x_label: &self.x_label,
            y_label: &self.y_label,
            // Half a step of whole numbers; of a share a little.
            x: low_x - beside..high_x + beside,
            y: floor..high_y + room,
            // Years with parts are still named as years, and not as `2,005`.
            ticks: match whole || (3.0..=400.0).contains(&(high_x - low_x)) {
                true => Ticks::X(
                    (low_x.ceil() as i64..=high_x as i64)
                        .map(|x| (x as f64, x.to_string()))
                        .collect(),
                ),
                false => Ticks::None,
            },
            legend: self
                .lines
                .iter()
                .map(|line| {
                    (
                        line.name.as_str(),
                        if line.dashed {
                            Swatch::Dashes
                        } else {
                            Swatch::Line
                        },
                    )
                })
                .collect(),
            wide: false,
        };
        frame.draw(|plane, surface, canvas| {
            if let Some((at, name)) = &self.mark {
                let (top, bottom) = ((*at, high_y + room), (*at, floor));
                plane.draw(&PathElement::new(
                    [top, bottom],
                    INK.mix(0.45).stroke_width(3),
                ))?;
                let (x, y) = plane.map_coordinate(&top);
                // The name stands on the side with more room.
                let (anchor, aside) = if *at > (low_x + high_x) / 2.0 {
                    (HPos::Right, -10)
                } else {
                    (HPos::Left, 10)
                };
                surface.draw(&text(name, (x + aside, y), anchor))?;
            }
            for (index, (line, points)) in self.lines.iter().zip(&finite).enumerate() {
                let color = series_color(index);
                canvas.open(&line.name);
                if line.dashed {
                    for dash in
                        DashedLineSeries::new(points.iter().copied(), 16, 10, color.stroke_width(5))
                    {
                        plane.draw(&dash)?;
                    }
                } else {
                    plane.draw(&PathElement::new(points.clone(), color.stroke_width(5)))?;
                }
                for &point in points {
                    plane.draw(&Circle::new(point, 8, color.filled()))?;
                    let (x, y) = (number::plain(point.0), number::value(point.1));
                    canvas.hint(format!("{}, {} {x}: {y}", line.name, self.x_label));
                }
                canvas.close();
            }
            Ok(())
        })
    }
}

/// The least and the greatest; 0 and 1 of nothing.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high { (0.0, 1.0) } else { (low, high) }
}
