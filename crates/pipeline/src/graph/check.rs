//! The checks of a pipeline that need the programs' descriptions. All problems are found in one go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{Form, Input, KindDescription, Output};
use cinescore_artifact::params::{self, Checker as ParamChecker};
use cinescore_artifact::task::PROVENANCE_INPUT;
use cinescore_config::Problems;

use super::{Reference, Stage, order, reference};
use crate::error::PipelineError;
use crate::executor::{self, Choice};
use crate::file::{PipelineFile, StageFile};
use crate::machine::Machine;
use crate::policy::Policy;
use crate::programs::Programs;
use crate::shards::Piece;

/// The parameter of a stage that sets the parameters of its network file.
const NETWORK_PARAMS: &str = "network_params";
/// The inputs that a network file decides about.
const EXAMPLES: &str = "examples";
const VECTORS: &str = "vectors";

/// The checked stages of a file, in an order in which they can run.
pub(super) fn stages(
    file: &PipelineFile,
    programs: &Programs,
    machine: Machine,
    choice: Choice,
) -> Result<Vec<Stage>, PipelineError> {
    let mut checker = Checker {
        programs,
        problems: file.problems.clone(),
        asked: BTreeMap::new(),
    };
    let mut nodes = Nodes::default();
    for stage in &file.stages {
        let cells = nodes.by_base.entry(&stage.base).or_default();
        cells.push(stage);
        if !nodes.kinds.contains_key(stage.base.as_str())
            && let Some(found) = checker.kind(stage)?
        {
            nodes.kinds.insert(&stage.base, found);
        }
        if cells.len() == 1 {
            nodes.names.push(&stage.base);
        }
    }
    let mut stages = Vec::with_capacity(file.stages.len());
    for stage in &file.stages {
        let Some(found) = nodes.kinds.get(stage.base.as_str()) else {
            continue;
        };
        let params = checker.params(stage, found);
        let inputs = checker.inputs(stage, found, &nodes);
        checker.networks(stage, &inputs, &nodes);
        checker.checks(stage, &found.kind);
        checker.records(stage, &found.kind);
        checker.shards(stage, &found.kind);
        let own = stage.executor.as_ref();
        let policy = Policy {
            executor: executor::resolve(file.executor.as_ref(), own, choice, stage.policy.gpus),
            ..stage.policy.clone()
        };
        // What this machine has says nothing about those of a cluster.
        let device = match policy.executor.is_remote() && policy.gpus > 0 {
            true => "cuda",
            false => machine.device(policy.gpus),
        };
        stages.push(Stage {
            name: stage.name.clone(),
            base: stage.base.clone(),
            cell: stage.cell.clone(),
            run: stage.run.clone().unwrap_or_default(),
            program: found.program.clone(),
            code: found.code,
            kind: Arc::clone(&found.kind),
            params: Arc::new(params),
            inputs,
            outputs: Arc::clone(&found.outputs),
            threads: stage.threads.unwrap_or(machine.threads),
            device: device.into(),
            policy,
            shards: stage.shards,
            piece: Piece::Whole,
        });
    }
    let (ordered, circle) = order::order(stages);
    checker.circle(file, &circle);
    Ok(checker.problems.or(ordered)?)
}

/// What `run` names.
#[derive(Clone)]
struct Found {
    program: PathBuf,
    code: Digest,
    kind: Arc<KindDescription>,
    /// What the stages of this kind share, a thousand cells maybe.
    inputs: Arc<Vec<Arc<Input>>>,
    outputs: Arc<Vec<Output>>,
    params: Arc<ParamChecker>,
}

/// The stages of a file by name, with their kinds.
#[derive(Default)]
pub(super) struct Nodes<'a> {
    by_base: BTreeMap<&'a str, Vec<&'a StageFile>>,
    kinds: BTreeMap<&'a str, Found>,
    names: Vec<&'a str>,
}

impl<'a> Nodes<'a> {
    /// The cells of a stage; one without values where it has no matrix.
    pub(super) fn cells(&self, base: &str) -> Option<&[&'a StageFile]> {
        self.by_base.get(base).map(Vec::as_slice)
    }

    /// What a stage does, where its program is known.
    pub(super) fn kind(&self, base: &str) -> Option<&KindDescription> {
        self.kinds.get(base).map(|found| found.kind.as_ref())
    }

    /// The names of all stages, without cells, in the order of the file.
    pub(super) fn names(&self) -> &[&'a str] {
        &self.names
    }
}

struct Checker<'a> {
    programs: &'a Programs,
    problems: Problems,
    /// What was found under each text of `run` so far: a matrix names the same a thousand times.
    asked: BTreeMap<String, Option<Found>>,
}

impl Checker<'_> {
    /// The program and kind that `run` names: `featurize text`, or `report` for `report report`.
    fn kind(&mut self, stage: &StageFile) -> Result<Option<Found>, PipelineError> {
        let Some(run) = &stage.run else {
            return Ok(None);
        };
        if let Some(Some(found)) = self.asked.get(run) {
            return Ok(Some(found.clone()));
        }
        let mut words = run.split_whitespace();
        let (program, kind) = (words.next().unwrap_or_default(), words.next());
        let kind = kind.unwrap_or(program);
        let Some(place) = self.programs.find(program) else {
            let message = format!("there is no stage program `cinescore-{program}`");
            let problem = stage.place.problem_at(&["run"], message);
            self.problems
                .push(problem.known(program, self.programs.names()));
            return Ok(None);
        };
        let description = self.programs.describe(&place)?;
        let known: Vec<String> = description
            .kinds
            .iter()
            .map(|kind| kind.name.clone())
            .collect();
        let found = description
            .kinds
            .into_iter()
            .find(|known| known.name == kind && words.next().is_none());
        let Some(kind_found) = found else {
            let message = format!("`{run}` names no kind of `cinescore-{program}`");
            let problem = stage.place.problem_at(&["run"], message);
            self.problems.push(problem.known(kind, known));
            return Ok(None);
        };
        let found = Found {
            program: place,
            code: description.code,
            params: Arc::new(ParamChecker::new(&kind_found.params)),
            inputs: Arc::new(kind_found.inputs.iter().cloned().map(Arc::new).collect()),
            outputs: Arc::new(kind_found.outputs.clone()),
            kind: Arc::new(kind_found),
        };
        self.asked.insert(run.clone(), Some(found.clone()));
        Ok(Some(found))
    }

    /// Times are told to those that are told how everything above was made.
    fn records(&mut self, stage: &StageFile, kind: &KindDescription) {
        if stage.policy.records && !kind.provenance {
            let message = format!("`{}` does not look at `records` of runs", kind.name);
            let problem = stage.place.problem_at_key(&["records"], message);
            self.problems.push(problem);
        }
    }

    /// Only kinds whose work can be divided are divided.
    fn shards(&mut self, stage: &StageFile, kind: &KindDescription) {
        if stage.shards.is_some() && !kind.shards {
            let run = stage.run.as_deref().unwrap_or_default();
            let program = run.split_whitespace().next().unwrap_or_default();
            let message = format!(
                "`{run}` cannot be divided into shards: leave `shards` out (`cinescore-{program} describe` says which kinds can)"
            );
            let problem = stage.place.problem_at_key(&["shards"], message);
            self.problems.push(problem);
        }
    }

    fn params(&mut self, stage: &StageFile, found: &Found) -> serde_json::Value {
        for problem in found.params.check(&stage.params) {
            let path: Vec<&str> = std::iter::once("params")
                .chain(problem.path.iter().map(String::as_str))
                .collect();
            let told = if problem.known.is_empty() {
                let message = match path.last() {
                    Some(key) if path.len() > 1 => format!("`{key}`: {}", problem.message),
                    _ => problem.message,
                };
                stage.place.problem_at(&path, message)
            } else {
                let given = problem.path.last().map(String::as_str).unwrap_or_default();
                stage
                    .place
                    .problem_at_key(&path, problem.message)
                    .known(given, problem.known)
            };
            self.problems.push(told);
        }
        params::complete(&found.kind.params, &stage.params)
    }

    fn inputs(
        &mut self,
        stage: &StageFile,
        found: &Found,
        nodes: &Nodes<'_>,
    ) -> Vec<(Arc<Input>, Vec<Reference>)> {
        let kind = &found.kind;
        let takes: Vec<&Arc<Input>> = found
            .inputs
            .iter()
            .filter(|input| input.name != PROVENANCE_INPUT)
            .collect();
        for (name, _) in &stage.inputs {
            if !takes.iter().any(|input| &input.name == name) {
                let message = format!("`{}` has no input `{name}`", kind.name);
                let problem = stage.place.problem_at_key(&["inputs", name], message);
                self.problems
                    .push(problem.known(name, takes.iter().map(|input| &input.name)));
            }
        }
        let mut inputs = Vec::new();
        for input in takes {
            let texts = stage
                .inputs
                .iter()
                .find(|(name, _)| *name == input.name)
                .map(|(_, texts)| texts.as_slice());
            if texts.is_none() && !input.optional {
                let message = format!(
                    "stage `{}` lacks the input `{}`: {}",
                    stage.base, input.name, input.about
                );
                self.problems.push(stage.place.problem_at_key(&[], message));
            }
            let mut references = Vec::new();
            let mut found = Vec::new();
            let texts = texts.unwrap_or_default();
            for (index, text) in texts.iter().enumerate() {
                let index = (texts.len() > 1).then_some(index);
                let text = (index, text.as_str());
                references.extend(reference::resolve(text, input, stage, nodes, &mut found));
            }
            found
                .into_iter()
                .for_each(|problem| self.problems.push(problem));
            if references.len() > 1 && !input.many {
                let message = format!(
                    "`{}` takes one artifact, not {}",
                    input.name,
                    references.len()
                );
                let problem = stage.place.problem_at(&["inputs", &input.name], message);
                self.problems.push(problem);
            }
            inputs.push((Arc::clone(input), references));
        }
        inputs
    }

    /// Network files that the pipeline names: their shapes, and that they are given what they read, are checked now, not
    /// when training starts.
    fn networks(
        &mut self,
        stage: &StageFile,
        inputs: &[(Arc<Input>, Vec<Reference>)],
        nodes: &Nodes<'_>,
    ) {
        let overrides: BTreeMap<String, serde_json::Value> = stage
            .params
            .get(NETWORK_PARAMS)
            .and_then(serde_json::Value::as_object)
            .map(|params| params.clone().into_iter().collect())
            .unwrap_or_default();
        for (input, references) in inputs {
            for reference in references {
                let (Form::Network, Reference::Path(path)) = (&input.form, reference) else {
                    continue;
                };
                match fs_err::read_to_string(path) {
                    Ok(text) => match cinescore_network::check(&text, path, &overrides) {
                        Ok(summary) => self.read_by(&summary, stage, inputs, nodes),
                        Err(found) => self.problems.extend(found),
                    },
                    Err(error) => {
                        let path = ["inputs", input.name.as_str()];
                        let problem = stage.place.problem_at(&path, error.to_string());
                        self.problems.push(problem);
                    }
                }
            }
        }
    }

    /// A network's examples and, where its embedding begins with them, vectors.
    fn read_by(
        &mut self,
        summary: &cinescore_network::Summary,
        stage: &StageFile,
        inputs: &[(Arc<Input>, Vec<Reference>)],
        nodes: &Nodes<'_>,
    ) {
        let given = |name: &str| {
            let found = inputs.iter().find(|(input, _)| input.name == name)?;
            Some(found.1.as_slice())
        };
        let table_of = |reference: &Reference| match reference {
            Reference::Path(_) => None,
            Reference::Output { stage, output, .. } => {
                let base = stage
                    .split_once('[')
                    .map_or(stage.as_str(), |(base, _)| base);
                let outputs = &nodes.kind(base)?.outputs;
                match &outputs.iter().find(|known| known.name == *output)?.form {
                    Form::Table { table, .. } => Some(table.clone()),
                    _ => None,
                }
            }
        };
        for table in given(EXAMPLES)
            .unwrap_or_default()
            .iter()
            .filter_map(table_of)
        {
            if table != summary.table {
                let message = format!(
                    "the network `{}` reads the table `{}`, and `{EXAMPLES}` is the table `{table}`",
                    summary.name, summary.table
                );
                let problem = stage.place.problem_at(&["inputs", EXAMPLES], message);
                self.problems.push(problem);
            }
        }
        if summary.pretrained && given(VECTORS).is_some_and(<[Reference]>::is_empty) {
            let message = format!(
                "the embedding of the network `{}` is `pretrained`, and the input `{VECTORS}` is missing",
                summary.name
            );
            self.problems
                .push(stage.place.problem_at_key(&["inputs"], message));
        }
    }

    /// What the file holds the outputs to: they must be there, and columns only of tables that have
    /// them.
    fn checks(&mut self, stage: &StageFile, kind: &KindDescription) {
        let names = || kind.outputs.iter().map(|output| &output.name);
        for (name, check) in &stage.policy.checks {
            let Some(output) = kind.outputs.iter().find(|output| &output.name == name) else {
                let message = format!("`{}` has no output `{name}`", kind.name);
                let problem = stage.place.problem_at_key(&["outputs", name], message);
                self.problems.push(problem.known(name, names()));
                continue;
            };
            let columns: &[String] = match &output.form {
                Form::Table { columns, .. } => columns,
                _ => &[],
            };
            for column in check.columns.iter().filter(|name| !columns.contains(name)) {
                let message = format!("{} has no column `{column}`", output.form);
                let path = ["outputs", name, "columns"];
                let problem = stage.place.problem_at(&path, message);
                self.problems.push(problem.known(column, columns));
            }
        }
    }

    fn circle(&mut self, file: &PipelineFile, circle: &[String]) {
        let Some(first) = circle
            .first()
            .and_then(|name| file.stages.iter().find(|stage| &stage.name == name))
        else {
            return;
        };
        let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "these stages need each other in a circle: {}",
            names.join(", ")
        );
        self.problems.push(first.place.problem_at_key(&[], message));
    }
}
