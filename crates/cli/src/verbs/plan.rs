//! `cinescore plan`: what would run, and why.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::plan::{self, State};
use serde_json::json;

use crate::arguments::{PlanArguments, ProjectArguments};
use crate::display;

pub(crate) fn plan(
    project: &ProjectArguments,
    arguments: &PlanArguments,
) -> Result<u8, StageError> {
    let (project, graph) = project.open()?;
    let planned = plan::plan(&project, &graph)?;
    project.close()?;
    if arguments.json {
        let stages: Vec<_> = planned
            .iter()
            .map(|(stage, assessment)| {
                json!({
                    "stage": stage.name,
                    "run": stage.run,
                    "plan": assessment.state,
                    "fingerprint": assessment.key.as_ref().map(|key| key.fingerprint),
                    "warnings": assessment.warnings,
                })
            })
            .collect();
        display::data(&json!({ "pipeline": graph.name, "stages": stages }))?;
    } else {
        let width = display::width(planned.iter().map(|(stage, _)| stage.name.as_str()));
        for (stage, assessment) in &planned {
            display::row(&format!(
                "{:<width$}  {}",
                stage.name,
                display::state(&assessment.state)
            ));
        }
    }
    let is_stale = planned
        .iter()
        .any(|(_, assessment)| matches!(assessment.state, State::Run { .. } | State::Waits { .. }));
    Ok(if arguments.check && is_stale {
        exit::STALE
    } else {
        exit::DONE
    })
}
