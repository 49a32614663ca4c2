//! What a subject, a network or a baseline, says of examples that it did not learn from, and how good that is.
//!
//! Owns what is alike for every kind that predicts: intervals from the split `calib`, figures beside the trivial
//! predictor's, and the tables `predictions` and `metrics`. Does not own where predictions come from, nor any figure.

mod tables;

use std::collections::BTreeMap;

use cinescore_artifact::Split;
use cinescore_model::bundle::Labels;
use cinescore_model::calibration::Calibration;
use cinescore_model::task::{Decoder, Prediction};

use crate::figures::{Figure, Sample, is_of_all, trivial};
use crate::windows::Knowledge;

pub use tables::{write, write_evaluated, write_metrics, write_noted};

/// The subject of the trivial predictor's figures.
pub const TRIVIAL: &str = "trivial";

/// What a subject says of a split.
#[derive(Debug)]
pub struct Evaluated {
    /// The split.
    pub split: Split,
    /// Its examples.
    pub ids: Vec<u64>,
    /// The truth of each: 0 or 1 for task `binary`, stars for the others; of windows a popularity or its class.
    pub targets: Vec<f64>,
    /// What is said of each.
    pub predicted: Vec<Prediction>,
    /// What else is known of windows; none of reviews.
    pub knowledge: Option<Knowledge>,
}

/// The figures of a subject on a split.
#[derive(Debug)]
pub struct Measured {
    /// The subject.
    pub subject: String,
    /// The split.
    pub split: Split,
    /// Its figures, sorted by name.
    pub figures: Vec<Figure>,
}

/// Fits intervals to the predictions of the split `calib`, and to further predictions and targets; none for task `binary`, whose
/// truth no interval holds, and without any.
pub fn calibrate(
    decoder: &Decoder,
    evaluated: &[Evaluated],
    (mut values, mut targets): (Vec<f64>, Vec<f64>),
) -> Option<Calibration> {
    let quantity = decoder.quantity()?;
    let calib = |own: &&Evaluated| own.split == Split::Calib;
    for own in evaluated.iter().filter(calib) {
        values.extend(own.predicted.iter().map(|said| said.value));
        targets.extend(&own.targets);
    }
    Calibration::fit(quantity, &values, &targets)
}

/// Gives every prediction its interval.
pub fn add_intervals(calibration: &Calibration, evaluated: &mut [Evaluated]) {
    for said in evaluated
        .iter_mut()
        .flat_map(|evaluated| &mut evaluated.predicted)
    {
        said.interval = Some(calibration.interval(said.value));
    }
}

/// The figures of the subject, then those of the trivial predictor, which knows how often each label was trained
/// on. A split without examples has none.
pub fn measure(
    decoder: &Decoder,
    subject: &str,
    labels: &Labels,
    evaluated: &[Evaluated],
) -> Vec<Measured> {
    let filled = || evaluated.iter().filter(|own| !own.ids.is_empty());
    let measured = |subject: &str, own: &Evaluated, predicted: &[Prediction]| Measured {
        subject: subject.to_owned(),
        split: own.split,
        figures: Sample::with(decoder, &own.targets, predicted, own.knowledge.as_ref()).figures(),
    };
    let mut all = Vec::new();
    if subject != TRIVIAL {
        all.extend(filled().map(|own| measured(subject, own, &own.predicted)));
    }
    if let Some(said) = trivial(decoder, labels) {
        all.extend(filled().map(|own| measured(TRIVIAL, own, &vec![said.clone(); own.ids.len()])));
    }
    all
}

/// The subject's figures of all examples of a split, as `split.figure`: what a run's record and a bundle keep.
pub fn by_name(subject: &str, measured: &[Measured]) -> BTreeMap<String, f64> {
    let own = measured
        .iter()
        .filter(|measured| measured.subject == subject);
    own.flat_map(|measured| {
        let split = measured.split.name();
        let figures = measured
            .figures
            .iter()
            .filter(|figure| is_of_all(&figure.name));
        // JSON has no infinity.
        let known = |figure: &Figure| figure.value.filter(|value| value.is_finite());
        figures.filter_map(move |figure| Some((format!("{split}.{}", figure.name), known(figure)?)))
    })
    .collect()
}
