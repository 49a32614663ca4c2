//! The kind `file`: the same for a pipeline, where it can be divided among many processes.
//!
//! Owns the parameters, and how a file's format is told where its name counts for nothing. A shard rates every so many-th chunk
//! of [`CHUNK_ROWS`](super::CHUNK_ROWS) rows; parts are what the chunks become, so the merge is what ends the work of a single
//! process as well. Reads a bundle and a file of reviews; writes the folder `rated`, with the ratings and, where there are
//! any, the rows that were refused.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::task::{PART, Shard};
use cinescore_model::{LIBTORCH_VERSION, compute};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::{Format, is_gzip};
use super::progress::FileProgress;
use super::source::open_file;
use super::{Done, Job, WHOLE, merge, rate, rate_share};
use crate::predictor::{Crew, Predictor};

const BUNDLE: &str = "bundle";
const REVIEWS: &str = "reviews";
const RATED: &str = "rated";
/// Bytes at the beginning of a file that tell its format.
const LOOKED_AT: u64 = 4096;

/// The parameters of `file`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct FileParams {
    /// The input's format; where not said, Parquet and JSON lines are told by how they begin, and all else is CSV.
    from: Option<Format>,
    /// The output's format.
    to: Format,
    /// The column with the reviews' texts.
    text_column: String,
    /// What the added columns' names begin with, such as predicted_.
    prefix: String,
    /// Leave ratings out that a flag warns of.
    abstain: bool,
    /// Add the probability of each score (tasks classes and ordinal).
    probabilities: bool,
}

impl Default for FileParams {
    fn default() -> Self {
        Self {
            from: None,
            to: Format::Parquet,
            text_column: "text".into(),
            prefix: String::new(),
            abstain: false,
            probabilities: false,
        }
    }
}

/// The kind.
pub(crate) fn kind() -> Kind {
    Kind::new(
        "file",
        "Rate a file of reviews, however long: CSV, TSV, JSON lines or Parquet",
        |params, context| with_crew(&params, context, whole),
    )
    .input(Input::folder(BUNDLE, "the trained model"))
    .input(Input::file(
        REVIEWS,
        "the reviews: .csv, .tsv, .jsonl (each also .gz) or .parquet",
    ))
    .output(Output::folder(
        RATED,
        "rated.FORMAT with all columns and the ratings; rated.FORMAT.rejects.jsonl with the rows that were refused",
    ))
    .keyed_by_libtorch(LIBTORCH_VERSION)
    .sharded(
        |params: FileParams, shard, context| {
            with_crew(&params, context, move |crew, job, context| {
                share(crew, job, shard, context)
            })
        },
        |params: FileParams, context| with_crew(&params, context, merged),
    )
}

/// Opens the bundle and does some work with it; says what was done.
fn with_crew(
    params: &FileParams,
    context: &mut TaskContext,
    work: impl FnOnce(&mut Crew, Job, &TaskContext) -> Result<Done, StageError> + Send,
) -> Result<(), StageError> {
    // A shard has no such output, and writes no file of this name.
    let (output, folder) = match context.is_shard() {
        true => (PART, context.part()),
        false => (RATED, context.output(RATED)),
    };
    let job = job(params, &folder, context)?;
    let threads = context.threads();
    let own = &*context;
    // On one thread, so that no digit depends on how many there are; more of them do passes of their own.
    let done = compute::apart(1, || {
        let predictor = Predictor::open(&own.input(BUNDLE)?.path)?;
        work(&mut Crew::new(predictor, threads)?, job, own)
    })??;
    let result = context.result();
    result
        .rows_in
        .insert(REVIEWS.into(), done.rated + done.refused);
    result.rows_out.insert(output.into(), done.rated);
    result.rejected = done.refused;
    Ok(())
}

fn whole(crew: &mut Crew, job: Job, context: &TaskContext) -> Result<Done, StageError> {
    fs_err::create_dir_all(context.output(RATED))?;
    watched(context, |progress, stop| rate(crew, &job, progress, stop))
}

fn share(
    crew: &mut Crew,
    job: Job,
    shard: Shard,
    context: &TaskContext,
) -> Result<Done, StageError> {
    let folder = context.part();
    let job = Job {
        parts: job.parts.or_else(|| Some(folder.clone())),
        shard,
        ..job
    };
    watched(context, |progress, stop| {
        rate_share(crew, &job, &folder, progress, stop)
    })
}

fn merged(crew: &mut Crew, job: Job, context: &TaskContext) -> Result<Done, StageError> {
    fs_err::create_dir_all(context.output(RATED))?;
    merge(crew.any(), &job, &context.parts())
}

/// Does some work that says how far it is, and that SIGTERM stops.
fn watched<T>(
    context: &TaskContext,
    work: impl FnOnce(&FileProgress, &AtomicBool) -> Result<T, StageError>,
) -> Result<T, StageError> {
    let rated = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&rated);
    let progress = FileProgress::told(move |rows| told.store(rows, Ordering::Relaxed));
    let stop = context.interrupted();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let telling = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let rows = rated.load(Ordering::Relaxed);
                if rows > 0 {
                    context.progress().update(rows, None, "reviews", "rating");
                }
                std::thread::park_timeout(std::time::Duration::from_millis(200));
            }
        });
        // Also where the work panics: the scope waits for who tells.
        let _ended = Ended {
            over: &over,
            telling: telling.thread(),
        };
        work(&progress, &stop)
    })
}

/// Ends the telling when it goes.
struct Ended<'a> {
    over: &'a AtomicBool,
    telling: &'a std::thread::Thread,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.telling.unpark();
    }
}

fn job(params: &FileParams, folder: &Path, context: &TaskContext) -> Result<Job, StageError> {
    let reviews = context.input(REVIEWS)?;
    let bundle = context.input(BUNDLE)?;
    Ok(Job {
        input: reviews.path.clone(),
        input_format: match params.from {
            Some(format) => format,
            None => format_of(&reviews.path)?,
        },
        output: folder.join(format!("rated.{}", params.to.ending())),
        output_format: params.to,
        text_column: params.text_column.clone(),
        prefix: params.prefix.clone(),
        abstain: params.abstain,
        probabilities: params.probabilities,
        movielens: None,
        bundle: bundle
            .digest
            .map_or_else(|| bundle.label.clone(), |digest| digest.to_string()),
        restart: false,
        parts: context.persistent_scratch().map(parts_in),
        shard: WHOLE,
    })
}

fn parts_in(scratch: &Path) -> PathBuf {
    scratch.join("parts")
}

/// The format of a file by its first bytes: the name of an input is not in a result's key.
fn format_of(path: &Path) -> Result<Format, StageError> {
    let file = open_file(path)?;
    let mut bytes = Vec::new();
    if is_gzip(path) {
        let mut inflated = flate2::read::MultiGzDecoder::new(file).take(LOOKED_AT);
        // What is damaged is told by whoever reads it.
        inflated.read_to_end(&mut bytes).ok();
    } else {
        file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Ok(match text.trim_ascii_start() {
        _ if bytes.starts_with(b"PAR1") => Format::Parquet,
        [b'{', ..] => Format::Jsonl,
        _ => Format::Csv,
    })
}
