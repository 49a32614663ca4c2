//! The kind `bags` on small tables.

use arrow::array::{AsArray as _, Float32Array, ListArray, StringArray, UInt32Array};
use arrow::datatypes::{Float32Type, UInt32Type};
use cinescore_artifact::table::column;
use cinescore_artifact::tables;
use cinescore_featurize::bags::BagEncoder;

use crate::fixture::{Fixture, Review, read, result};

const TEXTS: [&str; 6] = [
    "good film, good fun",
    "bad film, not good",
    "not bad",
    "",
    "a word of its own",
    "good film",
];

fn fixture() -> Fixture {
    // The fixture's scores are the numbers' last digits and one: 8 to 10 are good, 1 to 4 bad.
    let reviews: Vec<Review> = [8, 11, 12, 13, 14, 17]
        .into_iter()
        .zip(TEXTS)
        .map(|(id, text)| Review::new(id, if id < 14 { "train" } else { "test" }, text))
        .collect();
    Fixture::new(&reviews)
}

const ALL: [&str; 4] = ["--valid", "0", "--calib", "0"];

#[test]
fn a_bag_is_of_the_training_splits_ngrams_and_alone_as_in_the_table() {
    let fixture = fixture();
    for (values, indices) in [
        ("counts", "vocabulary"),
        ("binary", "vocabulary"),
        ("tf_idf", "vocabulary"),
        ("log_count_ratio", "vocabulary"),
        ("tf_idf", "hashed"),
    ] {
        let arguments = [
            "--values",
            values,
            "--indices",
            indices,
            "--ngrams",
            "3",
            "--size",
            "64",
        ];
        let name = format!("{values}-{indices}");
        let out = fixture.run_kind("bags", &name, &[&ALL[..], &arguments].concat());
        let bags = read(&out.join("bags.parquet"), &tables::BAGS);
        let encoder = BagEncoder::from_json(&fs_err::read(out.join("bags.json")).unwrap()).unwrap();
        let (indices, values): (&ListArray, &ListArray) =
            (column(&bags, "indices"), column(&bags, "values"));
        assert_eq!(bags.num_rows(), TEXTS.len());
        for (row, text) in TEXTS.iter().enumerate() {
            let (indices, values) = (indices.value(row), values.value(row));
            let bag: Vec<(u32, f32)> = indices
                .as_primitive::<UInt32Type>()
                .values()
                .iter()
                .copied()
                .zip(
                    values
                        .as_primitive::<Float32Type>()
                        .values()
                        .iter()
                        .copied(),
                )
                .collect();
            assert_eq!(encoder.encode(text), bag, "{name}: {text}");
        }
    }
}

#[test]
fn ngrams_are_chosen_by_count_and_weighed_on_the_training_split() {
    let arguments = [
        "--values",
        "log_count_ratio",
        "--min-count",
        "2",
        "--ngrams",
        "2",
    ];
    let fixture = fixture();
    let out = fixture.run_kind("bags", "out", &[&ALL[..], &arguments].concat());
    let ngrams = read(&out.join("ngrams.parquet"), &tables::NGRAMS);
    let names: Vec<&str> = column::<StringArray>(&ngrams, "ngram")
        .iter()
        .flatten()
        .collect();
    assert_eq!(names, ["good", "bad", "film", "not"]);
    assert_eq!(
        column::<UInt32Array>(&ngrams, "index").values(),
        &[0, 1, 2, 3]
    );
    // One good review (good, film), three bad ones (bad twice, film, not twice, good): with 1 added to
    // each, 2 of 6 against 2 of 10 for `good`.
    let weights = column::<Float32Array>(&ngrams, "weight").values().to_vec();
    let wanted = [(2.0 / 6.0) / (2.0 / 10.0), (1.0 / 6.0) / (3.0 / 10.0)];
    for (weight, wanted) in weights.iter().zip(wanted) {
        assert!((weight - f32::ln(wanted)).abs() < 1e-6, "{weights:?}");
    }
    // The empty review and the one of other words.
    assert_eq!(result(&out)["facts"]["empty_bags"], 2);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let reviews: Vec<Review> = (0..3000)
        .map(|id| {
            Review::new(
                id,
                "train",
                &format!("w{} w{} w{} film", id % 7, id % 11, id % 13),
            )
        })
        .collect();
    let fixture = Fixture::new(&reviews);
    let runs = ["1", "2", "3"]
        .map(|threads| fixture.run_kind("bags", threads, &["--threads", threads, "--size", "100"]));
    for name in ["bags.parquet", "ngrams.parquet", "bags.json"] {
        let [one, two, three] = [0, 1, 2].map(|run| fs_err::read(runs[run].join(name)).unwrap());
        assert!(one == two && two == three, "`{name}` differs");
    }
}

/// Reviews of sentences of a determiner, a noun and an adjective, of which the good ones and the bad ones differ.
fn sentences() -> (Fixture, Vec<Review>) {
    let mut chance = 7_u64;
    let mut draw = |words: &[&'static str]| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        words[(chance >> 33) as usize % words.len()]
    };
    let reviews: Vec<Review> = (0..300)
        .map(|id| {
            let adjectives = match id % 10 {
                0..=4 => ["dull", "dreary", "dire"],
                _ => ["great", "grand", "good"],
            };
            let mut sentence = || {
                let noun = draw(&["film", "plot", "scene", "cast"]);
                format!(
                    "{} {noun} is {} {}",
                    draw(&["the", "this"]),
                    draw(&["so", "very"]),
                    draw(&adjectives)
                )
            };
            let text = format!("{} {}", sentence(), sentence());
            Review::new(id, if id < 250 { "train" } else { "test" }, &text)
        })
        .collect();
    (Fixture::new(&reviews), reviews)
}

#[test]
fn ngrams_with_word_classes_are_counted_and_alone_as_in_the_table() {
    let (fixture, reviews) = sentences();
    let classes = ["--classes", "5", "--values", "log_count_ratio"];
    let out = fixture.run_kind("bags", "out", &[&ALL[..], &classes].concat());
    assert_eq!(result(&out)["facts"]["word_classes"], 5);
    let ngrams = read(&out.join("ngrams.parquet"), &tables::NGRAMS);
    let names: Vec<&str> = column::<StringArray>(&ngrams, "ngram")
        .iter()
        .flatten()
        .collect();
    let encoder = BagEncoder::from_json(&fs_err::read(out.join("bags.json")).unwrap()).unwrap();
    let has = |text: &str, name: &str| {
        let index = names.iter().position(|known| *known == name).unwrap();
        encoder
            .encode(text)
            .iter()
            .any(|(found, _value)| *found as usize == index)
    };
    // A class is called after its most frequent word, which is listed first.
    let file: serde_json::Value =
        serde_json::from_slice(&fs_err::read(out.join("bags.json")).unwrap()).unwrap();
    let classes_of_words = file["bag"]["classes"].as_array().unwrap();
    for noun in ["film", "plot", "scene", "cast"] {
        let own = classes_of_words
            .iter()
            .map(|words| words.as_array().unwrap());
        let own = own.filter(|words| words.iter().any(|word| word == noun));
        let names: Vec<&str> = own.filter_map(|words| words[0].as_str()).collect();
        let [name] = names[..] else {
            panic!("{noun} is in {names:?}");
        };
        let text = format!("this {noun} is so dull");
        for with_class in [format!("this {{{name}}}"), format!("{{{name}}} is so")] {
            assert!(has(&text, &with_class), "{text}: {with_class}");
        }
        assert!(!has("this xyz is so dull", &format!("this {{{name}}}")));
    }

    let bags = read(&out.join("bags.parquet"), &tables::BAGS);
    let (indices, values): (&ListArray, &ListArray) =
        (column(&bags, "indices"), column(&bags, "values"));
    for (row, Review { text, .. }) in reviews.iter().enumerate() {
        let (indices, values) = (indices.value(row), values.value(row));
        let indices = indices.as_primitive::<UInt32Type>().values();
        let values = values.as_primitive::<Float32Type>().values();
        let bag: Vec<(u32, f32)> = indices
            .iter()
            .copied()
            .zip(values.iter().copied())
            .collect();
        assert_eq!(encoder.encode(text), bag, "{text}");
    }
    let again = fixture.run_kind(
        "bags",
        "again",
        &[&ALL[..], &classes, &["--threads", "3"]].concat(),
    );
    for name in ["bags.parquet", "ngrams.parquet", "bags.json"] {
        let both = [&out, &again].map(|out| fs_err::read(out.join(name)).unwrap());
        assert!(both[0] == both[1], "`{name}` differs");
    }
}

#[test]
fn classes_are_learned_from_unlabelled_texts_where_that_is_asked_for() {
    let (_fixture, mut reviews) = sentences();
    // `saga` stands where `film` does, in reviews without a label; `plot` is called `story` in the test split.
    for review in &mut reviews {
        if review.split == "test" {
            review.text = review.text.replace("plot", "story");
        } else if review.id % 2 == 1 {
            review.text = review.text.replace("film", "saga");
            review.split = "unlabelled";
        }
    }
    let fixture = Fixture::new(&reviews);
    for (from, known) in [("train", false), ("unlabelled", true)] {
        let arguments = ["--classes", "5", "--classes-from", from, "--min-count", "3"];
        let out = fixture.run_kind("bags", from, &[&ALL[..], &arguments].concat());
        let json = fs_err::read_to_string(out.join("bags.json")).unwrap();
        assert_eq!(json.contains("\"saga\""), known, "{from}");
        assert!(!json.contains("\"story\""), "{from}");
        assert_eq!(result(&out)["facts"]["reviews.train"], 125);
        // N-grams are those of the training split, and counted as texts are encoded.
        let ngrams = read(&out.join("ngrams.parquet"), &tables::NGRAMS);
        let counts = column::<arrow::array::UInt64Array>(&ngrams, "count");
        assert!(counts.values().iter().all(|count| *count >= 3), "{from}");
    }
    // Without test reviews of the source, those that are left out are not read either.
    let arguments = [
        "--classes",
        "5",
        "--classes-from",
        "unlabelled",
        "--test-reviews",
        "0",
    ];
    let out = fixture.run_kind("bags", "no_test", &[&ALL[..], &arguments].concat());
    assert!(
        !fs_err::read_to_string(out.join("bags.json"))
            .unwrap()
            .contains("\"story\"")
    );
}

#[test]
fn texts_of_which_no_class_can_be_learned_have_plain_ngrams() {
    for (name, texts) in [
        ("rare", vec!["a b c d", "e f g h a b"]),
        ("one", vec!["a a a a a a", "a a a"]),
    ] {
        let reviews: Vec<Review> = (7..)
            .zip(texts)
            .map(|(id, text)| Review::new(id, "train", text))
            .collect();
        let fixture = Fixture::new(&reviews);
        let plain = fixture.run_kind("bags", &format!("{name}-plain"), &ALL);
        let out = fixture.run_kind("bags", name, &[&ALL[..], &["--classes", "5"]].concat());
        for table in ["bags.parquet", "ngrams.parquet"] {
            assert!(
                fs_err::read(out.join(table)).unwrap() == fs_err::read(plain.join(table)).unwrap()
            );
        }
        assert_eq!(result(&out)["facts"]["word_classes"], 0);
    }
}

#[test]
fn terms_that_are_written_as_classes_are_no_error() {
    let (_fixture, mut reviews) = sentences();
    for review in &mut reviews {
        review.text = format!("{{is}} {{}} so {}", review.text);
    }
    let fixture = Fixture::new(&reviews);
    let arguments = ["--classes", "5", "--tokenizer", "whitespace"];
    let out = fixture.run_kind("bags", "out", &[&ALL[..], &arguments].concat());
    BagEncoder::from_json(&fs_err::read(out.join("bags.json")).unwrap()).unwrap();
}

#[test]
fn what_gives_no_bags_is_refused() {
    let good = fixture();
    let one_sided = Fixture::new(&[Review::new(8, "train", "a film a film")]);
    let messages = [
        good.fail_kind("bags", &["--tokenizer", "subword"]),
        good.fail_kind("bags", &["--min-count", "50"]),
        good.fail_kind("bags", &["--ngrams", "4"]),
        good.fail_kind("bags", &["--classes", "9", "--indices", "hashed"]),
        one_sided.fail_kind("bags", &["--values", "log_count_ratio"]),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r###"
2
error: parameter `tokenizer`: bags are of whole words
hint: choose another tokenizer than `subword`

3
error: no n-gram occurs 50 times in the training split
hint: lower `min_count`

2
error: parameter `ngrams` of `bags`: 4 is greater than the maximum of 3

2
error: parameter `classes`: hashed n-grams come of words that nobody counts, and classes are of counted ones
hint: choose `indices: vocabulary`, or `classes: 0`

3
error: log-count ratios need positive and negative training reviews
hint: choose other `values`, or give reviews with both labels
"###);
}
