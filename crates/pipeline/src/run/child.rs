//! A stage program as a child process.
//!
//! It gets a process group of its own (so that what it starts can be stopped with it), a clean
//! environment, a pipe for its log and a pipe for its events. One thread waits for all of it at once, and
//! for the run to be stopped and the stage's time to be over: nothing here asks again and again.

use std::io::{PipeReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cinescore_artifact::task::{EVENTS_VARIABLE, Event, RUNNER_VARIABLE};
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use wait4::Wait4 as _;

use super::attempt::{End, Ended, KEPT_VARIABLES, THREAD_VARIABLES};
use super::events::Events;
use super::interrupt::{Interrupt, Urgency};
use super::log::CappedLog;
use super::processes::{Children, WORK_VARIABLE};
use crate::error::PipelineError;
use crate::graph::Stage;

/// The child's file descriptor for events.
const EVENTS_FD: i32 = 3;
/// While a program is being stopped, how often it is looked whether it must be killed.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What may still be in a pipe when everybody who wrote to it is gone, bytes.
const LEFT_IN_PIPE: usize = 1 << 20;

/// One try of a stage.
pub(super) struct Try<'a> {
    pub(super) stage: &'a Stage,
    pub(super) task_file: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) log: &'a Path,
    /// Whether the log of an earlier try goes on.
    pub(super) append: bool,
    /// `CUDA_VISIBLE_DEVICES`: the GPUs that are this stage's.
    pub(super) gpus: String,
    /// How long it may take.
    pub(super) timeout: Option<Duration>,
    /// How long a stopped program may take to clean up before it is killed.
    pub(super) grace: Duration,
    /// Where the program's process group is told while it runs.
    pub(super) group: &'a Mutex<Option<i32>>,
}

/// Why a program was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// It ended by itself.
    No,
    /// The run was interrupted.
    Interrupted,
    /// It took longer than its `timeout`.
    TimedOut,
}

/// How a child ended.
struct Waited {
    status: ExitStatus,
    stopped: Stopped,
    /// Whether it had to be killed because it did not stop when asked.
    killed: bool,
    /// How long it was given.
    timeout: Option<Duration>,
}

impl Waited {
    /// `exit code 3`, `signal 9` or `timeout of 2 s`.
    fn how(&self) -> String {
        let killed = if self.killed {
            "; it did not stop when asked and was killed"
        } else {
            ""
        };
        match (self.stopped, self.status.code(), self.status.signal()) {
            (Stopped::Interrupted, ..) => format!("interrupted{killed}"),
            (Stopped::TimedOut, ..) => {
                let secs = self.timeout.unwrap_or_default().as_secs_f64();
                format!("stopped after its timeout of {secs} s{killed}")
            }
            (_, Some(code), _) => format!("exit code {code}"),
            (_, None, Some(9)) => "signal 9: killed, perhaps for want of memory".into(),
            (_, None, Some(signal)) => format!("signal {signal}"),
            (_, None, None) => "no exit code".into(),
        }
    }

    fn end(&self) -> End {
        match (self.stopped, self.status.code()) {
            (Stopped::Interrupted, _) => End::Interrupted,
            (Stopped::No, Some(code)) => End::of_code(code),
            (Stopped::No, None) | (Stopped::TimedOut, _) => End::Broken,
        }
    }
}

impl Try<'_> {
    /// Runs the stage's program on its task file to its end.
    pub(super) fn run(
        &self,
        children: &Children,
        interrupt: &Interrupt,
        on_event: &(dyn Fn(&Event) + Sync),
    ) -> Result<Ended, PipelineError> {
        let io = |action| PipelineError::io(action, &self.stage.program);
        let log =
            CappedLog::open(self.log, self.append).map_err(PipelineError::io("write", self.log))?;
        let (events, events_writer) = std::io::pipe().map_err(io("make a pipe for"))?;
        let (said, said_writer) = std::io::pipe().map_err(io("make a pipe for"))?;
        let mut command = self.command(events_writer.into(), said_writer)?;
        let began = Instant::now();
        let mut child = {
            let mut known = children.lock();
            let child = command.spawn().map_err(io("start"))?;
            known.extend(i32::try_from(child.id()));
            child
        };
        self.tell_group(i32::try_from(child.id()).ok());
        // The command holds our ends of the pipes' writing sides: without it, readers see the child's.
        drop(command);
        let mut watch = Watch {
            began,
            timeout: self.timeout,
            grace: self.grace,
            interrupt,
            stopped: Stopped::No,
            asked: None,
            killed: false,
        };
        let mut ears = Ears {
            log,
            events: Events::new(on_event),
            said: Some(said),
            told: Some(events),
        };
        let ended = watch
            .until_exit(&child, &mut ears)
            .map_err(io("wait for"))
            .and_then(|()| {
                let group = group_of(&child);
                // What it started and left behind goes with it; while the program is still a zombie,
                // nobody else can have its group's number.
                kill_process_group(group?, Signal::KILL).ok();
                child.wait4().map_err(io("wait for"))
            });
        children
            .lock()
            .retain(|&known| u32::try_from(known) != Ok(child.id()));
        self.tell_group(None);
        let waited = ended?;
        let left_behind = children.stop_left_behind(self.folder.to_str());
        let mut remarks = ears.close();
        match left_behind {
            0 => {}
            1 => remarks.push("it left a process behind, which was killed".into()),
            more => remarks.push(format!(
                "it left {more} processes behind, which were killed"
            )),
        }
        let usage = waited.rusage;
        let waited = Waited {
            status: waited.status,
            stopped: watch.stopped,
            killed: watch.killed,
            timeout: self.timeout,
        };
        Ok(Ended {
            end: waited.end(),
            how: waited.how(),
            hint: None,
            cpu: usage.utime + usage.stime,
            peak_memory_bytes: usage.maxrss,
            wall: began.elapsed(),
            placed: None,
            remarks,
        })
    }

    fn tell_group(&self, id: Option<i32>) {
        if let Ok(mut group) = self.group.lock() {
            *group = id;
        }
    }

    fn command(
        &self,
        events: OwnedFd,
        said: std::io::PipeWriter,
    ) -> Result<Command, PipelineError> {
        let stage = self.stage;
        let io = |action| PipelineError::io(action, &stage.program);
        let mut command = Command::new(&stage.program);
        command
            .arg(&stage.kind.name)
            .arg("--task-file")
            .arg(self.task_file)
            .current_dir(self.folder)
            .env_clear()
            .envs(
                KEPT_VARIABLES
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(
                stage
                    .policy
                    .env
                    .iter()
                    .filter_map(|(name, value)| Some((name, value.as_ref()?))),
            )
            .envs(THREAD_VARIABLES.map(|name| (name, stage.threads.to_string())))
            // OpenMP's threads spin while they wait for each other. On a machine that does anything else as
            // well, one step of an LSTM then takes ten times as long; asleep, it costs them little.
            .env("OMP_WAIT_POLICY", "PASSIVE")
            .env("CUDA_VISIBLE_DEVICES", &self.gpus)
            .env(WORK_VARIABLE, self.folder)
            .env(EVENTS_VARIABLE, EVENTS_FD.to_string())
            .env(RUNNER_VARIABLE, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(io("make a pipe for"))?)
            .stderr(said)
            .process_group(0);
        let mapping = FdMapping {
            parent_fd: events,
            child_fd: EVENTS_FD,
        };
        command
            .fd_mappings(vec![mapping])
            .map_err(|error| PipelineError::Usage(error.to_string()))?;
        Ok(command)
    }
}

fn group_of(child: &Child) -> Result<Pid, PipelineError> {
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| PipelineError::Usage("a process without a number".into()))
}

/// What is heard of a program.
struct Ears<'a> {
    log: CappedLog,
    events: Events<'a>,
    said: Option<PipeReader>,
    told: Option<PipeReader>,
}

impl Ears<'_> {
    /// Reads what is there. A pipe that nobody writes to any more is closed.
    fn hear(&mut self, said: bool, told: bool) -> usize {
        let mut bytes = [0; 64 * 1024];
        let mut heard = 0;
        if said && let Some(pipe) = &mut self.said {
            match pipe.read(&mut bytes) {
                Ok(0) | Err(_) => self.said = None,
                Ok(count) => {
                    self.log.write(&bytes[..count]);
                    heard += count;
                }
            }
        }
        if told && let Some(pipe) = &mut self.told {
            match pipe.read(&mut bytes) {
                Ok(0) | Err(_) => self.told = None,
                Ok(count) => {
                    self.events.take(&bytes[..count]);
                    heard += count;
                }
            }
        }
        heard
    }

    /// Hears what is left in the pipes, and what there is to remark on it.
    fn close(mut self) -> Vec<String> {
        let mut left = LEFT_IN_PIPE;
        while left > 0 {
            let now = Timespec::default();
            let (said, told) = wait(&mut [], self.said.as_ref(), self.told.as_ref(), Some(&now));
            match self.hear(said, told) {
                0 if !said && !told => break,
                heard => left = left.saturating_sub(heard),
            }
        }
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

/// Waits until a pipe can be read; says which of the two. Errors count as readable: a read finds out.
fn wait<'fd>(
    others: &mut [PollFd<'fd>],
    said: Option<&'fd PipeReader>,
    told: Option<&'fd PipeReader>,
    timeout: Option<&Timespec>,
) -> (bool, bool) {
    let mut polled: Vec<PollFd<'fd>> = others.to_vec();
    polled.extend(said.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    polled.extend(told.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    match poll(&mut polled, timeout) {
        Ok(0) | Err(_) => return (false, false),
        Ok(_) => {}
    }
    let count = others.len();
    for (other, polled) in others.iter_mut().zip(&polled) {
        *other = polled.clone();
    }
    let mut rest = polled[count..].iter().map(|fd| !fd.revents().is_empty());
    let said = said.is_some() && rest.next().unwrap_or(false);
    let told = told.is_some() && rest.next().unwrap_or(false);
    (said, told)
}

/// Watches over a running program.
struct Watch<'a> {
    began: Instant,
    timeout: Option<Duration>,
    grace: Duration,
    interrupt: &'a Interrupt,
    stopped: Stopped,
    asked: Option<Instant>,
    killed: bool,
}

impl Watch<'_> {
    /// Hears the program until it has exited, and stops it where that is due. It is not yet waited for.
    fn until_exit(&mut self, child: &Child, ears: &mut Ears<'_>) -> std::io::Result<()> {
        let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
            return Err(std::io::Error::other("a process without a number"));
        };
        let (exited, exit_writer) = std::io::pipe()?;
        std::thread::scope(|scope| {
            // Closes the pipe when the program has exited: an exit can be polled for like the rest.
            let waiter = scope.spawn(move || {
                let _closes = exit_writer;
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(id), options) {}
            });
            while !waiter.is_finished() {
                self.stop_where_due(id);
                let mut others = vec![PollFd::new(&exited, PollFlags::IN)];
                if self.asked.is_none() {
                    others.push(PollFd::new(self.interrupt.reader(), PollFlags::IN));
                }
                let timeout = self
                    .wakes_in()
                    .and_then(|span| Timespec::try_from(span).ok());
                let (said, told) = wait(
                    &mut others,
                    ears.said.as_ref(),
                    ears.told.as_ref(),
                    timeout.as_ref(),
                );
                let has_exited = !others[0].revents().is_empty();
                ears.hear(said, told);
                if has_exited {
                    break;
                }
            }
        });
        Ok(())
    }

    /// When there is something to do even if nothing happens.
    fn wakes_in(&self) -> Option<Duration> {
        match (self.asked, self.timeout) {
            (Some(_), _) => Some(LOOK_EVERY),
            (None, timeout) => timeout.map(|timeout| {
                // A little later rather than a little too early and at once again.
                timeout.saturating_sub(self.began.elapsed()) + Duration::from_millis(1)
            }),
        }
    }

    /// SIGTERM to the program's group when the run is stopped or its time is over, SIGKILL when it
    /// takes too long about it.
    fn stop_where_due(&mut self, group: Pid) {
        let urgency = self.interrupt.urgency();
        if self.asked.is_none() {
            let is_over = self
                .timeout
                .is_some_and(|timeout| self.began.elapsed() >= timeout);
            self.stopped = match urgency {
                Urgency::Stop | Urgency::Kill => Stopped::Interrupted,
                Urgency::GoOn if is_over => Stopped::TimedOut,
                Urgency::GoOn => return,
            };
            kill_process_group(group, Signal::TERM).ok();
            // One that is stopped (SIGSTOP) would not hear it.
            kill_process_group(group, Signal::CONT).ok();
            self.asked = Some(Instant::now());
        }
        let is_late = self
            .asked
            .is_some_and(|since| since.elapsed() >= self.grace);
        if (is_late || urgency == Urgency::Kill) && !self.killed {
            kill_process_group(group, Signal::KILL).ok();
            self.killed = true;
        }
    }
}
