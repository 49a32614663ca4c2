//! A file of reviews to a file of ratings, however long it is.
//!
//! Owns the order of the work: one thread reads rows and encodes their texts, the calling one has the network run, another
//! writes; a few chunks are on the way at any time, so that memory does not grow with the file. What is finished stands in
//! parts beside the output, from which the same command goes on after a kill ([`parts`]); the output appears at once, whole,
//! at the end. Does not own formats ([`mod@format`], [`source`], [`sink`]).
//!
//! No row is lost: it is in the output, or in `OUT.rejects.jsonl` with its line and the reason.

pub mod format;
pub mod movielens;
pub mod parts;
pub mod progress;
pub mod rows;
pub mod sink;
pub mod source;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use cinescore_artifact::StageError;
use cinescore_artifact::task::Shard;

use crate::predictor::{Crew, Example, PredictError, Prediction, Predictor};
use format::Format;
use movielens::MovieLens;
use parts::Parts;
use progress::FileProgress;
use rows::{Chunk, Refused};
use sink::{Added, Writer};
use source::Source;

pub(crate) use stage::kind;

/// Rows of a chunk, and of a part of the output. Enough that its batches have texts of one length.
pub const CHUNK_ROWS: usize = 8192;
/// Bytes of text after which a chunk ends.
pub const CHUNK_BYTES: usize = 32 << 20;
/// Chunks that wait before the network and behind it.
const WAITING: usize = 1;

/// What is to be done with a file.
#[derive(Debug, Clone)]
pub struct Job {
    /// The reviews.
    pub input: PathBuf,
    /// Its format.
    pub input_format: Format,
    /// Where the ratings go.
    pub output: PathBuf,
    /// Its format.
    pub output_format: Format,
    /// The column with the texts.
    pub text_column: String,
    /// What the added columns' names begin with.
    pub prefix: String,
    /// Whether ratings with a flag are left out.
    pub abstain: bool,
    /// Whether each score's probability is a column.
    pub probabilities: bool,
    /// Write MovieLens' columns and nothing else.
    pub movielens: Option<MovieLens>,
    /// The digest of the bundle, so that no output is of two.
    pub bundle: String,
    /// Forget what an earlier command left.
    pub restart: bool,
    /// Where parts are kept meanwhile; beside the output where nothing is said.
    pub parts: Option<PathBuf>,
    /// Which of the chunks are rated.
    pub shard: Shard,
}

/// The one shard of a file that is not divided.
pub const WHOLE: Shard = Shard { index: 0, count: 1 };

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Rows in the output.
    pub rated: u64,
    /// Rows in the rejects.
    pub refused: u64,
    /// Rows that an earlier command had done.
    pub resumed: u64,
    /// Time.
    pub took: Duration,
}

/// What goes from the reading thread to the network.
type Read = Result<(Chunk, Vec<Example>), StageError>;
/// What goes from the network to the writing thread.
type Rated = (Chunk, Vec<Prediction>);

/// Rates a file. `stop` is looked at between batches; what is done by then is kept for the next time.
pub fn rate(
    crew: &mut Crew,
    job: &Job,
    progress: &FileProgress,
    stop: &AtomicBool,
) -> Result<Done, StageError> {
    let began = Instant::now();
    let (writer, parts, mut done) = rate_parts(crew, job, progress, stop)?;
    progress.join();
    parts.join(&writer)?;
    progress.end();
    done.took = began.elapsed();
    Ok(done)
}

/// Rates the chunks of one shard, and leaves their parts in a folder for [`merge`].
pub fn rate_share(
    crew: &mut Crew,
    job: &Job,
    folder: &Path,
    progress: &FileProgress,
    stop: &AtomicBool,
) -> Result<Done, StageError> {
    let (_writer, parts, done) = rate_parts(crew, job, progress, stop)?;
    parts.leave(folder)?;
    Ok(done)
}

/// Makes the output of the folders of all shards, in order: the bytes that one process would have written.
pub fn merge(predictor: &Predictor, job: &Job, folders: &[&Path]) -> Result<Done, StageError> {
    let source = source::open(job)?;
    let writer = checked_writer(predictor, job, source.as_ref())?;
    parts::merge(&writer, folders, job)
}

/// What writes rows of a source, once it is clear that all that is asked for can be had.
fn checked_writer(
    predictor: &Predictor,
    job: &Job,
    source: &dyn Source,
) -> Result<Writer, StageError> {
    let added = Added::new(job, predictor.manifest())?;
    added.check(source.columns())?;
    Writer::new(job, added, source.columns(), source.schema())
}

fn rate_parts(
    crew: &mut Crew,
    job: &Job,
    progress: &FileProgress,
    stop: &AtomicBool,
) -> Result<(Writer, Parts, Done), StageError> {
    let mut source = source::open(job)?;
    // Before anything is left on disk.
    let writer = checked_writer(crew.any(), job, source.as_ref())?;
    let mut parts = Parts::open(job, writer.added())?;
    let mut done = parts.skip(source.as_mut())?;
    progress.begin(source.place(), source.size());
    thread::scope(|scope| {
        let (to_network, from_reader) = sync_channel::<Read>(WAITING);
        let (to_writer, from_network) = sync_channel::<Rated>(WAITING);
        let reader = crew.any().reader();
        let first = parts.next();
        scope.spawn(move || read(source.as_mut(), (first, job.shard), &reader, &to_network));
        let (parts, writer) = (&mut parts, &writer);
        let writing = scope.spawn(move || write(writer, parts, from_network));
        let counts = network(crew, from_reader, &to_writer, progress, stop);
        drop(to_writer);
        // What the writer says comes first: without it the network has nowhere to go.
        let (rated, refused) = writing
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        counts?;
        done.rated += rated;
        done.refused += refused;
        Ok::<_, StageError>(())
    })?;
    Ok((writer, parts, done))
}

/// Reads chunks and encodes those of a shard, until the end, an error or nobody listens.
fn read(
    source: &mut dyn Source,
    (first, shard): (usize, Shard),
    reader: &crate::predictor::Reader,
    to_network: &SyncSender<Read>,
) {
    for number in first.. {
        let read = source.next(number).map(|chunk| {
            chunk.map(|chunk| {
                if !shard.takes(number) {
                    return (chunk, Vec::new());
                }
                let texts: Vec<&str> = chunk.texts.iter().map(String::as_str).collect();
                let examples = reader.read_all(&texts);
                (chunk, examples)
            })
        });
        let Some(read) = read.transpose() else { return };
        if !shard.takes(number) && read.is_ok() {
            continue;
        }
        let failed = read.is_err();
        if to_network.send(read).is_err() || failed {
            return;
        }
    }
}

/// Runs the network on what is read.
fn network(
    crew: &mut Crew,
    from_reader: Receiver<Read>,
    to_writer: &SyncSender<Rated>,
    progress: &FileProgress,
    stop: &AtomicBool,
) -> Result<(), StageError> {
    for read in from_reader {
        let (chunk, examples) = read?;
        let mut rated = 0;
        let said = crew.rate_with(&examples, |some| {
            rated += some;
            progress.rated(&chunk, rated, examples.len());
            !stop.load(Ordering::Relaxed)
        });
        let said = match said {
            Err(PredictError::Stopped) => {
                return Err(StageError::interrupted()
                    .hint("what is done is kept: the same command goes on from there"));
            }
            other => other?,
        };
        if to_writer.send((chunk, said)).is_err() {
            // The writer ended with an error, which it tells itself.
            return Ok(());
        }
    }
    Ok(())
}

/// Writes what is rated, part by part; gives the rows that were written and refused.
fn write(
    writer: &Writer,
    parts: &mut Parts,
    from_network: Receiver<Rated>,
) -> Result<(u64, u64), StageError> {
    let (mut rated, mut refused) = (0, 0);
    for (mut chunk, said) in from_network {
        let mut refusals: Vec<Refused> = std::mem::take(&mut chunk.refused);
        let part = parts.begin(chunk.number)?;
        let rows = writer.write(part.path(), &chunk, &said, &mut refusals)?;
        refusals.sort_by_key(|refused| refused.line);
        refused += refusals.len() as u64;
        rated += rows;
        parts.keep(part, rows, &refusals)?;
    }
    Ok((rated, refused))
}
