//! A training between two epochs, as a folder: enough to go on and get the same bits as without the break.
//!
//! | file | what it is |
//! |---|---|
//! | `weights.safetensors` | the network's variables after the last epoch |
//! | `optimizer.safetensors` | the optimizer's means and momenta |
//! | `best.safetensors` | the variables of the best epoch so far |
//! | `checkpoint.json` | of which training it is, its epochs, the digest of each other file |
//!
//! Of a training that is over only the best weights are kept: nothing goes on from there. Where it was never to be
//! stopped before, not even those: the bundle has them. Random numbers need
//! no place in it, since every epoch has its own (`random`). Owns writing and checking the folder. Does not own
//! where it lies (`fit::resume`). Nothing of the machine is in it: the same training gives the same bytes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::digest::Digest;
use cinescore_model::weights::{self, WeightsError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{TchError, Tensor};
use thiserror::Error;

use crate::training::{Best, Course, Epoch, State};

/// The version of the folder's format; a reader refuses others.
pub const CHECKPOINT_VERSION: u32 = 2;

const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const BEST: &str = "best.safetensors";
const MANIFEST: &str = "checkpoint.json";

/// What decides the course of a training, by name: two trainings of which all of it is equal are the same one.
pub type Identity = BTreeMap<String, Value>;

/// What a checkpoint says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    /// Of which training it is.
    training: Identity,
    /// The epoch that comes next, from 1; null where the training is over.
    next_epoch: Option<u32>,
    /// Steps of the optimizer.
    steps: i32,
    /// The epoch of the best weights.
    best_epoch: u32,
    epochs: Vec<EpochLine>,
    /// The other files.
    files: BTreeMap<String, Digest>,
}

/// An epoch. The numbers are texts, since not every reader of JSON gives a number back with its last bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochLine {
    trained_loss: String,
    trained_score: String,
    evaluated_loss: String,
    evaluated_score: String,
    valid_loss: String,
    valid_score: String,
}

/// Why a checkpoint could not be written or used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is not what it should be.
    #[error("`{}` is not as it should be", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: serde_json::Error,
    },
    /// It has a version that this program does not know.
    #[error("`{}` has version {found}; this program reads version {CHECKPOINT_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
    },
    /// A file is not the one that was written.
    #[error("`{}` is damaged: its bytes are not those that were written", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It has no weights.
    #[error("the checkpoint `{}` is of a training that was made to its end in one go, and keeps no weights", path.display())]
    Bare {
        /// The folder.
        path: PathBuf,
    },
    /// It is another training's.
    #[error("the checkpoint `{}` is of another training: {}", path.display(), differences.join("; "))]
    Other {
        /// The folder.
        path: PathBuf,
        /// What is different, `epochs is 27 there and 9 here`.
        differences: Vec<String>,
    },
    /// The tensors are wrong.
    #[error("cannot use `{}`", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WeightsError,
    },
    /// LibTorch refused.
    #[error("LibTorch could not copy the weights")]
    Torch(#[from] TchError),
}

/// What of a training goes into its checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that it takes to go on.
    Whole,
    /// The best weights: it is over, and whoever goes on with it has only to choose them.
    Best,
    /// Its epochs alone: it is over, and nobody goes on with it.
    Epochs,
}

/// Writes a state into a folder, which is made.
///
/// # Panics
/// If no epoch was made.
pub fn save(
    folder: &Path,
    identity: &Identity,
    state: &State,
    extent: Extent,
) -> Result<(), CheckpointError> {
    let best = state.best.as_ref().expect("an epoch was made");
    let mut tensors: Vec<(&str, &[(String, Tensor)])> = Vec::new();
    if extent != Extent::Epochs {
        tensors.push((BEST, &best.weights));
    }
    let slots = state.optimizer.state();
    if extent == Extent::Whole {
        tensors.push((WEIGHTS, &state.weights));
        tensors.push((OPTIMIZER, &slots));
    }
    fs_err::create_dir_all(folder).map_err(io(folder))?;
    let mut files = BTreeMap::new();
    for (name, tensors) in tensors {
        let path = folder.join(name);
        let bytes = weights::to_bytes(tensors).map_err(|source| CheckpointError::Weights {
            path: path.clone(),
            source,
        })?;
        write(&path, &bytes).map_err(io(&path))?;
        files.insert(name.to_owned(), Digest::of_bytes(&bytes));
    }
    let manifest = Manifest {
        version: CHECKPOINT_VERSION,
        training: identity.clone(),
        next_epoch: (extent == Extent::Whole).then(|| state.made() + 1),
        steps: state.optimizer.steps(),
        best_epoch: best.number,
        epochs: state.epochs.iter().map(EpochLine::from).collect(),
        files,
    };
    let path = folder.join(MANIFEST);
    let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(json(&path))?;
    bytes.push(b'\n');
    write(&path, &bytes).map_err(io(&path))
}

/// Puts a training into the state that a folder holds, whatever epoch `state` is at.
///
/// # Errors
/// Also if the checkpoint is another training's, or if a file's bytes are not those that were written.
pub fn load(folder: &Path, identity: &Identity, state: &mut State) -> Result<(), CheckpointError> {
    let path = folder.join(MANIFEST);
    let bytes = fs_err::read(&path).map_err(io(&path))?;
    let manifest = read_manifest(&path, &bytes)?;
    let differences = differences(&manifest.training, identity);
    if !differences.is_empty() {
        return Err(CheckpointError::Other {
            path: folder.to_owned(),
            differences,
        });
    }
    let epochs: Option<Vec<Epoch>> = (1..)
        .zip(&manifest.epochs)
        .map(|(number, line)| line.epoch(number))
        .collect();
    let damaged = || CheckpointError::Damaged { path: path.clone() };
    let epochs = epochs
        .filter(|epochs| !epochs.is_empty())
        .ok_or_else(damaged)?;
    if manifest.files.is_empty() {
        return Err(CheckpointError::Bare {
            path: folder.to_owned(),
        });
    }
    let mut contents = BTreeMap::new();
    for (name, digest) in &manifest.files {
        let path = folder.join(name);
        let bytes = fs_err::read(&path).map_err(io(&path))?;
        if Digest::of_bytes(&bytes) != *digest {
            return Err(CheckpointError::Damaged { path });
        }
        contents.insert(name.as_str(), bytes);
    }
    let best: Vec<(String, Tensor)> = state
        .weights
        .iter()
        .map(|(name, variable)| Ok((name.clone(), tch::no_grad(|| variable.f_detach_copy())?)))
        .collect::<Result<_, TchError>>()?;
    let slots = state.optimizer.state();
    let mut targets: Vec<(&str, &[(String, Tensor)])> = vec![(BEST, &best)];
    if manifest.next_epoch.is_some() {
        targets.push((WEIGHTS, &state.weights));
        targets.push((OPTIMIZER, &slots));
    }
    for (name, tensors) in targets {
        let path = folder.join(name);
        let bytes = contents.get(name).ok_or_else(damaged)?;
        weights::load(tensors, bytes)
            .map_err(|source| CheckpointError::Weights { path, source })?;
    }
    state.optimizer.continue_after(manifest.steps);
    state.epochs = epochs;
    state.best = Some(Best {
        number: manifest.best_epoch,
        weights: best,
    });
    Ok(())
}

/// Writes a file and waits until it is on the disk: what is renamed afterwards must be whole.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs_err::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What is not the same in two identities, in words.
fn differences(there: &Identity, here: &Identity) -> Vec<String> {
    // What was read from a file may differ from what was written in a number's last bit: so both are read.
    let read = serde_json::to_vec(here)
        .and_then(|bytes| serde_json::from_slice::<Identity>(&bytes))
        .unwrap_or_default();
    let here = &read;
    let mut names: Vec<&String> = there.keys().chain(here.keys()).collect();
    names.sort();
    names.dedup();
    let said = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_string();
            let short: String = text.chars().take(60).collect();
            if short == text {
                text
            } else {
                format!("{short}…")
            }
        }
    };
    names
        .into_iter()
        .filter(|name| there.get(*name) != here.get(*name))
        .map(|name| {
            let (there, here) = (said(there.get(name)), said(here.get(name)));
            if there == here {
                format!("`{name}` is not the same")
            } else {
                format!("`{name}` is {there} there and {here} here")
            }
        })
        .collect()
}

fn read_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, CheckpointError> {
    // Another version may have other fields, so its number is read first.
    let value: Value = serde_json::from_slice(bytes).map_err(json(path))?;
    match value.get("version").and_then(Value::as_u64) {
        Some(found) if found != u64::from(CHECKPOINT_VERSION) => Err(CheckpointError::Version {
            path: path.to_owned(),
            found,
        }),
        _ => serde_json::from_value(value).map_err(json(path)),
    }
}

impl From<&Epoch> for EpochLine {
    fn from(epoch: &Epoch) -> Self {
        // Rust writes the shortest text from which the same bits are read.
        Self {
            trained_loss: epoch.trained.loss.to_string(),
            trained_score: epoch.trained.score.to_string(),
            evaluated_loss: epoch.evaluated.loss.to_string(),
            evaluated_score: epoch.evaluated.score.to_string(),
            valid_loss: epoch.valid.loss.to_string(),
            valid_score: epoch.valid.score.to_string(),
        }
    }
}

impl EpochLine {
    fn epoch(&self, number: u32) -> Option<Epoch> {
        let course = |loss: &str, score: &str| {
            Some(Course {
                loss: loss.parse().ok()?,
                score: score.parse().ok()?,
            })
        };
        Some(Epoch {
            number,
            trained: course(&self.trained_loss, &self.trained_score)?,
            evaluated: course(&self.evaluated_loss, &self.evaluated_score)?,
            valid: course(&self.valid_loss, &self.valid_score)?,
        })
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CheckpointError {
    move |source| CheckpointError::Io {
        path: path.to_owned(),
        source,
    }
}

fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> CheckpointError {
    move |source| CheckpointError::Json {
        path: path.to_owned(),
        source,
    }
}
