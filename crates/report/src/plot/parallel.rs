//! Parallel coordinates: one axis for each variable, one line for each trial.

use plotters::element::{Circle, PathElement};
use plotters::prelude::Color;
use plotters::style::text_anchor::HPos;

use super::frame::{Frame, Swatch, Ticks, text};
use super::{INK, Plot, PlotError, series_color};

/// A plot of trials.
#[derive(Debug)]
pub(crate) struct Parallel {
    pub(crate) title: String,
    /// What the plot shows, in words.
    pub(crate) description: String,
    pub(crate) axes: Vec<Axis>,
    pub(crate) strands: Vec<Strand>,
}

/// An upright axis.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) name: String,
    /// What stands at its lower and upper end.
    pub(crate) ends: (String, String),
}

/// A trial.
#[derive(Debug)]
pub(crate) struct Strand {
    /// What is said of it under the mouse.
    pub(crate) hint: String,
    /// Where it crosses each axis, from 0 to 1; none where it has no such value.
    pub(crate) places: Vec<Option<f64>>,
    /// Whether it is one of the best.
    pub(crate) best: bool,
}

impl Parallel {
    /// Draws it, the best trials on top.
    pub(crate) fn draw(&self) -> Result<Plot, PlotError> {
        let last = self.axes.len().max(2) as f64 - 1.0;
        let frame = Frame {
            title: &self.title,
            description: &self.description,
            x_label: "",
            y_label: "",
            x: -0.35..last + 0.35,
            y: -0.12..1.12,
            ticks: Ticks::Axes(self.axes.iter().map(|axis| axis.name.clone()).collect()),
            legend: vec![
                ("the best trials", Swatch::Line),
                ("the others", Swatch::Faint),
            ],
            wide: true,
        };
        frame.draw(|plane, surface, canvas| {
            for (index, axis) in self.axes.iter().enumerate() {
                let at = index as f64;
                let line = [(at, 0.0), (at, 1.0)];
                plane.draw(&PathElement::new(line, INK.mix(0.5).stroke_width(2)))?;
                for (end, height, lift) in [(&axis.ends.0, 0.0, 6), (&axis.ends.1, 1.0, -34)] {
                    let (x, y) = plane.map_coordinate(&(at, height));
                    surface.draw(&text(end, (x, y + lift), HPos::Center))?;
                }
            }
            for best in [false, true] {
                let color = if best {
                    series_color(0).mix(0.95)
                } else {
                    INK.mix(0.25)
                };
                let width = if best { 5 } else { 3 };
                for strand in self.strands.iter().filter(|strand| strand.best == best) {
                    let places: Vec<(f64, f64)> = strand
                        .places
                        .iter()
                        .enumerate()
                        .filter_map(|(index, place)| Some((index as f64, (*place)?)))
                        .collect();
                    plane.draw(&PathElement::new(places.clone(), color.stroke_width(width)))?;
                    canvas.hint(strand.hint.clone());
                    for place in places {
                        plane.draw(&Circle::new(
                            place,
                            if best { 8 } else { 5 },
                            color.filled(),
                        ))?;
                        canvas.hint(strand.hint.clone());
                    }
                }
            }
            Ok(())
        })
    }
}
