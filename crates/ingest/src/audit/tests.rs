//! The checks, each on reviews that have what it looks for and on reviews that have not.

use super::*;

fn row(id: u64, split: &str, polarity: u8, text: impl Into<String>) -> Row {
    Row {
        id,
        split: split.into(),
        tconst: None,
        score: None,
        polarity: Some(polarity),
        text: text.into(),
    }
}

/// A text of numbered words, all of them its own.
fn words(from: usize, count: usize) -> String {
    let words: Vec<String> = (from..from + count)
        .map(|word| format!("w{word}"))
        .collect();
    words.join(" ")
}

#[test]
fn duplicates_within_and_across_splits_are_told_apart() {
    let rows = [
        row(1, "train", 1, words(0, 200)),
        row(2, "test", 1, words(0, 200)),
        row(3, "train", 1, words(1000, 200)),
        row(4, "train", 1, words(1000, 200)),
        row(5, "unlabelled", 1, words(0, 200)),
        // Three new words at the end, and other capitals: 0.97.
        row(
            6,
            "test",
            0,
            format!("{} X Y z", words(1000, 200).to_uppercase()),
        ),
        // Half new words.
        row(7, "test", 0, words(1100, 200)),
    ];
    let exact = duplicates::exact(&rows);
    let found: Vec<_> = exact
        .iter()
        .map(|finding| (finding.reviews, finding.severity))
        .collect();
    assert_eq!(
        found,
        [
            ([Some(1), Some(2)], Severity::Leak),
            ([Some(3), Some(4)], Severity::Warning),
            ([Some(1), Some(5)], Severity::Warning),
        ]
    );
    let near = duplicates::near(&rows, 0.8);
    let found: Vec<_> = near
        .iter()
        .map(|finding| (finding.reviews, finding.severity))
        .collect();
    assert_eq!(
        found,
        [
            ([Some(3), Some(6)], Severity::Leak),
            ([Some(4), Some(6)], Severity::Leak)
        ]
    );
    assert!((0.96..0.99).contains(&near[0].value), "{}", near[0].value);
}

#[test]
fn a_copy_that_comes_first_hides_no_leak() {
    let found = |splits: &[&str]| -> Vec<_> {
        let rows: Vec<Row> = (1..)
            .zip(splits)
            .map(|(id, split)| row(id, split, 1, "the same"))
            .collect();
        duplicates::exact(&rows)
            .iter()
            .map(|finding| (finding.reviews.map(Option::unwrap), finding.severity))
            .collect()
    };
    assert_eq!(
        found(&["unlabelled", "train", "test"]),
        [([1, 2], Severity::Warning), ([2, 3], Severity::Leak)]
    );
    // Nor does one of the same split.
    assert_eq!(
        found(&["train", "test", "train", "train"]),
        [
            ([1, 2], Severity::Leak),
            ([2, 3], Severity::Leak),
            ([2, 4], Severity::Leak)
        ]
    );
    assert_eq!(
        found(&["unlabelled", "unlabelled", "train", "train"]),
        [
            ([1, 2], Severity::Warning),
            ([1, 3], Severity::Warning),
            ([1, 4], Severity::Warning)
        ]
    );
}

#[test]
fn of_too_many_findings_the_worst_are_listed_in_their_order() {
    // Every thirtieth pair is one of train and test.
    let rows: Vec<Row> = (0..6000)
        .map(|id| {
            let split = if id % 60 == 59 { "test" } else { "train" };
            row(id, split, 1, format!("text {}", id / 2))
        })
        .collect();
    let findings = duplicates::exact(&rows);
    let listed = listed(&findings);
    assert_eq!((findings.len(), listed.len()), (3000, FINDINGS_LISTED));
    let leaks = listed
        .iter()
        .filter(|finding| finding.severity == Severity::Leak);
    assert_eq!(leaks.count(), 100);
    assert!(listed.is_sorted_by_key(|finding| finding.reviews));
    let warned = listed
        .iter()
        .filter(|finding| finding.severity == Severity::Warning);
    assert!(
        warned.eq(findings
            .iter()
            .filter(|finding| finding.severity == Severity::Warning)
            .take(FINDINGS_LISTED - 100)
            .collect::<Vec<_>>()
            .iter())
    );
}

#[test]
fn movies_in_two_splits_and_contradictions_are_found() {
    let mut rows = [
        row(1, "train", 1, "a"),
        row(2, "test", 1, "b"),
        row(3, "unlabelled", 1, "c"),
        row(4, "test", 1, "d"),
    ];
    for (row, tconst) in rows.iter_mut().zip(["tt1", "tt1", "tt2", "tt2"]) {
        row.tconst = Some(tconst.into());
        row.score = Some(row.id as u8);
    }
    let movies = movies_in_two_splits(&rows);
    assert_eq!(movies.len(), 1);
    assert_eq!(
        movies[0].text,
        "`tt1` has reviews in two splits: 1 in test, 1 in train"
    );
    rows[0].polarity = Some(0);
    assert_eq!(labels::contradictions(&rows).len(), 3);
    assert_eq!(
        labels::contradictions(&rows)[0].text,
        "review 2 has 2 stars and polarity 1"
    );
}

fn leaks(label: impl Fn(u64) -> u8) -> Vec<&'static str> {
    let rows: Vec<Row> = (0..2000)
        .map(|id| row(id, "train", label(id), "x"))
        .collect();
    let mut leaks: Vec<&str> = labels::predictable(&rows)
        .into_iter()
        .filter(|finding| finding.severity == Severity::Leak)
        .map(|finding| finding.check)
        .collect();
    leaks.dedup();
    leaks
}

#[test]
fn labels_that_follow_from_id_or_order_are_leaks() {
    assert_eq!(
        leaks(|id| u8::from(id < 1000)),
        ["predictable_from_id", "predictable_from_order"]
    );
    assert_eq!(
        leaks(|id| u8::from(id % 10 < 3)),
        ["predictable_from_id", "predictable_from_order"]
    );
    // Pairs in random order: neighbours agree too often, and nothing else.
    let random =
        |id: u64| (id.wrapping_add(99).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8 & 1;
    assert_eq!(
        leaks(|id| random(id / 2 * 7919 % 6007)),
        ["predictable_from_order"]
    );
    assert!(leaks(|id| random(id * 7919 % 6007)).is_empty());
}

#[test]
fn a_rare_class_is_a_warning() {
    let rows: Vec<Row> = (0..100)
        .map(|id| row(id, "train", u8::from(id < 10), "x"))
        .collect();
    let [balance] = &labels::balance(&rows)[..] else {
        panic!("one split, one finding")
    };
    assert_eq!((balance.severity, balance.value), (Severity::Warning, 0.1));
}
