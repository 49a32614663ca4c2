//! What is wrong with a YAML file, shown at its place.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::Span;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The place; none where the whole file is meant.
    pub span: Option<Span>,
    /// The text of the place's line.
    pub line: String,
    /// What is wrong.
    pub message: String,
    /// What is known there.
    pub known: Vec<String>,
    /// What was probably meant.
    pub meant: Option<String>,
}

impl Problem {
    /// A problem with a file as a whole.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self::in_text(file, "", None, message.into())
    }

    pub(crate) fn in_text(file: &Path, text: &str, span: Option<Span>, message: String) -> Self {
        let line = span
            .and_then(|span| text.lines().nth(span.line.saturating_sub(1)))
            .unwrap_or_default();
        Self {
            file: file.to_owned(),
            span,
            line: line.to_owned(),
            message,
            known: Vec::new(),
            meant: None,
        }
    }

    /// Adds what is known at the place, and what `given` was probably meant to be.
    #[must_use]
    pub fn known<K: AsRef<str>>(mut self, given: &str, known: impl IntoIterator<Item = K>) -> Self {
        self.known = known
            .into_iter()
            .map(|name| name.as_ref().to_owned())
            .collect();
        self.meant = did_you_mean(given, &self.known);
        self
    }
}

/// The known name that is nearest to a given one, if any is near.
pub fn did_you_mean<K: AsRef<str>>(given: &str, known: &[K]) -> Option<String> {
    known
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(given, name.as_ref()),
                name.as_ref(),
            )
        })
        .filter(|(distance, name)| {
            *distance <= 1 + name.chars().count().min(given.chars().count()) / 4
        })
        .min()
        .map(|(_, name)| name.to_owned())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match self.span {
            None => write!(f, "\n  --> {}", self.file.display())?,
            Some(span) => {
                let number = span.line.to_string();
                let gutter = " ".repeat(number.len());
                let room = self
                    .line
                    .chars()
                    .count()
                    .saturating_sub(span.column - 1)
                    .max(1);
                // Tabs are kept, so that the mark stands under its text.
                let indent: String = self
                    .line
                    .chars()
                    .take(span.column - 1)
                    .map(|c| if c == '\t' { '\t' } else { ' ' })
                    .collect();
                let mark = "^".repeat(span.length.min(room));
                write!(
                    f,
                    "\n  --> {}:{}:{}",
                    self.file.display(),
                    span.line,
                    span.column
                )?;
                write!(
                    f,
                    "\n {gutter} |\n {number} | {}\n {gutter} | {indent}{mark}",
                    self.line
                )?;
            }
        }
        if !self.known.is_empty() {
            write!(f, "\n  known: {}", self.known.join(", "))?;
        }
        if let Some(meant) = &self.meant {
            write!(f, "\n  did you mean `{meant}`?")?;
        }
        Ok(())
    }
}

impl Error for Problem {}

/// All problems of a file, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of another file or check.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// `value` if there are no problems, else the problems.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Problem> = self.0.iter().collect();
        sorted.sort_by_key(|problem| {
            (
                problem.file.clone(),
                problem.span.map(|span| (span.line, span.column)),
                problem.message.clone(),
            )
        });
        sorted.dedup();
        for (index, problem) in sorted.iter().enumerate() {
            let before = if index == 0 { "" } else { "\n\nerror: " };
            write!(f, "{before}{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}

/// serde_yaml ends its messages with the place, which is shown by other means.
pub(crate) fn without_place(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match (error.location(), text.rfind(" at line ")) {
        (Some(_), Some(end)) => text[..end].to_owned(),
        _ => text,
    }
}
