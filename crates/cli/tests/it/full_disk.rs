//! No room: an error that names the path, exit code 5, a whole store, and a next run that goes on.

use std::path::PathBuf;
use std::process::Command;

use crate::project::{Project, Ran};

/// Outputs of some pages each, as a file and as a folder, so that each kind of write comes to be the one
/// that has no room.
fn pipeline() -> String {
    format!(
        "version: 1
stages:
  a: {{run: toy write, params: {{text: {}}}}}
  b: {{run: toy write, inputs: {{from: a}}, params: {{text: two}}}}
  bundle: {{run: toy folder, inputs: {{from: b}}, params: {{files: 3}}}}
",
        "x".repeat(9000)
    )
}

/// A file system in memory that is unmounted when dropped.
struct Small {
    place: tempfile::TempDir,
}

impl Small {
    /// Nothing where mounting is not allowed.
    fn mount(kib: usize) -> Option<Self> {
        Self::mount_on(tempfile::tempdir().unwrap(), kib)
    }

    fn mount_on(place: tempfile::TempDir, kib: usize) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(place.path())
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then_some(Self { place })
    }

    fn grow(&self) {
        let mut command = Command::new("mount");
        command
            .args(["-o", "remount,size=64m"])
            .arg(self.place.path());
        assert!(command.status().unwrap().success());
    }

    fn artifacts(&self) -> PathBuf {
        self.place.path().join("artifacts")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg(self.place.path()).status().ok();
    }
}

fn told(ran: &Ran, what: &str) {
    assert_eq!(ran.code, 5, "{what}: {}", ran.stderr);
    assert!(ran.stderr.contains("error: "), "{what}: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
}

#[test]
fn a_full_disk_at_every_page() {
    let project = Project::new(&pipeline());
    let mut failed = Vec::new();
    for kib in (4..).step_by(4) {
        let Some(disk) = Small::mount(kib) else {
            eprintln!("NOT RUN: this user may not mount; a_limit_on_file_sizes stands in for it");
            return;
        };
        let artifacts = disk.artifacts();
        let on_it = |verb: &str| format!("{verb} --artifacts {}", artifacts.display());
        let ran = project.run(&on_it("run"));
        if ran.code == 0 {
            break;
        }
        let what = format!("{kib} KiB");
        told(&ran, &what);
        failed.push(ran.stderr);
        // Still no room: the same again, unless only the last word was missing.
        let again = project.run(&on_it("run"));
        if again.code == 0 {
            assert!(again.computed().is_empty(), "{what}: {}", again.stderr);
        } else {
            told(&again, &what);
        }
        disk.grow();
        let verified = project.done(&on_it("verify"));
        assert!(
            verified.stderr.contains("all is whole"),
            "{what}: {}",
            verified.stderr
        );
        let ran = project.done(&on_it("run"));
        assert!(!ran.stderr.contains("warning"), "{what}: {}", ran.stderr);
        assert!(project.done(&on_it("run")).computed().is_empty(), "{what}");
        project.done(&on_it("verify"));
        let tmp = fs_err::read_dir(artifacts.join("store/tmp")).unwrap();
        assert_eq!(tmp.count(), 0, "{what}");
        assert!(kib < 4096, "that must be enough");
    }
    let all = failed.concat();
    // Each of them had no room once.
    for place in [
        "artifacts/store/programs",
        "artifacts/store/tmp",
        "artifacts/store/records",
        "artifacts/logs",
    ] {
        assert!(all.contains(place), "no run failed at {place}: {all}");
    }
    assert!(failed.len() > 10);
    let hinted = failed
        .iter()
        .filter(|said| said.contains("hint: the disk is full"));
    assert!(hinted.count() * 2 > failed.len(), "{all}");
}

#[test]
fn a_limit_on_file_sizes() {
    let mut failures = 0;
    // In blocks of 512 bytes, up to more than the largest object takes.
    for blocks in 0..40 {
        let project = Project::new(&pipeline());
        let program = project.command("run");
        let mut shell = Command::new("sh");
        shell
            // Ignored, the signal becomes an error of the write.
            .args([
                "-c",
                &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" run"),
            ])
            .arg(program.get_program())
            .current_dir(project.path());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let ran = Ran::of(shell.output().unwrap());
        if ran.code == 0 {
            break;
        }
        let what = format!("{blocks} blocks");
        told(&ran, &what);
        failures += 1;
        project.done("verify");
        let ran = project.done("run");
        assert!(!ran.stderr.contains("warning"), "{what}: {}", ran.stderr);
        assert!(project.done("run").computed().is_empty(), "{what}");
        assert_eq!(project.debris(), 0, "{what}");
    }
    assert!(failures > 5);
}

#[test]
fn work_in_progress_on_another_disk() {
    let project = Project::new(&pipeline());
    let Some(disk) = Small::mount(4096) else {
        eprintln!("NOT RUN: this user may not mount");
        return;
    };
    // A link, as of somebody with a fast disk for scratch files.
    fs_err::create_dir_all(project.path().join("artifacts/store")).unwrap();
    std::os::unix::fs::symlink(
        disk.place.path(),
        project.path().join("artifacts/store/tmp"),
    )
    .unwrap();
    assert_eq!(project.done("run").computed().len(), 3);
    assert_eq!(project.made("b").len(), 9001 + 4);
    assert!(project.done("run").computed().is_empty());
    project.done("export -o run.tar.zst");
    fs_err::remove_dir_all(project.path().join("artifacts/runs")).unwrap();
    fs_err::remove_dir_all(project.path().join("artifacts/logs")).unwrap();
    project.done("gc --keep-last 0");
    assert!(project.objects().is_empty());
    project.done("import run.tar.zst");
    project.done("verify");
    assert!(project.done("run").computed().is_empty());
}
