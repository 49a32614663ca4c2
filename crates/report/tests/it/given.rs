//! Inputs of a report, written as the stages above write them: real shapes and orders of size, made
//! by rule from a counter.

mod compared;
mod network;
mod poor;
mod popularity;
mod provenance;
mod reviews;
mod slices;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::ArrayRef;
use cinescore_artifact::Digest;
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::table::{TableSpec, TableWriter};
use cinescore_artifact::task::{Task, TaskInput, write_json};
use serde_json::json;
use tempfile::TempDir;

/// Inputs in a folder of their own.
pub(crate) struct Given {
    root: TempDir,
    pipeline: Option<String>,
    inputs: BTreeMap<String, Vec<TaskInput>>,
    reviews: Vec<Review>,
}

/// A review, as far as a report looks at it.
#[derive(Clone)]
pub(crate) struct Review {
    pub(crate) split: &'static str,
    pub(crate) score: Option<u8>,
    pub(crate) polarity: Option<u8>,
    pub(crate) genres: Vec<&'static str>,
    title: Option<String>,
    year: Option<i32>,
    movie: Option<i32>,
    text: String,
    length: u32,
}

const SCORES: [u8; 8] = [1, 2, 3, 4, 7, 8, 9, 10];
/// Of a hundred reviews, in the proportions of the real training split.
const SCORE_WEIGHTS: [u64; 8] = [20, 9, 10, 11, 10, 12, 9, 19];
const GENRES: [&str; 15] = [
    "Drama",
    "Comedy",
    "Thriller",
    "Horror",
    "Action",
    "Romance",
    "Crime",
    "Adventure",
    "Sci-Fi",
    "Mystery",
    "Fantasy",
    "Documentary",
    "Family",
    "War",
    "Western",
];
const TITLES: [&str; 6] = [
    "The Long Evening",
    "Brief Encounter at Noon",
    "Die Stille \"Nacht\"",
    "Amélie's Garden",
    "Night & Fog",
    "Zero",
];

/// A number without pattern: SplitMix64 of a counter.
fn noise(counter: u64) -> u64 {
    let mut z = counter
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From 0 to 1.
fn part(counter: u64) -> f64 {
    (noise(counter) >> 11) as f64 / (1u64 << 53) as f64
}

fn review(number: u64) -> Review {
    let split = match noise(number) % 100 {
        0..60 => "train",
        60..90 => "test",
        _ => "unlabelled",
    };
    let mut pick = noise(number ^ 0xa1) % 100;
    let mut score = 10;
    for (stars, weight) in SCORES.into_iter().zip(SCORE_WEIGHTS) {
        if pick < weight {
            score = stars;
            break;
        }
        pick -= weight;
    }
    let labelled = split != "unlabelled";
    let found = part(number ^ 0xb2) < 0.54;
    let genre = |salt: u64| GENRES[(part(number ^ salt).powi(2) * GENRES.len() as f64) as usize];
    let mut genres = vec![genre(0xc3), genre(0xc4)];
    genres.dedup();
    let year = 1925 + (90.0 * part(number ^ 0xd5).sqrt()) as i32;
    Review {
        split,
        score: labelled.then_some(score),
        polarity: labelled.then_some(u8::from(score > 5)),
        genres: if found { genres } else { Vec::new() },
        title: found.then(|| TITLES[(noise(number ^ 0xe6) % 6) as usize].to_owned()),
        year: (found && !number.is_multiple_of(97)).then_some(year),
        movie: (found && part(number ^ 0xf7) < 0.6).then_some(1 + (noise(number) % 9000) as i32),
        text: "This film <br /><br />drags in the middle, but the last act & its score are \"worth\" the wait. ".repeat(4),
        length: (60.0 + 90.0 * -(1.0 - part(number ^ 0x18)).ln() * 1.9).min(500.0) as u32,
    }
}

impl Given {
    /// What a whole pipeline hands over.
    pub(crate) fn everything() -> Self {
        let mut given = Self::empty("sentiment", (0..6000).map(review).collect());
        given.write_reviews();
        given.write_rejects(&[
            ("aclimdb", "no score in the name of a review file", 3),
            ("aclimdb", "the text is not UTF-8", 1),
            (
                "movielens/ratings.csv",
                "rating `11.0` is not between 0.5 and 5",
                2,
            ),
        ]);
        given.write_findings(&[
            ("class_balance", "note", "test"),
            ("exact_duplicates", "warning", "train"),
            ("exact_duplicates", "warning", "train"),
            ("near_duplicates", "leak", "test, train"),
        ]);
        given.write_text();
        given.write_network("net", "keras_lstm", true);
        given.write_network("stars", "lstm_regression", false);
        given.write_slices("net");
        given.write_provenance();
        given
    }

    /// What an audit found, and nothing else.
    pub(crate) fn audited(findings: &[(&str, &str, &str)]) -> Self {
        let mut given = Self::empty("audited", Vec::new());
        given.write_findings(findings);
        given
    }

    /// A report that is handed nothing at all.
    pub(crate) fn nothing() -> Self {
        let mut given = Self::empty("", Vec::new());
        given.pipeline = None;
        given
    }

    /// Text that tries to be more than text, wherever text may come from.
    pub(crate) fn hostile() -> Self {
        let evil = "<script>alert(\"1\")</script> | x |\n|'; DROP\0\u{1b}[31m \u{202e}gnp.exe\u{9b} @me [l](x)";
        let mut reviews: Vec<Review> = (0..50).map(review).collect();
        for review in &mut reviews {
            review.text = evil.into();
            review.title = Some(evil.into());
            review.genres = vec!["<b>bold</b>"];
        }
        let mut given = Self::empty(&format!("x&{evil}"), reviews);
        given.write_reviews();
        given.write_rejects(&[("aclimdb", evil, 2)]);
        given.write_findings(&[(evil, evil, evil)]);
        given.write_network("net", evil, true);
        given.write_provenance();
        given
    }

    /// The folder that everything lies in.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The reviews that were written.
    pub(crate) fn reviews(&self) -> &[Review] {
        &self.reviews
    }

    /// How many of them are in the test split.
    pub(crate) fn test_reviews(&self) -> u64 {
        self.reviews
            .iter()
            .filter(|review| review.split == "test")
            .count() as u64
    }

    /// Where the task's outputs go.
    pub(crate) fn output_dir(&self) -> PathBuf {
        self.root().join("out")
    }

    /// Writes the task file.
    pub(crate) fn task(&self) -> PathBuf {
        let task = Task {
            protocol: PROTOCOL,
            kind: "report".into(),
            params: json!({}),
            inputs: self.inputs.clone(),
            output_dir: self.output_dir(),
            scratch_dir: self.root().join("scratch"),
            persist: false,
            log_dir: None,
            threads: 1,
            device: "cpu".into(),
            work: Default::default(),
        };
        let path = self.root().join("task.json");
        write_json(&path, &task).unwrap();
        path
    }

    fn empty(pipeline: &str, reviews: Vec<Review>) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["out", "scratch"] {
            fs_err::create_dir(root.path().join(folder)).unwrap();
        }
        Self {
            root,
            pipeline: Some(pipeline.into()),
            inputs: BTreeMap::new(),
            reviews,
        }
    }

    fn place(&mut self, input: &str, stage: &str, output: &str, file: &str) -> PathBuf {
        let path = self.root().join(stage).join(file);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let digest = Some(Digest::of_bytes(format!("{stage}.{output}").as_bytes()));
        self.inputs
            .entry(input.into())
            .or_default()
            .push(TaskInput {
                label: stage.into(),
                output: Some(output.into()),
                path: path.clone(),
                digest,
            });
        path
    }

    fn write(
        &mut self,
        input: &str,
        stage: &str,
        spec: &'static TableSpec,
        columns: Vec<ArrayRef>,
    ) {
        let path = self.place(input, stage, spec.name, &format!("{}.parquet", spec.name));
        let mut writer = TableWriter::create(&path, spec).unwrap();
        writer.write(&spec.batch(columns).unwrap()).unwrap();
        writer.finish().unwrap();
    }
}
