//! A page as HTML and as Markdown.
//!
//! Owns the templates and the one place where texts become markup: every value that a template
//! writes is made visible (`text`) and escaped for its format, whatever the template says, but for
//! the plots' SVG.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, escape_formatter,
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::page::Page;
use crate::plot::PlotError;
use crate::text::visible;

const MARKDOWN: &str = "markdown";
/// The page's only script; it has no template syntax in it.
const SCRIPT: &str = include_str!("templates/script.js");

/// By which a browser knows the script from any that a text of others may bring (W3C, Content Security Policy 3).
fn script_hash() -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(SCRIPT.trim_end_matches('\n')));
    format!("sha256-{digest}")
}

/// Why a page could not be made.
#[derive(Debug, Error)]
pub(crate) enum RenderError {
    /// A plot could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A template does not fit the page.
    #[error("cannot fill the template")]
    Template(#[from] minijinja::Error),
    /// A plot could not be written as PNG.
    #[error("cannot write the plot `{plot}` as PNG")]
    Png {
        /// The plot.
        plot: String,
        /// What the encoder said.
        source: std::io::Error,
    },
    /// A table could not be written as CSV.
    #[error("cannot write the table `{table}` as CSV")]
    Csv {
        /// The table.
        table: String,
        /// What the csv crate said.
        source: csv::Error,
    },
}

/// The page as HTML and as Markdown.
pub(crate) fn render(page: &Page) -> Result<(String, String), RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
        Some((_, "md")) => AutoEscape::Custom(MARKDOWN.into()),
        Some((_, "css" | "js")) => AutoEscape::None,
        _ => AutoEscape::Html,
    });
    environment.set_formatter(write_escaped);
    environment.add_template("index.html", include_str!("templates/index.html"))?;
    environment.add_template("macros.html", include_str!("templates/macros.html"))?;
    environment.add_template("style.css", include_str!("templates/style.css"))?;
    environment.add_template("script.js", SCRIPT)?;
    environment.add_global("script_hash", script_hash());
    environment.add_template("summary.md", include_str!("templates/summary.md"))?;
    let page = Value::from(Serde(page));
    let html = environment
        .get_template("index.html")?
        .render(page.clone())?;
    let markdown = environment.get_template("summary.md")?.render(page)?;
    Ok((html, markdown))
}

fn write_escaped(
    out: &mut Output,
    state: &mut State,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.is_safe() || value.kind() != ValueKind::String {
        return match state.auto_escape() {
            AutoEscape::Custom(_) => Ok(write!(out, "{value}")?),
            _ => escape_formatter(out, state, value),
        };
    }
    let text = visible(value.as_str().unwrap_or_default());
    match state.auto_escape() {
        AutoEscape::Custom(_) => Ok(out.write_str(&markdown(&text))?),
        _ => escape_formatter(out, state, &Value::from(text)),
    }
}

/// A text as Markdown that shows it and does nothing else: no markup, no link, nobody notified.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    // GitHub makes links of bare addresses.
    escaped
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_markup_as_text() {
        assert_eq!(
            markdown("<b>|x|</b> *a*: [l](https://e.org) @me #1"),
            "&lt;b&gt;\\|x\\|&lt;/b&gt; \\*a\\*: \\[l\\](https&#58;//e.org) &#64;me \\#1"
        );
    }
}
