//! `init`: from a table of one's own to a trained bundle and a table of ratings, in two commands.

use cinescore_artifact::table::TableReader;
use cinescore_artifact::tables::{FINDINGS, PREDICTIONS};
use cinescore_tests::Project;

/// Reviews as people write them down, by rule from a counter.
fn reviews(count: u32, label: impl Fn(u32) -> String) -> String {
    let good = ["splendid", "moving", "funny", "clever"];
    let bad = ["dull", "endless", "clumsy", "noisy"];
    (0..count)
        .map(|number| {
            let score = 1 + number * 7 % 10;
            let words = if score > 5 { good } else { bad };
            let [a, b] = [number, number / 4].map(|by| words[by as usize % 4]);
            let label = label(score);
            format!("\"The {number}th one, said the \"\"Post\"\", is {a}\nand {b}\",{label}\n")
        })
        .collect()
}

#[test]
fn a_csv_with_scores_becomes_a_bundle_and_ratings() {
    let project = Project::new();
    let table = reviews(300, |score| score.to_string());
    project.write("my.csv", format!("words,mark\n{table}"));
    let written = project
        .cinescore("init --reviews my.csv")
        .with_code(0)
        .saying("300 with a score (1 to 10)")
        .saying("wrote pipelines/my.yaml");
    let run = written.stdout.trim();
    assert!(run.ends_with("run -p my"), "{run}");

    let planned = project.cinescore("plan -p my").with_code(0).stdout;
    let stages: Vec<&str> = planned
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let expected = ["reviews", "audit", "text", "net", "ratings", "report"];
    assert_eq!(stages, expected);

    let (_program, arguments) = run.split_once(' ').unwrap();
    project.cinescore(arguments).with_code(0);
    let view = |name: &str| project.path(&format!("artifacts/runs/my/{name}"));
    assert!(view("net/bundle").is_dir());
    let ratings = TableReader::open(&view("ratings/predictions.parquet"), &PREDICTIONS).unwrap();
    assert_eq!(ratings.rows(), 300);
    let findings = TableReader::open(&view("audit/findings.parquet"), &FINDINGS).unwrap();
    assert!(findings.rows() > 0);
    let page = fs_err::read_to_string(view("report/report/index.html")).unwrap();
    assert!(page.contains("What the audit found"));

    // Nothing that is there is overwritten, unless asked for.
    project.write("pipelines/my.yaml", "mine");
    project
        .cinescore("init --reviews my.csv")
        .with_code(2)
        .saying("`pipelines/my.yaml` is there already")
        .saying("-p NAME");
    assert_eq!(
        fs_err::read(project.path("pipelines/my.yaml")).unwrap(),
        b"mine"
    );
    project
        .cinescore("init --reviews my.csv --force")
        .with_code(0);
    project.cinescore("plan -p my --check").with_code(0);
}

#[test]
fn a_csv_of_sentiments_becomes_a_pipeline_for_sentiment() {
    let project = Project::new();
    let table = reviews(200, |score| {
        if score > 5 { "positive" } else { "negative" }.into()
    });
    project.write("IMDB_Dataset.csv", format!("review,sentiment\n{table}"));
    project
        .cinescore("init --reviews IMDB_Dataset.csv -p films")
        .with_code(0)
        .saying("100 positive, 100 negative");
    let text = fs_err::read_to_string(project.path("pipelines/films.yaml")).unwrap();
    assert!(text.contains("task: binary"), "{text}");
    project.cinescore("plan -p films").with_code(0);
}

#[test]
fn a_dry_run_writes_nothing_and_what_cannot_be_learnt_from_is_refused() {
    let project = Project::new();
    let table = reviews(100, |score| score.to_string());
    project.write("my.csv", format!("text,score\n{table}"));
    let shown = project
        .cinescore("init --reviews my.csv --dry-run")
        .with_code(0)
        .stdout;
    assert!(shown.contains("run: train fit"), "{shown}");
    assert!(!project.path("pipelines").exists());
    project
        .cinescore("init --reviews my.csv --score-column= --sentiment-column=")
        .with_code(3)
        .saying("reviews have a")
        .saying("--score-column");
    project
        .cinescore("init --reviews my.csv --text-column words")
        .with_code(3)
        .saying("`my.csv` has no column `words`: it has `text`, `score`")
        .saying("--text-column");
    project
        .cinescore("init --reviews none.csv")
        .with_code(5)
        .saying("none.csv");
}
