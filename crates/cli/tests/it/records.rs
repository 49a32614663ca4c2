//! What is kept of a run, and the verbs that read it: `runs` and `log`.

use serde_json::Value;

use crate::project::{DIAMOND, Project};

/// The records as `runs --json` prints them, the newest first.
fn runs(project: &Project, arguments: &str) -> Vec<Value> {
    let printed = project.done(&format!("runs --json {arguments}")).stdout;
    let all: Value = serde_json::from_str(&printed).unwrap();
    all["runs"].as_array().unwrap().clone()
}

#[test]
fn a_record_says_how_every_stage_came_by_its_result() {
    let project = Project::new(DIAMOND);
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: B}"));
    project.done("run");
    let all = runs(&project, "");
    assert_eq!(all.len(), 2);
    let stages: Vec<String> = all[0]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| format!("{} {} {}", stage["stage"], stage["how"], stage["metrics"]))
        .collect();
    insta::assert_snapshot!(stages.join("\n"), @r#"
    "a" "fresh" {"length":3.0}
    "b" "computed" {"length":1.0}
    "c" "fresh" {"length":1.0}
    "d" "computed" {"length":1.0}
    "#);
    let b = &all[0]["stages"][1];
    assert_eq!(b["reasons"][0], "params.text: \"b\" -> \"B\"");
    assert_eq!(b["preimage"]["params"]["text"], "B");
    assert_eq!(b["outputs"]["made"]["bytes"], 6);
    assert_eq!(b["ended"], "exit code 0");
    assert!(b["wall_secs"].as_f64().unwrap() > 0.0);
    assert!(b["peak_memory_bytes"].as_u64().unwrap() > 0);
    assert_eq!(b["made_by"], all[0]["id"]);
    assert_eq!(all[0]["stages"][0]["made_by"], all[1]["id"]);
    assert_eq!(all[0]["status"], "ok");
    assert_eq!(all[0]["exit_code"], 0);
    assert_eq!(all[0]["computed"], 2);
    for field in ["host", "started", "finished", "command"] {
        assert!(!all[0][field].is_null(), "{field}");
    }
}

#[test]
fn a_restored_stage_is_told_from_a_fresh_one_and_nothing_computed_leaves_no_trace() {
    let project = Project::new(DIAMOND);
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: B}"));
    project.done("run");
    // Everything is in the store: no record.
    project.write(DIAMOND);
    project.done("run");
    assert_eq!(runs(&project, "").len(), 2);
    project.write(
        &DIAMOND
            .replace("{text: b}", "{text: B}")
            .replace("{text: d}", "{text: D}"),
    );
    project.done("run");
    let stages = runs(&project, "")[0]["stages"].clone();
    let how: Vec<&str> = stages
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["how"].as_str().unwrap())
        .collect();
    assert_eq!(how, ["fresh", "restored", "fresh", "computed"]);
}

#[test]
fn runs_lists_the_newest_first() {
    let project = Project::new(DIAMOND);
    assert!(
        project
            .done("runs")
            .stderr
            .contains("no run has computed anything yet")
    );
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: b, end: refused}"));
    assert_eq!(project.run("run").code, 3);
    let listed = project.done("runs").stdout;
    let rows: Vec<&str> = listed.lines().collect();
    assert_eq!(rows.len(), 3, "{listed}");
    assert!(rows[0].starts_with("run"), "{listed}");
    assert!(rows[1].ends_with("failed: b, exit code 3"), "{listed}");
    assert!(rows[2].contains("  4 of 4  "), "{listed}");
    assert!(rows[2].ends_with("  ok"), "{listed}");
    assert_eq!(project.done("runs -n 1").stdout.lines().count(), 2);
    assert_eq!(project.done("runs -p other").stdout, "");
    assert_eq!(runs(&project, "-p demo").len(), 2);
    let failed = &runs(&project, "")[0];
    assert_eq!(failed["exit_code"], 3);
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .starts_with("stage `b` failed")
    );
}

#[test]
fn a_killed_run_keeps_what_it_had_finished() {
    let project = Project::new(&DIAMOND.replace("{text: d}", "{text: d, sleep_millis: 60000}"));
    let mut child = project
        .command("run")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let began = std::time::Instant::now();
    loop {
        let all = runs(&project, "");
        if all
            .first()
            .is_some_and(|run| run["stages"].as_array().unwrap().len() == 3)
        {
            assert_eq!(all[0]["status"], "running");
            break;
        }
        assert!(
            began.elapsed().as_secs() < 60,
            "the first three stages never ended"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = &runs(&project, "")[0];
    assert_eq!(killed["status"], "killed");
    assert_eq!(killed["stages"][2]["stage"], "c");
}

#[test]
fn log_prints_the_newest_log_or_that_of_a_run() {
    let project = Project::new(DIAMOND);
    let none = project.run("log b");
    assert_eq!(none.code, 2);
    insta::assert_snapshot!(none.stderr, @r"
    error: there is no log yet: no stage was ever run in these artifacts
    ");
    project.done("run");
    project.write(&DIAMOND.replace("{text: b}", "{text: b, end: refused}"));
    project.run("run");
    let refused = project.done("log b");
    assert!(
        refused.stdout.contains("the input is refused"),
        "{}",
        refused.stdout
    );
    assert!(
        refused.stderr.starts_with("==> artifacts/logs/"),
        "{}",
        refused.stderr
    );
    let before = project.done("log b last~1");
    assert!(!before.stdout.contains("refused"), "{}", before.stdout);
    let path = project.done("log b --path").stdout;
    assert!(path.trim_end().ends_with("/b.log"), "{path}");
    assert!(project.path().join(path.trim_end()).is_file());
}

#[test]
fn unknown_runs_and_stages_are_told() {
    let project = Project::new(
        "version: 1\nstages: {first: {run: toy write}, second: {run: toy write, params: {text: y}}}\n",
    );
    project.done("run");
    let ran = project.run("log frist");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: unknown stage `frist` (known: first, second)
    hint: did you mean `first`?
    ");
    let ran = project.run("log first last~7");
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"error: there is no run `last~7`; known of `demo`: 1");
    assert_eq!(project.run("log first 1999").code, 2);
    // A stage that was fresh has its log elsewhere.
    project.write("version: 1\nstages: {first: {run: toy write}, second: {run: toy write, params: {text: x}}}\n");
    project.done("run");
    let ran = project.run("log first last");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("`first` was fresh in run"),
        "{}",
        ran.stderr
    );
    project.done("log first");
    // The beginning of an id is enough where only one begins so.
    let id = project.done("runs --json").stdout;
    let id: Value = serde_json::from_str(&id).unwrap();
    let id = id["runs"][1]["id"].as_str().unwrap().to_owned();
    project.done(&format!("log second {}", &id[..id.len() - 1]));
    assert_eq!(project.run(&format!("log second {}", &id[..4])).code, 2);
}

#[test]
fn a_plan_guesses_its_cost_from_earlier_runs() {
    let project = Project::new(&DIAMOND.replace("{text: b}", "{text: b, sleep_millis: 300}"));
    let plan = |arguments: &str| -> Value {
        serde_json::from_str(&project.done(&format!("plan --json {arguments}")).stdout).unwrap()
    };
    // Nothing is known yet, and nothing is said.
    assert_eq!(plan("")["cost"], Value::Null);
    assert_eq!(project.done("plan").stderr, "");
    project.done("run");
    // Nothing is to be done.
    assert_eq!(plan("")["cost"], Value::Null);
    project.write(&DIAMOND.replace("{text: b}", "{text: B, sleep_millis: 300}"));
    let found = plan("");
    let b = &found["stages"][1]["cost"];
    let secs = b["wall_secs"].as_f64().unwrap();
    assert!((0.3..30.0).contains(&secs), "{secs}");
    assert_eq!(b["from_runs"], 1);
    assert_eq!(b["output_bytes"], 6);
    assert!(b["peak_memory_bytes"].as_u64().unwrap() > 100_000);
    assert_eq!(found["stages"][0]["cost"], Value::Null);
    assert!(found["cost"]["wall_secs"].as_f64().unwrap() > secs);
    let said = project.done("plan").stderr;
    let names: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["a", "b", "d", "at"], "{said}");
    // A stage that never ran is guessed from others of its kind; a kind that never ran is not.
    project.write(
        "version: 1\nstages:\n  x: {run: toy write, params: {text: x}}\n  y: {run: toy train}\n",
    );
    let found = plan("");
    assert_eq!(found["stages"][0]["cost"]["from_runs"], 4);
    assert_eq!(found["stages"][1]["cost"], Value::Null);
    let said = project.done("plan").stderr;
    assert!(said.contains("of 1 more stages nothing is known"), "{said}");
}
