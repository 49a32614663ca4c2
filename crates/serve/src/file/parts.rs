//! What is finished of an output that is not.
//!
//! `OUT.parts/` holds a part of the output for each chunk of the input, with the rows that were refused and, written last, a
//! note that both are whole. A command that finds parts of the same job goes on behind them; of another job, it refuses, and a stage
//! begins anew.
//! At the end the parts become the output by one rename, and the folder goes: it is `OUT.parts.done` first, so that what is left
//! of it after a kill is no job that goes on, or another one. A kernel lock keeps a second process out, and dies with its own.
//!
//! Where several processes share a file ([`Shard`]), each keeps the parts of its own chunks, under the numbers that they have
//! in the file; `merge` makes the output of all of them.

use std::ffi::OsString;
use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cinescore_artifact::StageError;
use cinescore_artifact::digest::Digest;
use cinescore_artifact::task::Shard;
use fs_err::File;
use serde::{Deserialize, Serialize};

use super::Done;
use super::Job;
use super::movielens::Movie;
use super::rows::Refused;
use super::sink::{Added, Writer};
use super::source::Source;

/// The endings of the rows that were refused, and of the note that a part is whole.
const REJECTS: &str = "rejects";
const NOTE: &str = "json";
/// What the parts are of, and what keeps other processes out.
const JOB: &str = "job.json";
const LOCK: &str = "lock";
/// The version of the folder's format.
const VERSION: u32 = 4;

/// What must be the same for a command to go on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    version: u32,
    /// The input: where, how large, when it was last changed.
    input: PathBuf,
    bytes: u64,
    modified_nanos: u128,
    /// The digest of the bundle.
    bundle: String,
    /// The digest of this program's code.
    program: String,
    /// The digest of MovieLens' links, where there are any.
    links: Option<String>,
    /// Everything that was asked for, as text.
    asked: String,
}

/// What is noted of a part.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Note {
    rows: u64,
    refused: u64,
    /// Whose part it is.
    shard: Shard,
}

/// The parts of an output.
#[derive(Debug)]
pub struct Parts {
    folder: PathBuf,
    output: PathBuf,
    ending: &'static str,
    /// Which of the chunks have parts here.
    shard: Shard,
    notes: Vec<Note>,
    /// Held as long as this process works on them.
    _lock: File,
}

/// A part that is being written.
#[derive(Debug)]
pub struct Part {
    number: usize,
    path: PathBuf,
}

impl Part {
    /// Where it is to be written.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Parts {
    /// Opens the parts of a job, and makes the folder where there is none.
    pub(super) fn open(job: &Job, added: &Added) -> Result<Self, StageError> {
        let folder = match &job.parts {
            Some(folder) => folder.clone(),
            None => beside(&job.output, ".parts"),
        };
        let wanted = Identity::of(job, added)?;
        // What a command left that was killed behind its end.
        remove(&done(&folder))?;
        fs_err::create_dir_all(&folder)?;
        let lock = File::create(folder.join(LOCK))?;
        match lock.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another process is writing `{}`", job.output.display());
                return Err(StageError::usage(message));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut parts = Self {
            output: job.output.clone(),
            ending: job.output_format.ending(),
            shard: job.shard,
            notes: Vec::new(),
            folder,
            _lock: lock,
        };
        let path = parts.folder.join(JOB);
        let found = fs_err::read(&path).ok();
        let found = found.and_then(|bytes| serde_json::from_slice::<Identity>(&bytes).ok());
        match found {
            Some(found) if found == wanted && !job.restart => parts.find(),
            // Of an earlier program there may be another note. Without a part there is nothing to lose. A stage's own folder has
            // nothing that a person would miss, and is begun anew.
            _ if !job.restart && job.parts.is_none() && parts.has_any() => {
                let message = format!(
                    "`{}` holds parts of another job: its input, its bundle, the program or what was asked for is not the same",
                    parts.folder.display()
                );
                return Err(StageError::usage(message)
                    .hint("run the command that was interrupted, or begin anew with --restart"));
            }
            _ => {
                parts.clear()?;
                let json = serde_json::to_vec_pretty(&wanted).map_err(StageError::failed)?;
                write_whole(&path, &json)?;
            }
        }
        Ok(parts)
    }

    /// Whether there is a part, of whatever format.
    fn has_any(&self) -> bool {
        self.path(self.number(0), NOTE).exists()
    }

    /// Finds the parts that are there, up to the first that is not.
    fn find(&mut self) {
        while let Some(note) = self.note(self.next()) {
            self.notes.push(note);
        }
    }

    fn note(&self, number: usize) -> Option<Note> {
        let note = serde_json::from_slice(&fs_err::read(self.path(number, NOTE)).ok()?).ok()?;
        self.path(number, self.ending).exists().then_some(note)
    }

    /// Removes everything but the lock.
    fn clear(&self) -> Result<(), StageError> {
        for entry in fs_err::read_dir(&self.folder)? {
            let path = entry?.path();
            if !path.ends_with(LOCK) {
                fs_err::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The number of the first part that is not there.
    pub(super) fn next(&self) -> usize {
        self.number(self.notes.len())
    }

    /// The number of a part in the file, by its place among those that are kept here.
    fn number(&self, place: usize) -> usize {
        self.shard.index as usize + place * self.shard.count.max(1) as usize
    }

    /// Reads over the rows before the first part that is not there.
    pub(super) fn skip(&mut self, source: &mut dyn Source) -> Result<Done, StageError> {
        for number in 0..self.next() {
            source.next(number)?;
        }
        let done = counted(&self.notes);
        Ok(Done {
            resumed: done.rated + done.refused,
            ..done
        })
    }

    /// Begins a part.
    pub(super) fn begin(&self, number: usize) -> Result<Part, StageError> {
        Ok(Part {
            number,
            path: self.path(number, "partial"),
        })
    }

    /// Keeps a part that is whole, with the rows that were refused.
    pub(super) fn keep(
        &mut self,
        part: Part,
        rows: u64,
        refused: &[Refused],
    ) -> Result<(), StageError> {
        let mut lines = Vec::new();
        for row in refused {
            serde_json::to_writer(&mut lines, row).map_err(StageError::failed)?;
            lines.push(b'\n');
        }
        write_whole(&self.path(part.number, REJECTS), &lines)?;
        File::open(&part.path)?.sync_all()?;
        fs_err::rename(&part.path, self.path(part.number, self.ending))?;
        let note = Note {
            rows,
            refused: refused.len() as u64,
            shard: self.shard,
        };
        let json = serde_json::to_vec(&note).map_err(StageError::failed)?;
        write_whole(&self.path(part.number, NOTE), &json)?;
        self.notes.push(note);
        Ok(())
    }

    /// Makes the output of the parts, and removes them.
    pub(super) fn join(self, writer: &Writer) -> Result<(), StageError> {
        let files = (0..self.notes.len()).map(|number| Files::of(&self.folder, number));
        let files: Vec<Files> = files.collect();
        join_files(
            writer,
            &files,
            &self.notes,
            self.ending,
            &self.folder,
            &self.output,
        )?;
        // At once: of a folder that is half removed nobody could say whose it is.
        let done = done(&self.folder);
        fs_err::rename(&self.folder, &done)?;
        remove(&done)
    }

    /// Leaves the parts of a share in a folder, with nothing beside them that another process would write otherwise.
    pub(super) fn leave(self, folder: &Path) -> Result<(), StageError> {
        for place in 0..self.notes.len() {
            let number = self.number(place);
            let (from, to) = (Files::of(&self.folder, number), Files::of(folder, number));
            for ending in [self.ending, REJECTS, NOTE] {
                fs_err::rename(from.with(ending), to.with(ending))?;
            }
        }
        if self.folder != folder {
            return Ok(fs_err::remove_dir_all(&self.folder)?);
        }
        for name in [JOB, LOCK] {
            fs_err::remove_file(folder.join(name))?;
        }
        Ok(())
    }

    fn path(&self, number: usize, ending: &str) -> PathBuf {
        Files::of(&self.folder, number).with(ending)
    }
}

/// The files of a part.
struct Files(PathBuf);

impl Files {
    fn of(folder: &Path, number: usize) -> Self {
        Self(folder.join(format!("{number:06}")))
    }

    fn with(&self, ending: &str) -> PathBuf {
        self.0.with_extension(ending)
    }
}

fn counted(notes: &[Note]) -> Done {
    Done {
        rated: notes.iter().map(|note| note.rows).sum(),
        refused: notes.iter().map(|note| note.refused).sum(),
        resumed: 0,
        took: Default::default(),
    }
}

/// Makes an output of parts, with the rows that were refused beside it, if any.
fn join_files(
    writer: &Writer,
    files: &[Files],
    notes: &[Note],
    ending: &str,
    folder: &Path,
    output: &Path,
) -> Result<(), StageError> {
    let whole = folder.join("whole.partial");
    let paths: Vec<PathBuf> = files.iter().map(|part| part.with(ending)).collect();
    writer.join(&paths, &whole)?;
    File::open(&whole)?.sync_all()?;
    let rejects = rejects_of(output);
    if notes.iter().any(|note| note.refused > 0) {
        let path = folder.join("rejects.partial");
        let mut file = File::create(&path)?;
        for part in files {
            io::copy(&mut File::open(part.with(REJECTS))?, &mut file)?;
        }
        file.sync_all()?;
        fs_err::rename(&path, &rejects)?;
    } else if rejects.exists() {
        // Of an earlier output of this name.
        fs_err::remove_file(&rejects)?;
    }
    Ok(fs_err::rename(&whole, output)?)
}

/// Makes an output of the folders that all shards left, in their order; says what is in it.
pub(super) fn merge(writer: &Writer, folders: &[&Path], job: &Job) -> Result<Done, StageError> {
    let ending = job.output_format.ending();
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    // Chunks were dealt out in turn.
    for (index, folder) in folders.iter().enumerate().cycle() {
        let part = Files::of(folder, files.len());
        let Ok(bytes) = fs_err::read(part.with(NOTE)) else {
            break;
        };
        let note: Note = serde_json::from_slice(&bytes).map_err(StageError::input)?;
        let Shard { index: own, count } = note.shard;
        if (own as usize, count as usize) != (index, folders.len()) {
            let message = format!(
                "folder {} of {} is that of shard {} of {count}: the folders are not those of all shards, in order",
                index + 1,
                folders.len(),
                u64::from(own) + 1
            );
            return Err(StageError::input(message));
        }
        notes.push(note);
        files.push(part);
    }
    let mut there = 0;
    for folder in folders {
        for entry in fs_err::read_dir(folder)? {
            there += usize::from(entry?.path().extension().is_some_and(|own| own == NOTE));
        }
    }
    if there != files.len() {
        let message = format!(
            "of {there} parts only the first {} follow each other: the folders are not those of all shards, in order",
            files.len()
        );
        return Err(StageError::input(message));
    }
    let folder = tempfile::tempdir_in(job.output.parent().unwrap_or(Path::new(".")))?;
    join_files(writer, &files, &notes, ending, folder.path(), &job.output)?;
    Ok(counted(&notes))
}

impl Identity {
    fn of(job: &Job, added: &Added) -> Result<Self, StageError> {
        let input = fs_err::canonicalize(&job.input).map_err(StageError::usage)?;
        let meta = fs_err::metadata(&input)?;
        let modified = meta.modified()?.duration_since(UNIX_EPOCH);
        let links = match job.movielens.as_ref().map(|own| &own.movie) {
            Some(Movie::Title(_, path)) => {
                let digest = Digest::of_path(path).map_err(StageError::machine)?;
                Some(digest.to_string())
            }
            _ => None,
        };
        Ok(Self {
            version: VERSION,
            bytes: meta.len(),
            modified_nanos: modified.map_or(0, |age| age.as_nanos()),
            input,
            bundle: job.bundle.clone(),
            program: env!("CINESCORE_CODE_DIGEST").into(),
            links,
            asked: format!(
                "{:?} {:?} {:?} {:?} {} {:?}",
                job.input_format,
                job.output_format,
                job.text_column,
                added,
                job.abstain,
                job.movielens
            ),
        })
    }
}

/// Where the rows go that were refused.
pub fn rejects_of(output: &Path) -> PathBuf {
    beside(output, ".rejects.jsonl")
}

/// A name that begins with another's.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Where the parts lie of which an output was made.
fn done(folder: &Path) -> PathBuf {
    beside(folder, ".done")
}

/// Removes a folder, if it is there. Another process may do so as well.
fn remove(folder: &Path) -> Result<(), StageError> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// A small file, whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StageError> {
    let partial = beside(path, ".partial");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(fs_err::rename(partial, path)?)
}
