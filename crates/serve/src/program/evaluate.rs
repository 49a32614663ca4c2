//! `evaluate`: how good a bundle is on labelled reviews.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use cinescore_artifact::StageError;
use cinescore_artifact::program::print;
use clap::{Args, ValueHint};
use indicatif::ProgressBar;

use super::{BundleArguments, counted};
use crate::evaluate::archive::Half;
use crate::evaluate::labelled::{self, Columns};
use crate::evaluate::{Evaluation, Group, evaluate};
use crate::file::format::Format;
use crate::file::rows::Refused;
use crate::predictor::Crew;

pub(super) const EXAMPLES: &str = "\
Figures are those of a training, each with its 95 % interval (bootstrap), beside those of the predictor that knows only
how often each label was trained on. For each flag: the figures of the reviews that have it, and of the others.

Examples:
  cinescore predict evaluate data/aclImdb_v1.tar.gz --bundle artifacts/runs/ratings/net/bundle
  cinescore predict evaluate mine.csv --text-column body --score-column stars --json";

/// Refused reviews that are named.
const NAMED: usize = 3;

/// What `evaluate` is asked.
#[derive(Debug, Args)]
pub(super) struct EvaluateArguments {
    /// aclImdb_v1.tar.gz, the folder aclImdb, or a table (.csv, .tsv, .jsonl, .parquet) with labels
    #[arg(value_name = "IN", value_hint = ValueHint::AnyPath)]
    input: PathBuf,
    #[command(flatten)]
    bundle: BundleArguments,
    /// Which half of an archive
    #[arg(long, default_value = "test")]
    split: Half,
    /// A table's format, where its ending does not tell
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// A table's column with the texts
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// A table's column with the stars, 1 to 10
    #[arg(long, value_name = "NAME", default_value = "score")]
    score_column: String,
    /// A table's column with the sentiment, 0 or 1, for a bundle of task binary
    #[arg(long, value_name = "NAME", default_value = "polarity")]
    polarity_column: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Evaluates a bundle.
pub(super) fn evaluate_input(arguments: &EvaluateArguments) -> Result<(), StageError> {
    let bar = if io::stderr().is_terminal() {
        ProgressBar::new(0)
    } else {
        ProgressBar::hidden()
    };
    let found = arguments.bundle.with_predictor(|predictor, _folder| {
        let columns = Columns {
            text: arguments.text_column.clone(),
            score: arguments.score_column.clone(),
            polarity: arguments.polarity_column.clone(),
        };
        let decoder = &predictor.manifest().decoder;
        let (reviews, refused) = labelled::read(
            &arguments.input,
            arguments.from,
            arguments.split,
            &columns,
            decoder,
        )?;
        if !refused.is_empty() {
            let told = |row: &Refused| match row.line {
                0 => row.reason.clone(),
                line => format!("line {line}: {}", row.reason),
            };
            let mut named: Vec<String> = refused.iter().take(NAMED).map(told).collect();
            if refused.len() > NAMED {
                named.push("..".into());
            }
            let count = counted(refused.len() as u64, "review");
            writeln!(io::stderr(), "{count} left out: {}", named.join("; "))?;
        }
        if reviews.is_empty() {
            return Err(StageError::input(format!(
                "`{}` has no labelled review for task `{}`",
                arguments.input.display(),
                decoder.task()
            )));
        }
        bar.set_length(reviews.len() as u64);
        let mut crew = Crew::new(predictor, arguments.bundle.threads())?;
        let found = evaluate(&mut crew, &reviews, |rated| {
            bar.set_position(rated);
            true
        })?;
        bar.finish_and_clear();
        Ok(found)
    })?;
    let text = if arguments.json {
        let mut json = serde_json::to_string_pretty(&found).map_err(StageError::failed)?;
        json.push('\n');
        json
    } else {
        lines(&found)
    };
    print(&text)
}

/// A table of the figures, and one of the flags.
fn lines(found: &Evaluation) -> String {
    let mut text = format!(
        "{} reviews, network {}, task {}\n\n",
        found.reviews, found.network, found.task
    );
    let mut rows = vec![["figure", "value", "95 % interval", "of", "trivial"].map(str::to_owned)];
    let [own, others @ ..] = found.subjects.as_slice() else {
        return text;
    };
    let number =
        |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.4}"));
    for (name, told) in &own.figures {
        let interval = match (told.lower, told.upper) {
            (Some(lower), Some(upper)) => format!("{lower:.4} to {upper:.4}"),
            _ => String::new(),
        };
        let trivial = others
            .first()
            .and_then(|other| other.figures.get(name)?.value);
        rows.push([
            name.clone(),
            number(told.value),
            interval,
            told.n.to_string(),
            number(trivial),
        ]);
    }
    table(&mut text, &rows);
    if !found.flags.is_empty() {
        // A group that has all reviews, or none, has no figures of the others.
        let names: BTreeSet<&str> = found
            .flags
            .iter()
            .flat_map(|group| group.flagged.keys().chain(group.others.keys()))
            .copied()
            .collect();
        let mut rows = vec![["flag", "reviews", "share", "with it", "without"].map(str::to_owned)];
        for group in &found.flags {
            rows.push(of_group(group, &names, found.reviews));
        }
        text.push('\n');
        table(&mut text, &rows);
    }
    text
}

fn of_group(group: &Group, names: &BTreeSet<&str>, all: u64) -> [String; 5] {
    let figures = |own: &BTreeMap<&'static str, f64>| {
        let told = names
            .iter()
            .filter_map(|name| Some(format!("{name} {:.3}", own.get(name)?)));
        told.collect::<Vec<_>>().join(" ")
    };
    [
        group.flag.to_owned(),
        group.reviews.to_string(),
        format!("{:.1} %", 100.0 * group.reviews as f64 / all as f64),
        figures(&group.flagged),
        figures(&group.others),
    ]
}

/// Columns as wide as their widest cell, two spaces apart.
fn table(text: &mut String, rows: &[[String; 5]]) {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(text, "{}", cells.join("  ").trim_end()).ok();
    }
}
