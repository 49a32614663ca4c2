//! Results on the move: an archive of results that another store takes in, and plain files.
//!
//! Owns the archive's form: a tar in zstd, whose first member `cinescore.json` names every record and object
//! that follows, so that a cut-off or added-to archive is told. The same results give the same bytes.
//! Nothing of an archive is believed: every digest is computed anew, a path that leads out is refused, and
//! what was taken in before an error is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use cinescore_artifact::Digest;
use cinescore_artifact::digest::files_below;
use cinescore_artifact::store::{
    ListedRecord, Manner, ObjectState, Record, hand_out, is_plain_name, sealed,
};
use serde::{Deserialize, Serialize};
use tar::{EntryType, Header};

use crate::error::PipelineError;
use crate::file_name::file_name;
use crate::project::Project;
use crate::results::{self, Results};

/// The version of the archive's form.
const VERSION: u32 = 1;
/// The first member.
const MANIFEST: &str = "cinescore.json";
/// Zstandard's own default: objects are mostly compressed already.
const LEVEL: i32 = 3;
/// The manifest may be so large, bytes.
const MOST_MANIFEST: u64 = 256 << 20;

/// What is in an archive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the form.
    pub version: u32,
    /// What was exported: a run, a pipeline, a fingerprint.
    pub name: String,
    /// The records' file names.
    pub records: Vec<String>,
    /// The objects, and the sizes of their files' bytes taken together.
    pub objects: BTreeMap<Digest, u64>,
    /// The runs whose records and logs are with them.
    pub runs: Vec<String>,
    /// How many files follow.
    pub files: usize,
}

/// What was taken in.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What is in the archive.
    pub manifest: Manifest,
    /// Results for whose keys the store has other ones: their stages are not deterministic.
    pub differing: Vec<Digest>,
}

/// Writes results, everything above them, and the logs of the runs that made them, into an archive.
pub fn export(project: &Project, wanted: &Results, file: &Path) -> Result<Manifest, PipelineError> {
    let store = &project.store;
    let _whole_time = store.not_collecting()?;
    let records = store.records()?.found;
    let taken = results::with_all_above(&records, |listed| {
        wanted.fingerprints.contains(&listed.fingerprint)
    });
    let mut manifest = Manifest {
        version: VERSION,
        name: wanted.name.clone(),
        records: Vec::new(),
        objects: BTreeMap::new(),
        runs: wanted.run.iter().cloned().collect(),
        files: 0,
    };
    for listed in &taken {
        let Some(record) = &listed.record else {
            continue;
        };
        manifest.records.push(name_of(&listed.path));
        manifest.runs.push(record.run.clone());
        for object in record.outputs.values() {
            manifest.objects.insert(object.digest, object.bytes);
        }
    }
    if manifest.records.is_empty() {
        return Err(PipelineError::Usage(format!(
            "none of the results of {} is in the store any more",
            wanted.name
        )));
    }
    let logs = project.artifacts.join("logs");
    manifest.runs.sort();
    manifest.runs.dedup();
    manifest.runs.retain(|run| logs.join(run).is_dir());
    for digest in manifest.objects.keys() {
        if store.verify_object(*digest)? != ObjectState::Present {
            let place = store.object_path(*digest);
            return Err(PipelineError::Usage(format!(
                "the object `{}` is damaged or missing; run the pipeline again to make it anew",
                place.display()
            )));
        }
    }
    let failed = || PipelineError::io("write", file);
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let temporary = tempfile::Builder::new()
        .prefix(".export-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(failed())?;
    let members = members(project, &manifest, &taken)?;
    manifest.files = members.len();
    write(&manifest, &members, temporary.as_file()).map_err(failed())?;
    temporary.as_file().sync_all().map_err(failed())?;
    temporary
        .persist(file)
        .map_err(|error| failed()(error.error))?;
    Ok(manifest)
}

/// The files of an archive: the name of each in it, and where it lies.
fn members(
    project: &Project,
    manifest: &Manifest,
    records: &[&ListedRecord],
) -> Result<Vec<(String, PathBuf)>, PipelineError> {
    let objects = manifest.objects.keys().map(|digest| {
        let place = project.store.object_path(*digest);
        (format!("objects/{digest}"), place)
    });
    let records = records
        .iter()
        .filter(|listed| listed.record.is_some())
        .map(|listed| {
            let name = format!("records/{}", name_of(&listed.path));
            (name, listed.path.clone())
        });
    let runs = manifest.runs.iter().map(|run| {
        let folder = project.artifacts.join("logs").join(run);
        (format!("logs/{run}"), folder)
    });
    let mut members = Vec::new();
    for (name, path) in objects.chain(records).chain(runs) {
        if !path.is_dir() {
            members.push((name, path));
            continue;
        }
        for below in files_below(&path)? {
            members.push((format!("{name}/{below}"), path.join(&below)));
        }
    }
    Ok(members)
}

fn write(manifest: &Manifest, members: &[(String, PathBuf)], file: &File) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
    encoder.include_checksum(true)?;
    let mut archive = tar::Builder::new(encoder);
    let text = sealed::seal(manifest)?;
    append(&mut archive, MANIFEST, text.len() as u64, &text[..])?;
    for (name, path) in members {
        let file = fs_err::File::open(path)?;
        let bytes = file.metadata()?.len();
        // A log that is being written to may grow meanwhile.
        append(&mut archive, name, bytes, file.take(bytes))?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// Appends a member of which nothing but its name and bytes is kept.
fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    name: &str,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, name, content)
}

/// Takes an archive's results into the store.
pub fn import(project: &Project, file: &Path) -> Result<Imported, PipelineError> {
    let refused = |how: String| PipelineError::Archive {
        path: file.to_owned(),
        how,
    };
    let work = project.store.work_dir()?;
    let manifest = unpack(file, work.path())?;
    for (digest, bytes) in &manifest.objects {
        let place = work.path().join("objects").join(digest.to_hex());
        // An object that is an empty folder has no member.
        if !place.exists() && *bytes == 0 {
            fs_err::create_dir_all(&place).map_err(PipelineError::io("make", &place))?;
        }
        if !place.exists() {
            return Err(refused(format!(
                "the object {} is not in it",
                digest.short()
            )));
        }
        if !project.store.take_object(&place, *digest, &project.memo)? {
            return Err(refused(format!(
                "the bytes of the object {} are others",
                digest.short()
            )));
        }
    }
    let mut differing = Vec::new();
    // The one that is used comes before other results of its key, which it would else give way to.
    let (others, first): (Vec<_>, Vec<_>) =
        manifest.records.iter().partition(|name| is_other(name));
    for name in first.into_iter().chain(others) {
        let place = work.path().join("records").join(name);
        let record: Record = sealed::read(&place).map_err(|error| {
            refused(format!(
                "the record {name} is not in it, or damaged: {error}"
            ))
        })?;
        let is_of_that_name = name.split('.').next() == Some(&record.fingerprint.to_hex());
        let has_all = record
            .outputs
            .values()
            .all(|object| manifest.objects.contains_key(&object.digest));
        if !record.names_are_plain() {
            return Err(refused(format!(
                "the record {name} names a file outside its stage's folder"
            )));
        }
        if !is_of_that_name || !has_all {
            return Err(refused(format!(
                "the record {name} belongs to something else"
            )));
        }
        let kept = project.store.add_record(&record)?;
        if !is_other(name) && kept != cinescore_artifact::store::Kept::AsTheOne {
            differing.push(record.fingerprint);
        }
    }
    for run in &manifest.runs {
        let from = work.path().join("logs").join(run);
        let to = project.artifacts.join("logs").join(run);
        if from.is_dir() && !to.exists() {
            let logs = project.artifacts.join("logs");
            fs_err::create_dir_all(&logs).map_err(PipelineError::io("make", logs))?;
            match fs_err::rename(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    hand_out(&from, &to, Manner::Copy).map_err(PipelineError::io("write", to))?;
                }
                moved => moved.map_err(PipelineError::io("write", to))?,
            }
        }
    }
    Ok(Imported {
        manifest,
        differing,
    })
}

/// Whether a record's file is another result of its key, `FINGERPRINT.1.json`.
fn is_other(name: &str) -> bool {
    name.split('.').count() > 2
}

/// Unpacks an archive into a folder of our own, and believes no path in it.
fn unpack(file: &Path, into: &Path) -> Result<Manifest, PipelineError> {
    let refused = |how: String| PipelineError::Archive {
        path: file.to_owned(),
        how,
    };
    let cut_off = |error: io::Error| refused(format!("it is cut off or damaged: {error}"));
    let opened = File::open(file).map_err(PipelineError::io("read", file))?;
    let decoder = zstd::Decoder::new(BufReader::new(opened)).map_err(cut_off)?;
    let mut archive = tar::Archive::new(decoder);
    let mut manifest: Option<Manifest> = None;
    let mut files = 0;
    for entry in archive.entries().map_err(cut_off)? {
        let mut entry = entry.map_err(cut_off)?;
        let path = entry.path().map_err(cut_off)?.into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(refused(format!("`{}` is no ordinary file", path.display())));
        }
        let Some(known) = &manifest else {
            if path != Path::new(MANIFEST) || entry.size() > MOST_MANIFEST {
                return Err(refused("it was not made by `cinescore export`".into()));
            }
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(cut_off)?;
            let read: Manifest =
                sealed::unseal(&text).map_err(|error| refused(format!("{MANIFEST}: {error}")))?;
            if read.version != VERSION {
                return Err(refused(format!(
                    "it is of version {}; this program knows version {VERSION}",
                    read.version
                )));
            }
            // They become parts of paths, whether or not a member of that name follows.
            let mut names = read.runs.iter().chain(&read.records);
            if let Some(name) = names.find(|name| !is_plain_name(name)) {
                return Err(refused(format!("{MANIFEST}: `{name}` is no plain name")));
            }
            manifest = Some(read);
            continue;
        };
        let place = expected(known, &path)
            .map(|()| into.join(&path))
            .ok_or_else(|| refused(format!("`{}` does not belong in it", path.display())))?;
        let folder = place.parent().unwrap_or(into);
        fs_err::create_dir_all(folder).map_err(PipelineError::io("make", folder))?;
        let mut options = File::options();
        let mut to = options
            .write(true)
            .create_new(true)
            .open(&place)
            .map_err(PipelineError::io("write", &place))?;
        copy(&mut entry, &mut to).map_err(|failed| match failed {
            Failed::Reading(error) => cut_off(error),
            Failed::Writing(error) => PipelineError::io("write", &place)(error),
        })?;
        files += 1;
    }
    // To the very end, so that the checksum of all of it is looked at.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(cut_off)?;
    let manifest = manifest.ok_or_else(|| refused("it is empty".into()))?;
    if files != manifest.files {
        return Err(refused(format!(
            "it is cut off: {files} of {} files are in it",
            manifest.files
        )));
    }
    Ok(manifest)
}

/// Whether a member is one that the manifest announces.
fn expected(manifest: &Manifest, path: &Path) -> Option<()> {
    let parts: Vec<&str> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let is_announced = match parts[..] {
        ["objects", digest, ..] => manifest.objects.contains_key(&digest.parse().ok()?),
        ["records", name] => manifest.records.iter().any(|record| record == name),
        ["logs", run, _, ..] => manifest.runs.iter().any(|known| known == run),
        _ => false,
    };
    is_announced.then_some(())
}

enum Failed {
    Reading(io::Error),
    Writing(io::Error),
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<(), Failed> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        match from.read(&mut bytes).map_err(Failed::Reading)? {
            0 => return Ok(()),
            count => {
                let read = bytes.get(..count).unwrap_or_default();
                to.write_all(read).map_err(Failed::Writing)?;
            }
        }
    }
}

/// Puts results as plain files into a folder, `DIR/STAGE/FILE`. Gives their paths.
pub fn hand_out_files(
    project: &Project,
    wanted: &Results,
    folder: &Path,
    manner: Manner,
) -> Result<Vec<PathBuf>, PipelineError> {
    let store = &project.store;
    let _whole_time = store.not_collecting()?;
    let records = store.records()?.found;
    let mut paths = Vec::new();
    for listed in &records {
        let is_wanted = wanted.fingerprints.contains(&listed.fingerprint) && !listed.is_other;
        let Some(record) = listed.record.as_ref().filter(|_| is_wanted) else {
            continue;
        };
        // The name may be out of an archive's run.
        let place = folder.join(file_name(&wanted.stage_of(listed.fingerprint)));
        fs_err::create_dir_all(&place).map_err(PipelineError::io("make", &place))?;
        for object in record.outputs.values() {
            let path = place.join(&object.file_name);
            if path.symlink_metadata().is_ok() {
                return Err(PipelineError::Usage(format!(
                    "`{}` is there already",
                    path.display()
                )));
            }
            if store.verify_object(object.digest)? != ObjectState::Present {
                return Err(PipelineError::Usage(format!(
                    "the object of `{}` is damaged or missing; run the pipeline again to make it anew",
                    path.display()
                )));
            }
            hand_out(&store.object_path(object.digest), &path, manner)
                .map_err(PipelineError::io("write", &path))?;
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
