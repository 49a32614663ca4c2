//! A stage's own thread while its program runs on a node: it reads what the program says, and waits for news.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use cinescore_artifact::task::Event;

use super::super::attempt::{End, Ended, cpu_of};
use super::super::events::Events;
use super::super::log::CappedLog;
use super::verdict::Verdict;
use super::{Bench, Class, Coming, Desk, News, Ticket, gone, script, settings};
use crate::error::PipelineError;
use crate::graph::Stage;

/// At most so much is read of a file at one look, bytes.
const AT_ONE_LOOK: u64 = 4 << 20;

/// One try of a stage.
pub(in crate::run) struct Try<'a> {
    pub(in crate::run) stage: &'a Stage,
    /// The stage's place in the pipeline.
    pub(in crate::run) place: usize,
    /// From 1.
    pub(in crate::run) number: u32,
    pub(in crate::run) bench: &'a Bench,
    /// The log of the run that it is copied into.
    pub(in crate::run) log: &'a Path,
}

impl Try<'_> {
    /// Hands the try in, or waits for the job that it has, to its end.
    pub(in crate::run) fn run(
        &self,
        desk: &Desk,
        coming: Option<Coming<'_>>,
        on_start: &dyn Fn(),
        on_event: &(dyn Fn(&Event) + Sync),
    ) -> Result<Ended, PipelineError> {
        let slurm = settings(self.stage).ok_or_else(gone)?;
        let class = Class::of(self.stage, slurm, self.number);
        if !self.bench.has_job() {
            script::write_task(self.bench.path(), self.stage)?;
        }
        let mut ears = Ears::open(self.bench.path(), self.log, self.number > 1, on_event)?;
        let (news, heard) = mpsc::channel();
        desk.hand_in(Ticket {
            folder: self.bench.path().to_owned(),
            place: self.place,
            base: self.stage.base.clone(),
            class: (!self.bench.has_job()).then(|| class.clone()),
            poll: slurm.poll,
            news,
        });
        drop(coming);
        let mut has_begun = false;
        let mut begin = || {
            if !std::mem::replace(&mut has_begun, true) {
                on_start();
            }
        };
        let verdict = loop {
            match heard.recv().map_err(|_closed| gone())? {
                News::Started => begin(),
                News::Look => {
                    ears.hear();
                }
                News::Ended(verdict) => break verdict,
                News::GivenBack => {
                    self.bench.remove();
                    return Ok(ended_without(End::GivenBack, "it never began"));
                }
                News::Interrupted { is_over } => {
                    if is_over {
                        self.bench.remove();
                    }
                    return Ok(ended_without(End::Interrupted, "interrupted"));
                }
                News::Refused(error) => {
                    self.bench.remove();
                    return Err(error);
                }
            }
        };
        begin();
        Ok(self.ended(&verdict, &class, ears))
    }

    fn ended(&self, verdict: &Verdict, class: &Class, ears: Ears<'_>) -> Ended {
        let meaning = verdict.meaning(class);
        Ended {
            end: meaning.end,
            how: meaning.how,
            hint: meaning.hint,
            cpu: cpu_of(self.bench.path()),
            peak_memory_bytes: 0,
            wall: verdict.wall(),
            placed: Some(verdict.placed()),
            remarks: ears.close(),
        }
    }
}

fn ended_without(end: End, how: &str) -> Ended {
    Ended {
        end,
        how: how.into(),
        hint: None,
        cpu: Duration::ZERO,
        peak_memory_bytes: 0,
        wall: Duration::ZERO,
        placed: None,
        remarks: Vec::new(),
    }
}

/// What is heard of a program on a node, out of the files that it writes.
struct Ears<'a> {
    log: CappedLog,
    events: Events<'a>,
    said: Tail,
    told: Tail,
}

impl<'a> Ears<'a> {
    fn open(
        folder: &Path,
        log: &Path,
        append: bool,
        on_event: &'a (dyn Fn(&Event) + Sync),
    ) -> Result<Self, PipelineError> {
        Ok(Self {
            log: CappedLog::open(log, append).map_err(PipelineError::io("write", log))?,
            events: Events::new(on_event),
            said: Tail::of(folder.join("log")),
            told: Tail::of(folder.join("events")),
        })
    }

    fn hear(&mut self) -> usize {
        self.said.read(|bytes| self.log.write(bytes))
            + self.told.read(|bytes| self.events.take(bytes))
    }

    /// Hears the rest, and what there is to remark on it.
    fn close(mut self) -> Vec<String> {
        while self.hear() > 0 {}
        let mut remarks = Vec::new();
        if self.events.left_out() > 0 {
            remarks.push(format!(
                "it said more than can be shown: {} events were left out",
                self.events.left_out()
            ));
        }
        match self.log.finish() {
            Ok(0) => {}
            Ok(left_out) => remarks.push(format!(
                "its log is too long: {left_out} bytes between its beginning and its end were left out"
            )),
            Err(error) => remarks.push(format!("its log is not whole: {error}")),
        }
        remarks
    }
}

/// A file that grows, read to where it is.
struct Tail {
    path: PathBuf,
    read: u64,
}

impl Tail {
    fn of(path: PathBuf) -> Self {
        Self { path, read: 0 }
    }

    /// Passes on what is new; says how much that was. The file is opened anew each time, for that is when a file
    /// system of several machines looks what the others did.
    fn read(&mut self, mut pass_on: impl FnMut(&[u8])) -> usize {
        let Ok(mut file) = File::open(&self.path) else {
            return 0;
        };
        let length = file.metadata().map_or(0, |meta| meta.len());
        if length < self.read {
            // A job that Slurm runs again begins its events anew.
            self.read = 0;
        }
        if length == self.read || file.seek(SeekFrom::Start(self.read)).is_err() {
            return 0;
        }
        let mut bytes = Vec::new();
        let count = file.take(AT_ONE_LOOK).read_to_end(&mut bytes).unwrap_or(0);
        pass_on(&bytes[..count]);
        self.read += count as u64;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_grows_and_anew_when_it_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut tail = Tail::of(path.clone());
        let mut heard = Vec::new();
        for text in ["", "one\n", "one\ntwo\n", "one\ntwo\n", "3\n"] {
            fs_err::write(&path, text).unwrap();
            tail.read(|bytes| heard.push(String::from_utf8_lossy(bytes).into_owned()));
        }
        assert_eq!(heard, ["one\n", "two\n", "3\n"]);
    }

    #[test]
    fn processor_time_is_that_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(cpu_of(folder.path()), Duration::ZERO);
        let times = "0m0.010000s 0m0.020000s\n1m2.500000s 0m0.250000s\n";
        fs_err::write(folder.path().join("times"), times).unwrap();
        assert_eq!(cpu_of(folder.path()), Duration::from_millis(62_750));
    }
}
