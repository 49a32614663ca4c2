//! The arguments of `init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

pub(crate) const INIT_EXAMPLES: &str = "\
The columns are guessed by their names and values, and shown; name the ones that are wrong (an empty name:
there is none). Nothing that is there is overwritten.

Examples:
  cinescore init --reviews my.csv                     write pipelines/my.yaml, and say what runs it
  cinescore init --reviews my.csv --dry-run           only show the columns and the pipeline
  cinescore init --reviews my.jsonl -p films          write pipelines/films.yaml
  cinescore init --reviews my.parquet --score-column mark --sentiment-column ''";

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The table of reviews: CSV, JSON lines (both also in gzip) or Parquet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) reviews: PathBuf,
    /// What to learn [default: the score where most reviews have one, else the sentiment]
    #[arg(long, value_enum)]
    pub(crate) task: Option<Task>,
    /// Column of the text
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text_column: Option<String>,
    /// Column of the score, a whole number from 1 to 10
    #[arg(long, value_name = "COLUMN")]
    pub(crate) score_column: Option<String>,
    /// Column of the sentiment: positive or negative, 1 or 0
    #[arg(long, value_name = "COLUMN")]
    pub(crate) sentiment_column: Option<String>,
    /// Column of the IMDb id of the movie, tt0111161
    #[arg(long, value_name = "COLUMN")]
    pub(crate) tconst_column: Option<String>,
    /// Column of the split: train, test or unlabelled
    #[arg(long, value_name = "COLUMN")]
    pub(crate) split_column: Option<String>,
    /// Column of an id that may not come twice
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<String>,
    /// Show the pipeline and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Overwrite a pipeline that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// What a network learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// Scores from 1 to 10
    Rating,
    /// Positive or negative
    Sentiment,
}

impl InitArguments {
    /// The columns that the user named, with the flag that names each.
    pub(crate) fn columns(&self) -> [(&'static str, Option<&String>); 6] {
        [
            ("--text-column", self.text_column.as_ref()),
            ("--score-column", self.score_column.as_ref()),
            ("--sentiment-column", self.sentiment_column.as_ref()),
            ("--tconst-column", self.tconst_column.as_ref()),
            ("--split-column", self.split_column.as_ref()),
            ("--id-column", self.id_column.as_ref()),
        ]
    }
}
