//! Making one result: lock, task file, program, outputs into the store, record last.
//!
//! Runs on a thread of its own for each stage. Does not own which stage runs when (`scheduler`).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::exit;
use cinescore_artifact::store::{
    Kept, KeyLock, LockHolder, RECORD_VERSION, Record, StoreError, WorkDir,
};
use cinescore_artifact::task::{PROVENANCE_INPUT, Task, TaskInput, TaskResult, Work};
use serde_json::Value;

use super::attempt::{self, End, Ended};
use super::book::Book;
use super::child::Try;
use super::inputs::{Verified, Watched};
use super::interrupt::Interrupt;
use super::processes::Children;
use super::record::{StageRun, command_line};
use super::scratch::Scratch;
use super::slurm::{self, Desk};
use super::{Observer, log, outputs};
use crate::emission::taken::{self, Emissions};
use crate::error::PipelineError;
use crate::executor::Executor;
use crate::graph::{Graph, Stage};
use crate::note;
use crate::plan::{self, Key, logs_folder};
use crate::project::Project;
use crate::shards::Piece;

/// The folder in a run's logs that has one for each stage, for files that it may leave there.
const LOG_DIR: &str = "stages";
/// What a program is asked to do, in its work folder.
pub(crate) const TASK_FILE: &str = "task.json";
/// The folder of its outputs there.
pub(crate) const OUT_DIR: &str = "out";
/// How often it is looked whether a run that waits for another process is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What all threads of a run share.
pub(super) struct Workshop<'a> {
    pub(super) project: &'a Project,
    pub(super) graph: &'a Graph,
    pub(super) observer: &'a dyn Observer,
    pub(super) interrupt: &'a Interrupt,
    pub(super) grace: Duration,
    pub(super) book: Book<'a>,
    pub(super) children: Children,
    pub(super) verified: Verified,
    /// What was emitted for other engines, and may have been made there.
    pub(super) emissions: Emissions,
    /// Where stages are handed in that run on Slurm; there where any does.
    pub(super) desk: Option<Desk>,
}

/// Where a stage works.
enum Bench {
    /// In a folder that goes with this process.
    Own(WorkDir),
    /// In a folder that its job has as long as it needs it.
    Shared(slurm::Bench),
    /// It worked already, where another engine ran it.
    Emitted(taken::Ended),
}

impl Bench {
    fn path(&self) -> &Path {
        match self {
            Self::Own(work) => work.path(),
            Self::Shared(bench) => bench.path(),
            Self::Emitted(ended) => &ended.folder,
        }
    }
}

/// One result to be made.
pub(super) struct Job<'a> {
    pub(super) stage: &'a Stage,
    /// The stage's place in the pipeline.
    pub(super) place: usize,
    pub(super) key: Arc<Key>,
    /// Make it even if the store has it.
    pub(super) force: bool,
    /// Which try it is, from 1.
    pub(super) attempt: u32,
    /// The GPUs that are this stage's.
    pub(super) gpus: Vec<String>,
}

/// How a job ended.
pub(super) enum Made {
    /// The program ran.
    Executed(Arc<Record>),
    /// Another process made the result.
    Found(Arc<Record>),
    /// Another process was waited for and did not make the result: what this job was given was taken
    /// back, so it must be given anew.
    HeldUp,
    /// The program failed in a way that another try may mend.
    Failed(PipelineError),
}

impl Workshop<'_> {
    /// Makes the result of a key, unless another process does so first. `waiting` is called when that
    /// is waited for.
    pub(super) fn execute(
        &self,
        job: &Job<'_>,
        group: &Mutex<Option<i32>>,
        waiting: &dyn Fn(),
    ) -> Result<Made, PipelineError> {
        let mut waited = false;
        let coming = self.desk.as_ref().map(|desk| desk.coming(job.stage));
        let _lock = self.lock(job, || {
            waited = true;
            if let Some(coming) = &coming {
                coming.is_late();
            }
            waiting();
        })?;
        let before = plan::result(self.project, job.stage, &job.key, &mut Vec::new())?;
        match before {
            Some(record) if waited || !job.force => return Ok(Made::Found(Arc::new(record))),
            None if waited => return Ok(Made::HeldUp),
            _ => {}
        }
        self.make(job, group, coming)
    }

    /// Takes the key's lock. A kernel lock cannot be waited for together with anything else, so a thread
    /// waits for it that is left to itself when the run is stopped.
    fn lock(&self, job: &Job<'_>, mut waiting: impl FnMut()) -> Result<KeyLock, PipelineError> {
        enum Heard {
            Waiting(Option<LockHolder>),
            Locked(Result<KeyLock, StoreError>),
        }
        let holder = LockHolder {
            pid: std::process::id(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            command: command_line().collect::<Vec<_>>().join(" "),
            since: jiff::Timestamp::now().to_string(),
        };
        let (tell, told) = mpsc::channel();
        let (store, fingerprint) = (self.project.store.clone(), job.key.fingerprint);
        let locker = std::thread::Builder::new().stack_size(256 * 1024);
        locker
            .spawn(move || {
                let waiting = |other| {
                    tell.send(Heard::Waiting(other)).ok();
                };
                let locked = store.lock(fingerprint, &holder, waiting);
                // Where nobody listens any more, the lock is given back at once.
                tell.send(Heard::Locked(locked)).ok();
            })
            .map_err(PipelineError::io("start a thread for", &job.stage.program))?;
        loop {
            match told.recv_timeout(LOOK_EVERY) {
                Ok(Heard::Locked(locked)) => return Ok(locked?),
                Ok(Heard::Waiting(other)) => {
                    waiting();
                    self.observer.waiting(job.stage, other.as_ref());
                }
                Err(_) if self.interrupt.is_raised() => return Err(PipelineError::Interrupted),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(PipelineError::Protocol {
                        stage: job.stage.name.clone(),
                        how: "the thread that waits for its lock is gone".into(),
                    });
                }
            }
        }
    }

    /// The folder of a try, and of Slurm what is known of a job of a former run.
    fn bench(&self, job: &Job<'_>) -> Result<Option<Bench>, PipelineError> {
        let is_elsewhere = job.stage.policy.executor == Executor::Elsewhere;
        let not_made = |why: String| PipelineError::Elsewhere {
            stage: job.stage.name.clone(),
            why,
        };
        if is_elsewhere || (!job.force && job.attempt == 1) {
            match self.emissions.find(job.stage, &job.key)? {
                Some(taken::Found::Ended(ended)) => return Ok(Some(Bench::Emitted(ended))),
                Some(taken::Found::Waits(why)) if is_elsewhere => return Err(not_made(why)),
                None if is_elsewhere => {
                    return Err(not_made("it was not emitted as it is now".into()));
                }
                Some(taken::Found::Waits(why)) => {
                    let warning = format!("{why}; it is made anew");
                    self.observer.warning(job.stage, &warning);
                }
                None => {}
            }
        }
        match (&job.stage.policy.executor, &self.desk) {
            (Executor::Slurm(_), Some(desk)) => {
                let bench = desk.bench(&self.project.store, job.key.fingerprint)?;
                Ok(bench.map(Bench::Shared))
            }
            _ => Ok(Some(Bench::Own(self.project.store.work_dir()?))),
        }
    }

    fn make(
        &self,
        job: &Job<'_>,
        group: &Mutex<Option<i32>>,
        coming: Option<slurm::Coming<'_>>,
    ) -> Result<Made, PipelineError> {
        let (stage, key) = (job.stage, &job.key);
        self.verified.check(self.project, stage, key)?;
        let watched = Watched::begin(self.project, stage, key)?;
        let Some(bench) = self.bench(job)? else {
            return Ok(Made::HeldUp);
        };
        let scratch = Scratch::open(&self.project.store, stage, key, bench.path())?;
        let run = self.book.begin()?;
        let logs = logs_folder(self.project, &run);
        let log = logs.join(format!("{}.log", stage.file_name()));
        let log_dir = logs.join(LOG_DIR).join(stage.file_name());
        let task_file = match &bench {
            Bench::Shared(bench) if bench.has_job() => bench.path().join(TASK_FILE),
            Bench::Emitted(ended) => ended.folder.join(TASK_FILE),
            _ => self.write_task(job, &bench, &scratch, log_dir)?,
        };
        if self.interrupt.is_raised() {
            return Err(PipelineError::Interrupted);
        }
        let on_event = |event: &_| self.observer.event(stage, event);
        let ended = match (&bench, &self.desk) {
            (Bench::Emitted(ended), _) => {
                self.observer.started(stage, job.attempt);
                attempt::emitted(ended, &log)?
            }
            (Bench::Shared(bench), Some(desk)) => {
                let attempt = slurm::Try {
                    stage,
                    place: job.place,
                    number: job.attempt,
                    bench,
                    log: &log,
                };
                let on_start = || self.observer.started(stage, job.attempt);
                attempt.run(desk, coming, &on_start, &on_event)?
            }
            _ => {
                self.observer.started(stage, job.attempt);
                let attempt = Try {
                    stage,
                    task_file: &task_file,
                    folder: bench.path(),
                    log: &log,
                    append: job.attempt > 1,
                    gpus: job.gpus.join(","),
                    timeout: stage.policy.timeout_of_try(job.attempt),
                    grace: self.grace,
                    group,
                };
                attempt.run(&self.children, self.interrupt, &on_event)?
            }
        };
        if ended.end == End::GivenBack {
            return Ok(Made::HeldUp);
        }
        for remark in &ended.remarks {
            self.observer.warning(stage, remark);
        }
        let folder = bench.path().join(OUT_DIR);
        let result = outputs::read_result(stage, &folder);
        self.book
            .note(noted(stage, key, &ended, result.as_ref().ok()))?;
        if let Some(failed) = failed(stage, &ended, log).transpose() {
            // What is worth keeping of it is in the run's log.
            match bench {
                Bench::Shared(bench) if ended.end != End::Interrupted => bench.remove(),
                Bench::Emitted(emitted) => emitted.refuse(),
                Bench::Own(_) | Bench::Shared(_) => {}
            }
            return failed.map(Made::Failed);
        }
        let result = result?;
        watched.end()?;
        let (outputs, extra) = outputs::take(self.project, stage, &folder, &result)?;
        if let Some(extra) = extra {
            self.observer.warning(stage, &extra);
        }
        let record = Record {
            version: RECORD_VERSION,
            fingerprint: key.fingerprint,
            preimage: serde_json::to_value(key.preimage.as_ref()).map_err(|error| {
                PipelineError::Protocol {
                    stage: stage.name.clone(),
                    how: format!("its key cannot be written: {error}"),
                }
            })?,
            outputs,
            // The device class is in the key; the device itself, like speeds, is the run's affair.
            result: TaskResult {
                performance: BTreeMap::new(),
                device: None,
                ..result
            },
            run,
        };
        if let Kept::OneOf(count) = self.project.store.put_record(&record)? {
            let message = format!(
                "other bytes than before for the same key: this stage is not deterministic; {count} results are kept"
            );
            self.observer.warning(stage, &message);
        }
        scratch.remove();
        match bench {
            Bench::Own(_) => {}
            Bench::Shared(bench) => bench.remove(),
            Bench::Emitted(emitted) => emitted.take(&self.project.store, &record)?,
        }
        self.observer.finished(stage, &record, ended.wall);
        Ok(Made::Executed(Arc::new(record)))
    }

    fn write_task(
        &self,
        job: &Job<'_>,
        bench: &Bench,
        scratch: &Scratch,
        log_dir: PathBuf,
    ) -> Result<PathBuf, PipelineError> {
        let output_dir = bench.path().join(OUT_DIR);
        // A job makes its own: a file system of several machines may be slow to tell what another one did
        // in a folder that this one knows.
        if matches!(bench, Bench::Own(_)) {
            fs_err::create_dir(&output_dir).map_err(PipelineError::io("make", &output_dir))?;
        }
        let mut inputs = job.key.inputs.clone();
        if let Some(provenance) = &job.key.provenance {
            let path = bench.path().join("provenance.json");
            note::write(&path, provenance)?;
            let input = TaskInput {
                label: PROVENANCE_INPUT.into(),
                output: None,
                path,
                digest: None,
            };
            inputs.insert(PROVENANCE_INPUT.into(), vec![input]);
        }
        let task = Task {
            protocol: PROTOCOL,
            kind: job.stage.kind.name.clone(),
            params: Value::clone(&job.stage.params),
            inputs,
            output_dir,
            scratch_dir: scratch.path().to_owned(),
            threads: job.stage.threads,
            device: job.stage.device.clone(),
            persist: job.stage.policy.persist,
            log_dir: Some(log_dir),
            work: work(job.stage, &job.key)?,
        };
        let path = bench.path().join(TASK_FILE);
        note::write(&path, &task)?;
        Ok(path)
    }
}

/// What a stage's thread comes to, a panic included: a thread that says nothing at its end is waited for for ever,
/// and one that ends in a panic would take the other stages' results with it.
pub(super) fn unless_it_panics(
    stage: &Stage,
    make: impl FnOnce() -> Result<Made, PipelineError>,
) -> Result<Made, PipelineError> {
    // Nothing that the threads share is left half changed: what is on disk comes to be by renames, and a lock
    // whose holder panicked is taken as it is.
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_said_on_stderr| {
        Err(PipelineError::Panicked {
            stage: stage.name.clone(),
        })
    })
}

/// Which part of a stage's work its program is asked for.
pub(super) fn work(stage: &Stage, key: &Key) -> Result<Work, PipelineError> {
    match &stage.piece {
        Piece::Whole => Ok(Work::Whole),
        Piece::Shard { shard, .. } => Ok(Work::Shard(*shard)),
        Piece::Merge { shards } if key.parts.len() == shards.len() => Ok(Work::Merge {
            parts: key.parts.clone(),
        }),
        // Its result was there when its shards were looked at, and is not any more.
        Piece::Merge { .. } => Err(PipelineError::Protocol {
            stage: stage.name.clone(),
            how: "its result went away while its shards were looked at; run again to make it anew"
                .into(),
        }),
    }
}

/// How a program failed, if it did in a way that another try may mend. An error where another try
/// would only fail again.
fn failed(
    stage: &Stage,
    ended: &Ended,
    log: PathBuf,
) -> Result<Option<PipelineError>, PipelineError> {
    let code = match ended.end {
        End::Well => return Ok(None),
        End::Interrupted | End::GivenBack => return Err(PipelineError::Interrupted),
        End::Code(code) | End::Hopeless(code) => code,
        End::Broken => exit::FAILED,
    };
    let error = PipelineError::StageFailed {
        stage: stage.name.clone(),
        how: ended.how.clone(),
        code,
        tail: tail(&log),
        hint: ended.hint,
        log,
    };
    match ended.end {
        End::Hopeless(_) => Err(error),
        _ => Ok(Some(error)),
    }
}

fn tail(log: &Path) -> String {
    log::tail(log).unwrap_or_default()
}

/// A program that ended, for the run's record.
fn noted(stage: &Stage, key: &Key, ended: &Ended, result: Option<&TaskResult>) -> StageRun {
    let mut noted = StageRun {
        wall_secs: ended.wall.as_secs_f64(),
        cpu_secs: ended.cpu.as_secs_f64(),
        peak_memory_bytes: ended.peak_memory_bytes,
        placed: ended.placed.clone(),
        ended: ended.how.clone(),
        ..StageRun::of(stage, key)
    };
    if let Some(result) = result {
        noted.add_result(result);
        noted.performance = result.performance.clone();
    }
    noted
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn a_stage_whose_thread_panics_has_failed() {
        let stage = fixtures::stage("a", &[]);
        let made = unless_it_panics(&stage, || panic!("a mistake in this program"));
        let error = made.err().unwrap().to_string();
        insta::assert_snapshot!(error, @"stage `a` met a mistake in this program, which is described above");
        let made = unless_it_panics(&stage, || Ok(Made::HeldUp));
        assert!(matches!(made, Ok(Made::HeldUp)));
    }
}
