//! Stages as jobs of a Slurm cluster: the same task file, read by the same program, on another machine.
//!
//! Owns everything between a stage's task file and what became of its program. One thread, the office
//! (`office`), talks to Slurm (`cluster`) for all stages: it hands in what has gathered as job arrays, asks how they
//! are, and cancels. Each stage's own thread prepares its folder (`bench`), waits for news, and passes on what its
//! program says (`attempt`). What a node does is a short script (`script`); what an end means is `verdict`'s. Does not
//! own what a result is: that is looked at like any other (`execute`).
//!
//! Everything that must outlive the runner lies in the store, below `slurm/`:
//!
//! ```text
//! tasks/FINGERPRINT/current   the name of the try that counts
//! tasks/FINGERPRINT/TRY/      task.json, run.sh, out/, log, events; `claim` and `exit` when it began and ended
//! waves/WAVE/                 one job array: the tries of its elements in order, and a mark for each that began or ended
//! ```
//!
//! A try is handed in once: its element of a wave is noted before `sbatch` is called, an array carries the name of its wave
//! as its comment, and a node claims a try in one system call before it begins. So a runner that takes over from one that
//! was killed finds each job, and none runs twice.

mod answers;
mod attempt;
mod bench;
mod cluster;
mod office;
mod script;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use cinescore_artifact::Digest;
use cinescore_artifact::store::Store;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::Options;
use super::selection::Selected;
use crate::error::PipelineError;
use crate::executor::{Executor, Slurm};
use crate::graph::{Graph, Stage};

pub(super) use attempt::Try;
pub(super) use bench::Bench;
pub(super) use office::Office;
pub(crate) use script::{quoted, write_task};
use verdict::Verdict;

/// The folder in the store.
const FOLDER: &str = "slurm";
/// Files that a run with thousands of stages at a cluster may have open.
const MANY_FILES: u64 = 16_384;

/// Where stages' threads hand in their tries.
pub(super) struct Desk {
    orders: Sender<Order>,
    /// Stages that are on their way here: what has gathered is not handed in before they are there.
    coming: Arc<AtomicUsize>,
}

/// What the office is asked for.
enum Order {
    /// What is known of the current try of a key.
    Begin {
        fingerprint: Digest,
        reply: Sender<Result<Begun, PipelineError>>,
    },
    /// A try to be run, or to be waited for.
    Take(Ticket),
    /// What has not begun is not wanted any more.
    GiveBack,
    /// Nobody will ask for anything any more.
    Close,
}

/// What there is of a key.
enum Begun {
    /// Nothing that counts.
    New,
    /// A try of a former run, in this folder, which has a job or has ended.
    Live(PathBuf),
    /// Somebody was told already why nothing can be handed in.
    GivenBack,
}

/// A try that is handed in.
struct Ticket {
    /// Its folder.
    folder: PathBuf,
    /// The stage's place in the pipeline, which is the order of an array.
    place: usize,
    /// The stage without its cell, for people who look into the queue.
    base: String,
    /// What it needs; none where it has a job.
    class: Option<Class>,
    /// How often Slurm may be asked for its sake.
    poll: Duration,
    news: Sender<News>,
}

/// What a stage's thread hears.
enum News {
    /// Its program has begun.
    Started,
    /// There may be something to read.
    Look,
    Ended(Verdict),
    /// It never began and never will.
    GivenBack,
    /// The run was told to stop. Whether nothing can write into the folder any more.
    Interrupted {
        is_over: bool,
    },
    Refused(PipelineError),
}

/// What jobs of one array have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    slurm: Slurm,
    threads: usize,
    gpus: usize,
    memory_mib: Option<u64>,
    seconds: Option<u64>,
}

impl Class {
    /// What a stage's try needs, by its number from 1.
    fn of(stage: &Stage, slurm: &Slurm, attempt: u32) -> Self {
        let policy = &stage.policy;
        let seconds = policy.timeout_of_try(attempt).map(|timeout| {
            // Not a moment less than was asked for.
            timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)
        });
        Self {
            slurm: slurm.clone(),
            threads: stage.threads,
            gpus: policy.gpus,
            memory_mib: policy
                .memory_of_try(attempt)
                .map(|bytes| bytes.div_ceil(1 << 20)),
            seconds,
        }
    }
}

/// Whether a run may need Slurm.
pub(super) fn is_needed(graph: &Graph, selected: &Selected) -> bool {
    let mut stages = selected.may_run.iter().map(|place| &graph.stages[*place]);
    stages.any(|stage| settings(stage).is_some())
}

/// A thousand stages at a cluster are a thousand locks and logs here, and many systems allow 1,024 files at first.
pub(super) fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(MANY_FILES).min(MANY_FILES);
    if limit.current.is_some_and(|current| current < most) {
        limit.current = Some(most);
        setrlimit(Resource::Nofile, limit).ok();
    }
}

/// The desk, and the office behind it, which asks nothing of Slurm before there is an order.
pub(super) fn open(store: &Store, options: &Options) -> (Desk, Office) {
    let (orders, taken) = mpsc::channel();
    let coming = Arc::new(AtomicUsize::new(0));
    let office = Office {
        orders: taken,
        coming: Arc::clone(&coming),
        folder: store.root().join(FOLDER),
        store: store.clone(),
        keep_going: options.keep_going,
        grace: options.grace,
    };
    (Desk { orders, coming }, office)
}

/// A stage that is on its way to the desk; it is there, or stays away, when this is dropped.
pub(super) struct Coming<'a> {
    count: &'a AtomicUsize,
    counts: AtomicBool,
}

impl Coming<'_> {
    /// It has to wait for something first.
    pub(super) fn is_late(&self) {
        if self.counts.swap(false, Ordering::AcqRel) {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.is_late();
    }
}

impl Desk {
    /// A stage is started that will come here; [`Self::coming`] follows on its own thread.
    pub(super) fn expect(&self, stage: &Stage) {
        if settings(stage).is_some() {
            self.coming.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A stage that was announced.
    pub(super) fn coming(&self, stage: &Stage) -> Coming<'_> {
        Coming {
            count: &self.coming,
            counts: AtomicBool::new(settings(stage).is_some()),
        }
    }

    /// A folder for a try: that of a job of a former run, where there is one. None where nothing can be handed in,
    /// for a reason that another stage was told.
    pub(super) fn bench(
        &self,
        store: &Store,
        fingerprint: Digest,
    ) -> Result<Option<Bench>, PipelineError> {
        let (reply, answer) = mpsc::channel();
        self.order(Order::Begin { fingerprint, reply });
        let home = bench::home(&store.root().join(FOLDER), fingerprint);
        match answer.recv().map_err(|_closed| gone())?? {
            Begun::New => Bench::create(home).map(Some),
            Begun::Live(folder) => Ok(Some(Bench::of_job(home, folder))),
            Begun::GivenBack => Ok(None),
        }
    }

    /// What has not begun comes back.
    pub(super) fn give_back_what_waits(&self) {
        self.order(Order::GiveBack);
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.order(Order::Close);
    }

    fn hand_in(&self, ticket: Ticket) {
        self.order(Order::Take(ticket));
    }

    /// An office that is gone is noticed by whoever waits for its answer.
    fn order(&self, order: Order) {
        self.orders.send(order).ok();
    }
}

fn gone() -> PipelineError {
    PipelineError::Slurm {
        what: "the thread that talks to it is gone".into(),
        hint: None,
    }
}

/// How a stage that runs on Slurm is to be handed in.
fn settings(stage: &Stage) -> Option<&Slurm> {
    match &stage.policy.executor {
        Executor::Slurm(slurm) => Some(slurm),
        Executor::Local | Executor::Elsewhere => None,
    }
}

type Orders = Receiver<Order>;
