//! Collecting garbage: which results go, and what stays whatever is asked.
//!
//! Results go by last use, oldest first, until the store fits the limits. What stays: what any pipeline
//! has on view, what a lock file names, what is pinned, what the last runs made, what a living process is
//! using; and everything above these, without which they could not be found again. Nothing else here
//! decides what is stale.
//!
//! A collection may run beside any number of runs (`store::lease` says why). What it removes is
//! first renamed out of the store, record before objects, so that a kill leaves at most orphans for the
//! next collection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cinescore_artifact::Digest;
use cinescore_artifact::store::{Collecting, ListedRecord, WorkDir, digests_in, size_of};
use serde::Serialize;

use crate::error::PipelineError;
use crate::project::Project;
use crate::{emission, pins, results};

/// Damaged things, for people to look at, and the checkpoints of stages that failed are kept so long where
/// no other age is given.
const KEPT_FOR_NOW: Duration = Duration::from_secs(30 * 86_400);
/// A run whose record says that it goes on is believed while its logs are younger than this.
const RUN_MAY_GO_ON: Duration = Duration::from_secs(86_400);

/// What is asked of a collection. Without a limit no result goes, only leftovers.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Objects may take so many bytes.
    pub max_bytes: Option<u64>,
    /// Results that were not used for so long go.
    pub max_age: Option<Duration>,
    /// What the last runs made stays, so many of them; alone, everything else goes.
    pub keep_last: Option<usize>,
    /// Folders whose `*.lock` files name results that stay.
    pub lock_folders: Vec<PathBuf>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What went, or would go.
#[derive(Debug, Default, Serialize)]
pub struct Freed {
    /// Results.
    pub results: Vec<FreedResult>,
    /// Objects.
    pub objects: usize,
    /// Runs whose logs went.
    pub runs: Vec<String>,
    /// Damaged things that were set aside long ago.
    pub quarantined: usize,
    /// Checkpoints of stages that failed long ago.
    pub checkpoints: usize,
    /// Files that killed processes left, locks that nobody holds, and old files for other engines (`emit`).
    pub leftovers: usize,
    /// Bytes of all of these.
    pub bytes: u64,
    /// Bytes of the objects that stay.
    pub kept_bytes: u64,
    /// Results that stay although a limit asked for them: on view, locked, pinned, in use.
    pub protected: usize,
}

/// A result that went.
#[derive(Debug, Serialize)]
pub struct FreedResult {
    /// Its key.
    pub fingerprint: Digest,
    /// The program and kind that made it, `cinescore-train fit`.
    pub kind: String,
    /// When it was last used, RFC 3339.
    pub used: String,
    /// Why it went.
    pub why: &'static str,
}

/// Collects garbage.
pub fn collect(project: &Project, limits: &Limits) -> Result<Freed, PipelineError> {
    let store = &project.store;
    let mut freed = Freed::default();
    let trash = store.work_dir()?;
    let collecting = store.collecting()?;
    let records = store.records()?.found;
    let roots = roots(project, limits, &collecting)?;
    let is_root = |listed: &ListedRecord| {
        let outputs = listed
            .record
            .iter()
            .flat_map(|record| record.outputs.values());
        roots.contains(&listed.fingerprint)
            || outputs
                .into_iter()
                .any(|object| roots.contains(&object.digest))
    };
    let protected: BTreeSet<&Path> = results::with_all_above(&records, is_root)
        .into_iter()
        .map(|listed| listed.path.as_path())
        .collect();
    let sizes: BTreeMap<Digest, u64> = store
        .objects()?
        .found
        .into_iter()
        .map(|object| (object.digest, size_of(&object.path)))
        .collect();

    let going = choose(&records, &protected, &sizes, &roots, limits, &mut freed);
    for (listed, why) in &going {
        freed.bytes += size_of(&listed.path);
        freed.results.push(FreedResult {
            fingerprint: listed.fingerprint,
            kind: kind_of(listed),
            used: jiff::Timestamp::try_from(listed.used)
                .map_or_else(|_| "?".into(), |used| used.strftime("%FT%TZ").to_string()),
            why,
        });
        discard(project, &listed.path, limits, &trash, &collecting)?;
    }
    let gone: BTreeSet<&Path> = going
        .iter()
        .map(|(listed, _)| listed.path.as_path())
        .collect();
    let staying: Vec<&ListedRecord> = records
        .iter()
        .filter(|listed| !gone.contains(listed.path.as_path()))
        .collect();
    let named: BTreeSet<Digest> = staying.iter().copied().flat_map(digests_of).collect();
    for (digest, bytes) in &sizes {
        if named.contains(digest) || roots.contains(digest) {
            freed.kept_bytes += bytes;
            continue;
        }
        freed.objects += 1;
        freed.bytes += bytes;
        discard(
            project,
            &store.object_path(*digest),
            limits,
            &trash,
            &collecting,
        )?;
    }
    old_logs(project, limits, &staying, &mut freed)?;
    for old in store.quarantined()? {
        let age = SystemTime::now()
            .duration_since(old.since)
            .unwrap_or_default();
        if age > limits.max_age.unwrap_or(KEPT_FOR_NOW) {
            freed.quarantined += 1;
            freed.bytes += old.bytes;
            if !limits.dry_run {
                store.remove(&old.path)?;
            }
        }
    }
    let max_age = limits.max_age.unwrap_or(KEPT_FOR_NOW);
    let (checkpoints, bytes) = store.clear_scratch(max_age, limits.dry_run, &collecting)?;
    freed.checkpoints = checkpoints;
    freed.bytes += bytes;
    if !limits.dry_run {
        freed.leftovers = store.clear_leftovers(&collecting)?;
    }
    let (emissions, bytes) = emission::taken::clear_old(store, max_age, limits.dry_run)?;
    freed.leftovers += emissions;
    freed.bytes += bytes;
    // Runs that wait go on from here; removing the bytes takes as long as it takes.
    drop(collecting);
    drop(trash);
    Ok(freed)
}

/// The results that go, each with the reason.
fn choose<'a>(
    records: &'a [ListedRecord],
    protected: &BTreeSet<&Path>,
    sizes: &BTreeMap<Digest, u64>,
    roots: &BTreeSet<Digest>,
    limits: &Limits,
    freed: &mut Freed,
) -> Vec<(&'a ListedRecord, &'static str)> {
    let mut uses: BTreeMap<Digest, usize> = BTreeMap::new();
    for digest in records.iter().flat_map(digests_of) {
        *uses.entry(digest).or_default() += 1;
    }
    let size = |digest: &Digest| sizes.get(digest).copied().unwrap_or_default();
    let mut total: u64 = uses
        .keys()
        .chain(roots.iter().filter(|digest| !uses.contains_key(digest)))
        .map(size)
        .sum();
    let only_last =
        limits.keep_last.is_some() && limits.max_age.is_none() && limits.max_bytes.is_none();
    let mut oldest_first: Vec<&ListedRecord> = records.iter().collect();
    oldest_first.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    let now = SystemTime::now();
    let mut going = Vec::new();
    for listed in oldest_first {
        let age = now.duration_since(listed.used).unwrap_or_default();
        let why = if only_last {
            "not of the last runs"
        } else if limits.max_age.is_some_and(|max| age > max) {
            "not used for too long"
        } else if limits.max_bytes.is_some_and(|max| total > max) {
            "least recently used"
        } else {
            continue;
        };
        if protected.contains(listed.path.as_path()) {
            freed.protected += 1;
            continue;
        }
        for digest in digests_of(listed) {
            if let Some(count) = uses.get_mut(&digest) {
                *count -= 1;
                if *count == 0 && !roots.contains(&digest) {
                    total -= size(&digest);
                }
            }
        }
        going.push((listed, why));
    }
    going
}

/// Fingerprints and digests that stay whatever is asked.
fn roots(
    project: &Project,
    limits: &Limits,
    collecting: &Collecting,
) -> Result<BTreeSet<Digest>, PipelineError> {
    let mut roots = project.store.leased(collecting)?;
    // A job at a cluster reads its inputs whether its runner lives or not.
    let tasks = project.store.root().join("slurm/tasks");
    for home in results::entries(&tasks)? {
        for attempt in results::entries(&home)? {
            let task = fs_err::read_to_string(attempt.join("task.json"));
            roots.extend(digests_in(&task.unwrap_or_default()));
        }
    }
    // And so does a task that was emitted.
    for emission in results::entries(&emission::folder(&project.store))? {
        for task in results::entries(&emission.join("tasks"))? {
            let task = fs_err::read_to_string(task.join("task.json"));
            roots.extend(digests_in(&task.unwrap_or_default()));
        }
    }
    for view in results::views(project)? {
        roots.extend(view.links.into_iter().map(|(_, digest)| digest));
        roots.extend(view.view.map(|view| view.fingerprint));
    }
    for folder in &limits.lock_folders {
        for path in results::entries(folder)? {
            if path
                .extension()
                .is_some_and(|extension| extension == "lock")
            {
                let text =
                    fs_err::read_to_string(&path).map_err(PipelineError::io("read", &path))?;
                roots.extend(digests_in(&text));
            }
        }
    }
    for pin in pins::all(project)? {
        roots.extend(pin.fingerprints);
    }
    let runs = results::runs(project)?;
    for run in runs.iter().rev().take(limits.keep_last.unwrap_or(0)) {
        roots.extend(results::fingerprints_of_run(project, run));
    }
    Ok(roots)
}

/// Removes the logs of old runs: of those that are not among the last, and that made nothing that stays.
fn old_logs(
    project: &Project,
    limits: &Limits,
    staying: &[&ListedRecord],
    freed: &mut Freed,
) -> Result<(), PipelineError> {
    if limits.max_age.is_none() && limits.keep_last.is_none() {
        return Ok(());
    }
    let made: BTreeSet<&str> = staying
        .iter()
        .filter_map(|listed| Some(listed.record.as_ref()?.run.as_str()))
        .collect();
    let runs = results::runs(project)?;
    let old = runs.len().saturating_sub(limits.keep_last.unwrap_or(0));
    for run in runs
        .iter()
        .take(old)
        .filter(|run| !made.contains(run.as_str()))
    {
        let folder = project.artifacts.join("logs").join(run);
        let age = age_of(&folder)?;
        let text = fs_err::read_to_string(folder.join("run.json")).unwrap_or_default();
        let record = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
        let may_go_on = record["finished"].is_null() && age < RUN_MAY_GO_ON;
        if may_go_on || limits.max_age.is_some_and(|max| age <= max) {
            continue;
        }
        freed.bytes += size_of(&folder);
        freed.runs.push(run.clone());
        if !limits.dry_run {
            fs_err::remove_dir_all(&folder).map_err(PipelineError::io("remove", &folder))?;
        }
    }
    Ok(())
}

/// How long ago anything in a folder was written.
fn age_of(folder: &Path) -> Result<Duration, PipelineError> {
    let mut youngest = Duration::MAX;
    for path in results::entries(folder)? {
        let modified = fs_err::metadata(&path).and_then(|meta| meta.modified());
        let age = modified.map(|modified| SystemTime::now().duration_since(modified));
        youngest = youngest.min(age.map_or(Duration::ZERO, Result::unwrap_or_default));
    }
    Ok(youngest)
}

fn discard(
    project: &Project,
    path: &Path,
    limits: &Limits,
    trash: &WorkDir,
    collecting: &Collecting,
) -> Result<(), PipelineError> {
    if !limits.dry_run {
        project.store.discard(path, trash, collecting)?;
    }
    Ok(())
}

fn digests_of(listed: &ListedRecord) -> BTreeSet<Digest> {
    let outputs = listed
        .record
        .iter()
        .flat_map(|record| record.outputs.values());
    outputs.map(|object| object.digest).collect()
}

fn kind_of(listed: &ListedRecord) -> String {
    let kind = listed
        .record
        .as_ref()
        .and_then(|record| record.preimage["kind"].as_str());
    kind.unwrap_or("a damaged record").to_owned()
}
