//! Sweeps: the trials of a search as nodes of one graph, compared by a metric of the validation split.
//!
//! Owns which trials there are, which go on, and the leaderboard. Does not own how a node is run or
//! cached: a sweep that was stopped goes on where it was, because its trials follow from its seed and what
//! is done is in the store.

mod board;
mod trials;
mod union;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cinescore_artifact::store::Record;
use cinescore_config::{Document, Problem};

use crate::error::PipelineError;
use crate::file::{Method, PipelineFile, Setting, Sweep};
use crate::graph::Graph;
use crate::plan;
use crate::project::Project;
use crate::run::{self, Interrupt, Observer, Options, Selection};

pub use board::{Leaderboard, Row, Standing};
pub(crate) use trials::grid_size;
pub use trials::{Values, trials};

use union::Union;

/// Results by stage.
type Results = BTreeMap<String, Arc<Record>>;

/// A checked sweep, not yet run.
#[derive(Debug)]
pub struct Plan {
    /// What is written.
    pub sweep: Sweep,
    /// The trials, in the order of their numbers, which begin at 1.
    pub trials: Vec<Values>,
    document: Document,
    settings: Vec<Setting>,
}

impl Plan {
    /// Reads the sweep of a pipeline's file.
    pub fn load(file: &Path, settings: &[Setting]) -> Result<Self, PipelineError> {
        let document = Document::load(file)?;
        let read = PipelineFile::read(document.clone(), settings);
        let sweep = read.problems.or(read.sweep)?;
        let sweep = sweep.ok_or_else(|| {
            let problem = Problem::of_file(file, "the pipeline has no `sweep`");
            cinescore_config::Problems::from(problem)
        })?;
        Ok(Self {
            trials: trials(&sweep),
            sweep,
            document,
            settings: settings.to_vec(),
        })
    }

    /// How many trials each rung takes, first to last; one rung where there are none.
    pub fn rungs(&self) -> Vec<(Option<u64>, usize)> {
        match &self.sweep.method {
            Method::Halving(_, rungs) => {
                let mut count = self.trials.len();
                let mut sizes = Vec::new();
                for &at in &rungs.at {
                    sizes.push((Some(at), count));
                    count = next_count(count, rungs.reduction);
                }
                sizes
            }
            Method::Grid | Method::Random(_) => vec![(None, self.trials.len())],
        }
    }

    /// Runs all trials, rung after rung, and keeps the leaderboard after each. `observed` makes the one
    /// who is told of a rung's graph; `failed` is told of trials that failed.
    pub fn run<O: Observer>(
        &self,
        project: &Project,
        options: &Options,
        interrupt: &Interrupt,
        observed: impl Fn(&Graph) -> O,
        failed: impl Fn(&PipelineError),
    ) -> Result<Leaderboard, PipelineError> {
        let mut union = Union::new(project, self.document.clone(), &self.settings, &self.sweep)?;
        let mut board = Leaderboard::new(&self.sweep, &self.trials);
        let mut alive: Vec<usize> = (1..=self.trials.len()).collect();
        let rungs = match &self.sweep.method {
            Method::Halving(_, rungs) => Some(rungs),
            Method::Grid | Method::Random(_) => None,
        };
        for index in 0..rungs.map_or(1, |rungs| rungs.at.len()) {
            let mut nodes = Vec::with_capacity(alive.len());
            for &number in &alive {
                let rung = rungs.map(|rungs| (rungs, index));
                nodes.push(union.add(number, &self.trials[number - 1], rung)?);
            }
            let graph = union.whole();
            let (records, error) =
                self.rung(project, &graph, &nodes, options, interrupt, &observed)?;
            if let Some(error) = error {
                failed(&error);
            }
            let at = rungs.map(|rungs| rungs.at[index]);
            for (&number, node) in alive.iter().zip(&nodes) {
                let record = records.get(node);
                board.note(
                    number,
                    at,
                    node,
                    record.and_then(|record| self.metric(record)),
                );
            }
            if let Some(rungs) = rungs
                && index + 1 < rungs.at.len()
            {
                alive = board.best(next_count(alive.len(), rungs.reduction), at);
            }
            board.keep(&project.artifacts.join("runs").join(&graph.name))?;
            // None came to this rung's end, and to run no stage in particular would be to run all of them.
            if alive.is_empty() {
                break;
            }
        }
        Ok(board)
    }

    /// Runs some nodes and gives the results that there are: a trial that fails is a bad trial, not the
    /// end of the search.
    fn rung<O: Observer>(
        &self,
        project: &Project,
        graph: &Graph,
        nodes: &[String],
        options: &Options,
        interrupt: &Interrupt,
        observed: &impl Fn(&Graph) -> O,
    ) -> Result<(Results, Option<PipelineError>), PipelineError> {
        let selection = Selection {
            stages: nodes.to_vec(),
            ..Selection::default()
        };
        let options = Options {
            keep_going: true,
            ..options.clone()
        };
        let observer = observed(graph);
        match run::run(project, graph, &selection, &options, interrupt, &observer) {
            Ok(outcome) => Ok((outcome.results.into_iter().collect(), None)),
            Err(error @ (PipelineError::Several { .. } | PipelineError::StageFailed { .. })) => {
                let planned = plan::plan(project, graph)?;
                let there = planned.into_iter().filter_map(|(stage, assessment)| {
                    Some((stage.name.clone(), assessment.record?))
                });
                Ok((there.collect(), Some(error)))
            }
            Err(error) => Err(error),
        }
    }

    /// The metric of a trial, where it is a number.
    fn metric(&self, record: &Record) -> Option<f64> {
        let value = record.result.metrics.get(&self.sweep.metric).copied();
        value.filter(|value| value.is_finite())
    }
}

fn next_count(count: usize, reduction: u64) -> usize {
    (count / usize::try_from(reduction).unwrap_or(usize::MAX)).max(1)
}
