//! What `plan` and `status` say, before and after a run, and that they change nothing.

use cinescore_artifact::exit;
use serde_json::Value;

use crate::pipelines::{WHOLE_STAGES, whole};

#[test]
fn a_plan_says_what_would_run_and_why() {
    let project = whole();
    let plan = project
        .cinescore("plan -p whole --check")
        .with_code(exit::STALE);
    let lines: Vec<&str> = plan.stdout.lines().map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "sample   run       it was never run in this pipeline",
            "reviews  waits     for sample",
            "text     waits     for reviews",
            "net      waits     for text",
            "report   waits     for reviews, text, net",
        ]
    );
    assert!(project.objects("artifacts").is_empty());

    project
        .cinescore("run -p whole")
        .with_code(exit::DONE)
        .saying("5 stages were computed");
    let plan = project
        .cinescore("plan -p whole --check")
        .with_code(exit::DONE);
    assert_eq!(
        plan.stdout
            .lines()
            .filter(|line| line.trim_end().ends_with("fresh"))
            .count(),
        WHOLE_STAGES.len()
    );

    let plan = project
        .cinescore("plan -p whole --check --json --set vars.epochs=2")
        .with_code(exit::STALE);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let states: Vec<&str> = plan["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["plan"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["fresh", "fresh", "fresh", "run", "waits"]);
    assert_eq!(
        plan["stages"][3]["plan"]["reasons"],
        serde_json::json!(["params.epochs: 1 -> 2"])
    );
}

#[test]
fn status_shows_what_is_there() {
    let project = whole();
    let before = project.cinescore("status -p whole").with_code(exit::DONE);
    assert_eq!(
        before.stdout.matches("nothing on view").count(),
        WHOLE_STAGES.len()
    );

    project
        .cinescore("run -p whole text")
        .with_code(exit::DONE)
        .saying("3 stages were computed");
    let after = project.cinescore("status -p whole").with_code(exit::DONE);
    assert_eq!(after.stdout.matches("nothing on view").count(), 2);
    let text = after
        .stdout
        .lines()
        .find(|line| line.starts_with("text "))
        .unwrap();
    assert!(
        text.contains("fresh") && text.contains("made by") && text.contains("tokens"),
        "{text}"
    );
}

#[test]
fn unknown_names_are_usage_errors_that_list_the_known_ones() {
    let project = whole();
    project
        .cinescore("run -p hole")
        .with_code(exit::USAGE)
        .saying("there is no pipeline `hole`");
    project
        .cinescore("run -p whole nets")
        .with_code(exit::USAGE)
        .saying("unknown stage `nets` (known: sample,");
    project
        .cinescore("run -p whole --set vars.epoch=2")
        .with_code(exit::USAGE)
        .saying("`epochs`");
    project.cinescore("walk").with_code(exit::USAGE);
}
