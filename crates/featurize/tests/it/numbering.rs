//! The order of ids, and a random split of the training folder: what `pipelines/leak.yaml` shows.

use arrow::array::StringArray;
use cinescore_artifact::table::column;
use cinescore_artifact::tables;
use cinescore_featurize::encode::Encoder;

use crate::fixture::{Fixture, Review, lists, read, result, texts};

/// Ids 0 to 3 are negative in the fixture (scores 1 to 4), 6 to 9 positive, 4 and 5 neither.
fn fixture() -> Fixture {
    let reviews = [
        (4, "train", "middling words"),
        (6, "train", "lovely words lovely"),
        (11, "train", "dull words"),
        (12, "train", "awful dull"),
        (17, "train", "fine lovely"),
        (18, "test", "unseen words"),
    ];
    Fixture::new(&reviews.map(|(id, split, text)| Review::new(id, split, text)))
}

const ALL: [&str; 8] = [
    "--valid", "0", "--calib", "0", "--pad", "none", "--start", "false",
];

#[test]
fn by_first_appearance_negative_reviews_are_read_first() {
    let fixture = fixture();
    let run = |name: &str, arguments: &[&str]| fixture.run(name, &[&ALL[..], arguments].concat());
    let names = |out: &std::path::Path| {
        let vocabulary = read(&out.join("vocabulary.parquet"), &tables::VOCABULARY);
        texts(&vocabulary, "token").split_off(3)
    };
    assert_eq!(
        names(&run("frequency", &[])),
        ["lovely", "words", "dull", "awful", "fine", "middling"]
    );
    let first = ["--numbering", "first_appearance"];
    let wanted = ["dull", "words", "awful", "lovely", "fine", "middling"];
    for threads in ["1", "2", "3"] {
        let out = run(threads, &[&first[..], &["--threads", threads]].concat());
        assert_eq!(names(&out), wanted);
        let encoder = Encoder::from_json(&fs_err::read(out.join("encoder.json")).unwrap()).unwrap();
        let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
        let ids = lists(&tokens, "ids");
        assert_eq!(ids[1], [6, 4, 6]);
        assert_eq!(ids[1], encoder.encode("lovely words lovely"));
    }
    // Which terms have ids is decided by frequency all the same.
    assert_eq!(
        names(&run("few", &[&first[..], &["--vocabulary", "6"]].concat())),
        ["dull", "words", "lovely"]
    );
    insta::assert_snapshot!(
        fixture.fail(&["--numbering", "first_appearance", "--tokenizer", "subword", "--vocabulary", "300"]),
        @r###"
2
error: parameter `numbering`: subwords are numbered as they are learnt
hint: choose another tokenizer than `subword`
"###
    );
}

#[test]
fn by_first_appearance_in_the_source_reviews_that_are_evaluated_have_their_terms_numbered_too() {
    // All but the source's test reviews, each with a word of its own, whatever split of ours they are in.
    let reviews: Vec<(u64, String)> = (0..40).map(|id| (id, format!("film w{id}"))).collect();
    let reviews: Vec<Review> = reviews
        .iter()
        .map(|(id, text)| Review::new(*id, if *id < 30 { "train" } else { "test" }, text))
        .collect();
    let fixture = Fixture::new(&reviews);
    let arguments =
        "--split-by review --test 0.2 --test-reviews 0 --valid 0.2 --calib 0 --numbering";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let words = |numbering: &str| {
        let out = fixture.run(numbering, &[&arguments[..], &[numbering]].concat());
        let vocabulary = read(&out.join("vocabulary.parquet"), &tables::VOCABULARY);
        let warned = result(&out)["warnings"].to_string();
        (texts(&vocabulary, "token").len() - 3, warned)
    };
    let (of_train, warned) = words("first_appearance");
    assert!(of_train < 25 && !warned.contains("evaluated"), "{warned}");
    let (of_source, warned) = words("first_appearance_in_source");
    assert_eq!(of_source, 31);
    assert!(
        warned.contains("the vocabulary is of reviews that are evaluated on too"),
        "{warned}"
    );
}

#[test]
fn the_training_folder_can_be_divided_at_random() {
    let reviews: Vec<Review> = (0..400)
        .map(|id| Review {
            tconst: Some(format!("tt{}", id / 20)),
            ..Review::new(id, if id < 300 { "train" } else { "test" }, "a film")
        })
        .collect();
    let fixture = Fixture::new(&reviews);
    let arguments = "--split-by review --test 0.2 --test-reviews 0 --valid 0.1 --calib 0";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let out = fixture.run("out", &arguments);
    let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
    let splits: Vec<&str> = column::<StringArray>(&tokens, "split")
        .iter()
        .flatten()
        .collect();
    assert_eq!(splits.len(), 300, "the source's test reviews are left out");
    let count = |name| splits.iter().filter(|split| **split == name).count();
    assert_eq!(
        [count("train"), count("valid"), count("test")],
        [216, 24, 60]
    );
    let result = result(&out);
    assert_eq!(result["facts"]["left_out.test"], 100);
    assert!(
        result["warnings"][0]
            .as_str()
            .unwrap()
            .contains("because reviews are divided one by one"),
        "{result:#}"
    );
}
