//! How good a bundle is on any labelled reviews.
//!
//! Owns reading labelled reviews and what is said of ratings with and without each flag. Does not own any figure
//! (`cinescore_train::figures`): they are those of a training, with the same intervals, beside the trivial predictor's.

pub mod archive;
pub mod labelled;

use std::collections::BTreeMap;

use cinescore_model::task::{self, Decoder};
use cinescore_train::figures::{Figure, Sample, trivial};
use serde::Serialize;

use crate::flags::{Flag, Flags};
use crate::predictor::{Crew, PredictError};
use labelled::Labelled;

/// Reviews that are rated before whoever waits is told.
const AT_ONCE: usize = 4096;
/// Figures that are told for flagged reviews and the others.
const OF_FLAGS: [&str; 5] = ["accuracy", "mae", "mse", "within_one", "coverage"];

/// What was found.
#[derive(Debug, Serialize)]
pub struct Evaluation {
    /// The network's name.
    pub network: String,
    /// What it was trained for.
    pub task: task::Task,
    /// Labelled reviews.
    pub reviews: u64,
    /// Figures of the network, then of the predictor that knows how often each label was trained on.
    pub subjects: Vec<Subject>,
    /// Reviews with each flag, with any and with none; those that nothing has are left out.
    pub flags: Vec<Group>,
}

/// Figures of a subject.
#[derive(Debug, Serialize)]
pub struct Subject {
    /// The network's name, or `trivial`.
    pub name: String,
    /// By name.
    pub figures: BTreeMap<String, Told>,
}

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Told {
    /// None where it is not defined.
    pub value: Option<f64>,
    /// The lower end; none where there is no interval.
    pub lower: Option<f64>,
    /// The upper end.
    pub upper: Option<f64>,
    /// Reviews that it is of.
    pub n: u64,
}

/// Reviews that a flag is raised for, or is not.
#[derive(Debug, Serialize)]
pub struct Group {
    /// The flag's name; `any`, or `none`.
    pub flag: &'static str,
    /// How many.
    pub reviews: u64,
    /// The figures of these reviews alone.
    pub flagged: BTreeMap<&'static str, f64>,
    /// The figures of all others.
    pub others: BTreeMap<&'static str, f64>,
}

/// Rates labelled reviews and measures it. `between` is told how many are rated, and ends the work by saying false.
pub fn evaluate(
    crew: &mut Crew,
    reviews: &[Labelled],
    mut between: impl FnMut(u64) -> bool + Send,
) -> Result<Evaluation, PredictError> {
    let reader = crew.any().reader();
    let (mut said, mut flags) = (Vec::new(), Vec::new());
    let mut rated = 0;
    for some in reviews.chunks(AT_ONCE) {
        let texts: Vec<&str> = some.iter().map(|review| review.text.as_str()).collect();
        let examples = reader.read_all(&texts);
        let all = crew.say_with(&examples, |count| {
            rated += count as u64;
            between(rated)
        })?;
        for (said_of, prediction) in all {
            said.push(said_of);
            flags.push(prediction.flags);
        }
    }
    let predictor = crew.any();
    let decoder = &predictor.manifest().decoder;
    let labels: Vec<f64> = reviews.iter().map(|review| review.label).collect();
    let name = predictor.spec().name.clone();
    let mut subjects = vec![subject(
        &name,
        Sample::new(decoder, &labels, &said).figures(),
    )];
    if let Some(trivial) = trivial(decoder, &predictor.manifest().labels) {
        let all = vec![trivial; labels.len()];
        let figures = Sample::new(decoder, &labels, &all).figures();
        subjects.push(subject(cinescore_train::results::TRIVIAL, figures));
    }
    Ok(Evaluation {
        network: name,
        task: decoder.task(),
        reviews: reviews.len() as u64,
        subjects,
        flags: groups(decoder, &labels, &said, &flags),
    })
}

fn subject(name: &str, figures: Vec<Figure>) -> Subject {
    let told = |figure: Figure| {
        let told = Told {
            value: figure.value,
            lower: figure.interval.map(|(lower, _)| lower),
            upper: figure.interval.map(|(_, upper)| upper),
            n: figure.count,
        };
        (figure.name, told)
    };
    Subject {
        name: name.to_owned(),
        figures: figures.into_iter().map(told).collect(),
    }
}

fn groups(
    decoder: &Decoder,
    labels: &[f64],
    said: &[task::Prediction],
    flags: &[Flags],
) -> Vec<Group> {
    let group = |flag: &'static str, is_in: &dyn Fn(Flags) -> bool| {
        let of = |wanted: bool| {
            let rows = (0..labels.len()).filter(|&row| is_in(flags[row]) == wanted);
            let (labels, said): (Vec<f64>, Vec<task::Prediction>) =
                rows.map(|row| (labels[row], said[row].clone())).unzip();
            let sample = Sample::new(decoder, &labels, &said);
            let values = sample.values(&vec![1; labels.len()]);
            let named = sample.names().into_iter().zip(values);
            let told = named.filter_map(|(name, value)| {
                let name = OF_FLAGS.iter().find(|own| **own == name.text)?;
                value.is_finite().then_some((*name, value))
            });
            told.collect()
        };
        Group {
            flag,
            reviews: flags.iter().filter(|flags| is_in(**flags)).count() as u64,
            flagged: of(true),
            others: of(false),
        }
    };
    let mut all: Vec<Group> = Flag::ALL
        .iter()
        .map(|flag| group(flag.name(), &|flags| flags.has(*flag)))
        .collect();
    all.push(group("any", &|flags| !flags.is_empty()));
    all.retain(|group| group.reviews > 0);
    all
}
