//! `kill -9` of the runner and its stages at many moments: the next run ends as if nothing had been.

use std::process::Stdio;
use std::time::Duration;

use crate::project::{DIAMOND, Project};

/// Moments of one run at which it is killed, milliseconds: the run takes about 350.
const MOMENTS: [u64; 16] = [
    1, 4, 8, 15, 25, 40, 60, 80, 100, 130, 160, 190, 220, 260, 300, 340,
];

fn pipeline() -> String {
    DIAMOND
        .replace("{text: c}", "{text: c, sleep_millis: 100}")
        .replace("{text: b}", "{text: b, sleep_millis: 100}")
}

#[test]
fn a_killed_runner_leaves_the_old_state_or_the_new_one() {
    let undisturbed = Project::new(&pipeline());
    undisturbed.done("run");
    let expected: Vec<_> = undisturbed
        .objects()
        .iter()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    for moment in MOMENTS {
        let project = Project::new(&pipeline());
        let mut child = project
            .command("run")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        project.done("run");
        let objects: Vec<_> = project
            .objects()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(objects, expected, "killed after {moment} ms");
        assert_eq!(project.made("d"), undisturbed.made("d"));
        // What the killed run left is swept by the next one that works.
        project.done("run --force");
        assert_eq!(project.debris(), 0, "killed after {moment} ms");
    }
}

#[test]
fn an_interrupted_run_says_so_and_goes_on_later() {
    let project = Project::new(
        "version: 1\nstages: {a: {run: toy write}, b: {run: toy write, inputs: {from: a}, params: {sleep_millis: 30000}}}\n",
    );
    let mut command = project.command("run");
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    // Long enough for `a` to be done on a busy machine, far less than `b` takes.
    while !project.view("a").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let ran = crate::project::Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("what was finished is kept, run again to go on"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.debris(), 0);
    assert!(project.run("plan").stdout.starts_with("a  fresh"));
}
