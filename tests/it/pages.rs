//! Every pipeline of this repository makes a report, and a browser opens it without a complaint.
//!
//! Real data are not needed: the archives are those of `ingest sample`, and what a pipeline leaves to variables is set small.

use std::path::{Path, PathBuf};

use cinescore_artifact::exit;
use cinescore_tests::{Browser, Project};

/// What variables are set to where a pipeline has them.
const SMALL: [(&str, &str); 11] = [
    ("data", "data"),
    ("epochs", "1"),
    ("twin_epochs", "1"),
    ("train_reviews", "200"),
    ("words", "30"),
    ("twin_words", "30"),
    ("networks", "[popularity_lstm, popularity_mlp]"),
    ("seeds", "[7]"),
    ("tenths", "[0]"),
    ("network", "{models: 2, filters: 8, members: 2}"),
    ("recurrent_units", "8"),
];
/// Of the pipelines that make their own sample: smaller ones.
const SAMPLES: [(&str, &str); 2] = [
    (
        "run: ingest sample\n    params: {seed: 7}",
        "run: ingest sample\n    params: {seed: 7, reviews: 400, unlabelled: 10, other_titles: 50, ratings: 500}",
    ),
    (
        "ratings: 1000000, reviews: 16, unlabelled: 0, other_titles: 20000",
        "ratings: 20000, reviews: 16, unlabelled: 0, other_titles: 50",
    ),
];

/// The repository's pipelines with a report, by name. One that has no stages of its own, and only includes another for other machines, is not run.
fn pipelines(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = fs_err::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let reports = text.contains("\n    run: report\n") || text.contains("\ninclude: ");
            if reports && text.contains("\nstages:\n") {
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

/// The names of a pipeline's variables.
fn variables(text: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("vars:"));
    let first = lines.next().unwrap_or_default();
    let inline = first.trim_start_matches("vars:").trim();
    if let Some(inside) = inline.strip_prefix('{') {
        let pairs = inside.trim_end_matches('}').split(", ");
        return pairs
            .filter_map(|pair| Some(pair.split_once(':')?.0.to_owned()))
            .collect();
    }
    lines
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned()))
        .collect()
}

/// A project with all pipelines and networks, and sample archives in `data`.
fn project(pipelines: &Path, all: &[(String, String)]) -> Project {
    let project = Project::new();
    for entry in fs_err::read_dir(pipelines.join("networks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        project.write(
            &format!("pipelines/networks/{name}"),
            fs_err::read(&path).unwrap(),
        );
    }
    for (name, text) in all {
        let small = SAMPLES
            .iter()
            .fold(text.clone(), |text, (from, to)| text.replace(from, to));
        project.write(&format!("pipelines/{name}.yaml"), small);
    }
    let sample =
        "sample --reviews 400 --unlabelled 10 --other-titles 50 --ratings 20000 --out data";
    project
        .run("cinescore-ingest", sample.split(' '))
        .with_code(exit::DONE);
    project
}

/// Where the report of a pipeline lies, once it was run.
fn page(project: &Project, name: &str, text: &str) -> PathBuf {
    let mut line = vec!["run".to_owned(), "-p".into(), name.into()];
    let known = variables(text);
    for (variable, value) in SMALL {
        if known.iter().any(|own| own == variable) {
            line.push("--set".into());
            line.push(format!("vars.{variable}={value}"));
        }
    }
    project.run("cinescore", &line).with_code(exit::DONE);
    let page = project.path(&format!("artifacts/runs/{name}/report/report/index.html"));
    fs_err::canonicalize(page).unwrap()
}

#[test]
fn the_report_of_every_pipeline_opens_without_a_complaint() {
    let Some(mut browser) = Browser::find("the reports of all pipelines") else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines");
    let all = pipelines(&folder);
    for expected in ["demo", "ratings", "reviews-report", "popularity", "tuning"] {
        let is_there = all.iter().any(|(name, _)| name == expected);
        assert!(
            is_there,
            "no `{expected}` among the pipelines with a report"
        );
    }
    let project = project(&folder, &all);
    for (name, text) in &all {
        let page = page(&project, name, text);
        let bytes = fs_err::metadata(&page).unwrap().len();
        assert!(bytes <= 3_000_000, "{name}: {bytes} bytes");
        browser.look(&page);
    }
}

#[test]
fn variables_are_found_in_both_ways_to_write_them() {
    let inline = "version: 1\nvars: {data: data, epochs: 4}\nstages:\n  words: {}\n";
    assert_eq!(variables(inline), ["data", "epochs"]);
    let lines = "vars:\n  data: data\n  seeds: [7, 8]\nstages:\n  words: {}\n";
    assert_eq!(variables(lines), ["data", "seeds"]);
    assert!(variables("stages:\n  words: {}\n").is_empty());
}
