//! Going on with a training: from the checkpoint of an earlier stage, or from where a run of this one was killed.
//!
//! A stage that is given a scratch folder that outlives it keeps a checkpoint there after each epoch, in a
//! folder of its own for each training. It is written beside and renamed, and the one before it removed
//! afterwards: whenever the program is killed, a whole one is there. What is damaged or another training's is
//! never used, so the result does not depend on what lies there.

use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::digest::Preimage;
use cinescore_artifact::program::TaskContext;
use cinescore_model::LIBTORCH_VERSION;
use cinescore_network::NetworkSpec;
use serde_json::{Value, json};

use super::FitParams;
use super::errors::{of_checkpoint, of_given};
use crate::checkpoint::{self, CheckpointError, Extent, Identity};
use crate::examples::Examples;
use crate::training::{Schedule, State};

/// The input and the output.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// How the name of a kept checkpoint begins; its number of epochs follows.
const EPOCH: &str = "epoch-";
/// How the name of a checkpoint that is being written begins.
const UNFINISHED: &str = "unfinished-";

/// What decides the course of this training.
pub(super) fn identity(
    params: &FitParams,
    spec: &NetworkSpec,
    ids: usize,
    examples: &Examples,
) -> Result<Identity, StageError> {
    let mut identity = Identity::new();
    if let Value::Object(params) = serde_json::to_value(params).map_err(StageError::failed)? {
        // Those of the network are in its file already.
        let own = params
            .into_iter()
            .filter(|(name, _)| name != "stop_after" && name != "network_params");
        identity.extend(own);
    }
    identity.insert(
        "network".into(),
        serde_json::to_value(spec).map_err(StageError::failed)?,
    );
    identity.insert("ids of the encoder".into(), ids.into());
    identity.insert("examples".into(), examples.digest().to_hex().into());
    identity.insert("LibTorch".into(), LIBTORCH_VERSION.into());
    Ok(identity)
}

/// Brings a training to where it was: the given checkpoint or the kept one, whichever is further.
pub(super) fn resume(
    context: &TaskContext,
    identity: &Identity,
    schedule: &Schedule,
    kept: Option<&Kept>,
    state: &mut State,
) -> Result<(), StageError> {
    if let Some(given) = context.optional_input(CHECKPOINT) {
        checkpoint::load(&given.path, identity, state).map_err(of_given)?;
        let (made, stop_after) = (state.made(), schedule.stop_after);
        if made > stop_after {
            let message = format!(
                "the checkpoint has {made} epochs, and this training is to stop after {stop_after}"
            );
            return Err(StageError::usage(message).hint("raise `stop_after`"));
        }
    }
    if let Some(kept) = kept {
        kept.load(context, identity, state)?;
    }
    if state.made() > 0 {
        let message = format!(
            "going on after epoch {} of {}",
            state.made(),
            schedule.epochs
        );
        context.progress().step(&message);
    }
    Ok(())
}

/// Where the checkpoints of this training are kept between two runs of this stage.
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// The place, if the task has one.
    pub(super) fn open(
        context: &TaskContext,
        identity: &Identity,
        schedule: &Schedule,
        device: &str,
    ) -> Result<Option<Self>, StageError> {
        let Some(scratch) = context.persistent_scratch() else {
            return Ok(None);
        };
        // Whatever can change a bit of the result: another program, thread count or device starts anew.
        let machine = json!([
            env!("CINESCORE_CODE_DIGEST"),
            context.threads(),
            device,
            schedule.stop_after
        ]);
        let mut preimage = Preimage::new("cinescore kept checkpoint 1");
        for (label, value) in [("training", json!(identity)), ("machine", machine)] {
            preimage.field(label, value.to_string().as_bytes());
        }
        let folder = scratch.join(format!("training-{}", preimage.digest().short()));
        fs_err::create_dir_all(&folder).map_err(StageError::machine)?;
        Ok(Some(Self { folder }))
    }

    /// The kept checkpoints by their number of epochs, the furthest first.
    fn checkpoints(&self) -> std::io::Result<Vec<(u32, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs_err::read_dir(&self.folder)? {
            let path = entry?.path();
            let number = path
                .file_name()
                .and_then(|name| name.to_str()?.strip_prefix(EPOCH)?.parse().ok());
            found.extend(number.map(|number| (number, path)));
        }
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// Takes the furthest whole checkpoint, if it is further than `state` is.
    fn load(
        &self,
        context: &TaskContext,
        identity: &Identity,
        state: &mut State,
    ) -> Result<(), StageError> {
        for (number, path) in self.checkpoints().map_err(StageError::machine)? {
            if number <= state.made() {
                break;
            }
            match checkpoint::load(&path, identity, state) {
                Ok(()) => break,
                Err(error @ CheckpointError::Torch(_)) => return Err(of_checkpoint(error)),
                Err(error) => {
                    let message = format!("not going on from a kept checkpoint: {error}");
                    context.progress().step(&message);
                }
            }
        }
        Ok(())
    }

    /// Keeps a state in place of the one before it.
    pub(super) fn keep(
        &self,
        identity: &Identity,
        schedule: &Schedule,
        state: &State,
    ) -> Result<(), CheckpointError> {
        let name = format!("{EPOCH}{}", state.made());
        let unfinished = self.folder.join(format!("{UNFINISHED}{name}"));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| CheckpointError::Io { path, source }
        };
        let remove = |path: &Path| match fs_err::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        // Of a run that was killed while it wrote this.
        remove(&unfinished).map_err(io(&unfinished))?;
        let extent = match state.is_over(schedule) {
            true => Extent::Best,
            false => Extent::Whole,
        };
        checkpoint::save(&unfinished, identity, state, extent)?;
        let path = self.folder.join(name);
        remove(&path).map_err(io(&path))?;
        fs_err::rename(&unfinished, &path).map_err(io(&path))?;
        for (number, path) in self.checkpoints().map_err(io(&self.folder))? {
            if number < state.made() {
                remove(&path).map_err(io(&path))?;
            }
        }
        Ok(())
    }
}
