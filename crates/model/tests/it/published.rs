//! Every network file says what PyTorch's own modules say with the same weights.
//!
//! The references come from a reading of the same files with `torch.nn` (PyTorch 2.11.0), each module filled with
//! the numbers of [`number`]; a masking network was given each review alone, without padding.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_model::{Batch, Net};
use cinescore_network::{InputSpec, parse};
use tch::{Device, Kind, Tensor};

/// Ids of the encoder.
const IDS: i64 = 1000;
/// The first outputs for each of the two reviews.
type Reference = (&'static str, [&'static [f64]; 2]);

#[rustfmt::skip]
const REFERENCES: [Reference; 28] = [
    ("bilstm_attention", [&[-0.18529704], &[-0.165631]]),
    ("cnn_lstm_e", [&[-0.0009816403], &[-0.00097116933]]),
    ("cnn_lstm_e_classes", [&[-0.098164037, 0.070754558], &[-0.097116932, 0.0696401]]),
    ("cnn_lstm_e_seq", [&[-0.0010922838], &[-0.0010908889]]),
    ("gru_f", [&[-0.00097822433], &[-0.00097786635]]),
    ("gru_f_classes", [&[-0.097822443, 0.041272674], &[-0.097786643, 0.041305527]]),
    ("gru_f_seq", [&[-0.00094134582], &[-0.00094228465]]),
    ("gru_maxpool", [&[-0.31767827], &[-0.35620004]]),
    ("gru_ordinal", [&[-0.11767828, -0.7620759], &[-0.15620005, -0.80059767]]),
    ("keras_cnn_lstm", [&[-0.2815423], &[-0.28220144]]),
    ("keras_lstm", [&[-0.1966738], &[-0.17167971]]),
    ("keras_lstm_dropout", [&[-0.1966738], &[-0.17167971]]),
    ("keras_lstm_masked", [&[-0.1966738], &[-0.17166471]]),
    ("lstm_c", [&[0.067479022], &[0.067043416]]),
    ("lstm_c_classes", [&[0.067479022, 0.013151278], &[0.067043416, 0.01386123]]),
    ("lstm_c_seq", [&[0.10031093], &[0.099119447]]),
    ("lstm_d", [&[-0.0010465945], &[-0.0010376519]]),
    ("lstm_d_classes", [&[-0.10465945, 0.078618295], &[-0.10376519, 0.077751227]]),
    ("lstm_d_seq", [&[-0.001054383], &[-0.0010799724]]),
    ("mlp_a", [&[0.02609878], &[0.026086314]]),
    ("mlp_a_classes", [&[-0.092644066, 0.036572784], &[-0.093623586, 0.040148273]]),
    ("mlp_a_mean", [&[0.02609868], &[0.026092861]]),
    ("region_embedding", [&[0.53414649], &[0.58874154]]),
    ("rnn_b", [&[-9.7084994e-05], &[-9.7055963e-05]]),
    ("rnn_b_classes", [&[-0.97084999, 0.73578334], &[-0.97055972, 0.73353654]]),
    ("rnn_b_seq", [&[-5.6660836e-05], &[-6.279831e-05]]),
    ("stacked_attention", [&[0.40840223], &[0.40448025]]),
    ("tunable_lstm", [&[-0.1966738], &[-0.17166471]]),
];

/// The two reviews: their lengths, and a number that makes them differ.
const REVIEWS: [(i64, i64); 2] = [(60, 7), (23, 11)];

fn review((length, factor): (i64, i64)) -> Vec<i64> {
    (0..length)
        .map(|step| (step * step * factor + step * 31 + 1) % (IDS - 1) + 1)
        .collect()
}

/// Numbers from -1 to 1 that look like random ones, `[count]`.
fn number(count: i64) -> Tensor {
    let values: Vec<f64> = (0..count)
        .map(|index| (index * 2_654_435_761 % (1 << 32)) as f64 / f64::from(1_u32 << 31) - 1.0)
        .collect();
    Tensor::from_slice(&values)
}

/// What a variable is filled with: its size keeps what goes through it about as large as it was.
fn filling(name: &str, shape: &[i64]) -> Tensor {
    let numbers = number(shape.iter().product());
    let scaled = match (shape, name.rsplit('.').next().unwrap()) {
        ([_, inputs @ ..], _) if !inputs.is_empty() => {
            let inputs: i64 = inputs.iter().product();
            numbers * (3.0 / inputs as f64).sqrt()
        }
        (_, "running_var") => numbers * 0.5 + 1.0,
        (_, "weight") => numbers * 0.1 + 1.0,
        _ => numbers * 0.1,
    };
    scaled.to_kind(Kind::Float).reshape(shape)
}

/// Both reviews, padded as the input wants them.
fn batch(input: &InputSpec) -> Batch {
    let reviews = REVIEWS.map(review);
    let length = match input {
        InputSpec::Whole(input) => input.length as usize,
        InputSpec::Tokens(_) => 60,
    };
    let in_front = matches!(input, InputSpec::Tokens(input) if !input.mask);
    let padded: Vec<i64> = reviews
        .iter()
        .flat_map(|review| {
            let padding = vec![0; length - review.len()];
            let (first, second) = if in_front {
                (padding, review.clone())
            } else {
                (review.clone(), padding)
            };
            first.into_iter().chain(second)
        })
        .collect();
    let lengths = reviews.map(|review| review.len() as i64);
    Batch {
        ids: Tensor::from_slice(&padded).view([2, length as i64]),
        lengths: input.masks().then(|| Tensor::from_slice(&lengths)),
    }
}

#[test]
fn every_network_says_what_pytorchs_modules_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/networks");
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        REFERENCES.len(),
        "a network without a reference"
    );
    for (name, expected) in REFERENCES {
        let path = folder.join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut overrides = BTreeMap::new();
        if text.contains("${scale}") {
            overrides.insert("scale".to_owned(), "vocabulary".into());
        }
        let spec = parse(&text, &path, &overrides).unwrap();
        let net = Net::new(&spec, IDS as usize, Device::Cpu).unwrap();
        for (name, mut variable) in net.variables() {
            let filling = filling(&name, &variable.size());
            tch::no_grad(|| variable.copy_(&filling));
        }
        let batch = batch(&spec.input);
        let say = || tch::no_grad(|| net.forward(&batch, false)).unwrap();
        let outputs = say();
        assert_eq!(
            outputs.size(),
            [2, i64::from(spec.head.outputs())],
            "{name}"
        );
        assert_eq!(outputs, say(), "{name} says something else the second time");
        for (row, expected) in expected.iter().enumerate() {
            for (column, expected) in expected.iter().enumerate() {
                let found = outputs.double_value(&[row as i64, column as i64]);
                // A leaky ReLU at the end makes some outputs small, and their error with them.
                assert!(
                    (found - expected).abs() <= 2e-5 * expected.abs(),
                    "{name}, review {row}, output {column}: {found} is not {expected}"
                );
            }
        }
    }
}
