//! Small multiples: the same plot of lines for many networks, with one scale.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::element::PathElement;
use plotters::prelude::{Color, IntoDrawingArea};
use plotters::style::text_anchor::HPos;

use super::canvas::Canvas;
use super::frame::{MARGIN, Swatch, WIDE, heading, legend, small, text};
use super::{Drawn, INK, Plot, PlotError, series_color};
use crate::number;
use crate::text::excerpt;

/// Panels side by side.
const ACROSS: usize = 4;
const PANEL_HEIGHT: u32 = 250;
/// The longest name of a panel, characters.
const NAME: usize = 21;

/// Many plots of lines.
#[derive(Debug)]
pub(crate) struct Multiples {
    pub(crate) title: String,
    /// What the plots show, in words.
    pub(crate) description: String,
    /// What the height and the whole numbers from left to right are.
    pub(crate) axes: String,
    /// The names of the lines; each panel has the same.
    pub(crate) lines: Vec<String>,
    pub(crate) panels: Vec<Panel>,
}

/// The plot of one network.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) name: String,
    /// One for each of the lines' names; points that are no finite number are left out.
    pub(crate) lines: Vec<Vec<(f64, f64)>>,
    /// A place from left to right to point out.
    pub(crate) mark: Option<f64>,
}

impl Multiples {
    /// Draws it.
    pub(crate) fn draw(&self) -> Result<Plot, PlotError> {
        let rows = self.panels.len().div_ceil(ACROSS).max(1);
        let size = (WIDE, 150 + PANEL_HEIGHT * u32::try_from(rows).unwrap_or(1));
        let canvas = Canvas::new(size);
        self.draw_into(&canvas, size, rows)
            .map_err(|source| PlotError {
                title: self.title.clone(),
                source,
            })?;
        Ok(Plot {
            title: self.title.clone(),
            description: self.description.clone(),
            size,
            wide: true,
            steps: canvas.into_steps(),
        })
    }

    fn draw_into(&self, canvas: &Canvas, size: (u32, u32), rows: usize) -> Drawn {
        let surface = canvas.clone().into_drawing_area();
        heading(&surface, &self.title, size)?;
        let names: Vec<(&str, Swatch)> = self
            .lines
            .iter()
            .map(|name| (name.as_str(), Swatch::Line))
            .collect();
        let top = legend(&surface, &names, MARGIN + 54, WIDE as i32)?;
        surface.draw(&text(&self.axes, (MARGIN, top - 4), HPos::Left))?;
        let (_, below) = surface.split_vertically(top + 34);
        let (x, y) = (self.range(|point| point.0), self.range(|point| point.1));
        for (area, panel) in below.split_evenly((rows, ACROSS)).iter().zip(&self.panels) {
            canvas.open(&panel.name);
            let name = excerpt(&panel.name, NAME);
            area.draw(&text(&name, (MARGIN, 4), HPos::Left))?;
            let mut chart = ChartBuilder::on(area)
                .margin_top(40)
                .margin_left(4)
                .y_label_area_size(78)
                .margin_right(20)
                .margin_bottom(40)
                .build_cartesian_2d(x.clone(), y.clone())?;
            chart
                .configure_mesh()
                .axis_style(INK.mix(0.5))
                .bold_line_style(INK.mix(0.14))
                .light_line_style(INK.mix(0.0))
                .x_labels(0)
                .y_labels(3)
                .y_label_style(small())
                .y_label_formatter(&|tick: &f64| number::plain(*tick))
                .disable_x_mesh()
                .draw()?;
            let plane = chart.plotting_area();
            if let Some(mark) = panel.mark {
                let line = [(mark, y.start), (mark, y.end)];
                plane.draw(&PathElement::new(line, INK.mix(0.45).stroke_width(2)))?;
            }
            for (index, points) in panel.lines.iter().enumerate() {
                let finite: Vec<(f64, f64)> = points
                    .iter()
                    .copied()
                    .filter(|(x, y)| x.is_finite() && y.is_finite())
                    .collect();
                if finite.len() == 1 {
                    let dot =
                        plotters::element::Circle::new(finite[0], 6, series_color(index).filled());
                    plane.draw(&dot)?;
                } else {
                    let line =
                        PathElement::new(finite.clone(), series_color(index).stroke_width(4));
                    plane.draw(&line)?;
                }
                if let Some((_, end)) = finite.last() {
                    let own = self.lines.get(index).map_or("", String::as_str);
                    canvas.hint(format!(
                        "{}, {own}: {} at the end",
                        panel.name,
                        number::value(*end)
                    ));
                }
            }
            let (across, down) = plane.get_pixel_range();
            let base = area.get_base_pixel();
            let ends = [
                (x.start, across.start, HPos::Left),
                (x.end, across.end, HPos::Right),
            ];
            for (value, at, anchor) in ends {
                let value = number::plain(value);
                area.draw(&text(&value, (at - base.0, down.end - base.1 + 8), anchor))?;
            }
            canvas.close();
        }
        surface.present()
    }

    /// From the least to the greatest of all panels.
    fn range(&self, of: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
        let points = self
            .panels
            .iter()
            .flat_map(|panel| panel.lines.iter().flatten());
        let (low, high) = points
            .map(of)
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        match (low, high) {
            _ if low > high => 0.0..1.0,
            _ if low == high => low - 0.5..high + 0.5,
            _ => low..high,
        }
    }
}
