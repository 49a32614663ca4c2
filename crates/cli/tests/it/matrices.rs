//! Matrices, files taken in, allowed variables of the environment, frozen stages: what they come to.

use serde_json::Value;

use crate::project::Project;

/// Four cells less one and plus one, of which one has another text; and a stage that joins some of them.
const CELLS: &str = "\
version: 1
vars: {words: [x, y], greeting: hello}
stages:
  say:
    run: toy write
    matrix:
      word: \"${words}\"
      number: [1, 2]
      exclude: [{word: x, number: 2}]
      include: [{word: z, number: 3}]
      override:
        - {when: {word: y, number: 2}, params: {text: \"other ${word}\"}}
    params: {text: \"${greeting} ${word}${number}\"}
  all: {run: toy write, inputs: {from: \"say[*]\"}, params: {text: end}}
  some: {run: toy write, inputs: {from: [\"say[number=1]\", \"say[word=z,number=3].made\"]}, params: {text: end}}
";

#[test]
fn a_stage_runs_once_for_every_cell() {
    let project = Project::new(CELLS);
    let ran = project.done("run -j 1");
    assert_eq!(
        ran.computed(),
        [
            "say[word=x,number=1]",
            "say[word=y,number=1]",
            "say[word=y,number=2]",
            "say[word=z,number=3]",
            "all",
            "some",
        ]
    );
    assert_eq!(
        project.made("all"),
        "hello x1\nhello y1\nother y\nhello z3\nend\n"
    );
    assert_eq!(project.made("some"), "hello x1\nhello y1\nhello z3\nend\n");
    assert_eq!(project.made("say/word=y,number=2"), "other y\n");
}

#[test]
fn a_changed_cell_runs_alone() {
    let project = Project::new(CELLS);
    project.done("run");
    project.write(&CELLS.replace("other", "another"));
    assert_eq!(
        project.done("run").computed(),
        ["say[word=y,number=2]", "all"]
    );
    project.write(CELLS);
    assert!(project.done("run").computed().is_empty());
}

#[test]
fn cells_are_selected_by_their_values() {
    let project = Project::new(CELLS);
    let ran = project.done("run -j 1 say[number=1]");
    assert_eq!(
        ran.computed(),
        ["say[word=x,number=1]", "say[word=y,number=1]"]
    );
    let ran = project.done("run -j 1 say");
    assert_eq!(
        ran.computed(),
        ["say[word=y,number=2]", "say[word=z,number=3]"]
    );
    let ran = project.run("run say[word=q]");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("unknown stage `say[word=q]`"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("say[word=z,number=3]"),
        "{}",
        ran.stderr
    );
}

#[test]
fn values_are_written_into_names_so_that_names_can_be_read_again() {
    let project = Project::new(
        "\
version: 1
stages:
  a: {run: toy write, matrix: {w: [\"x, y\", \"a=b\", 0.5, true]}, params: {text: \"${w}.\"}}
  b: {run: toy write, inputs: {from: [\"a[w=x%2C%20y]\", \"a[w=a%3Db]\", \"a[w=0.5]\", \"a[w=true]\"]}, params: {text: end}}
",
    );
    project.done("run");
    assert_eq!(project.made("b"), "x, y.\na=b.\n0.5.\ntrue.\nend\n");
}

#[test]
fn files_are_taken_in_with_their_variables_and_paths() {
    let project = Project::new(
        "\
version: 1
include: shared/base.yaml
vars: {word: mine}
stages:
  b: {run: toy write, inputs: {from: a}, params: {text: b}}
",
    );
    let shared = project.path().join("pipelines/shared");
    fs_err::create_dir_all(&shared).unwrap();
    fs_err::write(shared.join("notes.txt"), "beside\n").unwrap();
    let base = "\
version: 1
vars: {word: theirs}
stages:
  a: {run: toy write, inputs: {from: notes.txt}, params: {text: \"${word}\"}}
";
    fs_err::write(shared.join("base.yaml"), base).unwrap();
    project.done("run");
    assert_eq!(project.made("b"), "beside\nmine\nb\n");

    fs_err::write(shared.join("base.yaml"), base.replace("text", "txet")).unwrap();
    let ran = project.run("plan");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("pipelines/shared/base.yaml:4:59"),
        "{}",
        ran.stderr
    );
}

#[test]
fn anchors_and_merge_keys_are_those_of_yaml() {
    let project = Project::new(
        "\
version: 1
stages:
  a: &a {run: toy write, params: &p {text: a}}
  b: {<<: *a, params: {<<: *p, sleep_millis: 1}}
",
    );
    project.done("run");
    assert_eq!(project.made("b"), "a\n");
}

#[test]
fn allowed_variables_of_the_environment_are_in_the_key() {
    let project = Project::new("version: 1\nstages: {a: {run: toy write, env: [TOY_WORD]}}\n");
    let run = |value: Option<&str>| {
        let mut command = project.command("run");
        match value {
            Some(value) => command.env("TOY_WORD", value),
            None => command.env_remove("TOY_WORD"),
        };
        crate::project::Ran::of(command.output().unwrap())
    };
    assert_eq!(run(Some("x")).computed(), ["a"]);
    assert!(run(Some("x")).computed().is_empty());
    let changed = run(Some("y"));
    assert_eq!(changed.computed(), ["a"]);
    assert!(
        changed.stderr.contains("env TOY_WORD: `x` -> `y`"),
        "{}",
        changed.stderr
    );
    assert_eq!(run(None).computed(), ["a"]);
    assert!(run(Some("x")).computed().is_empty(), "the store has it");
}

#[test]
fn a_frozen_stage_stays_as_it_is() {
    let thawed = "version: 1\nstages:\n  a: {run: toy write, params: {text: one}}\n  b: {run: toy write, inputs: {from: a}}\n";
    let project = Project::new(thawed);
    project.done("run");
    let frozen = thawed.replace("text: one}", "text: two}, frozen: true");
    project.write(&frozen);
    assert!(project.done("run").computed().is_empty());
    assert_eq!(project.made("b"), "one\ntoy\n");
    assert_eq!(project.run("plan --check").code, 0);
    assert_eq!(project.done("run a --force").computed(), ["a"]);
    project.write(&frozen.replace(", frozen: true", ""));
    assert_eq!(project.done("run").computed(), ["b"]);
    assert_eq!(project.made("b"), "two\ntoy\n");
}

#[test]
fn a_plan_of_cells_is_data() {
    let project = Project::new(CELLS);
    let plan: Value = serde_json::from_str(&project.done("plan --json").stdout).unwrap();
    let names: Vec<&str> = plan["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["stage"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 6);
    assert_eq!(names[0], "say[word=x,number=1]");
}
