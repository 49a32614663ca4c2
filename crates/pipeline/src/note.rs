//! Files that tell people and later plans something, but that no result depends on.
//!
//! They are replaced in one piece, like everything else, but not forced onto the disk: one `fsync` costs
//! more than all the rest of a small stage's bookkeeping, and a note that a power cut took is a note
//! fewer, not a wrong result.

use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::error::PipelineError;

/// Writes a JSON file beside its place and moves it there.
pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), PipelineError> {
    let attempt = || -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(value)?;
        bytes.push(b'\n');
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempfile_in(folder)?;
        file.write_all(&bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(PipelineError::io("write", path))
}
