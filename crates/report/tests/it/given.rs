//! Inputs of a report, written as the stages above write them: real shapes and orders of size, made
//! by rule from a counter.

mod compared;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, ListArray, ListBuilder,
    StringArray, StringBuilder, UInt8Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Float32Type, Int32Type};
use cinescore_artifact::Digest;
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::encoder::{ENCODER_VERSION, EncoderFile, RESERVED};
use cinescore_artifact::table::{TableSpec, TableWriter};
use cinescore_artifact::tables;
use cinescore_artifact::task::{
    Provenance, StageProvenance, Task, TaskInput, TaskResult, write_json,
};
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
        given.write_provenance();
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
            threads: 1,
            device: "cpu".into(),
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

    fn write_reviews(&mut self) {
        let all = self.reviews.clone();
        let n = all.len();
        let mut genres = ListBuilder::new(StringBuilder::new());
        for review in &all {
            for genre in &review.genres {
                genres.values().append_value(genre);
            }
            genres.append(review.title.is_some());
        }
        let title = || StringArray::from_iter(all.iter().map(|review| review.title.as_deref()));
        let split = |review: &Review| review.split;
        self.write(
            "reviews",
            "reviews",
            &tables::REVIEWS,
            vec![
                Arc::new(UInt64Array::from_iter_values(0..n as u64)),
                Arc::new(StringArray::from_iter_values(all.iter().map(split))),
                Arc::new(StringArray::from_iter_values(
                    (0..n).map(|id| format!("train/pos/{id}_9.txt")),
                )),
                Arc::new(StringArray::from_iter_values(
                    (0..n).map(|id| format!("tt{id:07}")),
                )),
                Arc::new(UInt8Array::from_iter(all.iter().map(|review| review.score))),
                Arc::new(UInt8Array::from_iter(
                    all.iter().map(|review| review.polarity),
                )),
                Arc::new(StringArray::from_iter_values(
                    all.iter().map(|review| review.text.as_str()),
                )),
                Arc::new(StringArray::from_iter(
                    all.iter()
                        .map(|review| review.title.as_ref().map(|_| "movie")),
                )),
                Arc::new(title()),
                Arc::new(title()),
                Arc::new(BooleanArray::from_iter(
                    all.iter()
                        .map(|review| review.title.as_ref().map(|_| false)),
                )),
                Arc::new(Int32Array::from_iter(all.iter().map(|review| review.year))),
                Arc::new(Int32Array::new_null(n)),
                Arc::new(Int32Array::new_null(n)),
                Arc::new(genres.finish()),
                Arc::new(Int32Array::from_iter(all.iter().map(|review| review.movie))),
                Arc::new(Float64Array::from_iter(
                    all.iter().map(|review| review.movie.map(|_| 3.5)),
                )),
                Arc::new(UInt32Array::from_iter(
                    all.iter().map(|review| review.movie.map(|_| 12)),
                )),
            ],
        );
    }

    fn write_rejects(&mut self, reasons: &[(&str, &str, usize)]) {
        let rows: Vec<(&str, &str)> = reasons
            .iter()
            .flat_map(|(source, reason, n)| vec![(*source, *reason); *n])
            .collect();
        self.write(
            "reviews",
            "reviews",
            &tables::REJECTS,
            vec![
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
                Arc::new(StringArray::from_iter_values(
                    (0..rows.len()).map(|line| format!("line {line}")),
                )),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
                Arc::new(BinaryArray::from_iter_values(rows.iter().map(|_| b"raw"))),
            ],
        );
    }

    fn write_findings(&mut self, findings: &[(&str, &str, &str)]) {
        let column = |of: fn(&(&str, &str, &str)) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(findings.iter().map(of)))
        };
        let text = |(check, _, split): &(&str, &str, &str)| format!("one of {check} in {split}");
        self.write(
            "reviews",
            "audit",
            &tables::FINDINGS,
            vec![
                column(|finding| finding.0.into()),
                column(|finding| finding.1.into()),
                column(|finding| finding.2.into()),
                column(|_| "-".into()),
                Arc::new(UInt64Array::new_null(findings.len())),
                Arc::new(UInt64Array::new_null(findings.len())),
                Arc::new(Float64Array::from(vec![1.0; findings.len()])),
                Arc::new(StringArray::from_iter_values(findings.iter().map(text))),
            ],
        );
    }

    fn write_text(&mut self) {
        let all = self.reviews.clone();
        let n = all.len();
        let split = |(id, review): (usize, &Review)| match (review.split, id % 20) {
            ("train", 0..2) => "valid",
            ("train", 2) => "calib",
            (split, _) => split,
        };
        let ids = (0..n).map(|_| Some(vec![Some(1), Some(7)]));
        self.write(
            "text",
            "text",
            &tables::TOKENS,
            vec![
                Arc::new(UInt64Array::from_iter_values(0..n as u64)),
                Arc::new(StringArray::from_iter_values(
                    all.iter().enumerate().map(split),
                )),
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(ids)),
                Arc::new(UInt32Array::from_iter_values(
                    all.iter().map(|review| review.length),
                )),
                Arc::new(UInt8Array::from_iter(all.iter().map(|review| review.score))),
                Arc::new(UInt8Array::from_iter(
                    all.iter().map(|review| review.polarity),
                )),
            ],
        );
        let words = [
            "the", "and", "a", "of", "to", "is", "br", "it", "in", "i", "this", "that", "was",
            "film",
        ];
        let tokens: Vec<String> = RESERVED
            .iter()
            .chain(&words)
            .map(|&word| word.to_owned())
            .collect();
        let count = |id: usize| {
            if id == 2 {
                90_000
            } else if id < 2 {
                0
            } else {
                1_500_000 / (id as u64 + 1)
            }
        };
        self.write(
            "text",
            "text",
            &tables::VOCABULARY,
            vec![
                Arc::new(Int32Array::from_iter_values(0..tokens.len() as i32)),
                Arc::new(StringArray::from_iter_values(&tokens)),
                Arc::new(UInt64Array::from_iter_values((0..tokens.len()).map(count))),
                Arc::new(UInt64Array::from_iter_values(
                    (0..tokens.len()).map(|id| count(id) / 20),
                )),
            ],
        );
        let encoder = EncoderFile {
            version: ENCODER_VERSION,
            preprocessing: json!({"tokenizer": "words"}),
            max_length: Some(500),
            padded: true,
            tokens,
        };
        let path = self.place("text", "text", "encoder", "encoder.json");
        write_json(&path, &encoder).unwrap();
    }

    fn write_network(&mut self, stage: &str, name: &str, binary: bool) {
        let curves: &[(&str, &str, &str, [f64; 5])] = if binary {
            &[
                (
                    "train",
                    "trained",
                    "accuracy",
                    [0.762, 0.881, 0.917, 0.938, 0.951],
                ),
                (
                    "train",
                    "trained",
                    "loss",
                    [0.4831, 0.2952, 0.2204, 0.1713, 0.1402],
                ),
                (
                    "valid",
                    "evaluated",
                    "accuracy",
                    [0.8404, 0.8612, 0.8707, 0.8668, 0.8649],
                ),
                (
                    "valid",
                    "evaluated",
                    "loss",
                    [0.3719, 0.3402, 0.3318, 0.3551, 0.3986],
                ),
            ]
        } else {
            &[
                (
                    "train",
                    "trained",
                    "loss",
                    [0.0991, 0.0714, 0.0582, 0.0471, 0.0402],
                ),
                ("train", "trained", "mse", [8.03, 5.78, 4.71, 3.82, 3.26]),
                (
                    "valid",
                    "evaluated",
                    "loss",
                    [0.0792, 0.0731, 0.0688, 0.0703, 0.0722],
                ),
                ("valid", "evaluated", "mse", [6.42, 5.92, 5.57, 5.69, 5.85]),
            ]
        };
        let mut history: Vec<(u32, &str, &str, &str, f64)> = Vec::new();
        for epoch in 0..5usize {
            for (split, mode, metric, values) in curves {
                history.push((epoch as u32 + 1, split, mode, metric, values[epoch]));
            }
        }
        self.write(
            "nets",
            stage,
            &tables::HISTORY,
            vec![
                Arc::new(UInt32Array::from_iter_values(
                    history.iter().map(|row| row.0),
                )),
                Arc::new(StringArray::from_iter_values(
                    history.iter().map(|row| row.1),
                )),
                Arc::new(StringArray::from_iter_values(
                    history.iter().map(|row| row.2),
                )),
                Arc::new(StringArray::from_iter_values(
                    history.iter().map(|row| row.3),
                )),
                Arc::new(Float64Array::from_iter_values(
                    history.iter().map(|row| row.4),
                )),
                Arc::new(BooleanArray::from_iter(
                    history.iter().map(|row| Some(row.0 == 3)),
                )),
            ],
        );
        let figures: &[(&str, f64, f64)] = if binary {
            &[
                ("accuracy", 0.86137, 0.50891),
                ("f1", 0.862_05, 0.674_54),
                ("log_loss", 0.33412, 0.69301),
                ("precision", 0.87141, 0.50891),
                ("recall", 0.85289, 1.0),
            ]
        } else {
            &[
                ("mae", 1.7712, 3.2013),
                ("mse", 5.6121, 12.1468),
                ("r2", 0.53789, -0.00012),
            ]
        };
        let mut metrics: Vec<(&str, &str, &str, f64, u64)> = Vec::new();
        for (subject, model) in [(name, true), ("trivial", false)] {
            for (split, n, shift) in [("valid", 2500, 0.006), ("test", 12177, 0.0)] {
                for (metric, value, trivial) in figures {
                    metrics.push((
                        subject,
                        split,
                        metric,
                        if model { value + shift } else { *trivial },
                        n,
                    ));
                }
            }
        }
        self.write(
            "nets",
            stage,
            &tables::METRICS,
            vec![
                Arc::new(StringArray::from_iter_values(
                    metrics.iter().map(|row| row.0),
                )),
                Arc::new(StringArray::from_iter_values(
                    metrics.iter().map(|row| row.1),
                )),
                Arc::new(StringArray::from_iter_values(
                    metrics.iter().map(|row| row.2),
                )),
                Arc::new(Float64Array::from_iter_values(
                    metrics.iter().map(|row| row.3),
                )),
                Arc::new(Float64Array::new_null(metrics.len())),
                Arc::new(Float64Array::new_null(metrics.len())),
                Arc::new(UInt64Array::from_iter_values(
                    metrics.iter().map(|row| row.4),
                )),
            ],
        );
        self.write_predictions(stage, binary);
        let bundle = self.place("nets", stage, "bundle", "bundle");
        fs_err::create_dir_all(bundle).unwrap();
    }

    fn write_predictions(&mut self, stage: &str, binary: bool) {
        let rows: Vec<(u64, f64, f64)> = self
            .reviews
            .iter()
            .enumerate()
            .filter(|(_, review)| review.split == "test")
            .map(|(id, review)| {
                let id = id as u64;
                let score = f64::from(review.score.unwrap_or(1));
                let noise = part(id ^ 0x29) + part(id ^ 0x3a) + part(id ^ 0x4b) - 1.5;
                if binary {
                    let leaning = (score - 5.5) * 0.7 + noise * 4.0;
                    (
                        id,
                        f64::from(u8::from(score > 5.0)),
                        1.0 / (1.0 + (-leaning).exp()),
                    )
                } else {
                    (
                        id,
                        score,
                        (5.5 + (score - 5.5) * 0.7 + noise * 3.0).clamp(1.0, 10.0),
                    )
                }
            })
            .collect();
        let n = rows.len();
        let nothing = || std::iter::repeat_n(None::<Vec<Option<f32>>>, n);
        self.write(
            "nets",
            stage,
            &tables::PREDICTIONS,
            vec![
                Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0))),
                Arc::new(StringArray::from_iter_values((0..n).map(|_| "test"))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.1))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
                Arc::new(Float64Array::new_null(n)),
                Arc::new(Float64Array::new_null(n)),
                Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(
                    nothing(),
                )),
                {
                    let mut flags = ListBuilder::new(StringBuilder::new());
                    (0..n).for_each(|_| flags.append(false));
                    Arc::new(flags.finish())
                },
            ],
        );
    }

    fn write_provenance(&mut self) {
        let digest = |text: &str| Digest::of_bytes(text.as_bytes());
        let stage = |name: &str, run: &str, params, inputs: &[&str], outputs: &[&str], result| {
            StageProvenance {
                stage: name.into(),
                run: run.into(),
                fingerprint: digest(&format!("{name} fingerprint")),
                code: digest(&format!("{run} code")),
                params,
                machine: if run.starts_with("train") {
                    [("threads", "2"), ("device", "cpu"), ("libtorch", "2.11.0")]
                        .map(|(part, value)| (part.to_owned(), value.to_owned()))
                        .into()
                } else {
                    BTreeMap::new()
                },
                inputs: inputs
                    .iter()
                    .map(|name| ((*name).into(), vec![((*name).into(), digest(name))]))
                    .collect(),
                outputs: outputs
                    .iter()
                    .map(|output| ((*output).into(), digest(&format!("{name}.{output}"))))
                    .collect(),
                result,
            }
        };
        let result = |rows_out: &[(&str, u64)],
                      rejected,
                      facts: &[(&str, u64)],
                      warnings: &[&str]| TaskResult {
            protocol: PROTOCOL,
            rows_out: rows_out
                .iter()
                .map(|(name, n)| ((*name).into(), *n))
                .collect(),
            rejected,
            facts: facts
                .iter()
                .map(|(name, n)| ((*name).into(), json!(n)))
                .collect(),
            warnings: warnings.iter().map(|warning| (*warning).into()).collect(),
            ..TaskResult::default()
        };
        let fit = json!({"batch": 64, "epochs": 5, "optimizer": {"adam": {"lr": 1e-3}}, "seed": 7, "task": "binary"});
        let provenance = Provenance {
            pipeline: self.pipeline.clone().unwrap_or_default(),
            stages: vec![
                stage(
                    "reviews",
                    "ingest reviews",
                    json!({"max_rejects": 100}),
                    &["aclimdb", "titles", "movielens"],
                    &["reviews", "rejects"],
                    result(
                        &[("reviews", 6000), ("rejects", 6)],
                        6,
                        &[("titles_found", 3240), ("movies_found", 1944)],
                        &["3 titles have no start year"],
                    ),
                ),
                stage(
                    "text",
                    "featurize text",
                    json!({"vocabulary": 5000, "max_length": 500, "valid": 0.1, "calib": 0.05}),
                    &["reviews"],
                    &["tokens", "vocabulary", "encoder"],
                    result(&[("tokens", 6000), ("vocabulary", 5000)], 0, &[], &[]),
                ),
                stage(
                    "net",
                    "train fit",
                    fit,
                    &["examples", "encoder", "network"],
                    &["bundle", "history", "predictions", "metrics"],
                    TaskResult {
                        metrics: [("test.accuracy".to_owned(), 0.86137)].into(),
                        device: Some("cpu".into()),
                        ..result(
                            &[("history", 20), ("metrics", 20), ("predictions", 1800)],
                            0,
                            &[("parameters", 213_301)],
                            &[],
                        )
                    },
                ),
            ],
        };
        let path = self.root().join("provenance.json");
        write_json(&path, &provenance).unwrap();
        let input = TaskInput {
            label: "provenance".into(),
            output: None,
            path,
            digest: None,
        };
        self.inputs.insert("provenance".into(), vec![input]);
    }
}
