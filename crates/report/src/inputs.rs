//! What a report is given: which table, encoder or folder each artifact is, and which belong
//! together.
//!
//! An artifact is known by what it is, not by the name of the input that it came in, so that a
//! pipeline may hand over whole stages. What a report cannot show is listed, not refused.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::encoder::{EncoderFile, WindowEncoderFile};
use cinescore_artifact::table::{TableError, TableReader, TableSpec};
use cinescore_artifact::task::{TaskInput, read_json};
use cinescore_artifact::{Digest, StageError, tables};

use crate::count::runs::{self, Run};
use crate::count::sweep::{self, Leaderboard};

/// The name of the output that is an encoder.
const ENCODER: &str = "encoder";
/// How every Parquet file begins.
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";

/// An artifact, and what it is.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// The output that it is, `metrics`.
    pub(crate) output: String,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its digest, where the runner knows it.
    pub(crate) digest: Option<Digest>,
    /// What it is.
    pub(crate) content: Content,
}

/// What an artifact is.
#[derive(Debug)]
pub(crate) enum Content {
    /// A table.
    Table(&'static TableSpec),
    /// An encoder.
    Encoder(Box<EncoderFile>),
    /// An encoder of windows.
    WindowEncoder(Box<WindowEncoderFile>),
    /// The record of a run.
    Run(Box<Run>),
    /// The leaderboard of a sweep.
    Sweep(Box<Leaderboard>),
    /// A file or folder that a report has nothing to show of.
    Other,
}

impl Content {
    /// In a word or two.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Table(spec) => format!("table {}", spec.name),
            Self::Encoder(_) | Self::WindowEncoder(_) => "encoder".into(),
            Self::Run(_) => "record of a run".into(),
            Self::Sweep(_) => "leaderboard of a sweep".into(),
            Self::Other => "not shown here".into(),
        }
    }
}

/// The artifacts of one stage, or cell of a matrix.
#[derive(Debug)]
pub(crate) struct Group {
    /// What tells groups apart.
    key: String,
    /// What people call it: `net[seed=7]`; on a plain command line, the folder.
    pub(crate) name: String,
    /// Its artifacts, in the order given.
    pub(crate) artifacts: Vec<Artifact>,
}

impl Group {
    /// Where the group's table of a kind lies; the first where there are several.
    pub(crate) fn table(&self, spec: &TableSpec) -> Option<&Path> {
        self.artifacts
            .iter()
            .find_map(|artifact| match &artifact.content {
                Content::Table(found) if found.name == spec.name => Some(artifact.path.as_path()),
                _ => None,
            })
    }

    /// The group's encoder.
    pub(crate) fn encoder(&self) -> Option<&EncoderFile> {
        self.artifacts
            .iter()
            .find_map(|artifact| match &artifact.content {
                Content::Encoder(encoder) => Some(encoder.as_ref()),
                _ => None,
            })
    }
}

/// Looks at all inputs and groups them by the stage that made them, in the order given. The same
/// artifact given twice counts once.
pub(crate) fn collect<'a>(
    inputs: impl Iterator<Item = &'a TaskInput>,
) -> Result<Vec<Group>, StageError> {
    let mut groups: Vec<Group> = Vec::new();
    for input in inputs {
        let (key, name) = group_of(input);
        let position = groups
            .iter()
            .position(|group| group.key == key)
            .unwrap_or_else(|| {
                groups.push(Group {
                    key,
                    name,
                    artifacts: Vec::new(),
                });
                groups.len() - 1
            });
        let output = input.output.clone().unwrap_or_else(|| input.label.clone());
        let artifacts = &mut groups[position].artifacts;
        if artifacts
            .iter()
            .any(|artifact| artifact.output == output && artifact.path == input.path)
        {
            continue;
        }
        let content = content_of(&input.path, &output)?;
        artifacts.push(Artifact {
            output,
            path: input.path.clone(),
            digest: input.digest,
            content,
        });
    }
    Ok(groups)
}

/// The key and the name of an artifact's group: its reference without the output; on a plain command
/// line, where the reference is the path, the folder.
fn group_of(input: &TaskInput) -> (String, String) {
    if Path::new(&input.label) == input.path {
        let folder = input.path.parent().unwrap_or(Path::new("/"));
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        return (
            folder.display().to_string(),
            name.to_string_lossy().into_owned(),
        );
    }
    let name = input
        .output
        .as_deref()
        .and_then(|output| input.label.strip_suffix(output)?.strip_suffix('.'))
        .unwrap_or(&input.label);
    (name.to_owned(), name.to_owned())
}

fn content_of(path: &Path, output: &str) -> Result<Content, StageError> {
    if path.is_dir() {
        return Ok(Content::Other);
    }
    if output == ENCODER {
        // Only an encoder of windows can be read as one.
        return Ok(match read_json(path) {
            Ok(encoder) => Content::WindowEncoder(Box::new(encoder)),
            Err(_of_windows) => {
                Content::Encoder(Box::new(read_json(path).map_err(StageError::input)?))
            }
        });
    }
    let mut magic = Vec::new();
    fs_err::File::open(path)?
        .take(PARQUET_MAGIC.len() as u64)
        .read_to_end(&mut magic)?;
    if magic != PARQUET_MAGIC {
        if magic.first() != Some(&b'{') {
            return Ok(Content::Other);
        }
        let board = sweep::read(path).map(|board| Content::Sweep(Box::new(board)));
        let run = || runs::read(path).map(|run| Content::Run(Box::new(run)));
        return Ok(board.or_else(run).unwrap_or(Content::Other));
    }
    for &spec in tables::ALL {
        match TableReader::open(path, spec) {
            Ok(_reader) => return Ok(Content::Table(spec)),
            Err(TableError::OtherTable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Content::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(label: &str, output: Option<&str>, path: &str) -> TaskInput {
        TaskInput {
            label: label.into(),
            output: output.map(String::from),
            path: path.into(),
            digest: None,
        }
    }

    #[test]
    fn artifacts_are_grouped_by_the_stage_that_made_them() {
        let name =
            |label: &str, output: Option<&str>, path: &str| group_of(&input(label, output, path)).1;
        assert_eq!(
            name("net[seed=7]", Some("metrics"), "/store/ab"),
            "net[seed=7]"
        );
        assert_eq!(
            name("net[seed=7].metrics", Some("metrics"), "/store/ab"),
            "net[seed=7]"
        );
        assert_eq!(
            name(
                "/data/lstm/metrics.parquet",
                Some("metrics"),
                "/data/lstm/metrics.parquet"
            ),
            "lstm"
        );
        assert_eq!(name("net", None, "/store/ab"), "net");
    }
}
