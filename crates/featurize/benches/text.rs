//! How fast texts become tokens, counts and ids, on one thread: `make bench`. No test runs it.
//!
//! The texts are made up, 11 MB of words whose frequencies fall as their ranks rise (Zipf's law), with capitals and
//! punctuation; so they are the same wherever this runs. Real reviews, beside other libraries, are measured by
//! `benchmarks/featurize/`. A plain copy of the texts shows how far away the memory's own limit is.
//!
//! A loop of its own, for the reason that the runner's benchmark has one.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin ends")]
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use cinescore_artifact::encoder::RESERVED;
use cinescore_featurize::count::{Numbering, TermCounter, Wanted};
use cinescore_featurize::encode::{Encoder, Settings};
use cinescore_featurize::lengths::{Lengths, Pad, Truncate};
use cinescore_featurize::params::TermParams;
use cinescore_featurize::preprocess::{Preprocessing, Tokens};
use cinescore_featurize::terms::{Stem, Terms};
use cinescore_featurize::tokenize::Tokenizer;
use cinescore_featurize::vocabulary::Vocabulary;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How long each part is repeated.
const FOR: Duration = Duration::from_secs(1);
const TEXTS: usize = 8_000;
const WORDS_A_TEXT: usize = 230;
/// Different words.
const WORDS: u32 = 200_000;
/// Texts of a batch, as in the stage.
const BATCH: usize = 2048;
const IDS: usize = 20_000;
const LENGTH: u32 = 500;

fn main() {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1);
    one.build_global().unwrap();
    let texts = made_up();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let measure = |what: &str, part: &mut dyn FnMut()| measure(what, bytes, part);

    measure("copy", &mut || {
        for text in &texts {
            black_box(String::from(black_box(*text)));
        }
    });
    for (name, tokenizer) in [
        ("whitespace", Tokenizer::Whitespace),
        ("keras", Tokenizer::Keras),
        ("sklearn", Tokenizer::Sklearn),
        ("words", Tokenizer::Words),
    ] {
        let preprocessing = preprocessing(tokenizer, Stem::None);
        let mut tokens = Tokens::default();
        measure(&format!("clean and divide, {name}"), &mut || {
            for text in &texts {
                preprocessing.find_tokens(text, &mut tokens);
                black_box(tokens.spots());
            }
        });
    }
    for (name, stem) in [("whitespace", Stem::None), ("stemmed", Stem::English)] {
        let preprocessing = preprocessing(Tokenizer::Whitespace, stem);
        measure(&format!("fit a vocabulary, {name}"), &mut || {
            black_box(fit(&preprocessing, &texts));
        });
        let encoder = encoder(preprocessing.clone(), fit(&preprocessing, &texts));
        measure(&format!("encode, {name}"), &mut || {
            for texts in texts.chunks(BATCH) {
                black_box(encoder.encode_batch(texts));
            }
        });
    }
}

/// Texts of words by Zipf's law: the logarithm of a rank is uniform.
fn made_up() -> Vec<String> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let text = |_text| {
        let mut text = String::new();
        for word in 0..WORDS_A_TEXT {
            let uniform = f64::from(random.next_u32()) / 2_f64.powi(32);
            let rank = f64::from(WORDS).powf(uniform) as u32;
            let mut letters = word_of(rank);
            if word % 17 == 0 {
                letters[..1].make_ascii_uppercase();
            }
            text.push_str(&letters);
            text.push_str(if word % 11 == 10 { ", " } else { " " });
        }
        text
    };
    (0..TEXTS).map(text).collect()
}

/// A word for each rank, short for low ones.
fn word_of(rank: u32) -> String {
    let mut left = rank;
    let mut word = String::new();
    while left > 0 {
        // A consonant and a vowel.
        word.push(char::from(b"bcdfghklmnprstvz"[left as usize % 16]));
        word.push(char::from(b"aeiou"[left as usize / 16 % 5]));
        left /= 80;
    }
    word
}

fn preprocessing(tokenizer: Tokenizer, stem: Stem) -> Preprocessing {
    let params = TermParams {
        tokenizer,
        ..TermParams::default()
    };
    params.with(Terms {
        stem,
        ..Terms::default()
    })
}

fn fit(preprocessing: &Preprocessing, texts: &[&str]) -> Vocabulary {
    let mut counter = TermCounter::new(preprocessing.clone());
    counter.add(texts);
    Vocabulary::of(counter.finish(Wanted {
        limit: IDS - RESERVED.len(),
        min_count: 1,
        numbering: Numbering::Frequency,
    }))
}

fn encoder(text: Preprocessing, vocabulary: Vocabulary) -> Encoder {
    let settings = Settings {
        text,
        list: Lengths {
            start: true,
            truncate: Truncate::Post,
            pad: Pad::Post,
        },
        merges: None,
    };
    Encoder::new(settings, Some(LENGTH), vocabulary.tokens().clone()).unwrap()
}

/// Repeats something that goes through so many bytes, and prints the median and the highest speed.
fn measure(what: &str, bytes: usize, part: &mut dyn FnMut()) {
    part();
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || began.elapsed() < FOR {
        let began = Instant::now();
        part();
        times.push(began.elapsed());
    }
    times.sort();
    let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{what:<30} median {:>8.0} MB/s  best {:>8.0} MB/s  of {}",
        speed(times[times.len() / 2]),
        speed(times[0]),
        times.len()
    );
}
