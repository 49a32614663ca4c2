//! What all plots share: the surface, title, legend, axes, grid and the labels of ticks.

use std::io;
use std::ops::Range;

use plotters::chart::LabelAreaPosition;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, Color, DrawingArea, IntoDrawingArea, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, IntoFont, TextStyle};

use super::{Drawn, INK, Plot, PlotError, series_color};
use crate::number;
use crate::text::visible;

/// Width and height of a plot's own coordinates. A page shows them in 300 pixels (a phone) to 600, so
/// that text is readable and bars, which plotters puts on whole coordinates, come out even.
pub(super) const SIZE: (u32, u32) = (840, 600);
/// The height of ordinary text, in the plot's coordinates.
const TEXT: f64 = 30.0;
const TITLE: f64 = 34.0;
/// The mean width of a character of text, estimated: an SVG's font is the reader's.
const CHARACTER: f64 = 0.55 * TEXT;
const LINE: i32 = 44;
const MARGIN: i32 = 12;
const SWATCH: i32 = 34;

pub(super) type Surface<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Plane<'a> =
    DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How a series stands in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swatch {
    /// A filled box.
    Box,
    /// A line with a point on it.
    Line,
    /// A line of dashes.
    Dashes,
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
}

/// Which axis has named places.
pub(super) enum Ticks {
    /// The axis from left to right.
    X(Vec<(f64, String)>),
    /// The axis from bottom to top.
    Y(Vec<(f64, String)>),
}

/// The style of text of a size, anchored as asked.
fn style(size: f64, font: FontStyle, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    // plotters divides a font's size by 1.24.
    let font = ("sans-serif", size * 1.24).into_font().style(font);
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

fn width_of(words: &str) -> f64 {
    words.chars().count() as f64 * CHARACTER
}

impl Frame<'_> {
    /// Draws the frame, then what `data` puts into it.
    pub(super) fn draw(
        &self,
        data: impl FnOnce(&Plane<'_>, &Surface<'_>) -> Drawn,
    ) -> Result<Plot, PlotError> {
        let mut svg = String::new();
        self.draw_into(&mut svg, data).map_err(|source| PlotError {
            title: self.title.into(),
            source,
        })?;
        Ok(Plot::new(self.title, self.description, &svg))
    }

    fn draw_into(
        &self,
        svg: &mut String,
        data: impl FnOnce(&Plane<'_>, &Surface<'_>) -> Drawn,
    ) -> Drawn {
        let surface = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let (width, height) = (SIZE.0 as i32, SIZE.1 as i32);
        let bold = style(TITLE, FontStyle::Bold, HPos::Left, VPos::Top);
        surface.draw(&Text::new(visible(self.title), (MARGIN, MARGIN), bold))?;
        let legend_bottom = self.legend(&surface, MARGIN + 54)?;
        surface.draw(&text(self.y_label, (MARGIN, legend_bottom), HPos::Left))?;
        surface.draw(&text(
            self.x_label,
            (width - MARGIN, height - LINE),
            HPos::Right,
        ))?;

        let left = match &self.ticks {
            Ticks::X(_) => 118.0,
            Ticks::Y(ticks) => {
                ticks
                    .iter()
                    .map(|(_, name)| width_of(name))
                    .fold(60.0, f64::max)
                    .min(330.0)
                    + 24.0
            }
        };
        let mut chart = ChartBuilder::on(&surface)
            .margin_top(legend_bottom + LINE + 4)
            .margin_right(24)
            .margin_bottom(LINE + 4)
            .x_label_area_size(LINE)
            .y_label_area_size(left as i32)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let formatter = |tick: &f64| tick_label(*tick);
        let nothing = |_: &f64| String::new();
        let mut mesh = chart.configure_mesh();
        mesh.axis_style(INK.mix(0.5))
            .bold_line_style(INK.mix(0.14))
            .light_line_style(INK.mix(0.0))
            .label_style(style(TEXT, FontStyle::Normal, HPos::Left, VPos::Center))
            .set_all_tick_mark_size(0)
            .x_labels(6)
            .y_labels(6);
        match &self.ticks {
            Ticks::X(_) => mesh
                .set_tick_mark_size(LabelAreaPosition::Left, 8)
                .disable_x_mesh()
                .x_label_formatter(&nothing)
                .y_label_formatter(&formatter),
            Ticks::Y(_) => mesh
                .disable_y_mesh()
                .x_label_formatter(&formatter)
                .y_label_formatter(&nothing),
        };
        mesh.draw()?;
        self.tick_labels(chart.plotting_area(), &surface)?;
        data(chart.plotting_area(), &surface)?;
        surface.present()
    }

    /// The names of the series, in as many lines as they need; returns where they end.
    fn legend(
        &self,
        surface: &Surface<'_>,
        top: i32,
    ) -> Result<i32, DrawingAreaErrorKind<io::Error>> {
        if self.legend.len() < 2 && self.legend.iter().all(|(_, swatch)| *swatch == Swatch::Box) {
            return Ok(top);
        }
        let (mut x, mut y) = (MARGIN, top);
        for (index, (name, swatch)) in self.legend.iter().enumerate() {
            let needed = SWATCH + 14 + width_of(name) as i32;
            if x > MARGIN && x + needed > SIZE.0 as i32 - MARGIN {
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
                Swatch::Dashes => {
                    for start in [x, x + 13, x + 26] {
                        surface.draw(&PathElement::new(
                            [(start, middle), (start + 8, middle)],
                            color.stroke_width(5),
                        ))?;
                    }
                }
            }
            surface.draw(&text(name, (x + SWATCH + 8, y), HPos::Left))?;
            x += needed + 24;
        }
        Ok(y + LINE + 6)
    }

    /// Writes as many of the chosen ticks' names as fit, evenly.
    fn tick_labels(&self, plane: &Plane<'_>, surface: &Surface<'_>) -> Drawn {
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
                    .map(|(_, name)| width_of(name))
                    .fold(0.0, f64::max);
                let every = (((widest + 10.0) / apart).ceil() as usize).max(1);
                for (at, name) in ticks.iter().step_by(every) {
                    let (x, _) = plane.map_coordinate(&(*at, self.y.start));
                    surface.draw(&text(name, (x, down.end + 10), HPos::Center))?;
                }
            }
            Ticks::Y(ticks) => {
                for (at, name) in ticks {
                    let (_, y) = plane.map_coordinate(&(self.x.start, *at));
                    surface.draw(&text(name, (across.start - 12, y - 15), HPos::Right))?;
                }
            }
        }
        Ok(())
    }
}

/// The label of a tick that plotters chose: no digits that say nothing.
fn tick_label(tick: f64) -> String {
    let text = number::value(tick);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
