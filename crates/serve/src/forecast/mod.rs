//! How often a movie will be rated: a forecast for the next slots of time, from ratings that are newer than those of the training.
//!
//! Owns the order of the work and what is said ([`Forecast`]). The window comes from `cinescore-featurize`, the same features and
//! scales as in the training. A network forecasts one slot; the slot after it is forecast from a window that ends with that
//! forecast, and so on (iterated, or recursive, forecasting). Does not own counting the ratings ([`ratings`]) nor how sure
//! a forecast is ([`mod@errors`]).

pub mod dates;
pub mod errors;
pub mod ratings;
pub mod said;

use std::path::Path;

use cinescore_artifact::StageError;
use cinescore_artifact::encoder::WindowEncoderFile;
use cinescore_featurize::windows::{self, Ahead, AheadError, Mode, Rated, Series, WindowParams};
use cinescore_model::bundle::{self, Bundle, BundleError, Encoder, Manifest};
use cinescore_model::task::{Prediction, Quantity, Task};
use cinescore_model::{Batch, Net};
use cinescore_train::evaluate::Outputs;
use tch::{Device, TchError, Tensor};
use thiserror::Error;

use dates::label;
pub use said::{Forecast, Step};

/// Windows that go through the network together.
const BATCH: usize = 1024;
/// The furthest slot that is forecast.
pub const MOST_STEPS: u32 = 365;

/// Why there is no forecast.
#[derive(Debug, Error)]
pub enum ForecastError {
    /// The bundle is refused.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle is about reviews.
    #[error("the bundle rates reviews and forecasts no popularity")]
    NoPopularity,
    /// The encoder is refused.
    #[error("the bundle's encoder cannot be used")]
    Encoder(#[from] AheadError),
    /// The ratings do not know the movie.
    #[error("movie {movie} has no rating; those with ratings have ids from {least} to {most}")]
    NoMovie {
        /// The movie.
        movie: i32,
        /// The least id that has ratings.
        least: i32,
        /// The greatest.
        most: i32,
    },
    /// The movie has not been there for long enough.
    #[error(
        "movie {movie} has {found} {unit}s up to {until}, and the network reads windows of {wanted}"
    )]
    FewSlots {
        /// The movie.
        movie: i32,
        /// Its slots.
        found: usize,
        /// Slots of a window.
        wanted: u32,
        /// What a slot is.
        unit: &'static str,
        /// The last slot that counts.
        until: String,
    },
    /// There is nothing before the unfinished slot.
    #[error("the ratings are all of one {unit}, which is held to be unfinished")]
    OneSlot {
        /// What a slot is.
        unit: &'static str,
    },
    /// The ratings end before the training does.
    #[error(
        "the ratings end with {until}, and the network has learned from those up to {train}: it knows what it would forecast"
    )]
    Old {
        /// The last slot that counts.
        until: String,
        /// The last slot of `train`.
        train: String,
    },
    /// Classes cannot be read as popularity, nor can what is rated next be told.
    #[error("{why}: only the next slot can be forecast, not {steps}")]
    OneStep {
        /// Why.
        why: &'static str,
        /// Slots that were asked for.
        steps: u32,
    },
    /// LibTorch refused.
    #[error("LibTorch could not compute the forecast")]
    Torch(#[from] TchError),
}

impl From<ForecastError> for StageError {
    fn from(error: ForecastError) -> Self {
        use ForecastError as E;
        match error {
            E::Bundle(error) => crate::predictor::PredictError::from(error).into(),
            E::NoPopularity => Self::usage(error).hint(
                "name one of `train fit` on windows, such as a `net` of the pipeline `popularity`",
            ),
            E::NoMovie { .. } => {
                Self::usage(error).hint("ids are those of `movieId` in the ratings")
            }
            E::FewSlots { .. } => {
                Self::input(error).hint("a network over fewer slots can forecast it sooner")
            }
            E::OneSlot { .. } => Self::input(error).hint("give --whole if it is over"),
            E::Old { .. } => Self::input(error).hint("give ratings that go further"),
            E::OneStep { .. } => Self::usage(error).hint("leave --horizon out"),
            E::Encoder(_) => Self::input(error),
            E::Torch(_) => Self::failed(error),
        }
    }
}

/// A bundle that is ready to forecast.
#[derive(Debug)]
pub struct Forecaster {
    manifest: Manifest,
    network: String,
    net: Net,
    encoder: WindowEncoderFile,
    params: WindowParams,
}

impl Forecaster {
    /// Reads a bundle and checks it. To be called where LibTorch computes (`cinescore_model::compute::apart`).
    ///
    /// # Errors
    /// If the folder is no bundle, one that is damaged, or one that rates reviews.
    pub fn open(folder: &Path) -> Result<Self, ForecastError> {
        let Bundle {
            manifest,
            spec,
            encoder,
            net,
            wide: _,
        } = bundle::load(folder, Device::Cpu)?;
        let is_popularity = manifest.decoder.quantity() == Some(Quantity::Popularity);
        let Encoder::Windows(encoder) = encoder else {
            return Err(ForecastError::NoPopularity);
        };
        if !is_popularity {
            return Err(ForecastError::NoPopularity);
        }
        Ok(Self {
            params: windows::settings(&encoder)?,
            network: spec.name,
            manifest,
            net,
            encoder,
        })
    }

    /// How the windows are made.
    pub fn params(&self) -> &WindowParams {
        &self.params
    }

    /// Whether it reads genres or years of release, which `movies.csv` has.
    pub fn reads_movies(&self) -> bool {
        windows::reads_movies(&self.encoder)
    }

    /// That the ratings can be in the slots of the training.
    ///
    /// # Errors
    /// If they are of shorter slots.
    pub fn check(&self, series: &Series) -> Result<(), StageError> {
        let unit = self.params.slot.name();
        windows::check_unit(&self.params, series.span().1).map_err(|error| {
            error.hint(format!("the network reads {unit}s: give the table of `ingest popularity --slot {unit}`, or the ratings themselves"))
        })
    }

    /// What the network says of some windows, all of a length, in their order.
    fn say(&self, inputs: &[Vec<f32>]) -> Result<Vec<Prediction>, TchError> {
        let slots = i64::from(self.params.slots);
        let mut all = Vec::with_capacity(inputs.len());
        for some in inputs.chunks(BATCH) {
            let values: Vec<f32> = some.iter().flatten().copied().collect();
            let shape = [i64::try_from(some.len()).unwrap_or(i64::MAX), slots, -1];
            let batch = Batch::of_windows(Tensor::f_from_slice(&values)?.f_view(shape)?)?;
            let outputs = Outputs::of(&tch::no_grad(|| self.net.forward(&batch, false))?)?;
            all.extend(outputs.rows().map(|own| self.manifest.decoder.decode(own)));
        }
        Ok(all)
    }

    /// Forecasts of so many slots for each window, which ends with the ratings that are known: `[windows, steps]`.
    fn iterate(
        &self,
        ahead: &Ahead<'_>,
        mut pasts: Vec<(usize, Vec<Rated>)>,
        steps: u32,
    ) -> Result<Vec<Vec<Prediction>>, TchError> {
        let mut all = vec![Vec::with_capacity(steps as usize); pasts.len()];
        for _ in 0..steps {
            let inputs: Vec<Vec<f32>> = pasts
                .iter()
                .map(|(movie, past)| ahead.inputs(*movie, past))
                .collect();
            let said = self.say(&inputs)?;
            for ((own, (_, past)), said) in all.iter_mut().zip(&mut pasts).zip(said) {
                ahead.go_on(past, said.value);
                own.push(said);
            }
        }
        Ok(all)
    }

    /// Forecasts the next slots of a movie. The last slot of the ratings is held to be unfinished, and left out of the window,
    /// unless `whole`.
    ///
    /// # Errors
    /// If the movie is not known or too young, the ratings are older than the training, or more than the next slot is asked
    /// for of a network that cannot go on from its own forecast.
    pub fn forecast(
        &self,
        series: &Series,
        movie: i32,
        horizon: u32,
        whole: bool,
    ) -> Result<Forecast, ForecastError> {
        let ahead = Ahead::new(series, &self.params, &self.encoder)?;
        let (unit, slots) = (self.params.slot, self.params.slots);
        let by_class = matches!(self.manifest.decoder.task(), Task::Classes | Task::Ordinal);
        let one_step = match self.params.mode {
            _ if by_class => Some("the network says classes"),
            Mode::Observed => Some("nobody knows which slot will be the next with a rating"),
            Mode::Calendar => None,
        };
        if let Some(why) = one_step.filter(|_| horizon > 1) {
            return Err(ForecastError::OneStep {
                why,
                steps: horizon,
            });
        }
        let (first, last) = series.span();
        let until = if whole { last } else { last - 1 };
        if until < first {
            return Err(ForecastError::OneSlot { unit: unit.name() });
        }
        if let Some(train) = ahead.train().filter(|train| until <= *train) {
            return Err(ForecastError::Old {
                until: label(unit, until),
                train: label(unit, train),
            });
        }
        let number = series.movie(movie).ok_or_else(|| {
            let ids = || series.movies().iter().map(|movie| movie.id);
            ForecastError::NoMovie {
                movie,
                least: ids().min().unwrap_or(0),
                most: ids().max().unwrap_or(0),
            }
        })?;
        let past = ahead
            .past(number, until)
            .ok_or_else(|| ForecastError::FewSlots {
                movie,
                found: ahead.slots_until(number, until),
                wanted: slots,
                unit: unit.name(),
                until: label(unit, until),
            })?;
        let mut said = self.iterate(&ahead, vec![(number, past.clone())], horizon)?;
        let said = said.pop().unwrap_or_default();
        let measured = match one_step {
            None => errors::measure(self, &ahead, series, horizon, until)?,
            Some(_) => errors::Measured::default(),
        };
        Ok(said::put(
            self, series, &ahead, number, until, &past, &said, &measured,
        ))
    }
}
