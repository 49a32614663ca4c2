//! The parameters of `windows`.

use cinescore_artifact::slots::SlotUnit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the popularity of movies becomes windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WindowParams {
    /// Which slots follow each other.
    pub mode: Mode,
    /// How long a slot is: as in the table of popularity, which numbers them and does not name their length.
    pub slot: SlotUnit,
    /// Slots of a window; the one after them is forecast.
    #[schemars(range(min = 1, max = 1000), extend("unit" = "slots"))]
    pub slots: u32,
    /// What is forecast.
    pub target: Measure,
    /// What a network reads of each slot.
    #[schemars(length(min = 1))]
    pub features: Vec<Feature>,
    /// Ratings that a movie has up to the end of `train`; divided by movie, that it has up to the last slot of the
    /// window. Nothing later is looked at.
    #[schemars(extend("unit" = "ratings"))]
    pub min_ratings: u64,
    /// What divides the splits.
    pub split_by: SplitBy,
    /// Share for `valid`: by time of the slots of the table, by movie of the movies.
    #[schemars(range(min = 0, max = 0.9))]
    pub valid: f64,
    /// Share for `calib`.
    #[schemars(range(min = 0, max = 0.9))]
    pub calib: f64,
    /// Share for `test`.
    #[schemars(range(min = 0, max = 0.9))]
    pub test: f64,
    /// Divided by time, what becomes of windows whose inputs begin in the split before that of the slot that is forecast.
    pub crossing: Crossing,
    /// Seed of the division by movie.
    pub seed: u64,
}

impl Default for WindowParams {
    fn default() -> Self {
        Self {
            mode: Mode::Calendar,
            slot: SlotUnit::Day,
            slots: 3,
            target: Measure::Share,
            features: vec![Feature::Target],
            min_ratings: 0,
            split_by: SplitBy::Time,
            valid: 0.1,
            calib: 0.05,
            test: 0.2,
            crossing: Crossing::Keep,
            seed: 7,
        }
    }
}

/// Which slots of a movie follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Those in which it was rated, however far apart.
    Observed,
    /// All, from the first in which it was rated to the last of the table, with 0 where nobody rated it.
    Calendar,
}

/// How popularity is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Ratings of the movie, divided by all ratings of the slot.
    Share,
    /// Ratings of the movie.
    Count,
    /// log(1 + ratings of the movie).
    Log1pCount,
}

/// What a network reads of a slot. All but genres have mean 0 and standard deviation 1 over the inputs of the training
/// windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The popularity as `target` measures it.
    Target,
    /// Ratings of the movie, divided by all ratings of the slot.
    Share,
    /// Ratings of the movie.
    Count,
    /// log(1 + ratings of the movie).
    Log1pCount,
    /// log(1 + all ratings of the slot).
    Log1pTotal,
    /// Years from the release to the slot; their mean where the year of release is not known.
    Age,
    /// The slot's place in the year, as sine and cosine; of hours and days its place in the week as well.
    Season,
    /// 1 for each genre of the movie, of those that movies have by the end of `train`.
    Genres,
}

/// What divides the splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The slot that is forecast: `train` comes before `valid`, `calib` and `test`.
    Time,
    /// The movie: all its windows are on one side.
    Movie,
}

/// What becomes of windows that begin in an earlier split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// They stay: what they read is past, and known to whoever forecasts.
    Keep,
    /// They are left out, so that no slot is read in one split and forecast in another.
    Drop,
}
