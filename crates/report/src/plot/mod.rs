//! Plots as SVG.
//!
//! Owns the look of plots: sizes, colours, where title, legend and labels stand, and that an SVG
//! says in words what it shows. Does not own any number: a plot draws what it is given.
//!
//! A plot carries no size, so that it fills the width that it gets, and no colour of text or
//! axes, so that it is readable on light and dark: those are `currentColor`.

mod bars;
mod frame;
mod lines;

use std::io;

use plotters::drawing::DrawingAreaErrorKind;
use plotters::style::RGBColor;
use thiserror::Error;

pub(crate) use bars::{BarSeries, Bars, Direction};
pub(crate) use lines::{Line, Lines};

/// A plot could not be drawn.
#[derive(Debug, Error)]
#[error("cannot draw the plot `{title}`")]
pub(crate) struct PlotError {
    /// The plot's title.
    title: String,
    /// What plotters said.
    source: DrawingAreaErrorKind<io::Error>,
}

type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Colours of series: Okabe and Ito's palette for all kinds of colour vision ("Color Universal
/// Design", 2008) without black and yellow, those that stand out on both white and black first.
const SERIES: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Text and axes; no plot has this colour in its output, see [`Plot::inline`].
const INK: RGBColor = RGBColor(1, 1, 1);

fn series_color(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// A drawn plot.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    title: String,
    description: String,
    /// The elements between `<svg ..>` and `</svg>`.
    body: String,
}

impl Plot {
    fn new(title: &str, description: &str, svg: &str) -> Self {
        let ink = format!("#{:02X}{:02X}{:02X}", INK.0, INK.1, INK.2);
        let body = svg.split_once('>').map_or("", |(_svg_tag, rest)| rest);
        let body = body.rsplit_once("</svg>").map_or(body, |(body, _end)| body);
        Self {
            title: title.into(),
            description: description.into(),
            body: body
                .trim()
                .replace(&format!("\"{ink}\""), "\"currentColor\""),
        }
    }

    /// For a page; `id` is unique there.
    pub(crate) fn inline(&self, id: &str) -> String {
        self.svg(
            &format!("class=\"plot\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\""),
            id,
            "",
        )
    }

    /// For a file of its own.
    pub(crate) fn standalone(&self) -> String {
        let (width, height) = frame::SIZE;
        let style = "<style>svg{background:#fff;color:#1b1f24;font-family:sans-serif}\
            @media(prefers-color-scheme:dark){svg{background:#14171b;color:#e6e8eb}}</style>\n";
        let attributes = format!(
            "width=\"{}\" height=\"{}\" role=\"img\" aria-labelledby=\"plot-title plot-desc\"",
            width / 2,
            height / 2
        );
        self.svg(&attributes, "plot", style) + "\n"
    }

    fn svg(&self, attributes: &str, id: &str, style: &str) -> String {
        let (width, height) = frame::SIZE;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" {attributes}>\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n{style}{}\n</svg>",
            escape(&self.title),
            escape(&self.description),
            self.body
        )
    }
}

fn escape(text: &str) -> String {
    crate::text::visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
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
        assert!(plot.standalone().contains("prefers-color-scheme"));
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
