//! What is computed again, and what is not.

use crate::project::{DIAMOND, Project};

#[test]
fn nothing_is_computed_twice() {
    let project = Project::new(DIAMOND);
    assert_eq!(project.done("run").computed(), ["a", "b", "c", "d"]);
    assert_eq!(project.made("d"), "one\nb\none\nc\nd\n");
    let again = project.done("run");
    assert!(again.computed().is_empty());
    assert!(
        again.stderr.contains("nothing was computed"),
        "{}",
        again.stderr
    );
    assert_eq!(project.run("plan --check").code, 0);
}

#[test]
fn a_changed_parameter_runs_its_stage_and_what_depends_on_it() {
    let project = Project::new(DIAMOND);
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: B}"));
    let plan = project.run("plan --check");
    assert_eq!(plan.code, 1);
    insta::assert_snapshot!(plan.stdout, @r#"
    a  fresh
    b  run       params.text: "b" -> "B"
    c  fresh
    d  waits     for b
    "#);
    assert_eq!(project.done("run").computed(), ["b", "d"]);
    project.write(DIAMOND);
    insta::assert_snapshot!(project.run("plan").stdout, @r"
    a  fresh
    b  restore   the store has its result
    c  fresh
    d  restore   the store has its result
    ");
    assert!(project.done("run").computed().is_empty());
    assert_eq!(project.made("d"), "one\nb\none\nc\nd\n");
}

#[test]
fn comments_spaces_defaults_and_touched_files_change_nothing() {
    let project = Project::new(DIAMOND);
    project.done("run");
    project.write(&format!(
        "# a comment\n{}",
        DIAMOND.replace("{text: b}", "{sleep_millis: 0,  text: 'b'}")
    ));
    assert!(project.done("run").computed().is_empty());
}

#[test]
fn an_equal_output_stops_the_wave() {
    let project = Project::new(DIAMOND);
    project.done("run");
    // Another key for `b`, the same bytes.
    project.write(&DIAMOND.replace("{text: b}", "{text: b, sleep_millis: 1}"));
    assert_eq!(project.done("run").computed(), ["b"]);
}

#[test]
fn a_renamed_stage_keeps_its_result() {
    let project = Project::new("version: 1\nstages: {a: {run: toy write}}\n");
    project.done("run");
    project.write("version: 1\nstages: {z: {run: toy write}}\n");
    assert!(project.done("run").computed().is_empty());
    assert_eq!(project.made("z"), "toy\n");
}

#[test]
fn a_damaged_object_is_told_and_made_anew() {
    let project = Project::new(DIAMOND);
    project.done("run");
    let object = fs_err::canonicalize(project.view("a")).unwrap();
    fs_err::remove_file(&object).unwrap();
    fs_err::write(&object, "two\n").unwrap();
    let ran = project.done("run");
    assert!(
        ran.stderr
            .contains("warning: output `made` of `a` is damaged and was set aside"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.computed(), ["a"]);
    assert_eq!(project.made("a"), "one\n");
    assert_eq!(project.done("run").computed(), [""; 0]);
}

#[test]
fn a_variable_set_on_the_command_line_counts() {
    let project = Project::new(DIAMOND);
    project.done("run");
    assert_eq!(
        project.done("run --set vars.word=two").computed(),
        ["a", "b", "c", "d"]
    );
    assert_eq!(project.made("a"), "two\n");
}

#[test]
fn two_runs_at_once_compute_each_result_once() {
    let project = Project::new(&DIAMOND.replace("{text: c}", "{text: c, sleep_millis: 400}"));
    let children: Vec<_> = (0..2)
        .map(|_| {
            let mut command = project.command("run");
            command
                .stderr(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut computed = Vec::new();
    for child in children {
        let ran = crate::project::Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        computed.extend(ran.computed().into_iter().map(String::from));
    }
    computed.sort();
    assert_eq!(computed, ["a", "b", "c", "d"]);
}

#[test]
fn status_says_what_is_there() {
    let project = Project::new("version: 1\nstages: {a: {run: toy write}}\n");
    insta::assert_snapshot!(project.done("status").stdout, @"a  run       nothing on view");
    project.done("run");
    let status = project.done("status").stdout;
    assert!(status.starts_with("a  fresh     made by "), "{status}");
    assert!(status.contains("length 3.0000"), "{status}");
    assert!(status.contains(" ago, in "), "{status}");
    assert!(!status.contains("locked"), "{status}");
    project.done("lock");
    let status = project.done("status").stdout;
    assert!(status.contains(", as locked"), "{status}");
    project.write("version: 1\nstages: {a: {run: toy write, params: {text: other}}}\n");
    project.done("run");
    let status = project.done("status").stdout;
    assert!(status.contains(", not as locked"), "{status}");
    let status: serde_json::Value =
        serde_json::from_str(&project.done("status --json").stdout).unwrap();
    assert_eq!(status["stages"][0]["as_locked"], false);
    assert!(
        status["stages"][0]["made"]["peak_memory_bytes"]
            .as_u64()
            .unwrap()
            > 0
    );
}
