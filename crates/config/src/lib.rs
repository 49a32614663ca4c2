//! YAML files that people write: typed values, and where each value stands in its file.
//!
//! Owns reading a file once with serde_yaml (values) and once with a marker-event parser (positions),
//! and the problems that point at a place in it. Does not own what any key means.
//!
//! ```
//! # use std::path::Path;
//! # use cinescore_config::Document;
//! let document = Document::parse("stages: {net: {run: train fit}}", Path::new("demo.yaml")).unwrap();
//! let problem = document.problem_at(&["stages", "net", "run"], "unknown kind `fit`");
//! assert!(problem.to_string().contains("demo.yaml:1:21"));
//! ```

mod position;
mod problem;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_yaml::Value;

pub use position::Span;
pub use problem::{Problem, Problems, did_you_mean};

use position::Positions;

/// A YAML file, read.
#[derive(Debug, Clone)]
pub struct Document {
    file: PathBuf,
    text: String,
    value: Value,
    positions: Positions,
}

impl Document {
    /// Reads a file.
    pub fn load(file: &Path) -> Result<Self, Problems> {
        let bytes = std::fs::read(file)
            .map_err(|error| Problem::of_file(file, format!("cannot read the file: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            Problem::of_file(file, format!("line {line} is not UTF-8"))
        })?;
        Self::parse(&text, file)
    }

    /// Reads a text; `file` is its name in messages.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Problems> {
        let fail = |message: String, place: Option<(usize, usize)>| {
            let span = place.map(|(line, column)| Span {
                line,
                column,
                length: 1,
            });
            Problems::from(Problem::in_text(file, text, span, message))
        };
        let refused = |error: serde_yaml::Error| {
            fail(
                problem::without_place(&error),
                error.location().map(|place| (place.line(), place.column())),
            )
        };
        let mut value: Value = serde_yaml::from_str(text).map_err(refused)?;
        // `<<: *anchor`.
        value.apply_merge().map_err(refused)?;
        let positions = Positions::read(text).map_err(|error| {
            fail(
                error.info().to_owned(),
                Some((error.marker().line(), error.marker().col() + 1)),
            )
        })?;
        Ok(Self {
            file: file.to_owned(),
            text: text.to_owned(),
            value,
            positions,
        })
    }

    /// The file's name.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The whole value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value as a type; the problem stands where serde stopped.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        serde_yaml::from_str(&self.text).map_err(|error| {
            let place = error.location();
            let span = place.map(|place| Span {
                line: place.line(),
                column: place.column(),
                length: 1,
            });
            Problems::from(Problem::in_text(
                &self.file,
                &self.text,
                span,
                problem::without_place(&error),
            ))
        })
    }

    /// A problem with the value at a path of keys and indices; of a path that is not there, the
    /// nearest part that is.
    pub fn problem_at<K: AsRef<str>>(&self, path: &[K], message: impl Into<String>) -> Problem {
        self.problem(self.positions.value(path), message)
    }

    /// A problem with the key at the end of a path.
    pub fn problem_at_key<K: AsRef<str>>(&self, path: &[K], message: impl Into<String>) -> Problem {
        self.problem(self.positions.key(path), message)
    }

    fn problem(&self, span: Option<Span>, message: impl Into<String>) -> Problem {
        Problem::in_text(&self.file, &self.text, span, message.into())
    }
}

#[cfg(test)]
mod tests;
