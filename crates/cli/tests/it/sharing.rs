//! A second store that is read through, and archives of results.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::project::{Project, Ran};

/// Files and a folder.
const PIPELINE: &str = "\
version: 1
stages:
  a: {run: toy write, params: {text: one}}
  b: {run: toy write, inputs: {from: a}, params: {text: two}}
  bundle: {run: toy folder, inputs: {from: b}, params: {files: 3}}
";

/// Every file below a folder with its bytes and its time of change.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>, i64)> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs_err::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
        } else {
            let meta = fs_err::metadata(&path).unwrap();
            found.push((
                path.clone(),
                fs_err::read(&path).unwrap(),
                meta.mtime_nsec(),
            ));
        }
    }
    found.sort();
    found
}

/// A pipeline whose results were pushed into a second store.
fn pushed() -> (tempfile::TempDir, PathBuf, Project) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("shared");
    let project = Project::new(PIPELINE);
    let ran = project.done(&format!("run --push --cache {}", cache.display()));
    assert!(
        ran.stderr.contains("pushed: 3 results, 3 objects, "),
        "{}",
        ran.stderr
    );
    (folder, cache, project)
}

fn damage(path: &Path) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs_err::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn colleagues_restore_what_was_pushed() {
    let (_folder, cache, first) = pushed();
    let before = contents(&cache);
    let second = Project::new(PIPELINE);
    let plan = second.done(&format!("plan --cache {}", cache.display()));
    insta::assert_snapshot!(plan.stdout, @r"
    a       restore   the store has its result
    b       restore   the store has its result
    bundle  restore   the store has its result
    ");
    assert!(second.objects().is_empty(), "a plan copies nothing");
    let mut command = second.command("run");
    let ran = Ran::of(command.env("CINESCORE_CACHE", &cache).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.computed().is_empty(), "{}", ran.stderr);
    assert_eq!(second.made("b"), first.made("b"));
    // All of it is its own now, and whole.
    second.done("verify");
    assert!(second.done("run").computed().is_empty());
    // Nothing is written to a second store without --push, whatever was computed.
    second.write(&PIPELINE.replace("two", "three"));
    let ran = second.done(&format!("run --cache {}", cache.display()));
    assert_eq!(ran.computed(), ["b", "bundle"]);
    assert_eq!(contents(&cache), before);
}

#[test]
fn what_is_damaged_in_the_second_store_is_told_and_made_anew() {
    let (_folder, cache, first) = pushed();
    let run = format!("run --cache {}", cache.display());
    let damaged: Vec<PathBuf> = contents(&cache.join("objects"))
        .into_iter()
        .chain(contents(&cache.join("records")))
        .map(|(path, ..)| path)
        .collect();
    for path in &damaged {
        let whole = fs_err::read(path).unwrap();
        damage(path);
        let second = Project::new(PIPELINE);
        let ran = second.done(&run);
        assert!(
            ran.stderr.contains("warning: the "),
            "{}: {}",
            path.display(),
            ran.stderr
        );
        assert!(ran.stderr.contains("is damaged"), "{}", ran.stderr);
        assert_eq!(ran.computed().len(), 1, "{}", ran.stderr);
        assert_eq!(second.made("b"), first.made("b"));
        second.done("verify");
        // Nor is it touched there: that is its owner's affair, or that of the next push.
        fs_err::write(path, whole).unwrap();
    }
    assert!(damaged.len() >= 8);
    damage(&damaged[0]);
    let repaired = first.done(&format!("run --push --cache {}", cache.display()));
    assert!(
        repaired.stderr.contains("pushed: 0 results, 1 object, "),
        "{}",
        repaired.stderr
    );
    assert!(Project::new(PIPELINE).done(&run).computed().is_empty());
}

#[test]
fn the_second_store_repairs_the_own_one() {
    let (_folder, cache, project) = pushed();
    let object = fs_err::canonicalize(project.view("a")).unwrap();
    damage(&object);
    let ran = project.done(&format!("run --cache {}", cache.display()));
    assert!(ran.computed().is_empty(), "{}", ran.stderr);
    assert_eq!(project.made("a"), "one\n");
    project.done("verify");
}

#[test]
fn a_folder_that_is_no_store_is_told() {
    let project = Project::new(PIPELINE);
    let ran = project.run("run --cache nowhere");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"error: there is no store in `nowhere`");
    let ran = project.run("run --push");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: --push needs to know the second store
    hint: name it with --cache DIR or in CINESCORE_CACHE
    ");
}

#[test]
fn many_push_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("shared");
    let children: Vec<_> = (0..4)
        .map(|_| {
            let project = Project::new(PIPELINE);
            let mut command = project.command(&format!("run --push --cache {}", cache.display()));
            let child = command
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            (project, child)
        })
        .collect();
    for (_project, child) in children {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let project = Project::new(PIPELINE);
    assert!(
        project
            .done(&format!("run --cache {}", cache.display()))
            .computed()
            .is_empty()
    );
    assert_eq!(fs_err::read_dir(cache.join("tmp")).unwrap().count(), 0);
}

#[test]
fn an_archive_restores_everything_elsewhere() {
    let first = Project::new(PIPELINE);
    first.done("run");
    // The last run made `bundle` alone; what it was made from is exported with it.
    first.write(&PIPELINE.replace("files: 3", "files: 4"));
    assert_eq!(first.done("run").computed(), ["bundle"]);
    let archive = first.path().join("run.tar.zst");
    let ran = first.done("export last -o run.tar.zst");
    assert!(
        ran.stderr
            .starts_with("run.tar.zst: 3 results, 3 objects, "),
        "{}",
        ran.stderr
    );

    let second = Project::new(&PIPELINE.replace("files: 3", "files: 4"));
    let ran = second.done(&format!("import {}", archive.display()));
    assert!(
        ran.stderr
            .contains(": 3 results, 3 objects, logs of 2 runs"),
        "{}",
        ran.stderr
    );
    let ran = second.done("run");
    assert!(ran.computed().is_empty(), "{}", ran.stderr);
    assert_eq!(second.made("b"), first.made("b"));
    second.done("verify");
    assert_eq!(second.debris(), 0);
    // Once more changes nothing, and the same results give the same archive.
    second.done(&format!("import {}", archive.display()));
    second.done("export demo -o again.tar.zst");
    first.done("export -o view.tar.zst");
    assert_eq!(
        fs_err::read(second.path().join("again.tar.zst")).unwrap(),
        fs_err::read(first.path().join("view.tar.zst")).unwrap()
    );
}

#[test]
fn a_changed_or_cut_off_archive_is_refused() {
    let first = Project::new(PIPELINE);
    first.done("run");
    first.done("export -o run.tar.zst");
    let whole = fs_err::read(first.path().join("run.tar.zst")).unwrap();
    let mut tar = Vec::new();
    zstd::Decoder::new(&whole[..])
        .unwrap()
        .read_to_end(&mut tar)
        .unwrap();
    let mut refused: Vec<(String, Vec<u8>)> = Vec::new();
    for at in (0..whole.len()).step_by(whole.len() / 24) {
        refused.push((format!("cut at {at}"), whole[..at].to_vec()));
        let mut flipped = whole.clone();
        flipped[at] ^= 16;
        refused.push((format!("flipped at {at}"), flipped));
    }
    // Cut between two members, and compressed anew: only the manifest tells.
    let blocks = tar.len() / 512;
    for block in (1..blocks - 2).step_by(3) {
        let cut = zstd::encode_all(&tar[..block * 512], 1).unwrap();
        refused.push((format!("cut after block {block}"), cut));
    }
    for (case, (what, bytes)) in refused.into_iter().enumerate() {
        let second = Project::new(PIPELINE);
        fs_err::write(second.path().join("bad.tar.zst"), bytes).unwrap();
        let ran = second.run("import bad.tar.zst");
        // A few bits of a compressed stream mean nothing: flipped, they leave every byte of the archive as
        // it was, which the checksum and every digest say. Then it must be as good as the whole one.
        if ran.code == 0 && what.starts_with("flipped") {
            second.done("verify");
            assert!(second.done("run").computed().is_empty(), "{what}");
            continue;
        }
        assert_eq!(ran.code, 3, "{what}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("`bad.tar.zst` is refused: "),
            "{what}: {}",
            ran.stderr
        );
        assert_eq!(second.debris(), 0, "{what}");
        if case % 10 == 0 {
            second.done("verify");
            assert_eq!(second.done("run").computed().len(), 3, "{what}");
        }
    }
}

#[test]
fn a_hostile_archive_is_refused() {
    let first = Project::new(PIPELINE);
    first.done("run");
    first.done("export -o run.tar.zst");
    let whole = fs_err::read(first.path().join("run.tar.zst")).unwrap();
    let tar = zstd::decode_all(&whole[..]).unwrap();
    // The manifest, then a member of the attacker's.
    let mut archive = tar::Archive::new(&tar[..]);
    let mut manifest = String::new();
    let mut entries = archive.entries().unwrap();
    entries
        .next()
        .unwrap()
        .unwrap()
        .read_to_string(&mut manifest)
        .unwrap();
    let object = entries
        .next()
        .unwrap()
        .unwrap()
        .path()
        .unwrap()
        .display()
        .to_string();
    let cases = [
        ("../../../../escaped", tar::EntryType::Regular),
        ("objects/../../../../../escaped", tar::EntryType::Regular),
        ("/tmp/escaped-by-cinescore-import", tar::EntryType::Regular),
        ("objects/0000/escaped", tar::EntryType::Regular),
        ("version", tar::EntryType::Regular),
        (object.as_str(), tar::EntryType::Symlink),
        (object.as_str(), tar::EntryType::Link),
        (object.as_str(), tar::EntryType::Fifo),
        (object.as_str(), tar::EntryType::Char),
    ];
    for (name, kind) in cases {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(manifest.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, "cinescore.json", manifest.as_bytes())
            .unwrap();
        let mut header = tar::Header::new_gnu();
        // The crate itself would not write such names.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/hostname").unwrap();
        }
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, std::io::empty()).unwrap();
        let bytes = zstd::encode_all(&builder.into_inner().unwrap()[..], 1).unwrap();

        let second = Project::new(PIPELINE);
        fs_err::write(second.path().join("bad.tar.zst"), bytes).unwrap();
        let ran = second.run("import bad.tar.zst");
        assert_eq!(ran.code, 3, "{name} {kind:?}: {}", ran.stderr);
        assert!(second.objects().is_empty());
        assert!(!Path::new("/tmp/escaped-by-cinescore-import").exists());
        assert!(!second.path().join("escaped").exists());
        assert!(!second.path().parent().unwrap().join("escaped").exists());
    }
}

/// The members of an archive that `cinescore export` wrote.
fn members(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let tar = zstd::decode_all(fs_err::File::open(archive).unwrap()).unwrap();
    let mut members = Vec::new();
    for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        members.push((name, bytes));
    }
    members
}

fn archive_of(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    zstd::encode_all(&builder.into_inner().unwrap()[..], 1).unwrap()
}

/// Changes a sealed text and seals it again, as anybody can.
fn forge(sealed: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(sealed).unwrap();
    value.as_object_mut().unwrap().remove("check");
    change(&mut value);
    cinescore_artifact::store::sealed::seal(&value).unwrap()
}

/// A project, and a file of the user's that is none of it.
fn project_and_another_file() -> (tempfile::TempDir, PathBuf, Project) {
    let project = Project::new(PIPELINE);
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    fs_err::write(&precious, "mine").unwrap();
    (folder, precious, project)
}

/// `..` as often as it takes from a folder to the root, and from there to a path.
fn way_out(path: &Path) -> String {
    format!(
        "{}{}",
        "../".repeat(30),
        path.display().to_string().trim_start_matches('/')
    )
}

#[test]
fn a_sealed_archive_whose_names_lead_out_is_refused() {
    let first = Project::new(PIPELINE);
    first.done("run");
    first.done("export -o run.tar.zst");
    let whole = members(&first.path().join("run.tar.zst"));

    // The folder of a run that would be moved: the victim's whole store.
    let second = Project::new(PIPELINE);
    second.done("run");
    let mut forged = whole.clone();
    forged[0].1 = forge(&whole[0].1, |manifest| {
        manifest["runs"] = serde_json::json!(["x", "../../../../store"]);
        manifest["files"] = 1.into();
        manifest["objects"] = serde_json::json!({});
        manifest["records"] = serde_json::json!([]);
    });
    forged.truncate(1);
    forged.push(("logs/x/f".into(), b"log".to_vec()));
    fs_err::write(second.path().join("bad.tar.zst"), archive_of(&forged)).unwrap();
    let ran = second.run("import bad.tar.zst");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr, @"error: `bad.tar.zst` is refused: cinescore.json: `../../../../store` is no plain name");
    assert!(second.path().join("artifacts/store/version").exists());
    second.done("verify");

    // A record of a result whose file would be put on view elsewhere.
    for field in ["file_name", "run"] {
        let (_folder, precious, second) = project_and_another_file();
        let mut forged = whole.clone();
        for (name, bytes) in &mut forged {
            if name.starts_with("records/") {
                *bytes = forge(bytes, |record| lead_out(record, field, &precious));
            }
        }
        fs_err::write(second.path().join("bad.tar.zst"), archive_of(&forged)).unwrap();
        let ran = second.run("import bad.tar.zst");
        assert_eq!(ran.code, 3, "{field}: {}", ran.stderr);
        assert!(
            ran.stderr
                .contains(" names a file outside its stage's folder"),
            "{}",
            ran.stderr
        );
        assert_eq!(second.done("run").computed().len(), 3);
        assert_eq!(fs_err::read_to_string(precious).unwrap(), "mine");
    }
}

fn lead_out(record: &mut serde_json::Value, field: &str, path: &Path) {
    if field == "run" {
        record["run"] = way_out(path).into();
        return;
    }
    for object in record["outputs"].as_object_mut().unwrap().values_mut() {
        object[field] = way_out(path).into();
    }
}

#[test]
fn a_record_of_a_second_store_whose_names_lead_out_is_damaged() {
    let (_cache_folder, cache, _first) = pushed();
    let (_folder, precious, second) = project_and_another_file();
    for (path, bytes, _) in contents(&cache.join("records")) {
        let forged = forge(&bytes, |record| lead_out(record, "file_name", &precious));
        fs_err::write(path, forged).unwrap();
    }
    let ran = second.done(&format!("run --cache {}", cache.display()));
    assert!(ran.stderr.contains("is damaged"), "{}", ran.stderr);
    assert_eq!(ran.computed().len(), 3);
    assert!(!precious.is_symlink());
    assert_eq!(fs_err::read_to_string(precious).unwrap(), "mine");
}

#[test]
fn plain_files_are_the_receivers_own() {
    let project = Project::new(PIPELINE);
    project.done("run");
    let ran = project.done("export --files out");
    insta::assert_snapshot!(ran.stdout, @r"
    out/a/made.txt
    out/b/made.txt
    out/bundle/bundle
    ");
    let file = project.path().join("out/a/made.txt");
    fs_err::write(&file, "edited").unwrap();
    fs_err::write(
        project.path().join("out/bundle/bundle/deep/1.txt"),
        "edited",
    )
    .unwrap();
    assert_eq!(project.made("a"), "one\n");
    assert_eq!(
        project.run("export --files out").code,
        2,
        "nothing is overwritten"
    );
    project.done("export --files linked --hard-link");
    let linked = fs_err::metadata(project.path().join("linked/a/made.txt")).unwrap();
    let object = fs_err::metadata(project.view("a")).unwrap();
    // A file system that shares blocks gives another file.
    assert!(linked.ino() != object.ino() || linked.permissions().readonly());
    project.done("verify");
}
