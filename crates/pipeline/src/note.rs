//! Files that tell people and later plans something, but that no result depends on.
//!
//! They are replaced in one piece, like everything else, but not forced onto the disk: one `fsync` costs
//! more than all the rest of a small stage's bookkeeping, and a note that a power cut took is a note
//! fewer, not a wrong result.

use std::io::{self, BufWriter, IntoInnerError, Write as _};
use std::path::Path;

use cinescore_artifact::task::readable_temporary;
use serde::Serialize;

use crate::error::PipelineError;

/// Writes a JSON file beside its place and moves it there.
pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), PipelineError> {
    let attempt = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let file = readable_temporary(folder)?;
        // Not as one text first: the record of a thousand cells has two megabytes.
        let mut writer = BufWriter::new(file);
        serde_json::to_writer_pretty(&mut writer, value)?;
        writer.write_all(b"\n")?;
        let file = writer.into_inner().map_err(IntoInnerError::into_error)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(PipelineError::io("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_note_may_be_read_by_whoever_may_read_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            let meta = fs_err::metadata(folder.path().join(name)).unwrap();
            meta.permissions().mode() & 0o777
        };
        write(&folder.path().join("run.json"), &1).unwrap();
        fs_err::write(folder.path().join("ordinary"), "").unwrap();
        assert_eq!(mode("run.json"), mode("ordinary"));
    }
}
