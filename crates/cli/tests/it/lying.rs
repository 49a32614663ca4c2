//! Stages that do not keep their word: contained and reported.

use std::time::{Duration, Instant};

use crate::project::Project;

fn lying(lie: &str) -> Project {
    Project::new(&format!(
        "version: 1\nstages: {{a: {{run: rogue lie, params: {{lie: {lie}}}}}}}\n"
    ))
}

/// What a run says of a lie, which must be an error.
fn told(lie: &str) -> String {
    let project = lying(lie);
    let ran = project.run("run");
    assert_eq!(ran.code, 4, "{lie}: {}", ran.stderr);
    assert!(project.objects().is_empty(), "{lie}");
    assert_eq!(project.debris(), 0, "{lie}");
    let error = ran.stderr.lines().find(|line| line.starts_with("error: "));
    error.unwrap().to_owned()
}

#[test]
fn each_lie_is_told() {
    for (lie, expected) in [
        ("missing", "its output `made` is missing"),
        (
            "wrong_form",
            "its output `made` is not the file that it declares, but a folder",
        ),
        (
            "link",
            "its output `made` is not the file that it declares, but a symbolic link",
        ),
        (
            "link_in_folder",
            "its output `bundle` holds `link`, which is a symbolic link",
        ),
        (
            "pipe_in_folder",
            "its output `bundle` holds `pipe`, which is neither a file nor a folder",
        ),
        ("no_result", "it ended well without a result.json"),
        (
            "empty_result",
            "its result.json is not what the protocol asks for",
        ),
        (
            "not_a_number",
            "(a figure that is not a number, NaN, is written as null)",
        ),
        (
            "unknown_rows",
            "its result.json counts rows of `reviews`, which is none of its outputs",
        ),
        ("huge_result", "its result.json has 20971"),
        ("pipe_as_result", "its result.json is not a file"),
    ] {
        let told = told(lie);
        assert!(
            told.starts_with("error: stage `a` broke the task protocol: ")
                && told.contains(expected),
            "{lie}: {told}"
        );
    }
}

#[test]
fn what_is_not_declared_is_not_kept() {
    let project = lying("extra");
    let ran = project.done("run");
    assert!(
        ran.stderr
            .contains("warning: it also wrote `extra.txt`, which it does not declare: not kept"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.objects().len(), 2);
    assert!(!project.view("a").with_file_name("extra.txt").exists());
}

#[test]
fn a_file_with_another_name_elsewhere_becomes_a_copy() {
    use std::os::unix::fs::MetadataExt as _;
    let project = lying("hard_link");
    project.done("run");
    assert_eq!(project.made("a"), "somebody else's\n");
    assert_eq!(fs_err::metadata(project.view("a")).unwrap().nlink(), 1);
}

#[test]
fn a_gigabyte_of_log_is_cut_and_slows_nobody() {
    let project =
        Project::new("version: 1\nstages: {a: {run: rogue write, params: {prints: 1000000000}}}\n");
    let began = Instant::now();
    let ran = project.done("run");
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(
        ran.stderr.contains("warning: its log is too long: 9832228")
            && ran
                .stderr
                .contains("bytes between its beginning and its end were left out"),
        "{}",
        ran.stderr
    );
    let log = project.log("a");
    assert!(log.len() < 17 << 20, "{} bytes", log.len());
    assert!(log.starts_with("the first line\n"));
    assert!(log.ends_with("the last line\nmade\n"));
    assert!(log.contains("bytes left out: a log keeps its first and its last"));
}

#[test]
fn a_flood_of_events_is_thinned() {
    let project =
        Project::new("version: 1\nstages: {a: {run: rogue write, params: {events: 200000}}}\n");
    let ran = project.done("run");
    let shown = ran
        .stderr
        .lines()
        .filter(|line| line.contains("  event "))
        .count();
    assert!((100..5000).contains(&shown), "{shown} events shown");
    assert!(
        ran.stderr.contains("it said more than can be shown: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn processes_left_behind_are_killed_wherever_they_hide() {
    for (end, secs, said) in [("daemon", 617, true), ("nameless_daemon", 618, false)] {
        let project = Project::new(&format!(
            "version: 1\nstages: {{a: {{run: rogue write, params: {{end: {end}, daemon_secs: {secs}}}}}}}\n"
        ));
        let ran = project.done("run");
        assert_eq!(
            ran.stderr
                .contains("it left 1 process(es) behind, which were killed"),
            said,
            "{}",
            ran.stderr
        );
        assert_eq!(
            crate::project::processes(&format!("sleep\0{secs}\0")),
            [0; 0],
            "{end}"
        );
    }
}

#[test]
fn an_input_that_changes_meanwhile_is_told_and_nothing_is_kept() {
    let project = Project::new("version: 1\nstages: {}\n");
    let input = project.path().join("input.txt");
    fs_err::write(&input, "before\n").unwrap();
    project.write(&format!(
        "version: 1\nstages: {{a: {{run: rogue write, inputs: {{from: {0}}}, params: {{edits: {0}}}}}}}\n",
        input.display()
    ));
    let ran = project.run("run");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(
            "error: input `input.txt` of stage `a` changed while it was being read: the result is not kept"
        ),
        "{}",
        ran.stderr
    );
    assert!(project.objects().is_empty());
    assert_eq!(project.debris(), 0);
}
