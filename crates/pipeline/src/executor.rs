//! Where stages run: on this machine, as jobs of a Slurm cluster, or elsewhere, where only their files were sent.
//!
//! Owns what a pipeline may say about that, and how the command line overrules it. Nothing of it is in a
//! key: a result is the same wherever it was made. Does not own how a job is submitted (`run::slurm`).

use std::time::Duration;

use serde::Serialize;

/// How often Slurm is asked at most, where the pipeline says nothing.
const POLL: Duration = Duration::from_secs(10);

/// Where a stage runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// As a child process of the runner.
    #[default]
    Local,
    /// As a job of a Slurm cluster that sees the store under the same path.
    Slurm(Slurm),
    /// Where another engine runs what was emitted for it ([`crate::emission`]); never by this program.
    Elsewhere,
}

impl Executor {
    /// Whether it is another machine's affair what the stage takes.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Slurm(_) | Self::Elsewhere)
    }
}

/// How jobs are submitted to Slurm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Slurm {
    /// `--partition`; the cluster's default where not said.
    pub partition: Option<String>,
    /// `--account`; the user's default where not said.
    pub account: Option<String>,
    /// Further arguments of `sbatch`.
    pub extra: Vec<String>,
    /// The most tasks of one job array that run at once.
    pub at_once: Option<u32>,
    /// How often `squeue` is asked at most.
    pub poll: Duration,
}

/// `executor` as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// `local`.
    Local,
    /// `slurm`, with the fields that are given.
    Slurm(SlurmFields),
}

/// The fields of `slurm` that are given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlurmFields {
    /// See [`Slurm::partition`].
    pub partition: Option<String>,
    /// See [`Slurm::account`].
    pub account: Option<String>,
    /// See [`Slurm::extra`].
    pub extra: Option<Vec<String>>,
    /// See [`Slurm::at_once`].
    pub at_once: Option<u32>,
    /// See [`Slurm::poll`].
    pub poll: Option<Duration>,
}

/// What the command line says about all stages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing.
    #[default]
    AsWritten,
    /// Everything runs here.
    Local,
    /// Everything runs on Slurm but the stages that say `executor: local` themselves.
    Slurm,
    /// Stages with GPUs, but those that say `executor: local` themselves, are only taken from what other engines made; the
    /// rest runs here. For a machine without a GPU, on which such a stage would have another key.
    Elsewhere,
}

/// Where a stage runs, of what the pipeline says for all stages, the stage for itself, and the command line.
/// What a stage does not say about Slurm, the pipeline says for it.
pub(crate) fn resolve(
    all: Option<&Written>,
    own: Option<&Written>,
    choice: Choice,
    gpus: usize,
) -> Executor {
    if choice == Choice::Elsewhere && gpus > 0 && own != Some(&Written::Local) {
        return Executor::Elsewhere;
    }
    let is_slurm = match (choice, own) {
        (Choice::Local | Choice::Elsewhere, _) | (Choice::Slurm, Some(Written::Local)) => false,
        (Choice::Slurm, _) => true,
        (Choice::AsWritten, own) => matches!(own.or(all), Some(Written::Slurm(_))),
    };
    if !is_slurm {
        return Executor::Local;
    }
    let fields = |written: Option<&Written>| match written {
        Some(Written::Slurm(fields)) => fields.clone(),
        _ => SlurmFields::default(),
    };
    let (own, all) = (fields(own), fields(all));
    Executor::Slurm(Slurm {
        partition: own.partition.or(all.partition),
        account: own.account.or(all.account),
        extra: own.extra.or(all.extra).unwrap_or_default(),
        at_once: own.at_once.or(all.at_once),
        poll: own.poll.or(all.poll).unwrap_or(POLL),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slurm(partition: Option<&str>, account: Option<&str>) -> Written {
        Written::Slurm(SlurmFields {
            partition: partition.map(String::from),
            account: account.map(String::from),
            ..SlurmFields::default()
        })
    }

    #[test]
    fn a_stage_says_more_than_the_pipeline_and_the_command_line_more_than_both() {
        let all = slurm(Some("cpu"), Some("reviews"));
        let own = slurm(Some("gpu"), None);
        let found = resolve(Some(&all), Some(&own), Choice::AsWritten, 0);
        let Executor::Slurm(found) = found else {
            panic!("local");
        };
        assert_eq!(found.partition.as_deref(), Some("gpu"));
        assert_eq!(found.account.as_deref(), Some("reviews"));
        assert_eq!(found.poll, POLL);
        let here = |all, own, choice| resolve(all, own, choice, 0) == Executor::Local;
        assert!(here(Some(&all), Some(&own), Choice::Local));
        assert!(here(Some(&all), Some(&Written::Local), Choice::AsWritten));
        assert!(here(None, None, Choice::AsWritten));
        assert!(!here(None, None, Choice::Slurm));
        assert!(!here(Some(&Written::Local), None, Choice::Slurm));
        assert!(here(Some(&all), Some(&Written::Local), Choice::Slurm));
        assert!(here(Some(&all), Some(&own), Choice::Elsewhere));
        let with_gpu = |own| resolve(Some(&all), own, Choice::Elsewhere, 1);
        assert_eq!(with_gpu(Some(&own)), Executor::Elsewhere);
        assert_eq!(with_gpu(Some(&Written::Local)), Executor::Local);
    }
}
