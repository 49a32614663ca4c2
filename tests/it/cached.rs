//! What is computed once, and that it is computed the same way everywhere.

use cinescore_artifact::exit;
use cinescore_tests::Project;

use crate::pipelines::{WHOLE_STAGES, whole, with_records};

#[test]
fn the_second_run_computes_nothing() {
    let project = whole();
    let first = project.cinescore("run -p whole").with_code(exit::DONE);
    assert!(
        first.stderr.contains("whole: 5 stages were computed"),
        "{}",
        first.stderr
    );
    let page = "artifacts/runs/whole/report/report/index.html";
    assert!(
        first.stderr.contains(page),
        "the run must say where the page lies: {}",
        first.stderr
    );
    let html = fs_err::read_to_string(project.path(page)).unwrap();
    assert!(html.contains("</html>"));

    let before = project.files("artifacts/store/records");
    let second = project.cinescore("run -p whole").with_code(exit::DONE);
    assert!(
        second.stderr.contains("whole: nothing was computed"),
        "{}",
        second.stderr
    );
    for stage in WHOLE_STAGES {
        assert!(
            second
                .stderr
                .lines()
                .any(|line| line.starts_with(stage) && line.ends_with("fresh")),
            "{stage}"
        );
    }
    assert_eq!(before, project.files("artifacts/store/records"));
}

#[test]
fn two_empty_stores_get_the_same_bytes() {
    let (one, other) = (whole(), whole());
    for project in [&one, &other] {
        project
            .cinescore("run -p whole")
            .with_code(exit::DONE)
            .saying("5 stages were computed");
    }
    let (objects, others) = (one.objects("artifacts"), other.objects("artifacts"));
    // Three sources, reviews and rejects, tokens and vocabulary and encoder, the network's, the page.
    assert!(
        objects.keys().any(|name| name.ends_with(".safetensors")),
        "{objects:?}"
    );
    let differing: Vec<&String> = objects
        .keys()
        .chain(others.keys())
        .filter(|name| objects.get(*name) != others.get(*name))
        .collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn only_what_depends_on_a_change_runs_again() {
    let project = whole();
    project
        .cinescore("run -p whole")
        .with_code(exit::DONE)
        .saying("5 stages were computed");
    let changed = project
        .cinescore("run -p whole --set vars.epochs=2")
        .with_code(exit::DONE);
    assert_eq!(ran(&project), ["net", "report"]);
    assert!(
        changed.stderr.contains("params.epochs: 1 -> 2"),
        "it must say why: {}",
        changed.stderr
    );

    // Going back is a look into the store.
    let back = project.cinescore("run -p whole").with_code(exit::DONE);
    assert!(
        back.stderr.contains("nothing was computed"),
        "{}",
        back.stderr
    );

    // A result that comes out the same stops the wave: the report is not made again.
    project
        .cinescore("run -p whole --only text --force")
        .with_code(exit::DONE)
        .saying("1 stage was computed");
    project
        .cinescore("run -p whole")
        .with_code(exit::DONE)
        .saying("nothing was computed");

    project
        .cinescore("run -p whole --from net --force")
        .with_code(exit::DONE)
        .saying("2 stages were computed");
    assert_eq!(ran(&project), ["net", "report"]);
}

#[test]
fn a_report_with_records_tells_the_times_and_is_stale_when_they_are_others() {
    let project = with_records();
    project
        .cinescore("run -p whole")
        .with_code(exit::DONE)
        .saying("5 stages were computed");
    let page = || {
        let path = project.path("artifacts/runs/whole/report/report/index.html");
        fs_err::read_to_string(path).unwrap()
    };
    let times = || {
        let path = project.path("artifacts/runs/whole/report/report/tables/times.csv");
        fs_err::read_to_string(path).unwrap()
    };
    let run = |project: &Project| {
        let logs = fs_err::read_dir(project.path("artifacts/logs")).unwrap();
        let mut names: Vec<_> = logs.map(|run| run.unwrap().file_name()).collect();
        names.sort();
        names.pop().unwrap().into_string().unwrap()
    };
    let first = run(&project);
    assert!(
        page().contains(&format!("Run {first} began ")),
        "the run is named"
    );
    let stages: Vec<String> = times()
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    assert_eq!(stages, WHOLE_STAGES[..4]);

    // The record is whole by now, and says the same.
    project
        .cinescore("run -p whole")
        .with_code(exit::DONE)
        .saying("nothing was computed");
    project
        .cinescore("plan -p whole --check")
        .with_code(exit::DONE);

    // The network comes out the same; how long it took does not.
    project
        .cinescore("run -p whole --only net --force")
        .with_code(exit::DONE);
    let second = run(&project);
    project
        .cinescore("run -p whole")
        .with_code(exit::DONE)
        .saying("1 stage was computed");
    assert!(page().contains(&format!("Run {first} began ")));
    assert!(page().contains(&format!("Run {second} began ")));

    // Nobody else may ask for it.
    let pipeline = fs_err::read_to_string(project.path("pipelines/whole.yaml")).unwrap();
    let wrong = pipeline.replace(
        "    run: featurize text\n",
        "    run: featurize text\n    records: true\n",
    );
    project.write("pipelines/whole.yaml", wrong);
    project
        .cinescore("plan -p whole")
        .with_code(exit::USAGE)
        .saying("`text` does not look at `records` of runs");
}

/// The stages whose programs the latest run started: each has a log.
fn ran(project: &Project) -> Vec<String> {
    let logs = project.path("artifacts/logs");
    let mut runs: Vec<_> = fs_err::read_dir(logs)
        .unwrap()
        .map(|run| run.unwrap().path())
        .collect();
    // A run's id begins with its time.
    runs.sort();
    let mut stages: Vec<String> = fs_err::read_dir(runs.last().unwrap())
        .unwrap()
        .filter_map(|file| {
            Some(
                file.unwrap()
                    .file_name()
                    .to_str()?
                    .strip_suffix(".log")?
                    .to_owned(),
            )
        })
        .collect();
    stages.sort();
    stages
}
