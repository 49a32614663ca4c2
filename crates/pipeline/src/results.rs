//! Which results a person means: a run, what a pipeline has on view, a fingerprint.
//!
//! Owns how a few words on the command line become fingerprints, and what else is needed to have those
//! results back without computing: the records of everything above them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cinescore_artifact::Digest;
use cinescore_artifact::store::{ListedRecord, digests_in, sealed};
use serde_json::Value;

use crate::error::PipelineError;
use crate::project::Project;
use crate::view::StageView;

/// The fewest digits by which a fingerprint may be named.
const FEWEST_DIGITS: usize = 8;

/// The results that were meant.
#[derive(Debug, Clone)]
pub struct Results {
    /// What was named: a run's id, a pipeline's name or a fingerprint.
    pub name: String,
    /// Their fingerprints.
    pub fingerprints: BTreeSet<Digest>,
    /// The stages that have them, where a run or a pipeline was named.
    pub stages: BTreeMap<Digest, String>,
    /// The run that was named, if one was.
    pub run: Option<String>,
}

impl Results {
    /// The stage that has a result, or the beginning of its fingerprint.
    pub fn stage_of(&self, fingerprint: Digest) -> String {
        let stage = self.stages.get(&fingerprint).cloned();
        stage.unwrap_or_else(|| fingerprint.short())
    }
}

/// The results that a run's id (or the beginning of one), a pipeline's name or a fingerprint (or its first
/// digits) means.
pub fn resolve(project: &Project, given: &str) -> Result<Results, PipelineError> {
    let runs = runs(project)?;
    let matching: Vec<&String> = runs.iter().filter(|run| run.starts_with(given)).collect();
    let run = match (given, matching[..].split_first()) {
        ("last", _) => runs.last(),
        (_, Some((run, []))) => Some(*run),
        _ => runs.iter().find(|run| *run == given),
    };
    if let Some(run) = run {
        return Ok(Results {
            name: run.clone(),
            fingerprints: fingerprints_of_run(project, run),
            stages: stages_of_run(project, run),
            run: Some(run.clone()),
        });
    }
    let views = views(project)?;
    let stages: BTreeMap<Digest, String> = views
        .iter()
        .filter(|view| view.pipeline == given)
        .filter_map(|view| {
            let stage = view.folder.file_name()?.to_str()?.to_owned();
            Some((view.view.as_ref()?.fingerprint, stage))
        })
        .collect();
    if !stages.is_empty() {
        return Ok(Results {
            name: given.into(),
            fingerprints: stages.keys().copied().collect(),
            stages,
            run: None,
        });
    }
    if given.len() >= FEWEST_DIGITS && given.chars().all(|digit| digit.is_ascii_hexdigit()) {
        let records = project.store.records()?.found;
        let found: BTreeSet<Digest> = records
            .iter()
            .map(|record| record.fingerprint)
            .filter(|fingerprint| fingerprint.to_hex().starts_with(given))
            .collect();
        if let Some(fingerprint) = found.first().filter(|_| found.len() == 1) {
            return Ok(Results {
                name: fingerprint.short(),
                fingerprints: found.clone(),
                stages: BTreeMap::new(),
                run: None,
            });
        }
    }
    let mut known: Vec<String> = runs.iter().rev().take(5).cloned().collect();
    let pipelines: BTreeSet<String> = views.into_iter().map(|view| view.pipeline).collect();
    known.extend(pipelines);
    Err(PipelineError::Unknown {
        what: "run, pipeline or fingerprint",
        given: given.into(),
        known,
    })
}

/// The ids of all runs whose logs are there, oldest first: an id begins with its time.
pub fn runs(project: &Project) -> Result<Vec<String>, PipelineError> {
    let folder = project.artifacts.join("logs");
    let mut runs: Vec<String> = folders(&folder)?
        .into_iter()
        .filter(|path| path.join("run.json").is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    runs.sort();
    Ok(runs)
}

/// The fingerprints that a run's record names. Read leniently: a damaged record still protects what
/// can be read of it.
pub fn fingerprints_of_run(project: &Project, run: &str) -> BTreeSet<Digest> {
    let path = project.artifacts.join("logs").join(run).join("run.json");
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let Ok(record) = serde_json::from_str::<Value>(&text) else {
        return digests_in(&text);
    };
    let stages = record["stages"].as_array().into_iter().flatten();
    stages
        .filter_map(|stage| stage["fingerprint"].as_str()?.parse().ok())
        .collect()
}

fn stages_of_run(project: &Project, run: &str) -> BTreeMap<Digest, String> {
    let path = project.artifacts.join("logs").join(run).join("run.json");
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let record: Value = serde_json::from_str(&text).unwrap_or_default();
    let stages = record["stages"].as_array().into_iter().flatten();
    stages
        .filter_map(|stage| {
            let fingerprint = stage["fingerprint"].as_str()?.parse().ok()?;
            Some((fingerprint, stage["stage"].as_str()?.to_owned()))
        })
        .collect()
}

/// What is on view of a stage of any pipeline.
#[derive(Debug)]
pub struct AnyView {
    /// The pipeline's name.
    pub pipeline: String,
    /// The folder of the view.
    pub folder: PathBuf,
    /// What `stage.json` says; nothing if it is damaged.
    pub view: Option<StageView>,
    /// The links, with the digests of the objects that they should lead to.
    pub links: Vec<(PathBuf, Digest)>,
}

/// Everything that is on view of any pipeline.
pub fn views(project: &Project) -> Result<Vec<AnyView>, PipelineError> {
    let mut views = Vec::new();
    for pipeline in folders(&project.artifacts.join("runs"))? {
        let name = pipeline.file_name().unwrap_or_default().to_string_lossy();
        for folder in folders(&pipeline)? {
            let mut links = Vec::new();
            for path in entries(&folder)? {
                let digest = fs_err::read_link(&path).ok().and_then(|target| {
                    let name = target.file_name()?.to_str()?;
                    name.parse::<Digest>().ok()
                });
                links.extend(digest.map(|digest| (path, digest)));
            }
            views.push(AnyView {
                pipeline: name.clone().into_owned(),
                view: sealed::read(&folder.join(crate::view::STAGE_FILE)).ok(),
                folder,
                links,
            });
        }
    }
    Ok(views)
}

/// The records that made these and everything above them: what must be in a store for a pipeline to
/// find these results there. A record's inputs lead to the records that gave them.
pub fn with_all_above(
    records: &[ListedRecord],
    wanted: impl Fn(&ListedRecord) -> bool,
) -> Vec<&ListedRecord> {
    let mut makers: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    for (index, listed) in records.iter().enumerate() {
        for object in listed
            .record
            .iter()
            .flat_map(|record| record.outputs.values())
        {
            makers.entry(object.digest).or_default().push(index);
        }
    }
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut pending: Vec<usize> = (0..records.len())
        .filter(|&index| records.get(index).is_some_and(&wanted))
        .collect();
    while let Some(index) = pending.pop() {
        if !taken.insert(index) {
            continue;
        }
        let record = records.get(index).and_then(|listed| listed.record.as_ref());
        let inputs = record.and_then(|record| record.preimage["inputs"].as_array());
        for input in inputs.into_iter().flatten() {
            let digest = input["digest"].as_str().and_then(|text| text.parse().ok());
            let makers = digest.and_then(|digest: Digest| makers.get(&digest));
            pending.extend(makers.into_iter().flatten());
        }
    }
    taken
        .into_iter()
        .filter_map(|index| records.get(index))
        .collect()
}

/// The folders in a folder; none where it is not there.
pub(crate) fn folders(folder: &Path) -> Result<Vec<PathBuf>, PipelineError> {
    let mut folders = entries(folder)?;
    folders.retain(|path| path.is_dir());
    Ok(folders)
}

/// What lies in a folder, sorted; nothing where it is not there.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, PipelineError> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(PipelineError::io("read", folder)(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(PipelineError::io("read", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}
