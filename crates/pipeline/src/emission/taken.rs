//! Taking what emitted tasks have made, in the run that would else make it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cinescore_artifact::Digest;
use cinescore_artifact::store::{Record, Store, size_of};
use serde::{Deserialize, Serialize};

use super::write::{number_of, unknown};
use super::{NOTE, Note, TaskNote, VERSION, task_folder};
use crate::error::PipelineError;
use crate::fingerprint::Preimage;
use crate::graph::Stage;
use crate::note;
use crate::plan::Key;

/// The file of a task that was taken: the digests of its outputs.
const TAKEN: &str = "taken.json";

/// The file of a task that failed, which was told.
const FAILED: &str = "failed";

/// A task that has begun and not ended is believed to run while anything in its emission is younger than this.
const MAY_RUN: Duration = Duration::from_secs(30 * 86_400);

/// All emissions of a pipeline, the last one first.
#[derive(Debug, Default)]
pub(crate) struct Emissions(Vec<Emission>);

#[derive(Debug, Clone)]
struct Emission {
    folder: PathBuf,
    note: Note,
}

/// What there is of a key.
pub(crate) enum Found {
    /// A task that ended.
    Ended(Ended),
    /// A task that did not, and why, for people.
    Waits(String),
}

/// A task that ended.
pub(crate) struct Ended {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The engine and the node.
    pub(crate) placed: String,
    /// The exit code.
    pub(crate) code: i32,
    /// How long it took, all tries together.
    pub(crate) wall: Duration,
    /// How long its last try may have taken, where there was a limit.
    pub(crate) limit: Option<Duration>,
}

/// What was taken of a task.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    outputs: Vec<(String, Digest)>,
}

impl Emissions {
    /// Those of a pipeline. What cannot be read was not written to the end, or by another version.
    pub(crate) fn of(store: &Store, pipeline: &str) -> Self {
        let entries = fs_err::read_dir(super::folder(store));
        let read = |folder: PathBuf| {
            let bytes = fs_err::read(folder.join(NOTE)).ok()?;
            let note: Note = serde_json::from_slice(&bytes).ok()?;
            let is_ours = note.version == VERSION && note.pipeline == pipeline;
            is_ours.then_some(Emission { folder, note })
        };
        let mut found: Vec<Emission> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| read(entry.path()))
            .collect();
        // Their names begin with the pipeline and the time.
        found.sort_by(|a, b| b.folder.cmp(&a.folder));
        Self(found)
    }

    /// What there is of a stage's key. Its lock must be held.
    pub(crate) fn find(&self, stage: &Stage, key: &Key) -> Result<Option<Found>, PipelineError> {
        let mut waits = None;
        for emission in &self.0 {
            let Some(number) = number_of(&emission.note, &stage.name) else {
                continue;
            };
            let task = &emission.note.tasks[number];
            let folder = task_folder(&emission.folder, number);
            if folder.join(TAKEN).exists() || !emission.is_of(task, key)? {
                continue;
            }
            match emission.ended(&folder) {
                Some(ended) => return Ok(Some(Found::Ended(ended))),
                None => waits = waits.or(Some(emission.why(&folder))),
            }
        }
        Ok(waits.map(Found::Waits))
    }

    /// Removes the emissions of which everything was taken.
    pub(crate) fn clear(&self) {
        for emission in &self.0 {
            let mut folders =
                (0..emission.note.tasks.len()).map(|number| task_folder(&emission.folder, number));
            if folders.all(|folder| folder.join(TAKEN).exists()) {
                fs_err::remove_dir_all(&emission.folder).ok();
            }
        }
    }
}

/// Removes emissions in which nothing was written for so long; says how many, and their bytes. One with a task that has begun and
/// not ended stays longer: a job that computes may write nothing for hours.
pub(crate) fn clear_old(
    store: &Store,
    max_age: Duration,
    dry_run: bool,
) -> Result<(usize, u64), PipelineError> {
    let (mut count, mut bytes) = (0, 0);
    for folder in crate::results::entries(&super::folder(store))? {
        let age = age_of(&folder);
        if age <= max_age || (age <= MAY_RUN && has_running(&folder)?) {
            continue;
        }
        count += 1;
        bytes += size_of(&folder);
        if !dry_run {
            fs_err::remove_dir_all(&folder).map_err(PipelineError::io("remove", &folder))?;
        }
    }
    Ok((count, bytes))
}

/// How long ago anything in a folder was written, at any depth; no time where that cannot be told.
fn age_of(path: &Path) -> Duration {
    let modified = std::fs::symlink_metadata(path).and_then(|meta| {
        let modified = meta.modified()?;
        Ok((modified, meta.is_dir()))
    });
    let Ok((modified, is_folder)) = modified else {
        return Duration::ZERO;
    };
    let own = modified.elapsed().unwrap_or_default();
    if !is_folder {
        return own;
    }
    let Ok(entries) = crate::results::entries(path) else {
        return Duration::ZERO;
    };
    let below = entries.iter().map(|entry| age_of(entry)).min();
    below.map_or(own, |below| own.min(below))
}

/// Whether a task of an emission has begun and not ended.
fn has_running(emission: &Path) -> Result<bool, PipelineError> {
    let tasks = crate::results::entries(&emission.join(super::TASKS))?;
    Ok(tasks.iter().any(|task| {
        let has_ended = ["exit", FAILED, TAKEN]
            .iter()
            .any(|name| task.join(name).exists());
        task.join("begun").exists() && !has_ended
    }))
}

impl Emission {
    /// Whether a task is that of a key: it was written for it, and what it read of other tasks has the key's digests.
    fn is_of(&self, task: &TaskNote, key: &Key) -> Result<bool, PipelineError> {
        let mut wanted = Preimage::clone(&key.preimage);
        for given in &task.given {
            let Some(input) = wanted.inputs.get_mut(given.input) else {
                return Ok(false);
            };
            let digest = std::mem::replace(&mut input.digest, unknown());
            let folder = task_folder(&self.folder, given.task);
            let read = match taken(&folder) {
                Some(taken) => {
                    let own = taken.outputs.into_iter();
                    own.clone().find(|(name, _)| *name == given.output)
                }
                None => {
                    let path = folder.join(crate::run::OUT_DIR).join(&given.file_name);
                    let digest = Digest::of_path(&path).ok();
                    digest.map(|digest| (given.output.clone(), digest))
                }
            };
            if read.is_none_or(|(_, own)| own != digest) {
                return Ok(false);
            }
        }
        Ok(wanted == task.preimage)
    }

    /// How a task ended: its exit code, when it began and ended, its tries and its node.
    fn ended(&self, folder: &Path) -> Option<Ended> {
        let text = fs_err::read_to_string(folder.join("exit")).ok()?;
        let mut words = text.split_whitespace();
        let code = words.next()?.parse().ok()?;
        let begun: f64 = words.next()?.parse().ok()?;
        let ended: f64 = words.next()?.parse().ok()?;
        let tries: usize = words.next()?.parse().ok()?;
        let node = words.next().unwrap_or("?");
        let limits = fs_err::read_to_string(folder.join("limits")).unwrap_or_default();
        let limit = limits.lines().nth(tries.saturating_sub(1));
        let limit = limit
            .and_then(|text| text.parse().ok())
            .filter(|own| *own > 0);
        Some(Ended {
            folder: folder.to_owned(),
            placed: format!("{} on {node}", self.note.target),
            code,
            wall: Duration::try_from_secs_f64(ended - begun).unwrap_or_default(),
            limit: limit.map(Duration::from_secs),
        })
    }

    /// Why a task has not ended.
    fn why(&self, folder: &Path) -> String {
        let target = &self.note.target;
        match fs_err::read_to_string(folder.join("why")) {
            Ok(why) => format!("emitted for {target}, it did not run: {}", why.trim()),
            Err(_) if folder.join(FAILED).exists() => {
                format!("emitted for {target}, it failed there")
            }
            Err(_) if folder.join("begun").exists() => {
                format!("emitted for {target}, it has begun and not ended")
            }
            Err(_) => format!("emitted for {target}, it has not begun"),
        }
    }
}

fn taken(folder: &Path) -> Option<Taken> {
    serde_json::from_slice(&fs_err::read(folder.join(TAKEN)).ok()?).ok()
}

impl Ended {
    /// Its outputs are in the store. What else reads them, a task that has not run yet, finds them through links.
    pub(crate) fn take(&self, store: &Store, record: &Record) -> Result<(), PipelineError> {
        let outputs = record.outputs.iter();
        let taken = Taken {
            outputs: outputs
                .map(|(name, object)| (name.clone(), object.digest))
                .collect(),
        };
        for object in record.outputs.values() {
            let path = self
                .folder
                .join(crate::run::OUT_DIR)
                .join(&object.file_name);
            if std::fs::symlink_metadata(&path).is_err() {
                let target = store.object_path(object.digest);
                fs_err::os::unix::fs::symlink(target, &path)
                    .map_err(PipelineError::io("link", &path))?;
            }
        }
        note::write(&self.folder.join(TAKEN), &taken)
    }

    /// It failed, which was told: the next run makes it itself, and a job that is submitted again tries again.
    pub(crate) fn refuse(&self) {
        fs_err::rename(self.folder.join("exit"), self.folder.join(FAILED)).ok();
    }
}
