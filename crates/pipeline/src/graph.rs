//! A pipeline checked against its stage programs: every reference resolved, every parameter valid,
//! stages in an order in which they can run.
//!
//! Owns the checked pipeline and the questions that people ask of it. Does not own the checks
//! (`check`), the meaning of references (`reference`) or the order (`order`).

mod check;
mod order;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{Input, KindDescription, Output};

use crate::error::PipelineError;
use crate::executor::Choice;
use crate::file::{PipelineFile, node_name};
use crate::machine::Machine;
use crate::policy::Policy;
use crate::programs::Programs;
use crate::shards::Piece;

pub(crate) use reference::Selector;

/// A checked pipeline.
#[derive(Debug)]
pub struct Graph {
    /// Its name: the file's, without `.yaml`.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// The stages, each cell of a matrix one of them, each after those it needs; otherwise in the order
    /// of the file.
    pub stages: Vec<Stage>,
    by_name: BTreeMap<String, usize>,
}

/// A checked stage, or one cell of its matrix.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name; of a cell, `net[network=lstm_c,seed=7]`.
    pub name: String,
    /// As written, without the cell: `net`.
    pub base: String,
    /// The values of its matrix, by key in the order of the file; empty where there is no matrix.
    pub cell: Vec<(String, serde_json::Value)>,
    /// As written, `featurize text`.
    pub run: String,
    /// The program's file.
    pub program: PathBuf,
    /// The program's code digest.
    pub code: Digest,
    /// What it does.
    pub kind: Arc<KindDescription>,
    /// Its parameters, with every default.
    pub params: Arc<serde_json::Value>,
    /// Its inputs in the order of the description.
    pub inputs: Vec<(Arc<Input>, Vec<Reference>)>,
    /// Its outputs, those of the description.
    pub outputs: Arc<Vec<Output>>,
    /// Threads that it is given.
    pub threads: usize,
    /// The device that it is given.
    pub device: String,
    /// How it is run.
    pub policy: Policy,
    /// Into how many shards a run divides it, where the file says so.
    pub shards: Option<u32>,
    /// Which part of a stage's work it is; all of it but in a divided graph.
    pub piece: Piece,
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
        /// As written; of a cell, with all its values.
        label: String,
    },
}

impl Stage {
    /// The stages that it needs, without repetition.
    pub fn needs(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let references = self.inputs.iter().flat_map(|(_, references)| references);
        references
            .filter_map(|reference| match reference {
                Reference::Output { stage, .. } => Some(stage.as_str()),
                Reference::Path(_) => None,
            })
            .filter(|stage| seen.insert(*stage))
            .collect()
    }
}

impl Stage {
    /// The stages behind which it runs: those that it needs, and of a merge its shards.
    pub fn after(&self) -> Vec<&str> {
        let mut names = self.needs();
        if let Piece::Merge { shards } = &self.piece {
            names.extend(shards.iter().map(String::as_str));
        }
        names
    }
}

impl Graph {
    /// Checks a file against the programs.
    pub fn check(
        file: &PipelineFile,
        programs: &Programs,
        machine: Machine,
        choice: Choice,
    ) -> Result<Self, PipelineError> {
        let stages = check::stages(file, programs, machine, choice)?;
        let name = file.path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        Ok(Self::of_stages(name, file.path.clone(), stages))
    }

    /// A graph of stages that are checked and in an order in which they can run.
    pub(crate) fn of_stages(name: String, file: PathBuf, stages: Vec<Stage>) -> Self {
        let by_name = stages
            .iter()
            .enumerate()
            .map(|(index, stage)| (stage.name.clone(), index))
            .collect();
        Self {
            name,
            file,
            stages,
            by_name,
        }
    }

    /// The name of a cell: `net[network=lstm_c,seed=7]`.
    pub(crate) fn node_name(base: &str, cell: &[(String, serde_json::Value)]) -> String {
        let cell: Vec<(String, serde_yaml::Value)> = cell
            .iter()
            .map(|(key, value)| {
                let value = serde_yaml::to_value(value).unwrap_or_default();
                (key.clone(), value)
            })
            .collect();
        node_name(base, &cell)
    }

    /// A stage by its whole name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.by_name.get(name).map(|&index| &self.stages[index])
    }

    /// The one stage that a person means, as in [`Self::matching`], or an error that lists the known ones.
    pub fn known_stage(&self, text: &str) -> Result<&Stage, PipelineError> {
        if let Some(stage) = self.stage(text) {
            return Ok(stage);
        }
        match self.matching(text)?.as_slice() {
            [stage] => Ok(stage),
            several => Err(PipelineError::Usage(format!(
                "`{text}` are {} stages: name one, such as `{}`",
                several.len(),
                several[0].name
            ))),
        }
    }

    /// The stages that a person means: `net` (all its cells), `net[seed=7]` (those that agree), `net[*]`.
    pub fn matching(&self, text: &str) -> Result<Vec<&Stage>, PipelineError> {
        let (base, selector) = Selector::split(text);
        let selector = match selector {
            None => Selector::All,
            Some(inside) => Selector::parse(inside).map_err(|message| {
                PipelineError::Usage(format!("`{text}` names no stage: {message}"))
            })?,
        };
        let found: Vec<&Stage> = self
            .stages
            .iter()
            .filter(|stage| stage.base == base && selector.takes(&stage.cell))
            .collect();
        if found.is_empty() {
            return Err(self.unknown(text));
        }
        Ok(found)
    }

    /// The names of the stages that a program runs, given by its short name, `featurize`.
    pub fn stages_of(&self, program: &str) -> Result<Vec<String>, PipelineError> {
        let short = |stage: &Stage| stage.run.split_whitespace().next().map(String::from);
        let named = |stage: &&Stage| short(stage).as_deref() == Some(program);
        let found: Vec<String> = self
            .stages
            .iter()
            .filter(named)
            .map(|stage| stage.name.clone())
            .collect();
        if found.is_empty() {
            let mut known: Vec<String> = self.stages.iter().filter_map(short).collect();
            known.sort();
            known.dedup();
            return Err(PipelineError::Unknown {
                what: "program in this pipeline",
                given: program.into(),
                known,
            });
        }
        Ok(found)
    }

    fn unknown(&self, given: &str) -> PipelineError {
        let mut known: Vec<String> = Vec::new();
        let (base, _) = Selector::split(given);
        let is_base = self.stages.iter().any(|stage| stage.base == base);
        for stage in &self.stages {
            // Of a known stage its cells, else the stages without theirs.
            let name = match is_base {
                true if stage.base == base => &stage.name,
                true => continue,
                false => &stage.base,
            };
            if !known.contains(name) {
                known.push(name.clone());
            }
        }
        PipelineError::Unknown {
            what: "stage",
            given: given.into(),
            known,
        }
    }

    /// The names of a stage and of everything that it needs.
    pub fn above(&self, name: &str) -> Vec<String> {
        let mut found = vec![name.to_owned()];
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut next = 0;
        while let Some(name) = found.get(next) {
            let needs: Vec<String> = self
                .stage(name)
                .map(|stage| stage.needs().into_iter().map(String::from).collect())
                .unwrap_or_default();
            for need in needs {
                if seen.insert(need.clone()) {
                    found.push(need);
                }
            }
            next += 1;
        }
        found
    }

    /// The names of a stage and of everything that needs it.
    pub fn below(&self, name: &str) -> Vec<String> {
        let mut found = vec![name.to_owned()];
        let mut seen = BTreeSet::from([name.to_owned()]);
        // Stages stand after what they need, so one pass finds all.
        for stage in &self.stages {
            let needs_one = stage.needs().iter().any(|need| seen.contains(*need));
            if needs_one && seen.insert(stage.name.clone()) {
                found.push(stage.name.clone());
            }
        }
        found
    }
}
