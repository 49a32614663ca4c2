//! `cinescore gc`: old results go, what is needed stays.

use std::path::{Path, PathBuf};

use cinescore_artifact::{StageError, exit};
use cinescore_pipeline::gc::{self, Freed, Limits};
use cinescore_pipeline::{Project, pins, results};
use serde_json::json;

use crate::amounts;
use crate::arguments::{GcArguments, ProjectArguments};
use crate::display;

pub(crate) fn gc(given: &ProjectArguments, arguments: &GcArguments) -> Result<u8, StageError> {
    let project = given.open_store()?;
    if arguments.pin.is_some() || arguments.unpin.is_some() || arguments.pins {
        return pin(&project, arguments);
    }
    let limits = Limits {
        max_bytes: arguments.max_size,
        max_age: arguments.max_age,
        keep_last: arguments.keep_last,
        lock_folders: lock_folders(given),
        dry_run: arguments.dry_run,
    };
    let freed = gc::collect(&project, &limits)?;
    if arguments.json {
        display::data(&serde_json::to_value(&freed).map_err(StageError::failed)?)?;
    } else {
        for result in &freed.results {
            display::row(&format!(
                "{}  {}  last used {}  {}",
                result.fingerprint.short(),
                result.kind,
                result.used,
                result.why
            ));
        }
        for run in &freed.runs {
            display::row(&format!("logs of {run}"));
        }
    }
    summary(&freed, &limits);
    Ok(exit::DONE)
}

fn summary(freed: &Freed, limits: &Limits) {
    let verb = if limits.dry_run {
        "would be freed"
    } else {
        "were freed"
    };
    display::say(&format!(
        "{} {verb}: {}, {}, logs of {}, {} damaged things and {} checkpoints of long ago, {} leftovers; {} stay",
        amounts::bytes(freed.bytes),
        amounts::counted(freed.results.len(), "result"),
        amounts::counted(freed.objects, "object"),
        amounts::counted(freed.runs.len(), "run"),
        freed.quarantined,
        freed.checkpoints,
        freed.leftovers,
        amounts::bytes(freed.kept_bytes),
    ));
    if let Some(max) = limits.max_bytes.filter(|max| freed.kept_bytes > *max) {
        display::say(&format!(
            "that is more than {}: the rest is on view, locked, pinned, in use, or what these were made from",
            amounts::bytes(max)
        ));
    }
}

fn pin(project: &Project, arguments: &GcArguments) -> Result<u8, StageError> {
    if let Some(given) = &arguments.pin {
        let pin = pins::pin(project, &results::resolve(project, given)?)?;
        display::say(&format!(
            "pinned {}: {} results",
            pin.name,
            pin.fingerprints.len()
        ));
    }
    if let Some(given) = &arguments.unpin {
        let pin = pins::unpin(project, given)?;
        display::say(&format!("{} is no longer pinned", pin.name));
    }
    let pins = pins::all(project)?;
    if arguments.json {
        display::data(&json!({ "pins": pins }))?;
    } else if arguments.pins {
        for pin in pins {
            display::row(&format!(
                "{}  {} results, since {}",
                pin.name,
                pin.fingerprints.len(),
                pin.since
            ));
        }
    }
    Ok(exit::DONE)
}

/// Where lock files lie: beside the pipelines of the working folder, and beside the one that is named.
fn lock_folders(given: &ProjectArguments) -> Vec<PathBuf> {
    let named = Path::new(given.pipeline.as_deref().unwrap_or_default());
    let beside = named
        .parent()
        .filter(|_| named.is_file())
        .map(|folder| Path::new(".").join(folder));
    std::iter::once(PathBuf::from("pipelines"))
        .chain(beside)
        .collect()
}
