//! How fast texts become padded ids: fits a vocabulary on the training reviews and encodes all, in
//! memory, as `benchmarks/featurize/peer_speed.py` has the peers do.
//!
//!     featurize-speed FILE THREADS ROUNDS [TOKENIZER]
//!
//! FILE has, for each review, its split, a zero byte, its text, a zero byte. One line of JSON a round.

use std::hint::black_box;
use std::time::Instant;

use cinescore_artifact::encoder::RESERVED;
use cinescore_featurize::count::TermCounter;
use cinescore_featurize::encode::{Encoder, Settings};
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

#[expect(clippy::print_stdout, reason = "stdout is for data")]
fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_program, file, threads, rounds, rest @ ..] = arguments.as_slice() else {
        return Err("usage: featurize-speed FILE THREADS ROUNDS [TOKENIZER]".into());
    };
    let tokenizer = rest.first().map_or("whitespace", String::as_str);
    let tokenizer: Tokenizer = serde_json::from_value(tokenizer.into())?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.parse()?)
        .build_global()?;
    let content = fs_err::read_to_string(file)?;
    let mut fields = content.split('\0');
    let mut reviews: Vec<(&str, &str)> = Vec::new();
    while let (Some(split), Some(text)) = (fields.next(), fields.next()) {
        reviews.push((split, text));
    }
    let all: Vec<&str> = reviews.iter().map(|review| review.1).collect();
    let train = reviews.iter().filter(|review| review.0 == "train");
    let train: Vec<&str> = train.map(|review| review.1).collect();
    let size = |texts: &[&str]| texts.iter().map(|text| text.len()).sum::<usize>() as f64 / 1e6;

    for _round in 0..rounds.parse()? {
        let copied = Clock::start();
        for text in &all {
            black_box(String::from(black_box(*text)));
        }
        let copied = copied.stop();
        let fitted = Clock::start();
        let encoder = fit(tokenizer, &train)?;
        let fitted = fitted.stop();
        let encoded = Clock::start();
        let mut ids = 0;
        for texts in all.chunks(BATCH) {
            ids += black_box(encoder.encode_batch(texts)).ids.len();
        }
        let encoded = encoded.stop();
        let line = json!({
            "fit": fitted, "encode": encoded, "copy": copied, "ids": ids,
            "train_mb": size(&train), "mb": size(&all),
        });
        println!("{line}");
    }
    Ok(())
}

fn fit(tokenizer: Tokenizer, train: &[&str]) -> Result<Encoder, Failure> {
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
    let mut counter = TermCounter::new(settings.text.clone());
    for texts in train.chunks(BATCH) {
        counter.add(texts);
    }
    let vocabulary = Vocabulary::of(counter.finish(IDS - RESERVED.len(), 1));
    Ok(Encoder::new(
        settings,
        Some(LENGTH),
        vocabulary.tokens().to_vec(),
    )?)
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
