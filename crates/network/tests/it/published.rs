//! Every network file is usable, and has as many parameters as its authors' network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinescore_network::{Summary, check, check_shapes, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/networks")
}

fn networks() -> BTreeMap<String, Summary> {
    let mut networks = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let summary =
            check(&text, &path, &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(summary.name, stem, "a network is called as its file");
        networks.insert(stem, summary);
    }
    networks
}

#[test]
fn published_networks_have_their_numbers_of_parameters() {
    let networks = networks();
    // As PyTorch counts them, with two bias vectors for each recurrent layer.
    for (name, ids, parameters) in [
        ("mlp_a", 20_000, 8_772_263),
        ("rnn_b", 20_000, 4_567_577),
        ("lstm_c", 20_000, 6_144_857),
        ("lstm_d", 20_000, 1_472_345),
        ("cnn_lstm_e", 20_000, 11_316_143),
        ("gru_f", 20_000, 2_555_869),
        ("keras_lstm", 5000, 213_701),
        ("keras_lstm_dropout", 5000, 213_701),
        ("keras_lstm_masked", 5000, 213_701),
        ("keras_cnn_lstm", 5000, 216_805),
        // An LSTM from 100 to 100 and a head; tuned, the vectors of all ids as well.
        ("glove_lstm", 5000, 80_901),
        ("glove_lstm_tuned", 5000, 580_901),
        // A weight for each n-gram, and a bias.
        ("nb_linear", 1_000_000, 1_000_001),
        ("linear_tfidf", 400_000, 400_001),
        // Of windows the features stand for the ids: 4 x 32 x (6 + 32 + 2), and a head.
        ("popularity_lstm", 6, 5153),
        ("popularity_gru", 6, 3873),
        ("popularity_mlp", 6, 48 * 64 + 64 + 64 * 64 + 64 + 65),
        ("popularity_cnn_lstm", 6, 6 * 3 * 32 + 32 + 4 * 32 * 66 + 33),
        // Of its LSTMs the first has 256 weights for each word.
        ("stacked_attention_one_hot", 5000, 1_338_625),
    ] {
        let found = networks[name].parameters.with_ids(ids);
        assert_eq!(found, parameters, "{name}");
    }
}

#[test]
fn each_network_of_the_report_has_its_classifier_and_its_twin() {
    let networks = networks();
    for (name, twin) in [
        ("mlp_a", "mlp_a_mean"),
        ("rnn_b", "rnn_b_seq"),
        ("lstm_c", "lstm_c_seq"),
        ("lstm_d", "lstm_d_seq"),
        ("cnn_lstm_e", "cnn_lstm_e_seq"),
        ("gru_f", "gru_f_seq"),
    ] {
        assert_eq!(networks[name].parameters.per_id, 0, "{name}");
        assert_eq!(networks[&format!("{name}_classes")].outputs, 10, "{name}");
        assert_eq!(networks[twin].parameters.per_id, 64, "{twin}");
    }
}

#[test]
fn what_a_bundle_keeps_of_a_network_is_the_same_network() {
    for name in networks().keys() {
        let path = folder().join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let spec = parse(&text, &path, &BTreeMap::new()).unwrap();
        let resolved = serde_yaml::to_string(&spec).unwrap();
        assert_eq!(parse(&resolved, &path, &BTreeMap::new()).unwrap(), spec);
    }
}

#[test]
fn the_convolutions_of_model_e_flatten_to_what_the_report_says() {
    let path = folder().join("cnn_lstm_e.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let spec = parse(&text, &path, &BTreeMap::new()).unwrap();
    let shapes: Vec<String> = check_shapes(&spec)
        .unwrap()
        .iter()
        .take(6)
        .map(|line| format!("{} {}", line.place, line.shape))
        .collect();
    assert_eq!(
        shapes,
        [
            "input [B, 2470]",
            "layers.0 [B, 2470, 1]",
            "layers.1 [B, 495, 16]",
            "layers.2 [B, 249, 16]",
            "layers.3 [B, 3984]",
            "layers.4 [B, 2470]",
        ]
    );
}
