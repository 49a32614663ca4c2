//! The processes of stages: what a program started and left behind, and how much memory it all takes.
//!
//! A stage's program gets a process group of its own, but what it starts can leave that group (`setsid`).
//! Two things find it nevertheless: the runner asks the kernel to be the parent of every orphan among
//! its descendants, and every process below a stage has the stage's work folder in its environment.
//! Knows processes by `/proc`; where there is none, only the process group is stopped.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cinescore_artifact::store::{Store, abandoned};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, waitid, waitpid,
};

/// The variable that says to which stage a process belongs: its work folder.
pub(super) const WORK_VARIABLE: &str = "CINESCORE_WORK";
/// How long killed processes may take to be gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// The programs that this runner waits for itself.
#[derive(Debug, Default)]
pub(super) struct Children(Mutex<BTreeSet<i32>>);

/// A process as `/proc/ID/stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    id: i32,
    parent: i32,
    group: i32,
    is_zombie: bool,
}

impl Children {
    /// Held while a program is started, so that nobody takes it for an orphan meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills what a stage's program left behind, once it has ended itself, and says how many
    /// processes that were. Without a work folder: whatever any stage left behind.
    pub(super) fn stop_left_behind(&self, work: Option<&str>) -> usize {
        let mut stopped = BTreeSet::new();
        let began = Instant::now();
        while has_children() && began.elapsed() < PATIENCE {
            let known = self.lock();
            let all = all();
            let own = rustix::process::getpid().as_raw_nonzero().get();
            let own_group = rustix::process::getpgrp().as_raw_nonzero().get();
            // What the runner itself starts (git) stays in its own group.
            let is_orphan = |process: &&Process| {
                process.parent == own && process.group != own_group && !known.contains(&process.id)
            };
            let mut found = false;
            for orphan in all.iter().filter(is_orphan) {
                if orphan.is_zombie {
                    reap(orphan.id);
                } else if work.is_none_or(|work| belongs_to(orphan.id, work)) {
                    found = true;
                    // Its children become ours and are found the next time.
                    kill(orphan.id);
                    stopped.insert(orphan.id);
                }
            }
            drop(known);
            if !found {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        stopped.len()
    }
}

/// Makes this process the parent of every orphan among its descendants.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).ok();
}

/// Kills what the stages of killed runners left behind: processes that name a work folder of this store
/// which no living process holds.
pub(super) fn stop_orphans_of_killed_runners(store: &Store) {
    let folder = store.root().join("tmp");
    for process in all() {
        let Some(work) = work_of(process.id) else {
            continue;
        };
        let work = std::path::Path::new(&work);
        if work.parent() != Some(&folder) {
            continue;
        }
        if let Some(_abandoned) = abandoned(&work.with_extension("lock")) {
            kill(process.id);
        }
    }
}

/// Resident memory of a process and everything below it, bytes. Pages that two of them share
/// count twice.
pub(super) fn memory_below(processes: &[Process], root: i32) -> u64 {
    below(processes, root).into_iter().map(resident_bytes).sum()
}

/// A program's process, its group and everything below it.
fn below(processes: &[Process], root: i32) -> BTreeSet<i32> {
    let mut below = BTreeSet::from([root]);
    loop {
        let before = below.len();
        for process in processes {
            if process.group == root || below.contains(&process.parent) {
                below.insert(process.id);
            }
        }
        if below.len() == before {
            return below;
        }
    }
}

fn resident_bytes(id: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    1024 * kib.unwrap_or(0)
}

/// All processes.
pub(super) fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        // One that ended meanwhile is none.
        .filter_map(|id| parse(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?))
        .collect()
}

/// Reads `/proc/ID/stat`: the name stands in brackets and may hold anything, so fields count from its end.
fn parse(stat: &str) -> Option<Process> {
    let (front, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    Some(Process {
        id: front.split_whitespace().next()?.parse().ok()?,
        is_zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
    })
}

/// Whether this process has any child, dead or alive.
fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

fn belongs_to(id: i32, work: &str) -> bool {
    work_of(id).is_some_and(|found| found == work)
}

fn work_of(id: i32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{id}/environ")).ok()?;
    let value = environment.split(|&byte| byte == 0).find_map(|variable| {
        variable
            .strip_prefix(WORK_VARIABLE.as_bytes())?
            .strip_prefix(b"=")
    })?;
    String::from_utf8(value.to_vec()).ok()
}

fn kill(id: i32) {
    if let Some(id) = Pid::from_raw(id) {
        kill_process(id, Signal::KILL).ok();
    }
}

fn reap(id: i32) {
    if let Some(id) = Pid::from_raw(id) {
        waitpid(Some(id), WaitOptions::NOHANG).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_fields() {
        let stat = "42 (a) b (c)) S 7 9 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 100 200 33 0 0";
        let process = parse(stat).unwrap();
        assert_eq!((process.id, process.parent, process.group), (42, 7, 9));
        assert!(!process.is_zombie);
        assert!(parse("nonsense").is_none());
    }

    #[test]
    fn only_work_that_nobody_can_be_at_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let work = store.root().join("tmp/work-other");
        // A link that leads to itself: its lock is there, and cannot be opened.
        let lock = work.with_extension("lock");
        std::os::unix::fs::symlink(&lock, &lock).unwrap();
        let mut stage = std::process::Command::new("sleep")
            .arg("600")
            .env(WORK_VARIABLE, &work)
            .spawn()
            .unwrap();
        // The kernel shows a new program's environment a moment after it was started.
        let id = i32::try_from(stage.id()).unwrap();
        while work_of(id).is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        stop_orphans_of_killed_runners(&store);
        std::thread::sleep(Duration::from_millis(100));
        let stopped_too_early = stage.try_wait().unwrap();
        std::fs::remove_file(&lock).unwrap();
        stop_orphans_of_killed_runners(&store);
        assert!(!stage.wait().unwrap().success());
        assert!(stopped_too_early.is_none());
    }

    #[test]
    fn memory_counts_children_and_the_group() {
        let process = |id, parent, group| Process {
            id,
            parent,
            group,
            is_zombie: false,
        };
        let all = [
            process(10, 1, 10),
            process(11, 10, 10),
            process(12, 11, 12),
            process(13, 1, 10),
            process(20, 1, 20),
        ];
        assert_eq!(below(&all, 10), BTreeSet::from([10, 11, 12, 13]));
        let own = rustix::process::getpid().as_raw_nonzero().get();
        assert!(memory_below(&super::all(), own) > 100_000);
    }
}
