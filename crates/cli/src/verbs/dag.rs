//! `cinescore dag`: the pipeline's picture.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::dag::Dag;
use serde_json::json;

use crate::arguments::{DagArguments, ProjectArguments};
use crate::display;

pub(crate) fn dag(project: &ProjectArguments, arguments: &DagArguments) -> Result<u8, StageError> {
    let (_, graph) = project.open()?;
    let dag = Dag::of(&graph, arguments.cells);
    if arguments.json {
        display::data(&json!(dag))?;
        return Ok(exit::DONE);
    }
    let text = match (arguments.mermaid, arguments.dot) {
        (true, _) => dag.mermaid(),
        (_, true) => dag.dot(),
        _ => dag.text(),
    };
    display::row(text.trim_end());
    Ok(exit::DONE)
}
