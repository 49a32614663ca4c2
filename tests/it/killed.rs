//! `kill -9` in the middle of a stage leaves the old state, and the next run goes on from there.

use std::time::{Duration, Instant};

use cinescore_artifact::exit;

use crate::pipelines::whole;

#[test]
fn a_killed_run_is_taken_up_and_gives_the_same_bytes() {
    // Long enough to be killed in training.
    let settings = "--set vars.epochs=8";
    let undisturbed = whole();
    undisturbed
        .cinescore(&format!("run -p whole {settings}"))
        .with_code(exit::DONE)
        .saying("5 stages were computed");

    let project = whole();
    let line = format!("run -p whole {settings}");
    let mut runner = project
        .command("cinescore", line.split_whitespace())
        .spawn()
        .unwrap();
    // A stage is on view when its result is in the store; after `text` comes the training.
    let began = Instant::now();
    while !project
        .path("artifacts/runs/whole/text/stage.json")
        .exists()
    {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "the stages before the training take too long"
        );
        assert!(
            runner.try_wait().unwrap().is_none(),
            "the run ended before it was killed"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert!(
        !project.path("artifacts/runs/whole/net").exists(),
        "the kill came too late for this test"
    );

    project
        .cinescore(&line)
        .with_code(exit::DONE)
        .saying("2 stages were computed");
    assert_eq!(
        project.objects("artifacts"),
        undisturbed.objects("artifacts")
    );
    // What the killed run left half-done is swept away.
    assert!(project.files("artifacts/store/tmp").is_empty());
}
