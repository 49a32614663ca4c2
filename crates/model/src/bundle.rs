//! A trained model as one folder: all that is needed to rate a text, or to forecast a popularity.
//!
//! | file | what it is |
//! |---|---|
//! | `weights.safetensors` | the weights |
//! | `network.yaml` | the network file, every parameter filled in |
//! | `encoder.json` | the encoder of ids, of bags or of windows, byte for byte as it was given |
//! | `bundle.json` | a [`Manifest`]: task, target scale, calibration, chosen epoch, metrics |
//!
//! Owns writing and checking these. Does not own encoding a text or making the figures. Nothing of the
//! machine is in it: the same training gives the same bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinescore_artifact::encoder::{
    BagEncoderFile, ENCODER_VERSION, EncoderFile, WindowEncoderFile,
};
use cinescore_config::Problems;
use serde::{Deserialize, Serialize};
use tch::{Device, TchError};
use thiserror::Error;

use crate::Net;
use crate::calibration::Calibration;
use crate::task::Decoder;
use crate::weights::{self, WeightsError};
use cinescore_network::{self as network, NetworkSpec};

/// The version of the folder's format; a reader refuses others.
pub const BUNDLE_VERSION: u32 = 3;

const WEIGHTS: &str = "weights.safetensors";
const NETWORK: &str = "network.yaml";
const ENCODER: &str = "encoder.json";
const MANIFEST: &str = "bundle.json";

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
        let names = match self {
            Self::Tokens(encoder) => &encoder.tokens,
            Self::Bags(encoder) => &encoder.ngrams,
            Self::Windows(encoder) => return Some(&encoder.features.get(id)?.name),
        };
        names.get(id).map(String::as_str)
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
    /// LibTorch could not build the network.
    #[error("LibTorch could not build the network")]
    Torch(#[from] TchError),
}

/// Reads the encoder file, of ids, of bags or of windows, and checks its version. Also gives its bytes.
pub fn read_encoder(path: &Path) -> Result<(Encoder, Vec<u8>), BundleError> {
    /// What only an encoder of bags, or of windows, has; values are not looked at.
    #[derive(Deserialize)]
    struct Kind {
        bag: Option<serde::de::IgnoredAny>,
        window: Option<serde::de::IgnoredAny>,
    }
    let bytes = read(path)?;
    let kind: Kind = serde_json::from_slice(&bytes).map_err(|source| BundleError::Json {
        path: path.to_owned(),
        source,
    })?;
    let encoder = match (kind.bag, kind.window) {
        (None, None) => Encoder::Tokens(versioned(path, &bytes, ENCODER_VERSION)?),
        (Some(_), _) => Encoder::Bags(versioned(path, &bytes, ENCODER_VERSION)?),
        (None, Some(_)) => Encoder::Windows(versioned(path, &bytes, ENCODER_VERSION)?),
    };
    Ok((encoder, bytes))
}

/// A part of a manifest as whoever loads the bundle gets it: a number that is read from JSON may differ in its last
/// bit from what was written, and a prediction must not depend on who makes it.
pub fn as_read<T: Serialize + serde::de::DeserializeOwned>(
    part: &T,
) -> Result<T, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(part)?)
}

/// Writes a bundle into a folder, which is made. `encoder` are the bytes of its file.
pub fn save(
    folder: &Path,
    manifest: &Manifest,
    spec: &NetworkSpec,
    encoder: &[u8],
    net: &Net,
) -> Result<(), BundleError> {
    fs_err::create_dir_all(folder).map_err(io(folder))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs_err::write(&path, bytes).map_err(io(&path))
    };
    let source = |source| BundleError::Weights {
        path: folder.join(WEIGHTS),
        source,
    };
    write(
        WEIGHTS,
        &weights::to_bytes(&net.variables()).map_err(source)?,
    )?;
    write(NETWORK, serde_yaml::to_string(spec)?.as_bytes())?;
    write(ENCODER, encoder)?;
    let path = folder.join(MANIFEST);
    let mut json =
        serde_json::to_vec_pretty(manifest).map_err(|source| BundleError::Json { path, source })?;
    json.push(b'\n');
    write(MANIFEST, &json)
}

/// Reads a bundle, checks that its parts belong together, and puts the network on a device.
pub fn load(folder: &Path, device: Device) -> Result<Bundle, BundleError> {
    let path = folder.join(MANIFEST);
    let manifest: Manifest = versioned(&path, &read(&path)?, BUNDLE_VERSION)?;
    let path = folder.join(NETWORK);
    let text = fs_err::read_to_string(&path).map_err(io(&path))?;
    let spec = network::parse(&text, &path, &BTreeMap::new())?;
    let path = folder.join(ENCODER);
    let (encoder, _bytes) = read_encoder(&path)?;
    if encoder.ids() != manifest.ids {
        return Err(BundleError::Encoder {
            path,
            found: encoder.ids(),
            wanted: manifest.ids,
        });
    }
    let net = Net::new(&spec, manifest.ids, device)?;
    let path = folder.join(WEIGHTS);
    weights::load(&net.variables(), &read(&path)?)
        .map_err(|source| BundleError::Weights { path, source })?;
    Ok(Bundle {
        manifest,
        spec,
        encoder,
        net,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    fs_err::read(path).map_err(io(path))
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
mod tests {
    use tch::Tensor;

    use super::*;
    use crate::Batch;
    use crate::calibration::Bin;
    use crate::task::{Quantity, TargetScale};

    const NET: &str = "
name: n
params: {units: 3}
input: {kind: tokens, mask: true, embedding: {size: 2}}
layers: [{lstm: {units: \"${units}\"}}, {pool: max}, tanh]
head: {dense: 1}
";

    fn encoder(ids: usize) -> Vec<u8> {
        let tokens = (0..ids).map(|id| format!("t{id}")).collect();
        let preprocessing = serde_json::json!({"tokenizer": "words"});
        serde_json::to_vec(&EncoderFile {
            version: ENCODER_VERSION,
            preprocessing,
            max_length: None,
            padded: false,
            tokens,
        })
        .unwrap()
    }

    fn spec() -> NetworkSpec {
        network::parse(NET, Path::new("net.yaml"), &BTreeMap::new()).unwrap()
    }

    fn save_to(folder: &Path, net: &Net) {
        let spec = spec();
        let manifest = Manifest {
            version: BUNDLE_VERSION,
            decoder: Decoder::Regression {
                quantity: Quantity::Stars,
                scale: TargetScale {
                    offset: 5.5,
                    factor: 3.5,
                },
            },
            calibration: Some(Calibration {
                level: 0.9,
                quantity: Quantity::Stars,
                bins: vec![Bin {
                    below: None,
                    width: Some(1.5),
                    examples: 60,
                }],
            }),
            labels: Labels {
                examples: 100,
                mean: 6.2,
                counts: [(2, 40), (9, 60)].into(),
            },
            ids: 7,
            parameters: network::parameter_count(&spec, 7),
            chosen_epoch: 2,
            metrics: [("valid.mse".to_owned(), 0.1 + 0.2)].into(),
            libtorch: crate::LIBTORCH_VERSION.into(),
        };
        save(folder, &manifest, &spec, &encoder(7), net).unwrap();
    }

    fn output(net: &Net) -> f64 {
        let batch = Batch::of_ids(
            Tensor::from_slice(&[1_i32, 5, 6]).view([1, 3]),
            Some(Tensor::from_slice(&[3_i64])),
        );
        net.forward(&batch, false).unwrap().double_value(&[0, 0])
    }

    #[test]
    fn a_bundle_comes_back_as_it_was_and_has_the_same_bytes_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let net = Net::new(&spec(), 7, Device::Cpu).unwrap();
        save_to(&a, &net);
        let loaded = load(&a, Device::Cpu).unwrap();
        save_to(&b, &loaded.net);
        for name in [WEIGHTS, NETWORK, ENCODER, MANIFEST] {
            assert_eq!(
                fs_err::read(a.join(name)).unwrap(),
                fs_err::read(b.join(name)).unwrap(),
                "{name}"
            );
        }
        assert_eq!(output(&loaded.net), output(&net));
        assert_eq!(loaded.encoder.ids(), 7);
        assert_eq!(loaded.manifest.metrics["valid.mse"], 0.1 + 0.2);
        assert_eq!(loaded.manifest.libtorch, "2.11.0");
        insta::assert_snapshot!(fs_err::read_to_string(a.join(NETWORK)).unwrap(), @r"
        name: n
        about: ''
        init: pytorch
        input:
          kind: tokens
          mask: true
          embedding:
            size: 2
        layers:
        - lstm:
            units: 3
            layers: 1
            dropout: 0.0
            bidirectional: false
        - pool: max
        - tanh
        head:
          dense: 1
        ");
        insta::assert_snapshot!(fs_err::read_to_string(a.join(MANIFEST)).unwrap(), @r#"
        {
          "version": 3,
          "decoder": {
            "task": "regression",
            "quantity": "stars",
            "scale": {
              "offset": 5.5,
              "factor": 3.5
            }
          },
          "calibration": {
            "level": 0.9,
            "quantity": "stars",
            "bins": [
              {
                "below": null,
                "width": 1.5,
                "examples": 60
              }
            ]
          },
          "labels": {
            "examples": 100,
            "mean": 6.2,
            "counts": {
              "2": 40,
              "9": 60
            }
          },
          "ids": 7,
          "parameters": 102,
          "chosen_epoch": 2,
          "metrics": {
            "valid.mse": 0.30000000000000004
          },
          "libtorch": "2.11.0"
        }
        "#);
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        save_to(folder.path(), &Net::new(&spec(), 7, Device::Cpu).unwrap());
        let refused = || load(folder.path(), Device::Cpu).unwrap_err().to_string();
        let change = |name: &str, from: &str, to: &str| {
            let path = folder.path().join(name);
            let text = fs_err::read_to_string(&path).unwrap();
            assert!(text.contains(from));
            fs_err::write(&path, text.replacen(from, to, 1)).unwrap();
        };
        fs_err::write(folder.path().join(ENCODER), encoder(8)).unwrap();
        assert!(refused().ends_with("has 8 ids, the bundle's network was trained with 7"));
        fs_err::write(folder.path().join(ENCODER), encoder(7)).unwrap();
        change(NETWORK, "units: 3", "units: 4");
        assert!(refused().ends_with("weights.safetensors`"));
        change(NETWORK, "units: 4", "units: 3");
        change(MANIFEST, "\"version\": 3", "\"version\": 4, \"new\": 0");
        assert!(refused().ends_with("has version 4; this program reads version 3"));
    }
}
