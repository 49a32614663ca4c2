//! What a network reads of a slot, and the scale of each number.
//!
//! Owns the features, the scales and classes that are learned from the training windows, and the encoder that keeps them.

use std::f64::consts::TAU;

use cinescore_artifact::Split;
use cinescore_artifact::encoder::{ENCODER_VERSION, WindowEncoderFile, WindowFeature};
use rayon::prelude::*;

use super::params::{Feature, Measure, WindowParams};
use super::pieces::{Piece, Pieces, Positions};
use super::series::{Movie, Series};

/// Classes of popularity above 0.
const CLASSES: usize = 5;
/// Pieces whose sums are made together: what is added up in which order must not depend on the threads.
const TOGETHER: usize = 4096;

impl Measure {
    /// The name of what it measures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Count => "count",
            Self::Log1pCount => "log1p_count",
        }
    }

    /// So many ratings of a movie, of all in the slot.
    pub(super) fn of(self, count: u32, total: u64) -> f64 {
        let own = f64::from(count);
        match self {
            // A slot in which nothing was rated has no shares.
            Self::Share if total == 0 => 0.0,
            Self::Share => own / total as f64,
            Self::Count => own,
            Self::Log1pCount => libm::log1p(own),
        }
    }
}

/// A number that a slot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Measure(Measure),
    Log1pTotal,
    Age,
    YearSine,
    YearCosine,
    WeekSine,
    WeekCosine,
    Genre(u16),
}

/// Makes the inputs of windows.
#[derive(Debug)]
pub(super) struct Features<'a> {
    series: &'a Series,
    params: &'a WindowParams,
    numbers: Vec<Number>,
    /// Offset and factor of each number.
    scales: Vec<(f64, f64)>,
    /// The greatest popularity of each class but the last.
    classes: Vec<f64>,
}

impl<'a> Features<'a> {
    /// Learns scales and classes from the training windows.
    pub(super) fn learn(series: &'a Series, params: &'a WindowParams, pieces: &Pieces) -> Self {
        let mut features = Self {
            series,
            params,
            numbers: numbers(series, params, pieces.known_until),
            scales: Vec::new(),
            classes: Vec::new(),
        };
        let train: Vec<&Piece> = pieces
            .all
            .iter()
            .filter(|piece| piece.split == Split::Train)
            .collect();
        features.scales = features.learn_scales(&train);
        features.classes = features.learn_classes(&train);
        features
    }

    /// How many numbers a slot has.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The class of a popularity.
    pub(super) fn class(&self, popularity: f64) -> u8 {
        self.classes
            .iter()
            .filter(|bound| popularity > **bound)
            .count() as u8
    }

    /// The scaled numbers of some slots of a movie, `[slots, F]`.
    pub(super) fn scaled(&self, movie: &Movie, values: &[(u32, u32)]) -> Vec<f32> {
        let mut all = Vec::with_capacity(values.len() * self.numbers.len());
        for &(slot, count) in values {
            let scaled = self.numbers.iter().zip(&self.scales);
            all.extend(scaled.map(|(&number, (offset, factor))| {
                match self.raw(number, movie, slot, count) {
                    Some(raw) => ((raw - offset) / factor) as f32,
                    None => 0.0,
                }
            }));
        }
        all
    }

    /// A number of a slot; none where it is not known.
    fn raw(&self, number: Number, movie: &Movie, slot: u32, count: u32) -> Option<f64> {
        let year = || self.params.slot.year(slot);
        let week = || self.params.slot.part_of_week(slot);
        Some(match number {
            Number::Measure(measure) => measure.of(count, self.series.total(slot)),
            Number::Log1pTotal => libm::log1p(self.series.total(slot) as f64),
            Number::Age => year() - f64::from(movie.release_year?),
            Number::YearSine => libm::sin(TAU * year().fract()),
            Number::YearCosine => libm::cos(TAU * year().fract()),
            Number::WeekSine => libm::sin(TAU * week()?),
            Number::WeekCosine => libm::cos(TAU * week()?),
            Number::Genre(genre) => f64::from(u8::from(movie.genres.contains(&genre))),
        })
    }

    /// Mean and standard deviation of each number over all inputs of the training windows.
    fn learn_scales(&self, train: &[&Piece]) -> Vec<(f64, f64)> {
        let parts: Vec<Vec<[f64; 3]>> = train
            .par_chunks(TOGETHER)
            .map(|pieces| self.sums(pieces))
            .collect();
        let mut sums = vec![[0.0; 3]; self.numbers.len()];
        for part in parts {
            for (sum, own) in sums.iter_mut().flatten().zip(part.iter().flatten()) {
                *sum += own;
            }
        }
        let scale = |(number, [count, sum, squares]): (&Number, [f64; 3])| {
            if matches!(number, Number::Genre(_)) || count == 0.0 {
                return (0.0, 1.0);
            }
            let mean = sum / count;
            let deviation = (squares / count - mean * mean).max(0.0).sqrt();
            // Of what hardly differs, rounding errors are no scale: sums of squares leave about a millionth of the mean.
            match deviation > 1e-5 * mean.abs() {
                true => (mean, deviation),
                false => (mean, 1.0),
            }
        };
        self.numbers.iter().zip(sums).map(scale).collect()
    }

    /// Of each number how often it is read in some windows, the sum and the sum of the squares.
    fn sums(&self, pieces: &[&Piece]) -> Vec<[f64; 3]> {
        let mut sums = vec![[0.0; 3]; self.numbers.len()];
        let slots = self.params.slots as usize;
        for piece in pieces {
            let movie = &self.series.movies[piece.movie];
            let begin = piece.from - slots;
            let positions = Positions::new(self.series, movie, self.params.mode);
            for (at, (slot, count)) in (begin..).zip(positions.values(begin, piece.to - 1)) {
                // Windows that read this position: those that forecast one of the next `slots`.
                let times = (at + slots).min(piece.to - 1) + 1 - (at + 1).max(piece.from);
                for (sum, &number) in sums.iter_mut().zip(&self.numbers) {
                    if let Some(raw) = self.raw(number, movie, slot, count) {
                        let times = times as f64;
                        sum[0] += times;
                        sum[1] += times * raw;
                        sum[2] += times * raw * raw;
                    }
                }
            }
        }
        sums
    }

    /// 0, and the quintiles of the training targets above it but the last.
    fn learn_classes(&self, train: &[&Piece]) -> Vec<f64> {
        let mut targets: Vec<f64> = train
            .par_iter()
            .flat_map_iter(|piece| {
                let movie = &self.series.movies[piece.movie];
                let positions = Positions::new(self.series, movie, self.params.mode);
                let values = positions.values(piece.from, piece.to);
                values.into_iter().filter(|(_, count)| *count > 0)
            })
            .map(|(slot, count)| self.params.target.of(count, self.series.total(slot)))
            .collect();
        targets.par_sort_unstable_by(f64::total_cmp);
        let mut classes = vec![0.0];
        for class in 1..CLASSES {
            let rank = (targets.len() * class).div_ceil(CLASSES);
            classes.extend(rank.checked_sub(1).and_then(|rank| targets.get(rank)));
        }
        classes
    }

    /// All that is needed to make the same inputs of other ratings.
    pub(super) fn to_file(&self, pieces: &Pieces) -> Result<WindowEncoderFile, serde_json::Error> {
        let feature = |(&number, &(offset, factor)): (&Number, &(f64, f64))| WindowFeature {
            name: self.name(number),
            offset,
            factor,
        };
        let last_slots = pieces.last_slots.iter();
        Ok(WindowEncoderFile {
            version: ENCODER_VERSION,
            window: serde_json::to_value(self.params)?,
            slots: self.params.slots,
            features: self.numbers.iter().zip(&self.scales).map(feature).collect(),
            classes: self.classes.clone(),
            last_slots: last_slots
                .filter(|(split, _)| **split != Split::Test)
                .map(|(split, last)| (split.name().to_owned(), *last))
                .collect(),
        })
    }

    fn name(&self, number: Number) -> String {
        match number {
            Number::Measure(measure) => measure.name().into(),
            Number::Log1pTotal => "log1p_total".into(),
            Number::Age => "age".into(),
            Number::YearSine => "year_sine".into(),
            Number::YearCosine => "year_cosine".into(),
            Number::WeekSine => "week_sine".into(),
            Number::WeekCosine => "week_cosine".into(),
            Number::Genre(genre) => format!("genre:{}", self.series.genres[usize::from(genre)]),
        }
    }
}

/// The numbers of the features, each once.
fn numbers(series: &Series, params: &WindowParams, known_until: u32) -> Vec<Number> {
    let mut all = Vec::new();
    for feature in &params.features {
        let own = match feature {
            Feature::Target => vec![Number::Measure(params.target)],
            Feature::Share => vec![Number::Measure(Measure::Share)],
            Feature::Count => vec![Number::Measure(Measure::Count)],
            Feature::Log1pCount => vec![Number::Measure(Measure::Log1pCount)],
            Feature::Log1pTotal => vec![Number::Log1pTotal],
            Feature::Age => vec![Number::Age],
            Feature::Season => match params.slot.part_of_week(1) {
                None => vec![Number::YearSine, Number::YearCosine],
                Some(_) => vec![
                    Number::YearSine,
                    Number::YearCosine,
                    Number::WeekSine,
                    Number::WeekCosine,
                ],
            },
            Feature::Genres => genres(series, known_until),
        };
        for number in own {
            if !all.contains(&number) {
                all.push(number);
            }
        }
    }
    all
}

/// The genres of the movies that were rated by a slot, by name.
fn genres(series: &Series, known_until: u32) -> Vec<Number> {
    let known = |movie: &&Movie| series.slots[movie.rows.start] <= known_until;
    let movies = series.movies.iter().filter(known);
    let mut numbers: Vec<u16> = movies.flat_map(|movie| movie.genres.clone()).collect();
    numbers.sort_by_key(|number| &series.genres[usize::from(*number)]);
    numbers.dedup();
    numbers.into_iter().map(Number::Genre).collect()
}
