//! `cinescore status`: what is there of each stage, how old it is, what it cost, and whether it is what
//! the lock file says.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::lock::{LockFile, lock_path};
use cinescore_pipeline::run::{RunRecord, StageRun};
use cinescore_pipeline::runs::{Runs, secs_since};
use cinescore_pipeline::view::StageView;
use cinescore_pipeline::{plan, view};
use serde_json::{Value, json};

use crate::arguments::{ProjectArguments, StatusArguments};
use crate::display;

pub(crate) fn status(
    given: &ProjectArguments,
    arguments: &StatusArguments,
) -> Result<u8, StageError> {
    let (project, graph) = given.open()?;
    let planned = plan::plan(&project, &graph)?;
    project.close()?;
    let path = lock_path(&graph.file);
    let locked = match path.exists() {
        true => Some(LockFile::load(&path)?),
        false => None,
    };
    let differs: Option<BTreeSet<String>> = locked.map(|locked| {
        let differences = locked.differences(&graph, &planned, &|_| true);
        differences.into_iter().map(|found| found.stage).collect()
    });
    let mut makers = Makers::of(given.runs());
    let mut stages = Vec::new();
    let width = display::width(planned.iter().map(|(stage, _)| stage.name.as_str()));
    for (stage, assessment) in &planned {
        let view = view::current(&project, &graph, stage);
        let folder = view::folder(&project, &graph, &stage.name);
        // Nothing to say of a stage without a result, or without a lock file.
        let is_locked = differs
            .as_ref()
            .filter(|_| assessment.record.is_some())
            .map(|differs| !differs.contains(&stage.name));
        let maker = view.as_ref().and_then(|view| makers.find(view));
        if arguments.json {
            let maker = maker.map(|(run, stage)| {
                json!({
                    "finished": run.finished,
                    "age_secs": run.finished.as_deref().and_then(secs_since),
                    "wall_secs": stage.wall_secs,
                    "cpu_secs": stage.cpu_secs,
                    "peak_memory_bytes": stage.peak_memory_bytes,
                    "output_bytes": stage.output_bytes(),
                    "host": run.host,
                    "commit": run.commit,
                    "dirty": run.dirty,
                })
            });
            stages.push(json!({
                "stage": stage.name,
                "plan": assessment.state,
                "on_view": view,
                "folder": folder,
                "made": maker,
                "as_locked": is_locked,
            }));
            continue;
        }
        let word = display::state_word(&assessment.state);
        let Some(view) = view else {
            display::row(&format!(
                "{:<width$}  {word:<8}  nothing on view",
                stage.name
            ));
            continue;
        };
        let mut parts = vec![format!("made by {}", view.made_by)];
        if let Some((run, stage)) = maker {
            parts.extend(
                run.finished
                    .as_deref()
                    .and_then(secs_since)
                    .map(|secs| format!("{} ago", display::secs(secs))),
            );
            parts.push(format!(
                "in {} with {}",
                display::secs(stage.wall_secs),
                display::bytes(stage.peak_memory_bytes)
            ));
        }
        parts.extend(is_locked.map(|is_locked| {
            let word = if is_locked {
                "as locked"
            } else {
                "not as locked"
            };
            word.to_owned()
        }));
        let rows = view.result.rows_out.iter();
        let rows: Vec<String> = rows
            .map(|(name, rows)| format!("{name} {}", display::thousands(*rows)))
            .collect();
        let line = format!(
            "{:<width$}  {word:<8}  {}  {}",
            stage.name,
            parts.join(", "),
            rows.join(", ")
        );
        display::row(line.trim_end());
        for (name, value) in &view.result.metrics {
            display::row(&format!("{:<width$}  {:<8}  {name} {value:.4}", "", ""));
        }
    }
    if arguments.json {
        let lock: Value = differs.map_or(
            Value::Null,
            |differs| json!({ "file": path, "reproduced": differs.is_empty() }),
        );
        display::data(&json!({ "pipeline": graph.name, "stages": stages, "lock": lock }))?;
    }
    Ok(exit::DONE)
}

/// The runs that made what is on view, each read once.
struct Makers {
    runs: Runs,
    read: BTreeMap<String, Option<RunRecord>>,
}

impl Makers {
    fn of(runs: Runs) -> Self {
        Self {
            runs,
            read: BTreeMap::new(),
        }
    }

    /// The run and the stage in it that made a result; none where the record is gone, or came from
    /// another machine.
    fn find(&mut self, view: &StageView) -> Option<(&RunRecord, &StageRun)> {
        let record = self
            .read
            .entry(view.made_by.clone())
            .or_insert_with(|| self.runs.read(&view.made_by).ok())
            .as_ref()?;
        // By key: the stage may have had another name.
        let stage = record
            .stages
            .iter()
            .rev()
            .find(|stage| stage.fingerprint == Some(view.fingerprint) && stage.is_computed())?;
        Some((record, stage))
    }
}
