//! `cinescore import`: the results of an archive come into the store.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::sharing;

use crate::arguments::{ImportArguments, ProjectArguments};
use crate::display;

pub(crate) fn import(
    given: &ProjectArguments,
    arguments: &ImportArguments,
) -> Result<u8, StageError> {
    let project = given.open_store()?;
    let imported = sharing::import(&project, &arguments.archive)?;
    project.close()?;
    for fingerprint in &imported.differing {
        display::say(&format!(
            "warning: the store has another result of {}: its stage is not deterministic; both are kept",
            fingerprint.short()
        ));
    }
    display::say(&format!(
        "{}: {} results, {} objects, logs of {} runs",
        imported.manifest.name,
        imported.manifest.records.len(),
        imported.manifest.objects.len(),
        imported.manifest.runs.len()
    ));
    Ok(exit::DONE)
}
