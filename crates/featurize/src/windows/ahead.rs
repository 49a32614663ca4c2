//! Windows at the end of a table, and beyond it: what a trained network reads to forecast the next slot, and the slot after its
//! own forecast.
//!
//! Owns the way from ratings, which may be newer than those of the training, to the inputs of one window: by the same
//! features and scales as the table `windows`. Does not own the forecast, nor its interval (`cinescore-serve`).

use cinescore_artifact::Split;
use cinescore_artifact::encoder::WindowEncoderFile;
use thiserror::Error;

use super::features::{Features, GENRE, Rated, UnknownFeature};
use super::params::{SplitBy, WindowParams};
use super::pieces::Positions;
use super::series::Series;

/// Why an encoder makes no windows.
#[derive(Debug, Error)]
pub enum AheadError {
    /// A feature that this program does not make.
    #[error(transparent)]
    Feature(#[from] UnknownFeature),
    /// The settings are none.
    #[error("the encoder's settings cannot be used")]
    Settings(#[from] serde_json::Error),
    /// The settings and the features do not belong together.
    #[error("the encoder has windows of {found} slots, and its settings say {wanted}")]
    Slots {
        /// Of the encoder.
        found: u32,
        /// Of the settings.
        wanted: u32,
    },
}

/// The settings that an encoder was made with.
///
/// # Errors
/// If they are none, or contradict the encoder.
pub fn settings(file: &WindowEncoderFile) -> Result<WindowParams, AheadError> {
    let params: WindowParams = serde_json::from_value(file.window.clone())?;
    match params.slots == file.slots {
        true => Ok(params),
        false => Err(AheadError::Slots {
            found: file.slots,
            wanted: params.slots,
        }),
    }
}

/// Whether the encoder reads what only `movies.csv` says: genres, or the year of release.
pub fn reads_movies(file: &WindowEncoderFile) -> bool {
    let of_movies = |name: &str| name == "age" || name.starts_with(GENRE);
    file.features.iter().any(|own| of_movies(&own.name))
}

/// Makes windows of the ratings of movies.
#[derive(Debug)]
pub struct Ahead<'a> {
    series: &'a Series,
    params: &'a WindowParams,
    features: Features<'a>,
    /// The first slot and the last one of the split `calib`, where splits are divided by time.
    calib: Option<(u32, u32)>,
    /// The last slot of `train`.
    train: Option<u32>,
}

impl<'a> Ahead<'a> {
    /// Of an encoder and its settings ([`settings`]).
    ///
    /// # Errors
    /// If the encoder has a feature that is not known.
    pub fn new(
        series: &'a Series,
        params: &'a WindowParams,
        file: &WindowEncoderFile,
    ) -> Result<Self, AheadError> {
        let last = |split: Split| file.last_slots.get(split.name()).copied();
        Ok(Self {
            series,
            params,
            features: Features::of_file(series, params, file)?,
            calib: last(Split::Valid)
                .zip(last(Split::Calib))
                .map(|(valid, calib)| (valid + 1, calib))
                .filter(|(first, last)| params.split_by == SplitBy::Time && first <= last),
            train: last(Split::Train),
        })
    }

    /// The last slot from which scales, classes and weights were learned, where splits are divided by time.
    pub fn train(&self) -> Option<u32> {
        self.train
    }

    /// The slots on which intervals were fitted: the first and the last; none where splits are divided by movie.
    pub fn calib(&self) -> Option<(u32, u32)> {
        self.calib
    }

    /// The class of a popularity, 0 to 5.
    pub fn class(&self, popularity: f64) -> u8 {
        self.features.class(popularity)
    }

    /// The last slots of a movie up to one, oldest first: as many as a window has; none where it has fewer.
    pub fn past(&self, movie: usize, until: u32) -> Option<Vec<Rated>> {
        let positions = Positions::new(self.series, &self.series.movies[movie], self.params.mode);
        let end = positions.until(until);
        let begin = end.checked_sub(self.params.slots as usize)?;
        let values = positions.values(begin, end);
        let rated = |(slot, count)| self.features.rated(slot, count);
        Some(values.into_iter().map(rated).collect())
    }

    /// How many slots of a movie there are up to one.
    pub fn slots_until(&self, movie: usize, until: u32) -> usize {
        Positions::new(self.series, &self.series.movies[movie], self.params.mode).until(until)
    }

    /// What the network reads of these slots, `[S, F]`.
    pub fn inputs(&self, movie: usize, past: &[Rated]) -> Vec<f32> {
        let mut all = Vec::with_capacity(past.len() * self.features.len());
        for &rated in past {
            self.features
                .add_scaled(&self.series.movies[movie], rated, &mut all);
        }
        all
    }

    /// The popularity in a slot, in the unit of the target.
    pub fn popularity(&self, rated: Rated) -> f64 {
        self.params.target.of_expected(rated.count, rated.total)
    }

    /// Goes a slot on: the oldest one goes, and the next one comes with a popularity that was forecast. Nobody knows how many
    /// ratings it will have in all: as many as the last one that had any.
    pub fn go_on(&self, past: &mut Vec<Rated>, popularity: f64) {
        let Some(&last) = past.last() else {
            return;
        };
        let full = past.iter().rev().map(|own| own.total);
        let total = full.into_iter().find(|total| *total > 0.0).unwrap_or(1.0);
        past.remove(0);
        past.push(Rated {
            slot: last.slot + 1,
            count: self.params.target.count(popularity, total),
            total,
        });
    }

    /// Whether a movie is one of those that were learned from: it has the ratings that `min_ratings` asks for, by the end of
    /// `train` where splits are divided by time.
    pub fn is_chosen(&self, movie: usize) -> bool {
        let movie = &self.series.movies[movie];
        let (_, last) = self.series.span();
        self.series.ratings_until(movie, self.train.unwrap_or(last)) >= self.params.min_ratings
    }
}
