//! `cinescore sweep`: the trials of a search, and the leaderboard.

use std::time::Duration;

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::PipelineError;
use cinescore_pipeline::run::{Interrupt, Options};
use cinescore_pipeline::sweep::{Leaderboard, Plan, Row, Standing};
use serde_json::json;

use crate::arguments::{ProjectArguments, SweepArguments};
use crate::display::{self, Screen};
use crate::table::Table;
use crate::verbs::run::{how_to_go_on, quoted};

pub(crate) fn sweep(
    project: &ProjectArguments,
    arguments: &SweepArguments,
) -> Result<u8, StageError> {
    let plan = Plan::load(&project.file()?, &project.set)?;
    if arguments.dry_run {
        return dry_run(&plan, arguments.json);
    }
    let opened = project.open_store_to_run(false)?;
    let interrupt = Interrupt::on_signals()?;
    let options = Options {
        jobs: arguments.jobs,
        grace: Duration::from_secs(arguments.grace),
        ..Options::default()
    };
    let failed = |error: &PipelineError| display::say(&format!("warning: {error}"));
    let board = plan.run(&opened, &options, &interrupt, Screen::new, failed);
    opened.close()?;
    let board = board.map_err(|error| match error {
        PipelineError::Interrupted => StageError::from(error).hint(how_to_go_on()),
        error => error.into(),
    })?;
    if arguments.json {
        let value = serde_json::to_value(&board).map_err(StageError::failed)?;
        display::data(&value)?;
    } else {
        print(&board);
    }
    best(project, &board);
    let failed = board
        .rows
        .iter()
        .filter(|row| row.standing == Standing::Failed)
        .count();
    // A search that found something is done, though a trial diverged.
    Ok(if failed == board.rows.len() {
        exit::FAILED
    } else {
        exit::DONE
    })
}

/// What would be tried.
fn dry_run(plan: &Plan, as_json: bool) -> Result<u8, StageError> {
    if as_json {
        let trials: Vec<_> = plan
            .trials
            .iter()
            .map(|values| {
                values
                    .iter()
                    .cloned()
                    .collect::<std::collections::BTreeMap<_, _>>()
            })
            .collect();
        let rungs: Vec<_> = plan
            .rungs()
            .into_iter()
            .map(|(at, trials)| json!({ "at": at, "trials": trials }))
            .collect();
        display::data(&json!({ "stage": plan.sweep.stage, "trials": trials, "rungs": rungs }))?;
        return Ok(exit::DONE);
    }
    for (index, values) in plan.trials.iter().enumerate() {
        let values: Vec<String> = values
            .iter()
            .map(|(name, value)| format!("{name}={}", shown(value)))
            .collect();
        display::row(&format!("{:>4}  {}", index + 1, values.join("  ")));
    }
    for (at, trials) in plan.rungs() {
        let at = at.map_or_else(String::new, |at| format!(" up to {at}"));
        display::say(&format!("{}: {trials} trials{at}", plan.sweep.stage));
    }
    Ok(exit::DONE)
}

fn shown(value: &serde_yaml::Value) -> String {
    let text = serde_yaml::to_string(value).unwrap_or_default();
    text.trim().to_owned()
}

/// The leaderboard as a table on stdout.
fn print(board: &Leaderboard) {
    let has_rungs = board.rows.iter().any(|row| row.rung.is_some());
    let mut header = vec!["rank", "trial", "standing"];
    if has_rungs {
        header.push("rung");
    }
    header.push(&board.metric);
    header.extend(board.variables.iter().map(String::as_str));
    let numbers: Vec<usize> = (0..header.len()).filter(|&column| column != 2).collect();
    let mut table = Table::new(&header, &numbers);
    for (index, row) in board.rows.iter().enumerate() {
        table.row(cells(index + 1, row, has_rungs));
    }
    for line in table.lines() {
        display::row(&line);
    }
}

fn cells(rank: usize, row: &Row, has_rungs: bool) -> Vec<String> {
    let mut cells = vec![
        rank.to_string(),
        row.trial.to_string(),
        row.standing.word().to_owned(),
    ];
    if has_rungs {
        cells.push(row.rung.map(|rung| rung.to_string()).unwrap_or_default());
    }
    let metric = row.metric.map(|metric| format!("{metric:.4}"));
    cells.push(metric.unwrap_or_default());
    cells.extend(row.values.iter().map(|value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }));
    cells
}

/// How to make the best trial the pipeline's own.
fn best(project: &ProjectArguments, board: &Leaderboard) {
    let Some(best) = board
        .rows
        .first()
        .filter(|row| row.standing == Standing::Done)
    else {
        display::say("no trial has the metric");
        return;
    };
    let settings: Vec<String> = board
        .variables
        .iter()
        .zip(&best.values)
        .map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("--set {}", quoted(&format!("vars.{name}={value}")))
        })
        .collect();
    display::say(&format!(
        "best: trial {}, {} {:.4}; to run the pipeline with it:\n  cinescore run -p {} {}",
        best.trial,
        board.metric,
        best.metric.unwrap_or(f64::NAN),
        project.named().unwrap_or_else(|| "demo".into()),
        settings.join(" ")
    ));
}
