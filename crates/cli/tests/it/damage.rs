//! Damage to anything that the runner keeps: a warning and a miss, repaired by the next run; never a
//! wrong result, never a crash.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project::{Project, Ran};

/// A file, a folder, and what is made of both.
const PIPELINE: &str = "\
version: 1
stages:
  a: {run: toy write, params: {text: one}}
  b: {run: toy write, inputs: {from: a}, params: {text: two}}
  bundle: {run: toy folder, inputs: {from: b}, params: {files: 3}}
  d: {run: toy write, inputs: {from: [a.made, b.made]}, params: {text: three}}
";

/// Random numbers that are the same every time (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % end
    }
}

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip {
        byte: usize,
        bit: usize,
    },
    Cut {
        at: usize,
    },
    Remove,
    /// Nothing but its name is left.
    Empty,
    /// Something of another kind is there.
    Folder,
}

fn damage(file: &Path, random: &mut Random) -> Damage {
    let bytes = fs_err::read(file).unwrap();
    let damage = match random.below(8) {
        0..4 if !bytes.is_empty() => Damage::Flip {
            byte: random.below(bytes.len()),
            bit: random.below(8),
        },
        4..6 if !bytes.is_empty() => Damage::Cut {
            at: random.below(bytes.len()),
        },
        6 => Damage::Empty,
        7 if random.below(2) == 0 => Damage::Folder,
        _ => Damage::Remove,
    };
    let folder = file.parent().unwrap();
    let mode = fs_err::metadata(folder).unwrap().permissions();
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    // As a failing disk would: the same file, other bytes.
    fs_err::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    match damage {
        Damage::Flip { byte, bit } => {
            let mut bytes = bytes;
            bytes[byte] ^= 1 << bit;
            fs_err::write(file, bytes).unwrap();
        }
        Damage::Cut { at } => fs_err::write(file, &bytes[..at]).unwrap(),
        Damage::Empty => fs_err::write(file, "").unwrap(),
        Damage::Remove => fs_err::remove_file(file).unwrap(),
        Damage::Folder => {
            fs_err::remove_file(file).unwrap();
            fs_err::create_dir(file).unwrap();
        }
    }
    fs_err::set_permissions(folder, mode).unwrap();
    damage
}

/// The files below folders of the artifacts, sorted.
fn files(project: &Project, below: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending: Vec<PathBuf> = below
        .iter()
        .map(|below| project.path().join("artifacts").join(below))
        .collect();
    while let Some(path) = pending.pop() {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            let entries = fs_err::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What the pipeline gives: every byte that a person would see.
fn results(project: &Project) -> Vec<String> {
    let runs = project.path().join("artifacts/runs/demo");
    let read = |path: &str| fs_err::read_to_string(runs.join(path)).unwrap();
    let mut results: Vec<String> = ["a/made.txt", "b/made.txt", "d/made.txt"].map(read).into();
    for name in ["0.txt", "deep/1.txt", "deep/2.txt"] {
        results.push(read(&format!("bundle/bundle/{name}")));
    }
    let status = project.done("status").stdout;
    // All but the run that made it, which is another one after a repair.
    results.extend(
        status
            .lines()
            .filter(|line| !line.contains("made by"))
            .map(String::from),
    );
    results
}

fn ended_well(ran: &Ran, what: &str) {
    assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
}

#[test]
fn damaged_objects_and_records_are_told_and_made_anew() {
    let project = Project::new(PIPELINE);
    project.done("run");
    let expected = results(&project);
    let mut random = Random(7);
    for case in 0..160 {
        let files = files(&project, &["store/objects", "store/records"]);
        let file = &files[random.below(files.len())];
        let is_record = file.starts_with(project.path().join("artifacts/store/records"));
        let how = damage(file, &mut random);
        let what = format!("case {case}, {how:?} of {}", file.display());

        let ran = project.run("run");
        ended_well(&ran, &what);
        // A record that is gone cannot be told from one that never was.
        let is_silent = is_record && matches!(how, Damage::Remove);
        assert!(
            is_silent || ran.stderr.contains("warning: "),
            "{what}: {}",
            ran.stderr
        );
        assert!(!ran.computed().is_empty(), "{what}: {}", ran.stderr);
        assert_eq!(results(&project), expected, "{what}");
        let again = project.run("run");
        ended_well(&again, &what);
        assert!(again.computed().is_empty(), "{what}: {}", again.stderr);
        assert!(
            !again.stderr.contains("warning"),
            "{what}: {}",
            again.stderr
        );
        assert_eq!(project.debris(), 0, "{what}");
    }
    // What was found damaged is kept for people to look at.
    let quarantine = project.path().join("artifacts/store/quarantine");
    assert!(fs_err::read_dir(quarantine).unwrap().count() > 100);
}

#[test]
fn damaged_memories_views_and_locks_change_nothing() {
    let project = Project::new(PIPELINE);
    project.done("run");
    let expected = results(&project);
    let mut random = Random(11);
    let stats = project.path().join("artifacts/store/stats");
    for case in 0..160 {
        let places = ["store/stats", "store/programs", "store/locks", "runs"];
        let files = files(&project, &places);
        let file = &files[random.below(files.len())];
        let how = damage(file, &mut random);
        let what = format!("case {case}, {how:?} of {}", file.display());
        if matches!(how, Damage::Folder) && !file.starts_with(&stats) {
            // No disk makes a folder of a lock or of a view.
            fs_err::remove_dir(file).unwrap();
        }
        let ran = project.run("run");
        ended_well(&ran, &what);
        assert!(ran.computed().is_empty(), "{what}: {}", ran.stderr);
        assert_eq!(results(&project), expected, "{what}");
    }
}

#[test]
fn several_damages_at_once_are_repaired_at_once() {
    let project = Project::new(PIPELINE);
    project.done("run");
    let expected = results(&project);
    let mut random = Random(13);
    for case in 0..20 {
        for _ in 0..4 {
            let files = files(&project, &["store/objects", "store/records", "store/stats"]);
            damage(&files[random.below(files.len())], &mut random);
        }
        ended_well(&project.run("run"), &format!("case {case}"));
        assert_eq!(results(&project), expected, "case {case}");
        assert!(project.done("run").computed().is_empty(), "case {case}");
    }
}

#[test]
fn writing_through_a_view_does_not_change_a_result() {
    let project = Project::new(PIPELINE);
    project.done("run");
    let expected = results(&project);
    let view = project.view("a");
    // Who owns the store may not write to an object; root may write to anything, and is found out.
    match fs_err::write(&view, "edited\n") {
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
        Ok(()) => {
            let ran = project.done("run");
            assert!(
                ran.stderr.contains("is damaged and was set aside"),
                "{}",
                ran.stderr
            );
            assert_eq!(ran.computed(), ["a"]);
        }
    }
    assert_eq!(results(&project), expected);
    // An editor that saves by a rename replaces the link; the object is as before, and put on view again.
    fs_err::remove_file(&view).unwrap();
    fs_err::write(&view, "edited\n").unwrap();
    assert!(project.run("plan").stdout.starts_with("a       restore"));
    assert!(project.done("run").computed().is_empty());
    assert_eq!(results(&project), expected);
}

/// What `setpriv` is told so that a command has no capability.
const BOUND: [&str; 4] = ["--bounding-set", "-all", "--inh-caps", "-all"];

/// Runs a command as its user, without the right of root to write where the mode of a file forbids it.
fn without_roots_rights(command: &Command) -> Ran {
    let mut bound = Command::new("setpriv");
    bound
        .args(BOUND)
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        bound.env(name, value.unwrap_or_default());
    }
    Ran::of(bound.output().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn an_owner_without_roots_rights_cannot_write_through_a_view() {
    let project = Project::new(PIPELINE);
    // For any other user `writing_through_a_view_does_not_change_a_result` tests the same.
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        eprintln!("not run: this user has no rights to give up");
        return;
    }
    let able = Command::new("setpriv").args(BOUND).arg("true").status();
    if !able.is_ok_and(|status| status.success()) {
        eprintln!("NOT RUN: `setpriv` is missing, or this root may not give up rights");
        return;
    }
    let ran = without_roots_rights(&project.command("run"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for target in [
        "a/made.txt",
        "bundle/bundle/deep/1.txt",
        "bundle/bundle/new",
    ] {
        let script = format!("echo edited > artifacts/runs/demo/{target}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(project.path());
        let ran = without_roots_rights(&shell);
        assert_ne!(ran.code, 0);
        assert!(ran.stderr.contains("Permission denied"), "{}", ran.stderr);
    }
    let again = without_roots_rights(&project.command("run"));
    assert!(again.computed().is_empty(), "{}", again.stderr);
}
