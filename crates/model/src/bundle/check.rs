//! What is checked of a bundle before its numbers are used: it may come from anywhere.
//!
//! Nothing here trusts a number of the folder: files are measured before they are read, and weights are compared with
//! the network before LibTorch makes room for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinescore_artifact::digest::Digest;
use cinescore_network::{NetworkSpec, variables};

use super::{BundleError, Manifest, WEIGHTS};
use crate::calibration::Calibration;
use crate::task::{Decoder, Quantity, STARS};

/// The most bytes of a JSON or YAML file of a bundle; the encoder of a million words has 30 MB.
const MOST_TEXT: u64 = 1 << 30;
/// The most bytes of a safetensors file beside its numbers.
const MOST_HEADER: u64 = 64 << 20;

/// Reads a file of a bundle, of at most so many bytes, whose digest must be the one that the manifest has.
pub(super) fn read(
    path: &Path,
    most: u64,
    files: &BTreeMap<String, Digest>,
) -> Result<Vec<u8>, BundleError> {
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
    let bytes = fs_err::read(path).map_err(super::io(path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match files.get(name.as_ref()) {
        Some(wanted) if *wanted != Digest::of_bytes(&bytes) => {
            Err(BundleError::Digest { path: path.into() })
        }
        _ => Ok(bytes),
    }
}

/// Reads a text file of a bundle.
pub(super) fn read_text(
    path: &Path,
    files: &BTreeMap<String, Digest>,
) -> Result<Vec<u8>, BundleError> {
    read(path, MOST_TEXT, files)
}

/// Reads the weights and compares them with what the network has.
pub(super) fn read_weights(
    folder: &Path,
    spec: &NetworkSpec,
    manifest: &Manifest,
) -> Result<(PathBuf, Vec<u8>), BundleError> {
    let path = folder.join(WEIGHTS);
    let variables = variables(spec, manifest.ids);
    let numbers = variables.iter().fold(0_u64, |sum, variable| {
        let axes = variable.shape.iter().map(|axis| axis.unsigned_abs());
        sum.saturating_add(axes.fold(1, u64::saturating_mul))
    });
    let most = numbers.saturating_mul(4).saturating_add(MOST_HEADER);
    let bytes = read(&path, most, &manifest.files)?;
    let shape = |axes: &[i64]| -> Vec<usize> {
        let axis = |&axis: &i64| usize::try_from(axis).unwrap_or(usize::MAX);
        axes.iter().map(axis).collect()
    };
    let wanted = variables
        .iter()
        .map(|variable| (variable.name.as_str(), shape(&variable.shape)));
    match cinescore_network::check_weights(&bytes, wanted) {
        Ok(_) => Ok((path, bytes)),
        Err(mismatch) => Err(BundleError::Weights {
            path,
            source: mismatch.into(),
        }),
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
