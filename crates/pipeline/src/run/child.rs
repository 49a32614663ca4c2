//! A stage program as a child process.
//!
//! It gets a process group of its own (so that everything it starts can be stopped with it), a clean
//! environment, its log as stdout and stderr, and a pipe for its events.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cinescore_artifact::task::{EVENTS_VARIABLE, Event, RUNNER_VARIABLE};
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use wait4::{ResourceUsage, Wait4 as _};

use crate::error::PipelineError;
use crate::graph::Stage;

/// Variables that a stage program keeps of the runner's environment: where things lie, not what to do.
const KEPT_VARIABLES: [&str; 8] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "RUST_BACKTRACE",
];
/// The child's file descriptor for events.
const EVENTS_FD: i32 = 3;
/// How long a stopped program may take to clean up before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A longer line is no event, bytes.
const LONGEST_EVENT: usize = 64 * 1024;

/// How a child ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) usage: ResourceUsage,
    pub(super) wall: Duration,
    pub(super) interrupted: bool,
}

impl Ended {
    /// `exit code 3` or `signal 9`.
    pub(super) fn how(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(9)) => "signal 9: killed, perhaps for want of memory".into(),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".into(),
        }
    }
}

/// Runs a stage's program on a task file to its end.
pub(super) fn run(
    stage: &Stage,
    task_file: &Path,
    folder: &Path,
    log: &Path,
    interrupted: &AtomicBool,
    on_event: &(dyn Fn(&Event) + Sync),
) -> Result<Ended, PipelineError> {
    let io = |action| PipelineError::io(action, &stage.program);
    let log_file = File::create(log).map_err(PipelineError::io("write", log))?;
    let (reader, writer) = std::io::pipe().map_err(io("make a pipe for"))?;
    let mut command = Command::new(&stage.program);
    command
        .arg(&stage.kind.name)
        .arg("--task-file")
        .arg(task_file)
        .current_dir(folder)
        .env_clear()
        .envs(
            KEPT_VARIABLES
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .envs(
            [
                "OMP_NUM_THREADS",
                "MKL_NUM_THREADS",
                "POLARS_MAX_THREADS",
                "RAYON_NUM_THREADS",
            ]
            .map(|name| (name, stage.threads.to_string())),
        )
        // OpenMP's threads spin while they wait for each other. On a machine that does anything else as
        // well, one step of an LSTM then takes ten times as long; asleep, it costs them little.
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .env(EVENTS_VARIABLE, EVENTS_FD.to_string())
        .env(RUNNER_VARIABLE, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(
            log_file
                .try_clone()
                .map_err(PipelineError::io("write", log))?,
        )
        .stderr(log_file)
        .process_group(0);
    let mapping = FdMapping {
        parent_fd: writer.into(),
        child_fd: EVENTS_FD,
    };
    command
        .fd_mappings(vec![mapping])
        .map_err(|error| PipelineError::Usage(error.to_string()))?;

    let began = Instant::now();
    let mut child = command.spawn().map_err(io("start"))?;
    // The command holds our end of the pipe's writing side: without it the reader sees the child's end.
    drop(command);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| read_events(reader, &ended, on_event));
        let watcher = scope.spawn(|| watch(group, interrupted, &ended));
        let waited = child.wait4();
        ended.store(true, Ordering::Release);
        // What a program started and left behind is stopped with it.
        if let Some(group) = group {
            kill_process_group(group, Signal::KILL).ok();
        }
        let was_interrupted = watcher.join().unwrap_or(false);
        let waited = waited.map_err(io("wait for"))?;
        Ok(Ended {
            status: waited.status,
            usage: waited.rusage,
            wall: began.elapsed(),
            interrupted: was_interrupted,
        })
    })
}

/// Passes events on until the pipe closes, or until the program has ended and the pipe is empty: a
/// process that it left behind may hold the other end open. A line that is no event is the program's
/// own affair.
fn read_events(
    mut reader: std::io::PipeReader,
    ended: &AtomicBool,
    on_event: &(dyn Fn(&Event) + Sync),
) {
    let mut pending = Vec::new();
    let mut bytes = [0; 4096];
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    loop {
        let was_ended = ended.load(Ordering::Acquire);
        let ready = poll(&mut [PollFd::new(&reader, PollFlags::IN)], Some(&wait));
        match ready {
            Ok(0) if was_ended => return,
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        match reader.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(count) => pending.extend_from_slice(&bytes[..count]),
        }
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            if let Ok(event) = serde_json::from_slice(&line) {
                on_event(&event);
            }
        }
        if pending.len() > LONGEST_EVENT {
            pending.clear();
        }
    }
}

/// Stops the program when the runner is interrupted: SIGTERM to its group, SIGKILL after a while.
/// Says whether it did.
fn watch(group: Option<Pid>, interrupted: &AtomicBool, ended: &AtomicBool) -> bool {
    let mut asked: Option<Instant> = None;
    while !ended.load(Ordering::Acquire) {
        if interrupted.load(Ordering::Relaxed)
            && let Some(group) = group
        {
            match asked {
                None => {
                    kill_process_group(group, Signal::TERM).ok();
                    asked = Some(Instant::now());
                }
                Some(since) if since.elapsed() > GRACE => {
                    kill_process_group(group, Signal::KILL).ok();
                }
                Some(_) => {}
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    asked.is_some()
}
