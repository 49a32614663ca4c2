//! Running a pipeline: each stage when everything above it is there, only if its result is not in the
//! store, and as many side by side as the machine can hold.
//!
//! Owns what a run is asked for and what it tells. The parts: `selection` (which stages), `scheduler`
//! (which when), `resources` (what they share), `execute` (one result), `child` and `processes` (the
//! program and whatever it starts), `slurm` (the same on a cluster; what another engine ran is `emission`'s), `attempt` (what the two have in common), `inputs` and `outputs` (nothing is believed), `book` and `record`
//! (the run's record).

mod attempt;
mod book;
mod checks;
mod child;
mod events;
mod execute;
#[cfg(test)]
pub(crate) mod fixtures;
mod inputs;
mod interrupt;
mod log;
mod outputs;
mod processes;
pub(crate) mod record;
mod resources;
mod scheduler;
mod scratch;
mod selection;
mod slurm;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cinescore_artifact::store::{LockHolder, Record};
use cinescore_artifact::task::Event;

use crate::emission::taken::Emissions;
use crate::error::PipelineError;
use crate::graph::{Graph, Stage};
use crate::machine::Capacity;
use crate::plan::{self, State};
use crate::project::Project;
use crate::shards;

pub(crate) use execute::{OUT_DIR, TASK_FILE};
pub use interrupt::{Interrupt, Urgency};
pub use record::{How, MadeOf, RunRecord, StageRun};
pub use selection::Selection;
pub(crate) use slurm::{quoted as shell_quoted, write_task as write_task_script};

/// What a run tells while it goes on, from several threads.
pub trait Observer: Sync {
    /// A run begins that looks at so many stages.
    fn begun(&self, stages: usize) {
        let _ = stages;
    }
    /// A stage's state is known.
    fn assessed(&self, stage: &Stage, state: &State);
    /// A shard is left out: the result of its stage is there.
    fn spared(&self, stage: &Stage) {
        let _ = stage;
    }
    /// Something that a person should look at.
    fn warning(&self, stage: &Stage, message: &str);
    /// Another process is making this result; this one waits.
    fn waiting(&self, stage: &Stage, holder: Option<&LockHolder>);
    /// Something about no stage in particular, such as jobs that were submitted.
    fn remark(&self, message: &str) {
        let _ = message;
    }
    /// A stage's program was started, for the `attempt`th time from 1.
    fn started(&self, stage: &Stage, attempt: u32);
    /// A stage's program says something.
    fn event(&self, stage: &Stage, event: &Event);
    /// Whether [`memory`](Self::memory) is of any use.
    fn wants_memory(&self) -> bool {
        false
    }
    /// What a running stage's processes hold of the memory now, bytes.
    fn memory(&self, stage: &Stage, bytes: u64) {
        let _ = (stage, bytes);
    }
    /// A stage's program is done and its outputs are in the store.
    fn finished(&self, stage: &Stage, record: &Record, wall: Duration);
    /// A stage's program failed, and is tried again.
    fn retrying(&self, stage: &Stage, error: &PipelineError, attempt: u32, of: u32);
    /// A stage failed for good; so many others are still running.
    fn failed(&self, stage: &Stage, error: &PipelineError, running: usize);
}

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The most stages at once; none: as many as the machine holds.
    pub jobs: Option<NonZeroUsize>,
    /// Go on with what does not need a stage that failed.
    pub keep_going: bool,
    /// How long a stopped stage may take to clean up before it is killed.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: None,
            keep_going: false,
            grace: Duration::from_secs(10),
        }
    }
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    /// The results of the selected stages, in order; their records are without preimages.
    pub results: Vec<(String, Arc<Record>)>,
    /// The stages whose programs ran, in order.
    pub executed: Vec<String>,
    /// The run's logs, if a program ran.
    pub logs: Option<PathBuf>,
}

/// Runs what is selected of a pipeline.
///
/// A stage that fails stops the run once those that run beside it are done, unless
/// [`Options::keep_going`] says otherwise. An interrupt stops all of them.
pub fn run(
    project: &Project,
    graph: &Graph,
    selection: &Selection,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Outcome, PipelineError> {
    let divided = shards::divide(graph);
    let graph = divided.as_ref().unwrap_or(graph);
    let edges = selection::Edges::of(graph);
    let selected = selection.resolve(graph, &edges)?;
    observer.begun(selected.wanted.len());
    processes::adopt_orphans();
    sweep(project)?;
    let (desk, office) = match slurm::is_needed(graph, &selected) {
        true => {
            slurm::allow_many_files();
            let (desk, office) = slurm::open(&project.store, options);
            (Some(desk), Some(office))
        }
        false => (None, None),
    };
    let workshop = execute::Workshop {
        project,
        graph,
        observer,
        interrupt,
        grace: options.grace,
        book: book::Book::new(project, graph),
        children: processes::Children::default(),
        verified: inputs::Verified::default(),
        emissions: Emissions::of(&project.store, &graph.name),
        desk,
    };
    let capacity = Capacity::probe(project.machine);
    let budget = resources::Budget::new(capacity, options.jobs.map(NonZeroUsize::get));
    let scheduler =
        scheduler::Scheduler::new(&workshop, &edges, &selected, options.keep_going, budget);
    let done = std::thread::scope(|scope| {
        if let Some(office) = office {
            let workshop = &workshop;
            scope.spawn(move || office.work(&workshop.children, interrupt, observer));
        }
        let done = scheduler.run();
        if let Some(desk) = &workshop.desk {
            desk.close();
        }
        done
    });
    workshop.children.stop_left_behind(None);
    workshop.emissions.clear();
    // The first error is the one told; the record is kept as far as possible.
    let kept = workshop.book.finish(&done);
    if let Some(error) = done.error {
        return Err(error);
    }
    let mut known = done.known;
    let logs = kept?.map(|run| plan::logs_folder(project, &run));
    let named = |place: &usize| graph.stages[*place].name.clone();
    Ok(Outcome {
        results: selected
            .may_run
            .iter()
            .filter(|place| !graph.stages[**place].piece.is_shard())
            .map(named)
            .filter_map(|name| {
                let (_, record) = known.remove(&name)?;
                Some((name, record))
            })
            .collect(),
        executed: done.executed.iter().map(named).collect(),
        logs,
    })
}

/// The places of the stages of a selection that may run.
pub(crate) fn places(
    graph: &Graph,
    selection: &Selection,
) -> Result<BTreeSet<usize>, PipelineError> {
    let edges = selection::Edges::of(graph);
    Ok(selection.resolve(graph, &edges)?.may_run)
}

/// Stops and removes what killed runs left, if there is work in progress of any run at all.
fn sweep(project: &Project) -> Result<(), PipelineError> {
    let folder = project.store.root().join("tmp");
    let is_empty = fs_err::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
    if !is_empty {
        processes::stop_orphans_of_killed_runners(&project.store);
        // The store sweeps before it gives out a folder.
        drop(project.store.work_dir()?);
    }
    Ok(())
}
