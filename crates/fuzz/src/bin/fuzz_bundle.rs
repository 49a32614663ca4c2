//! Any bytes as the files of a bundle, as far as they are read before LibTorch makes anything of them: the network, the
//! encoder of ids or of bags, and the weights. Refused or used, never a crash.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_featurize::bags::BagEncoder;
use cinescore_featurize::encode::Encoder;
use cinescore_network::{check_weights, parse, variables};
use libfuzzer_sys::fuzz_target;

/// What stands between the files.
const BETWEEN: &[u8] = b"\n\0\n";
const TEXT: &str = "It's a GREAT film!<br />Not bad &amp; 10/10.";

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let mut next = || {
        let end = rest.windows(BETWEEN.len()).position(|at| at == BETWEEN);
        let (file, behind) = match end {
            Some(end) => (&rest[..end], &rest[end + BETWEEN.len()..]),
            None => (rest, &[][..]),
        };
        rest = behind;
        file
    };
    let (network, encoder) = (next(), next());
    let weights = rest;
    let ids = if let Ok(encoder) = Encoder::from_json(encoder) {
        let last = encoder.encode(TEXT).into_iter().max();
        assert!(last.is_none_or(|last| (last as usize) < encoder.ids()));
        encoder.ids()
    } else if let Ok(encoder) = BagEncoder::from_json(encoder) {
        let last = encoder.encode(TEXT).last().map(|(last, _)| *last);
        assert!(last.is_none_or(|last| (last as usize) < encoder.width()));
        encoder.width()
    } else {
        7
    };
    let spec = std::str::from_utf8(network)
        .ok()
        .and_then(|text| parse(text, Path::new("fuzz.yaml"), &BTreeMap::new()).ok());
    if let Some(spec) = spec {
        let variables = variables(&spec, ids);
        let shape = |axes: &[i64]| axes.iter().map(|axis| *axis as usize).collect();
        let wanted = variables
            .iter()
            .map(|variable| (variable.name.as_str(), shape(&variable.shape)));
        let fits = check_weights(weights, wanted).is_ok();
        assert!(!fits || !weights.is_empty());
    }
});
