//! A pipeline checked against its stage programs: every reference resolved, every parameter valid,
//! stages in an order in which they can run.
//!
//! Owns the checks that need the programs' descriptions. All problems are found in one go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{Form, Input, KindDescription};
use cinescore_artifact::params;
use cinescore_artifact::task::PROVENANCE_INPUT;
use cinescore_config::{Document, Problems};

use crate::error::PipelineError;
use crate::file::{PipelineFile, StageFile, is_name};
use crate::machine::Machine;
use crate::policy::Policy;
use crate::programs::Programs;

/// A checked pipeline.
#[derive(Debug)]
pub struct Graph {
    /// Its name: the file's, without `.yaml`.
    pub name: String,
    /// The stages, each after those it needs; otherwise in the order of the file.
    pub stages: Vec<Stage>,
}

/// A checked stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// As written, `featurize text`.
    pub run: String,
    /// The program's file.
    pub program: PathBuf,
    /// The program's code digest.
    pub code: Digest,
    /// What it does.
    pub kind: KindDescription,
    /// Its parameters, with every default.
    pub params: serde_json::Value,
    /// Its inputs in the order of the description.
    pub inputs: Vec<(Input, Vec<Reference>)>,
    /// Threads that it is given.
    pub threads: usize,
    /// The device that it is given.
    pub device: String,
    /// How it is run.
    pub policy: Policy,
    /// As written, without the cell: `net`.
    pub base: String,
    /// The values of its matrix, by key in the order of the file; empty where there is no matrix. The
    /// name is then `net[network=lstm_c,seed=7]`.
    pub cell: Vec<(String, serde_json::Value)>,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file or folder of the user's.
    Path(PathBuf),
    /// An output of another stage.
    Output {
        /// The stage.
        stage: String,
        /// Its output.
        output: String,
        /// As written.
        label: String,
    },
}

impl Stage {
    /// The stages that it needs, without repetition.
    pub fn needs(&self) -> Vec<&str> {
        let mut needs: Vec<&str> = Vec::new();
        for (_, references) in &self.inputs {
            for reference in references {
                if let Reference::Output { stage, .. } = reference
                    && !needs.contains(&stage.as_str())
                {
                    needs.push(stage);
                }
            }
        }
        needs
    }
}

impl Graph {
    /// A stage by name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// A stage by name, or an error that lists the known ones.
    pub fn known_stage(&self, name: &str) -> Result<&Stage, PipelineError> {
        self.stage(name).ok_or_else(|| PipelineError::Unknown {
            what: "stage",
            given: name.into(),
            known: self.stages.iter().map(|stage| stage.name.clone()).collect(),
        })
    }

    /// The names of a stage and of everything that it needs.
    pub fn above(&self, name: &str) -> Vec<String> {
        let mut found = vec![name.to_owned()];
        let mut next = 0;
        while let Some(stage) = found.get(next).and_then(|name| self.stage(name)) {
            for need in stage.needs() {
                if !found.iter().any(|name| name == need) {
                    found.push(need.to_owned());
                }
            }
            next += 1;
        }
        found
    }

    /// The names of a stage and of everything that needs it.
    pub fn below(&self, name: &str) -> Vec<String> {
        let mut found = vec![name.to_owned()];
        // Stages stand after what they need, so one pass finds all.
        for stage in &self.stages {
            if stage
                .needs()
                .iter()
                .any(|need| found.iter().any(|name| name == need))
            {
                found.push(stage.name.clone());
            }
        }
        found
    }

    /// Checks a file against the programs.
    pub fn check(
        file: &PipelineFile,
        programs: &Programs,
        machine: Machine,
    ) -> Result<Self, PipelineError> {
        let document = &file.document;
        let mut checker = Checker {
            document,
            programs,
            problems: file.problems.clone(),
        };
        let mut kinds = BTreeMap::new();
        for stage in &file.stages {
            if let Some(found) = checker.kind(stage)? {
                kinds.insert(stage.name.as_str(), found);
            }
        }
        let mut stages = Vec::new();
        for stage in &file.stages {
            let Some((program, code, kind)) = kinds.get(stage.name.as_str()) else {
                continue;
            };
            let params = checker.params(stage, kind);
            let inputs = checker.inputs(stage, kind, &kinds, file);
            stages.push(Stage {
                name: stage.name.clone(),
                run: stage.run.clone().unwrap_or_default(),
                program: program.clone(),
                code: *code,
                kind: kind.clone(),
                params,
                inputs,
                threads: stage.threads.unwrap_or(machine.threads),
                device: machine.device(stage.gpus).into(),
                policy: Policy {
                    gpus: stage.gpus,
                    ..Policy::default()
                },
                base: stage.name.clone(),
                cell: Vec::new(),
            });
        }
        let stages = checker.order(stages);
        let name = document
            .file()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(checker.problems.or(Self { name, stages })?)
    }
}

/// A stage's program, code digest and kind, by the stage's name.
type Kinds<'a> = BTreeMap<&'a str, (PathBuf, Digest, KindDescription)>;

struct Checker<'a> {
    document: &'a Document,
    programs: &'a Programs,
    problems: Problems,
}

impl Checker<'_> {
    /// The program and kind that `run` names: `featurize text`, or `report` for `report report`.
    fn kind(
        &mut self,
        stage: &StageFile,
    ) -> Result<Option<(PathBuf, Digest, KindDescription)>, PipelineError> {
        let Some(run) = &stage.run else {
            return Ok(None);
        };
        let path = ["stages", &stage.name, "run"];
        let mut words = run.split_whitespace();
        let (program, kind) = (words.next().unwrap_or_default(), words.next());
        let kind = kind.unwrap_or(program);
        let Some(found) = self.programs.find(program) else {
            let problem = self.document.problem_at(
                &path,
                format!("there is no stage program `cinescore-{program}`"),
            );
            self.problems
                .push(problem.known(program, self.programs.names()));
            return Ok(None);
        };
        let description = self.programs.describe(&found)?;
        let known: Vec<String> = description
            .kinds
            .iter()
            .map(|kind| kind.name.clone())
            .collect();
        match description
            .kinds
            .into_iter()
            .find(|known| known.name == kind)
        {
            Some(kind) if words.next().is_none() => Ok(Some((found, description.code, kind))),
            _ => {
                let message = format!("`{run}` names no kind of `cinescore-{program}`");
                self.problems
                    .push(self.document.problem_at(&path, message).known(kind, known));
                Ok(None)
            }
        }
    }

    fn params(&mut self, stage: &StageFile, kind: &KindDescription) -> serde_json::Value {
        for problem in params::check(&kind.params, &stage.params) {
            let path: Vec<&str> = ["stages", &stage.name, "params"]
                .into_iter()
                .chain(problem.path.iter().map(String::as_str))
                .collect();
            let found = if problem.known.is_empty() {
                let name = problem.path.join(".");
                let message = if name.is_empty() {
                    problem.message
                } else {
                    format!("`{name}`: {}", problem.message)
                };
                self.document.problem_at(&path, message)
            } else {
                let given = problem.path.last().map(String::as_str).unwrap_or_default();
                self.document
                    .problem_at_key(&path, problem.message)
                    .known(given, problem.known)
            };
            self.problems.push(found);
        }
        params::complete(&kind.params, &stage.params)
    }

    fn inputs(
        &mut self,
        stage: &StageFile,
        kind: &KindDescription,
        kinds: &Kinds,
        file: &PipelineFile,
    ) -> Vec<(Input, Vec<Reference>)> {
        let takes: Vec<&Input> = kind
            .inputs
            .iter()
            .filter(|input| input.name != PROVENANCE_INPUT)
            .collect();
        for (name, _) in &stage.inputs {
            if !takes.iter().any(|input| &input.name == name) {
                let path = ["stages", &stage.name, "inputs", name];
                let problem = self
                    .document
                    .problem_at_key(&path, format!("`{}` has no input `{name}`", kind.name));
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
            let path = ["stages", &stage.name, "inputs", &input.name];
            if texts.is_none() && !input.optional {
                let message = format!(
                    "stage `{}` lacks the input `{}`: {}",
                    stage.name, input.name, input.about
                );
                self.problems
                    .push(self.document.problem_at_key(&path[..2], message));
            }
            let mut references = Vec::new();
            for text in texts.unwrap_or_default() {
                references.extend(self.reference(text, input, &path, kinds, file));
            }
            if references.len() > 1 && !input.many {
                let message = format!(
                    "`{}` takes one artifact, not {}",
                    input.name,
                    references.len()
                );
                self.problems.push(self.document.problem_at(&path, message));
            }
            inputs.push((input.clone(), references));
        }
        inputs
    }

    /// What a reference or path means. A text whose first part names a stage is a reference; one that
    /// exists as a file or folder is a path.
    fn reference(
        &mut self,
        text: &str,
        input: &Input,
        path: &[&str],
        kinds: &Kinds,
        file: &PipelineFile,
    ) -> Vec<Reference> {
        let (stage, output) = text
            .split_once('.')
            .map_or((text, None), |(stage, output)| (stage, Some(output)));
        if file.stages.iter().any(|known| known.name == stage) {
            // A stage whose program is unknown has its problem already.
            let Some((_, _, kind)) = kinds.get(stage) else {
                return Vec::new();
            };
            return self.outputs(text, stage, output, kind, input, path);
        }
        if let Some(found) = self.existing(text) {
            return vec![Reference::Path(found)];
        }
        let looks_like_a_reference = is_name(stage)
            && output.is_none_or(is_name)
            && !matches!(input.form, Form::Source { .. });
        let problem = if looks_like_a_reference {
            let message = format!("unknown stage `{stage}`, and there is no file `{text}`");
            let known = file.stages.iter().map(|known| &known.name);
            self.document.problem_at(path, message).known(stage, known)
        } else {
            let beside = self.folder().join(text);
            let message = if Path::new(text).is_absolute() || beside == Path::new(text) {
                format!("there is no `{text}`")
            } else {
                format!("there is no `{text}`, nor `{}`", beside.display())
            };
            self.document.problem_at(path, message)
        };
        self.problems.push(problem);
        Vec::new()
    }

    fn folder(&self) -> &Path {
        self.document.file().parent().unwrap_or(Path::new(""))
    }

    /// A path as it is from the pipeline's folder, or else from the working folder.
    fn existing(&self, text: &str) -> Option<PathBuf> {
        [self.folder().join(text), PathBuf::from(text)]
            .into_iter()
            .find(|path| path.exists())
    }

    fn outputs(
        &mut self,
        text: &str,
        stage: &str,
        output: Option<&str>,
        kind: &KindDescription,
        input: &Input,
        path: &[&str],
    ) -> Vec<Reference> {
        let names: Vec<&String> = kind.outputs.iter().map(|output| &output.name).collect();
        let chosen: Vec<_> = match output {
            Some(name) => {
                let chosen: Vec<_> = kind
                    .outputs
                    .iter()
                    .filter(|output| output.name == name)
                    .collect();
                if chosen.is_empty() {
                    let message = format!("stage `{stage}` has no output `{name}`");
                    self.problems
                        .push(self.document.problem_at(path, message).known(name, &names));
                }
                chosen
            }
            None if input.many || kind.outputs.len() == 1 => kind.outputs.iter().collect(),
            None => {
                let message = format!(
                    "stage `{stage}` has several outputs: name one, `{stage}.{}`",
                    names[0]
                );
                self.problems
                    .push(self.document.problem_at(path, message).known("", &names));
                Vec::new()
            }
        };
        for output in &chosen {
            if !input.form.takes(&output.form) {
                let message = format!(
                    "`{text}` is a {}, but `{}` takes a {}",
                    output.form, input.name, input.form
                );
                self.problems.push(self.document.problem_at(path, message));
            }
        }
        let reference = |output: &str| Reference::Output {
            stage: stage.into(),
            output: output.into(),
            label: text.into(),
        };
        chosen
            .into_iter()
            .map(|output| reference(&output.name))
            .collect()
    }

    /// Every stage after those it needs; what is left stands in a cycle.
    fn order(&mut self, stages: Vec<Stage>) -> Vec<Stage> {
        let mut waiting = stages;
        let mut ordered: Vec<Stage> = Vec::new();
        loop {
            let is_done = |name: &str| ordered.iter().any(|stage| stage.name == name);
            let ready = waiting
                .iter()
                .position(|stage| stage.needs().iter().all(|need| is_done(need)));
            match ready {
                Some(index) => ordered.push(waiting.remove(index)),
                None => break,
            }
        }
        // A stage that needs one with another problem waits as well, but is no cycle.
        let in_cycle = |stage: &Stage| {
            stage.needs().iter().all(|need| {
                waiting
                    .iter()
                    .chain(&ordered)
                    .any(|known| known.name == *need)
            })
        };
        if !waiting.is_empty() && waiting.iter().all(in_cycle) {
            let names: Vec<String> = waiting
                .iter()
                .map(|stage| format!("`{}`", stage.name))
                .collect();
            let message = format!(
                "these stages need each other in a circle: {}",
                names.join(", ")
            );
            self.problems.push(
                self.document
                    .problem_at_key(&["stages", &waiting[0].name], message),
            );
        }
        ordered
    }
}
