//! Stages side by side, `-j`, `--keep-going`, `--downstream`.

use std::time::{Duration, Instant};

use crate::project::{DIAMOND, Project};

/// `a` alone, then six stages of one thread that take a while each, then one that joins them.
fn fan(extra: &str) -> String {
    let mut pipeline = "version: 1\nstages:\n  a: {run: toy write}\n".to_owned();
    let mut from = Vec::new();
    for index in 0..6 {
        pipeline.push_str(&format!(
            "  s{index}: {{run: toy write, inputs: {{from: a}}, params: {{text: s{index}, sleep_millis: 300}}, resources: {{threads: 1}}{extra}}}\n"
        ));
        from.push(format!("s{index}.made"));
    }
    pipeline.push_str(&format!(
        "  z: {{run: toy write, inputs: {{from: [{}]}}}}\n",
        from.join(", ")
    ));
    pipeline
}

/// How many stages ran at once at most, from the times at which the run says that they began and ended.
fn stage_secs(project: &Project) -> (f64, f64) {
    let logs = project.path().join("artifacts/logs");
    let run = fs_err::read_dir(logs).unwrap().next().unwrap().unwrap();
    let record = fs_err::read_to_string(run.path().join("run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let stages = record["stages"].as_array().unwrap();
    let sum = stages
        .iter()
        .map(|stage| stage["wall_secs"].as_f64().unwrap())
        .sum();
    (sum, stages.len() as f64)
}

#[test]
fn stages_run_side_by_side_as_far_as_threads_go() {
    let threads = std::thread::available_parallelism().unwrap().get();
    let project = Project::new(&fan(""));
    let began = Instant::now();
    let ran = project.done("run");
    let wall = began.elapsed().as_secs_f64();
    let mut computed = ran.computed();
    computed.sort_unstable();
    assert_eq!(computed, ["a", "s0", "s1", "s2", "s3", "s4", "s5", "z"]);
    let (sum, count) = stage_secs(&project);
    assert_eq!(count, 8.0);
    if threads > 1 {
        assert!(wall < sum, "{wall} s for {sum} s of stages");
    }
    // Never more threads than the machine has.
    let least = 0.3 * (6.0 / threads as f64).ceil();
    assert!(wall >= least, "{wall} s");
    assert_eq!(project.made("z").lines().count(), 13);
}

#[test]
fn one_job_is_one_stage_at_a_time() {
    let project = Project::new(&fan(""));
    let began = Instant::now();
    project.done("run -j 1");
    assert!(began.elapsed() >= Duration::from_millis(1800));
    assert_eq!(project.run("run -j 0").code, 2);
}

#[test]
fn results_and_records_do_not_depend_on_who_is_faster() {
    let (one, many) = (Project::new(&fan("")), Project::new(&fan("")));
    one.done("run -j 1");
    many.done("run -j 4");
    let objects = |project: &Project| -> Vec<_> {
        let objects = project.objects().into_iter();
        objects
            .map(|path| path.file_name().unwrap().to_owned())
            .collect()
    };
    assert_eq!(objects(&one), objects(&many));
    assert_eq!(one.made("z"), many.made("z"));
}

const TWO_BRANCHES: &str = "\
version: 1
stages:
  bad: {run: toy write, params: {end: abort}, resources: {threads: 1}}
  below: {run: toy write, inputs: {from: bad}}
  also_bad: {run: toy write, params: {end: refused}, resources: {threads: 1}}
  good: {run: toy write, params: {sleep_millis: 100}, resources: {threads: 1}}
  after: {run: toy write, inputs: {from: good}}
";

#[test]
fn keep_going_finishes_what_it_can_and_lists_what_it_cannot() {
    let project = Project::new(TWO_BRANCHES);
    let ran = project.run("run --keep-going");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(ran.computed(), ["good", "after"]);
    let end = &ran.stderr[ran.stderr.find("error: ").unwrap()..];
    assert!(
        end.starts_with("error: 2 stages failed\n  stage `bad` failed (signal 6)"),
        "{end}"
    );
    assert!(
        end.contains("\n  stage `also_bad` failed (exit code 3)"),
        "{end}"
    );
    assert!(
        end.contains("\nnot run, because they need a stage that failed: below"),
        "{end}"
    );
    assert_eq!(project.debris(), 0);
}

#[test]
fn without_it_a_failure_stops_what_has_not_begun() {
    let project = Project::new(TWO_BRANCHES);
    let ran = project.run("run -j 1");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(ran.computed(), [""; 0]);
    assert!(
        ran.stderr.contains("error: stage `bad` failed"),
        "{}",
        ran.stderr
    );
}

#[test]
fn downstream_brings_what_lies_above_up_to_date() {
    let project = Project::new(DIAMOND);
    let ran = project.done("run --downstream b");
    let mut computed = ran.computed();
    computed.sort_unstable();
    assert_eq!(computed, ["a", "b", "c", "d"]);
    // Forced is what was named and what is below.
    assert_eq!(
        project.done("run --downstream b --force").computed(),
        ["b", "d"]
    );
    assert_eq!(project.run("run --downstream b --only c").code, 2);
}

#[test]
fn many_runs_at_once_compute_each_result_once() {
    for runners in [2, 8] {
        let mut pipeline = "version: 1\nstages:\n".to_owned();
        for index in 0..6 {
            let from = if index < 3 {
                String::new()
            } else {
                format!("inputs: {{from: s{}}}, ", index - 3)
            };
            pipeline.push_str(&format!(
                "  s{index}: {{run: rogue write, {from}params: {{text: s{index}, counter: COUNTER, sleep_millis: 50}}, resources: {{threads: 1}}}}\n"
            ));
        }
        let project = Project::new("version: 1\nstages: {}\n");
        let counter = project.path().join("counter");
        project.write(&pipeline.replace("COUNTER", counter.to_str().unwrap()));
        let children: Vec<_> = (0..runners)
            .map(|_| {
                let mut command = project.command("run");
                command.stderr(std::process::Stdio::piped());
                command.stdout(std::process::Stdio::null());
                command.spawn().unwrap()
            })
            .collect();
        let mut waited = false;
        for child in children {
            let ran = crate::project::Ran::of(child.wait_with_output().unwrap());
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            waited |=
                ran.stderr.contains(" (`") && ran.stderr.contains("which is making this result");
        }
        let mut counted: Vec<String> = fs_err::read_to_string(&counter)
            .unwrap()
            .lines()
            .map(String::from)
            .collect();
        counted.sort();
        assert_eq!(
            counted,
            ["s0", "s1", "s2", "s3", "s4", "s5"],
            "{runners} at once"
        );
        assert!(waited, "nobody waited for anybody");
        assert_eq!(project.debris(), 0);
    }
}

#[test]
fn a_waiting_run_says_for_whom_and_can_be_stopped() {
    let project =
        Project::new("version: 1\nstages: {a: {run: toy write, params: {sleep_millis: 20000}}}\n");
    let first = project.spawn("run");
    project.wait_for_line(&first, "a  run");
    std::thread::sleep(Duration::from_millis(300));
    let second = project.spawn("run");
    let line = project.wait_for_line(&second, "waits for process");
    assert!(
        line.contains(&format!("waits for process {} on ", first.id())),
        "{line}"
    );
    assert!(line.contains(" run`, since 20"), "{line}");
    second.signal("INT");
    let ran = second.end();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    first.signal("TERM");
    assert_eq!(first.end().code, 130);
    assert_eq!(project.debris(), 0);
}
