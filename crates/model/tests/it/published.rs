//! Every network file says what PyTorch's own modules say with the same weights.
//!
//! The references come from a reading of the same files with `torch.nn` (PyTorch 2.11.0) in double precision, each
//! module filled with the numbers of [`number`]; a masking network was given each review alone, without padding, and
//! a one-hot input was a dense tensor, and so was one of regions, read by `Conv1d`. What a linear model beside a network says of
//! the two reviews is 0.5 and -0.75. Windows are two, of 8 slots with 3 features.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_model::{Batch, Net};
use cinescore_network::{InputSpec, parse};
use tch::{Device, Kind, Tensor};

/// Ids of the encoder.
const IDS: i64 = 1000;
/// Slots and features of a window.
const WINDOW: (i64, i64) = (8, 3);
/// The first outputs for each of the two reviews, or windows.
type Reference = (&'static str, [&'static [f64]; 2]);

#[rustfmt::skip]
const REFERENCES: [Reference; 50] = [
    ("bilstm_attention", [&[-0.1852970266], &[-0.1656310091]]),
    ("cnn_lstm_e", [&[-0.000981640415], &[-0.0009711691537]]),
    ("cnn_lstm_e_classes", [&[-0.0981640415, 0.07075457018], &[-0.09711691537, 0.06964011089]]),
    ("cnn_lstm_e_seq", [&[-0.001092283296], &[-0.001090888556]]),
    ("cnn_lstm_e_seq_classes", [&[-0.1092283296, 0.07945387689], &[-0.1090888556, 0.07932168768]]),
    ("glove_lstm", [&[-0.1868641828], &[-0.3017435632]]),
    ("glove_lstm_tuned", [&[-0.1868641828], &[-0.3017435632]]),
    ("gru_classes", [&[-0.3176783254, 0.2454785571], &[-0.3561999972, 0.2501257944]]),
    ("gru_dropout", [&[0.06247504791], &[0.02215592127]]),
    ("gru_f", [&[-0.0009782244643], &[-0.000977866474]]),
    ("gru_f_classes", [&[-0.09782244643, 0.04127266469], &[-0.0977866474, 0.04130552008]]),
    ("gru_f_seq", [&[-0.0009413458951], &[-0.0009422848157]]),
    ("gru_f_seq_classes", [&[-0.09413458951, 0.04592526773], &[-0.09422848157, 0.04575759329]]),
    ("gru_maxpool", [&[-0.3176783254], &[-0.3561999972]]),
    ("gru_ordinal", [&[-0.1176783224, -0.7620759818], &[-0.1561999942, -0.8005976536]]),
    ("keras_cnn_lstm", [&[-0.2815423293], &[-0.2822014366]]),
    ("keras_lstm", [&[-0.1966738115], &[-0.1716797038]]),
    ("keras_lstm_dropout", [&[-0.1966738115], &[-0.1716797038]]),
    ("keras_lstm_masked", [&[-0.1966738115], &[-0.1716647246]]),
    ("linear_tfidf", [&[2.979561109], &[3.880231002]]),
    ("lstm_c", [&[0.06747903161], &[0.06704346013]]),
    ("lstm_c_classes", [&[0.06747903161, 0.01315127745], &[0.06704346013, 0.01386121944]]),
    ("lstm_c_seq", [&[0.1003109601], &[0.09911942378]]),
    ("lstm_c_seq_classes", [&[0.1003109601, -0.04419838855], &[0.09911942378, -0.03060780366]]),
    ("lstm_d", [&[-0.0010465946], &[-0.001037651836]]),
    ("lstm_d_classes", [&[-0.10465946, 0.0786182894], &[-0.1037651836, 0.07775122577]]),
    ("lstm_d_seq", [&[-0.001054383093], &[-0.00107997233]]),
    ("lstm_d_seq_classes", [&[-0.1054383093, 0.07434676466], &[-0.107997233, 0.07469568757]]),
    ("mlp_a", [&[0.02609879028], &[0.0260863235]]),
    ("mlp_a_classes", [&[-0.09264406328, 0.03657274272], &[-0.09362355627, 0.04014829126]]),
    ("mlp_a_mean", [&[0.02609868894], &[0.0260928686]]),
    ("mlp_a_mean_classes", [&[-0.09265202509, 0.03575972159], &[-0.09310931894, 0.03812118103]]),
    ("nb_linear", [&[2.979561109], &[3.880231002]]),
    ("popularity_cnn_gru", [&[-0.4636726556], &[-0.3022389704]]),
    ("popularity_cnn_lstm", [&[-0.3380827135], &[-0.2451807203]]),
    ("popularity_gru", [&[-0.5765693638], &[-0.8439128901]]),
    ("popularity_lstm", [&[-0.4296070777], &[-0.5296129827]]),
    ("popularity_mlp", [&[0.1894433173], &[0.04653722717]]),
    ("popularity_rnn", [&[0.6976072185], &[1.456009528]]),
    ("recommended", [&[0.9740741165, 0.7591381867], &[1.177859349, 0.9827529477]]),
    ("recommended_recurrent", [&[-0.3528870773, -0.1404214664], &[-0.2909908871, -0.04004446054]]),
    ("region_embedding", [&[0.5341465682], &[0.5887414874]]),
    ("rnn_b", [&[-9.708496379e-05], &[-9.705601065e-05]]),
    ("rnn_b_classes", [&[-0.9708496379, 0.73578295], &[-0.9705601065, 0.7335365271]]),
    ("rnn_b_seq", [&[-5.666088135e-05], &[-6.279828096e-05]]),
    ("rnn_b_seq_classes", [&[-0.5666088135, 0.4719307389], &[-0.6279828096, 0.5213610791]]),
    ("stacked_attention", [&[0.4084022197], &[0.4044803192]]),
    ("stacked_attention_one_hot", [&[0.4239036425], &[0.4187944106]]),
    ("stacked_lstm", [&[0.08818718266], &[0.09253776304]]),
    ("tunable_lstm", [&[-0.1966738115], &[-0.1716647246]]),
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
    if let InputSpec::Bag(_) = input {
        return bags(&reviews);
    }
    if let InputSpec::Window(_) = input {
        let (slots, features) = WINDOW;
        let values = number(2 * slots * features).to_kind(Kind::Float);
        return Batch::of_windows(values.view([2, slots, features])).unwrap();
    }
    let length = match input {
        InputSpec::Whole(input) => input.length as usize,
        _ => 60,
    };
    let in_front = !input.masks() && !matches!(input, InputSpec::Whole(_));
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
    Batch::of_ids(
        Tensor::from_slice(&padded).view([2, length as i64]),
        input.masks().then(|| Tensor::from_slice(&lengths)),
    )
}

/// The same ids as n-grams, with values from 0.25 to 1.25.
fn bags(reviews: &[Vec<i64>]) -> Batch {
    let lengths: Vec<i64> = reviews.iter().map(|review| review.len() as i64).collect();
    let value = |index: usize| (index % 5 + 1) as f32 / 4.0;
    let values: Vec<f32> = reviews
        .iter()
        .flat_map(|review| (0..review.len()).map(value))
        .collect();
    Batch {
        ids: Tensor::from_slice(&reviews.concat()),
        lengths: Some(Tensor::from_slice(&lengths)),
        values: Some(Tensor::from_slice(&values)),
        wide: None,
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
        let ids = match spec.input {
            InputSpec::Window(_) => WINDOW.1,
            _ => IDS,
        };
        let net = Net::new(&spec, ids as usize, Device::Cpu).unwrap();
        for (name, mut variable) in net.variables() {
            let filling = filling(&name, &variable.size());
            tch::no_grad(|| variable.copy_(&filling));
        }
        // The same of every linear model beside the network.
        let wide = || {
            let own = Tensor::from_slice(&[0.5_f32, -0.75]).view([2, 1]);
            own.repeat([1, i64::from(spec.wide)])
        };
        let batch = batch(&spec.input).with_wide((spec.wide > 0).then(wide));
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
                    (found - expected).abs() <= 1e-5 * expected.abs(),
                    "{name}, review {row}, output {column}: {found} is not {expected}"
                );
            }
        }
    }
}
