//! The verb `look`: what `reviews` would make of a table of one's own, as JSON, for `cinescore init`.
//!
//! Reads the table twice: once for its columns, once as `reviews` does, so that the counts are those that it would
//! give. Writes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::program::{Progress, Verb, print};
use clap::{Arg, ArgMatches, Command, value_parser};
use serde::Serialize;

use super::columns::{Columns, ROLES, Role};
use super::formats::{ColumnNames, Format, Row, column_names, for_each_row, format};
use super::guess::{Because, Evidence, choose};
use super::{SOURCE, check_named, read};
use crate::error::ReadError;
use crate::rejects::{MaxRejects, Rejects};
use crate::reviews::ReviewsParams;
use crate::watch::Watch;

/// What a table holds, and what `reviews` would make of it.
#[derive(Debug, Serialize)]
struct Look {
    /// `csv`, `json_lines` or `parquet`.
    format: &'static str,
    columns: Vec<LookedAt>,
    /// Parameters of `reviews` that name these columns.
    params: BTreeMap<&'static str, String>,
    /// What a person should know.
    notes: Vec<String>,
    rows: u64,
    /// Rows that would be refused.
    refused: u64,
    /// Reasons with their counts and first places.
    reasons: Vec<String>,
    /// Labelled rows by score.
    scores: BTreeMap<u8, u64>,
    positive: u64,
    negative: u64,
    unlabelled: u64,
    splits: BTreeMap<&'static str, u64>,
}

/// A column.
#[derive(Debug, Serialize)]
struct LookedAt {
    name: String,
    /// `text`, `score`, ...; none where it is not used.
    role: Option<&'static str>,
    /// `named`, `name` or `values`.
    because: Option<&'static str>,
    nulls: u64,
    examples: Vec<String>,
}

/// The description of this verb.
pub fn verb() -> Verb {
    let mut command = Command::new("look")
        .about(
            "Says as JSON what the columns of a table of reviews seem to be, for `cinescore init`",
        )
        .arg(
            Arg::new("table")
                .required(true)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The table: CSV, JSON lines or Parquet"),
        );
    for role in ROLES {
        command = command.arg(
            Arg::new(role.param())
                .long(role.param().replace('_', "-"))
                .value_name("COLUMN")
                .help(format!(
                    "The column of the {} [default: guessed; '': none]",
                    role.name()
                )),
        );
    }
    Verb::new(command, run)
}

fn run(matches: &ArgMatches) -> Result<(), StageError> {
    let path = matches.get_one::<PathBuf>("table").cloned();
    let named = Columns(ROLES.map(|role| matches.get_one::<String>(role.param()).cloned()));
    let look = look(&path.unwrap_or_default(), &named)?;
    let text = serde_json::to_string_pretty(&look).map_err(StageError::failed)?;
    print(&format!("{text}\n"))
}

fn look(path: &Path, named: &Columns) -> Result<Look, ReadError> {
    let progress = Progress::silent();
    let watch = Watch::idle(&progress);
    let format = format(path, &watch)?;
    let found = column_names(path, format, &watch)?;
    check_named(path, named, &found)?;
    let ColumnNames {
        texts: found,
        others,
    } = found;
    let mut evidence = vec![Evidence::default(); found.len()];
    for_each_row(path, format, &found, &watch, |_, _, row| {
        if let Row::Values(values) = row {
            for (evidence, value) in evidence.iter_mut().zip(values) {
                evidence.add(value.as_deref());
            }
        }
        Ok(())
    })?;
    let choice = choose(&found, &evidence, named);

    let mut params = BTreeMap::new();
    let by_name = Columns::of(&found, &Columns::default());
    for role in ROLES {
        match (choice.columns.get(role), by_name.get(role)) {
            (Some(column), _) => params.insert(role.param(), column.clone()),
            // Else `reviews` would take it by its name.
            (None, Some(_)) => params.insert(role.param(), String::new()),
            (None, None) => None,
        };
    }
    let exact = Columns(ROLES.map(|role| params.get(role.param()).cloned()));
    let mut rejects = Rejects::new(MaxRejects::Count(0));
    let test_share = ReviewsParams::default().test_share;
    let (reviews, rows) = read(path, 0, &exact, test_share, &mut rejects, &watch)?;
    let mut look = Look {
        format: match format {
            Format::Csv => "csv",
            Format::JsonLines => "json_lines",
            Format::Parquet => "parquet",
        },
        columns: Vec::new(),
        params,
        notes: notes(&choice.unfit, &others),
        rows,
        refused: rejects.of(SOURCE),
        reasons: rejects.reasons(),
        scores: BTreeMap::new(),
        positive: 0,
        negative: 0,
        unlabelled: 0,
        splits: BTreeMap::new(),
    };
    for review in &reviews {
        if let Some(score) = review.score {
            *look.scores.entry(score).or_default() += 1;
        }
        match review.polarity {
            Some(0) => look.negative += 1,
            Some(_) => look.positive += 1,
            None => {}
        }
        look.unlabelled += u64::from(review.score.is_none() && review.polarity.is_none());
        *look.splits.entry(review.split).or_default() += 1;
    }
    if let Some((&most, _)) = look.scores.last_key_value()
        && most <= 5
    {
        look.notes.push(format!(
            "no score is above {most}: they are read as {most} of 10 stars, as they are"
        ));
    }
    for (name, evidence) in found.into_iter().zip(evidence) {
        let role = ROLES
            .into_iter()
            .find(|role| choice.columns.get(*role) == Some(&name));
        let because = role.and_then(|role| choice.because[role as usize]);
        look.columns.push(LookedAt {
            name,
            role: role.map(Role::name),
            because: because.map(|because| match because {
                Because::Named => "named",
                Because::Name => "name",
                Because::Values => "values",
            }),
            nulls: evidence.nulls,
            examples: evidence.examples,
        });
    }
    Ok(look)
}

fn notes(unfit: &[(Role, String)], others: &[String]) -> Vec<String> {
    let wanted = |role: &Role| match role {
        Role::Score => "whole numbers from 1 to 10",
        Role::Sentiment => "positive and negative, or 1 and 0",
        Role::Tconst => "IMDb ids such as `tt0111161`",
        Role::Split => "train, test and unlabelled",
        Role::Text | Role::Id => "anything",
    };
    let unfit = unfit.iter().map(|(role, column)| {
        let (name, wanted) = (role.name(), wanted(role));
        format!("column `{column}` is not taken for the {name}: its values are not {wanted}")
    });
    let others = others
        .iter()
        .map(|column| format!("column `{column}` is left out: it cannot be read as text"));
    unfit.chain(others).collect()
}
