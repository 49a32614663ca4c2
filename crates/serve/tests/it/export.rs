//! What `docs/export.md` says of Python, run as it stands there.

use std::path::Path;
use std::process::Command;

use crate::bundle::{LSTM, program, regression, said, save, texts};

/// The first block of Python of a document.
fn python_of(document: &str) -> &str {
    let (_, code) = document.split_once("```python\n").unwrap();
    code.split_once("```").unwrap().0
}

#[test]
fn the_python_of_the_documentation_rates_as_the_program_does() {
    let python = std::env::var("CINESCORE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = |code: &str| {
        Command::new(&python)
            .args(["-c", code])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !has("import torch, safetensors.torch") {
        eprintln!(
            "SKIPPED: `{python}` has no torch and safetensors (CINESCORE_PYTHON names another): the Python of docs/export.md was not run"
        );
        return;
    }
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/export.md");
    let document = fs_err::read_to_string(document).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    save(&bundle, LSTM, regression());
    let bundle = bundle.to_str().unwrap();
    let mut texts = texts(3);
    texts.push("It's <b>NOT</b> a good film &amp; not a dull one, I'd say: zyxt!".into());
    texts.push(["the film was not bad"; 40].join(" "));
    for text in texts {
        let output = Command::new(&python)
            .args(["-c", python_of(&document), bundle, &text])
            .output()
            .unwrap();
        let told = said(&output, 0);
        let own: f64 = String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .expect(&told);
        let output = program(&["text", "--json", "--no-words", "--bundle", bundle, &text]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let rating = json["rating"].as_f64().unwrap();
        assert!(
            (own - rating).abs() < 1e-5,
            "{text}: {own} in Python, {rating} here"
        );
    }
}
