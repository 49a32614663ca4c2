//! `run STAGE`, `--only`, `--from` and `--force`.

use crate::project::{DIAMOND, Project};

#[test]
fn a_named_stage_runs_with_what_it_needs() {
    let project = Project::new(DIAMOND);
    assert_eq!(project.done("run b").computed(), ["a", "b"]);
}

#[test]
fn only_needs_everything_above_to_be_fresh() {
    let project = Project::new(DIAMOND);
    let ran = project.run("run --only b");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    a  run       it was never run in this pipeline
    error: stage `b` needs `a`, which is not fresh and was not asked for
    hint: run without --only or --from, or name `a` as well
    ");
    project.done("run a");
    assert_eq!(project.done("run --only b").computed(), ["b"]);
}

#[test]
fn from_runs_a_stage_and_all_below_it() {
    let project = Project::new(DIAMOND);
    project.done("run");
    assert_eq!(project.done("run --from b --force").computed(), ["b", "d"]);
    assert_eq!(project.done("run --force").computed(), ["a", "b", "c", "d"]);
    assert_eq!(project.done("run --only c --force").computed(), ["c"]);
}

#[test]
fn an_unknown_stage_is_told_with_the_known_ones() {
    let project = Project::new(DIAMOND);
    let ran = project.run("run e");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"error: unknown stage `e` (known: a, b, c, d)");
    assert_eq!(project.run("run --only").code, 2);
    assert_eq!(project.run("run -p nothing").code, 2);
}

#[test]
fn a_name_means_a_pipeline_whatever_else_is_called_so() {
    let project = Project::new(DIAMOND);
    fs_err::write(project.path().join("demo"), "no YAML: [").unwrap();
    project.done("run -p demo");
    // A path is a path, with its ending or a slash.
    fs_err::write(
        project.path().join("other.yaml"),
        "version: 1\nstages:\n  a: {run: toy write}\n",
    )
    .unwrap();
    assert_eq!(project.done("run -p other.yaml").computed(), ["a"]);
    assert_eq!(project.run("plan -p ./demo").code, 2);
}

#[test]
fn explain_takes_what_names_one_cell() {
    let project = Project::new(
        "version: 1\nstages:\n  net: {run: toy write, matrix: {x: [1], y: [p, q]}, params: {text: \"${x}${y}\"}}\n",
    );
    let ran = project.done("explain net[y=q]");
    assert!(ran.stdout.starts_with("net[x=1,y=q]: "), "{}", ran.stdout);
    let ran = project.run("explain net");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"error: `net` are 2 stages: name one, such as `net[x=1,y=p]`");
}
