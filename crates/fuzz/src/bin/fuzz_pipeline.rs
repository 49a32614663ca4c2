//! Any bytes as a pipeline's file: reading ends with stages or with problems, never with a crash, and
//! every problem can be shown.

#![no_main]

use std::path::Path;

use cinescore_config::Document;
use cinescore_pipeline::file::PipelineFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Document::parse(text, Path::new("fuzz.yaml")) {
        Ok(document) => {
            let file = PipelineFile::read(document, &[]);
            assert!(file.problems.to_string().is_empty() == file.problems.is_empty());
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
