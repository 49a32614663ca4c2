//! Making one result: lock, task file, program, outputs into the store, record last.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use cinescore_artifact::describe::{Form, PROTOCOL};
use cinescore_artifact::exit;
use cinescore_artifact::store::{LockHolder, Object, ObjectState, RECORD_VERSION, Record, WorkDir};
use cinescore_artifact::task::{
    PROVENANCE_INPUT, RESULT_FILE, Task, TaskInput, TaskResult, read_json, write_json,
};

use super::Runner;
use super::child::{self, Ended};
use super::record::{RunRecord, StageRun};
use crate::error::PipelineError;
use crate::graph::Stage;
use crate::plan::{self, Key, logs_folder};

/// How much of a failed stage's log is shown.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 16 * 1024;

impl Runner<'_> {
    /// Makes the result of a key, unless another process does so first.
    pub(super) fn execute(
        &mut self,
        stage: &Stage,
        key: &Key,
        force: bool,
    ) -> Result<Record, PipelineError> {
        let holder = LockHolder {
            pid: std::process::id(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            since: jiff::Timestamp::now().to_string(),
        };
        let mut waited = false;
        let _lock = self.project.store.lock(key.fingerprint, &holder, |other| {
            waited = true;
            self.observer.waiting(stage, other.as_ref());
        })?;
        let before = plan::result(self.project, stage, key, &mut Vec::new())?;
        if let Some(record) = &before
            && (waited || !force)
        {
            return Ok(record.clone());
        }
        let record = self.make(stage, key)?;
        if let Some(before) = before
            && before.outputs != record.outputs
        {
            let message =
                "other bytes than before for the same key: this stage is not deterministic";
            self.observer.warning(stage, message);
        }
        Ok(record)
    }

    fn make(&mut self, stage: &Stage, key: &Key) -> Result<Record, PipelineError> {
        self.verify_inputs(stage, key)?;
        let work = self.project.store.work_dir()?;
        let task_file = self.write_task(stage, key, &work)?;
        let record = self
            .run_record
            .get_or_insert_with(|| RunRecord::begin(&self.graph.name));
        let run = record.id.clone();
        let logs = logs_folder(self.project, &run);
        fs_err::create_dir_all(&logs).map_err(PipelineError::io("make", &logs))?;
        record.write(self.project)?;

        let log = logs.join(format!("{}.log", stage.name));
        self.observer.started(stage);
        let on_event = |event: &_| self.observer.event(stage, event);
        let ended = child::run(
            stage,
            &task_file,
            work.path(),
            &log,
            self.interrupted,
            &on_event,
        )?;
        self.executed.push(stage.name.clone());
        let outputs = work.path().join("out");
        let result = read_json::<TaskResult>(&outputs.join(RESULT_FILE));
        self.note(stage, key, &ended, result.as_ref().ok())?;
        if ended.interrupted {
            return Err(PipelineError::Interrupted);
        }
        if !ended.status.success() {
            let code =
                u8::try_from(ended.status.code().unwrap_or_default()).unwrap_or(exit::FAILED);
            let tail = tail(&log).unwrap_or_default();
            return Err(PipelineError::StageFailed {
                stage: stage.name.clone(),
                how: ended.how(),
                code,
                log,
                tail,
            });
        }
        let result = result.map_err(|error| PipelineError::Protocol {
            stage: stage.name.clone(),
            how: format!("it ended well without a readable {RESULT_FILE}: {error}"),
        })?;
        let record = Record {
            version: RECORD_VERSION,
            fingerprint: key.fingerprint,
            preimage: serde_json::to_value(&key.preimage).map_err(|error| {
                PipelineError::Protocol {
                    stage: stage.name.clone(),
                    how: format!("its key cannot be written: {error}"),
                }
            })?,
            outputs: self.take_outputs(stage, &outputs)?,
            // The device class is in the key; the device itself, like speeds, is the run's affair.
            result: TaskResult {
                performance: BTreeMap::new(),
                device: None,
                ..result
            },
            run,
        };
        self.project.store.put_record(&record)?;
        self.observer.finished(stage, &record, ended.wall);
        Ok(record)
    }

    /// Hashes what the stage is about to read, whatever its stat says.
    fn verify_inputs(&self, stage: &Stage, key: &Key) -> Result<(), PipelineError> {
        let objects = self.project.store.root().join("objects");
        for artifact in key.inputs.values().flatten() {
            let Some(digest) = artifact
                .digest
                .filter(|_| artifact.path.starts_with(&objects))
            else {
                continue;
            };
            if self.project.store.verify_object(digest)? != ObjectState::Present {
                return Err(PipelineError::Protocol {
                    stage: stage.name.clone(),
                    how: format!(
                        "its input `{}` was damaged in the store and set aside; run again to make it anew",
                        artifact.label
                    ),
                });
            }
        }
        Ok(())
    }

    fn write_task(
        &self,
        stage: &Stage,
        key: &Key,
        work: &WorkDir,
    ) -> Result<std::path::PathBuf, PipelineError> {
        let (output_dir, scratch_dir) = (work.path().join("out"), work.path().join("scratch"));
        for folder in [&output_dir, &scratch_dir] {
            fs_err::create_dir(folder).map_err(PipelineError::io("make", folder))?;
        }
        let mut inputs = key.inputs.clone();
        if let Some(provenance) = &key.provenance {
            let path = work.path().join("provenance.json");
            write_json(&path, provenance)?;
            let input = TaskInput {
                label: PROVENANCE_INPUT.into(),
                output: None,
                path,
                digest: None,
            };
            inputs.insert(PROVENANCE_INPUT.into(), vec![input]);
        }
        let task = Task {
            protocol: PROTOCOL,
            kind: stage.kind.name.clone(),
            params: stage.params.clone(),
            inputs,
            output_dir,
            scratch_dir,
            persist: false,
            threads: stage.threads,
            device: stage.device.clone(),
        };
        let path = work.path().join("task.json");
        write_json(&path, &task)?;
        Ok(path)
    }

    /// Checks that the outputs are those declared and takes them into the store.
    fn take_outputs(
        &self,
        stage: &Stage,
        folder: &Path,
    ) -> Result<BTreeMap<String, Object>, PipelineError> {
        let mut objects = BTreeMap::new();
        for output in &stage.kind.outputs {
            let path = folder.join(&output.file_name);
            let as_declared = match output.form {
                Form::Folder => path.is_dir(),
                Form::Any => path.exists(),
                Form::Table { .. } | Form::File | Form::Network | Form::Source { .. } => {
                    path.is_file()
                }
            };
            if !as_declared || path.is_symlink() {
                return Err(PipelineError::Protocol {
                    stage: stage.name.clone(),
                    how: format!(
                        "its output `{}` is not the {} that it declares",
                        output.name, output.form
                    ),
                });
            }
            let object =
                self.project
                    .store
                    .put_object(&path, &output.file_name, &self.project.memo)?;
            objects.insert(output.name.clone(), object);
        }
        Ok(objects)
    }

    /// Puts a program that ended on the run's record.
    fn note(
        &mut self,
        stage: &Stage,
        key: &Key,
        ended: &Ended,
        result: Option<&TaskResult>,
    ) -> Result<(), PipelineError> {
        let Some(record) = &mut self.run_record else {
            return Ok(());
        };
        record.stages.push(StageRun {
            stage: stage.name.clone(),
            fingerprint: key.fingerprint,
            wall_secs: ended.wall.as_secs_f64(),
            cpu_secs: (ended.usage.utime + ended.usage.stime).as_secs_f64(),
            peak_memory_bytes: ended.usage.maxrss,
            threads: stage.threads,
            device: result.and_then(|result| result.device.clone()),
            ended: ended.how(),
            performance: result
                .map(|result| result.performance.clone())
                .unwrap_or_default(),
        });
        record.write(self.project)
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> std::io::Result<String> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    Ok(lines[start..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n"))
}
