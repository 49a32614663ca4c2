//! Pins: results that a collection of garbage never takes.
//!
//! `store/pins/`: one sealed file for each thing that was pinned.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cinescore_artifact::Digest;
use cinescore_artifact::store::{digests_in, sealed};
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;
use crate::project::Project;
use crate::results::{self, Results};

/// Something that is kept until it is unpinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// What was named: a run, a pipeline, a fingerprint.
    pub name: String,
    /// When, RFC 3339.
    pub since: String,
    /// Its results.
    pub fingerprints: BTreeSet<Digest>,
}

/// Pins what a pipeline has on view, what a run made, or one result.
pub fn pin(project: &Project, results: &Results) -> Result<Pin, PipelineError> {
    let pin = Pin {
        name: results.name.clone(),
        since: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        fingerprints: results.fingerprints.clone(),
    };
    let folder = folder(project);
    fs_err::create_dir_all(&folder).map_err(PipelineError::io("make", &folder))?;
    let path = place(project, &pin.name);
    sealed::write(&path, &pin).map_err(PipelineError::io("write", path))?;
    Ok(pin)
}

/// Removes a pin, named as it was pinned.
pub fn unpin(project: &Project, given: &str) -> Result<Pin, PipelineError> {
    let pins = all(project)?;
    let named = |name: &str| pins.iter().find(|pin| pin.name == name);
    let found = named(given).or_else(|| named(&results::resolve(project, given).ok()?.name));
    let pin = found.ok_or_else(|| PipelineError::Unknown {
        what: "pin",
        given: given.into(),
        known: pins.iter().map(|pin| pin.name.clone()).collect(),
    })?;
    let path = place(project, &pin.name);
    fs_err::remove_file(&path).map_err(PipelineError::io("remove", path))?;
    Ok(pin.clone())
}

/// All pins, sorted by name. Of a damaged one, every digest that can still be read counts.
pub fn all(project: &Project) -> Result<Vec<Pin>, PipelineError> {
    let mut pins = Vec::new();
    for path in results::entries(&folder(project))? {
        pins.push(match sealed::read(&path) {
            Ok(pin) => pin,
            Err(_damaged) => Pin {
                name: path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                since: "unknown".into(),
                fingerprints: digests_in(&String::from_utf8_lossy(
                    &fs_err::read(&path).map_err(PipelineError::io("read", &path))?,
                )),
            },
        });
    }
    pins.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pins)
}

fn folder(project: &Project) -> PathBuf {
    project.store.root().join("pins")
}

/// A damaged pin is known by its file's name.
fn place(project: &Project, name: &str) -> PathBuf {
    let direct = folder(project).join(name);
    if direct.is_file() {
        return direct;
    }
    folder(project).join(format!(
        "{}.json",
        Digest::of_bytes(name.as_bytes()).short()
    ))
}
