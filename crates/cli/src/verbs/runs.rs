//! `cinescore runs`: former runs, the newest first.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::run::RunRecord;
use serde_json::{Value, json};

use crate::arguments::{ProjectArguments, RunsArguments};
use crate::display;
use crate::table::Table;

pub(crate) fn runs(
    project: &ProjectArguments,
    arguments: &RunsArguments,
) -> Result<u8, StageError> {
    let runs = project.runs();
    let pipeline = project.named();
    let mut ids = runs.ids(pipeline.as_deref())?;
    let count = ids.len();
    if arguments.number > 0 {
        ids.truncate(arguments.number);
    }
    let mut records = Vec::new();
    for id in &ids {
        match runs.read(id) {
            Ok(record) => records.push(record),
            Err(error) => display::say(&format!("warning: run `{id}`: {error}")),
        }
    }
    if arguments.json {
        let rows: Vec<Value> = records.iter().map(as_json).collect();
        display::data(&json!({ "runs": rows, "count": count }))?;
        return Ok(exit::DONE);
    }
    let header = [
        "run", "when", "pipeline", "by", "commit", "wall", "computed", "ended",
    ];
    let mut table = Table::new(&header, &[5, 6]);
    for record in &records {
        table.row([
            record.id.clone(),
            display::moment(&record.started),
            record.pipeline.clone(),
            by(record),
            commit(record),
            record.wall_secs().map_or("-".into(), display::secs),
            format!("{} of {}", record.computed(), record.stage_names().len()),
            ended(record),
        ]);
    }
    if table.is_empty() {
        display::say("no run has computed anything yet");
        return Ok(exit::DONE);
    }
    table.print();
    if records.len() < count {
        display::say(&format!(
            "{} of {count}; -n 0 shows all",
            display::thousands(records.len() as u64)
        ));
    }
    Ok(exit::DONE)
}

/// The record with what follows from it.
fn as_json(record: &RunRecord) -> Value {
    let mut value = json!(record);
    value["status"] = json!(record.status().to_string());
    value["wall_secs"] = json!(record.wall_secs());
    value["computed"] = json!(record.computed());
    value
}

fn by(record: &RunRecord) -> String {
    match &record.user {
        Some(user) => format!("{user}@{}", record.host),
        None => record.host.clone(),
    }
}

/// `3f1c02a9` of a clean working folder, `3f1c02a9+` of one with changes.
pub(crate) fn commit(record: &RunRecord) -> String {
    let Some(commit) = &record.commit else {
        return "-".into();
    };
    let short: String = commit.chars().take(8).collect();
    let mark = if record.dirty == Some(true) { "+" } else { "" };
    format!("{short}{mark}")
}

fn ended(record: &RunRecord) -> String {
    let status = record.status().to_string();
    let failed = record
        .stages
        .iter()
        .rev()
        .find(|stage| !stage.ended.is_empty() && !stage.is_computed());
    match failed {
        Some(stage) if status != "ok" => format!("{status}: {}, {}", stage.stage, stage.ended),
        _ => status,
    }
}
