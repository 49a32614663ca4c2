//! `cinescore export`: results for other machines and other programs.

use cinescore_artifact::store::{Manner, size_of};
use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::{results, sharing};

use crate::amounts;
use crate::arguments::{ExportArguments, ProjectArguments};
use crate::display;

pub(crate) fn export(
    given: &ProjectArguments,
    arguments: &ExportArguments,
) -> Result<u8, StageError> {
    let project = given.open_store()?;
    // Views are named after the pipeline, which is its file's name.
    let pipeline = given.named().unwrap_or_else(|| "demo".into());
    let what = arguments.what.as_deref().unwrap_or(&pipeline);
    let wanted = results::resolve(&project, what)?;
    if let Some(folder) = &arguments.files {
        let manner = if arguments.hard_link {
            Manner::Link
        } else {
            Manner::Copy
        };
        for path in sharing::hand_out_files(&project, &wanted, folder, manner)? {
            display::row(&path.display().to_string());
        }
    }
    if let Some(file) = &arguments.output {
        let manifest = sharing::export(&project, &wanted, file)?;
        display::say(&format!(
            "{}: {}, {}, {}",
            file.display(),
            amounts::counted(manifest.records.len(), "result"),
            amounts::counted(manifest.objects.len(), "object"),
            amounts::bytes(size_of(file))
        ));
    }
    Ok(exit::DONE)
}
