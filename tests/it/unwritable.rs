//! Places where nothing can be written.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cinescore_artifact::exit;

use crate::pipelines::raw;

#[test]
fn a_file_in_the_place_of_the_artifacts_folder_is_the_machines_fault() {
    let project = raw();
    project.write("artifacts", "in the way");
    project
        .cinescore("run -p raw")
        .with_code(exit::MACHINE)
        .saying("error: ")
        .saying("artifacts");
    assert_eq!(
        fs_err::read(project.path("artifacts")).unwrap(),
        b"in the way"
    );
}

#[test]
fn a_read_only_artifacts_folder_is_the_machines_fault() {
    let project = raw();
    let folder = project.path("artifacts");
    fs_err::create_dir(&folder).unwrap();
    let Some(_read_only) = ReadOnly::make(&folder) else {
        // Not eprintln!, which the test runner swallows.
        let line = "SKIPPED a_read_only_artifacts_folder_is_the_machines_fault: permissions do not bind this user, \
                    who may not mount either\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    project
        .cinescore("run -p raw")
        .with_code(exit::MACHINE)
        .saying("artifacts")
        .saying("hint: ");
}

/// A folder that nobody can write to, until this is dropped.
struct ReadOnly {
    folder: PathBuf,
    is_mounted: bool,
}

impl ReadOnly {
    /// By permissions, or for root, whom they do not bind, by an empty read-only file system.
    fn make(folder: &Path) -> Option<Self> {
        set_writable(folder, false);
        let binds = |folder: &Path| fs_err::write(folder.join("probe"), "").is_err();
        if binds(folder) {
            return Some(Self {
                folder: folder.to_owned(),
                is_mounted: false,
            });
        }
        fs_err::remove_file(folder.join("probe")).ok();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "ro,size=1m", "none"])
            .arg(folder)
            .output();
        let is_mounted = mount.is_ok_and(|mount| mount.status.success());
        is_mounted.then(|| Self {
            folder: folder.to_owned(),
            is_mounted,
        })
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        if self.is_mounted {
            Command::new("umount").arg(&self.folder).status().ok();
        }
        set_writable(&self.folder, true);
    }
}

fn set_writable(folder: &Path, is_writable: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if is_writable { 0o755 } else { 0o555 };
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(mode)).ok();
}
