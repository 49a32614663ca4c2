//! `cinescore verify`: damage is found, told and repaired.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::project::{DIAMOND, Project};

/// The name of a store's file in a message is that of this run: digests and temporary names are cut.
fn shown(text: &str) -> String {
    let mut settings = String::new();
    for line in text.lines() {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| match word.find("artifacts/store/") {
                Some(_) => {
                    let parts: Vec<&str> = word.split('/').collect();
                    format!("{}/{}/..", parts[1], parts[2])
                }
                None if word.trim_end_matches(',').len() == 12 => "DIGEST,".into(),
                None => word.into(),
            })
            .collect();
        settings.push_str(words.join(" ").trim_end());
        settings.push('\n');
    }
    settings
}

fn damage(path: &Path) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs_err::read(path).unwrap();
    bytes[0] ^= 1;
    fs_err::write(path, bytes).unwrap();
}

fn record_of(project: &Project, stage: usize) -> std::path::PathBuf {
    let plan: Value = serde_json::from_str(&project.done("plan --json").stdout).unwrap();
    let fingerprint = plan["stages"][stage]["fingerprint"].as_str().unwrap();
    let shard = project
        .path()
        .join("artifacts/store/records")
        .join(&fingerprint[..2]);
    shard.join(format!("{fingerprint}.json"))
}

#[test]
fn a_whole_store_is_said_to_be_whole() {
    let project = Project::new(DIAMOND);
    project.done("run");
    let ran = project.done("verify");
    assert_eq!(ran.stdout, "");
    insta::assert_snapshot!(ran.stderr, @"4 objects, 30 bytes, and 4 records were read: all is whole");
}

#[test]
fn damage_is_told_and_repaired() {
    let project = Project::new(DIAMOND);
    project.done("run");
    let (a, c, b_record) = (project.view("a"), project.view("c"), record_of(&project, 1));
    damage(&fs_err::canonicalize(a).unwrap());
    fs_err::remove_file(fs_err::canonicalize(c).unwrap()).unwrap();
    damage(&b_record);
    fs_err::write(
        project.path().join("artifacts/store/objects/notes.txt"),
        "x",
    )
    .unwrap();

    let before = project.objects_and_strays();
    let ran = project.run("verify");
    assert_eq!(ran.code, 5);
    insta::assert_snapshot!(shown(&ran.stdout), @r"
    damaged   store/objects/.. other bytes than its digest says
    damaged   store/records/.. other bytes than were written
    missing   DIGEST, the output `made` of store/records/..
    missing   DIGEST, the output `made` of store/records/..
    stray     store/objects/.. no object and no record
    view      artifacts/runs/demo/a: the next run puts it right
    view      artifacts/runs/demo/c: the next run puts it right
    orphan    store/objects/.. no record names it
    ");
    assert!(
        ran.stderr
            .contains("`cinescore verify --repair` sets them right"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.objects_and_strays(), before, "only looked");
    let json = project.run("verify --json");
    assert_eq!(json.code, 5);
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["faults"][0]["fault"], "damaged_object");

    let repaired = project.done("verify --repair");
    assert!(
        repaired.stderr.contains("faults were repaired"),
        "{}",
        repaired.stderr
    );
    let again = project.done("verify");
    assert!(
        again.stderr.contains("all is whole"),
        "{}{}",
        again.stdout,
        again.stderr
    );
    assert!(again.stdout.contains("set aside"), "{}", again.stdout);
    let ran = project.done("run");
    assert_eq!(ran.computed(), ["a", "b", "c"]);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert_eq!(project.made("d"), "one\nb\none\nc\nd\n");
    // `b` was made anew, so its object is no orphan any more.
    assert!(!project.done("verify").stdout.contains("orphan"));
}

#[test]
fn an_orphan_is_no_fault_and_is_collected() {
    let project = Project::new(DIAMOND);
    project.done("run");
    fs_err::remove_file(record_of(&project, 3)).unwrap();
    let ran = project.done("verify");
    assert!(
        ran.stdout.starts_with("orphan    artifacts/store/objects/"),
        "{}",
        ran.stdout
    );
    fs_err::remove_dir_all(project.path().join("artifacts/runs/demo/d")).unwrap();
    project.done("gc");
    assert_eq!(project.objects().len(), 3);
    assert_eq!(project.done("verify").stdout, "");
}

#[test]
fn several_results_of_one_key_are_kept_and_told() {
    let project =
        Project::new("version: 1\nstages: {a: {run: toy write, params: {end: random}}}\n");
    project.done("run");
    let first = project.made("a");
    for results in [2, 3] {
        let ran = project.done("run --force");
        let told = format!("this stage is not deterministic; {results} results are kept");
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    }
    let explained = project.done("explain a").stdout;
    assert!(
        explained.contains("results  3 different ones for this key"),
        "{explained}"
    );
    let ran = project.done("verify");
    assert!(
        ran.stdout.contains(": 3 different results for one key"),
        "{}",
        ran.stdout
    );
    assert_eq!(project.objects().len(), 3);
    // None of them is an orphan, and each is whole: the first can still be looked at.
    let texts: Vec<String> = project
        .objects()
        .iter()
        .map(|object| fs_err::read_to_string(object).unwrap())
        .collect();
    assert!(texts.contains(&first));
}
