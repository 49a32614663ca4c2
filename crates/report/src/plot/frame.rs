//! What all plots share: the surface, title, legend, axes, grid and the labels of ticks.

use std::convert::Infallible;
use std::ops::Range;

use plotters::chart::LabelAreaPosition;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::{Cartesian2d, ChartBuilder, Color, DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, IntoFont, TextStyle};

use super::canvas::{Canvas, FONT_SCALE};
use super::width::{fit, width_of};
use super::{Drawn, INK, Plot, PlotError, series_color};
use crate::number;
use crate::text::{excerpt, visible};

/// Width and height of a plot's own coordinates. A page shows them in 300 pixels (a phone) to 600, so
/// that text is readable and bars, which plotters puts on whole coordinates, come out even.
pub(super) const SIZE: (u32, u32) = (840, 600);
/// The width of one that needs more.
pub(super) const WIDE: u32 = 1500;
/// The height of ordinary text, in the plot's coordinates.
const TEXT: f64 = 30.0;
const TITLE: f64 = 34.0;
/// The longest name of a tick at the side, characters; longer ones are cut. The table behind the plot has them whole.
const NAME: usize = 22;
/// The same of a wide plot.
const WIDE_NAME: usize = 44;
/// The longest name of an upright axis, characters.
const AXIS_NAME: usize = 16;
/// The longest name in a legend, characters.
const LEGEND_NAME: usize = 40;
/// The height of a row of a plot with names at the side.
const ROW: u32 = 48;
/// What such a plot needs besides its rows.
const AROUND: u32 = 205;
const LINE: i32 = 44;
pub(super) const MARGIN: i32 = 12;
const SWATCH: i32 = 34;
/// Between a swatch and its name, and between a name and the next swatch.
const TO_NAME: i32 = 8;
const APART: i32 = 30;

pub(super) type Surface = DrawingArea<Canvas, Shift>;
pub(super) type Plane = DrawingArea<Canvas, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How a series stands in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swatch {
    /// A filled box.
    Box,
    /// A line with a point on it.
    Line,
    /// A line of dashes.
    Dashes,
    /// A line in the colour of text.
    Ink,
    /// The same, hardly to be seen.
    Faint,
}

/// What stands around the data.
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    /// Ticks at chosen places; the other axis gets its own.
    pub(super) ticks: Ticks,
    pub(super) legend: Vec<(&'a str, Swatch)>,
    /// Whether it is as wide as two plots.
    pub(super) wide: bool,
}

/// Which axis has named places.
pub(super) enum Ticks {
    /// The axis from left to right.
    X(Vec<(f64, String)>),
    /// The axis from bottom to top; the plot is as high as they need.
    Y(Vec<(f64, String)>),
    /// Rows from top to bottom and columns, each one wide and high, with names and without a grid.
    Table(Vec<String>, Vec<String>),
    /// Names below upright axes that the plot draws itself.
    Axes(Vec<String>),
    /// Neither.
    None,
}

/// The style of text of a size, anchored as asked.
fn style(size: f64, font: FontStyle, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let font = ("sans-serif", size * FONT_SCALE).into_font().style(font);
    TextStyle::from(font)
        .color(&INK)
        .pos(Pos::new(horizontal, vertical))
}

/// Ordinary text with its top at its place.
pub(super) fn text(words: &str, at: (i32, i32), anchor: HPos) -> Text<'static, (i32, i32), String> {
    Text::new(
        visible(words),
        at,
        style(TEXT, FontStyle::Normal, anchor, VPos::Top),
    )
}

/// The style of the ticks of small plots.
pub(super) fn small() -> TextStyle<'static> {
    style(0.8 * TEXT, FontStyle::Normal, HPos::Left, VPos::Center)
}

/// The width of names at the side.
fn room_for<'a>(names: impl Iterator<Item = &'a String>, longest: usize) -> f64 {
    let widths = names.map(|name| width_of(&excerpt(name, longest), TEXT, false));
    widths.fold(60.0, f64::max) + 24.0
}

/// A plot's title, at its top.
pub(super) fn heading(surface: &Surface, title: &str, size: (u32, u32)) -> Drawn {
    let bold = style(TITLE, FontStyle::Bold, HPos::Left, VPos::Top);
    let room = f64::from(size.0) - 2.0 * f64::from(MARGIN);
    let title = fit(&visible(title), TITLE, true, room, 1);
    surface.draw(&Text::new(title, (MARGIN, MARGIN), bold))
}

/// The names of the series, in as many lines as they need; returns where they end.
pub(super) fn legend(
    surface: &Surface,
    entries: &[(&str, Swatch)],
    top: i32,
    width: i32,
) -> Result<i32, DrawingAreaErrorKind<Infallible>> {
    if entries.len() < 2 && entries.iter().all(|(_, swatch)| *swatch == Swatch::Box) {
        return Ok(top);
    }
    let (mut x, mut y) = (MARGIN, top);
    let longest = f64::from(width - 2 * MARGIN - SWATCH - TO_NAME);
    for (index, (name, swatch)) in entries.iter().enumerate() {
        let name = fit(&excerpt(name, LEGEND_NAME), TEXT, false, longest, 1);
        let needed = SWATCH + TO_NAME + width_of(&name, TEXT, false).ceil() as i32;
        if x > MARGIN && x + needed > width - MARGIN {
            (x, y) = (MARGIN, y + LINE);
        }
        let color = series_color(index);
        let middle = y + 15;
        match swatch {
            Swatch::Box => {
                surface.draw(&Rectangle::new(
                    [(x, middle - 11), (x + SWATCH - 8, middle + 11)],
                    color.filled(),
                ))?;
            }
            Swatch::Line => {
                surface.draw(&PathElement::new(
                    [(x, middle), (x + SWATCH, middle)],
                    color.stroke_width(5),
                ))?;
                surface.draw(&Circle::new((x + SWATCH / 2, middle), 8, color.filled()))?;
            }
            Swatch::Ink | Swatch::Faint => {
                let color = INK.mix(if *swatch == Swatch::Ink { 0.6 } else { 0.25 });
                surface.draw(&PathElement::new(
                    [(x, middle), (x + SWATCH, middle)],
                    color.stroke_width(4),
                ))?;
            }
            Swatch::Dashes => {
                for start in [x, x + 13, x + 26] {
                    surface.draw(&PathElement::new(
                        [(start, middle), (start + 8, middle)],
                        color.stroke_width(5),
                    ))?;
                }
            }
        }
        surface.draw(&text(&name, (x + SWATCH + TO_NAME, y), HPos::Left))?;
        x += needed + APART;
    }
    Ok(y + LINE + 6)
}

impl Frame<'_> {
    /// As high as the names at the side need.
    fn size(&self) -> (u32, u32) {
        let width = if self.wide { WIDE } else { SIZE.0 };
        match &self.ticks {
            Ticks::X(_) | Ticks::Axes(_) | Ticks::None => (width, SIZE.1),
            Ticks::Y(_) | Ticks::Table(..) => {
                let rows = match &self.ticks {
                    Ticks::Y(ticks) => ticks.len(),
                    Ticks::Table(rows, _) => rows.len(),
                    _ => 0,
                };
                let rows = u32::try_from(rows).unwrap_or(u32::MAX);
                let legend = u32::try_from(self.legend.len()).unwrap_or(0) * 16;
                let needed = rows.saturating_mul(ROW).saturating_add(AROUND + legend);
                (width, needed.clamp(360, 8_000))
            }
        }
    }

    /// Draws the frame, then what `data` puts into it.
    pub(super) fn draw(
        &self,
        data: impl FnOnce(&Plane, &Surface, &Canvas) -> Drawn,
    ) -> Result<Plot, PlotError> {
        let canvas = Canvas::new(self.size());
        self.draw_into(&canvas, data).map_err(|source| PlotError {
            title: self.title.into(),
            source,
        })?;
        Ok(Plot {
            title: self.title.into(),
            description: self.description.into(),
            size: self.size(),
            wide: self.wide,
            steps: canvas.into_steps(),
        })
    }

    fn draw_into(
        &self,
        canvas: &Canvas,
        data: impl FnOnce(&Plane, &Surface, &Canvas) -> Drawn,
    ) -> Drawn {
        let surface = canvas.clone().into_drawing_area();
        let (width, height) = (self.size().0 as i32, self.size().1 as i32);
        heading(&surface, self.title, self.size())?;
        let legend_bottom = legend(&surface, &self.legend, MARGIN + 54, width)?;
        let longest = if self.wide { WIDE_NAME } else { NAME };
        surface.draw(&text(self.y_label, (MARGIN, legend_bottom), HPos::Left))?;
        surface.draw(&text(
            self.x_label,
            (width - MARGIN, height - LINE),
            HPos::Right,
        ))?;

        let left = match &self.ticks {
            Ticks::X(_) | Ticks::None => 118.0,
            Ticks::Axes(_) => 24.0,
            Ticks::Y(ticks) => room_for(ticks.iter().map(|(_, name)| name), longest),
            Ticks::Table(rows, _) => room_for(rows.iter(), longest),
        };
        let mut chart = ChartBuilder::on(&surface)
            .margin_top(legend_bottom + LINE + 4)
            .margin_right(24)
            .margin_bottom(LINE + 8)
            .x_label_area_size(match self.ticks {
                Ticks::Axes(_) => 3 * LINE,
                Ticks::Y(_) | Ticks::None => LINE + 12,
                _ => LINE,
            })
            .y_label_area_size(left as i32)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        // A tick at 0 comes out as a remainder of the steps to it.
        let least = |range: &Range<f64>| (range.end - range.start).abs() * 1e-9;
        let nothing_from = least(&self.x).max(least(&self.y).min(least(&self.x)));
        let formatter = |tick: &f64| match tick.abs() < nothing_from {
            true => "0".to_owned(),
            false => number::plain(*tick),
        };
        let nothing = |_: &f64| String::new();
        let mut mesh = chart.configure_mesh();
        mesh.axis_style(INK.mix(0.5))
            .bold_line_style(INK.mix(0.14))
            .light_line_style(INK.mix(0.0))
            .label_style(style(TEXT, FontStyle::Normal, HPos::Left, VPos::Center))
            .set_all_tick_mark_size(0)
            .x_labels(if self.wide { 8 } else { 4 })
            .y_labels(6);
        match &self.ticks {
            Ticks::X(_) => mesh
                .set_tick_mark_size(LabelAreaPosition::Left, 8)
                .disable_x_mesh()
                .x_label_formatter(&nothing)
                .y_label_formatter(&formatter),
            Ticks::Table(..) | Ticks::Axes(_) => &mut mesh,
            Ticks::None => mesh
                .set_tick_mark_size(LabelAreaPosition::Left, 8)
                .set_tick_mark_size(LabelAreaPosition::Bottom, 8)
                .x_label_formatter(&formatter)
                .y_label_formatter(&formatter),
            Ticks::Y(_) => mesh
                .set_tick_mark_size(LabelAreaPosition::Bottom, 8)
                .disable_y_mesh()
                .x_label_formatter(&formatter)
                .y_label_formatter(&nothing),
        };
        if !matches!(self.ticks, Ticks::Table(..) | Ticks::Axes(_)) {
            mesh.draw()?;
        }
        self.tick_labels(chart.plotting_area(), &surface, longest)?;
        data(chart.plotting_area(), &surface, canvas)?;
        surface.present()
    }

    /// Writes as many of the chosen ticks' names as fit, evenly.
    fn tick_labels(&self, plane: &Plane, surface: &Surface, longest: usize) -> Drawn {
        let (across, down) = plane.get_pixel_range();
        match &self.ticks {
            Ticks::X(ticks) => {
                let room = f64::from(across.end - across.start) / (self.x.end - self.x.start);
                let apart = ticks
                    .windows(2)
                    .map(|pair| (pair[1].0 - pair[0].0) * room)
                    .fold(f64::INFINITY, f64::min);
                let widest = ticks
                    .iter()
                    .map(|(_, name)| width_of(name, TEXT, false))
                    .fold(0.0, f64::max);
                let every = (((widest + 24.0) / apart).ceil() as usize).max(1);
                for (at, name) in ticks.iter().step_by(every) {
                    let (x, _) = plane.map_coordinate(&(*at, self.y.start));
                    surface.draw(&text(name, (x, down.end + 10), HPos::Center))?;
                }
            }
            Ticks::None => {}
            Ticks::Axes(names) => {
                for (index, name) in names.iter().enumerate() {
                    let (x, _) = plane.map_coordinate(&(index as f64, self.y.start));
                    let name = excerpt(name, AXIS_NAME);
                    // Neighbours stand in two lines, so that they do not touch.
                    let below = 40 + LINE * (index % 2) as i32;
                    surface.draw(&text(&name, (x, down.end + below), HPos::Center))?;
                }
            }
            Ticks::Table(rows, columns) => {
                for (index, name) in rows.iter().enumerate() {
                    let at = self.y.end - 0.5 - index as f64;
                    let (_, y) = plane.map_coordinate(&(self.x.start, at));
                    let name = excerpt(name, longest);
                    surface.draw(&text(&name, (across.start - 12, y - 12), HPos::Right))?;
                }
                let room = f64::from(across.end - across.start) / columns.len().max(1) as f64 - 4.0;
                for (index, name) in columns.iter().enumerate() {
                    let (x, _) = plane.map_coordinate(&(index as f64 + 0.5, self.y.start));
                    let name = fit(name, TEXT, false, room, 2);
                    surface.draw(&text(&name, (x, down.end + 10), HPos::Center))?;
                }
            }
            Ticks::Y(ticks) => {
                for (at, name) in ticks {
                    let (_, y) = plane.map_coordinate(&(self.x.start, *at));
                    let name = excerpt(name, longest);
                    surface.draw(&text(&name, (across.start - 12, y - 12), HPos::Right))?;
                }
            }
        }
        Ok(())
    }
}
