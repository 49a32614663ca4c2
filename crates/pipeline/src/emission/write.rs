//! Writing an emission: which stages, their tasks, and what each reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cinescore_artifact::Digest;
use cinescore_artifact::describe::{Output, PROTOCOL};
use cinescore_artifact::task::{PART, Task, TaskInput, Work};
use serde_json::Value;

use super::{Given, Note, Target, TaskNote, VERSION, hq, k8s, script, task_folder, task_name};
use crate::error::PipelineError;
use crate::fingerprint::{InputKey, Preimage};
use crate::graph::{Graph, Reference, Stage};
use crate::note;
use crate::plan::{self, Known};
use crate::project::Project;
use crate::run::{self, Selection, TASK_FILE};
use crate::shards;

/// What was written.
#[derive(Debug)]
pub struct Emitted {
    /// The files of the engine, the one to be submitted first; none where there was nothing to emit.
    pub files: Vec<PathBuf>,
    /// The stages and shards that have a task.
    pub stages: Vec<String>,
    /// The stale stages that have none.
    pub left_out: Vec<LeftOut>,
    /// What a person should know.
    pub remarks: Vec<String>,
    /// Whether a run must be told that some stages are made elsewhere only, since this machine has no GPU.
    pub elsewhere: bool,
}

/// A stale stage that is not emitted.
#[derive(Debug)]
pub struct LeftOut {
    /// The stage.
    pub stage: String,
    /// Why.
    pub why: String,
}

/// A task as an engine sees it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) stage: String,
    /// The numbers of the tasks that it needs, all of them smaller than its own.
    pub(super) needs: Vec<usize>,
    pub(super) threads: usize,
    pub(super) gpus: usize,
    pub(super) memory_bytes: Option<u64>,
    /// How long each of its tries may take, seconds; 0: as long as it likes.
    pub(super) limits: Vec<u64>,
}

/// Writes the stale stages of a selection for an engine.
pub fn emit(
    project: &Project,
    graph: &Graph,
    selection: &Selection,
    target: &Target,
) -> Result<Emitted, PipelineError> {
    let divided = shards::divide(graph);
    let graph = divided.as_ref().unwrap_or(graph);
    let may_run = run::places(graph, selection)?;
    let mut writer = Writer::new(project, graph)?;
    for (place, stage) in graph.stages.iter().enumerate() {
        writer.look_at(stage, may_run.contains(&place))?;
    }
    writer.finish(target)
}

/// An input of a task, and the digest of it that its key has.
struct Read {
    input: TaskInput,
    given: Option<(usize, Output)>,
}

struct Writer<'a> {
    project: &'a Project,
    graph: &'a Graph,
    folder: PathBuf,
    known: Known,
    /// The tasks by stage.
    numbers: BTreeMap<String, usize>,
    notes: Vec<TaskNote>,
    pieces: Vec<Piece>,
    left_out: Vec<LeftOut>,
    remarks: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(project: &'a Project, graph: &'a Graph) -> Result<Self, PipelineError> {
        let all = super::folder(&project.store);
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S");
        let make = || -> std::io::Result<PathBuf> {
            fs_err::create_dir_all(&all)?;
            let folder = tempfile::Builder::new()
                .prefix(&format!("{}-{now}-", graph.name))
                .tempdir_in(&all)?
                .keep();
            Ok(folder)
        };
        let folder = make().map_err(PipelineError::io("make", &all))?;
        // A temporary folder is closed to others, and the nodes' user may be another one.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(&folder, mode).map_err(PipelineError::io("open", &folder))?;
        Ok(Self {
            project,
            graph,
            folder,
            known: Known::new(),
            numbers: BTreeMap::new(),
            notes: Vec::new(),
            pieces: Vec::new(),
            left_out: Vec::new(),
            remarks: Vec::new(),
        })
    }

    fn look_at(&mut self, stage: &Stage, may_run: bool) -> Result<(), PipelineError> {
        let (project, graph) = (self.project, self.graph);
        if shards::is_spared(project, graph, stage, &self.known)? {
            return Ok(());
        }
        let assessment = plan::assess(project, graph, stage, &self.known)?;
        if let (Some(key), Some(record)) = (assessment.key, assessment.record) {
            self.known.insert(stage.name.clone(), (key, record));
            return Ok(());
        }
        match self.hindrance(stage, may_run) {
            Some(_) if !may_run => Ok(()),
            Some(why) => {
                let stage = stage.name.clone();
                self.left_out.push(LeftOut { stage, why });
                Ok(())
            }
            None => self.write(stage),
        }
    }

    /// Why a stale stage cannot be emitted.
    fn hindrance(&self, stage: &Stage, may_run: bool) -> Option<String> {
        if !may_run {
            return Some("it is not selected".into());
        }
        if stage.kind.provenance {
            return Some("it reads how all others were made, which is known when they are".into());
        }
        if stage.policy.gpus > 0 && stage.device == "cpu" {
            return Some(
                "it asks for a GPU, runs here by `executor: local`, and this machine has none"
                    .into(),
            );
        }
        let has = |need: &&str| self.known.contains_key(*need) || self.numbers.contains_key(*need);
        let after = stage.after();
        let missing = after.iter().find(|need| !has(need))?;
        Some(format!("it needs `{missing}`, which is not emitted"))
    }

    fn write(&mut self, stage: &Stage) -> Result<(), PipelineError> {
        let number = self.pieces.len();
        let (mut keys, mut inputs, mut given) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (input, references) in &stage.inputs {
            for reference in references {
                let read = self.read(stage, (&input.name, &input.form), reference)?;
                if let Some((task, output)) = read.given {
                    given.push(Given {
                        input: keys.len(),
                        task,
                        output: output.name,
                        file_name: output.file_name,
                    });
                }
                keys.push(InputKey::of(input, &read.input));
                let all: &mut Vec<TaskInput> = inputs.entry(input.name.clone()).or_default();
                all.push(read.input);
            }
        }
        let work = self.work(stage)?;
        let after = stage.after();
        let mut needs: Vec<usize> = after
            .iter()
            .filter_map(|need| self.numbers.get(*need).copied())
            .collect();
        needs.sort_unstable();
        let piece = Piece {
            stage: stage.name.clone(),
            needs,
            threads: stage.threads,
            gpus: stage.policy.gpus,
            memory_bytes: stage.policy.memory_bytes,
            limits: limits(stage),
        };
        let folder = task_folder(&self.folder, number);
        let task = Task {
            protocol: PROTOCOL,
            kind: stage.kind.name.clone(),
            params: Value::clone(&stage.params),
            inputs,
            output_dir: folder.join(run::OUT_DIR),
            scratch_dir: folder.join("scratch"),
            persist: stage.policy.persist,
            log_dir: None,
            threads: stage.threads,
            device: stage.device.clone(),
            work,
        };
        fs_err::create_dir_all(&folder).map_err(PipelineError::io("make", &folder))?;
        note::write(&folder.join(TASK_FILE), &task)?;
        run::write_task_script(&folder, stage)?;
        let lines = |numbers: Vec<String>| numbers.iter().map(|one| format!("{one}\n")).collect();
        let needs: String = lines(piece.needs.iter().map(|need| task_name(*need)).collect());
        let limits: String = lines(piece.limits.iter().map(u64::to_string).collect());
        for (name, text) in [("needs", needs), ("limits", limits)] {
            let path = folder.join(name);
            fs_err::write(&path, text).map_err(PipelineError::io("write", &path))?;
        }
        self.remark(stage);
        self.notes.push(TaskNote {
            stage: stage.name.clone(),
            preimage: Preimage::of(stage, keys),
            given,
        });
        self.numbers.insert(stage.name.clone(), number);
        self.pieces.push(piece);
        Ok(())
    }

    /// What an input is: an object or a file of the user's, or what another task will have written.
    fn read(
        &self,
        stage: &Stage,
        (input, form): (&str, &cinescore_artifact::describe::Form),
        reference: &Reference,
    ) -> Result<Read, PipelineError> {
        if let Reference::Output {
            stage: upstream,
            output,
            label,
        } = reference
            && let Some((number, own)) = self.task_of(upstream, output)
        {
            return Ok(Read {
                input: TaskInput {
                    label: label.clone(),
                    output: Some(output.clone()),
                    path: self.path_of(number, &own),
                    digest: None,
                },
                given: Some((number, own)),
            });
        }
        let input = plan::artifact(self.project, stage, input, form, reference, &self.known)?;
        Ok(Read { input, given: None })
    }

    /// The task that will have written an output.
    fn task_of(&self, stage: &str, output: &str) -> Option<(usize, Output)> {
        let number = *self.numbers.get(stage)?;
        let outputs = &self.graph.stage(stage)?.outputs;
        let own = outputs.iter().find(|own| own.name == output)?;
        Some((number, own.clone()))
    }

    fn path_of(&self, number: usize, output: &Output) -> PathBuf {
        task_folder(&self.folder, number)
            .join(run::OUT_DIR)
            .join(&output.file_name)
    }

    /// Which part of the work it is, with what its shards left or will have left.
    fn work(&self, stage: &Stage) -> Result<Work, PipelineError> {
        let shards = match &stage.piece {
            shards::Piece::Whole => return Ok(Work::Whole),
            shards::Piece::Shard { shard, .. } => return Ok(Work::Shard(*shard)),
            shards::Piece::Merge { shards } => shards,
        };
        let part = |name: &String| {
            let (path, digest) = match (self.task_of(name, PART), self.known.get(name)) {
                (Some((number, own)), _) => (self.path_of(number, &own), None),
                (None, Some((_, record))) => {
                    let object = record.outputs.get(PART)?;
                    let path = self.project.store.object_path(object.digest);
                    (path, Some(object.digest))
                }
                (None, None) => return None,
            };
            Some(TaskInput {
                label: name.clone(),
                output: Some(PART.into()),
                path,
                digest,
            })
        };
        let parts: Option<Vec<TaskInput>> = shards.iter().map(part).collect();
        let parts = parts.ok_or_else(|| PipelineError::Protocol {
            stage: stage.name.clone(),
            how: "one of its shards is neither there nor emitted".into(),
        })?;
        Ok(Work::Merge { parts })
    }

    /// What of a stage's policy an engine does not know.
    fn remark(&mut self, stage: &Stage) {
        if stage.piece.is_shard() {
            return;
        }
        let retries = &stage.policy.retries;
        if !stage.policy.mutex.is_empty() {
            self.remarks.push(format!(
                "{}: `mutex` is not kept: others may run beside it",
                stage.name
            ));
        }
        if retries.times > 0 && retries.memory_factor > 1.0 && stage.policy.memory_bytes.is_some() {
            self.remarks.push(format!(
                "{}: a further try has the memory of the first",
                stage.name
            ));
        }
    }

    fn finish(self, target: &Target) -> Result<Emitted, PipelineError> {
        let Self {
            folder,
            graph,
            pieces,
            notes,
            ..
        } = self;
        let with_gpus = pieces.iter().any(|piece| piece.gpus > 0);
        let files = if pieces.is_empty() {
            fs_err::remove_dir_all(&folder).map_err(PipelineError::io("remove", &folder))?;
            Vec::new()
        } else {
            script::write(&folder)?;
            let files = match target {
                Target::HyperQueue => vec![hq::write(&folder, &graph.name, &pieces)?],
                Target::Kubernetes(cluster) => k8s::write(&folder, &graph.name, &pieces, cluster)?,
            };
            // Last: without it, the folder is none of a run's business.
            let note = Note {
                version: VERSION,
                pipeline: graph.name.clone(),
                target: target.name().into(),
                tasks: notes,
            };
            note::write(&folder.join(super::NOTE), &note)?;
            files
        };
        Ok(Emitted {
            files,
            stages: pieces.into_iter().map(|piece| piece.stage).collect(),
            left_out: self.left_out,
            remarks: self.remarks,
            elsewhere: with_gpus && self.project.machine.device(1) == "cpu",
        })
    }
}

impl InputKey {
    /// An input in a key, as far as it is known.
    fn of(input: &Arc<cinescore_artifact::describe::Input>, read: &TaskInput) -> Self {
        Self {
            input: input.name.clone(),
            label: input.many.then(|| {
                let output = read.output.clone().unwrap_or_default();
                (read.label.clone(), output)
            }),
            digest: read.digest.unwrap_or_else(unknown),
        }
    }
}

/// What stands for a digest that is not known yet.
pub(super) fn unknown() -> Digest {
    Digest::of_bytes(b"")
}

/// How long each try may take, in whole seconds and not a moment less than was asked for; 0 without a limit.
fn limits(stage: &Stage) -> Vec<u64> {
    let seconds = |attempt| {
        let timeout = stage.policy.timeout_of_try(attempt);
        timeout.map_or(0, |own| own.as_secs() + u64::from(own.subsec_nanos() > 0))
    };
    (1..=stage.policy.retries.times + 1).map(seconds).collect()
}

/// Where a task lies, for those who look for it.
pub(super) fn number_of(note: &Note, stage: &str) -> Option<usize> {
    note.tasks.iter().position(|task| task.stage == stage)
}
