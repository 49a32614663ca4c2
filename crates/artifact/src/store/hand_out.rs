//! Giving an object's bytes away: as a reflink where the file system can, else as a hard link if that was
//! asked for, else as a copy.
//!
//! A reflink shares blocks until one side is written to, so it costs nothing and is safe. A hard link is the
//! object itself: it stays read-only, and who makes it writable can damage the store.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use walkdir::WalkDir;

/// How bytes are given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// A reflink or a copy: the receiver's own, to be changed at will.
    Copy,
    /// A reflink or a hard link, or a copy on another file system.
    Link,
}

/// Gives a file or folder away, to a path where nothing is yet.
pub fn hand_out(from: &Path, to: &Path, manner: Manner) -> io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(from).map_err(io::Error::other)?;
        let place = match relative.as_os_str().is_empty() {
            true => to.to_owned(),
            false => to.join(relative),
        };
        if entry.file_type().is_dir() {
            fs_err::create_dir(&place)?;
        } else if manner == Manner::Copy
            || reflink_copy::reflink(entry.path(), &place).is_err()
                && std::fs::hard_link(entry.path(), &place).is_err()
        {
            reflink_copy::reflink_or_copy(entry.path(), &place)?;
            // A copy has the object's rights, which nobody may write.
            fs_err::set_permissions(&place, Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}
