//! What is checked of a bundle before its numbers are used: it may come from anywhere.
//!
//! Nothing here trusts a number of the folder: files are measured before they are read, and weights are compared with
//! the network before LibTorch makes room for it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::digest::Digest;
use cinescore_artifact::large_pages;
use cinescore_network::{NetworkSpec, variables};
use fs_err::File;
use tch::Tensor;

use super::{BundleError, Manifest, WEIGHTS};
use crate::calibration::Calibration;
use crate::task::{Decoder, Quantity, STARS};
use crate::weights::{MOST_HEADER, WeightsFile};

/// The most bytes of a JSON or YAML file of a bundle, or of its n-grams: three million have 60 MB.
const MOST_TEXT: u64 = 1 << 30;

/// Reads a file of a bundle, of at most so many bytes, whose digest must be the one that the manifest has.
pub(super) fn read(
    path: &Path,
    most: u64,
    files: &BTreeMap<String, Digest>,
) -> Result<Vec<u8>, BundleError> {
    let size = size(path, most)?;
    let mut bytes = large_pages::with_capacity(usize::try_from(size).unwrap_or_default());
    let file = File::open(path).map_err(super::io(path))?;
    // One that grows meanwhile is no larger than any that is read.
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(super::io(path))?;
    match wanted(path, files) {
        Some(wanted) if *wanted != Digest::of_bytes(&bytes) => {
            Err(BundleError::Digest { path: path.into() })
        }
        _ => Ok(bytes),
    }
}

/// The size of a file, which has at most so many bytes.
fn size(path: &Path, most: u64) -> Result<u64, BundleError> {
    let meta = fs_err::metadata(path).map_err(super::io(path))?;
    // Opening a pipe would wait for someone to write into it.
    if !meta.is_file() {
        return Err(BundleError::NoFile { path: path.into() });
    }
    if meta.len() > most {
        return Err(BundleError::TooLarge {
            path: path.into(),
            bytes: meta.len(),
            most,
        });
    }
    Ok(meta.len())
}

/// The digest that a file must have, where the manifest has one.
fn wanted<'a>(path: &Path, files: &'a BTreeMap<String, Digest>) -> Option<&'a Digest> {
    files.get(path.file_name()?.to_str()?)
}

/// Reads a text file of a bundle.
pub(super) fn read_text(
    path: &Path,
    files: &BTreeMap<String, Digest>,
) -> Result<Vec<u8>, BundleError> {
    read(path, MOST_TEXT, files)
}

/// The weights of a bundle, whose names, shapes and types are those of its network.
pub(super) struct Weights {
    path: PathBuf,
    file: WeightsFile<File>,
    /// The digest that they must have.
    wanted: Option<Digest>,
}

/// Opens the weights and compares them with what the network has.
pub(super) fn open_weights(
    folder: &Path,
    spec: &NetworkSpec,
    manifest: &Manifest,
) -> Result<Weights, BundleError> {
    let path = folder.join(WEIGHTS);
    let variables = variables(spec, manifest.ids);
    let numbers = variables.iter().fold(0_u64, |sum, variable| {
        let axes = variable.shape.iter().map(|axis| axis.unsigned_abs());
        sum.saturating_add(axes.fold(1, u64::saturating_mul))
    });
    let most = numbers.saturating_mul(4).saturating_add(MOST_HEADER);
    let bytes = size(&path, most)?;
    let shape = |axes: &[i64]| -> Vec<usize> {
        let axis = |&axis: &i64| usize::try_from(axis).unwrap_or(usize::MAX);
        axes.iter().map(axis).collect()
    };
    let own = variables
        .iter()
        .map(|variable| (variable.name.as_str(), shape(&variable.shape)));
    let file = File::open(&path).map_err(super::io(&path))?;
    match WeightsFile::open(file, bytes, own) {
        Ok(file) => Ok(Weights {
            wanted: wanted(&path, &manifest.files).copied(),
            path,
            file,
        }),
        // A file that is not the one of the manifest is refused for that, whatever else is wrong with it.
        Err(source) => match read(&path, most, &manifest.files) {
            Err(exchanged @ BundleError::Digest { .. }) => Err(exchanged),
            _ => Err(BundleError::Weights { path, source }),
        },
    }
}

impl Weights {
    /// Reads the numbers into the network's variables.
    pub(super) fn read_into(self, named: &[(String, Tensor)]) -> Result<(), BundleError> {
        let Self { path, file, wanted } = self;
        match file.read_into(named) {
            Ok(digest) if wanted.is_some_and(|wanted| wanted != digest) => {
                Err(BundleError::Digest { path })
            }
            Ok(_) => Ok(()),
            Err(source) => Err(BundleError::Weights { path, source }),
        }
    }
}

/// Checks that the manifest's ways from outputs to predictions fit the network and make sense.
pub(super) fn manifest(manifest: &Manifest, spec: &NetworkSpec) -> Result<(), BundleError> {
    let found = spec.head.outputs() as usize;
    let wanted = match &manifest.decoder {
        Decoder::Binary | Decoder::Regression { .. } => 1,
        Decoder::Classes { labels, .. } => labels.len(),
        Decoder::Ordinal { labels, .. } => labels.len().saturating_sub(1),
        // The mean, and perhaps the dispersion.
        Decoder::Count { .. } => found.clamp(1, 2),
    };
    if found != wanted || wanted == 0 {
        return Err(BundleError::Outputs {
            task: manifest.decoder.task(),
            found,
            wanted,
        });
    }
    let are_stars = manifest.decoder.quantity() == Some(Quantity::Stars);
    let within = |label: u8| !are_stars || (STARS.0..=STARS.1).contains(&f64::from(label));
    if let Some(labels) = manifest.decoder.classes()
        && !(labels.is_sorted_by(|a, b| a < b) && labels.iter().copied().all(within))
    {
        return Err(BundleError::Classes);
    }
    match &manifest.calibration {
        // Widths of another quantity are no widths of these predictions.
        Some(calibration)
            if Some(calibration.quantity) != manifest.decoder.quantity()
                || !is_sound(calibration) =>
        {
            Err(BundleError::Calibration)
        }
        _ => Ok(()),
    }
}

/// Whether the bins rise and hold every prediction.
fn is_sound(calibration: &Calibration) -> bool {
    let Some((last, others)) = calibration.bins.split_last() else {
        return false;
    };
    let ends: Option<Vec<f64>> = others.iter().map(|bin| bin.below).collect();
    last.below.is_none()
        && ends.is_some_and(|ends| ends.is_sorted_by(|a, b| a < b))
        && calibration
            .bins
            .iter()
            .all(|bin| bin.width.is_none_or(|width| width >= 0.0))
        && (0.0..1.0).contains(&calibration.level)
}
