//! `cinescore schema`: the JSON Schema of pipeline files.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::{Project, schema};

use crate::arguments::ProjectArguments;
use crate::display;

pub(crate) fn schema(project: &ProjectArguments) -> Result<u8, StageError> {
    let program = std::env::current_exe()?;
    let programs = program.parent().unwrap_or(&program);
    let project = Project::open(&project.artifacts, programs)?;
    display::data(&schema::schema(&project.programs)?)?;
    Ok(exit::DONE)
}
