//! The kind `text` on small tables.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{
    Array, Int32Array, ListArray, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use cinescore_artifact::encoder::{BagEncoderFile, EncoderFile, TERMS_KEY};
use cinescore_artifact::table::{TableReader, column};
use cinescore_artifact::tables;
use cinescore_featurize::encode::Encoder;

use crate::fixture::{Fixture, Review, read, result};

const OUTPUTS: [&str; 4] = [
    "tokens.parquet",
    "vocabulary.parquet",
    "buckets.parquet",
    "encoder.json",
];

/// 3,000 training reviews and 200 test reviews, several batches, of words whose frequency falls with
/// their number; up to 30 reviews a movie.
fn many() -> Vec<Review> {
    let words = |id: u64| -> String {
        let word = |n: u64| format!("w{} ", (id * 7919 + n * n * 104_729) % (1 + (id + n) % 500));
        (0..id % 60).map(word).collect::<String>() + "Déjà vu<br />THE &amp; end 🎬"
    };
    (0..3200)
        .map(|id| {
            let split = if id < 3000 { "train" } else { "test" };
            let tconst = (id % 11 != 0).then(|| format!("tt{split}{}", id % 177));
            Review {
                tconst,
                ..Review::new(id, split, &words(id))
            }
        })
        .collect()
}

#[test]
fn the_tables_of_ids_say_which_terms_these_stand_for() {
    let fixture = Fixture::new(&[
        Review::new(2, "train", "the film"),
        Review::new(9, "train", "the show"),
    ]);
    let shares = ["--valid", "0", "--calib", "0"];
    let said = |file: &Path, spec| TableReader::open(file, spec).unwrap().note(TERMS_KEY);
    let out = fixture.run("out", &shares);
    let encoder: EncoderFile = read_json(&out.join("encoder.json"));
    let tokens = said(&out.join("tokens.parquet"), &tables::TOKENS);
    assert_eq!(tokens, Some(encoder.terms().to_string()));

    let out = fixture.run_kind(
        "bags",
        "bags",
        &[&shares[..], &["--values", "counts"]].concat(),
    );
    let encoder: BagEncoderFile = read_json(&out.join("bags.json"));
    let bags = said(&out.join("bags.parquet"), &tables::BAGS);
    assert_eq!(bags, Some(encoder.terms().to_string()));
    assert_ne!(bags, tokens);
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> T {
    serde_json::from_slice(&fs_err::read(file).unwrap()).unwrap()
}

#[test]
fn every_review_gets_its_row() {
    let fixture = Fixture::new(&[
        Review::new(2, "train", "The film<br />is the &quot;best&quot;"),
        Review::new(3, "train", "the film"),
        Review::new(5, "train", ""),
        Review::new(8, "test", "unseen film"),
        Review::new(9, "unlabelled", "left out"),
    ]);
    let out = fixture.run(
        "out",
        &[
            "--vocabulary",
            "5",
            "--valid",
            "0",
            "--calib",
            "0",
            "--max-length",
            "4",
            "--threads",
            "2",
            "--json",
        ],
    );
    let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
    assert_eq!(
        column::<UInt64Array>(&tokens, "review_id").values(),
        &[2, 3, 5, 8]
    );
    let splits: Vec<_> = column::<StringArray>(&tokens, "split")
        .iter()
        .flatten()
        .collect();
    assert_eq!(splits, ["train", "train", "train", "test"]);
    let ids: &ListArray = column(&tokens, "ids");
    let ids: Vec<Vec<i32>> = (0..ids.len())
        .map(|row| {
            ids.value(row)
                .as_any()
                .downcast_ref::<Int32Array>()
                .unwrap()
                .values()
                .to_vec()
        })
        .collect();
    assert_eq!(
        ids,
        [[4, 2, 3, 2], [0, 1, 3, 4], [0, 0, 0, 1], [0, 1, 2, 4]]
    );
    assert_eq!(
        column::<UInt32Array>(&tokens, "length").values(),
        &[4, 3, 1, 3]
    );
    assert_eq!(
        column::<UInt8Array>(&tokens, "score").values(),
        &[3, 4, 6, 9]
    );
    assert_eq!(column::<UInt8Array>(&tokens, "polarity").null_count(), 4);

    let vocabulary = read(&out.join("vocabulary.parquet"), &tables::VOCABULARY);
    let names: Vec<_> = column::<StringArray>(&vocabulary, "token")
        .iter()
        .flatten()
        .collect();
    assert_eq!(names, ["<padding>", "<start>", "<unknown>", "the", "film"]);
    assert_eq!(
        column::<UInt64Array>(&vocabulary, "count").values(),
        &[0, 0, 2, 3, 2]
    );
    assert_eq!(
        column::<UInt64Array>(&vocabulary, "document_count").values(),
        &[0, 0, 0, 2, 2]
    );

    insta::assert_snapshot!(serde_json::to_string_pretty(&result(&out)).unwrap(), @r###"
{
  "facts": {
    "distinct_tokens": 4,
    "ids": 5,
    "left_out.test": 0,
    "left_out.train": 0,
    "left_out.unlabelled": 1,
    "movies.test": 1,
    "movies.train": 3,
    "reviews.test": 1,
    "reviews.train": 3
  },
  "metrics": {
    "longest.test": 2.0,
    "longest.train": 5.0,
    "mean_tokens.test": 2.0,
    "mean_tokens.train": 2.3333333333333335,
    "oov.test": 0.5,
    "oov.train": 0.2857142857142857,
    "truncated.test": 0.0,
    "truncated.train": 0.3333333333333333
  },
  "protocol": 1,
  "rejected": 0,
  "rows_in": {
    "reviews": 5
  },
  "rows_out": {
    "buckets": 6,
    "tokens": 4,
    "vocabulary": 5
  },
  "warnings": []
}
"###);
    insta::assert_snapshot!(fs_err::read_to_string(out.join("encoder.json")).unwrap(), @r###"
{
  "version": 2,
  "preprocessing": {
    "list": {
      "pad": "pre",
      "start": true,
      "truncate": "pre"
    },
    "text": {
      "apostrophes": "keep",
      "contractions": false,
      "digits": "keep",
      "lower_case": true,
      "nfkc": false,
      "punctuation": "keep",
      "strip_html": true,
      "terms": {
        "lemmas": {},
        "stem": "none",
        "stop_words": []
      },
      "tokenizer": "words",
      "urls": "keep"
    }
  },
  "max_length": 4,
  "padded": true,
  "tokens": [
    "<padding>",
    "<start>",
    "<unknown>",
    "the",
    "film"
  ]
}
"###);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let fixture = Fixture::new(&many());
    let runs = ["1", "2", "4"]
        .map(|threads| fixture.run(threads, &["--threads", threads, "--vocabulary", "100"]));
    for out in &runs[1..] {
        for name in OUTPUTS {
            let [one, other] = [&runs[0], out].map(|out| fs_err::read(out.join(name)).unwrap());
            assert!(one == other, "`{name}` differs");
        }
        assert_eq!(result(&runs[0]), result(out));
    }
}

#[test]
fn no_movie_is_on_two_sides_and_the_vocabulary_is_of_the_training_split() {
    let mut reviews = many();
    for review in &mut reviews {
        review.text.push_str(&format!(" only{}", review.id));
    }
    let fixture = Fixture::new(&reviews);
    let out = fixture.run(
        "out",
        &[
            "--vocabulary",
            "100000",
            "--pad",
            "none",
            "--max-length",
            "null",
        ],
    );
    let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
    let splits: Vec<&str> = column::<StringArray>(&tokens, "split")
        .iter()
        .flatten()
        .collect();
    let mut sides: BTreeMap<&str, &str> = BTreeMap::new();
    for (review, split) in reviews.iter().zip(&splits) {
        let movie = review.tconst.as_deref().unwrap_or("none");
        assert!(
            movie == "none" || *sides.entry(movie).or_insert(split) == *split,
            "`{movie}` is on two sides"
        );
    }
    let counts = ["train", "valid", "calib", "test"]
        .map(|name| splits.iter().filter(|split| **split == name).count());
    assert_eq!(counts, [2550, 300, 150, 200]);

    let vocabulary = read(&out.join("vocabulary.parquet"), &tables::VOCABULARY);
    let names: Vec<&str> = column::<StringArray>(&vocabulary, "token")
        .iter()
        .flatten()
        .collect();
    for (review, split) in reviews.iter().zip(&splits) {
        let own = format!("only{}", review.id);
        assert_eq!(names.contains(&own.as_str()), *split == "train");
    }
}

#[test]
fn a_single_review_is_encoded_as_the_table_was() {
    let reviews = many();
    let fixture = Fixture::new(&reviews);
    let out = fixture.run("out", &["--vocabulary", "50", "--max-length", "40"]);
    let encoder = Encoder::from_json(&fs_err::read(out.join("encoder.json")).unwrap()).unwrap();
    let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
    let ids: &ListArray = column(&tokens, "ids");
    for (row, review) in reviews.iter().enumerate() {
        let stored = ids.value(row);
        let stored: &Int32Array = stored.as_any().downcast_ref().unwrap();
        assert_eq!(encoder.encode(&review.text), stored.values().to_vec());
    }
}

#[test]
fn a_part_of_the_reviews_can_be_chosen() {
    let fixture = Fixture::new(&many());
    let out = fixture.run(
        "out",
        &[
            "--train-reviews",
            "200",
            "--test-reviews",
            "30",
            "--seed",
            "3",
        ],
    );
    let result = result(&out);
    let facts = &result["facts"];
    let fact = |name: &str| facts[name].as_u64().unwrap();
    assert_eq!(
        fact("reviews.train") + fact("reviews.valid") + fact("reviews.calib"),
        200
    );
    assert_eq!(fact("reviews.test"), 30);
    assert_eq!(fact("left_out.train"), 2800);
    assert_eq!(fact("left_out.test"), 170);
    assert_eq!(result["rows_in"]["reviews"], 3200);
    assert_eq!(result["rows_out"]["tokens"], 230);
}

#[test]
fn wrong_parameters_and_data_are_told_apart() {
    let good = Fixture::new(&[Review::new(1, "train", "a"), Review::new(2, "test", "b")]);
    let without_training = Fixture::new(&[Review::new(1, "test", "a")]);
    let without_words = Fixture::new(&[
        Review::new(1, "train", "..."),
        Review::new(2, "train", "<br />"),
    ]);
    let unsorted = Fixture::new(&[Review::new(2, "train", "a"), Review::new(1, "train", "b")]);
    let other_split = Fixture::new(&[Review::new(1, "valid", "a")]);
    let messages = [
        good.fail(&["--valid", "0.6", "--calib", "0.4"]),
        good.fail(&["--vocabulary", "3"]),
        good.fail(&["--tokenizer", "subword", "--vocabulary", "258"]),
        good.fail(&["--tokenizer", "subword", "--stem", "english"]),
        good.fail(&["--stop-words", "file"]),
        good.fail(&["--fold", "1"]),
        good.fail(&["--split-by", "given", "--test", "0.5"]),
        good.fail(&["--test", "1"]),
        without_training.fail(&[]),
        without_words.fail(&[]),
        unsorted.fail(&[]),
        other_split.fail(&[]),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r###"
2
error: parameters `valid` and `calib`: 0.6 and 0.4 leave no review to train on
hint: their sum must be less than 1

2
error: parameter `vocabulary` of `text`: 3 is less than the minimum of 4

2
error: parameter `vocabulary`: 258 ids are too few for subwords
hint: 3 reserved ids and one for each byte make 259; tens of thousands are usual

2
error: parameter `tokenizer`: `subword` gives pieces of words
hint: stop words, lemmas and stems need whole words: leave them out, or choose another tokenizer

2
error: parameter `stop_words` and input `stop_list` do not agree
hint: a list of your own needs both: the file as input, and `stop_words: file`

2
error: parameter `fold` and input `folds` do not agree
hint: a fold needs both: the table as input, and the number of the fold that is `valid`

2
error: parameter `split_by`: `given` takes the splits from the table
hint: leave out `test` and `fold`

2
error: parameter `test`: 1 leaves no review to train on
hint: give a share below 1

3
error: no review is left for the training split, of 0 training reviews in the table

3
error: the 2 reviews of the training split have no words

3
error: review 1 comes after review 2: the table is not sorted by `review_id`

3
error: review 1 has the split `valid` already, and this stage draws its own
hint: `split_by: given` takes the table's splits
"###);
}

#[test]
fn shares_that_cannot_be_met_and_movies_on_both_sides_are_warned_of() {
    let review = |id, split| Review {
        tconst: Some("tt1".into()),
        ..Review::new(id, split, "a film")
    };
    let fixture = Fixture::new(&[review(1, "train"), review(2, "train"), review(3, "test")]);
    let out = fixture.run("out", &["--valid", "0.5"]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&result(&out)["warnings"]).unwrap(), @r###"
[
  "`valid` has 0 reviews, not the 1 asked for: the movies have too many reviews each",
  "1 of the source's movies are in both its training and its test split: the test figures will be too good"
]
"###);
}
