//! A plot as SVG.
//!
//! Owns the markup. A plot carries no size, so that it fills the width that it gets, and no colour of text or axes, so
//! that it is readable on light and dark: those are `currentColor`.

use std::fmt::Write as _;

use super::canvas::{Across, Down, Place, Shape, Step};
use super::{INK, Plot};
use crate::text::visible;

/// For a page; `id` is unique there.
pub(super) fn inline(plot: &Plot, id: &str) -> String {
    let attributes =
        format!("class=\"plot\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\"");
    svg(plot, &attributes, id, "")
}

/// For a file of its own.
pub(super) fn standalone(plot: &Plot) -> String {
    let (width, height) = plot.size;
    let style = "<style>svg{background:#fff;color:#1b1f24;font-family:sans-serif}\
        @media(prefers-color-scheme:dark){svg{background:#14171b;color:#e6e8eb}}</style>\n";
    let attributes = format!(
        "width=\"{}\" height=\"{}\" role=\"img\" aria-labelledby=\"plot-title plot-desc\"",
        width / 2,
        height / 2
    );
    svg(plot, &attributes, "plot", style) + "\n"
}

fn svg(plot: &Plot, attributes: &str, id: &str, style: &str) -> String {
    let (width, height) = plot.size;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" {attributes}>\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n{style}",
        escape(&plot.title),
        escape(&plot.description),
    );
    for step in &plot.steps {
        // Writing to a string cannot fail.
        write_step(&mut out, step).ok();
    }
    out.push_str("</svg>");
    out
}

fn write_step(out: &mut String, step: &Step) -> std::fmt::Result {
    match step {
        Step::Open(series) => writeln!(out, "<g data-series=\"{}\">", escape(series)),
        Step::Close => writeln!(out, "</g>"),
        Step::Draw {
            shape,
            color,
            opacity,
            hint,
        } => {
            let paint = if *color == (INK.0, INK.1, INK.2) {
                "currentColor".to_owned()
            } else {
                format!("#{:02x}{:02x}{:02x}", color.0, color.1, color.2)
            };
            let name = write_shape(out, shape, &paint)?;
            if *opacity < 1.0 {
                write!(out, " opacity=\"{}\"", (opacity * 1000.0).round() / 1000.0)?;
            }
            match (shape, hint) {
                (Shape::Words { text, .. }, _) => writeln!(out, ">{}</{name}>", escape(text)),
                (_, Some(hint)) => {
                    writeln!(out, "><title>{}</title></{name}>", escape(hint))
                }
                _ => writeln!(out, "/>"),
            }
        }
    }
}

/// The beginning of a shape's element; returns its name.
fn write_shape(
    out: &mut String,
    shape: &Shape,
    paint: &str,
) -> Result<&'static str, std::fmt::Error> {
    match shape {
        Shape::Line(points, width) => {
            write!(
                out,
                "<polyline fill=\"none\" stroke=\"{paint}\" stroke-width=\"{width}\" points=\"{}\"",
                places(points)
            )?;
            Ok("polyline")
        }
        Shape::Box(from, to) => {
            write!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{paint}\"",
                from.0.min(to.0),
                from.1.min(to.1),
                (to.0 - from.0).abs(),
                (to.1 - from.1).abs()
            )?;
            Ok("rect")
        }
        Shape::Disc((x, y), radius) => {
            write!(
                out,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{paint}\""
            )?;
            Ok("circle")
        }
        Shape::Area(points) => {
            write!(
                out,
                "<polygon fill=\"{paint}\" points=\"{}\"",
                places(points)
            )?;
            Ok("polygon")
        }
        Shape::Words {
            at,
            size,
            bold,
            across,
            down,
            ..
        } => {
            write!(
                out,
                "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" fill=\"{paint}\"",
                at.0, at.1
            )?;
            match down {
                Down::Top => out.push_str(" dy=\"0.76em\""),
                Down::Middle => out.push_str(" dy=\"0.35em\""),
                Down::Bottom => {}
            }
            match across {
                Across::Left => {}
                Across::Middle => out.push_str(" text-anchor=\"middle\""),
                Across::Right => out.push_str(" text-anchor=\"end\""),
            }
            if *bold {
                out.push_str(" font-weight=\"bold\"");
            }
            Ok("text")
        }
    }
}

fn places(points: &[Place]) -> String {
    let places: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    places.join(" ")
}

fn escape(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
