//! Two runs are set side by side as a page.

use cinescore_artifact::exit;

use crate::pipelines::whole;

#[test]
fn the_reports_of_two_runs_become_one_page() {
    let project = whole();
    project.cinescore("run -p whole").with_code(exit::DONE);
    let pipeline = fs_err::read_to_string(project.path("pipelines/whole.yaml")).unwrap();
    project.write(
        "pipelines/whole.yaml",
        pipeline.replace("seed: 5", "seed: 6"),
    );
    project.cinescore("run -p whole").with_code(exit::DONE);
    let compared = project.cinescore("compare -p whole -o side-by-side");
    let compared = compared.with_code(exit::DONE);
    assert_eq!(compared.stdout.trim(), "side-by-side/comparison/index.html");
    let page = fs_err::read_to_string(project.path("side-by-side/comparison/index.html")).unwrap();
    for words in [
        "Test figures that differ",
        "tiny-metrics",
        "svg+xml;base64,",
        "Times of run",
        "training examples per second",
    ] {
        assert!(page.contains(words), "`{words}`");
    }
    let summary =
        fs_err::read_to_string(project.path("side-by-side/comparison/summary.md")).unwrap();
    assert!(summary.contains("| tiny-metrics | test, "), "{summary}");

    // A run against itself differs in nothing.
    project
        .cinescore("compare last last -p whole -o same")
        .with_code(exit::DONE);
    let page = fs_err::read_to_string(project.path("same/comparison/index.html")).unwrap();
    assert!(page.contains("All figures of networks that both have are the same."));
    assert!(page.contains("All plots that both have are the same."));
}

#[test]
fn a_run_without_a_report_is_refused_by_name() {
    let project = whole();
    project
        .cinescore("run reviews -p whole")
        .with_code(exit::DONE);
    project
        .cinescore("compare last last -p whole")
        .with_code(exit::USAGE)
        .saying("made no report")
        .saying("cinescore diff");
}
