//! What stages that run side by side share: threads, memory, GPUs, and names of which each is one
//! stage's at a time.

use std::collections::BTreeSet;

use crate::graph::Stage;
use crate::machine::Capacity;

/// The most stages that are handed to a cluster at once: each has a thread and a lock here.
const MOST_REMOTE: usize = 2000;

/// What is free.
#[derive(Debug)]
pub(super) struct Budget {
    capacity: Capacity,
    /// The most stages at once; none: as many as fit.
    jobs: Option<usize>,
    running: usize,
    /// Those of them that run elsewhere.
    remote: usize,
    threads: usize,
    memory_bytes: u64,
    gpus: Vec<String>,
    mutex: BTreeSet<String>,
}

/// What one running stage holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    threads: usize,
    memory_bytes: u64,
    /// The GPUs as `CUDA_VISIBLE_DEVICES` names them.
    pub(super) gpus: Vec<String>,
    mutex: Vec<String>,
    is_remote: bool,
}

impl Budget {
    pub(super) fn new(capacity: Capacity, jobs: Option<usize>) -> Self {
        Self {
            jobs,
            running: 0,
            remote: 0,
            threads: capacity.threads,
            memory_bytes: capacity.memory_bytes.unwrap_or(u64::MAX),
            gpus: capacity.gpus.clone(),
            mutex: BTreeSet::new(),
            capacity,
        }
    }

    /// Gives a stage what it asks for, if that is free. One that asks for more than there is gets all
    /// there is, and so runs alone. `attempt` is the number of its try, from 1: further ones may need more memory.
    pub(super) fn take(&mut self, stage: &Stage, attempt: u32) -> Option<Grant> {
        let policy = &stage.policy;
        if self.jobs.is_some_and(|jobs| self.running >= jobs) {
            return None;
        }
        if policy.executor.is_remote() {
            return self.take_remote(stage);
        }
        let threads = stage.threads.min(self.capacity.threads);
        let asked = policy.memory_of_try(attempt).unwrap_or(0);
        let memory_bytes = asked.min(self.capacity.memory_bytes.unwrap_or(u64::MAX));
        let gpus = policy.gpus.min(self.capacity.gpus.len());
        let fits = threads <= self.threads
            && memory_bytes <= self.memory_bytes
            && gpus <= self.gpus.len()
            && !policy.mutex.iter().any(|name| self.mutex.contains(name));
        if !fits {
            return None;
        }
        self.running += 1;
        self.threads -= threads;
        self.memory_bytes -= memory_bytes;
        self.mutex.extend(policy.mutex.iter().cloned());
        Some(Grant {
            threads,
            memory_bytes,
            gpus: self.gpus.drain(..gpus).collect(),
            mutex: policy.mutex.clone(),
            is_remote: false,
        })
    }

    /// What a stage holds that runs elsewhere: nothing of this machine, but its place among `jobs` and its names.
    fn take_remote(&mut self, stage: &Stage) -> Option<Grant> {
        let mutex = &stage.policy.mutex;
        if self.remote >= MOST_REMOTE || mutex.iter().any(|name| self.mutex.contains(name)) {
            return None;
        }
        self.running += 1;
        self.remote += 1;
        self.mutex.extend(mutex.iter().cloned());
        Some(Grant {
            threads: 0,
            memory_bytes: 0,
            gpus: Vec::new(),
            mutex: mutex.clone(),
            is_remote: true,
        })
    }

    /// Takes back what a stage held.
    pub(super) fn give_back(&mut self, grant: Grant) {
        self.running -= 1;
        self.remote -= usize::from(grant.is_remote);
        self.threads += grant.threads;
        self.memory_bytes += grant.memory_bytes;
        self.gpus.extend(grant.gpus);
        // In the order of the machine, so that the same run gives the same devices.
        let order = &self.capacity.gpus;
        self.gpus
            .sort_by_key(|gpu| order.iter().position(|known| known == gpu));
        for name in &grant.mutex {
            self.mutex.remove(name);
        }
    }

    /// Why a stage gets less than it asks for, if it does.
    pub(super) fn shortage(&self, stage: &Stage) -> Option<String> {
        let policy = &stage.policy;
        if policy.executor.is_remote() {
            return None;
        }
        let memory = self.capacity.memory_bytes.unwrap_or(u64::MAX);
        if let Some(asked) = policy.memory_bytes.filter(|asked| *asked > memory) {
            return Some(format!(
                "it expects {} MB of memory and {} MB are free: it runs alone and may fail",
                asked / 1_000_000,
                memory / 1_000_000
            ));
        }
        let gpus = self.capacity.gpus.len();
        (policy.gpus > gpus && gpus > 0)
            .then(|| format!("it asks for {} GPUs and there are {gpus}", policy.gpus))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::stage;
    use super::*;
    use crate::executor::{self, Choice};
    use crate::policy::{Policy, Retries};

    fn budget(jobs: Option<usize>) -> Budget {
        let capacity = Capacity {
            threads: 4,
            memory_bytes: Some(8),
            gpus: vec!["0".into(), "1".into()],
        };
        Budget::new(capacity, jobs)
    }

    fn asks(threads: usize, policy: Policy) -> Stage {
        Stage {
            threads,
            policy,
            ..stage("a", &[])
        }
    }

    #[test]
    fn threads_never_exceed_the_machines() {
        let mut budget = budget(None);
        let two = asks(2, Policy::default());
        let first = budget.take(&two, 1).unwrap();
        assert!(budget.take(&asks(3, Policy::default()), 1).is_none());
        budget.take(&two, 1).unwrap();
        assert!(budget.take(&asks(1, Policy::default()), 1).is_none());
        budget.give_back(first);
        assert!(budget.take(&two, 1).is_some());
    }

    #[test]
    fn a_stage_that_asks_for_more_than_there_is_runs_alone() {
        let mut budget = budget(None);
        let greedy = asks(64, Policy::default());
        let grant = budget.take(&greedy, 1).unwrap();
        assert!(budget.take(&asks(1, Policy::default()), 1).is_none());
        budget.give_back(grant);
        assert!(budget.take(&asks(1, Policy::default()), 1).is_some());
        assert!(budget.take(&greedy, 1).is_none());
    }

    #[test]
    fn memory_grows_with_tries_up_to_the_machines() {
        let mut budget = budget(None);
        let needs = |bytes| {
            let retries = Retries {
                times: 1,
                memory_factor: 2.0,
                ..Retries::default()
            };
            asks(
                1,
                Policy {
                    memory_bytes: Some(bytes),
                    retries,
                    ..Policy::default()
                },
            )
        };
        budget.take(&needs(3), 1).unwrap();
        assert!(budget.take(&needs(3), 2).is_none());
        let second = budget.take(&needs(5), 1).unwrap();
        budget.give_back(second);
        assert!(budget.shortage(&needs(9)).is_some());
        assert!(budget.shortage(&needs(8)).is_none());
        let mut empty = self::budget(None);
        let all = empty.take(&needs(5), 7).unwrap();
        assert_eq!(all.memory_bytes, 8);
    }

    #[test]
    fn each_stage_has_gpus_of_its_own() {
        let mut budget = budget(None);
        let one = asks(
            1,
            Policy {
                gpus: 1,
                ..Policy::default()
            },
        );
        let (a, b) = (budget.take(&one, 1).unwrap(), budget.take(&one, 1).unwrap());
        assert_eq!(
            (a.gpus.as_slice(), b.gpus.as_slice()),
            (&["0".to_owned()][..], &["1".to_owned()][..])
        );
        assert!(budget.take(&one, 1).is_none());
        budget.give_back(b);
        budget.give_back(a);
        assert_eq!(budget.take(&one, 1).unwrap().gpus, ["0"]);
    }

    #[test]
    fn a_name_is_one_stages_at_a_time_and_jobs_are_counted() {
        let mut budget = budget(Some(2));
        let named = |name: &str| {
            asks(
                1,
                Policy {
                    mutex: vec![name.into()],
                    ..Policy::default()
                },
            )
        };
        let first = budget.take(&named("disk"), 1).unwrap();
        assert!(budget.take(&named("disk"), 1).is_none());
        budget.take(&named("net"), 1).unwrap();
        assert!(budget.take(&named("other"), 1).is_none());
        budget.give_back(first);
        assert!(budget.take(&named("disk"), 1).is_some());
    }

    #[test]
    fn what_runs_elsewhere_holds_nothing_but_names_and_its_place() {
        let elsewhere = |name: &str| {
            let policy = Policy {
                mutex: vec![name.into()],
                gpus: 8,
                memory_bytes: Some(1 << 40),
                executor: executor::resolve(None, None, Choice::Slurm, 0),
                ..Policy::default()
            };
            asks(64, policy)
        };
        let mut budget = budget(Some(2));
        assert_eq!(budget.shortage(&elsewhere("disk")), None);
        let first = budget.take(&elsewhere("disk"), 1).unwrap();
        assert!(budget.take(&elsewhere("disk"), 1).is_none());
        budget.take(&asks(4, Policy::default()), 1).unwrap();
        assert!(budget.take(&elsewhere("net"), 1).is_none(), "-j 2");
        budget.give_back(first);
        assert!(budget.take(&elsewhere("net"), 1).is_some());
    }
}
