use cinescore_artifact::encoder::ENCODER_VERSION;
use tch::Tensor;

use super::*;
use crate::Batch;
use crate::calibration::Bin;
use crate::task::{Quantity, TargetScale};

const NET: &str = "
name: n
params: {units: 3}
input: {kind: tokens, mask: true, embedding: {size: 2}}
layers: [{lstm: {units: \"${units}\"}}, {pool: max}, tanh]
head: {dense: 1}
";

fn encoder(ids: usize) -> Vec<u8> {
    let tokens = (0..ids).map(|id| format!("t{id}")).collect();
    let preprocessing = serde_json::json!({"tokenizer": "words"});
    serde_json::to_vec(&EncoderFile {
        version: ENCODER_VERSION,
        preprocessing,
        max_length: None,
        padded: false,
        tokens,
    })
    .unwrap()
}

fn spec() -> NetworkSpec {
    network::parse(NET, Path::new("net.yaml"), &BTreeMap::new()).unwrap()
}

fn save_to(folder: &Path, net: &Net) {
    let spec = spec();
    let manifest = Manifest {
        version: BUNDLE_VERSION,
        decoder: Decoder::Regression {
            quantity: Quantity::Stars,
            scale: TargetScale {
                offset: 5.5,
                factor: 3.5,
            },
        },
        calibration: Some(Calibration {
            level: 0.9,
            quantity: Quantity::Stars,
            bins: vec![Bin {
                below: None,
                width: Some(1.5),
                examples: 60,
            }],
        }),
        labels: Labels {
            examples: 100,
            mean: 6.2,
            counts: [(2, 40), (9, 60)].into(),
        },
        ids: 7,
        parameters: network::parameter_count(&spec, 7),
        chosen_epoch: 2,
        metrics: [("valid.mse".to_owned(), 0.1 + 0.2)].into(),
        libtorch: crate::LIBTORCH_VERSION.into(),
        files: BTreeMap::new(),
    };
    save(folder, &manifest, &spec, &encoder(7), net, None).unwrap();
}

fn output(net: &Net) -> f64 {
    let batch = Batch::of_ids(
        Tensor::from_slice(&[1_i32, 5, 6]).view([1, 3]),
        Some(Tensor::from_slice(&[3_i64])),
    );
    net.forward(&batch, false).unwrap().double_value(&[0, 0])
}

#[test]
fn a_bundle_comes_back_as_it_was_and_has_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let net = Net::new(&spec(), 7, Device::Cpu).unwrap();
    save_to(&a, &net);
    let loaded = load(&a, Device::Cpu).unwrap();
    save_to(&b, &loaded.net);
    for name in [WEIGHTS, NETWORK, ENCODER, MANIFEST] {
        assert_eq!(
            fs_err::read(a.join(name)).unwrap(),
            fs_err::read(b.join(name)).unwrap(),
            "{name}"
        );
    }
    assert_eq!(output(&loaded.net), output(&net));
    assert_eq!(loaded.encoder.ids(), 7);
    assert_eq!(loaded.manifest.metrics["valid.mse"], 0.1 + 0.2);
    assert_eq!(loaded.manifest.libtorch, "2.11.0");
    insta::assert_snapshot!(fs_err::read_to_string(a.join(NETWORK)).unwrap(), @r"
    name: n
    about: ''
    init: pytorch
    input:
      kind: tokens
      mask: true
      embedding:
        size: 2
    layers:
    - lstm:
        units: 3
        layers: 1
        dropout: 0.0
        bidirectional: false
    - pool: max
    - tanh
    head:
      dense: 1
    ");
    let json = fs_err::read_to_string(a.join(MANIFEST)).unwrap();
    // The weights, and so their digest, are random.
    let (json, files) = json.split_once(",\n  \"files\"").unwrap();
    assert_eq!(files.matches('"').count(), 3 * 4);
    insta::assert_snapshot!(json, @r#"
    {
      "version": 4,
      "decoder": {
        "task": "regression",
        "quantity": "stars",
        "scale": {
          "offset": 5.5,
          "factor": 3.5
        }
      },
      "calibration": {
        "level": 0.9,
        "quantity": "stars",
        "bins": [
          {
            "below": null,
            "width": 1.5,
            "examples": 60
          }
        ]
      },
      "labels": {
        "examples": 100,
        "mean": 6.2,
        "counts": {
          "2": 40,
          "9": 60
        }
      },
      "ids": 7,
      "parameters": 102,
      "chosen_epoch": 2,
      "metrics": {
        "valid.mse": 0.30000000000000004
      },
      "libtorch": "2.11.0"
    "#);
}

/// A bundle that can be changed, with or without the digests of its files.
struct Changed(tempfile::TempDir);

impl Changed {
    fn new(digests: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        save_to(folder.path(), &Net::new(&spec(), 7, Device::Cpu).unwrap());
        if !digests {
            let path = folder.path().join(MANIFEST);
            let json = fs_err::read_to_string(&path).unwrap();
            let (json, _files) = json.split_once(",\n  \"files\"").unwrap();
            fs_err::write(&path, format!("{json}\n}}\n")).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs_err::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{text}");
        fs_err::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    fn refused(&self) -> String {
        load(self.0.path(), Device::Cpu).unwrap_err().to_string()
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let bundle = Changed::new(false);
    load(bundle.0.path(), Device::Cpu).unwrap();
    fs_err::write(bundle.path(ENCODER), encoder(8)).unwrap();
    let refused = bundle.refused();
    assert!(refused.ends_with("has 8 ids, the bundle's network was trained with 7"));
    fs_err::write(bundle.path(ENCODER), encoder(7)).unwrap();
    bundle.change(NETWORK, "units: 3", "units: 4");
    assert!(bundle.refused().ends_with("weights.safetensors`"));
    // Terabytes: refused before LibTorch is asked for them.
    bundle.change(NETWORK, "units: 4", "units: 1000000");
    assert!(bundle.refused().ends_with("weights.safetensors`"));
    bundle.change(NETWORK, "units: 1000000", "units: 3");
    bundle.change(NETWORK, "dense: 1", "dense: 2");
    assert_eq!(
        bundle.refused(),
        "the network has 2 outputs, and the task `regression` of the bundle 1"
    );
    bundle.change(NETWORK, "dense: 2", "dense: 1");
    bundle.change(MANIFEST, "\"width\": 1.5", "\"width\": -1.5");
    assert_eq!(
        bundle.refused(),
        "the `calibration` of the bundle does not give every prediction an interval"
    );
    bundle.change(MANIFEST, "\"width\": -1.5", "\"width\": 1.5");
    // Intervals of another quantity than the one that is predicted.
    let stars = "\"level\": 0.9,\n    \"quantity\": \"stars\"";
    let popularity = stars.replace("stars", "popularity");
    bundle.change(MANIFEST, stars, &popularity);
    assert_eq!(
        bundle.refused(),
        "the `calibration` of the bundle does not give every prediction an interval"
    );
    let newer = BUNDLE_VERSION + 1;
    bundle.change(
        MANIFEST,
        &format!("\"version\": {BUNDLE_VERSION}"),
        &format!("\"version\": {newer}, \"new\": 0"),
    );
    let refused = bundle.refused();
    let wanted = format!("has version {newer}; this program reads version {BUNDLE_VERSION}");
    assert!(refused.ends_with(&wanted), "{refused}");
}

#[test]
fn damaged_exchanged_and_missing_files_are_refused() {
    for (name, from, to) in [(NETWORK, "units: 3", "units:  3"), (ENCODER, "t3", "u3")] {
        let bundle = Changed::new(true);
        load(bundle.0.path(), Device::Cpu).unwrap();
        bundle.change(name, from, to);
        let wanted = "is damaged or was exchanged: its digest is not the one in `bundle.json`";
        let refused = bundle.refused();
        assert!(refused.ends_with(wanted), "{refused}");
    }
    // Another network's weights, of the same shapes.
    let bundle = Changed::new(true);
    let whole = fs_err::read(bundle.path(WEIGHTS)).unwrap();
    let other: Vec<u8> = whole.iter().rev().take(4).copied().collect();
    let mut exchanged = whole.clone();
    let end = exchanged.len() - 4;
    exchanged[end..].copy_from_slice(&other);
    fs_err::write(bundle.path(WEIGHTS), exchanged).unwrap();
    assert!(bundle.refused().contains("damaged or was exchanged"));
    // Truncated, so that not even its header is right.
    for end in [0, 7, 100, whole.len() - 1] {
        fs_err::write(bundle.path(WEIGHTS), &whole[..end]).unwrap();
        assert!(bundle.refused().contains("damaged or was exchanged"));
    }
    // The same, where nothing says which digest it had.
    let bundle = Changed::new(false);
    let path = bundle.path(WEIGHTS);
    for end in [0, 7, 8, 100, whole.len() - 1] {
        fs_err::write(&path, &whole[..end]).unwrap();
        assert!(bundle.refused().ends_with("weights.safetensors`"));
    }
    let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let refused = bundle.refused();
    assert!(refused.contains("has 1099511627776 bytes, and at most"));
    fs_err::remove_file(&path).unwrap();
    fs_err::create_dir(&path).unwrap();
    assert!(bundle.refused().ends_with("is not a file"));
    fs_err::remove_dir(&path).unwrap();
    assert!(bundle.refused().starts_with("cannot access"));
}
