//! `cinescore gc`: what goes, what stays, and that a run beside it never misses anything.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::project::{DIAMOND, Project, Ran};

/// Runs the pipeline with a word, so that all four results are new.
fn run(project: &Project, word: &str) {
    project.done(&format!("run --set vars.word={word}"));
}

fn gc(project: &Project, arguments: &str) -> Value {
    let ran = project.done(&format!("gc {arguments} --json"));
    serde_json::from_str(&ran.stdout).unwrap()
}

fn records(project: &Project) -> Vec<PathBuf> {
    let mut records = Vec::new();
    for shard in fs_err::read_dir(project.path().join("artifacts/store/records")).unwrap() {
        let entries = fs_err::read_dir(shard.unwrap().path()).unwrap();
        records.extend(entries.map(|entry| entry.unwrap().path()));
    }
    records
}

/// Makes it so long ago that everything that is now in the store was used.
fn age(project: &Project, secs: u64) {
    let then = SystemTime::now() - Duration::from_secs(secs);
    for record in records(project) {
        std::fs::File::open(record)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }
}

fn stages_that_would_be_computed(project: &Project, word: &str) -> usize {
    let plan = project.run(&format!("plan --set vars.word={word}")).stdout;
    plan.lines()
        .filter(|line| line.contains("  run ") || line.contains("  waits"))
        .count()
}

#[test]
fn without_a_limit_no_result_goes() {
    let project = Project::new(DIAMOND);
    run(&project, "one");
    run(&project, "two");
    let freed = gc(&project, "");
    assert_eq!(freed["results"].as_array().unwrap().len(), 0);
    assert_eq!(freed["objects"], 0);
    assert_eq!(records(&project).len(), 8);
    // Locks of processes that are gone, and nothing else.
    assert!(freed["leftovers"].as_u64().unwrap() > 0);
    assert_eq!(stages_that_would_be_computed(&project, "one"), 0);
}

#[test]
fn results_go_by_age_and_what_is_on_view_stays() {
    let project = Project::new(DIAMOND);
    run(&project, "one");
    age(&project, 40 * 86_400);
    run(&project, "two");
    let dry = gc(&project, "--max-age 30d --dry-run");
    assert_eq!(dry["results"].as_array().unwrap().len(), 4);
    assert_eq!(records(&project).len(), 8);
    let freed = gc(&project, "--max-age 30d");
    assert_eq!(freed["results"].as_array().unwrap().len(), 4);
    assert_eq!(freed["objects"], dry["objects"]);
    assert_eq!(records(&project).len(), 4);
    assert!(
        project
            .done("run --set vars.word=two")
            .computed()
            .is_empty()
    );
    assert_eq!(stages_that_would_be_computed(&project, "one"), 4);
    // Everything is old, and all of it is on view.
    age(&project, 40 * 86_400);
    let freed = gc(&project, "--max-age 30d");
    assert_eq!(freed["protected"], 4);
    assert_eq!(records(&project).len(), 4);
    assert_eq!(project.debris(), 0);
    project.done("verify");
}

#[test]
fn a_use_makes_a_result_young() {
    let project = Project::new(DIAMOND);
    run(&project, "one");
    run(&project, "two");
    age(&project, 3600);
    // Restored, not computed: that counts as a use of these four.
    run(&project, "one");
    run(&project, "three");
    let freed = gc(&project, "--max-age 30m");
    assert_eq!(freed["results"].as_array().unwrap().len(), 4);
    assert_eq!(stages_that_would_be_computed(&project, "one"), 0);
    assert_eq!(stages_that_would_be_computed(&project, "two"), 4);
}

#[test]
fn results_go_by_size_least_recently_used_first() {
    let project = Project::new(DIAMOND);
    let long = |letter: &str| letter.repeat(2000);
    for letter in ["x", "y", "z"] {
        run(&project, &long(letter));
        age(&project, 3600);
    }
    run(&project, &long("y"));
    run(&project, "small");
    // A word is in each of four objects, twice in the last.
    let freed = gc(&project, "--max-size 11kB");
    assert!(freed["kept_bytes"].as_u64().unwrap() <= 11_000);
    assert_eq!(stages_that_would_be_computed(&project, &long("y")), 0);
    assert!(stages_that_would_be_computed(&project, &long("x")) > 0);
    assert!(stages_that_would_be_computed(&project, &long("z")) > 0);
    let ran = project.done("gc --max-size 1");
    assert!(
        ran.stderr
            .contains("that is more than 1 bytes: the rest is on view"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_last_runs_stay_with_their_logs() {
    let project = Project::new(DIAMOND);
    for word in ["one", "two", "three"] {
        run(&project, word);
    }
    let freed = gc(&project, "--keep-last 2");
    assert_eq!(freed["results"].as_array().unwrap().len(), 4);
    assert_eq!(freed["runs"].as_array().unwrap().len(), 1);
    assert_eq!(stages_that_would_be_computed(&project, "one"), 4);
    assert_eq!(stages_that_would_be_computed(&project, "two"), 0);
    assert_eq!(
        fs_err::read_dir(project.path().join("artifacts/logs"))
            .unwrap()
            .count(),
        2
    );
}

#[test]
fn checkpoints_of_long_ago_go() {
    let project = Project::new(DIAMOND);
    run(&project, "one");
    let scratch = project.path().join("artifacts/store/scratch");
    for (name, days) in [("0", 40), ("1", 2)] {
        let folder = scratch.join(name.repeat(64));
        fs_err::create_dir_all(&folder).unwrap();
        let file = folder.join("checkpoint");
        fs_err::write(&file, "epoch 3").unwrap();
        let then = SystemTime::now() - Duration::from_secs(days * 86_400);
        for path in [&file, &folder] {
            std::fs::File::open(path)
                .unwrap()
                .set_modified(then)
                .unwrap();
        }
    }
    assert_eq!(gc(&project, "--dry-run")["checkpoints"], 1);
    assert_eq!(gc(&project, "")["checkpoints"], 1);
    assert!(scratch.join("1".repeat(64)).exists());
    assert!(!scratch.join("0".repeat(64)).exists());
    assert_eq!(gc(&project, "--max-age 1d")["checkpoints"], 1);
    assert_eq!(gc(&project, "")["checkpoints"], 0);
}

#[test]
fn pins_and_lock_files_hold() {
    let project = Project::new(DIAMOND);
    run(&project, "one");
    let pinned = project.done("gc --pin last");
    assert!(pinned.stderr.contains(": 4 results"), "{}", pinned.stderr);
    run(&project, "two");
    let status: Value =
        serde_json::from_str(&project.done("plan --json --set vars.word=two").stdout).unwrap();
    let locked = status["stages"][3]["fingerprint"]
        .as_str()
        .unwrap()
        .to_owned();
    run(&project, "three");
    // Only the last stage is named: what it was made from stays with it.
    let lock = project.path().join("pipelines/demo.lock");
    fs_err::write(&lock, format!("stages:\n  d:\n    fingerprint: {locked}\n")).unwrap();
    gc(&project, "--keep-last 0");
    assert_eq!(records(&project).len(), 12);
    fs_err::remove_file(lock).unwrap();
    gc(&project, "--keep-last 0");
    assert_eq!(stages_that_would_be_computed(&project, "two"), 4);
    assert_eq!(stages_that_would_be_computed(&project, "one"), 0);
    let name = project
        .done("gc --pins")
        .stdout
        .split("  ")
        .next()
        .unwrap()
        .to_owned();
    project.done(&format!("gc --unpin {name}"));
    gc(&project, "--keep-last 0");
    assert_eq!(stages_that_would_be_computed(&project, "one"), 4);
    let refused = project.run("gc --pin nonsense");
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("unknown run, pipeline or fingerprint `nonsense`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_a_living_run_uses_stays() {
    let project = Project::new("");
    let gate = project.path().join("gate");
    let waiting = format!("{{text: c, waits_for: {}}}", gate.display());
    project.write(
        &DIAMOND
            .replace("{text: c}", &waiting)
            .replace("c: {run: toy write", "c: {run: rogue write"),
    );
    let mut command = project.command("run");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // What is written last of a view: before that, its folder cannot be taken away.
    let shown = project.view("b").with_file_name("stage.json");
    while !shown.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended early");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Now only the process itself speaks for `a` and `b`, which `d` is going to read.
    fs_err::remove_dir_all(project.path().join("artifacts/runs")).unwrap();
    let freed = gc(&project, "--keep-last 0");
    assert_eq!(freed["results"].as_array().unwrap().len(), 0, "{freed}");
    assert!(
        child.try_wait().unwrap().is_none(),
        "the run was to be going on"
    );
    fs_err::write(&gate, "").unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(project.made("d"), "one\nb\none\nc\nd\n");
    // It is over, so nobody speaks for them any more.
    fs_err::remove_dir_all(project.path().join("artifacts/runs")).unwrap();
    assert_eq!(
        gc(&project, "--keep-last 0")["results"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert!(project.objects().is_empty());
}

#[test]
fn runs_and_collections_at_once() {
    let project = Project::new(DIAMOND);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut collections = 0;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                project.done("gc --keep-last 0");
                collections += 1;
            }
            collections
        });
        let runners: Vec<_> = (0..2)
            .map(|runner| {
                let project = &project;
                // A pipeline of its own each, so that one's view does not protect the other's results.
                scope.spawn(move || {
                    let name = format!("p{runner}");
                    let file = project.path().join(format!("pipelines/{name}.yaml"));
                    fs_err::write(file, DIAMOND).unwrap();
                    for round in 0..12 {
                        let word = format!("w{}", round % 3);
                        let ran = project.run(&format!("run -p {name} --set vars.word={word}"));
                        assert_eq!(ran.code, 0, "{}", ran.stderr);
                        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
                        let made = project
                            .path()
                            .join(format!("artifacts/runs/{name}/d/made.txt"));
                        assert_eq!(
                            fs_err::read_to_string(made).unwrap(),
                            format!("{word}\nb\n{word}\nc\nd\n")
                        );
                    }
                })
            })
            .collect();
        let ended: Vec<_> = runners.into_iter().map(|runner| runner.join()).collect();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(collector.join().unwrap() > 3);
        assert!(ended.into_iter().all(|ended| ended.is_ok()));
    });
    project.done("verify");
}

#[test]
fn a_killed_collection_leaves_a_whole_store() {
    const ROUNDS: u32 = 12;
    let project = Project::new(DIAMOND);
    let make_garbage = || {
        for word in ["one", "two", "three"] {
            run(&project, word);
        }
    };
    make_garbage();
    let began = Instant::now();
    gc(&project, "--keep-last 0");
    let mut longest = began.elapsed() * 11 / 10;
    let mut hits = 0;
    for round in 0..ROUNDS {
        make_garbage();
        let moment = longest * round / ROUNDS;
        let mut command = project.command("gc --keep-last 0");
        let mut child = command
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(moment);
        if child.try_wait().unwrap().is_none() {
            hits += 1;
        } else {
            // The machine is less busy than when it was measured.
            longest = moment;
        }
        child.kill().ok();
        child.wait().unwrap();
        let verified = project.run("verify");
        assert_eq!(verified.code, 0, "after {moment:?}: {}", verified.stdout);
        assert!(
            project
                .done("run --set vars.word=three")
                .computed()
                .is_empty()
        );
    }
    assert!(
        hits >= ROUNDS.div_ceil(5),
        "{hits} of {ROUNDS} kills met a collection"
    );
    gc(&project, "--keep-last 0");
    assert_eq!(project.debris(), 0);
    assert_eq!(records(&project).len(), 4);
    assert_eq!(project.objects().len(), 4);
}
