//! Slurm's own programs, and what is asked of them. How their answers are read is `answers`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::super::processes::Children;
use super::Class;
use super::answers::{COLUMNS, COMMENT, read_account, read_limits, read_row};
pub(super) use super::answers::{Limits, Row, Rows};
use crate::error::PipelineError;

/// The cluster that is reached from here.
pub(super) struct Cluster<'a> {
    children: &'a Children,
    pub(super) limits: Limits,
}

/// Why `sbatch` did not take an array.
pub(super) enum Refused {
    /// So many jobs are not allowed at once.
    TooMany(String),
    /// For another reason.
    Other(Box<PipelineError>),
}

impl<'a> Cluster<'a> {
    /// Looks whether there is one, and what it allows.
    pub(super) fn find(children: &'a Children) -> Result<Self, PipelineError> {
        let mut cluster = Self {
            children,
            limits: Limits {
                array: 1,
                jobs: 1,
                has_accounts: false,
            },
        };
        let config = cluster.ask("scontrol", ["show", "config"])?;
        let mut limits = read_limits(&config);
        if limits.has_accounts {
            let user = rustix::process::getuid().as_raw().to_string();
            let arguments = [
                "--noheader",
                "--parsable2",
                "show",
                "assoc",
                "where",
                &format!("user={user}"),
                "format=MaxSubmitJobs",
            ];
            // Not every site lets its users read it; then a refusal says it.
            if let Ok(said) = cluster.ask("sacctmgr", arguments) {
                let least = said.lines().filter_map(|line| line.trim().parse().ok());
                limits.jobs = least.min().unwrap_or(limits.jobs).min(limits.jobs);
            }
        }
        cluster.limits = limits;
        Ok(cluster)
    }

    /// Hands in an array of so many tasks; gives its number.
    pub(super) fn submit(
        &self,
        class: &Class,
        base: &str,
        wave: &str,
        count: usize,
        script: &Path,
    ) -> Result<u64, Refused> {
        let mut arguments = arguments(class, base, wave, count);
        arguments.push(script.to_string_lossy().into_owned());
        let output = self.run("sbatch", &arguments).map_err(other)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if !output.status.success() {
            let is_limit = ["Limit", "limit", "MaxSubmit", "MaxJobCount"];
            return Err(match is_limit.iter().any(|word| said.contains(word)) {
                true => Refused::TooMany(said),
                false => other(refused("sbatch", &said)),
            });
        }
        let number = String::from_utf8_lossy(&output.stdout);
        // `12`, or `12;cluster`.
        let number = number.trim().split(';').next().unwrap_or_default();
        let number = number.parse();
        number.map_err(|_none| other(refused("sbatch", "it gave no job number")))
    }

    /// This user's jobs that are of any wave, also those that were over a short while ago.
    pub(super) fn jobs(&self) -> Result<Rows, PipelineError> {
        let user = rustix::process::getuid().as_raw();
        let format: Vec<String> = COLUMNS
            .iter()
            .map(|(name, width)| format!("{name}:{width}"))
            .collect();
        let arguments = [
            "--noheader".to_owned(),
            "--array".to_owned(),
            "--states=all".to_owned(),
            format!("--user={user}"),
            format!("--Format={}", format.join(",")),
        ];
        let said = self.ask("squeue", arguments)?;
        Ok(said.lines().filter_map(read_row).collect())
    }

    /// What the accounts say of arrays that `squeue` no longer knows: rows by array and element.
    pub(super) fn accounts(
        &self,
        jobs: &BTreeSet<u64>,
    ) -> Result<BTreeMap<(u64, usize), Row>, PipelineError> {
        let jobs: Vec<String> = jobs.iter().map(u64::to_string).collect();
        let arguments = [
            "--noheader",
            "--parsable2",
            "--allocations",
            "--format=JobID,State,ExitCode,NodeList",
            &format!("--jobs={}", jobs.join(",")),
        ];
        let said = self.ask("sacct", arguments)?;
        Ok(said.lines().filter_map(read_account).collect())
    }

    /// Cancels elements of arrays; only those that wait, or all.
    pub(super) fn cancel(
        &self,
        elements: &BTreeMap<u64, Vec<usize>>,
        only_waiting: bool,
    ) -> Result<(), PipelineError> {
        let mut arguments: Vec<String> = Vec::new();
        if only_waiting {
            arguments.push("--state=PENDING".into());
        }
        // One that is over already is no error.
        arguments.push("--quiet".into());
        for (job, indices) in elements {
            arguments.push(format!("{job}_[{}]", ranges(indices)));
        }
        let output = self.run("scancel", &arguments)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        match output.status.success() || said.is_empty() {
            true => Ok(()),
            false => Err(refused("scancel", &said)),
        }
    }

    fn ask<A: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, PipelineError> {
        let output = self.run(program, arguments)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(refused(program, said.trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn run<A: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output, PipelineError> {
        use std::os::unix::process::CommandExt as _;
        let failed = |error: std::io::Error| {
            PipelineError::Slurm {
            what: match error.kind() {
                ErrorKind::NotFound => format!("there is no program `{program}` on this machine"),
                _ => format!("`{program}` cannot be run: {error}"),
            },
            hint: Some(
                "run this on a machine from which jobs are submitted, or here with `--executor local`"
                    .into(),
            ),
        }
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            // Ctrl-C is the runner's to hear.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = {
            let mut known = self.children.lock();
            let child = command.spawn().map_err(failed)?;
            known.extend(i32::try_from(child.id()));
            child
        };
        let id = child.id();
        let output = child.wait_with_output();
        self.children
            .lock()
            .retain(|&known| u32::try_from(known) != Ok(id));
        output.map_err(failed)
    }
}

fn other(error: PipelineError) -> Refused {
    Refused::Other(Box::new(error))
}

fn refused(program: &str, said: &str) -> PipelineError {
    PipelineError::Slurm {
        what: format!("`{program}` says: {}", said.replace('\n', "; ")),
        hint: None,
    }
}

/// The arguments of `sbatch`.
fn arguments(class: &Class, base: &str, wave: &str, count: usize) -> Vec<String> {
    let slurm = &class.slurm;
    let at_once = slurm.at_once.map(|count| format!("%{count}"));
    let mut arguments = vec![
        "--parsable".to_owned(),
        format!("--job-name=cinescore-{base}"),
        format!("--comment={COMMENT}{wave}"),
        format!(
            "--array=0-{}{}",
            count.saturating_sub(1),
            at_once.unwrap_or_default()
        ),
        "--nodes=1".to_owned(),
        "--ntasks=1".to_owned(),
        format!("--cpus-per-task={}", class.threads),
        // The task's own script keeps what it says, and gives it a clean environment.
        "--output=/dev/null".to_owned(),
        "--export=ALL".to_owned(),
        "--chdir=/".to_owned(),
    ];
    arguments.extend(class.memory_mib.map(|mib| format!("--mem={mib}M")));
    if class.gpus > 0 {
        arguments.push(format!("--gres=gpu:{}", class.gpus));
    }
    arguments.extend(class.seconds.map(|secs| format!("--time={}", time(secs))));
    arguments.extend(
        slurm
            .partition
            .iter()
            .map(|name| format!("--partition={name}")),
    );
    arguments.extend(slurm.account.iter().map(|name| format!("--account={name}")));
    arguments.extend(slurm.extra.iter().cloned());
    arguments
}

/// Seconds as Slurm reads them, `1-02:03:04`.
fn time(secs: u64) -> String {
    let (days, secs) = (secs / 86_400, secs % 86_400);
    format!(
        "{days}-{:02}:{:02}:{:02}",
        secs / 3600,
        secs / 60 % 60,
        secs % 60
    )
}

/// Whole numbers in order, as short as Slurm allows: `0-3,7`.
fn ranges(indices: &[usize]) -> String {
    let mut indices = indices.to_vec();
    indices.sort_unstable();
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for index in indices {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 >= index => *last = index,
            _ => parts.push((index, index)),
        }
    }
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::executor::Slurm;

    #[test]
    fn resources_become_arguments() {
        let class = Class {
            slurm: Slurm {
                partition: Some("gpu".into()),
                account: Some("reviews".into()),
                extra: vec!["--qos=long".into()],
                at_once: Some(2),
                poll: Duration::from_secs(10),
            },
            threads: 4,
            gpus: 1,
            memory_mib: Some(3815),
            seconds: Some(93_784),
        };
        insta::assert_snapshot!(
            arguments(&class, "net", "wave-a", 12).join(" "),
            @"--parsable --job-name=cinescore-net --comment=cinescore:wave-a --array=0-11%2 --nodes=1 --ntasks=1 --cpus-per-task=4 --output=/dev/null --export=ALL --chdir=/ --mem=3815M --gres=gpu:1 --time=1-02:03:04 --partition=gpu --account=reviews --qos=long"
        );
    }

    #[test]
    fn elements_are_named_in_few_words() {
        assert_eq!(ranges(&[7, 0, 2, 1, 3]), "0-3,7");
        assert_eq!(ranges(&[5]), "5");
    }
}
