//! Which stage runs when.
//!
//! One thread decides: it looks at each stage as soon as everything that the stage needs is there, takes
//! from the store what is there, and hands the rest out to threads of their own as far as the machine
//! goes. What they make comes back here, so that results, views and the record of the run do not
//! depend on who was faster. Does not own how a stage is run (`execute`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::Scope;
use std::time::Duration;

use cinescore_artifact::store::Record;
use serde_json::Value;

use super::execute::{Job, Made, Workshop, unless_it_panics};
use super::resources::{Budget, Grant};
use super::selection::{Edges, Selected};
use super::{checks, processes};
use crate::error::PipelineError;
use crate::graph::Stage;
use crate::plan::{self, Key, Known, State};
use crate::shards;
use crate::view;

/// How often the memory of running stages is looked at.
const MEMORY_EVERY: Duration = Duration::from_secs(1);

/// What a stage's thread says.
enum Message {
    /// Another process is making this result: what was given is free for others meanwhile.
    Waiting(usize),
    /// It is done.
    Done(usize, Result<Made, PipelineError>),
}

/// A stage that is to run.
struct Queued {
    key: Arc<Key>,
    force: bool,
    attempt: u32,
}

/// A stage that runs.
struct Running {
    queued: Queued,
    grant: Option<Grant>,
    /// Its program's process group, while there is one.
    group: Arc<Mutex<Option<i32>>>,
}

/// Stages that are ready, those first on which the longest chain waits, otherwise in the pipeline's order.
type Ready = BTreeSet<(Reverse<usize>, usize)>;

pub(super) struct Scheduler<'a> {
    workshop: &'a Workshop<'a>,
    edges: &'a Edges,
    selected: &'a Selected,
    keep_going: bool,
    budget: Budget,
    /// How long the longest chain of stages is that waits for each, itself included.
    heights: Vec<usize>,
    /// How many stages each one still waits for.
    missing: Vec<usize>,
    /// Everything above is there, but nobody has looked at it.
    arrived: Ready,
    queued: BTreeMap<(Reverse<usize>, usize), Queued>,
    running: BTreeMap<usize, Running>,
    known: Known,
    executed: BTreeSet<usize>,
    failures: BTreeMap<usize, PipelineError>,
    states: BTreeMap<String, State>,
    interrupted: bool,
}

/// What a run came to.
pub(super) struct Done {
    pub(super) known: Known,
    pub(super) executed: BTreeSet<usize>,
    /// Why each stage that was looked at ran or did not.
    pub(super) states: BTreeMap<String, State>,
    /// What it ended with, if not well.
    pub(super) error: Option<PipelineError>,
}

impl<'a> Scheduler<'a> {
    pub(super) fn new(
        workshop: &'a Workshop<'a>,
        edges: &'a Edges,
        selected: &'a Selected,
        keep_going: bool,
        budget: Budget,
    ) -> Self {
        let count = workshop.graph.stages.len();
        let mut heights = vec![1; count];
        // Stages stand after what they need, so from the last to the first every chain is known.
        for place in (0..count).rev() {
            let below = edges.needed_by[place].iter();
            heights[place] += below.map(|below| heights[*below]).max().unwrap_or(0);
        }
        let missing: Vec<usize> = edges.needs.iter().map(Vec::len).collect();
        let arrived = selected.wanted.iter().copied();
        let arrived = arrived
            .filter(|place| missing[*place] == 0)
            .map(|place| (Reverse(heights[place]), place))
            .collect();
        Self {
            workshop,
            edges,
            selected,
            keep_going,
            budget,
            heights,
            missing,
            arrived,
            queued: BTreeMap::new(),
            running: BTreeMap::new(),
            known: Known::new(),
            executed: BTreeSet::new(),
            failures: BTreeMap::new(),
            states: BTreeMap::new(),
            interrupted: false,
        }
    }

    /// Runs until nothing is left to do, or nothing may be done any more.
    pub(super) fn run(mut self) -> Done {
        let (tell, told) = mpsc::channel();
        let workshop = self.workshop;
        std::thread::scope(|scope| {
            loop {
                self.look_at_arrived();
                self.start_what_fits(scope, &tell);
                if self.running.is_empty() {
                    break;
                }
                let message = if workshop.observer.wants_memory() {
                    match told.recv_timeout(MEMORY_EVERY) {
                        Err(RecvTimeoutError::Timeout) => {
                            self.tell_memory();
                            continue;
                        }
                        other => other.ok(),
                    }
                } else {
                    told.recv().ok()
                };
                match message {
                    Some(Message::Waiting(place)) => self.take_back(place),
                    Some(Message::Done(place, made)) => self.done(place, made),
                    None => break,
                }
            }
        });
        self.close()
    }

    fn stage(&self, place: usize) -> &'a Stage {
        &self.workshop.graph.stages[place]
    }

    /// Whether no further stage is to be started.
    fn is_stopping(&self) -> bool {
        self.interrupted
            || self.workshop.interrupt.is_raised()
            || (!self.keep_going && !self.failures.is_empty())
    }

    fn look_at_arrived(&mut self) {
        while !self.is_stopping()
            && let Some((height, place)) = self.arrived.pop_first()
        {
            if let Err(error) = self.look_at(height, place) {
                self.fail(place, error);
            }
        }
    }

    /// Finds out what is to be done about a stage, and does it unless its program must run.
    fn look_at(&mut self, height: Reverse<usize>, place: usize) -> Result<(), PipelineError> {
        let workshop = self.workshop;
        let stage = self.stage(place);
        let may_run = self.selected.may_run.contains(&place);
        let force = self.selected.forced.contains(&place);
        if !force && shards::is_spared(workshop.project, workshop.graph, stage, &self.known)? {
            workshop.observer.spared(stage);
            self.bring_nearer(place);
            return Ok(());
        }
        let assess = if force {
            plan::assess_thawed
        } else {
            plan::assess
        };
        let assessment = assess(workshop.project, workshop.graph, stage, &self.known)?;
        for warning in &assessment.warnings {
            workshop.observer.warning(stage, warning);
        }
        let key = assessment.key.ok_or_else(|| PipelineError::Protocol {
            stage: stage.name.clone(),
            how: "its inputs are unknown although everything above has run".into(),
        })?;
        let state = match assessment.state {
            State::Run { reasons } => State::Run { reasons },
            _ if force => State::Run {
                reasons: vec!["--force".into()],
            },
            state => state,
        };
        workshop.observer.assessed(stage, &state);
        self.states.insert(stage.name.clone(), state.clone());
        match (&state, assessment.record) {
            (State::Run { .. } | State::Waits { .. }, _) | (_, None) => {
                if !may_run {
                    return Err(PipelineError::UpstreamStale {
                        stage: self.first_selected_below(place),
                        upstream: stage.name.clone(),
                    });
                }
                if let Some(shortage) = self.budget.shortage(stage) {
                    workshop.observer.warning(stage, &shortage);
                }
                let queued = Queued {
                    key,
                    force,
                    attempt: 1,
                };
                self.queued.insert((height, place), queued);
            }
            (state, Some(record)) => {
                let leave_view = *state == State::Fresh || !may_run;
                self.settle(place, key, record, leave_view)?;
            }
        }
        Ok(())
    }

    /// The stage for whose sake another one was looked at.
    fn first_selected_below(&self, place: usize) -> String {
        let below = self.edges.below([place]);
        let selected = below.intersection(&self.selected.may_run).next();
        self.stage(*selected.unwrap_or(&place)).name.clone()
    }

    /// A stage's result is there: it goes on view, and those below come nearer.
    fn settle(
        &mut self,
        place: usize,
        key: Arc<Key>,
        record: Arc<Record>,
        leave_view: bool,
    ) -> Result<(), PipelineError> {
        let workshop = self.workshop;
        let stage = self.stage(place);
        // A shard is nothing that people look at.
        if !leave_view && !stage.piece.is_shard() {
            view::show(workshop.project, workshop.graph, stage, &record)?;
        }
        checks::check(workshop.project, stage, &record)?;
        // The key has it too; a thousand cells are remembered to the end of the run.
        let record = match record.preimage {
            Value::Null => record,
            _ => Arc::new(Record {
                preimage: Value::Null,
                ..Arc::unwrap_or_clone(record)
            }),
        };
        self.known.insert(stage.name.clone(), (key, record));
        self.bring_nearer(place);
        Ok(())
    }

    /// Those below a stage wait for one less.
    fn bring_nearer(&mut self, place: usize) {
        for &below in &self.edges.needed_by[place] {
            self.missing[below] -= 1;
            if self.missing[below] == 0 && self.selected.wanted.contains(&below) {
                self.arrived.insert((Reverse(self.heights[below]), below));
            }
        }
    }

    fn start_what_fits<'scope, 'env>(
        &mut self,
        scope: &'scope Scope<'scope, 'env>,
        tell: &mpsc::Sender<Message>,
    ) where
        'a: 'scope,
    {
        if self.is_stopping() {
            return;
        }
        let waiting: Vec<(Reverse<usize>, usize)> = self.queued.keys().copied().collect();
        for at in waiting {
            let place = at.1;
            let stage = self.stage(place);
            let Some(attempt) = self.queued.get(&at).map(|queued| queued.attempt) else {
                continue;
            };
            let Some(grant) = self.budget.take(stage, attempt) else {
                continue;
            };
            let Some(queued) = self.queued.remove(&at) else {
                continue;
            };
            let job = Job {
                stage,
                place,
                key: Arc::clone(&queued.key),
                force: queued.force,
                attempt,
                gpus: grant.gpus.clone(),
            };
            let group = Arc::new(Mutex::new(None));
            let running = Running {
                queued,
                grant: Some(grant),
                group: Arc::clone(&group),
            };
            self.running.insert(place, running);
            let (workshop, tell) = (self.workshop, tell.clone());
            if let Some(desk) = &workshop.desk {
                desk.expect(stage);
            }
            scope.spawn(move || {
                let waiting = || {
                    tell.send(Message::Waiting(place)).ok();
                };
                let execute = || workshop.execute(&job, &group, &waiting);
                let made = unless_it_panics(job.stage, execute);
                tell.send(Message::Done(place, made)).ok();
            });
        }
    }

    fn take_back(&mut self, place: usize) {
        if let Some(grant) = self
            .running
            .get_mut(&place)
            .and_then(|running| running.grant.take())
        {
            self.budget.give_back(grant);
        }
    }

    fn done(&mut self, place: usize, made: Result<Made, PipelineError>) {
        self.take_back(place);
        let Some(Running { mut queued, .. }) = self.running.remove(&place) else {
            return;
        };
        let stage = self.stage(place);
        let retries = stage.policy.retries.times;
        let settled = match made {
            Ok(Made::Executed(record)) => {
                self.executed.insert(place);
                self.settle(place, queued.key, record, false)
            }
            Ok(Made::Found(record)) => {
                self.workshop.observer.assessed(stage, &State::Restore);
                self.settle(place, queued.key, record, false)
            }
            Ok(Made::HeldUp) => {
                let at = (Reverse(self.heights[place]), place);
                self.queued.insert(at, queued);
                Ok(())
            }
            Ok(Made::Failed(error)) if queued.attempt <= retries => {
                self.workshop
                    .observer
                    .retrying(stage, &error, queued.attempt + 1, retries + 1);
                queued.attempt += 1;
                let at = (Reverse(self.heights[place]), place);
                self.queued.insert(at, queued);
                Ok(())
            }
            Ok(Made::Failed(error)) | Err(error) => Err(error),
        };
        if let Err(error) = settled {
            self.fail(place, error);
        }
    }

    fn fail(&mut self, place: usize, error: PipelineError) {
        if matches!(error, PipelineError::Interrupted) {
            self.interrupted = true;
            return;
        }
        // What has not begun on a cluster is not started any more.
        if let (false, Some(desk)) = (self.keep_going, &self.workshop.desk) {
            desk.give_back_what_waits();
        }
        let running = self.running.len();
        self.workshop
            .observer
            .failed(self.stage(place), &error, running);
        self.failures.insert(place, error);
    }

    fn tell_memory(&self) {
        let all = processes::all();
        for (place, running) in &self.running {
            let group = running.group.lock().ok().and_then(|group| *group);
            if let Some(group) = group {
                let bytes = processes::memory_below(&all, group);
                self.workshop.observer.memory(self.stage(*place), bytes);
            }
        }
    }

    fn close(mut self) -> Done {
        let error = self.error();
        Done {
            known: self.known,
            executed: self.executed,
            states: self.states,
            error,
        }
    }

    fn error(&mut self) -> Option<PipelineError> {
        if self.interrupted || self.workshop.interrupt.is_raised() {
            return Some(PipelineError::Interrupted);
        }
        if self.failures.is_empty() {
            return None;
        }
        if !self.keep_going
            && self.failures.len() == 1
            && let Some((_, only)) = self.failures.pop_first()
        {
            return Some(only);
        }
        let below = self.edges.below(self.failures.keys().copied());
        let skipped: Vec<String> = below
            .into_iter()
            .filter(|place| self.selected.wanted.contains(place))
            .filter(|place| !self.failures.contains_key(place))
            .map(|place| self.stage(place).name.clone())
            .collect();
        let mut failures: Vec<PipelineError> =
            std::mem::take(&mut self.failures).into_values().collect();
        match failures.pop() {
            Some(only) if failures.is_empty() && skipped.is_empty() => Some(only),
            last => {
                failures.extend(last);
                Some(PipelineError::Several { failures, skipped })
            }
        }
    }
}
