//! Reviews of which it is known what there is to learn, and running the program on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, ListBuilder, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use cinescore_artifact::describe::PROTOCOL;
use cinescore_artifact::digest::Digest;
use cinescore_artifact::encoder::{ENCODER_VERSION, EncoderFile, TERMS_KEY};
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::tables::TOKENS;
use cinescore_artifact::task::{Task, TaskInput, write_json};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// The token that makes a review positive, if it is the last of the two.
const GOOD: i32 = 5;
/// The token that makes it negative.
const BAD: i32 = 6;
/// Ids of the encoder.
pub(crate) const IDS: usize = 12;
/// The length that reviews are padded to.
pub(crate) const LENGTH: usize = 14;

/// A review.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) split: &'static str,
    pub(crate) ids: Vec<i32>,
    pub(crate) score: Option<u8>,
    pub(crate) polarity: Option<u8>,
}

/// Reviews that each hold both words once, in either order: a bag of words knows nothing of them. The
/// later word decides.
pub(crate) fn reviews(count: usize) -> Vec<Review> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let review = |index: usize| {
        let words = rng.random_range(4..LENGTH);
        let mut ids: Vec<i32> = (0..words)
            .map(|_| rng.random_range(7..IDS as i32))
            .collect();
        let first = rng.random_range(0..words - 1);
        let second = rng.random_range(first + 1..words);
        let good: bool = rng.random();
        (ids[first], ids[second]) = if good { (BAD, GOOD) } else { (GOOD, BAD) };
        ids.insert(0, 1);
        let split = match index % 10 {
            0 => "valid",
            1 => "calib",
            2 | 3 => "test",
            _ => "train",
        };
        Review {
            split,
            ids,
            score: Some(if good { 9 } else { 2 }),
            polarity: Some(good.into()),
        }
    };
    (0..count).map(review).collect()
}

/// The reviews padded in front.
pub(crate) fn padded(reviews: Vec<Review>) -> Vec<Review> {
    padded_to(LENGTH, reviews)
}

/// The same, to some length.
pub(crate) fn padded_to(length: usize, mut reviews: Vec<Review>) -> Vec<Review> {
    for review in &mut reviews {
        let mut ids = vec![0; length - review.ids.len()];
        ids.append(&mut review.ids);
        review.ids = ids;
    }
    reviews
}

/// A folder with everything that `fit` reads.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// Writes the inputs. `mask`: whether the network masks.
    pub(crate) fn new(reviews: &[Review], mask: bool) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        write_tokens(&bench.path("tokens.parquet"), reviews, None);
        bench.write_encoder(IDS, !mask);
        bench.write_network(&format!(
            "name: small\nparams: {{units: 16}}\n\
             input: {{kind: tokens, mask: {mask}, embedding: {{size: 8}}}}\n\
             layers: [{{lstm: {{units: \"${{units}}\"}}}}, {{pool: last}}, {{dropout: 0.1}}]\nhead: {{dense: 1}}\n"
        ));
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes other examples.
    pub(crate) fn write_reviews(&self, reviews: &[Review]) {
        write_tokens(&self.path("tokens.parquet"), reviews, None);
    }

    /// Writes other examples, with a note of the terms that their ids stand for.
    pub(crate) fn write_reviews_of(&self, reviews: &[Review], terms: Digest) {
        write_tokens(&self.path("tokens.parquet"), reviews, Some(terms));
    }

    pub(crate) fn write_encoder(&self, ids: usize, padded: bool) {
        let encoder = EncoderFile {
            version: ENCODER_VERSION,
            preprocessing: Value::Null,
            max_length: Some(LENGTH as u32),
            padded,
            tokens: (0..ids).map(|id| format!("t{id}")).collect(),
        };
        fs_err::write(
            self.path("encoder.json"),
            serde_json::to_vec(&encoder).unwrap(),
        )
        .unwrap();
    }

    pub(crate) fn write_network(&self, text: &str) {
        fs_err::write(self.path("small.yaml"), text).unwrap();
    }

    /// Runs `fit` as the runner does, with outputs in the folder `out`.
    pub(crate) fn fit(&self, out: &str, threads: usize, params: Value) -> Output {
        self.command(out, threads, params).output().unwrap()
    }

    /// The command that does so.
    pub(crate) fn command(&self, out: &str, threads: usize, params: Value) -> Command {
        self.command_with(out, threads, params, |_task| {})
    }

    /// Runs `fit` on the checkpoint of an earlier run, with outputs in the folder `out`.
    pub(crate) fn fit_from(&self, checkpoint: &str, out: &str, params: Value) -> Output {
        let given = TaskInput {
            label: "first.checkpoint".to_owned(),
            output: Some("checkpoint".to_owned()),
            path: self.path(checkpoint).join("checkpoint"),
            digest: None,
        };
        let mut command = self.command_with(out, 1, params, |task| {
            task.inputs.insert("checkpoint".to_owned(), vec![given]);
        });
        command.output().unwrap()
    }

    /// The command, on a task that is changed first.
    pub(crate) fn command_with(
        &self,
        out: &str,
        threads: usize,
        params: Value,
        change: impl FnOnce(&mut Task),
    ) -> Command {
        let input = |name: &str| {
            let path = self.path(name);
            vec![TaskInput {
                label: name.to_owned(),
                output: None,
                path,
                digest: None,
            }]
        };
        let inputs = [
            ("examples", "tokens.parquet"),
            ("encoder", "encoder.json"),
            ("network", "small.yaml"),
        ];
        let mut task = Task {
            protocol: PROTOCOL,
            kind: "fit".into(),
            params,
            inputs: inputs
                .into_iter()
                .map(|(name, file)| (name.to_owned(), input(file)))
                .collect(),
            output_dir: self.path(out),
            scratch_dir: self.path("scratch"),
            persist: false,
            log_dir: None,
            threads,
            device: "cpu".into(),
            work: Default::default(),
        };
        change(&mut task);
        for folder in [&task.output_dir, &task.scratch_dir] {
            fs_err::create_dir_all(folder).unwrap();
        }
        let file = self.path(&format!("task-{out}.json"));
        write_json(&file, &task).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cinescore-train"));
        command
            .env_remove("LD_LIBRARY_PATH")
            .args([task.kind.as_str(), "--task-file"])
            .arg(file);
        command
    }

    /// Runs a kind on the bundle in the folder `from` and the examples, as the runner does.
    pub(crate) fn asked(&self, kind: &str, from: &str, out: &str, params: Value) -> Output {
        let bundle = TaskInput {
            label: "net.bundle".to_owned(),
            output: Some("bundle".to_owned()),
            path: self.path(from).join("bundle"),
            digest: None,
        };
        let mut command = self.command_with(out, 1, params, |task| {
            task.kind = kind.to_owned();
            task.inputs.retain(|name, _| name == "examples");
            task.inputs.insert("bundle".to_owned(), vec![bundle]);
        });
        command.output().unwrap()
    }

    /// Runs a kind on the bundle and the predictions of a `fit`.
    pub(crate) fn asked_knowing(&self, kind: &str, from: &str, out: &str, params: Value) -> Output {
        let input = |output: &str, file: &str| {
            let input = TaskInput {
                label: format!("net.{output}"),
                output: Some(output.to_owned()),
                path: self.path(from).join(file),
                digest: None,
            };
            (output.to_owned(), vec![input])
        };
        let mut command = self.command_with(out, 1, params, |task| {
            task.kind = kind.to_owned();
            task.inputs.retain(|name, _| name == "examples");
            task.inputs.extend([
                input("bundle", "bundle"),
                input("predictions", "predictions.parquet"),
            ]);
        });
        command.output().unwrap()
    }

    /// Runs `slices` on the predictions of a `fit`, the examples and their encoder.
    pub(crate) fn sliced(&self, from: &str, out: &str, params: Value) -> Output {
        let nets = TaskInput {
            label: "net[seed=3].predictions".to_owned(),
            output: Some("predictions".to_owned()),
            path: self.path(from).join("predictions.parquet"),
            digest: None,
        };
        let mut command = self.command_with(out, 1, params, |task| {
            task.kind = "slices".to_owned();
            task.inputs.remove("network");
            let tokens = task.inputs.remove("examples").unwrap();
            task.inputs.insert("tokens".to_owned(), tokens);
            task.inputs.insert("nets".to_owned(), vec![nets]);
        });
        command.output().unwrap()
    }

    /// Runs `fit`, which must succeed, and gives its result.
    pub(crate) fn fitted(&self, out: &str, threads: usize, params: Value) -> Value {
        let output = self.fit(out, threads, params);
        self.result(out, &output)
    }

    /// The result of a run that must have succeeded.
    pub(crate) fn result(&self, out: &str, output: &Output) -> Value {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&fs_err::read(self.path(out).join("result.json")).unwrap()).unwrap()
    }
}

fn write_tokens(path: &Path, reviews: &[Review], terms: Option<Digest>) {
    let mut ids = ListBuilder::new(Int32Builder::new());
    for review in reviews {
        ids.append_value(review.ids.iter().copied().map(Some));
    }
    let real = |review: &Review| review.ids.iter().filter(|&&id| id != 0).count() as u32;
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..reviews.len() as u64).collect::<UInt64Array>()),
        Arc::new(
            reviews
                .iter()
                .map(|review| Some(review.split))
                .collect::<StringArray>(),
        ),
        Arc::new(ids.finish()),
        Arc::new(reviews.iter().map(real).collect::<UInt32Array>()),
        Arc::new(
            reviews
                .iter()
                .map(|review| review.score)
                .collect::<UInt8Array>(),
        ),
        Arc::new(
            reviews
                .iter()
                .map(|review| review.polarity)
                .collect::<UInt8Array>(),
        ),
    ];
    let mut writer = TableWriter::create(path, &TOKENS).unwrap();
    if let Some(terms) = terms {
        writer.note(TERMS_KEY, terms.to_string());
    }
    writer.write(&TOKENS.batch(columns).unwrap()).unwrap();
    writer.finish().unwrap();
}
