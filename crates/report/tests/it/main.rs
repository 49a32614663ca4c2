//! The program `cinescore-report` on tables as other stages write them.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod browser;
mod given;
mod numbers;
mod poor;
mod popularity;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use cinescore_artifact::Digest;
use given::Given;

fn report(task: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cinescore-report"))
        .args(["report", "--task-file"])
        .arg(task)
        .output()
        .expect("the program starts")
}

/// Makes a report; its files by path below its folder.
fn made(given: &Given) -> BTreeMap<String, String> {
    let output = report(&given.task());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let folder = given.output_dir().join("report");
    cinescore_artifact::digest::files_below(&folder)
        .unwrap()
        .into_iter()
        .map(|name| {
            let bytes = fs_err::read(folder.join(&name)).unwrap();
            (name, bytes)
        })
        // Pictures are looked at by a test of their own.
        .filter(|(name, _)| !name.ends_with(".png"))
        .map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap()))
        .collect()
}

/// The fields of a CSV file's row that begins with `first`.
fn csv_row(files: &BTreeMap<String, String>, table: &str, first: &str) -> Vec<String> {
    let text = &files[&format!("tables/{table}.csv")];
    let mut rows = csv::Reader::from_reader(text.as_bytes())
        .into_records()
        .map(Result::unwrap);
    let row = rows.find(|row| {
        row.iter()
            .take(first.split(',').count())
            .eq(first.split(','))
    });
    row.unwrap_or_else(|| panic!("no row `{first}` in {text}"))
        .iter()
        .map(String::from)
        .collect()
}

#[test]
fn a_whole_pipeline_becomes_one_page() {
    let given = Given::everything();
    let files = made(&given);
    let page = &files["index.html"];

    // For a look at it: CINESCORE_KEEP_REPORT=DIR keeps the report of this test.
    if let Some(folder) = std::env::var_os("CINESCORE_KEEP_REPORT") {
        for (name, text) in &files {
            let path = Path::new(&folder).join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
    }

    for words in [
        "<html lang=\"en\">",
        "keras_lstm",
        ">0.8614<",
        "Trivial predictor: <strong>0.5089</strong>",
        "better than trivial",
        "make run PIPELINE=sentiment DATA=DIR",
        "<code>aclImdb_v1.tar.gz</code>, <code>ml-latest.zip</code>, <code>title.basics.tsv.gz</code> for <code>DIR</code>",
        "the weights after epoch 3 were kept",
        "3 titles have no start year",
        // From the record of the run that trained the network.
        "began 2026-01-02T03:04:05.678Z on bench, at commit 0123456789ab with changes",
        "<bdi>812.5</bdi>",
        "<bdi>92.50</bdi>",
        "make reproduce PIPELINE=sentiment DATA=DIR",
    ] {
        assert!(page.contains(words), "`{words}` is not on the page");
    }
    // Self-contained: nothing is fetched, nothing is run.
    assert_eq!(
        page.matches("<script").count(),
        1,
        "the page's own script alone"
    );
    for never in ["http:", "https:", "<link", "<img", "@import", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(never), "`{never}` is on the page");
    }
    // No place of this machine either.
    assert!(!page.contains(given.root().to_str().unwrap()));

    let summary = &files["summary.md"];
    assert!(
        summary.contains("**keras\\_lstm: accuracy 0.8614, trivial 0.5089** (12,177 test reviews"),
        "{summary}"
    );
    assert!(
        summary.contains("\n| split | metric | keras\\_lstm | trivial | n |\n| --- | --- | ---: | ---: | ---: |\n"),
        "{summary}"
    );
    assert!(
        summary.contains("cinescore run -p sentiment --set vars.data=DIR"),
        "{summary}"
    );

    for name in [
        "plots/reviews-scores.svg",
        "plots/keras-lstm-loss-by-epoch.svg",
        "tables/provenance.csv",
    ] {
        assert!(
            files.contains_key(name),
            "no `{name}` among {:?}",
            files.keys()
        );
    }
}

#[test]
fn the_numbers_of_page_and_tables_are_those_of_the_inputs() {
    let given = Given::everything();
    let files = made(&given);
    let page = &files["index.html"];

    let accuracy = csv_row(&files, "keras-lstm-metrics", "test,accuracy");
    assert_eq!(accuracy[2..], ["0.86137", "0.50891", "12177"]);
    assert!(page.contains("<bdi>0.8614</bdi>") && page.contains("<bdi>12,177</bdi>"));

    // Counted again from the generator's own rule.
    let reviews = given.reviews();
    let train: Vec<_> = reviews
        .iter()
        .filter(|review| review.split == "train")
        .collect();
    let row = csv_row(&files, "reviews-counts", "train");
    let positive = train
        .iter()
        .filter(|review| review.polarity == Some(1))
        .count();
    assert_eq!(row[2], positive.to_string());
    assert_eq!(row[4], train.len().to_string());
    let tens = train
        .iter()
        .filter(|review| review.score == Some(10))
        .count();
    assert_eq!(csv_row(&files, "reviews-scores", "10")[1], tens.to_string());
    let drama = |polarity| {
        reviews
            .iter()
            .filter(|r| r.polarity == Some(polarity) && r.genres.contains(&"Drama"))
            .count()
            .to_string()
    };
    assert_eq!(
        csv_row(&files, "reviews-genres", "Drama")[1..],
        [drama(0), drama(1)]
    );

    assert!(page.contains("1 leak between the splits, and 2 warnings."));
    let duplicates = csv_row(&files, "audit-findings", "exact duplicates");
    assert_eq!(
        duplicates[1..],
        ["warning", "train", "2", "one of exact_duplicates in train"]
    );

    // Every prediction is in one cell of the confusion matrix, and in one bar.
    let confusion: u64 = ["negative", "positive"]
        .iter()
        .flat_map(|class| csv_row(&files, "keras-lstm-confusion", class)[1..].to_vec())
        .map(|count| count.parse::<u64>().unwrap())
        .sum();
    assert_eq!(confusion, given.test_reviews());
    let means = csv_row(&files, "lstm-regression-means", "10");
    let (mean, error): (f64, f64) = (means[2].parse().unwrap(), means[3].parse().unwrap());
    assert!(
        (mean + error - 10.0).abs() < 1e-9,
        "predictions are never above 10: {mean} + {error}"
    );
}

#[test]
fn errors_by_slice_and_flag_are_those_of_the_tables_with_their_intervals() {
    let files = made(&Given::everything());
    let page = &files["index.html"];
    let short = csv_row(&files, "keras-lstm-errors-by-length", "to 100 ids");
    assert_eq!(
        short[1..],
        [
            "800", "0.125", "0.09375", "0.15625", "1000", "0.25", "-0.125", "-0.25", "0"
        ]
    );
    let middle = csv_row(&files, "keras-lstm-flags", "middle");
    assert_eq!(middle[1..5], ["300", "0.4375", "0.40625", "0.46875"]);
    assert_eq!(middle[5..9], ["1500", "0.15625", "0.09375", "0.21875"]);
    // A flag that no review has is said, and has no error.
    let never = csv_row(&files, "keras-lstm-flags", "short");
    assert_eq!(never[1..4], ["0", "", ""]);
    assert!(page.contains("300 test predictions of 1,800 have a flag"));
    assert!(
        page.contains("to 100 ids (800): 0.1250 (0.09375 to 0.156"),
        "the hint says it"
    );
    // The other network has no slices: its errors are counted here, and the page says what is missing.
    assert!(page.contains("Errors by slice are without intervals"));
    assert!(page.contains("a stage <code>predict flags</code> gives"));
    let counted = &files["tables/lstm-regression-errors-by-length.csv"];
    assert!(
        counted.starts_with("length,reviews,mean absolute error (stars)\n"),
        "{counted}"
    );
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let (one, two) = (Given::everything(), Given::everything());
    made(&one);
    made(&two);
    assert_eq!(
        Digest::of_path(&one.output_dir()).unwrap(),
        Digest::of_path(&two.output_dir()).unwrap()
    );
}

#[test]
fn comparisons_and_words_are_shown() {
    let files = made(&Given::compared());
    let page = &files["index.html"];
    for words in [
        "first is better",
        "within the spread of seeds",
        "No network was given.",
    ] {
        assert!(page.contains(words), "`{words}`");
    }
    // The greatest weight is the darkest, a word that lowers is known without its colour, and no word is markup.
    let dull = "<span class=\"lowers\" style=\"--shade:60%\" title=\"−1.500\"><bdi>&lt;b&gt;dull&lt;&#x2f;b&gt;</bdi></span>";
    let saved =
        "<span class=\"raises\" style=\"--shade:30%\" title=\"0.7500\"><bdi>saved</bdi></span>";
    assert!(page.contains(dull) && page.contains(saved), "{page}");
    assert!(page.contains("</span> <bdi>film</bdi> <span"), "{page}");

    let pair = csv_row(&files, "scores-pairs", "net[network=a],net[network=b]");
    assert_eq!(
        pair[2..],
        ["-1.25", "-1.5", "-1", "0.002", "0.4", "first is better"]
    );
    let all = csv_row(&files, "scores-all", "test,mae");
    assert_eq!(all[4], "-0.2");
    assert_eq!(
        csv_row(&files, "scores-seeds", "net[network=a]")[1..],
        ["3", "4.5", "0.25", "4.25", "4.75"]
    );
    let gain = csv_row(&files, "lstm-deletion", "top words over random ones");
    assert_eq!(gain[1..3], ["occlusion", "1.125"]);
}

#[test]
fn nothing_given_is_said_and_no_crash() {
    let given = Given::nothing();
    let files = made(&given);
    for words in [
        "No table of reviews was given.",
        "No encoded reviews were given.",
        "No network was given.",
        "No comparisons were given",
        "No explanations were given",
        "No provenance was given",
        "No test figures",
    ] {
        assert!(
            files["index.html"].contains(words),
            "`{words}` is not on the page"
        );
    }
    assert!(files["summary.md"].contains("No test figures"));
}

#[test]
fn hostile_text_is_shown_as_text() {
    let given = Given::hostile();
    let files = made(&given);
    let page = &files["index.html"];
    assert!(
        page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;&#x2f;script&gt;"),
        "escaped text"
    );
    assert!(
        page.contains("␀␛[31m") && page.contains("[U+202E]"),
        "control characters are visible"
    );
    assert!(
        page.contains("<bdi>"),
        "text of others cannot turn the page around"
    );
    let summary = &files["summary.md"];
    for (name, text) in &files {
        // The page's own script has a line that begins with it and the mode it runs in.
        let own = |line: &str| line.starts_with("<script>\"use strict\"");
        let markup =
            |line: &str| line.contains("<script") && !line.starts_with("    ") && !own(line);
        assert!(
            name.ends_with(".csv") || !text.lines().any(markup),
            "`{name}` holds markup that is no code block's"
        );
        let hidden =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(
            !text.contains(hidden) || name.ends_with(".csv"),
            "`{name}` holds invisible characters"
        );
    }
    assert!(
        !summary.contains("| x |\n|"),
        "no cell breaks out of its row"
    );
    assert!(
        summary.contains("make run PIPELINE='x&"),
        "the command is quoted"
    );
}

#[test]
fn a_damaged_table_is_refused_by_name() {
    let given = Given::everything();
    let path = given.root().join("net/metrics.parquet");
    let mut bytes = fs_err::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs_err::write(&path, bytes).unwrap();
    let output = report(&given.task());
    assert_eq!(output.status.code(), Some(3));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("net/metrics.parquet` is not a readable Parquet file"),
        "{message}"
    );
    assert!(!given.output_dir().join("report").exists());
}

#[test]
fn files_on_a_plain_command_line_are_known_by_what_they_are() {
    let given = Given::everything();
    let out = given.root().join("made");
    let net = given.root().join("net");
    let output = Command::new(env!("CARGO_BIN_EXE_cinescore-report"))
        .arg("report")
        .args(["--nets".as_ref(), net.join("metrics.parquet").as_os_str()])
        .args(["--nets".as_ref(), net.join("history.parquet").as_os_str()])
        .args([
            "--reviews".as_ref(),
            given.root().join("reviews/reviews.parquet").as_os_str(),
        ])
        .args(["--title", "By hand", "--sample-rows", "0", "--out"])
        .arg(&out)
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let page = fs_err::read_to_string(out.join("report/index.html")).unwrap();
    assert!(page.contains("By hand") && page.contains("Trained for 5 epochs"));
    assert!(
        page.contains("No predictions were given.")
            && !page.contains("Some reviews with the titles")
    );
    assert!(
        !page.contains(given.root().to_str().unwrap()),
        "no place of this machine is on the page"
    );
}

#[test]
fn findings_that_an_audit_left_out_are_told() {
    let leak = ("exact_duplicates", "leak", "test, train");
    let warning = ("exact_duplicates", "warning", "train");
    let most = cinescore_artifact::tables::FINDINGS_LISTED;
    let findings = [vec![leak; 100], vec![warning; most - 100]].concat();
    let files = made(&Given::audited(&findings));
    let page = &files["index.html"];
    assert!(page.contains("100 leaks between the splits, and at least 900 warnings."));
    let rows = |severity: &str| {
        csv_row(
            &files,
            "audit-findings",
            &format!("exact duplicates,{severity}"),
        )
    };
    assert_eq!(rows("leak")[3], "100");
    assert_eq!(rows("warning")[3], "at least 900");

    let files = made(&Given::audited(&vec![leak; most]));
    assert!(
        files["index.html"].contains("at least 1,000 leaks between the splits, and 0 warnings.")
    );
}
