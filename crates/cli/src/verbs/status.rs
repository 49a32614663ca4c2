//! `cinescore status`: what is there of each stage.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::{plan, view};
use serde_json::json;

use crate::arguments::{ProjectArguments, StatusArguments};
use crate::display;

pub(crate) fn status(
    project: &ProjectArguments,
    arguments: &StatusArguments,
) -> Result<u8, StageError> {
    let (project, graph) = project.open()?;
    let planned = plan::plan(&project, &graph)?;
    project.close()?;
    let mut stages = Vec::new();
    let width = display::width(planned.iter().map(|(stage, _)| stage.name.as_str()));
    for (stage, assessment) in &planned {
        let view = view::current(&project, &graph, stage);
        let folder = view::folder(&project, &graph, &stage.name);
        if arguments.json {
            stages.push(json!({ "stage": stage.name, "plan": assessment.state, "on_view": view, "folder": folder }));
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
        let rows: Vec<String> = view
            .result
            .rows_out
            .iter()
            .map(|(name, rows)| format!("{name} {}", display::thousands(*rows)))
            .collect();
        display::row(&format!(
            "{:<width$}  {word:<8}  made by {}  {}",
            stage.name,
            view.made_by,
            rows.join(", ")
        ));
        for (name, value) in &view.result.metrics {
            display::row(&format!("{:<width$}  {:<8}  {name} {value:.4}", "", ""));
        }
    }
    if arguments.json {
        display::data(&json!({ "pipeline": graph.name, "stages": stages }))?;
    }
    Ok(exit::DONE)
}
