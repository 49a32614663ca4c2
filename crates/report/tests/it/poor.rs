//! Inputs with little in them give a page that says so; those that few reports have are shown.

use crate::given::Given;
use crate::{csv_row, made};

#[test]
fn one_class_no_title_one_epoch_and_a_failed_network_are_said() {
    let files = made(&Given::poor());
    let page = &files["index.html"];
    for words in [
        "No test figures",
        "IMDb&#x27;s title was found for 0 (0.0 %)",
        "Trained for 1 epoch; the table does not say which epoch&#x27;s weights were kept.",
        "No predictions were given.",
        "No predictions for test reviews were given",
        "No tests of genres, years and running times were given",
        "not a number",
    ] {
        assert!(page.contains(words), "`{words}`");
    }
    assert_eq!(
        csv_row(&files, "failed-lstm-metrics", "test,accuracy")[2],
        ""
    );
    assert!(
        !files.contains_key("plots/reviews-decades.svg"),
        "a plot of nothing"
    );
}

#[test]
fn tables_without_a_row_give_a_page() {
    let files = made(&Given::tables_without_rows());
    let page = &files["index.html"];
    for words in [
        "0 reviews.",
        "No row was refused.",
        "The table of attributions is empty.",
        "No review with a polarity has a title",
    ] {
        assert!(page.contains(words), "`{words}` in {page}");
    }
}

#[test]
fn sweeps_held_out_scores_and_times_are_shown() {
    let given = Given::searched();
    let files = made(&given);
    let page = &files["index.html"];
    for words in [
        "The missing middle",
        "With one kind of network there is nothing to compare.",
        "4 trials of <code>net</code>, judged by valid.accuracy, of which more is better. 3 trials went as far",
        "Times of run 20261121-demo",
        ">431.5<",
    ] {
        assert!(page.contains(words), "`{words}`");
    }
    // The network that was kept from the score is measured at it alone.
    let placed = csv_row(&files, "missing-middle", "lstm_unseen");
    assert_eq!((placed[2].as_str(), placed[3].as_str()), ("4", "held out"));
    let means = csv_row(&files, "lstm-unseen-means", "4");
    assert_eq!(
        placed[4..7],
        [&means[1], &means[2], &means[3]].map(String::as_str)
    );
    // 50 units have 0.85 and 0.8, 100 units 0.9: a quarter is within the groups, twice that adjusted for two groups of three.
    let part: f64 = csv_row(&files, "net-importance", "units")[1]
        .parse()
        .unwrap();
    assert!((part - 0.5).abs() < 1e-9, "{part}");
    assert!(files.contains_key("plots/net-trials.svg"));
}
