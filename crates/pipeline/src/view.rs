//! `artifacts/runs/<pipeline>/<stage>/`: the current results, for people.
//!
//! Symlinks to read-only objects, and `stage.json`: what is on view and how it was made. The runner
//! reads it only to say what changed and whether something else is on view; it never takes a result
//! from here.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cinescore_artifact::Digest;
use cinescore_artifact::store::{Object, Record, Store, sealed};
use cinescore_artifact::task::TaskResult;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::PipelineError;
use crate::file_name::file_name;
use crate::graph::{Graph, Stage};
use crate::project::Project;

/// The file that says what is on view.
pub(crate) const STAGE_FILE: &str = "stage.json";

/// What is on view of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageView {
    /// `featurize text`.
    pub run: String,
    /// The key of the result.
    pub fingerprint: Digest,
    /// What the key is made of.
    pub preimage: Value,
    /// The run that made the result; its log lies in `artifacts/logs/<made_by>/`.
    pub made_by: String,
    /// What the stage said.
    pub result: TaskResult,
}

/// The folder of a stage's view: `net/`, and `net/network=lstm_c,seed=7/` for a cell of a matrix.
pub fn folder(project: &Project, graph: &Graph, stage: &str) -> PathBuf {
    let folder = project.artifacts.join("runs").join(&graph.name);
    match cell_of(stage) {
        None => folder.join(stage),
        Some((base, cell)) => folder.join(base).join(file_name(cell)),
    }
}

/// `net[seed=7]` as `net` and `seed=7`.
fn cell_of(stage: &str) -> Option<(&str, &str)> {
    stage.strip_suffix(']')?.split_once('[')
}

/// What is on view of a stage, if anything readable is.
pub fn current(project: &Project, graph: &Graph, stage: &Stage) -> Option<StageView> {
    let folder = folder(project, graph, &stage.name);
    let view: StageView = sealed::read(&folder.join(STAGE_FILE)).ok()?;
    // A link that somebody removed is put back.
    let whole = stage
        .kind
        .outputs
        .iter()
        .all(|output| folder.join(&output.file_name).exists());
    whole.then_some(view)
}

/// Whether exactly this result is on view: what `stage.json` says, and where each link leads.
pub fn shows(project: &Project, graph: &Graph, stage: &Stage, record: &Record) -> bool {
    let folder = folder(project, graph, &stage.name);
    let leads_there = |object: &Object| {
        fs_err::read_link(folder.join(&object.file_name)).is_ok_and(|target| {
            target == relative_object(&project.store, &stage.name, object.digest)
        })
    };
    current(project, graph, stage).is_some_and(|view| view == StageView::of(stage, record))
        && record.outputs.values().all(leads_there)
}

impl StageView {
    fn of(stage: &Stage, record: &Record) -> Self {
        Self {
            run: stage.run.clone(),
            fingerprint: record.fingerprint,
            preimage: record.preimage.clone(),
            made_by: record.run.clone(),
            result: record.result.clone(),
        }
    }
}

/// Puts a result on view: each link is replaced by a rename, `stage.json` comes last.
pub fn show(
    project: &Project,
    graph: &Graph,
    stage: &Stage,
    record: &Record,
) -> Result<(), PipelineError> {
    let folder = folder(project, graph, &stage.name);
    fs_err::create_dir_all(&folder).map_err(PipelineError::io("make", &folder))?;
    let place = format!("view of {} of {}", stage.name, graph.name);
    let _lock = project
        .store
        .lock_named(&Digest::of_bytes(place.as_bytes()).to_hex())?;
    let mut names = BTreeSet::from([STAGE_FILE.to_owned()]);
    for object in record.outputs.values() {
        let target = relative_object(&project.store, &stage.name, object.digest);
        link(&target, &folder.join(&object.file_name))?;
        names.insert(object.file_name.clone());
    }
    for entry in fs_err::read_dir(&folder).map_err(PipelineError::io("read", &folder))? {
        let entry = entry.map_err(PipelineError::io("read", &folder))?;
        if !names.contains(entry.file_name().to_string_lossy().as_ref())
            && entry.path().is_symlink()
        {
            fs_err::remove_file(entry.path()).map_err(PipelineError::io("remove", entry.path()))?;
        }
    }
    let place = folder.join(STAGE_FILE);
    sealed::write(&place, &StageView::of(stage, record)).map_err(PipelineError::io("write", &place))
}

/// An object's path from a stage's view: relative, so that `artifacts/` can be moved.
fn relative_object(store: &Store, stage: &str, digest: Digest) -> PathBuf {
    let object = store.object_path(digest);
    let inside = object.strip_prefix(store.root()).unwrap_or(&object);
    let up = if cell_of(stage).is_some() {
        "../../../../store"
    } else {
        "../../../store"
    };
    Path::new(up).join(inside)
}

fn link(target: &Path, place: &Path) -> Result<(), PipelineError> {
    if fs_err::read_link(place).is_ok_and(|now| now == target) {
        return Ok(());
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new()
        .prefix(".link-")
        .make_in(folder, |path| symlink(target, path))
        .map_err(PipelineError::io("write in", folder))?;
    temporary
        .persist(place)
        .map_err(|error| PipelineError::io("write", place)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_folder_of_its_stage() {
        assert_eq!(cell_of("net"), None);
        assert_eq!(cell_of("net[seed=7]"), Some(("net", "seed=7")));
        assert_eq!(cell_of("net[file=a[1]]"), Some(("net", "file=a[1]")));
    }
}
