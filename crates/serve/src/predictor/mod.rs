//! A bundle that is ready to rate texts.
//!
//! ```no_run
//! use std::path::Path;
//! use cinescore_serve::predictor::Predictor;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // LibTorch computes on a thread that takes no signals; see `cinescore_model::compute`.
//! let said = cinescore_model::compute::apart(2, || -> Result<_, cinescore_serve::predictor::PredictError> {
//!     let predictor = Predictor::open(Path::new("artifacts/runs/ratings/net/bundle"))?;
//!     predictor.predict(&["A masterpiece.", "I want my two hours back."])
//! })??;
//! println!("{:?}", said[0].rating);
//! # Ok(())
//! # }
//! ```
//!
//! [`Reader`] (text to numbers) and [`Predictor`] (numbers to predictions) are apart, so that texts can be read on other
//! threads while the network works on those before them.

mod align;
mod crew;
mod explain;
mod forward;
mod passes;
mod prediction;
mod read;

use std::path::Path;
use std::sync::Arc;

use cinescore_artifact::StageError;
use cinescore_featurize::bags::BagEncoderError;
use cinescore_featurize::encode::EncoderError;
use cinescore_model::bundle::{self, BundleError, Manifest};
use cinescore_model::task::Quantity;
use cinescore_model::{Net, task};
use cinescore_network::NetworkSpec;
use cinescore_train::examples::Layout;
use tch::{Device, TchError};
use thiserror::Error;

pub use crew::Crew;
pub use explain::Word;
#[cfg(test)]
pub(crate) use prediction::tests::manifest;
pub use prediction::{Prediction, Score, Sentiment};
pub use read::{Example, Reader};

use crate::flags::{Flags, Thresholds};

/// Why a text cannot be rated.
#[derive(Debug, Error)]
pub enum PredictError {
    /// The bundle is refused.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The encoder of token ids is refused.
    #[error("the bundle's encoder cannot be used")]
    Encoder(#[from] EncoderError),
    /// The encoder of bags is refused.
    #[error("the bundle's encoder cannot be used")]
    BagEncoder(#[from] BagEncoderError),
    /// The encoder's settings are refused.
    #[error("the bundle's encoder cannot be used")]
    Settings(#[from] serde_json::Error),
    /// N-grams of a length that no encoder has.
    #[error("the bundle's encoder has n-grams of {found} terms; 1 to 3 are possible")]
    Ngrams {
        /// The length.
        found: u32,
    },
    /// The encoder is of the other kind.
    #[error("the bundle's network reads `{wanted}`, and its encoder makes `{found}`")]
    Table {
        /// What the network reads.
        wanted: &'static str,
        /// What the encoder makes.
        found: &'static str,
    },
    /// A network without a mask needs texts of one length.
    #[error("the bundle's network does not mask, and its encoder does not pad")]
    Ragged,
    /// The bundle is not about reviews.
    #[error("the bundle forecasts popularity and rates no reviews")]
    NoReviews,
    /// Whoever asked wants no more.
    #[error("stopped")]
    Stopped,
    /// The system gives no thread.
    #[error("no thread could be started")]
    Thread(#[source] std::io::Error),
    /// LibTorch refused.
    #[error("LibTorch could not compute the predictions")]
    Torch(#[from] TchError),
}

impl From<PredictError> for StageError {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Bundle(BundleError::Io { .. }) => {
                StageError::usage(error).hint("is it the folder `bundle` of a `train fit`?")
            }
            PredictError::Bundle(BundleError::Version { .. }) => {
                StageError::input(error).hint("train the network again with this version")
            }
            PredictError::Torch(_) => StageError::failed(error),
            PredictError::Thread(_) => StageError::machine(error),
            _ => StageError::input(error),
        }
    }
}

/// A bundle that is ready to rate texts. It may be sent to another thread, and works on one at a time.
#[derive(Debug)]
pub struct Predictor {
    manifest: Manifest,
    spec: NetworkSpec,
    net: Net,
    /// The linear models beside it.
    wide: Vec<Wide>,
    layout: Layout,
    reader: Arc<Reader>,
    thresholds: Thresholds,
}

/// A linear model beside a network.
#[derive(Debug)]
struct Wide {
    net: Net,
    spec: NetworkSpec,
    ids: usize,
}

impl Wide {
    fn twin(&self) -> Result<Self, TchError> {
        Ok(Self {
            net: twin(&self.net, &self.spec, self.ids)?,
            spec: self.spec.clone(),
            ids: self.ids,
        })
    }
}

/// Another network with the same weights in memory.
fn twin(net: &Net, spec: &NetworkSpec, ids: usize) -> Result<Net, TchError> {
    let twin = Net::for_weights(spec, ids, Device::Cpu)?;
    for ((_, mut own), (_, weights)) in twin.variables().into_iter().zip(net.variables()) {
        tch::no_grad(|| own.f_set_data(&weights))?;
    }
    Ok(twin)
}

impl Predictor {
    /// Reads a bundle and checks it. To be called where LibTorch computes (`cinescore_model::compute::apart`), which also
    /// says on how many threads.
    ///
    /// # Errors
    /// If the folder is no bundle, or one that is damaged, exchanged, of another version or contradicts itself.
    pub fn open(folder: &Path) -> Result<Self, PredictError> {
        let bundle = bundle::load(folder, Device::Cpu)?;
        if bundle.manifest.decoder.quantity() == Some(Quantity::Popularity) {
            return Err(PredictError::NoReviews);
        }
        let layout = Layout::of(&bundle.spec.input);
        let wanted = bundle.spec.input.table();
        let found = bundle.encoder.table();
        if wanted != found {
            return Err(PredictError::Table { wanted, found });
        }
        let wide = bundle.wide.into_iter().map(|wide| {
            let own = Wide {
                net: wide.net,
                spec: wide.spec,
                ids: wide.manifest.ids,
            };
            (own, wide.encoder)
        });
        let (wide, beside): (Vec<_>, Vec<_>) = wide.unzip();
        let reader = Arc::new(Reader::new(bundle.encoder, beside, layout)?);
        Ok(Self {
            thresholds: Thresholds::of(&bundle.manifest),
            manifest: bundle.manifest,
            spec: bundle.spec,
            net: bundle.net,
            wide,
            layout,
            reader,
        })
    }

    /// The flags of a text about which this is said.
    pub fn flags(&self, example: &Example, said: &task::Prediction) -> Flags {
        let prediction = Prediction::new(&self.manifest, said.clone());
        self.thresholds.flags(example, &prediction)
    }

    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its network.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// What turns texts into examples; it may be used on any thread, and on many at once.
    pub fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader)
    }

    /// What is said of each text, in their order. What is said of a text depends on no other, but for rounding: less than
    /// 1e-5.
    pub fn predict(&self, texts: &[&str]) -> Result<Vec<Prediction>, PredictError> {
        self.rate(&self.reader.read_all(texts))
    }

    /// What is said of each example, in their order.
    pub fn rate(&self, examples: &[Example]) -> Result<Vec<Prediction>, PredictError> {
        let outputs = self.outputs(examples, |_some| true)?;
        let both = examples.iter().zip(&outputs);
        Ok(both
            .map(|(example, outputs)| self.say(example, outputs).1)
            .collect())
    }

    /// Another predictor of the same bundle, with the same weights in memory.
    fn twin(&self) -> Result<Self, PredictError> {
        Ok(Self {
            manifest: self.manifest.clone(),
            spec: self.spec.clone(),
            net: twin(&self.net, &self.spec, self.manifest.ids)?,
            wide: self.wide.iter().map(Wide::twin).collect::<Result<_, _>>()?,
            layout: self.layout,
            reader: Arc::clone(&self.reader),
            thresholds: self.thresholds.clone(),
        })
    }

    fn say(&self, example: &Example, outputs: &[f64]) -> (task::Prediction, Prediction) {
        let mut said = self.manifest.decoder.decode(outputs);
        let calibration = self.manifest.calibration.as_ref();
        said.interval = calibration.map(|calibration| calibration.interval(said.value));
        let prediction = Prediction::new(&self.manifest, said.clone());
        (said, prediction.flagged(example, &self.thresholds))
    }
}
