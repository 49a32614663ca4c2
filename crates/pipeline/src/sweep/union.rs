//! The pipelines of many trials as one graph: what trials have in common is one node of it, so that it
//! is computed once and the runner's own scheduler does the rest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cinescore_config::{Document, Problems};

use super::trials::Values;
use crate::error::PipelineError;
use crate::file::{PipelineFile, Rungs, Setting, Sweep};
use crate::graph::{Graph, Reference, Stage};
use crate::project::Project;

/// The graph of all trials so far.
pub(super) struct Union<'a> {
    project: &'a Project,
    document: Document,
    settings: &'a [Setting],
    sweep: &'a Sweep,
    name: String,
    file: PathBuf,
    stages: Vec<Stage>,
    /// Nodes by everything that makes them what they are.
    by_identity: BTreeMap<String, String>,
}

impl<'a> Union<'a> {
    pub(super) fn new(
        project: &'a Project,
        document: Document,
        settings: &'a [Setting],
        sweep: &'a Sweep,
    ) -> Result<Self, PipelineError> {
        let mut union = Self {
            project,
            file: document.file().to_owned(),
            name: String::new(),
            document,
            settings,
            sweep,
            stages: Vec::new(),
            by_identity: BTreeMap::new(),
        };
        // What the pipeline itself is made of keeps its names.
        let graph = union.graph(&[])?;
        union.name = format!("{}.sweep", graph.name);
        union.check(&graph)?;
        let above = graph.above(&sweep.stage);
        for stage in graph.stages {
            if above.contains(&stage.name) && stage.name != sweep.stage {
                union
                    .by_identity
                    .insert(identity(&stage), stage.name.clone());
                union.stages.push(stage);
            }
        }
        Ok(union)
    }

    /// Adds a trial up to a rung and gives its node's name. The rung before must have been added.
    pub(super) fn add(
        &mut self,
        number: usize,
        values: &Values,
        rung: Option<(&Rungs, usize)>,
    ) -> Result<String, PipelineError> {
        let graph = self.graph(values)?;
        let above = graph.above(&self.sweep.stage);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for mut stage in graph.stages {
            if !above.contains(&stage.name) {
                continue;
            }
            let own_name = stage.name.clone();
            for (_, references) in &mut stage.inputs {
                for reference in references {
                    if let Reference::Output { stage, .. } = reference
                        && let Some(name) = names.get(stage)
                    {
                        stage.clone_from(name);
                    }
                }
            }
            stage.cell.push(("trial".into(), number.into()));
            if own_name == self.sweep.stage
                && let Some((rungs, index)) = rung
            {
                let before = (index > 0).then(|| node(&stage, Some(rungs.at[index - 1])));
                stage.cell.push(("rung".into(), rungs.at[index].into()));
                climb(&mut stage, rungs, index, before);
            }
            let name = node(&stage, None);
            let known = self.by_identity.get(&identity(&stage));
            last = match known {
                Some(known) if own_name != self.sweep.stage => known.clone(),
                _ => {
                    self.by_identity.insert(identity(&stage), name.clone());
                    stage.name.clone_from(&name);
                    self.stages.push(stage);
                    name
                }
            };
            names.insert(own_name, last.clone());
        }
        Ok(last)
    }

    /// Everything that was added.
    pub(super) fn whole(&self) -> Graph {
        Graph::of_stages(self.name.clone(), self.file.clone(), self.stages.clone())
    }

    fn graph(&self, values: &[Setting]) -> Result<Graph, PipelineError> {
        let settings: Vec<Setting> = self.settings.iter().chain(values).cloned().collect();
        let file = PipelineFile::read(self.document.clone(), &settings);
        Graph::check(
            &file,
            &self.project.programs,
            self.project.machine,
            self.project.executor,
        )
    }

    /// What only the graph can tell of a sweep.
    fn check(&self, graph: &Graph) -> Result<(), PipelineError> {
        let Sweep {
            stage: name,
            place,
            method,
            ..
        } = self.sweep;
        let mut problems = Problems::default();
        match graph.stage(name) {
            None => problems.push(place.problem_at(
                &["stage"],
                format!("`{name}` has a matrix; a sweep makes its own"),
            )),
            Some(stage) => {
                if let crate::file::Method::Halving(_, rungs) = method {
                    check_rungs(stage, rungs, self.sweep, &mut problems);
                }
            }
        }
        Ok(problems.or(())?)
    }
}

fn check_rungs(stage: &Stage, rungs: &Rungs, sweep: &Sweep, problems: &mut Problems) {
    let kind = &stage.kind;
    let params: Vec<&String> = kind
        .params
        .get("properties")
        .and_then(serde_json::Value::as_object)
        .map(|properties| properties.keys().collect())
        .unwrap_or_default();
    if !params.contains(&&rungs.param) {
        let message = format!("`{}` has no parameter `{}`", kind.name, rungs.param);
        let problem = sweep.place.problem_at(&["rungs", "param"], message);
        problems.push(problem.known(&rungs.param, params));
    }
    let outputs: Vec<&String> = kind.outputs.iter().map(|output| &output.name).collect();
    let is_input = kind
        .inputs
        .iter()
        .any(|input| input.name == rungs.checkpoint);
    if !outputs.contains(&&rungs.checkpoint) || !is_input {
        let message = format!(
            "`{}` has no output `{}` that it takes as an input as well",
            kind.name, rungs.checkpoint
        );
        let problem = sweep.place.problem_at(&["rungs", "checkpoint"], message);
        problems.push(problem.known(&rungs.checkpoint, outputs));
    }
}

/// Sets how far a stage goes, and from where.
fn climb(stage: &mut Stage, rungs: &Rungs, index: usize, before: Option<String>) {
    if let Some(params) = Arc::make_mut(&mut stage.params).as_object_mut() {
        params.insert(rungs.param.clone(), rungs.at[index].into());
    }
    let Some(before) = before else { return };
    for (input, references) in &mut stage.inputs {
        if input.name == rungs.checkpoint {
            *references = vec![Reference::Output {
                label: format!("{before}.{}", rungs.checkpoint),
                stage: before.clone(),
                output: rungs.checkpoint.clone(),
            }];
        }
    }
}

/// The name of a trial's node: its stage with all values of its cell, and a rung if it has none yet.
fn node(stage: &Stage, rung: Option<u64>) -> String {
    let rung = rung.map(|rung| ("rung".to_owned(), serde_json::Value::from(rung)));
    let cell: Vec<(String, serde_json::Value)> = stage.cell.iter().cloned().chain(rung).collect();
    Graph::node_name(&stage.base, &cell)
}

/// Everything that makes a node what it is; two with the same are one.
fn identity(stage: &Stage) -> String {
    format!(
        "{} {} {} {:?} {} {} {:?}",
        stage.base,
        stage.run,
        stage.params,
        stage.inputs,
        stage.threads,
        stage.device,
        stage.policy
    )
}
