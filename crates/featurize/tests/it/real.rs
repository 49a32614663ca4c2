//! The kind `text` on Stanford's reviews (`CINESCORE_DATA`); skipped, loudly, where they are absent.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::fixture::{Fixture, Review, result};

/// The archive; where it is absent, that is said.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn archive() -> Option<PathBuf> {
    let folder = std::env::var_os("CINESCORE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let archive = folder.join("aclImdb_v1.labelled.tar.gz");
    if archive.exists() {
        return Some(archive);
    }
    eprintln!(
        "SKIPPED: no real reviews; CINESCORE_DATA names the folder with `aclImdb_v1.labelled.tar.gz`"
    );
    None
}

/// The reviews with their movies, by as little reading as will do; `ingest` does it properly.
pub(crate) fn reviews(archive: &Path) -> Vec<Review> {
    let file = flate2::read::GzDecoder::new(fs_err::File::open(archive).unwrap());
    let mut texts: Vec<([String; 3], String)> = Vec::new();
    let mut titles: BTreeMap<[String; 2], Vec<String>> = BTreeMap::new();
    for entry in tar::Archive::new(file).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let parts: Vec<&str> = path.split('/').collect();
        let mut text = String::new();
        match parts.as_slice() {
            [_, split, class, name] if name.ends_with(".txt") => {
                entry.read_to_string(&mut text).unwrap();
                texts.push(([*split, *class, *name].map(String::from), text));
            }
            [_, split, name] if name.starts_with("urls_") => {
                entry.read_to_string(&mut text).unwrap();
                let class = name.trim_start_matches("urls_").trim_end_matches(".txt");
                let title = |line: &str| {
                    line.split('/')
                        .find(|part| part.starts_with("tt"))
                        .unwrap()
                        .to_owned()
                };
                titles.insert(
                    [(*split).to_owned(), class.to_owned()],
                    text.lines().map(title).collect(),
                );
            }
            _ => {}
        }
    }
    texts.sort();
    let review = |(id, ([split, class, name], text)): (u64, ([String; 3], String))| {
        let number: usize = name.split('_').next().unwrap().parse().unwrap();
        let tconst = titles[&[split.clone(), class]].get(number).cloned();
        let split = if split == "train" { "train" } else { "test" };
        Review {
            tconst,
            ..Review::new(id, split, &text)
        }
    };
    (0..).zip(texts).map(review).collect()
}

#[test]
fn stanfords_reviews_are_encoded_as_the_tutorial_does() {
    let Some(archive) = archive() else { return };
    let fixture = Fixture::new(&reviews(&archive));
    let result = result(&fixture.run("out", &[]));
    let fact = |name: &str| result["facts"][name].as_u64().unwrap();
    let metric = |name: &str| result["metrics"][name].as_f64().unwrap();
    assert_eq!(
        [
            fact("reviews.train"),
            fact("reviews.valid"),
            fact("reviews.calib")
        ],
        [21_250, 2_500, 1_250]
    );
    assert_eq!(fact("reviews.test"), 12_177);
    assert_eq!(fact("ids"), 5_000);
    assert_eq!(result["warnings"].as_array().unwrap().len(), 0);
    // 231.9 words between spaces; Unicode's rules divide some of them (`sci-fi`, `good...bad`).
    assert!(
        (230.0..240.0).contains(&metric("mean_tokens.train")),
        "{result:#}"
    );
    for split in ["train", "valid", "calib", "test"] {
        assert!(
            (0.05..0.15).contains(&metric(&format!("oov.{split}"))),
            "{result:#}"
        );
        assert!(
            (0.05..0.12).contains(&metric(&format!("truncated.{split}"))),
            "{result:#}"
        );
    }
}

/// The report with models A to F reads a review as its 2,470 ids at once.
#[test]
fn the_longest_training_review_has_2470_words() {
    let Some(archive) = archive() else { return };
    let fixture = Fixture::new(&reviews(&archive));
    let arguments = "--tokenizer whitespace --start false --max-length null --strip-html false";
    let shares = "--valid 0 --calib 0 --vocabulary 1000 --pad post --threads 2";
    let arguments: Vec<&str> = arguments.split(' ').chain(shares.split(' ')).collect();
    let out = fixture.run("out", &arguments);
    let result = result(&out);
    assert_eq!(result["metrics"]["longest.train"], 2470.0);
    assert_eq!(result["metrics"]["longest.test"], 2278.0);
    let encoder: serde_json::Value =
        serde_json::from_slice(&fs_err::read(out.join("encoder.json")).unwrap()).unwrap();
    assert_eq!(encoder["max_length"], 2470);
}
