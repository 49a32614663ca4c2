//! `kill -9` of the runner and its stages at many moments: the next run ends as if nothing had been.
//! SIGINT and its like: the run stops in good order.

use std::time::{Duration, Instant};

use crate::project::{Project, processes};

/// Moments of one run at which something is killed.
const MOMENTS: usize = 50;
/// So many of them must meet living work in a store that holds something.
const HITS: usize = MOMENTS / 5;
/// How long an undisturbed run takes is measured anew after so many moments: the machine may be busier than before.
const MEASURED_EVERY: usize = 10;
/// A machine whose speed changes all the time gets more moments.
const MOST_MOMENTS: usize = 4 * MOMENTS;

/// Three chains side by side, and a stage that leaves a process behind.
const PIPELINE: &str = "\
version: 1
stages:
  a: {run: toy write, resources: {threads: 1}}
  b: {run: toy write, inputs: {from: a}, params: {text: b, sleep_millis: 50}, resources: {threads: 1}}
  c: {run: toy write, inputs: {from: a}, params: {text: c, sleep_millis: 50}, resources: {threads: 1}}
  daemon: {run: rogue write, inputs: {from: a}, params: {end: daemon, daemon_secs: 616}, resources: {threads: 1}}
  bundle: {run: rogue lie, resources: {threads: 1}}
  d: {run: toy write, inputs: {from: [b.made, c.made, daemon.made, bundle.made]}, params: {text: d}}
";

/// The same numbers every time (xorshift64, Marsaglia 2003).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The file names of all objects: their digests.
fn digests(project: &Project) -> Vec<std::ffi::OsString> {
    let objects = project.objects().into_iter();
    objects
        .map(|path| path.file_name().unwrap().to_owned())
        .collect()
}

fn kill(id: u32) {
    let mut kill = std::process::Command::new("kill");
    // It may have ended by itself.
    kill.arg("-9")
        .arg(id.to_string())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
}

/// The processes of this project's stages.
fn of_stages(project: &Project) -> Vec<i32> {
    let work = format!("CINESCORE_WORK={}/", project.path().display());
    let mut ids = processes("");
    ids.retain(|id| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&work)
    });
    ids
}

#[test]
fn a_killed_runner_or_stage_leaves_the_old_state_or_the_new_one() {
    let (undisturbed, mut whole) = measured();
    let expected = digests(&undisturbed);
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let (mut round, mut hits) = (0, 0);
    while round < MOMENTS || (hits < HITS && round < MOST_MOMENTS) {
        round += 1;
        if round % MEASURED_EVERY == 0 {
            whole = measured().1;
        }
        // Some fall behind the end.
        let longest = u64::try_from(whole.as_micros()).unwrap() * 11 / 10;
        let moment = Duration::from_micros(random(&mut state) % longest);
        let of_runner = random(&mut state).is_multiple_of(2);
        let what = format!(
            "round {round}: {} killed after {moment:?}",
            if of_runner { "runner" } else { "stage" }
        );
        let project = Project::new(PIPELINE);
        let mut going = project.spawn("run");
        std::thread::sleep(moment);
        let holds_something = project.path().join("artifacts/store/objects").is_dir()
            && !project.objects().is_empty();
        let victim = if of_runner {
            going.is_alive().then(|| going.id())
        } else {
            let stages = of_stages(&project);
            let index = usize::try_from(random(&mut state)).unwrap() % stages.len().max(1);
            stages.get(index).map(|id| u32::try_from(*id).unwrap())
        };
        if let Some(victim) = victim {
            kill(victim);
            hits += usize::from(holds_something);
        }
        going.end();
        project.done("run");
        assert_eq!(digests(&project), expected, "{what}");
        assert_eq!(project.made("d"), undisturbed.made("d"), "{what}");
        assert_eq!(project.debris(), 0, "{what}");
        assert_eq!(of_stages(&project), [0; 0], "{what}");
    }
    assert!(hits >= HITS, "{hits} of {round} kills met living work");
}

/// A run that nobody disturbs, and how long it takes.
fn measured() -> (Project, Duration) {
    let project = Project::new(PIPELINE);
    let began = Instant::now();
    project.done("run");
    (project, began.elapsed())
}

const LONG: &str = "\
version: 1
stages:
  a: {run: toy write}
  b: {run: toy write, inputs: {from: a}, params: {sleep_millis: 60000}, resources: {threads: 1}}
  c: {run: toy write, inputs: {from: a}, params: {sleep_millis: 60000, text: c}, resources: {threads: 1}}
";

fn hang_ups_are_ignored() -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
    mask & 1 != 0
}

#[test]
fn an_interrupted_run_says_how_to_go_on_and_does() {
    for signal in ["INT", "TERM", "HUP"] {
        // Below `nohup` everybody inherits that, and a run rightly goes on.
        if signal == "HUP" && hang_ups_are_ignored() {
            eprintln!("NOT TESTED: SIGHUP, which is ignored here");
            continue;
        }
        let project = Project::new(LONG);
        let going = project.spawn("run -p demo --force");
        project.wait_for_line(&going, "a  done");
        std::thread::sleep(Duration::from_millis(200));
        let began = Instant::now();
        going.signal(signal);
        let ran = going.end();
        // Nobody waits for the minute that the stages sleep.
        assert!(began.elapsed() < Duration::from_secs(50));
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("error: interrupted; what was finished is kept\nhint: go on with `"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("cinescore run -p demo`"),
            "{}",
            ran.stderr
        );
        assert_eq!(project.debris(), 0);
        assert_eq!(of_stages(&project), [0; 0]);
        assert!(project.run("plan").stdout.starts_with("a  fresh"));
    }
}

#[test]
fn a_second_signal_kills_at_once() {
    let project =
        Project::new("version: 1\nstages: {a: {run: rogue write, params: {end: hang}}}\n");
    let going = project.spawn("run");
    project.wait_for_line(&going, "a  run");
    while of_stages(&project).is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    going.signal("INT");
    // It hangs on: the runner gives it ten seconds.
    std::thread::sleep(Duration::from_millis(500));
    assert!(!of_stages(&project).is_empty());
    going.signal("INT");
    assert_eq!(going.end().code, 130);
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!(of_stages(&project), [0; 0]);
    assert_eq!(project.debris(), 0);
}
