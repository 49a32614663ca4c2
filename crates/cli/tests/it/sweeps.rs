//! `cinescore sweep`: trials of a search side by side, rungs that go on from each other, a leaderboard.

use serde_json::Value;

use crate::project::{Project, Ran};

/// Nine random trials, of which three and then one go on.
const HALVING: &str = "\
version: 1
vars: {stride: 1, steps: 27, word: a}
sweep:
  stage: net
  metric: valid.height
  goal: maximize
  method: halving
  trials: 9
  seed: 7
  rungs: {at: [3, 9, 27], reduction: 3}
  search: {stride: {log_uniform: [0.01, 10]}}
stages:
  text: {run: toy write, params: {text: \"${word}\"}}
  net: {run: toy climb, inputs: {from: text}, params: {stride: \"${stride}\", steps: \"${steps}\"}}
  report: {run: toy write, inputs: {from: net.top}}
";

fn board(ran: &Ran) -> Vec<Value> {
    let board: Value = serde_json::from_str(&ran.stdout).unwrap();
    board["rows"].as_array().unwrap().clone()
}

#[test]
fn halving_takes_the_best_further_and_does_nothing_twice() {
    let project = Project::new(HALVING);
    let ran = project.done("sweep --json");
    let rows = board(&ran);
    assert_eq!(rows.len(), 9);
    let rungs: Vec<u64> = rows
        .iter()
        .map(|row| row["rung"].as_u64().unwrap())
        .collect();
    assert_eq!(rungs, [27, 9, 9, 3, 3, 3, 3, 3, 3]);
    assert_eq!(rows[0]["standing"], "done");
    assert!(rows[1..].iter().all(|row| row["standing"] == "stopped"));
    // The stride decides at every rung, so the largest is the best.
    let strides: Vec<f64> = rows
        .iter()
        .map(|row| row["values"][0].as_f64().unwrap())
        .collect();
    assert!(strides.iter().all(|stride| *stride <= strides[0]));
    // The text once, and 9 + 3 + 1 nodes.
    assert_eq!(ran.computed().len(), 14);
    assert_eq!(ran.stderr.matches("took 3 steps").count(), 9);
    assert_eq!(ran.stderr.matches("took 6 steps").count(), 3);
    assert_eq!(ran.stderr.matches("took 18 steps").count(), 1);

    // What went up in rungs is what a run of all steps gives, bit for bit.
    let node = rows[0]["node"].as_str().unwrap();
    let cell = node
        .strip_prefix("net[")
        .unwrap()
        .strip_suffix(']')
        .unwrap();
    let folder = project.path().join("artifacts/runs");
    let swept = fs_err::read(folder.join("demo.sweep/net").join(cell).join("top.txt")).unwrap();
    project.done(&format!("run --set vars.stride={}", strides[0]));
    assert_eq!(
        swept,
        fs_err::read(folder.join("demo/net/top.txt")).unwrap()
    );
}

#[test]
fn a_sweep_goes_on_where_it_was() {
    let project = Project::new(HALVING);
    let first = project.done("sweep --json");
    let again = project.done("sweep --json");
    assert!(again.computed().is_empty(), "{}", again.stderr);
    assert_eq!(first.stdout, again.stdout);
    // Half of the trials are there already.
    project.write(&HALVING.replace("trials: 9", "trials: 12"));
    let more = project.done("sweep --json");
    let fresh = more
        .computed()
        .iter()
        .filter(|name| name.ends_with("rung=3]"))
        .count();
    assert_eq!(fresh, 3);
}

#[test]
fn a_grid_is_ranked_and_kept_as_a_table() {
    let project = Project::new(
        &HALVING
            .replace(
                "  trials: 9\n  seed: 7\n  rungs: {at: [3, 9, 27], reduction: 3}\n",
                "",
            )
            .replace("halving", "grid")
            .replace("maximize", "minimize")
            .replace(
                "{stride: {log_uniform: [0.01, 10]}}",
                "{stride: {choice: [2, 1, 3]}, word: {choice: [a, b]}}",
            ),
    );
    let ran = project.done("sweep");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 7, "{}", ran.stdout);
    assert!(lines[0].contains("valid.height") && lines[0].contains("stride"));
    assert!(lines[1].ends_with("1     a"), "{}", ran.stdout);
    assert!(
        ran.stderr
            .contains("cinescore run -p demo --set vars.stride=1 --set vars.word=a"),
        "{}",
        ran.stderr
    );
    // Two texts, though three trials read each.
    let texts = ran
        .computed()
        .iter()
        .filter(|name| name.starts_with("text"))
        .count();
    assert_eq!(texts, 2);
    let csv = fs_err::read_to_string(
        project
            .path()
            .join("artifacts/runs/demo.sweep/leaderboard.csv"),
    )
    .unwrap();
    assert!(
        csv.starts_with("rank,trial,standing,rung,valid.height,stride,word\n1,"),
        "{csv}"
    );
}

#[test]
fn a_trial_that_fails_is_a_bad_trial() {
    let project = Project::new(&HALVING.replace(
        "{stride: {log_uniform: [0.01, 10]}}",
        "{stride: {choice: [-1, 1, 2, 3]}}",
    ));
    let ran = project.done("sweep --json");
    let rows = board(&ran);
    assert_eq!(rows.len(), 4, "there are no more choices");
    assert_eq!(rows[0]["values"][0], 3);
    assert_eq!(rows[3]["standing"], "failed");
    assert!(
        ran.stderr.contains("warning: ") && ran.stderr.contains("failed (exit code 4)"),
        "{}",
        ran.stderr
    );

    let project = Project::new(&HALVING.replace("log_uniform: [0.01, 10]", "choice: [-1, -2]"));
    assert_eq!(project.run("sweep").code, 4);
    // Where none comes to the end of a rung there is no next one.
    let runs = fs_err::read_dir(project.path().join("artifacts/logs")).unwrap();
    assert_eq!(runs.count(), 1);
}

#[test]
fn what_would_be_tried_is_told() {
    let project = Project::new(HALVING);
    let ran = project.done("sweep --dry-run");
    assert_eq!(ran.stdout.lines().count(), 9);
    assert!(
        ran.stderr.contains("net: 3 trials up to 9"),
        "{}",
        ran.stderr
    );
    assert!(!project.path().join("artifacts/runs").exists());
    let ran = project.run("sweep -p other");
    assert_eq!(ran.code, 2);
}

#[test]
fn a_sweep_needs_what_it_names() {
    let project = Project::new(&HALVING.replace("toy climb", "toy write").replace(
        "params: {stride: \"${stride}\", steps: \"${steps}\"}",
        "params: {text: \"${stride} ${steps}\"}",
    ));
    project.write(
        &fs_err::read_to_string(project.path().join("pipelines/demo.yaml"))
            .unwrap()
            .replace("net.top", "net"),
    );
    let ran = project.run("sweep");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("`write` has no parameter `stop_after`")
            && ran
                .stderr
                .contains("`write` has no output `checkpoint` that it takes as an input as well"),
        "{}",
        ran.stderr
    );
    project.write("version: 1\nstages: {a: {run: toy write}}\n");
    assert!(
        project
            .run("sweep")
            .stderr
            .contains("the pipeline has no `sweep`")
    );
}

#[test]
fn a_grid_that_is_too_large_to_be_listed_is_refused() {
    let grid = HALVING
        .replace(
            "  trials: 9\n  seed: 7\n  rungs: {at: [3, 9, 27], reduction: 3}\n",
            "",
        )
        .replace("halving", "grid")
        .replace("{log_uniform: [0.01, 10]}", "{int: [1, 9000000000]}");
    let ran = Project::new(&grid).run("sweep --dry-run");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("the grid has more than 100000 trials"),
        "{}",
        ran.stderr
    );
}
