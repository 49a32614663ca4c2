//! Plots, as SVG and PNG.
//!
//! Owns the look of plots: sizes, colours, where title, legend and labels stand, and that a plot
//! says in words what it shows. Does not own any number: a plot draws what it is given.
//!
//! plotters places axes, ticks and shapes; what it draws on is our own list (`canvas`), which becomes both formats.

mod bars;
mod canvas;
mod frame;
mod heat;
mod lines;
mod multiples;
mod parallel;
mod points;
mod raster;
mod svg;
mod width;

use std::convert::Infallible;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::style::RGBColor;
use thiserror::Error;

pub(crate) use bars::{BarSeries, Bars, Direction};
pub(crate) use heat::Heat;
pub(crate) use lines::{Line, Lines};
pub(crate) use multiples::{Multiples, Panel};
pub(crate) use parallel::{Axis, Parallel, Strand};
pub(crate) use points::{Point, Points};

/// A plot could not be drawn.
#[derive(Debug, Error)]
#[error("cannot draw the plot `{title}`")]
pub(crate) struct PlotError {
    /// The plot's title.
    title: String,
    /// What plotters said.
    source: DrawingAreaErrorKind<Infallible>,
}

type Drawn = Result<(), DrawingAreaErrorKind<Infallible>>;

/// Colours of series: Okabe and Ito's palette for all kinds of colour vision ("Color Universal
/// Design", 2008) without black and yellow, those that stand out on both white and black first; the blue a little
/// lighter than theirs, so that it stands out on black as well.
const SERIES: [RGBColor; 6] = [
    RGBColor(31, 128, 194),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Text and axes: `currentColor` in an SVG, so that it is readable on light and dark; dark in a PNG.
const INK: RGBColor = RGBColor(1, 1, 1);

fn series_color(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// A drawn plot.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    title: String,
    description: String,
    /// Width and height of its own coordinates.
    size: (u32, u32),
    /// Whether it wants the room of two.
    wide: bool,
    steps: Vec<canvas::Step>,
}

impl Plot {
    /// As SVG for a page; `id` is unique there.
    pub(crate) fn inline(&self, id: &str) -> String {
        svg::inline(self, id)
    }

    /// As SVG for a file of its own.
    pub(crate) fn standalone(&self) -> String {
        svg::standalone(self)
    }

    /// Its title.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Whether it wants the room of two.
    pub(crate) fn is_wide(&self) -> bool {
        self.wide
    }

    /// As PNG.
    pub(crate) fn png(&self) -> std::io::Result<Vec<u8>> {
        raster::png(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_says_what_it_shows_and_names_no_text_colour() {
        let plot = Bars {
            title: "Reviews & <scores>".into(),
            description: "Two bars.".into(),
            category_label: "score".into(),
            value_label: "reviews".into(),
            categories: vec!["<1>".into(), "2".into()],
            series: vec![BarSeries {
                name: "train".into(),
                values: vec![3.0, 1200.0],
            }],
            direction: Direction::Up,
        }
        .draw()
        .unwrap();
        let svg = plot.inline("p1");
        assert!(
            svg.contains("<title id=\"p1-title\">Reviews &amp; &lt;scores&gt;</title>"),
            "{svg}"
        );
        assert!(
            svg.contains("role=\"img\"")
                && svg.contains("currentColor")
                && svg.contains("&lt;1&gt;"),
            "{svg}"
        );
        assert!(
            !svg.contains("#010101") && !svg.contains("width=\"840\""),
            "{svg}"
        );
        assert!(
            svg.contains("<title>train, &lt;1&gt;: 3.000</title>"),
            "{svg}"
        );
        assert!(plot.standalone().contains("prefers-color-scheme"));
        let png = plot.png().unwrap();
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[16..24], [0, 0, 3, 72, 0, 0, 2, 88]);
    }

    #[test]
    fn plots_of_nothing_are_plots() {
        let bars = Bars {
            title: "Nothing".into(),
            description: "No bar.".into(),
            category_label: "score".into(),
            value_label: "reviews".into(),
            categories: Vec::new(),
            series: Vec::new(),
            direction: Direction::Right,
        };
        assert!(bars.draw().is_ok());
        let lines = Lines {
            title: "Loss".into(),
            description: "No line.".into(),
            x_label: "epoch".into(),
            y_label: "loss".into(),
            lines: vec![Line {
                name: "train".into(),
                dashed: false,
                points: vec![(1.0, f64::NAN)],
            }],
            mark: Some((1.0, "kept".into())),
        };
        assert!(lines.draw().is_ok());
    }
}
