//! The kind `bags` in shards: the bytes and the result of one process.

use std::path::{Path, PathBuf};

use cinescore_featurize::bags::BagEncoder;
use serde_json::Value;

use crate::fixture::{Fixture, Review, featurize, result};

/// Reviews of more than four pieces, with words of all frequencies, among them a class of verbs and one of nouns.
fn reviews() -> Vec<Review> {
    let mut chance = 12345_u64;
    let mut draw = |below: u64| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (chance >> 33) % below
    };
    let review = |id: u64| {
        let sentence = |_at| match draw(9) {
            0 => format!("only{} once{}", id, draw(1000)),
            1 => format!("{{noun{}}} is {{}}", draw(3)),
            verb => format!(
                "the{} noun{} verb{verb}s a good{} noun{}.",
                draw(2),
                draw(6),
                draw(40),
                draw(6)
            ),
        };
        let sentences: Vec<String> = (0..id % 5).map(sentence).collect();
        let split = ["train", "train", "test", "unlabelled"][id as usize % 4];
        Review {
            tconst: Some(format!("tt{}", id % 700)),
            ..Review::new(id, split, &sentences.join(" "))
        }
    };
    (0..9000).map(review).collect()
}

/// The outputs, and the result without what shards cannot know.
fn outputs(out: &Path) -> (Vec<Vec<u8>>, Value) {
    let files = ["bags.parquet", "ngrams.parquet", "bags.json"];
    let bytes = files.map(|file| fs_err::read(out.join(file)).unwrap());
    (bytes.into(), result(out))
}

struct Place {
    fixture: Fixture,
    reviews: String,
}

impl Place {
    fn new() -> Self {
        let fixture = Fixture::new(&reviews());
        let beside = PathBuf::from(fixture.file("beside", b""));
        let reviews = beside.with_file_name("reviews.parquet");
        Self {
            reviews: reviews.display().to_string(),
            fixture,
        }
    }

    fn shard(&self, of: &str, index: u32, count: u32, arguments: &[&str]) -> String {
        let name = format!("{of}-{index}-of-{count}");
        let shard = format!("{index}/{count}");
        let arguments = [arguments, &["--shard", &shard]].concat();
        let out = self.fixture.run_kind("bags", &name, &arguments);
        assert!(!out.join("bags.parquet").exists());
        out.display().to_string()
    }

    fn merge_arguments<'a>(&'a self, parts: &'a [String], arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["--reviews", &self.reviews];
        all.extend(arguments);
        for part in parts {
            all.extend(["--merge", part]);
        }
        all
    }

    /// Whether what is made in shards is what is made at once.
    fn compare(&self, name: &str, counts: &[u32], arguments: &[&str]) {
        let whole = self.fixture.run_kind("bags", name, arguments);
        let wanted = outputs(&whole);
        for &count in counts {
            let shard = |index| self.shard(name, index, count, arguments);
            let parts: Vec<String> = (1..=count).map(shard).collect();
            let merged = whole.with_file_name(format!("{name}-merged-{count}"));
            let output = featurize("bags", &merged, &self.merge_arguments(&parts, arguments));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{name}, {count} shards: {said}");
            let made = outputs(&merged);
            assert_eq!(made.1, wanted.1, "{name}, {count} shards");
            assert!(
                made.0 == wanted.0,
                "{name}: {count} shards give other bytes"
            );
        }
    }
}

#[test]
fn bags_of_any_number_of_shards_are_those_of_one_process() {
    let place = Place::new();
    // Five pieces: of seven shards, two have none.
    place.compare("plain", &[2, 7], &[]);
    place.compare(
        "small",
        &[3],
        &["--size", "100", "--ngrams", "3", "--values", "counts"],
    );
    place.compare("alone", &[2], &["--ngrams", "1", "--min-count", "1"]);
    let hashed = ["--indices", "hashed", "--size", "512", "--threads", "1"];
    place.compare("hashed", &[4], &hashed);
    let classes = [
        "--classes",
        "3",
        "--values",
        "log_count_ratio",
        "--norm",
        "l2",
        "--min-count",
        "7",
    ];
    place.compare("classes", &[1, 3], &classes);
    let ending = ["--ending", "7", "--tokenizer", "marks"];
    place.compare("ending", &[3], &ending);
    place.compare("both", &[2], &[&classes[..], &ending].concat());
    let unlabelled = [
        &classes[..],
        &["--classes-from", "unlabelled", "--stem", "english"],
    ];
    place.compare("unlabelled", &[2], &unlabelled.concat());
}

#[test]
fn names_that_mean_two_ngrams_are_left_to_the_merge() {
    let place = Place::new();
    // `{noun1}` stands in the texts, and is what the class of `noun1` is called.
    let arguments = [
        "--classes",
        "3",
        "--tokenizer",
        "whitespace",
        "--punctuation",
        "keep",
    ];
    place.compare("braces", &[2], &arguments);
    let json = fs_err::read(Path::new(&place.reviews).with_file_name("braces/bags.json")).unwrap();
    let encoder = BagEncoder::from_json(&json).unwrap();
    assert_eq!(
        encoder.knows("{}"),
        Some(true),
        "the test would show nothing"
    );
    // `noun1 verb2s` is a lemma, and two words.
    let table = place.fixture.file("lemmas.tsv", b"good1\tnoun1 verb2s\n");
    place.compare("lemmas", &[2], &["--lemmas", &table]);
}

#[test]
fn parts_that_are_not_those_of_all_shards_in_order_are_refused() {
    let place = Place::new();
    let [one, two] = [1, 2].map(|index| place.shard("two", index, 2, &[]));
    let others = place.shard("others", 2, 2, &["--indices", "hashed"]);
    for parts in [
        vec![one.clone()],
        vec![two.clone(), one.clone()],
        vec![one.clone(), others],
    ] {
        let out = Path::new(&place.reviews).with_file_name("refused");
        let output = featurize("bags", &out, &place.merge_arguments(&parts, &[]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!out.exists(), "{said}");
        assert_eq!(output.status.code(), Some(3), "{said}");
    }
    // Of other settings the numbers mean other terms.
    let parts = [one, two];
    let out = Path::new(&place.reviews).with_file_name("refused");
    let output = featurize(
        "bags",
        &out,
        &place.merge_arguments(&parts, &["--min-count", "50"]),
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("not all shards of this work"), "{said}");
    // The more frequent terms have the same numbers with other settings, and all numbers would be known.
    let parts = [1, 2].map(|index| place.shard("frequent", index, 2, &["--min-count", "50"]));
    let output = featurize("bags", &out, &place.merge_arguments(&parts, &[]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("not all shards of this work"), "{said}");
}
