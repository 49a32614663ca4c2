//! What became of a try: its own exit code, what Slurm says of its job, and what that means in plain words.

use std::path::Path;
use std::time::Duration;

use cinescore_artifact::exit;

use super::super::attempt::End;
use super::bench::{CLAIM, EXIT};
use super::cluster::Row;
use super::{Class, script};

/// How a try ended, as far as anybody knows.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// `12_3`.
    pub(super) job: String,
    /// How its program ended, where the node could say so.
    pub(super) exit: Option<Exit>,
    /// When and where it began.
    pub(super) claim: Option<Claim>,
    /// What Slurm says.
    pub(super) row: Option<Row>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exit {
    pub(super) code: i32,
    /// Seconds since 1970, by the node's clock.
    at: f64,
}

/// That a program began.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    node: String,
    /// Seconds since 1970, by the node's clock.
    at: f64,
}

impl Exit {
    /// How the program of a try ended, if it did.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = fs_err::read_to_string(folder.join(EXIT)).ok()?;
        let mut words = text.split_whitespace();
        Some(Self {
            code: words.next()?.parse().ok()?,
            at: words.next().and_then(|at| at.parse().ok()).unwrap_or(0.0),
        })
    }

    /// Whether it may have been ended from outside, so that Slurm has more to say.
    pub(super) fn may_be_slurms(self) -> bool {
        self.code >= 128 || self.code == i32::from(exit::INTERRUPTED)
    }
}

impl Claim {
    /// When and where a try began, if it did.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = fs_err::read_to_string(folder.join(CLAIM)).ok()?;
        let mut words = text.split_whitespace().skip(1);
        Some(Self {
            node: words.next()?.to_owned(),
            at: words.next().and_then(|at| at.parse().ok()).unwrap_or(0.0),
        })
    }
}

/// A verdict in words.
pub(super) struct Meaning {
    pub(super) end: End,
    pub(super) how: String,
    pub(super) hint: Option<&'static str>,
}

impl Verdict {
    /// `Slurm job 12_3 on node1`.
    pub(super) fn placed(&self) -> String {
        match self.node() {
            Some(node) => format!("Slurm job {} on {node}", self.job),
            None => format!("Slurm job {}", self.job),
        }
    }

    /// How long the program ran.
    pub(super) fn wall(&self) -> Duration {
        match (&self.claim, self.exit) {
            (Some(claim), Some(exit)) => {
                Duration::try_from_secs_f64(exit.at - claim.at).unwrap_or_default()
            }
            _ => Duration::ZERO,
        }
    }

    fn node(&self) -> Option<&str> {
        let claimed = self.claim.as_ref().map(|claim| claim.node.as_str());
        let row = self.row.as_ref().map(|row| row.node.as_str());
        claimed.or(row).filter(|node| !node.is_empty())
    }

    /// What it means, for a try of a class.
    pub(super) fn meaning(&self, class: &Class) -> Meaning {
        let code = self.exit.map(|exit| exit.code);
        let row = self.row.as_ref();
        // A script that found no store could not leave its code there.
        let said = code.or(row.filter(|row| row.state == "FAILED").map(|row| row.code));
        if let Some(missing) = said.and_then(missing) {
            return self.told(End::Hopeless(exit::MACHINE), missing.0, Some(missing.1));
        }
        let state = row
            .filter(|row| row.is_over())
            .map(|row| row.state.as_str());
        match (code, state) {
            (Some(0), _) => self.told(End::Well, "exit code 0", None),
            (_, Some("OUT_OF_MEMORY")) => {
                let most = class
                    .memory_mib
                    .map_or_else(|| "the partition gives".into(), |mib| format!("{mib} MiB"));
                let how = self.reason(&format!("OUT_OF_MEMORY: it needed more than {most}"));
                self.told(End::Broken, &how, Some(MORE_MEMORY))
            }
            (_, Some("TIMEOUT")) => {
                let most = class
                    .seconds
                    .map_or_else(|| "the partition gives".into(), |secs| format!("{secs} s"));
                let how = self.reason(&format!("TIMEOUT: it needed more time than {most}"));
                self.told(End::Broken, &how, Some(MORE_TIME))
            }
            (_, Some("CANCELLED")) => {
                let how = self.reason("CANCELLED: somebody cancelled its job");
                self.told(End::Broken, &how, None)
            }
            (_, Some("NODE_FAIL" | "BOOT_FAIL")) => {
                let state = state.unwrap_or_default();
                let how = self.reason(&format!("{state}: its node failed"));
                self.told(End::Broken, &how, None)
            }
            (Some(code), state)
                if code < 128 && !matches!(state, Some("PREEMPTED" | "DEADLINE")) =>
            {
                self.told(End::of_code(code), &format!("exit code {code}"), None)
            }
            (Some(137), None | Some("FAILED")) => {
                let how = "signal 9: killed, perhaps for want of memory";
                self.told(End::Broken, how, Some(MORE_MEMORY))
            }
            (Some(code), None | Some("FAILED")) => {
                self.told(End::Broken, &format!("signal {}", code - 128), None)
            }
            (None, Some("COMPLETED")) => self.told(
                End::Hopeless(exit::MACHINE),
                "its job ended well, and nothing of it is to be seen here",
                Some("the store must lie on a file system that this machine and the nodes share"),
            ),
            (None, Some("FAILED")) => {
                let (code, signal) = row.map_or((0, 0), |row| (row.code, row.signal));
                let hint = (signal == 9).then_some(MORE_MEMORY);
                let (end, how) = match signal {
                    0 => (End::of_code(code), format!("FAILED, exit code {code}")),
                    9 => (
                        End::Broken,
                        "FAILED, signal 9: killed, perhaps for want of memory".into(),
                    ),
                    signal => (End::Broken, format!("FAILED, signal {signal}")),
                };
                self.told(end, &self.reason(&how), hint)
            }
            (_, Some(state)) => {
                let how = self.reason(state);
                self.told(End::Broken, &how, None)
            }
            (None, None) => self.told(
                End::Broken,
                "Slurm no longer knows its job, and it left no exit code",
                None,
            ),
        }
    }

    /// Slurm's word for an end, and what the program itself still said.
    fn reason(&self, word: &str) -> String {
        let row = self.row.as_ref();
        let reason = row.map(|row| row.reason.as_str()).filter(|reason| {
            let same = reason.replace('_', "").to_lowercase();
            !reason.is_empty() && !word.replace('_', "").to_lowercase().contains(&same)
        });
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        let code = match self.exit {
            Some(exit) => format!("; exit code {}", exit.code),
            None => String::new(),
        };
        format!("Slurm: {word}{reason}{code}")
    }

    fn told(&self, end: End, how: &str, hint: Option<&'static str>) -> Meaning {
        let how = match end {
            End::Well => how.to_owned(),
            _ => format!("{how}; {}", self.placed()),
        };
        Meaning { end, how, hint }
    }
}

const MORE_MEMORY: &str = "give it more with `resources: {memory: ...}`, or at each further try with `retries: {times: 1, memory_factor: 2}`";
const MORE_TIME: &str = "give it more with `timeout`, or at each further try with `retries: {times: 1, time_factor: 2}`";

/// What a node lacks, by the code of its script, and what helps.
fn missing(code: i32) -> Option<(&'static str, &'static str)> {
    match code {
        script::NO_STORE => Some((
            "its node does not see the store",
            "the store (`--artifacts`) must lie on a file system that the nodes see under the same path",
        )),
        script::NO_PROGRAM => Some((
            "the stage's program is not on its node",
            "put the programs where the nodes see them under the same path",
        )),
        script::OTHER_PROGRAM => Some((
            "the stage's program on its node is another build than the one here",
            "put the same build there: its digest is part of every key",
        )),
        script::PROGRAM_DOES_NOT_START => Some((
            "the stage's program does not start on its node",
            "a library that it needs, such as LibTorch, is not there: put it where the nodes see it, and name its folder in LD_LIBRARY_PATH",
        )),
        script::NOT_WANTED => Some((
            "another job has its task",
            "run again: it finds what that job made",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{self, Choice, Executor};

    fn class() -> Class {
        let Executor::Slurm(slurm) = executor::resolve(None, None, Choice::Slurm, 0) else {
            panic!("local");
        };
        Class {
            slurm,
            threads: 1,
            gpus: 0,
            memory_mib: Some(128),
            seconds: Some(60),
        }
    }

    fn told(code: Option<i32>, state: &str, reason: &str, status: (i32, i32)) -> String {
        let verdict = Verdict {
            job: "8_1".into(),
            exit: code.map(|code| Exit { code, at: 12.0 }),
            claim: Some(Claim {
                node: "n1".into(),
                at: 2.5,
            }),
            row: (!state.is_empty()).then(|| Row {
                job: 8,
                state: state.into(),
                reason: reason.into(),
                code: status.0,
                signal: status.1,
                node: "n1".into(),
            }),
        };
        let meaning = verdict.meaning(&class());
        format!("{:?}: {}", meaning.end, meaning.how)
    }

    #[test]
    fn every_end_has_its_words() {
        let ends = [
            told(Some(0), "RUNNING", "", (0, 0)),
            told(Some(4), "", "", (0, 0)),
            told(Some(3), "FAILED", "NonZeroExitCode", (3, 0)),
            told(Some(137), "OUT_OF_MEMORY", "OutOfMemory", (0, 125)),
            told(Some(137), "", "", (0, 0)),
            told(Some(139), "FAILED", "NonZeroExitCode", (139, 0)),
            told(Some(130), "TIMEOUT", "TimeLimit", (0, 15)),
            told(None, "TIMEOUT", "TimeLimit", (0, 15)),
            told(Some(130), "CANCELLED", "", (0, 15)),
            told(None, "NODE_FAIL", "NodeDown", (0, 0)),
            told(None, "FAILED", "JobLaunchFailure", (0, 9)),
            told(None, "FAILED", "NonZeroExitCode", (91, 0)),
            told(Some(93), "FAILED", "NonZeroExitCode", (93, 0)),
            told(None, "COMPLETED", "", (0, 0)),
            told(None, "", "", (0, 0)),
        ];
        insta::assert_snapshot!(ends.join("\n"), @r"
        Well: exit code 0
        Code(4): exit code 4; Slurm job 8_1 on n1
        Hopeless(3): exit code 3; Slurm job 8_1 on n1
        Broken: Slurm: OUT_OF_MEMORY: it needed more than 128 MiB; exit code 137; Slurm job 8_1 on n1
        Broken: signal 9: killed, perhaps for want of memory; Slurm job 8_1 on n1
        Broken: signal 11; Slurm job 8_1 on n1
        Broken: Slurm: TIMEOUT: it needed more time than 60 s (TimeLimit); exit code 130; Slurm job 8_1 on n1
        Broken: Slurm: TIMEOUT: it needed more time than 60 s (TimeLimit); Slurm job 8_1 on n1
        Broken: Slurm: CANCELLED: somebody cancelled its job; exit code 130; Slurm job 8_1 on n1
        Broken: Slurm: NODE_FAIL: its node failed (NodeDown); Slurm job 8_1 on n1
        Broken: Slurm: FAILED, signal 9: killed, perhaps for want of memory (JobLaunchFailure); Slurm job 8_1 on n1
        Hopeless(5): its node does not see the store; Slurm job 8_1 on n1
        Hopeless(5): the stage's program on its node is another build than the one here; Slurm job 8_1 on n1
        Hopeless(5): its job ended well, and nothing of it is to be seen here; Slurm job 8_1 on n1
        Broken: Slurm no longer knows its job, and it left no exit code; Slurm job 8_1 on n1
        ");
    }

    #[test]
    fn times_are_those_of_the_node() {
        let verdict = Verdict {
            exit: Some(Exit { code: 0, at: 12.0 }),
            claim: Some(Claim {
                node: "n1".into(),
                at: 2.5,
            }),
            ..Verdict::default()
        };
        assert_eq!(verdict.wall(), Duration::from_millis(9_500));
    }
}
