//! What a network reads of a slot, and the scale of each number.
//!
//! Owns the features, the scales and classes that are learned from the training windows, and the encoder that keeps them.

use std::f64::consts::TAU;

use cinescore_artifact::Split;
use cinescore_artifact::encoder::{ENCODER_VERSION, WindowEncoderFile, WindowFeature};
use rayon::prelude::*;
use thiserror::Error;

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
        self.of_expected(count.into(), total as f64)
    }

    /// The same of numbers that are expected, and so not whole.
    pub(super) fn of_expected(self, count: f64, total: f64) -> f64 {
        match self {
            // A slot in which nothing was rated has no shares.
            Self::Share if total == 0.0 => 0.0,
            Self::Share => count / total,
            Self::Count => count,
            Self::Log1pCount => libm::log1p(count),
        }
    }

    /// The ratings of a movie that have this popularity, where the slot has so many in all.
    pub(super) fn count(self, popularity: f64, total: f64) -> f64 {
        match self {
            Self::Share => popularity * total,
            Self::Count => popularity,
            Self::Log1pCount => libm::expm1(popularity),
        }
    }
}

/// How the names of genres begin.
pub(super) const GENRE: &str = "genre:";
/// The names of the numbers that are no measure and no genre.
const NAMED: [(&str, Number); 6] = [
    ("log1p_total", Number::Log1pTotal),
    ("age", Number::Age),
    ("year_sine", Number::YearSine),
    ("year_cosine", Number::YearCosine),
    ("week_sine", Number::WeekSine),
    ("week_cosine", Number::WeekCosine),
];

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
    /// By its number in the table; none of a genre that none of its movies has.
    Genre(Option<u16>),
}

/// A slot of a movie: what was rated, or what is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rated {
    /// The slot.
    pub slot: u32,
    /// Ratings of the movie.
    pub count: f64,
    /// All ratings of the slot.
    pub total: f64,
}

/// An encoder has a feature that this program does not make.
#[derive(Debug, Error)]
#[error("the encoder has the feature `{name}`, which is not known")]
pub struct UnknownFeature {
    /// Its name.
    name: String,
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
            numbers: numbers(series, params, pieces),
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

    /// Features whose raw numbers are looked at.
    pub(super) fn unscaled(series: &'a Series, params: &'a WindowParams, pieces: &Pieces) -> Self {
        Self {
            series,
            params,
            numbers: numbers(series, params, pieces),
            scales: Vec::new(),
            classes: Vec::new(),
        }
    }

    /// Those of an encoder, for ratings that may be others than those that it was learned from.
    pub(super) fn of_file(
        series: &'a Series,
        params: &'a WindowParams,
        file: &WindowEncoderFile,
    ) -> Result<Self, UnknownFeature> {
        let number = |feature: &WindowFeature| {
            let name = &feature.name;
            number_of(series, name).ok_or_else(|| UnknownFeature { name: name.clone() })
        };
        Ok(Self {
            series,
            params,
            numbers: file.features.iter().map(number).collect::<Result<_, _>>()?,
            scales: file
                .features
                .iter()
                .map(|own| (own.offset, own.factor))
                .collect(),
            classes: file.classes.clone(),
        })
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
            self.add_scaled(movie, self.rated(slot, count), &mut all);
        }
        all
    }

    /// Adds the scaled numbers of a slot, `[F]`.
    pub(super) fn add_scaled(&self, movie: &Movie, rated: Rated, all: &mut Vec<f32>) {
        let scaled = self.numbers.iter().zip(&self.scales);
        all.extend(scaled.map(
            |(&number, (offset, factor))| match self.raw(number, movie, rated) {
                Some(raw) => ((raw - offset) / factor) as f32,
                None => 0.0,
            },
        ));
    }

    /// So many ratings of a movie in a slot of the table.
    pub(super) fn rated(&self, slot: u32, count: u32) -> Rated {
        Rated {
            slot,
            count: count.into(),
            total: self.series.total(slot) as f64,
        }
    }

    /// The raw numbers of a slot, in order; none where a number is not known.
    pub(super) fn raws(&self, movie: &Movie, rated: Rated) -> Vec<Option<f64>> {
        let numbers = self.numbers.iter();
        numbers
            .map(|&number| self.raw(number, movie, rated))
            .collect()
    }

    /// The names of the numbers, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.numbers
            .iter()
            .map(|&number| self.name(number))
            .collect()
    }

    /// A number of a slot; none where it is not known.
    fn raw(&self, number: Number, movie: &Movie, rated: Rated) -> Option<f64> {
        let Rated { slot, count, total } = rated;
        let year = || self.params.slot.year(slot);
        let week = || self.params.slot.part_of_week(slot);
        Some(match number {
            Number::Measure(measure) => measure.of_expected(count, total),
            Number::Log1pTotal => libm::log1p(total),
            Number::Age => year() - f64::from(movie.release_year?),
            Number::YearSine => libm::sin(TAU * year().fract()),
            Number::YearCosine => libm::cos(TAU * year().fract()),
            Number::WeekSine => libm::sin(TAU * week()?),
            Number::WeekCosine => libm::cos(TAU * week()?),
            Number::Genre(genre) => {
                let has = genre.is_some_and(|genre| movie.genres.contains(&genre));
                f64::from(u8::from(has))
            }
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
                    if let Some(raw) = self.raw(number, movie, self.rated(slot, count)) {
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
            Number::Genre(genre) => {
                let name = genre.and_then(|genre| self.series.genres.get(usize::from(genre)));
                format!("{GENRE}{}", name.map_or("", String::as_str))
            }
            other => {
                let named = NAMED.iter().find(|(_, own)| *own == other);
                named.map_or("", |(name, _)| *name).into()
            }
        }
    }
}

/// The number with a name; none of a name that is none's.
fn number_of(series: &Series, name: &str) -> Option<Number> {
    if let Some(genre) = name.strip_prefix(GENRE) {
        let place = series.genres.iter().position(|own| own == genre);
        let number = place.and_then(|place| u16::try_from(place).ok());
        return Some(Number::Genre(number));
    }
    let measures = [Measure::Share, Measure::Count, Measure::Log1pCount];
    if let Some(measure) = measures.into_iter().find(|own| own.name() == name) {
        return Some(Number::Measure(measure));
    }
    let named = NAMED.iter().find(|(own, _)| *own == name);
    named.map(|(_, number)| *number)
}

/// The numbers of the features, each once.
fn numbers(series: &Series, params: &WindowParams, pieces: &Pieces) -> Vec<Number> {
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
            Feature::Genres => genres(series, pieces),
        };
        for number in own {
            if !all.contains(&number) {
                all.push(number);
            }
        }
    }
    all
}

/// The genres of the movies that were rated by the end of `train`, by name; divided by movie, of those of `train`.
fn genres(series: &Series, pieces: &Pieces) -> Vec<Number> {
    let known = |number: &usize| match &pieces.train {
        Some(train) => train.contains(number),
        None => series.slots[series.movies[*number].rows.start] <= pieces.known_until,
    };
    let movies = (0..series.movies.len()).filter(known);
    let mut numbers: Vec<u16> = movies
        .flat_map(|number| series.movies[number].genres.clone())
        .collect();
    numbers.sort_by_key(|number| &series.genres[usize::from(*number)]);
    numbers.dedup();
    numbers
        .into_iter()
        .map(|genre| Number::Genre(Some(genre)))
        .collect()
}
