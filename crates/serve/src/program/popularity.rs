//! `popularity`: how often a movie will be rated in the next slots.

use std::path::PathBuf;

use cinescore_artifact::StageError;
use cinescore_artifact::program::print;
use cinescore_ingest::MaxRejects;
use cinescore_model::compute;
use clap::{Args, ValueHint};

use super::ThreadArguments;
use crate::bundles;
use crate::forecast::ratings::Ratings;
use crate::forecast::{Forecaster, MOST_STEPS};

pub(super) const EXAMPLES: &str = "\
The ratings begin where those of the training did, and go further: the window is their last
slots. The very last one is held to be unfinished, so it is the first to be forecast; --whole
takes it as over. Each step after the first is forecast from the forecasts before it. What is
forecast, and its unit, is what the network was trained for: the movie's share of all ratings
of a slot, its ratings, or log(1 + its ratings).

Intervals of the first step are the bundle's; those of the others are measured on the same
slots, where the ratings have them. `held` is the part of later slots, of all movies that were
learned from, whose truth lay in such intervals.

Examples:
  cinescore predict popularity --bundle B --ratings ml-latest-small.zip --movie 318
  cinescore predict popularity --bundle B --ratings ratings.csv --movie 318 --horizon 4
  cinescore predict popularity --bundle B --ratings ratings.csv --movies movies.csv --movie 318
  cinescore predict popularity --bundle B --ratings popularity.parquet --movie 318 --json";

/// What `popularity` is asked.
#[derive(Debug, Args)]
pub(super) struct PopularityArguments {
    /// The folder `bundle` of a training on windows
    // There is no default: the bundle that other verbs take where none is named rates reviews.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    bundle: PathBuf,
    #[command(flatten)]
    threads: ThreadArguments,
    /// MovieLens' zip archive, folder or ratings.csv, or the table of `ingest popularity`
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    ratings: PathBuf,
    /// MovieLens' movies.csv, beside a ratings.csv: for genres and years of release, if the network reads them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    movies: Option<PathBuf>,
    /// The movie: its movieId
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i32).range(0..))]
    movie: i32,
    /// How many slots are forecast
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_STEPS)))]
    horizon: u32,
    /// The last slot of the ratings is over
    #[arg(long)]
    whole: bool,
    /// Rows of the ratings and movies that may be refused
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    max_rejects: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Forecasts the popularity of a movie.
pub(super) fn popularity(arguments: &PopularityArguments) -> Result<(), StageError> {
    let folder = bundles::in_outputs(&arguments.bundle);
    let threads = arguments.threads.count();
    if !folder.is_dir() {
        let message = format!("there is no bundle `{}`", folder.display());
        return Err(StageError::usage(message).hint(
            "name the folder `bundle` of a `train fit` on windows, such as that of a `net` of the pipeline `popularity`",
        ));
    }
    let said = compute::apart(threads, || -> Result<_, StageError> {
        let forecaster = Forecaster::open(&folder)?;
        let ratings = Ratings::read(
            &arguments.ratings,
            arguments.movies.as_deref(),
            forecaster.params().slot,
            forecaster.reads_movies(),
            MaxRejects::Count(arguments.max_rejects),
            threads,
        )?;
        forecaster.check(&ratings.series)?;
        let mut said = forecaster.forecast(
            &ratings.series,
            arguments.movie,
            arguments.horizon,
            arguments.whole,
        )?;
        if let Some(counted) = ratings.counted.filter(|counted| counted.refused > 0) {
            said.notes
                .push(format!("{} rows were refused:", counted.refused));
            let reasons = counted.reasons.iter();
            said.notes.extend(reasons.map(|own| own.trim().to_owned()));
        }
        Ok(said)
    })??;
    let text = match arguments.json {
        true => said.json().map_err(StageError::failed)?,
        false => said.lines(),
    };
    print(&text)
}
