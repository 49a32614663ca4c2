//! The lock file: what is written, and what `run --locked` refuses.

use std::path::PathBuf;

use crate::project::{Project, Ran};

/// Data, a trained stage, and a page about both.
const TRAINED: &str = "\
version: 1
stages:
  data: {run: toy write, params: {text: data}}
  net: {run: toy train, inputs: {from: data.made}, params: {text: net}, resources: {threads: 1}}
  page: {run: toy write, inputs: {from: [data.made, net.made]}, params: {text: page}}
";

fn lock_file(project: &Project) -> PathBuf {
    project.path().join("pipelines/demo.lock")
}

fn locked(pipeline: &str) -> Project {
    let project = Project::new(pipeline);
    let ran = project.done("run --lock");
    assert!(
        ran.stderr.contains("wrote pipelines/demo.lock"),
        "{}",
        ran.stderr
    );
    project
}

/// Replaces a text of the lock file, which must be there.
fn edit(project: &Project, old: &str, new: &str) {
    let text = fs_err::read_to_string(lock_file(project)).unwrap();
    assert!(text.contains(old), "{text}");
    fs_err::write(lock_file(project), text.replacen(old, new, 1)).unwrap();
}

/// What is said where results are not as locked.
fn refused(project: &Project, arguments: &str) -> Ran {
    let ran = project.run(arguments);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    ran
}

#[test]
fn the_file_has_a_block_for_each_stage() {
    let project = locked(TRAINED);
    let text = fs_err::read_to_string(lock_file(&project)).unwrap();
    // Which compiler built the toy is in its fingerprints.
    let lines = text.lines().filter(|line| !line.contains("fingerprint: "));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    # What the pipeline `demo` gives; `cinescore run -p demo --locked` checks it.
    # Written by `cinescore lock -p demo`. After a merge conflict: take either side, lock again.
    version: 1
    stages:
      data:
        kind: cinescore-toy write
        held_to: bytes
        params:
          end: well
          sleep_millis: 0
          text: data
        inputs: {}
        outputs:
          made:
            digest: 51f855e8f080df9cbc2a561b6ddaad85e1bbf884ea4b73f3455e8c86202d0422
            bytes: 5
        metrics:
          length: 4.0

      net:
        kind: cinescore-toy train
        held_to: metrics
        params:
          end: well
          sleep_millis: 0
          text: net
        inputs:
          from:
          - data.made
        outputs:
          made:
            digest: 9051d54cfcda98a6987e3352ab538bf0fedde14d847839aabfdcc8857d96e6d1
            bytes: 9
        metrics:
          length: 3.0

      page:
        kind: cinescore-toy write
        held_to: metrics
        params:
          end: well
          sleep_millis: 0
          text: page
        inputs:
          from:
          - data.made
          - net.made
        outputs:
          made:
            digest: f85aa44442346795e3716ef59f97402c99e314e7401fbcbaac0260950eaa138f
            bytes: 19
        metrics:
          length: 4.0
    ");
}

#[test]
fn an_ordinary_run_leaves_it_alone_and_the_same_results_give_the_same_file() {
    let project = Project::new(TRAINED);
    project.done("run");
    assert!(!lock_file(&project).exists());
    project.done("lock");
    let first = fs_err::read(lock_file(&project)).unwrap();
    let again = project.done("lock");
    assert!(
        again.stderr.contains("unchanged: pipelines/demo.lock"),
        "{}",
        again.stderr
    );
    assert_eq!(fs_err::read(lock_file(&project)).unwrap(), first);
    // From nothing: another store, the same file.
    fs_err::rename(
        project.path().join("artifacts"),
        project.path().join("aside"),
    )
    .unwrap();
    project.done("run --lock");
    assert_eq!(fs_err::read(lock_file(&project)).unwrap(), first);
}

#[test]
fn stages_without_a_result_are_not_locked() {
    let project = Project::new(TRAINED);
    project.done("run data");
    let ran = refused(&project, "lock");
    insta::assert_snapshot!(ran.stderr, @r"
    these stages of `demo` have no result yet: net, page
    hint: `cinescore run -p demo --lock` computes them first
    ");
    assert!(!lock_file(&project).exists());
}

#[test]
fn reproduced_results_pass() {
    let project = locked(TRAINED);
    let ran = project.done("run --locked");
    assert!(
        ran.stderr
            .contains("demo: 3 stages as locked in pipelines/demo.lock"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.is_empty());
    fs_err::rename(
        project.path().join("artifacts"),
        project.path().join("aside"),
    )
    .unwrap();
    assert_eq!(
        project.done("run --locked").computed(),
        ["data", "net", "page"]
    );
    project.done("lock --check");
}

#[test]
fn other_bytes_of_data_and_other_figures_of_training_are_refused() {
    let project = locked(TRAINED);
    let digest = |text: &str| cinescore_artifact::Digest::of_bytes(text.as_bytes()).to_hex();
    edit(&project, &digest("data\n"), &digest("else\n"));
    edit(&project, "length: 3.0", "length: 3.5");
    let ran = refused(&project, "run --locked");
    insta::assert_snapshot!(ran.stdout, @r"
    stage  what           locked        found         tolerance
    data   output made    fe6abf028e62  51f855e8f080  -
    net    metric length  3.5           3.0           -
    ");
    let said: Vec<&str> = ran.stderr.lines().rev().take(2).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    hint: where they are meant, `cinescore lock -p demo` and commit it
    demo: 2 differences from pipelines/demo.lock: the results are not the locked ones
    ");
    insta::assert_snapshot!(refused(&project, "run --locked --json").stdout, @r#"
    {
      "differences": [
        {
          "found": "51f855e8f080df9cbc2a561b6ddaad85e1bbf884ea4b73f3455e8c86202d0422",
          "locked": "fe6abf028e62185714f691ef90ee6a9d0f910b684e7ddd10da4f7fc7caa58dec",
          "stage": "data",
          "tolerance": null,
          "what": "output made"
        },
        {
          "found": 3.0,
          "locked": 3.5,
          "stage": "net",
          "tolerance": null,
          "what": "metric length"
        }
      ],
      "lock": "pipelines/demo.lock",
      "notes": [],
      "pipeline": "demo",
      "reproduced": false
    }
    "#);
    // Only what was asked for is compared.
    project.done("run --locked --only page");
    assert_eq!(project.run("lock --check").code, 1);
}

#[test]
fn the_bytes_and_the_key_of_a_trained_stage_may_differ() {
    let project = locked(TRAINED);
    project.write(&TRAINED.replace("threads: 1", "threads: 2"));
    assert_eq!(project.done("run --locked").computed(), ["net"]);
    // The same key with other bytes is worth a word.
    project.write(TRAINED);
    let made = cinescore_artifact::Digest::of_bytes(b"data\nnet\n").to_hex();
    edit(
        &project,
        &made,
        &made.replace(|c: char| c.is_ascii_digit(), "0"),
    );
    let ran = project.done("run --locked");
    assert!(
        ran.stderr
            .contains("note: `net` has the locked key but other bytes"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_pipeline_that_is_not_the_locked_one_is_refused_before_it_runs() {
    let project = locked(TRAINED);
    project.write(
        &TRAINED
            .replace("text: net}", "text: Net}")
            .replace("  page:", "  side:"),
    );
    let ran = refused(&project, "run --locked");
    assert!(ran.computed().is_empty());
    insta::assert_snapshot!(ran.stdout, @r"
    stage  what         locked  found  tolerance
    page   stage        there   -      -
    net    params.text  net     Net    -
    side   stage        -       there  -
    ");
    project.write(&TRAINED.replace("[data.made, net.made]", "net.made"));
    insta::assert_snapshot!(refused(&project, "run --locked").stdout, @r"
    stage  what        locked               found     tolerance
    page   input from  data.made, net.made  net.made  -
    ");
}

#[test]
fn other_data_is_told_by_its_digest() {
    let pipeline = "version: 1\nstages: {a: {run: toy write, inputs: {from: data.txt}}}\n";
    let project = Project::new("");
    fs_err::write(project.path().join("data.txt"), "one\n").unwrap();
    project.write(pipeline);
    project.done("run --lock");
    fs_err::write(project.path().join("data.txt"), "two\n").unwrap();
    insta::assert_snapshot!(refused(&project, "run --locked").stdout, @r"
    stage  what        locked        found         tolerance
    a      input from  e0e63aa4c8e1  ef40086ad8a3  -
    ");
}

#[test]
fn a_lock_file_that_is_missing_or_wrong_is_told() {
    let project = Project::new(TRAINED);
    let ran = project.run("run --locked");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: there is no lock file `pipelines/demo.lock`
    hint: write it with `cinescore lock`, and commit it
    ");
    project.done("run --lock");
    edit(
        &project,
        "    held_to: bytes",
        "<<<<<<< HEAD\n    held_to: bytes",
    );
    let ran = project.run("run --locked");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: a merge conflict was left here: take either side, then lock again
      --> pipelines/demo.lock:7:1
       |
     7 | <<<<<<< HEAD
       | ^^^^^^^^^^^^
    ");
    // Locking again is the way out.
    project.done("lock");
    project.done("run --locked");
    assert_eq!(project.run("run --lock data").code, 2);
    assert_eq!(project.run("run --lock --locked").code, 2);
}

#[test]
fn two_sides_that_changed_different_stages_merge() {
    let git = |project: &Project, arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(project.path().join("pipelines"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    };
    let wide = "version: 1\nstages:\n  a: {run: toy write, params: {text: a}}\n  b: {run: toy write, params: {text: b}}\n  c: {run: toy write, params: {text: c}}\n";
    let project = locked(wide);
    let commit = |message: &str| {
        git(&project, &["add", "-A"]);
        git(&project, &["commit", "-q", "-m", message]);
    };
    git(&project, &["init", "-q", "-b", "main"]);
    commit("base");
    git(&project, &["checkout", "-q", "-b", "side"]);
    project.write(&wide.replace("text: a", "text: aa"));
    project.done("run --lock");
    commit("side");
    git(&project, &["checkout", "-q", "main"]);
    project.write(&wide.replace("text: c", "text: cc"));
    project.done("run --lock");
    commit("main");
    git(&project, &["merge", "-q", "side"]);
    project.done("run --locked");
}

#[test]
fn a_metric_may_be_off_by_its_tolerance() {
    let tolerant = TRAINED.replace(
        "params: {text: net},",
        "params: {text: net}, metrics: {\"len*\": {tolerance: 0.5}},",
    );
    let project = locked(&tolerant);
    edit(&project, "length: 3.0", "length: 3.5");
    project.done("run --locked");
    edit(&project, "length: 3.5", "length: 3.75");
    insta::assert_snapshot!(refused(&project, "run --locked").stdout, @r"
    stage  what           locked  found  tolerance
    net    metric length  3.75    3.0    0.5
    ");
}

#[test]
fn a_cell_is_locked_by_its_name() {
    let pipeline = "\
version: 1
stages:
  say: {run: toy write, matrix: {word: [x, y], on: [true]}, params: {text: \"${word}${on}\"}}
";
    let project = locked(pipeline);
    let text = fs_err::read_to_string(lock_file(&project)).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .collect();
    assert_eq!(names, ["  say[word=x,on=true]:", "  say[word=y,on=true]:"]);
    project.done("run --locked");
    let shown = project.done("dag").stdout;
    assert_eq!(shown, "say (2 cells)  toy write\n");
    assert_eq!(project.done("dag --cells").stdout.lines().count(), 2);
    project.done("log say[word=x,on=true]");
    project.done("explain say[word=x,on=true]");
}
