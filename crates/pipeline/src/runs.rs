//! Former runs: finding them by id, by a part of it, or as `last`, and reading their records and logs.
//!
//! Owns what lies in `artifacts/logs`. Does not own a record's format ([`crate::run::RunRecord`]). Needs
//! no pipeline and no store: what was run can be read when neither is there any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cinescore_artifact::task::read_json;

use crate::error::PipelineError;
use crate::file_name::file_name;
use crate::run::record::{RUN_FILE, STAGES_FILE};
use crate::run::{RunRecord, StageRun};

/// The runs whose logs lie in a project's artifacts.
#[derive(Debug)]
pub struct Runs {
    folder: PathBuf,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It has not, as far as can be told from here.
    Running,
    /// Well.
    Done,
    /// With an error.
    Failed,
    /// By SIGINT or SIGTERM.
    Interrupted,
    /// Its process is gone and left no end.
    Killed,
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Done => "ok",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
        })
    }
}

impl RunRecord {
    /// How it ended.
    pub fn status(&self) -> RunStatus {
        match (&self.finished, self.exit_code) {
            (None, _) if self.is_alive() => RunStatus::Running,
            (None, _) => RunStatus::Killed,
            (Some(_), Some(0)) => RunStatus::Done,
            (Some(_), Some(cinescore_artifact::exit::INTERRUPTED)) => RunStatus::Interrupted,
            (Some(_), Some(_)) => RunStatus::Failed,
            // Version 1 of the format did not say.
            (Some(_), None) if self.stages.iter().all(StageRun::is_computed) => RunStatus::Done,
            (Some(_), None) => RunStatus::Failed,
        }
    }

    fn is_alive(&self) -> bool {
        let here = rustix::system::uname();
        let is_here = here.nodename().to_string_lossy() == self.host.as_str();
        let pid = i32::try_from(self.pid).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        is_here && pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    }

    /// How long it took, seconds; none where it has not ended.
    pub fn wall_secs(&self) -> Option<f64> {
        let started: jiff::Timestamp = self.started.parse().ok()?;
        let finished: jiff::Timestamp = self.finished.as_ref()?.parse().ok()?;
        Some(finished.duration_since(started).as_secs_f64())
    }

    /// The last try of a stage.
    pub fn stage(&self, name: &str) -> Option<&StageRun> {
        self.stages.iter().rev().find(|stage| stage.stage == name)
    }

    /// The names of its stages, in order, each once.
    pub fn stage_names(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let names = self.stages.iter().map(|stage| stage.stage.clone());
        names.filter(|name| seen.insert(name.clone())).collect()
    }

    /// How many stages were computed.
    pub fn computed(&self) -> usize {
        let computed = self.stages.iter().filter(|stage| stage.is_computed());
        computed.count()
    }
}

impl Runs {
    /// The runs below a project's `artifacts/`.
    pub fn of(artifacts: &Path) -> Self {
        Self {
            folder: artifacts.join("logs"),
        }
    }

    /// The ids of the runs of one pipeline, or of all, the newest first.
    pub fn ids(&self, pipeline: Option<&str>) -> Result<Vec<String>, PipelineError> {
        let entries = match fs_err::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(PipelineError::io("read", &self.folder)(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(PipelineError::io("read", &self.folder))?;
            let id = entry.file_name().to_string_lossy().into_owned();
            if pipeline.is_none_or(|name| pipeline_of(&id) == Some(name))
                && entry.path().join(RUN_FILE).is_file()
            {
                ids.push(id);
            }
        }
        // An id begins with its time.
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    /// The record of a run. One that has not ended has the stages that have.
    pub fn read(&self, id: &str) -> Result<RunRecord, PipelineError> {
        let folder = self.folder.join(id);
        let mut record: RunRecord = read_json(&folder.join(RUN_FILE))?;
        if record.finished.is_none()
            && let Ok(lines) = fs_err::read_to_string(folder.join(STAGES_FILE))
        {
            // The last line may be cut off.
            let stages = lines
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            record.stages = stages.collect();
        }
        Ok(record)
    }

    /// The bytes of a record, if they are not more than so many.
    pub(crate) fn read_bytes(&self, id: &str, most: u64) -> std::io::Result<Option<Vec<u8>>> {
        let path = self.folder.join(id).join(RUN_FILE);
        if fs_err::metadata(&path)?.len() > most {
            return Ok(None);
        }
        fs_err::read(path).map(Some)
    }

    /// The record of the run that is meant by an id, the beginning of one, `last` or `last~N`: the N-th
    /// before the last, of the given pipeline or else of that of the newest run.
    pub fn find(&self, given: &str, pipeline: Option<&str>) -> Result<RunRecord, PipelineError> {
        self.read(&self.id(given, pipeline)?)
    }

    /// The id that is meant; see [`Self::find`].
    pub fn id(&self, given: &str, pipeline: Option<&str>) -> Result<String, PipelineError> {
        let all = self.ids(None)?;
        if let Some(back) = steps_back(given) {
            let newest = all.first().and_then(|id| pipeline_of(id));
            let pipeline = pipeline.or(newest);
            let mut runs = all.iter().filter(|id| pipeline_of(id) == pipeline);
            return runs.nth(back).cloned().ok_or_else(|| {
                let count = all.iter().filter(|id| pipeline_of(id) == pipeline).count();
                PipelineError::Usage(match pipeline {
                    Some(name) => format!("there is no run `{given}`; known of `{name}`: {count}"),
                    None => format!("there is no run `{given}`: nothing was ever computed here"),
                })
            });
        }
        let found: Vec<&String> = all
            .iter()
            .filter(|id| !given.is_empty() && id.starts_with(given))
            .collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(PipelineError::Unknown {
                what: "run",
                given: given.into(),
                known: all,
            }),
            several if several.iter().any(|id| *id == given) => Ok(given.into()),
            several => Err(PipelineError::Usage(format!(
                "`{given}` is the beginning of {} runs, from `{}` to `{}`",
                several.len(),
                several[several.len() - 1],
                several[0]
            ))),
        }
    }

    /// The log of a stage: of the run that is meant, or else the newest that there is.
    pub fn log(
        &self,
        stage: &str,
        run: Option<&str>,
        pipeline: Option<&str>,
    ) -> Result<PathBuf, PipelineError> {
        let name = format!("{}.log", file_name(stage));
        let ids = match run {
            Some(run) => vec![self.id(run, pipeline)?],
            None => self.ids(pipeline)?,
        };
        let paths = ids.iter().map(|id| self.folder.join(id).join(&name));
        if let Some(path) = paths.into_iter().find(|path| path.is_file()) {
            return Ok(path);
        }
        Err(self.no_log(stage, run, &ids))
    }

    fn no_log(&self, stage: &str, run: Option<&str>, ids: &[String]) -> PipelineError {
        let mut known = BTreeSet::new();
        for id in ids {
            let Ok(record) = self.read(id) else {
                continue;
            };
            if let (Some(_), Some(found)) = (run, record.stage(stage)) {
                return PipelineError::Usage(format!(
                    "`{stage}` was {} in run `{id}`, so that it has no log there; its result is of run `{}`",
                    found.how,
                    found.made_by.as_deref().unwrap_or("unknown")
                ));
            }
            let logged = record.stages.iter().filter(|stage| !stage.ended.is_empty());
            known.extend(logged.map(|stage| stage.stage.clone()));
        }
        if ids.is_empty() {
            return PipelineError::Usage(
                "there is no log yet: no stage was ever run in these artifacts".into(),
            );
        }
        PipelineError::Unknown {
            what: "stage",
            given: stage.into(),
            known: known.into_iter().collect(),
        }
    }
}

/// Seconds since a moment of RFC 3339.
pub fn secs_since(moment: &str) -> Option<f64> {
    let then: jiff::Timestamp = moment.parse().ok()?;
    Some(jiff::Timestamp::now().duration_since(then).as_secs_f64())
}

/// `20261121T094411123Z-demo-4711` is of `demo`.
fn pipeline_of(id: &str) -> Option<&str> {
    let (_, rest) = id.split_once('-')?;
    let (pipeline, _) = rest.rsplit_once('-')?;
    Some(pipeline)
}

/// `last` is 0, `last~2` is 2.
fn steps_back(given: &str) -> Option<usize> {
    match given.strip_prefix("last")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_id_and_of_last() {
        assert_eq!(
            pipeline_of("20261121T094411123Z-my-demo-4711"),
            Some("my-demo")
        );
        assert_eq!(pipeline_of("rubbish"), None);
        assert_eq!(steps_back("last"), Some(0));
        assert_eq!(steps_back("last~12"), Some(12));
        assert_eq!(steps_back("last~"), None);
        assert_eq!(steps_back("lastly"), None);
    }
}
