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

#[test]
fn what_gives_no_bags_is_refused() {
    let good = fixture();
    let one_sided = Fixture::new(&[Review::new(8, "train", "a film a film")]);
    let messages = [
        good.fail_kind("bags", &["--tokenizer", "subword"]),
        good.fail_kind("bags", &["--min-count", "50"]),
        good.fail_kind("bags", &["--ngrams", "4"]),
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

3
error: log-count ratios need positive and negative training reviews
hint: choose other `values`, or give reviews with both labels
"###);
}
