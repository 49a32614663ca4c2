//! A trained network and the examples that it is asked about.

use cinescore_artifact::StageError;
use cinescore_artifact::program::TaskContext;
use cinescore_model::bundle::{self, Bundle, BundleError};
use cinescore_model::task::Decoder;
use tch::Device;

use crate::examples::{Examples, Layout};
use crate::fit::choose_device;
use crate::fit::errors::of_examples;
use crate::logits;

/// The inputs.
pub(crate) const BUNDLE: &str = "bundle";
/// See [`BUNDLE`].
pub(crate) const EXAMPLES: &str = "examples";

/// A network and examples of its own encoder.
pub(crate) struct Trained {
    pub(crate) bundle: Bundle,
    pub(crate) examples: Examples,
    pub(crate) device: Device,
}

impl Trained {
    /// Reads both and checks that they belong together.
    pub(crate) fn open(context: &mut TaskContext) -> Result<Self, StageError> {
        let device = choose_device(context)?;
        let bundle = bundle::load(&context.input(BUNDLE)?.path, device).map_err(of_bundle)?;
        let mut examples = Examples::read_any(
            &context.input(EXAMPLES)?.path,
            bundle.manifest.decoder.task(),
            Layout::of(&bundle.spec.input),
            &bundle.encoder,
        )
        .map_err(of_examples)?;
        logits::give(&bundle.spec, bundle.manifest.wide(), &mut examples, context)?;
        Ok(Self {
            bundle,
            examples,
            device,
        })
    }

    /// How outputs are read.
    pub(crate) fn decoder(&self) -> &Decoder {
        &self.bundle.manifest.decoder
    }
}

fn of_bundle(error: BundleError) -> StageError {
    match error {
        BundleError::Io { .. } => StageError::machine(error),
        BundleError::Version { .. } => {
            StageError::input(error).hint("train the network again with this version")
        }
        other => StageError::input(other),
    }
}
