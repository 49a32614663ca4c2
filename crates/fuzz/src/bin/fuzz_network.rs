//! Any bytes as a network file: a summary or problems, never a crash.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match cinescore_network::check(text, Path::new("fuzz.yaml"), &BTreeMap::new()) {
        Ok(summary) => assert!(!summary.name.is_empty()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
