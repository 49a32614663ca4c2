//! Looking at everything that is kept: is it whole, is anything missing, is anything left over?
//!
//! Owns what counts as damage and how it is repaired: what is damaged is set aside, and a record whose
//! objects are gone is removed, so that the next run makes the result anew. Computes no result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cinescore_artifact::Digest;
use cinescore_artifact::store::{ListedObject, ListedRecord, Quarantined, size_of};
use rayon::prelude::*;
use serde::Serialize;

use crate::error::PipelineError;
use crate::project::Project;
use crate::results;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Objects that were hashed.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Records that were read.
    pub records: usize,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Objects that no record names; a run that is going on may be about to. `gc` removes them.
    pub orphans: Vec<PathBuf>,
    /// What was found damaged, now or before, and set aside. `gc` removes it after a while.
    pub quarantined: Vec<Quarantined>,
    /// Keys that gave more than one result: their stages are not deterministic.
    pub ambiguous: BTreeMap<Digest, usize>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// An object's bytes are not those of its digest.
    DamagedObject {
        /// The object.
        path: PathBuf,
    },
    /// A record's bytes are not those that were written.
    DamagedRecord {
        /// The record.
        path: PathBuf,
    },
    /// A record names an object that is not there, or is damaged.
    MissingObject {
        /// The record.
        path: PathBuf,
        /// Its output.
        output: String,
        /// The object.
        digest: Digest,
    },
    /// What a stage has on view is damaged, or leads to nothing.
    View {
        /// Its folder.
        path: PathBuf,
    },
    /// Something that the store did not put there.
    Stray {
        /// Where.
        path: PathBuf,
    },
}

/// Whether what is wrong is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Only look.
    No,
    /// Set damage aside and remove what can no longer be used.
    Yes,
}

/// Reads and hashes everything that is kept.
pub fn verify(project: &Project, repair: Repair) -> Result<Report, PipelineError> {
    let store = &project.store;
    let _whole_time = store.not_collecting()?;
    // Records first: an object comes before its record, so one that is put meanwhile is no fault.
    let records = store.records()?;
    let objects = store.objects()?;
    let hashed: Vec<(&ListedObject, bool, u64)> = objects
        .found
        .par_iter()
        .map(|object| {
            let is_whole =
                Digest::of_path(&object.path).is_ok_and(|digest| digest == object.digest);
            (object, is_whole, size_of(&object.path))
        })
        .collect();
    let mut faults = Vec::new();
    let whole: BTreeSet<Digest> = hashed
        .iter()
        .filter(|(_, is_whole, _)| *is_whole)
        .map(|(object, ..)| object.digest)
        .collect();
    for (object, ..) in hashed.iter().filter(|(_, is_whole, _)| !is_whole) {
        let path = object.path.clone();
        faults.push(Fault::DamagedObject { path });
        if repair == Repair::Yes {
            store.verify_object(object.digest)?;
        }
    }
    let mut named = BTreeSet::new();
    let mut ambiguous: BTreeMap<Digest, usize> = BTreeMap::new();
    for listed in &records.found {
        named.extend(check_record(project, listed, &whole, repair, &mut faults)?);
        if listed.is_other {
            *ambiguous.entry(listed.fingerprint).or_insert(1) += 1;
        }
    }
    for path in records.strays.iter().chain(&objects.strays) {
        faults.push(Fault::Stray { path: path.clone() });
        if repair == Repair::Yes {
            store.remove(path)?;
        }
    }
    for view in results::views(project)? {
        // Without `stage.json` nothing is on view: a run was killed before it wrote it.
        let says = view.folder.join(crate::view::STAGE_FILE);
        let is_damaged = view.view.is_none() && says.exists();
        let dangling: Vec<&PathBuf> = view
            .links
            .iter()
            .filter(|(_, digest)| !whole.contains(digest))
            .map(|(link, _)| link)
            .collect();
        if !is_damaged && dangling.is_empty() {
            continue;
        }
        if repair == Repair::Yes {
            for path in dangling.into_iter().chain(Some(&says)) {
                store.remove(path)?;
            }
        }
        faults.push(Fault::View { path: view.folder });
    }
    Ok(Report {
        objects: hashed.len(),
        bytes: hashed.iter().map(|(.., bytes)| bytes).sum(),
        records: records.found.len(),
        faults,
        orphans: objects
            .found
            .iter()
            .filter(|object| whole.contains(&object.digest) && !named.contains(&object.digest))
            .map(|object| object.path.clone())
            .collect(),
        quarantined: store.quarantined()?,
        ambiguous,
    })
}

/// Checks a record against the objects that are whole. Gives the digests that it names.
fn check_record(
    project: &Project,
    listed: &ListedRecord,
    whole: &BTreeSet<Digest>,
    repair: Repair,
    faults: &mut Vec<Fault>,
) -> Result<BTreeSet<Digest>, PipelineError> {
    let path = &listed.path;
    let Some(record) = &listed.record else {
        faults.push(Fault::DamagedRecord { path: path.clone() });
        if repair == Repair::Yes {
            project.store.set_aside_record(listed)?;
        }
        return Ok(BTreeSet::new());
    };
    let mut is_usable = true;
    for (output, object) in &record.outputs {
        if whole.contains(&object.digest) {
            continue;
        }
        is_usable = false;
        faults.push(Fault::MissingObject {
            path: path.clone(),
            output: output.clone(),
            digest: object.digest,
        });
    }
    if !is_usable && repair == Repair::Yes {
        project.store.remove(path)?;
    }
    Ok(record
        .outputs
        .values()
        .map(|object| object.digest)
        .collect())
}
