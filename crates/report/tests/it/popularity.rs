//! A report on windows.

use crate::given::Given;
use crate::{csv_row, made};

#[test]
fn a_report_on_popularity_says_who_beats_whom_and_draws_what_came() {
    let files = made(&Given::popularity());
    let page = &files["index.html"];
    for words in [
        "gru beats every baseline.",
        "rnn does not beat every baseline: it is worse than ridge of wide; not told apart from ridge of baseline.",
        "Ratings over time",
        "Movies by ratings",
        "After the first rating",
        "Genres over time",
        "What remains of the past",
        "What goes with the next value",
        "Error by tenth of the movies",
        "Error by age of the movie",
    ] {
        assert!(page.contains(words), "`{words}` is not on the page");
    }
    // There are no reviews, and nothing is said of them.
    for never in ["No table of reviews", "Words that decided", "not a number"] {
        let around = page.find(never).map(|at| &page[at.saturating_sub(600)..at]);
        assert!(
            around.is_none(),
            "`{never}` is on the page, behind {around:?}"
        );
    }
    // The movies with the most ratings, and not the fifth one.
    for movie in [17, 20, 50, 90] {
        assert!(page.contains(&format!("Movie {movie}<")), "{movie}");
    }
    assert!(!files.contains_key("tables/movie-3.csv"));
    assert!(files["plots/movie-90.svg"].contains("share of all ratings"));
    let row = csv_row(&files, "movie-90", "190");
    // (190 x 7 + 90) mod 5, and 9.
    assert_eq!(row[1], "0.09");
    // The network and the baseline that are best on validation.
    assert_eq!(row[2..], ["0.025", "0.017"]);
    let row = csv_row(&files, "error-by-tenth-of-the-movies", "10");
    assert_eq!(row, ["10", "30", "0.01", "0.01", "0.01"]);
    let row = csv_row(&files, "what-goes-with-the-next-value", "age");
    assert_eq!(row, ["age", "-0.5", "90"]);
}

#[test]
fn a_report_on_reviews_has_no_popularity() {
    let files = made(&Given::everything());
    for never in ["id=\"popularity\"", "id=\"forecasts\""] {
        assert!(!files["index.html"].contains(never), "{never}");
    }
}
