//! Small bundles with random weights.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use cinescore_artifact::encoder::RESERVED;
use cinescore_featurize::encode::{Encoder, Settings};
use cinescore_featurize::lengths::{Lengths, Pad, Truncate};
use cinescore_featurize::params::TermParams;
use cinescore_featurize::terms::Terms;
use cinescore_model::bundle::{self, BUNDLE_VERSION, Labels, Manifest};
use cinescore_model::calibration::{Bin, Calibration};
use cinescore_model::task::{Decoder, Quantity, TargetScale};
use cinescore_model::{LIBTORCH_VERSION, Net};
use tch::Device;

pub(crate) const WORDS: [&str; 12] = [
    "the", "a", "film", "movie", "was", "is", "good", "great", "bad", "dull", "and", "not",
];

pub(crate) const LSTM: &str = "
name: lstm
input: {kind: tokens, mask: true, embedding: {size: 4}}
layers: [{lstm: {units: 8}}, {pool: last}]
head: {dense: OUTPUTS}
";

pub(crate) const CONVOLUTION: &str = "
name: convolution
input: {kind: tokens, embedding: {size: 4}}
layers: [{conv1d: {filters: 5, kernel: 3, padding: 1}}, tanh, {pool: mean}]
head: {dense: OUTPUTS}
";

pub(crate) const LINEAR: &str = "
name: linear
input: {kind: bag, embedding: {size: 1}}
layers: []
head: {outputs: 1}
";

/// One with a linear model beside it.
pub(crate) const REGIONS: &str = "
name: regions
input: {kind: regions, sizes: [1, 2], filters: 6}
wide: true
layers: [relu]
head: {dense: OUTPUTS}
";

/// One with two.
pub(crate) const TWO_BESIDE: &str = "
name: regions
input: {kind: regions, sizes: [1, 2], filters: 6}
wide: 2
layers: [relu]
head: {dense: OUTPUTS}
";

/// Two networks as one.
pub(crate) const MEMBERS: &str = "
name: regions
input: {kind: regions, sizes: [1, 2], filters: 6}
wide: 2
members: 2
layers: [relu]
head: {dense: OUTPUTS}
";

/// What was trained on; of stars 5 and 6 never.
fn labels(counts: BTreeMap<u8, u64>) -> Labels {
    let examples: u64 = counts.values().sum();
    let sum: u64 = counts
        .iter()
        .map(|(&label, count)| u64::from(label) * count)
        .sum();
    Labels {
        examples,
        mean: sum as f64 / examples as f64,
        counts,
    }
}

pub(crate) fn regression() -> Decoder {
    Decoder::Regression {
        quantity: Quantity::Stars,
        scale: TargetScale {
            offset: 5.5,
            factor: 3.5,
        },
    }
}

/// Writes a bundle of a network and a decoder.
pub(crate) fn save(folder: &Path, network: &str, decoder: Decoder) {
    save_drawn(folder, network, decoder, 5);
}

/// The same with first weights by a seed.
fn save_drawn(folder: &Path, network: &str, decoder: Decoder, seed: i64) {
    let outputs = match &decoder {
        Decoder::Binary | Decoder::Regression { .. } | Decoder::Count { .. } => 1,
        Decoder::Classes { labels, .. } => labels.len(),
        Decoder::Ordinal { labels, .. } => labels.len() - 1,
    };
    let text = match &decoder {
        Decoder::Ordinal { labels, .. } => {
            network.replace("dense: OUTPUTS", &format!("cumulative: {}", labels.len()))
        }
        _ => network.replace("OUTPUTS", &outputs.to_string()),
    };
    let spec = cinescore_network::parse(&text, Path::new("net.yaml"), &BTreeMap::new()).unwrap();
    let padded = !spec.input.masks() && spec.input.table() == "tokens";
    let (ids, encoder) = match spec.input.table() {
        "bags" => (WORDS.len(), bags()),
        _ => (WORDS.len() + RESERVED.len(), tokens(padded)),
    };
    let net = {
        // The generator is the process's: two tests at once would draw each other's weights.
        static DRAWING: Mutex<()> = Mutex::new(());
        let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
        tch::manual_seed(seed);
        Net::new(&spec, ids, Device::Cpu).unwrap()
    };
    // Large enough that words matter.
    for (_, mut variable) in net.variables() {
        let _scaled = tch::no_grad(|| variable.f_mul_scalar_(2.0)).unwrap();
    }
    let is_binary = decoder == Decoder::Binary;
    let calibration = Calibration {
        level: 0.9,
        quantity: Quantity::Stars,
        bins: vec![Bin {
            below: None,
            width: Some(1.25),
            examples: 60,
        }],
    };
    let manifest = Manifest {
        version: BUNDLE_VERSION,
        decoder,
        calibration: (!is_binary).then_some(calibration),
        labels: if is_binary {
            labels([(0, 5), (1, 5)].into())
        } else {
            labels([1, 2, 3, 4, 7, 8, 9, 10].map(|star| (star, 10)).into())
        },
        ids,
        parameters: cinescore_network::parameter_count(&spec, ids),
        chosen_epoch: 1,
        metrics: BTreeMap::new(),
        libtorch: LIBTORCH_VERSION.into(),
        files: BTreeMap::new(),
    };
    // Linear models that differ: which is asked first would not be seen otherwise.
    let wide = (0..spec.wide).map(|model| {
        let wide = tempfile::tempdir().unwrap();
        save_drawn(
            wide.path(),
            LINEAR,
            Decoder::Binary,
            seed + i64::from(model),
        );
        wide
    });
    let wide: Vec<_> = wide.collect();
    let folders: Vec<_> = wide.iter().map(|wide| wide.path().to_owned()).collect();
    bundle::save(folder, &manifest, &spec, &encoder, &net, &folders).unwrap();
}

fn tokens(padded: bool) -> Vec<u8> {
    let settings = Settings {
        text: TermParams::default().with(Terms::default()),
        list: Lengths {
            start: true,
            truncate: Truncate::Pre,
            pad: if padded { Pad::Pre } else { Pad::None },
        },
        merges: None,
    };
    let tokens = RESERVED.iter().chain(&WORDS).map(|&token| token.into());
    let encoder = Encoder::new(settings, Some(60), tokens.collect()).unwrap();
    serde_json::to_vec(&encoder.to_file().unwrap()).unwrap()
}

fn bags() -> Vec<u8> {
    let text = TermParams::default().with(Terms::default());
    serde_json::to_vec(&serde_json::json!({
        "version": cinescore_artifact::encoder::ENCODER_VERSION,
        "text": text,
        "bag": {"ngrams": 1, "indices": "vocabulary", "size": 100, "values": "counts", "smoothing": 1.0},
        "ngrams": WORDS,
        "weights": vec![1.0; WORDS.len()],
    }))
    .unwrap()
}

/// So many texts of different lengths, of the words above and others.
pub(crate) fn texts(count: usize) -> Vec<String> {
    let mut state = 7_u64;
    let mut next = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let word = |index: u64| WORDS.get(index as usize).copied().unwrap_or("zyxt");
    (0..count)
        .map(|_| {
            let words: Vec<&str> = (0..1 + next(40)).map(|_| word(next(14))).collect();
            words.join(" ")
        })
        .collect()
}

/// Runs the program.
pub(crate) fn program(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cinescore-predict"));
    command.args(arguments).env("NO_COLOR", "1");
    command
}

/// What the program said on stderr, which must have ended with this code.
pub(crate) fn said(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

/// Classes of such stars.
pub(crate) fn classes(stars: &[u8]) -> Decoder {
    Decoder::Classes {
        quantity: Quantity::Stars,
        labels: stars.into(),
    }
}
