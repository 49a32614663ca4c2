//! How a stage is run: `timeout`, `retries`, `persist`, `env`, `mutex`, `memory` and checks of outputs.

use std::time::{Duration, Instant};

use crate::project::{Project, Ran};

/// A pipeline of one stage with a counter.
fn counting(fields: &str, params: &str) -> (Project, impl Fn() -> usize) {
    let project = Project::new("version: 1\nstages: {}\n");
    let counter = project.path().join("counter");
    project.write(&format!(
        "version: 1\nstages: {{a: {{run: rogue write, {fields}, params: {{counter: {}, {params}}}}}}}\n",
        counter.display()
    ));
    let runs = move || fs_err::read_to_string(&counter).map_or(0, |lines| lines.lines().count());
    (project, runs)
}

#[test]
fn a_stage_that_hangs_is_stopped_after_its_timeout() {
    let (project, runs) = counting("timeout: 1s", "end: hang");
    let began = Instant::now();
    let ran = project.run("run --grace 1");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(
            "stage `a` failed (stopped after its timeout of 1 s; it did not stop when asked and was killed)"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(runs(), 1);
    assert_eq!(project.debris(), 0);
}

#[test]
fn a_stage_that_fails_is_tried_again() {
    let (project, runs) = counting("retries: 2", "fails: 2");
    let ran = project.done("run");
    assert_eq!(runs(), 3);
    assert!(
        ran.stderr
            .contains("retry     try 2 of 3: stage `a` failed (exit code 4)"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("retry     try 3 of 3: "),
        "{}",
        ran.stderr
    );
    let log = project.log("a");
    assert_eq!(log.matches("fails").count(), 2, "{log}");
}

#[test]
fn tries_come_to_an_end_and_a_refused_input_is_not_tried_again() {
    let (project, runs) = counting("retries: {times: 1, memory_factor: 2}", "fails: 9");
    assert_eq!(project.run("run").code, 4);
    assert_eq!(runs(), 2);
    let (project, runs) = counting("retries: 3", "end: refused");
    assert_eq!(project.run("run").code, 3);
    assert_eq!(runs(), 1);
}

#[test]
fn a_persistent_scratch_folder_is_given_back_until_there_is_a_result() {
    let (project, runs) = counting("persist: true, retries: 1", "end: killed");
    let ran = project.run("run");
    assert_eq!(ran.code, 4);
    assert_eq!(runs(), 2);
    // The second try found what the first one left, and so does the next run.
    // The end of the log, shown with the failure, says so once more.
    let told = |ran: &Ran| ran.stderr.matches("\na  goes on from a checkpoint").count();
    assert_eq!(told(&ran), 1, "{}", ran.stderr);
    let again = project.run("run");
    assert_eq!(told(&again), 2, "{}", again.stderr);
    let scratch = project.path().join("artifacts/store/scratch");
    assert_eq!(fs_err::read_dir(&scratch).unwrap().count(), 1);

    let (project, _) = counting("persist: true, retries: 1", "fails: 1");
    project.done("run");
    let scratch = project.path().join("artifacts/store/scratch");
    assert_eq!(fs_err::read_dir(&scratch).unwrap().count(), 0);
    // Without it, each try begins anew.
    let (project, _) = counting("retries: 1", "end: killed");
    let ran = project.run("run");
    assert!(!ran.stderr.contains("checkpoint"), "{}", ran.stderr);
}

#[test]
fn a_stage_sees_the_variables_that_it_names_and_their_values_count() {
    let pipeline = |fields: &str| {
        format!(
            "version: 1\nstages: {{a: {{run: rogue write, {fields}params: {{variable: ROGUE_MODE}}}}}}\n"
        )
    };
    let project = Project::new(&pipeline(""));
    let with = |value: &str| {
        let mut command = project.command("run");
        command.env("ROGUE_MODE", value);
        let ran = crate::project::Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        (ran.computed().len(), project.made("a"))
    };
    assert_eq!(with("one"), (1, "rogue\n".into()));
    assert_eq!(with("two"), (0, "rogue\n".into()));
    project.write(&pipeline("env: [ROGUE_MODE], "));
    assert_eq!(with("one"), (1, "rogue\nROGUE_MODE is one\n".into()));
    assert_eq!(with("two"), (1, "rogue\nROGUE_MODE is two\n".into()));
    assert_eq!(with("one"), (0, "rogue\nROGUE_MODE is one\n".into()));
}

/// How long two stages of 400 ms and one thread take.
fn two_stages(fields: &str) -> Duration {
    let stage = |name: &str| {
        format!(
            "  {name}: {{run: toy write, params: {{text: {name}, sleep_millis: 400}}, resources: {{threads: 1}}, {fields}}}\n"
        )
    };
    let project = Project::new(&format!(
        "version: 1\nstages:\n{}{}",
        stage("a"),
        stage("b")
    ));
    let began = Instant::now();
    project.done("run -j 2");
    began.elapsed()
}

#[test]
fn stages_with_a_common_name_are_never_side_by_side() {
    assert!(two_stages("mutex: disk") >= Duration::from_millis(800));
    assert!(two_stages("mutex: [disk, net]") >= Duration::from_millis(800));
}

#[test]
fn outputs_are_held_to_their_checks_also_out_of_the_store() {
    let pipeline = |fields: &str| {
        format!("version: 1\nstages: {{a: {{run: rogue write, {fields}params: {{rows: 15}}}}}}\n")
    };
    let project = Project::new(&pipeline("outputs: {made: {min_rows: 10, max_rows: 15}}, "));
    project.done("run");
    project.write(&pipeline("outputs: {made: {max_rows: 14}}, "));
    let ran = project.run("run");
    assert_eq!(ran.code, 4);
    assert!(ran.computed().is_empty(), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(
            "error: stage `a` does not pass the checks of its outputs: `made` has 15 rows, more than max_rows 14"
        ),
        "{}",
        ran.stderr
    );
    project.write(&pipeline("outputs: {made: {columns: [text]}}, "));
    let ran = project.run("run");
    assert_eq!(ran.code, 2, "columns are known before anything is run");
    assert!(
        ran.stderr.contains("file has no column `text`"),
        "{}",
        ran.stderr
    );
    project.write(&pipeline(""));
    assert!(project.done("run").computed().is_empty());
}
