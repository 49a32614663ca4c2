//! `file`: a file of reviews to a file of ratings.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cinescore_artifact::StageError;
use cinescore_artifact::digest::Digest;
use clap::{Args, ValueEnum, ValueHint};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::{BundleArguments, counted};
use crate::file::format::Format;
use crate::file::movielens::{Movie, MovieLens, Timestamp};
use crate::file::parts::rejects_of;
use crate::file::progress::FileProgress;
use crate::file::{Job, WHOLE, rate};
use crate::predictor::Crew;

pub(super) const EXAMPLES: &str = "\
All columns of the input are kept; rating, rating_lower, rating_upper, sentiment, positive and flags are added. Rows
without a text, or that cannot be read, go to OUT.rejects.jsonl with their line and the reason. The output appears whole at
the end; a command that was killed goes on where it was when it is given again (OUT.parts).

Examples:
  cinescore predict file reviews.csv -o rated.parquet
  cinescore predict file reviews.jsonl.gz -o rated.jsonl --text-column body --abstain
  cinescore predict file reviews.parquet -o ratings.csv --format movielens \\
      --user-column user_id --title-column tconst --links ml-latest/links.csv --timestamp-column written";

/// What `file` is asked.
#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// The reviews: .csv, .tsv, .jsonl (each also .gz) or .parquet
    #[arg(value_name = "IN", value_hint = ValueHint::FilePath)]
    input: PathBuf,
    /// Where the ratings go: .csv, .tsv, .jsonl or .parquet
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    #[command(flatten)]
    bundle: BundleArguments,
    /// The input's format, where its ending does not tell
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// The output's format, where its ending does not tell
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,
    /// The column with the reviews' texts
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// What the added columns' names begin with, such as predicted_
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// Leave ratings out that a flag warns of
    #[arg(long)]
    abstain: bool,
    /// Add the probability of each score (tasks classes and ordinal)
    #[arg(long)]
    probabilities: bool,
    /// Begin anew, whatever an earlier command left
    #[arg(long)]
    restart: bool,
    /// Which columns are written: the input's and the ratings, or those of MovieLens' ratings.csv
    #[arg(long, value_name = "COLUMNS", default_value = "table")]
    format: Columns,
    /// movielens: the column with the user's number
    #[arg(long, value_name = "NAME", default_value = "userId")]
    user_column: String,
    /// movielens: the column with MovieLens' number of the movie
    #[arg(long, value_name = "NAME", default_value = "movieId")]
    movie_column: String,
    /// movielens: the column with IMDb's id of the title, such as tt0114709; needs --links
    #[arg(
        long,
        value_name = "NAME",
        requires = "links",
        conflicts_with = "movie_column"
    )]
    title_column: Option<String>,
    /// movielens: MovieLens' links.csv
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    links: Option<PathBuf>,
    /// movielens: the column with the time, in seconds since 1970
    #[arg(long, value_name = "NAME", default_value = "timestamp")]
    timestamp_column: String,
    /// movielens: one time for all, in seconds since 1970
    #[arg(long, value_name = "SECONDS", conflicts_with = "timestamp_column")]
    timestamp: Option<i64>,
}

/// Which columns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Columns {
    /// The input's, and the ratings.
    Table,
    /// `userId,movieId,rating,timestamp`
    Movielens,
}

/// Rates a file.
pub(super) fn file(arguments: &FileArguments) -> Result<(), StageError> {
    let job = arguments.job()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // A second signal ends the process at once.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let progress = FileProgress::new();
    let done = arguments.bundle.with_predictor(|predictor, folder| {
        let digest = Digest::of_path(folder).map_err(StageError::machine)?;
        let job = Job {
            bundle: digest.to_string(),
            ..job.clone()
        };
        let mut crew = Crew::new(predictor, arguments.bundle.threads())?;
        rate(&mut crew, &job, &progress, &stop)
    })?;
    let new = done.rated + done.refused - done.resumed;
    let seconds = done.took.as_secs_f64();
    let mut err = std::io::stderr();
    writeln!(
        err,
        "{} rated into {} ({:.0} a second)",
        counted(done.rated, "review"),
        arguments.output.display(),
        new as f64 / seconds.max(1e-3)
    )?;
    if done.resumed > 0 {
        writeln!(err, "{} of the rows were done before", done.resumed)?;
    }
    if done.refused > 0 {
        let path = rejects_of(&arguments.output);
        let rows = counted(done.refused, "row");
        writeln!(err, "{rows} refused: {}", path.display())?;
    }
    Ok(())
}

impl FileArguments {
    fn job(&self) -> Result<Job, StageError> {
        let format = |given: Option<Format>, path| given.map_or_else(|| Format::of(path), Ok);
        let output_format = format(self.to, &self.output)?;
        if self.output.extension().is_some_and(|ending| ending == "gz") {
            return Err(
                StageError::usage("the output is not compressed").hint("name it without `.gz`")
            );
        }
        if self.format == Columns::Movielens && output_format != Format::Csv {
            return Err(
                StageError::usage("MovieLens' ratings are CSV").hint("name the output .csv")
            );
        }
        let same = || {
            let of = |path: &PathBuf| fs_err::canonicalize(path).ok();
            of(&self.input).is_some_and(|input| of(&self.output) == Some(input))
        };
        if same() {
            return Err(StageError::usage("the output is the input"));
        }
        let movielens = (self.format == Columns::Movielens).then(|| MovieLens {
            user: self.user_column.clone(),
            movie: match (&self.title_column, &self.links) {
                (Some(title), Some(links)) => Movie::Title(title.clone(), links.clone()),
                _ => Movie::Number(self.movie_column.clone()),
            },
            timestamp: match self.timestamp {
                Some(time) => Timestamp::Always(time),
                None => Timestamp::Column(self.timestamp_column.clone()),
            },
        });
        Ok(Job {
            input: self.input.clone(),
            input_format: format(self.from, &self.input)?,
            output: self.output.clone(),
            output_format,
            text_column: self.text_column.clone(),
            prefix: self.prefix.clone(),
            abstain: self.abstain,
            probabilities: self.probabilities,
            movielens,
            bundle: String::new(),
            restart: self.restart,
            parts: None,
            shard: WHOLE,
        })
    }
}
