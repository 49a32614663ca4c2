//! Settings of the kind `text`, one by one, on a few reviews: what they do to the vocabulary and ids.

use arrow::array::UInt32Array;
use cinescore_artifact::table::column;
use cinescore_artifact::tables;
use cinescore_featurize::encode::Encoder;

use crate::fixture::{Fixture, Review, lists, read, result, texts};

const REVIEWS: [&str; 3] = [
    "I DON'T like these films!<br />See http://a.b/c: 9 ①",
    "Films are not good; the mice's film isn't good.",
    "",
];

fn fixture() -> Fixture {
    let reviews: Vec<Review> = (1..)
        .zip(REVIEWS)
        .map(|(id, text)| Review::new(id, "train", text))
        .collect();
    Fixture::new(&reviews)
}

/// The tokens of the vocabulary that some arguments give, sorted; each review must be encoded alike
/// by the encoder that was written.
fn vocabulary(arguments: &str) -> String {
    let fixture = fixture();
    let arguments: Vec<String> = arguments
        .replace(
            "STOP",
            &fixture.file("stop.txt", b"# mine\nfilm\nfilms\nnot\n"),
        )
        .replace(
            "LEMMAS",
            &fixture.file("lemmas.txt", b"films\tfilm\nmice's\tmouse\n"),
        )
        .split_whitespace()
        .map(String::from)
        .chain(
            "--valid 0 --calib 0 --pad none --max-length null"
                .split(' ')
                .map(String::from),
        )
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let out = fixture.run("out", &arguments);
    let encoder = Encoder::from_json(&fs_err::read(out.join("encoder.json")).unwrap()).unwrap();
    let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
    for (text, ids) in REVIEWS.iter().zip(lists(&tokens, "ids")) {
        assert_eq!(encoder.encode(text), ids);
        assert!(!ids.is_empty());
    }
    let vocabulary = read(&out.join("vocabulary.parquet"), &tables::VOCABULARY);
    let mut tokens = texts(&vocabulary, "token").split_off(3);
    tokens.sort();
    tokens.join(" ")
}

#[test]
fn each_step_changes_the_terms_as_it_says() {
    for (arguments, wanted) in [
        (
            "",
            "9 a.b are c don't film films good http i isn't like mice's not see the these ①",
        ),
        (
            "--strip-html false --lower-case false",
            "9 DON'T Films I See a.b are br c film films good http isn't like mice's not the these ①",
        ),
        (
            "--nfkc true --urls remove",
            "1 9 are don't film films good i isn't like mice's not see the these",
        ),
        (
            "--urls word --contractions true",
            "9 are do film films good i is like mice's not see the these url ①",
        ),
        (
            "--digits remove --apostrophes split",
            "a.b are c don film films good http i isn like mice not s see t the these ①",
        ),
        (
            "--tokenizer whitespace --punctuation remove",
            "9 are don't film films good httpabc i isn't like mice's not see the these ①",
        ),
        (
            "--tokenizer keras",
            "9 a are b c don't film films good http i isn't like mice's not see the these ①",
        ),
        (
            "--tokenizer sklearn",
            "are don film films good http isn like mice not see the these",
        ),
        (
            "--stop-words snowball_english --urls remove",
            "9 don't film films good isn't like mice's not see ①",
        ),
        (
            "--stop-words snowball_english --urls remove --negations drop",
            "9 film films good like mice's see ①",
        ),
        (
            "--stop-words file --stop-list STOP --urls remove",
            "9 are don't good i isn't like mice's not see the these ①",
        ),
        (
            "--lemmas LEMMAS --urls remove",
            "9 are don't film good i isn't like mouse not see the these ①",
        ),
        (
            "--stem english --urls remove",
            "9 are don't film good i isn't like mice not see the these ①",
        ),
        ("--min-count 2", "films good"),
        ("--vocabulary 5", "films good"),
    ] {
        assert_eq!(vocabulary(arguments), wanted, "{arguments}");
    }
}

#[test]
fn subwords_leave_nothing_unknown() {
    let fixture = fixture();
    let arguments =
        "--tokenizer subword --vocabulary 270 --valid 0 --calib 0 --min-count 2 --threads";
    let runs = ["1", "2"].map(|threads| {
        let arguments: Vec<&str> = arguments.split(' ').chain([threads]).collect();
        fixture.run(threads, &arguments)
    });
    for name in ["tokens.parquet", "vocabulary.parquet", "encoder.json"] {
        let [one, two] = [&runs[0], &runs[1]].map(|out| fs_err::read(out.join(name)).unwrap());
        assert!(one == two, "`{name}` differs");
    }
    let vocabulary = read(&runs[0].join("vocabulary.parquet"), &tables::VOCABULARY);
    let merged = texts(&vocabulary, "token").split_off(259);
    assert_eq!(merged.len(), 11);
    assert!(merged.contains(&"Ġfilm".to_owned()), "{merged:?}");
    assert_eq!(result(&runs[0])["metrics"]["oov.train"], 0.0);
    let encoder = Encoder::from_json(&fs_err::read(runs[0].join("encoder.json")).unwrap()).unwrap();
    assert!(!encoder.encode("漢字 🎬 never seen").contains(&2));
}

#[test]
fn lists_are_padded_to_the_longest_training_review() {
    let fixture = Fixture::new(&[
        Review::new(1, "train", "a b c"),
        Review::new(2, "train", ""),
        Review::new(3, "test", "a b c a b c"),
    ]);
    let shares = ["--valid", "0", "--calib", "0", "--max-length", "null"];
    let run = |name: &str, arguments: &[&str]| {
        let out = fixture.run(name, &[&shares[..], arguments].concat());
        lists(&read(&out.join("tokens.parquet"), &tables::TOKENS), "ids")
    };
    assert_eq!(
        run("post", &["--pad", "post", "--truncate", "post"]),
        [[1, 3, 4, 5], [1, 0, 0, 0], [1, 3, 4, 5]]
    );
    assert_eq!(
        run("pre", &["--start", "false"]),
        [[3, 4, 5], [0, 0, 2], [3, 4, 5]]
    );
}

#[test]
fn folds_take_turns_as_valid() {
    let reviews: Vec<Review> = (0..100)
        .map(|id| Review {
            tconst: Some(format!("tt{}", id % 25)),
            ..Review::new(id, if id < 90 { "train" } else { "test" }, "a film")
        })
        .collect();
    let fixture = Fixture::new(&reviews);
    let folds = fixture.run_kind("folds", "folds", &["--folds", "3"]);
    let table = folds.join("folds.parquet").display().to_string();
    let rows = read(&folds.join("folds.parquet"), &tables::FOLDS);
    let numbers = column::<UInt32Array>(&rows, "fold").values().to_vec();
    assert_eq!(numbers.len(), 90);
    for fold in ["0", "1", "2"] {
        let out = fixture.run(fold, &["--folds", &table, "--fold", fold, "--calib", "0"]);
        let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
        let splits = texts(&tokens, "split");
        for (number, split) in numbers.iter().zip(&splits) {
            assert_eq!(split == "valid", number.to_string() == fold);
        }
        assert!(splits[90..].iter().all(|split| split == "test"));
    }
    insta::assert_snapshot!([
        fixture.fail(&["--folds", &table]),
        fixture.fail(&["--folds", &table, "--fold", "3"]),
        fixture.fail_kind("folds", &["--folds", "30"]),
        fixture.fail_kind("folds", &["--folds", "1"]),
        fixture.fail_kind("folds", &["--split-by", "given"]),
    ].join("\n"), @r###"
2
error: parameter `fold` and input `folds` do not agree
hint: a fold needs both: the table as input, and the number of the fold that is `valid`

2
error: parameter `fold`: the table of folds has no fold 3
hint: its folds are 0 to 2

3
error: fold 25 of 30 would have no review: there are 90 training reviews
hint: ask for fewer folds, or divide by `review`

2
error: parameter `folds` of `folds`: 1 is less than the minimum of 2

2
error: parameter `split_by`: the table of reviews gives no folds
hint: choose `movie` or `review`
"###);
}
