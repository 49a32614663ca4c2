//! `cinescore import`: the results of an archive come into the store.

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::sharing;

use crate::amounts;
use crate::arguments::{ImportArguments, ProjectArguments};
use crate::display;

pub(crate) fn import(
    given: &ProjectArguments,
    arguments: &ImportArguments,
) -> Result<u8, StageError> {
    if !arguments.archive.is_file() {
        let archive = arguments.archive.display();
        return Err(StageError::usage(format!("there is no file `{archive}`")));
    }
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
        "{}: {}, {}, logs of {}",
        imported.manifest.name,
        amounts::counted(imported.manifest.records.len(), "result"),
        amounts::counted(imported.manifest.objects.len(), "object"),
        amounts::counted(imported.manifest.runs.len(), "run")
    ));
    Ok(exit::DONE)
}
