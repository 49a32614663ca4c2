//! What `cinescore-ingest look` says of a table, and how it is shown.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use cinescore_artifact::StageError;
use cinescore_artifact::error::ErrorClass;
use cinescore_pipeline::Project;
use serde::Deserialize;

use crate::arguments::InitArguments;
use crate::display::{self, thousands};
use crate::table::Table;

/// Characters of a line of examples.
const EXAMPLES_WIDTH: usize = 44;

/// What a table holds, and what `ingest reviews` would make of it.
#[derive(Debug, Deserialize)]
pub(super) struct Look {
    pub(super) format: String,
    pub(super) columns: Vec<Column>,
    /// Parameters of `ingest reviews` that name its columns.
    pub(super) params: BTreeMap<String, String>,
    /// What a person should know.
    pub(super) notes: Vec<String>,
    pub(super) rows: u64,
    pub(super) refused: u64,
    /// Why, with counts and first places.
    pub(super) reasons: Vec<String>,
    /// Reviews by score.
    pub(super) scores: BTreeMap<u8, u64>,
    pub(super) positive: u64,
    pub(super) negative: u64,
    pub(super) unlabelled: u64,
    pub(super) splits: BTreeMap<String, u64>,
}

/// A column.
#[derive(Debug, Deserialize)]
pub(super) struct Column {
    name: String,
    role: Option<String>,
    because: Option<String>,
    nulls: u64,
    examples: Vec<String>,
}

/// Starts the program and reads its answer. What it says of an error is passed on.
pub(super) fn ask(project: &Project, arguments: &InitArguments) -> Result<Look, StageError> {
    let Some(program) = project.programs.find("ingest") else {
        let error = StageError::usage("there is no program `cinescore-ingest`");
        return Err(error.hint("`make build` builds it; it belongs beside `cinescore`"));
    };
    let mut command = Command::new(program);
    command.arg("look").stderr(Stdio::piped());
    for (flag, column) in arguments.columns() {
        if let Some(column) = column {
            command.arg(format!("{flag}={column}"));
        }
    }
    let output = command.arg("--").arg(&arguments.reviews).output()?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout).map_err(StageError::failed);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("error: ");
    let class = [ErrorClass::Usage, ErrorClass::Input, ErrorClass::Machine]
        .into_iter()
        .find(|class| output.status.code() == Some(i32::from(class.exit_code())))
        .unwrap_or(ErrorClass::Failed);
    // Its hints name parameters; here they are flags.
    let said = said
        .replace("_column`", "-column`")
        .replace("with `", "with `--");
    Err(StageError::new(class, said))
}

impl Column {
    /// As many examples as a line takes.
    fn examples(&self) -> String {
        let mut line = String::new();
        for example in &self.examples {
            if !line.is_empty() && line.chars().count() + example.chars().count() > EXAMPLES_WIDTH {
                break;
            }
            let separator = if line.is_empty() { "" } else { " | " };
            line = format!("{line}{separator}{example}");
        }
        line
    }
}

impl Look {
    /// Reviews with a score.
    pub(super) fn scored(&self) -> u64 {
        self.scores.values().sum()
    }

    /// Reviews with a score or a sentiment.
    pub(super) fn labelled(&self) -> u64 {
        self.rows - self.refused - self.unlabelled
    }

    /// Shows the columns, the counts and the notes.
    pub(super) fn show(&self, reviews: &Path) {
        let format = match self.format.as_str() {
            "csv" => "CSV",
            "json_lines" => "JSON lines",
            _ => "Parquet",
        };
        let rows = thousands(self.rows);
        display::say(&format!("{}: {format}, {rows} rows\n", reviews.display()));
        let mut table = Table::new(
            &["column", "used as", "because of its", "nulls", "such as"],
            &[3],
        );
        for column in &self.columns {
            let because = match column.because.as_deref() {
                Some("name") => "name",
                Some("values") => "values",
                Some(_) => "flag",
                None => "",
            };
            table.row([
                column.name.clone(),
                column.role.clone().unwrap_or_else(|| "-".into()),
                because.into(),
                thousands(column.nulls),
                column.examples(),
            ]);
        }
        for line in table.lines() {
            display::say(&line);
        }
        display::say(&format!("\n{}", self.counts()));
        if self.refused > 0 {
            let refused = thousands(self.refused);
            display::say(&format!("{refused} rows would be refused:"));
            self.reasons.iter().for_each(|reason| display::say(reason));
        }
        for note in &self.notes {
            display::say(&format!("note: {note}"));
        }
        display::say("");
    }

    /// The labels and splits in a line.
    fn counts(&self) -> String {
        let mut words = Vec::new();
        if let (Some((least, _)), Some((most, _))) =
            (self.scores.first_key_value(), self.scores.last_key_value())
        {
            let scored = thousands(self.scored());
            words.push(format!("{scored} with a score ({least} to {most})"));
        }
        for (count, what) in [
            (self.positive, "positive"),
            (self.negative, "negative"),
            (self.unlabelled, "without a label"),
        ] {
            if count > 0 {
                words.push(format!("{} {what}", thousands(count)));
            }
        }
        let splits = self.splits.iter();
        let splits: Vec<String> = splits
            .map(|(split, count)| format!("{} {split}", thousands(*count)))
            .collect();
        format!(
            "reviews: {}; splits: {}",
            words.join(", "),
            splits.join(", ")
        )
    }
}
