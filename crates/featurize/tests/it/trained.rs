//! The kind `vectors` where it trains them.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::tables;

use crate::fixture::{Fixture, Review, read, result, texts};
use crate::real::{archive, reviews};

/// The vectors of a `vectors.txt`, by word, each of length 1.
fn unit_vectors(out: &Path) -> BTreeMap<String, Vec<f64>> {
    let text = fs_err::read_to_string(out.join("vectors.txt")).unwrap();
    let line = |line: &str| {
        let mut fields = line.split(' ');
        let word = fields.next().unwrap().to_owned();
        let vector: Vec<f64> = fields.map(|field| field.parse().unwrap()).collect();
        let length = vector
            .iter()
            .map(|number| number * number)
            .sum::<f64>()
            .sqrt();
        (
            word,
            vector.into_iter().map(|number| number / length).collect(),
        )
    };
    text.lines().map(line).collect()
}

/// The words that are nearest to one, by the angle between vectors.
fn nearest(vectors: &BTreeMap<String, Vec<f64>>, word: &str, count: usize) -> Vec<String> {
    let own = &vectors[word];
    let likeness = |vector: &[f64]| -> f64 { own.iter().zip(vector).map(|(a, b)| a * b).sum() };
    let mut others: Vec<(f64, &String)> = vectors
        .iter()
        .filter(|(other, _vector)| *other != word)
        .map(|(other, vector)| (likeness(vector), other))
        .collect();
    others.sort_by(|a, b| b.0.total_cmp(&a.0));
    others
        .into_iter()
        .take(count)
        .map(|(_likeness, other)| other.clone())
        .collect()
}

/// Reviews in which `good` and `great` stand in the same places, and so do `film` and `movie`.
fn small() -> Fixture {
    let reviews: Vec<Review> = (0..600)
        .map(|id| {
            let pick = |n: u64, words: &[&'static str]| words[(id / n) as usize % words.len()];
            let text = format!(
                "the {} {} was {} and the {} played {}",
                pick(1, &["old", "new", "long"]),
                pick(2, &["film", "movie"]),
                pick(3, &["good", "great", "so good", "so great"]),
                pick(5, &["actor", "actress"]),
                pick(7, &["well", "badly", "the piano"]),
            );
            Review::new(id, if id < 500 { "train" } else { "test" }, &text)
        })
        .collect();
    Fixture::new(&reviews)
}

fn train(fixture: &Fixture, tokens: &[&str], name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let shares = [
        "--valid",
        "0",
        "--calib",
        "0",
        "--pad",
        "none",
        "--max-length",
        "null",
    ];
    let out = fixture.run(&format!("tokens-{name}"), &[&shares[..], tokens].concat());
    let [vocabulary, tokens] =
        ["vocabulary.parquet", "tokens.parquet"].map(|file| out.join(file).display().to_string());
    let inputs = ["--vocabulary", &vocabulary, "--tokens", &tokens];
    fixture.run_kind("vectors", name, &[&inputs[..], arguments].concat())
}

#[test]
fn words_of_the_same_places_have_like_vectors_whatever_the_threads() {
    let fixture = small();
    let arguments = ["--dimensions", "8", "--window", "3", "--threads"];
    let runs = ["1", "2", "3"].map(|threads| {
        train(
            &fixture,
            &[],
            threads,
            &[&arguments[..], &[threads]].concat(),
        )
    });
    for name in ["vectors.parquet", "vectors.txt"] {
        let [one, two, three] = [0, 1, 2].map(|run| fs_err::read(runs[run].join(name)).unwrap());
        assert!(one == two && two == three, "`{name}` differs");
    }
    let vectors = unit_vectors(&runs[0]);
    for (word, other) in [("good", "great"), ("film", "movie"), ("actor", "actress")] {
        assert_eq!(nearest(&vectors, word, 1), [other]);
    }
    let table = read(&runs[0].join("vectors.parquet"), &tables::VECTORS);
    let sources = texts(&table, "source");
    assert_eq!(sources[..3], ["zero", "random", "random"]);
    assert!(sources[3..].iter().all(|source| source == "trained"));
    assert_eq!(result(&runs[0])["facts"]["dimensions"], 8);

    // What was trained is read as a published file is, and gives the same numbers.
    let file = runs[0].join("vectors.txt").display().to_string();
    let vocabulary = runs[0]
        .parent()
        .unwrap()
        .join("tokens-1/vocabulary.parquet");
    let inputs = [
        "--vocabulary",
        &vocabulary.display().to_string(),
        "--file",
        &file,
    ];
    let again = fixture.run_kind("vectors", "again", &inputs);
    let read_again = read(&again.join("vectors.parquet"), &tables::VECTORS);
    assert_eq!(read_again.column(1), table.column(1));
}

#[test]
fn words_that_stand_alone_get_a_vector_by_rule() {
    let fixture = Fixture::new(&[
        Review::new(1, "train", "a b a b"),
        Review::new(2, "train", "alone"),
        Review::new(3, "test", "alone a"),
    ]);
    let out = train(
        &fixture,
        &[],
        "out",
        &["--dimensions", "50", "--missing", "zero"],
    );
    let sources = texts(
        &read(&out.join("vectors.parquet"), &tables::VECTORS),
        "source",
    );
    assert_eq!(sources[3..], ["trained", "trained", "zero"]);
}

#[test]
fn what_gives_no_vectors_is_refused() {
    let fixture = Fixture::new(&[
        Review::new(1, "train", "alone"),
        Review::new(2, "test", "a b"),
    ]);
    let other = Fixture::new(&[Review::new(1, "train", "a b c d e f")]);
    let out = fixture.run("tokens", &["--valid", "0", "--calib", "0"]);
    let others = other.run("tokens", &["--valid", "0", "--calib", "0"]);
    let path = |out: &Path, file: &str| out.join(file).display().to_string();
    let vocabulary = path(&out, "vocabulary.parquet");
    let [own, others] = [&out, &others].map(|out| path(out, "tokens.parquet"));
    let run = |arguments: &[&str]| {
        let common = ["--vocabulary", vocabulary.as_str()];
        fixture.fail_kind("vectors", &[&common[..], arguments].concat())
    };
    insta::assert_snapshot!([
        run(&["--tokens", &own]),
        run(&["--tokens", &others]),
        run(&[]),
        run(&["--tokens", &own, "--file", &own]),
    ].join("\n"), @r###"
3
error: the training split of `tokens` has no two words that stand near each other

3
error: review 0 of `tokens` has the id 4, and the vocabulary has 4 ids: they do not belong together

2
error: neither the input `file` nor `tokens` is there
hint: give a file of vectors, or the table `tokens` to train them on

2
error: the inputs `file` and `tokens` exclude each other
hint: vectors come from a file, or are trained on tokens: give one
"###);
}

/// On a fifth of Stanford's training reviews; skipped, loudly, where they are absent.
#[test]
fn real_reviews_give_neighbours_of_like_meaning() {
    let Some(archive) = archive() else { return };
    let fixture = Fixture::new(&reviews(&archive));
    let tokens = [
        "--vocabulary",
        "5000",
        "--train-reviews",
        "5000",
        "--test-reviews",
        "1",
    ];
    let out = train(
        &fixture,
        &tokens,
        "out",
        &["--dimensions", "50", "--threads", "2"],
    );
    let vectors = unit_vectors(&out);
    for (word, other) in [
        ("great", "excellent"),
        ("terrible", "awful"),
        ("two", "three"),
        ("she", "he"),
    ] {
        let near = nearest(&vectors, word, 10);
        assert!(near.iter().any(|near| near == other), "{word}: {near:?}");
    }
}
