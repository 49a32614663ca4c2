//! How fast texts become padded ids: fits a vocabulary on the training reviews and encodes all, in
//! memory, as `benchmarks/featurize/peer_speed.py` has the peers do.
//!
//!     featurize-speed FILE THREADS ROUNDS [TOKENIZER [again] [dump=PATH]]
//!
//! FILE has, for each review, its split, a zero byte, its text, a zero byte. One line of JSON a round. With `again`
//! training reviews are divided into tokens a second time when they are encoded. PATH.ids gets the ids, as
//! little-endian 32-bit numbers, and PATH.json the tokens by id.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use cinescore_artifact::encoder::RESERVED;
use cinescore_featurize::count::{Numbering, TermCounter, Wanted};
use cinescore_featurize::counted::CountedTexts;
use cinescore_featurize::encode::{Encoder, Known, Settings};
use cinescore_featurize::lengths::{Lengths, Pad, Truncate};
use cinescore_featurize::params::TermParams;
use cinescore_featurize::terms::Terms;
use cinescore_featurize::tokenize::Tokenizer;
use cinescore_featurize::vocabulary::Vocabulary;
use serde_json::json;

const IDS: usize = 20_000;
const LENGTH: u32 = 500;
/// Texts in a batch, as in the stage.
const BATCH: usize = 2048;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let threads = arguments.get(2).and_then(|threads| threads.parse().ok());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(1));
    // On one of its threads: from outside, each call would wake all of them, and wait.
    let done = pool
        .build()?
        .install(|| measure(&arguments).map_err(|error| error.to_string()));
    Ok(done?)
}

#[expect(clippy::print_stdout, reason = "stdout is for data")]
fn measure(arguments: &[String]) -> Result<(), Failure> {
    let [_program, file, _threads, rounds, rest @ ..] = arguments else {
        return Err("usage: featurize-speed FILE THREADS ROUNDS [TOKENIZER] [again]".into());
    };
    let tokenizer = rest.first().map_or("whitespace", String::as_str);
    let keep = !rest.iter().any(|argument| argument == "again");
    let dump = rest
        .iter()
        .find_map(|argument| argument.strip_prefix("dump="));
    let tokenizer: Tokenizer = serde_json::from_value(tokenizer.into())?;
    let content = fs_err::read_to_string(file)?;
    let mut fields = content.split('\0');
    // Whether a review is trained on, and its text.
    let mut reviews: Vec<(bool, &str)> = Vec::new();
    while let (Some(split), Some(text)) = (fields.next(), fields.next()) {
        reviews.push((split == "train", text));
    }
    let all: Vec<&str> = reviews.iter().map(|review| review.1).collect();
    let train = reviews.iter().filter(|review| review.0);
    let train: Vec<&str> = train.map(|review| review.1).collect();
    let size = |texts: &[&str]| texts.iter().map(|text| text.len()).sum::<usize>() as f64 / 1e6;

    for _round in 0..rounds.parse()? {
        let copied = Clock::start();
        for text in &all {
            black_box(String::from(black_box(*text)));
        }
        let copied = copied.stop();
        let fitted = Clock::start();
        let (encoder, counted) = fit(tokenizer, &train, keep)?;
        let fitted = fitted.stop();
        let encoded = Clock::start();
        let mut ids = 0;
        let mut training = 0;
        let mut dumped: Vec<u8> = Vec::new();
        for reviews in reviews.chunks(BATCH) {
            let known: Vec<Known<'_>> = reviews
                .iter()
                .map(|(train, text)| {
                    training += u64::from(*train);
                    let kept = train.then(|| counted.get(training - 1));
                    kept.flatten().map_or(Known::Text(text), Known::Counted)
                })
                .collect();
            let batch = black_box(encoder.encode_known_batch(&known));
            ids += batch.ids.len();
            if dump.is_some() {
                dumped.extend(batch.ids.iter().flat_map(|id| id.to_le_bytes()));
            }
        }
        let encoded = encoded.stop();
        if let Some(path) = dump {
            fs_err::write(format!("{path}.ids"), dumped)?;
            fs_err::write(
                format!("{path}.json"),
                serde_json::to_vec(&encoder.to_file()?.tokens)?,
            )?;
        }
        let line = json!({
            "fit": fitted, "encode": encoded, "copy": copied, "ids": ids,
            "train_mb": size(&train), "mb": size(&all),
        });
        println!("{line}");
    }
    Ok(())
}

fn fit(
    tokenizer: Tokenizer,
    train: &[&str],
    keep: bool,
) -> Result<(Encoder, CountedTexts), Failure> {
    let params = TermParams {
        strip_html: false,
        tokenizer,
        ..TermParams::default()
    };
    let settings = Settings {
        text: params.with(Terms::default()),
        list: Lengths {
            start: false,
            truncate: Truncate::Post,
            pad: Pad::Post,
        },
        merges: None,
    };
    let mut counter = if keep {
        TermCounter::keeping_texts(settings.text.clone())
    } else {
        TermCounter::new(settings.text.clone())
    };
    for texts in train.chunks(BATCH) {
        counter.add(texts);
    }
    let (counts, counted) = counter.finish_with_texts(Wanted {
        limit: IDS - RESERVED.len(),
        min_count: 1,
        numbering: Numbering::Frequency,
    });
    let vocabulary = Vocabulary::of(counts);
    let encoder = Encoder::new(settings, Some(LENGTH), Arc::clone(vocabulary.tokens()))?;
    Ok((encoder, counted))
}

/// Seconds on the wall and of all this process's threads.
struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_secs(),
        }
    }

    fn stop(self) -> serde_json::Value {
        json!({"wall": self.wall.elapsed().as_secs_f64(), "cpu": cpu_secs() - self.cpu})
    }
}

/// From the times of every thread in `/proc`, in nanoseconds; 0 where there is none.
fn cpu_secs() -> f64 {
    let threads = fs_err::read_dir("/proc/self/task").into_iter().flatten();
    let nanos = threads.flatten().filter_map(|thread| {
        let times = fs_err::read_to_string(thread.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e9
}
