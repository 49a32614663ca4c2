//! A trained model as one folder: all that is needed to rate a text, or to forecast a popularity.
//!
//! | file | what it is |
//! |---|---|
//! | `weights.safetensors` | the weights |
//! | `network.yaml` | the network file, every parameter filled in |
//! | `encoder.json` | the encoder of ids or of windows, byte for byte as it was given; of bags its settings |
//! | `ngrams.safetensors` | of an encoder of bags its n-grams and their weights ([`read_encoder`] and what is behind it) |
//! | `bundle.json` | a [`Manifest`]: task, target scale, calibration, chosen epoch, metrics |
//! | `wide` | of a network with `wide: true` the linear model beside it: a bundle; the second one's is `wide-2`, and so on |
//!
//! The manifest has the digests of the other files, so that a damaged or exchanged one is noticed.
//!
//! Owns writing and checking these. Does not own encoding a text or making the figures. Nothing of the
//! machine is in it: the same training gives the same bytes.

mod check;
mod encoder;

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use cinescore_artifact::digest::Digest;
use cinescore_artifact::encoder::{BagEncoderFile, EncoderFile, WindowEncoderFile};
use cinescore_config::Problems;
use serde::{Deserialize, Serialize};
use tch::{Device, TchError};
use thiserror::Error;

use crate::Net;
use crate::calibration::Calibration;
use crate::task::{Decoder, Task};
use crate::weights::{self, WeightsError};
use cinescore_network::{self as network, HeadSpec, NetworkSpec};
use encoder::NGRAMS;
pub use encoder::{NgramsError, read_encoder};

/// The version of the folder's format; a reader refuses others.
pub const BUNDLE_VERSION: u32 = 4;

const WEIGHTS: &str = "weights.safetensors";
const NETWORK: &str = "network.yaml";
const ENCODER: &str = "encoder.json";
const MANIFEST: &str = "bundle.json";
/// The folder of the linear model that a network has beside it; the second one's is `wide-2`, and so on.
const WIDE: &str = "wide";

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`BUNDLE_VERSION`].
    pub version: u32,
    /// What it was trained for, and how its outputs are read.
    pub decoder: Decoder,
    /// The widths of its intervals, fitted on the split `calib`; null for task `binary`, which has none, and where there
    /// were no examples.
    pub calibration: Option<Calibration>,
    /// What the trivial predictor knows of the training.
    pub labels: Labels,
    /// Ids of the encoder: rows of the embedding.
    pub ids: usize,
    /// How many numbers were learned.
    pub parameters: u64,
    /// The epoch whose weights these are, from 1.
    pub chosen_epoch: u32,
    /// Its figures by name, `valid.accuracy`.
    pub metrics: BTreeMap<String, f64>,
    /// The version of LibTorch that trained it.
    pub libtorch: String,
    /// The digest of each other file by name, which [`save`] fills in. A bundle of an earlier program has none, and only
    /// what its files say is compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Digest>,
}

impl Manifest {
    /// The [`digest`]s of so many linear models beside the network, in their order.
    pub fn wide(&self, count: u32) -> Vec<Option<&Digest>> {
        (0..count)
            .map(|number| self.files.get(&wide_name(number)))
            .collect()
    }
}

/// The labels that were trained on: all that the trivial predictor knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// How many.
    pub examples: u64,
    /// Their mean.
    pub mean: f64,
    /// How often each is there, where they are stars or numbers of classes; else empty.
    pub counts: BTreeMap<u8, u64>,
}

/// What turns a text, or ratings, into what a network reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoder {
    /// Into a list of ids.
    Tokens(EncoderFile),
    /// Into a bag of n-grams.
    Bags(BagEncoderFile),
    /// Ratings of a movie into a window.
    Windows(WindowEncoderFile),
}

impl Encoder {
    /// How many ids there are: the rows of an embedding; of windows the features of a slot.
    pub fn ids(&self) -> usize {
        match self {
            Self::Tokens(encoder) => encoder.ids(),
            Self::Bags(encoder) => encoder.ids(),
            Self::Windows(encoder) => encoder.ids(),
        }
    }

    /// The table of its examples, by name.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Tokens(_) => "tokens",
            Self::Bags(_) => "bags",
            Self::Windows(_) => "windows",
        }
    }

    /// The token, n-gram or feature with an id; none where n-grams are hashed, or beyond the last.
    pub fn name(&self, id: usize) -> Option<&str> {
        match self {
            Self::Tokens(encoder) => encoder.tokens.get(id).map(String::as_str),
            Self::Bags(encoder) => encoder.ngrams.get(id),
            Self::Windows(encoder) => Some(&encoder.features.get(id)?.name),
        }
    }
}

/// A loaded bundle.
#[derive(Debug)]
pub struct Bundle {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its network.
    pub spec: NetworkSpec,
    /// Its encoder.
    pub encoder: Encoder,
    /// The network with its weights.
    pub net: Net,
    /// The linear models that it has beside it, as many as its network file says.
    pub wide: Vec<Self>,
}

/// Why a bundle could not be written or used.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file is not what it should be.
    #[error("`{}` is not as it should be", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: serde_json::Error,
    },
    /// A file has a version that this program does not know.
    #[error("`{}` has version {found}; this program reads version {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
        /// The version that is read.
        known: u32,
    },
    /// The n-grams are wrong.
    #[error("cannot use `{}`", path.display())]
    Ngrams {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NgramsError,
    },
    /// The network file is wrong.
    #[error(transparent)]
    Network(#[from] Problems),
    /// The network could not be written as YAML.
    #[error("the network cannot be written")]
    Yaml(#[from] serde_yaml::Error),
    /// The encoder is not the one that the network was trained with.
    #[error("`{}` has {found} ids, the bundle's network was trained with {wanted}", path.display())]
    Encoder {
        /// The encoder's file.
        path: PathBuf,
        /// Ids in the encoder.
        found: usize,
        /// Ids in the bundle.
        wanted: usize,
    },
    /// The weights are wrong.
    #[error("cannot use `{}`", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WeightsError,
    },
    /// Something of the bundle is no file.
    #[error("`{}` is not a file", path.display())]
    NoFile {
        /// What should be one.
        path: PathBuf,
    },
    /// A file is larger than anything that belongs there.
    #[error("`{}` has {bytes} bytes, and at most {most} belong there", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        most: u64,
    },
    /// A file is not the one that the bundle was written with.
    #[error("`{}` is damaged or was exchanged: its digest is not the one in `{MANIFEST}`", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
    },
    /// The network's outputs are not those of the task.
    #[error("the network has {found} outputs, and the task `{task}` of the bundle {wanted}")]
    Outputs {
        /// The task.
        task: Task,
        /// Outputs of the network.
        found: usize,
        /// Outputs that the task needs.
        wanted: usize,
    },
    /// The classes are no stars that rise.
    #[error("the classes of the bundle are not rising stars from 1 to 10")]
    Classes,
    /// The intervals cannot be used.
    #[error("the `calibration` of the bundle does not give every prediction an interval")]
    Calibration,
    /// What should be the linear model beside the network is another one.
    #[error(
        "`{}` is not the bundle of a linear model over bags for task `binary`, which the network reads beside its input",
        path.display()
    )]
    Wide {
        /// The folder.
        path: PathBuf,
    },
    /// LibTorch could not build the network.
    #[error("LibTorch could not build the network")]
    Torch(#[from] TchError),
}

/// A part of a manifest as whoever loads the bundle gets it: a number that is read from JSON may differ in its last
/// bit from what was written, and a prediction must not depend on who makes it.
pub fn as_read<T: Serialize + serde::de::DeserializeOwned>(
    part: &T,
) -> Result<T, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(part)?)
}

/// Writes a bundle into a folder, which is made. `encoder` are the bytes of the file that `featurize` made; `wide` are the folders of the linear models
/// that the network has beside it, which are copied.
pub fn save(
    folder: &Path,
    manifest: &Manifest,
    spec: &NetworkSpec,
    encoder: &[u8],
    net: &Net,
    wide: &[PathBuf],
) -> Result<(), BundleError> {
    fs_err::create_dir_all(folder).map_err(io(folder))?;
    let mut manifest = manifest.clone();
    for (number, wide) in (0..).zip(wide) {
        let own = wide_name(number);
        let copy = folder.join(&own);
        fs_err::create_dir_all(&copy).map_err(io(&copy))?;
        for name in [WEIGHTS, NETWORK, ENCODER, NGRAMS, MANIFEST] {
            let path = wide.join(name);
            fs_err::copy(&path, copy.join(name)).map_err(io(&path))?;
        }
        manifest.files.insert(own, digest(&copy)?);
    }
    let source = |source| BundleError::Weights {
        path: folder.join(WEIGHTS),
        source,
    };
    let weights = weights::to_bytes(&net.variables()).map_err(source)?;
    let network = serde_yaml::to_string(spec)?;
    let mut files = encoder::files(folder, encoder)?;
    files.extend([(WEIGHTS, weights), (NETWORK, network.into_bytes())]);
    for (name, bytes) in files {
        let path = folder.join(name);
        fs_err::write(&path, &bytes).map_err(io(&path))?;
        manifest.files.insert(name.into(), Digest::of_bytes(&bytes));
    }
    let path = folder.join(MANIFEST);
    let mut json = serde_json::to_vec_pretty(&manifest).map_err(|source| BundleError::Json {
        path: path.clone(),
        source,
    })?;
    json.push(b'\n');
    fs_err::write(&path, json).map_err(io(&path))
}

/// The digest of a bundle: that of its manifest, which has the digests of its other files.
pub fn digest(folder: &Path) -> Result<Digest, BundleError> {
    let path = folder.join(MANIFEST);
    Ok(Digest::of_bytes(&check::read_text(
        &path,
        &BTreeMap::new(),
    )?))
}

/// Reads a bundle, checks that its parts belong together, and puts the network on a device.
///
/// The folder may come from anywhere: what is damaged, exchanged, too large or contradicts itself is refused before
/// LibTorch makes anything of it, and no file of it holds code.
pub fn load(folder: &Path, device: Device) -> Result<Bundle, BundleError> {
    let path = folder.join(MANIFEST);
    let none = BTreeMap::new();
    let manifest: Manifest = versioned(&path, &check::read_text(&path, &none)?, BUNDLE_VERSION)?;
    let path = folder.join(NETWORK);
    let text = check::read_text(&path, &manifest.files)?;
    let text = String::from_utf8(text).map_err(|error| {
        io(&path)(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            error.utf8_error(),
        ))
    })?;
    let spec = network::parse(&text, &path, &BTreeMap::new())?;
    check::manifest(&manifest, &spec)?;
    // They have hardly anything in common but the place where they lie: each is read on a thread of its own.
    let (own, wide) = thread::scope(|scope| {
        let beside = (0..).zip(manifest.wide(spec.wide));
        let beside = beside.map(|(number, digest)| {
            let folder = folder.join(wide_name(number));
            scope.spawn(move || load_wide(&folder, digest, device))
        });
        let beside: Vec<_> = beside.collect();
        let own = load_own(folder, &manifest, &spec, device);
        let wide = beside.into_iter();
        let wide = wide.map(|wide| wide.join().unwrap_or_else(|panic| resume_unwind(panic)));
        (own, wide.collect::<Result<Vec<_>, _>>())
    });
    let (encoder, net) = own?;
    let wide = wide?;
    Ok(Bundle {
        manifest,
        spec,
        encoder,
        net,
        wide,
    })
}

/// The encoder, and the network with its weights.
fn load_own(
    folder: &Path,
    manifest: &Manifest,
    spec: &NetworkSpec,
    device: Device,
) -> Result<(Encoder, Net), BundleError> {
    let encoder = encoder::load(folder, &manifest.files)?;
    if encoder.ids() != manifest.ids {
        return Err(BundleError::Encoder {
            path: folder.join(ENCODER),
            found: encoder.ids(),
            wanted: manifest.ids,
        });
    }
    let weights = check::open_weights(folder, spec, manifest)?;
    let net = Net::for_weights(spec, manifest.ids, device)?;
    weights.read_into(&net.variables())?;
    Ok((encoder, net))
}

/// The folder of a linear model in a bundle, by its number from 0.
fn wide_name(number: u32) -> String {
    match number {
        0 => WIDE.to_owned(),
        _ => format!("{WIDE}-{}", number + 1),
    }
}

/// Reads the bundle of a linear model that a network reads beside its input: one for task `binary` over bags, which has none
/// beside itself. `wanted`: the digest of its manifest.
pub fn load_wide(
    folder: &Path,
    wanted: Option<&Digest>,
    device: Device,
) -> Result<Bundle, BundleError> {
    let other = || BundleError::Wide {
        path: folder.to_owned(),
    };
    let path = folder.join(MANIFEST);
    let manifest = check::read_text(&path, &BTreeMap::new())?;
    if wanted.is_some_and(|wanted| *wanted != Digest::of_bytes(&manifest)) {
        return Err(BundleError::Digest { path });
    }
    // A folder that has itself within would be read without an end.
    let path = folder.join(NETWORK);
    let spec = check::read_text(&path, &BTreeMap::new())?;
    let spec = network::parse(&String::from_utf8_lossy(&spec), &path, &BTreeMap::new())?;
    let is_linear = spec.layers.is_empty() && matches!(spec.head, HeadSpec::Outputs(1));
    if spec.wide > 0 || spec.input.table() != "bags" || !is_linear {
        return Err(other());
    }
    let bundle = load(folder, device)?;
    match (&bundle.manifest.decoder, &bundle.encoder) {
        (Decoder::Binary, Encoder::Bags(_)) => Ok(bundle),
        _ => Err(other()),
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> BundleError {
    let path = path.to_owned();
    move |source| BundleError::Io { path, source }
}

/// A JSON file with a `version`, which is looked at before anything else: a newer format may have
/// other fields.
fn versioned<T: serde::de::DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    known: u32,
) -> Result<T, BundleError> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let json = |source| BundleError::Json {
        path: path.to_owned(),
        source,
    };
    let Version { version: found } = serde_json::from_slice(bytes).map_err(json)?;
    if found != u64::from(known) {
        return Err(BundleError::Version {
            path: path.to_owned(),
            found,
            known,
        });
    }
    serde_json::from_slice(bytes).map_err(json)
}

#[cfg(test)]
mod tests;
