//! `data/sources.yaml`: what there is to fetch.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::{FetchError, io};

/// A public archive.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    #[serde(skip)]
    pub(super) name: String,
    pub(super) title: String,
    pub(super) address: String,
    /// The name of the file it is kept as.
    pub(super) file: String,
    /// For people.
    pub(super) size: String,
    /// Exact, where the file never changes.
    pub(super) bytes: Option<u64>,
    /// Whether the file at the address never changes.
    pub(super) frozen: bool,
    pub(super) sha256: Option<String>,
    pub(super) md5: Option<String>,
    /// Whether it is fetched when nothing is named.
    #[serde(default)]
    pub(super) default: bool,
    pub(super) licence: String,
    pub(super) citation: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(
        dead_code,
        reason = "there is one version so far, and its keys are checked"
    )]
    version: u32,
    sources: BTreeMap<String, Source>,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Vec<Source>, FetchError> {
    let text = fs_err::read_to_string(path).map_err(io(path))?;
    let file: File = serde_yaml::from_str(&text).map_err(|source| FetchError::Sources {
        path: path.to_owned(),
        source,
    })?;
    let named = |(name, source)| Source { name, ..source };
    Ok(file.sources.into_iter().map(named).collect())
}

/// The sources of these names, or those that are fetched when nothing is named.
pub(super) fn choose<'s>(
    sources: &'s [Source],
    names: &[&String],
) -> Result<Vec<&'s Source>, FetchError> {
    if names.is_empty() {
        return Ok(sources.iter().filter(|source| source.default).collect());
    }
    let find = |name: &&String| {
        let found = sources.iter().find(|source| source.name == **name);
        found.ok_or_else(|| FetchError::Unknown {
            name: (*name).clone(),
            known: sources.iter().map(|source| source.name.clone()).collect(),
        })
    };
    names.iter().map(find).collect()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} ({})", self.name, self.title, self.size)?;
        writeln!(f, "  address   {}", self.address)?;
        writeln!(f, "  licence   {}", self.licence)?;
        write!(f, "  citation  {}", self.citation)
    }
}
