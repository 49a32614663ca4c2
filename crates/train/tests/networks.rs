//! Every network file of the repository learns, and comes back from its file of weights as it was.
//!
//! A program of its own: LibTorch has one generator for a whole process, and where other tests draw from it as well, the first
//! weights are those of no seed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cinescore_model::{Batch, Net, compute, weights};
use cinescore_network::{InputSpec, LayerSpec, NetworkSpec, parse};
use cinescore_train::optimizer::{AdagradParams, AdamParams, Optimizer, OptimizerParams};
use cinescore_train::random;
use tch::{Device, Kind, Tensor};

/// Ids of the encoder.
const IDS: usize = 60;
/// Slots of a window.
const SLOTS: usize = 8;
const LENGTHS: [usize; 6] = [9, 4, 12, 7, 5, 11];
/// What is to be learned; positive, as some networks end with a leaky ReLU.
const TARGETS: [f32; 6] = [0.5, 2.0, 1.0, 1.5, 0.25, 1.25];
/// Steps after which a network that has not learned the batch never will: of one that reads words, and of one that reads
/// a review as one vector, whose many layers without a gate take longer.
const STEPS: [usize; 2] = [500, 1500];
/// The numbers of a review that is read as one vector.
const WHOLE: u32 = 24;
/// Learning rates that are tried one after the other. Which of them lets a network learn differs from processor to processor, by how it rounds:
/// a gated network over one number at a time learns nothing for a thousand steps at the smallest.
const RATES: [&[f64]; 2] = [&[1e-2, 2e-2, 2e-3], &[5e-4, 1e-2, 4e-3, 2e-3, 1e-3]];

/// The tests of this program draw one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static DRAWING: Mutex<()> = Mutex::new(());
    DRAWING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All network files, read.
fn networks() -> Vec<NetworkSpec> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/networks");
    let mut paths: Vec<_> = fs_err::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = fs_err::read_to_string(path).unwrap();
            let mut params = BTreeMap::new();
            if text.contains("${scale}") {
                params.insert("scale".to_owned(), "vocabulary".into());
            }
            parse(&text, path, &params).unwrap()
        })
        .collect()
}

/// A network without anything that is random in training.
fn without_dropout(mut spec: NetworkSpec) -> NetworkSpec {
    match &mut spec.input {
        InputSpec::Tokens(input) => input.word_dropout = 0.0,
        InputSpec::OneHot(input) => input.word_dropout = 0.0,
        InputSpec::Regions(input) => input.word_dropout = 0.0,
        InputSpec::Bag(input) => input.word_dropout = 0.0,
        InputSpec::Whole(_) | InputSpec::Window(_) => {}
    }
    quiet(&mut spec.layers);
    spec
}

fn quiet(layers: &mut [LayerSpec]) {
    for layer in layers {
        match layer {
            LayerSpec::Dropout(p) | LayerSpec::VariationalDropout(p) => *p = 0.0,
            LayerSpec::Rnn(spec) | LayerSpec::Lstm(spec) | LayerSpec::Gru(spec) => {
                spec.dropout = 0.0;
            }
            LayerSpec::Recurrent(spec) => spec.dropout = 0.0,
            LayerSpec::Concat(branches) => branches.iter_mut().for_each(|branch| quiet(branch)),
            _ => {}
        }
    }
}

/// The ids of each review: as many different ones as it is long.
fn reviews() -> Vec<Vec<i64>> {
    let review = |(index, length): (usize, usize)| {
        (0..length)
            .map(|step| ((index * 7 + step * step * 3 + step) % (IDS - 3) + 3) as i64)
            .collect()
    };
    LENGTHS.into_iter().enumerate().map(review).collect()
}

/// Some of the reviews as the network wants them, the linear models beside it saying 0.5 of each.
fn batch(spec: &NetworkSpec, reviews: &[Vec<i64>]) -> Batch {
    let size = [reviews.len() as i64, i64::from(spec.wide)];
    let logits = || Tensor::full(size, 0.5, (Kind::Float, Device::Cpu));
    batch_of(&spec.input, reviews).with_wide((spec.wide > 0).then(logits))
}

/// Some of the reviews as the input wants them; unmasked ones all padded to one length.
fn batch_of(input: &InputSpec, reviews: &[Vec<i64>]) -> Batch {
    let lengths: Vec<i64> = reviews.iter().map(|review| review.len() as i64).collect();
    let count = reviews.len() as i64;
    if let InputSpec::Bag(_) = input {
        let ids = Tensor::from_slice(&reviews.concat());
        let values = Tensor::ones(ids.size(), (Kind::Float, Device::Cpu));
        return Batch {
            ids,
            lengths: Some(Tensor::from_slice(&lengths)),
            values: Some(values),
            wide: None,
        };
    }
    if let InputSpec::Window(_) = input {
        // The ids as features: what is in a window does not matter here.
        let values: Vec<f32> = reviews
            .iter()
            .flat_map(|review| {
                let whole = review.iter().cycle().take(SLOTS * IDS);
                whole.map(|id| *id as f32 / IDS as f32 - 0.5)
            })
            .collect();
        let values = Tensor::from_slice(&values).view([count, SLOTS as i64, IDS as i64]);
        return Batch::of_windows(values).unwrap();
    }
    let length = match input {
        InputSpec::Whole(input) => input.length as usize,
        _ if input.masks() => reviews.iter().map(Vec::len).max().unwrap(),
        _ => 12,
    };
    let padded: Vec<i64> = reviews
        .iter()
        .flat_map(|review| {
            let padding = vec![0; length - review.len()];
            review.iter().copied().chain(padding)
        })
        .collect();
    Batch::of_ids(
        Tensor::from_slice(&padded).view([count, length as i64]),
        input.masks().then(|| Tensor::from_slice(&lengths)),
    )
}

fn learned(net: &Net) -> Vec<(String, Tensor)> {
    let variables = net.variables().into_iter();
    variables
        .filter(|(_, variable)| variable.requires_grad())
        .collect()
}

/// The mean squared error of the first output.
fn error(net: &Net, batch: &Batch) -> Tensor {
    let first = net.forward(batch, true).unwrap().select(1, 0);
    (first - Tensor::from_slice(&TARGETS))
        .square()
        .mean(Kind::Float)
}

/// The mean squared error, as a share of the targets' variance, at which a training from new weights at a learning rate
/// ends; it ends early below a thousandth.
fn share_left(spec: &NetworkSpec, seed: u64, rate: f64, steps: usize) -> f64 {
    let mean = TARGETS.iter().sum::<f32>() / 6.0;
    let variance = TARGETS
        .iter()
        .map(|target| (target - mean).powi(2))
        .sum::<f32>()
        / 6.0;
    random::seed_torch(seed, random::INITIALISATION);
    let net = Net::new(spec, IDS, Device::Cpu).unwrap();
    let batch = batch(spec, &reviews());
    let params = match spec.input {
        InputSpec::Regions(_) => OptimizerParams::Adagrad(AdagradParams::default()),
        _ => OptimizerParams::Adam(AdamParams::default()),
    };
    let mut optimizer = Optimizer::new(params, Some(1.0), learned(&net)).unwrap();
    let mut share = f64::INFINITY;
    for step in 0..steps {
        let loss = error(&net, &batch);
        share = loss.double_value(&[]) / f64::from(variance);
        if share < 1e-3 {
            break;
        }
        let passed = step as f64 / steps as f64;
        optimizer
            .step(&loss, rate * (1.0 - passed * passed))
            .unwrap();
    }
    share
}

/// A network that reads a review as one vector, of a shorter one: its first layer has millions of weights for 2,470
/// numbers, most of which are padding here, and would take minutes.
fn shortened(mut spec: NetworkSpec) -> NetworkSpec {
    if let InputSpec::Whole(input) = &mut spec.input {
        input.length = WHOLE;
    }
    spec
}

#[test]
fn every_network_learns_one_batch_by_heart() {
    let _alone = alone();
    let networks = networks();
    let whole = |spec: &&NetworkSpec| matches!(spec.input, InputSpec::Whole(_));
    assert!(networks.iter().filter(whole).count() >= 12 && networks.len() > 40);
    let failed = compute::apart(1, || {
        let shares = networks.into_iter().map(|spec| {
            let spec = shortened(without_dropout(spec));
            let kind = usize::from(matches!(spec.input, InputSpec::Whole(_)));
            let mut least = f64::INFINITY;
            // From some first weights a network with units that are dead cannot learn.
            for seed in 3..6 {
                for &rate in RATES[kind] {
                    if least >= 1e-3 {
                        least = f64::min(least, share_left(&spec, seed, rate, STEPS[kind]));
                    }
                }
            }
            (spec.name, least)
        });
        shares
            .filter(|(_, share)| *share >= 1e-3)
            .collect::<Vec<_>>()
    })
    .unwrap();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_network_comes_back_from_its_weights_and_takes_a_review_alone_as_with_others() {
    let _alone = alone();
    for spec in networks() {
        random::seed_torch(3, random::INITIALISATION);
        let net = Net::new(&spec, IDS, Device::Cpu).unwrap();
        let together = batch(&spec, &reviews());
        let say = |net: &Net, batch: &Batch| tch::no_grad(|| net.forward(batch, false)).unwrap();
        let outputs = say(&net, &together);
        let bytes = weights::to_bytes(&net.variables()).unwrap();
        let other = Net::new(&spec, IDS, Device::Cpu).unwrap();
        weights::load(&other.variables(), &bytes).unwrap();
        assert_eq!(say(&other, &together), outputs, "{}", spec.name);
        for (index, review) in reviews().into_iter().enumerate() {
            let alone = say(&net, &batch(&spec, &[review]));
            let difference = alone.get(0) - outputs.get(index as i64);
            let difference = difference.abs().max().double_value(&[]);
            assert!(
                difference <= 1e-5,
                "{}, review {index}: {difference:.1e}",
                spec.name
            );
        }
    }
}
