//! The program: how good a bundle is.

use std::path::Path;

use cinescore_model::task::Decoder;
use serde_json::Value;

use crate::bundle::{LSTM, program, regression, said, save, texts};

/// So many reviews as a folder, an archive and a table.
fn write(folder: &Path, count: usize) {
    let mut csv = String::from("text,score\n");
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
        fs_err::File::create(folder.join("a.tar.gz")).unwrap(),
        flate2::Compression::fast(),
    ));
    for (index, text) in texts(count).iter().enumerate() {
        let stars = [1, 3, 8, 10][index % 4];
        let class = if stars < 5 { "neg" } else { "pos" };
        csv.push_str(&format!("{text},{stars}\n"));
        for half in ["test", "train"] {
            let name = format!("aclImdb/{half}/{class}/{index}_{stars}.txt");
            let path = folder.join(&name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, text).unwrap();
            archive.append_path_with_name(&path, name).unwrap();
        }
    }
    archive.into_inner().unwrap().finish().unwrap();
    csv.push_str("no score,\nnot stars,11\n");
    fs_err::write(folder.join("a.csv"), csv).unwrap();
}

fn evaluated(folder: &Path, input: &str) -> Value {
    let (bundle, input) = (folder.join("bundle"), folder.join(input));
    let output = program(&[
        "evaluate",
        input.to_str().unwrap(),
        "--json",
        "--bundle",
        bundle.to_str().unwrap(),
    ]);
    said(&output, 0);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_archive_a_folder_and_a_table_give_the_same_figures() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 120);
    for (decoder, figure) in [(regression(), "mae"), (Decoder::Binary, "accuracy")] {
        save(&folder.path().join("bundle"), LSTM, decoder);
        let archive = evaluated(folder.path(), "a.tar.gz");
        assert_eq!(archive["reviews"], 120);
        assert_eq!(archive["subjects"][1]["name"], "trivial");
        let value = |json: &Value| {
            json["subjects"][0]["figures"][figure]["value"]
                .as_f64()
                .unwrap()
        };
        let told = &archive["subjects"][0]["figures"][figure];
        assert!(
            told["lower"].as_f64() <= told["value"].as_f64()
                && told["value"].as_f64() <= told["upper"].as_f64()
        );
        for other in ["aclImdb", "a.csv"] {
            let other = evaluated(folder.path(), other);
            assert!((value(&other) - value(&archive)).abs() < 1e-5);
            assert_eq!(other["reviews"], 120);
        }
        // Every review has a flag or none, and both kinds have figures.
        let any = archive["flags"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(any["flag"], "any");
        let flagged = any["reviews"].as_f64().unwrap();
        let (with, without) = (&any["flagged"][figure], &any["others"][figure]);
        if let (Some(with), Some(without)) = (with.as_f64(), without.as_f64()) {
            let all = (flagged * with + (120.0 - flagged) * without) / 120.0;
            assert!((all - value(&archive)).abs() < 1e-9);
        }
    }
}

#[test]
fn what_is_left_out_is_told_and_nothing_to_evaluate_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 8);
    save(&folder.path().join("bundle"), LSTM, regression());
    let bundle = folder.path().join("bundle");
    let bundle = bundle.to_str().unwrap();
    let input = folder.path().join("a.csv");
    let output = program(&["evaluate", input.to_str().unwrap(), "--bundle", bundle]);
    let text = said(&output, 0);
    assert!(
        text.contains("2 reviews left out: line 10: no label in `score`; line 11"),
        "{text}"
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(
        lines.starts_with("8 reviews, network lstm, task regression"),
        "{lines}"
    );
    assert!(
        lines.contains("95 % interval") && lines.contains("coverage"),
        "{lines}"
    );
    fs_err::write(&input, "text,stars\ngood,3\n").unwrap();
    let text = said(
        &program(&["evaluate", input.to_str().unwrap(), "--bundle", bundle]),
        2,
    );
    assert!(
        text.contains("has no column `score`") && text.contains("--score-column"),
        "{text}"
    );
    let empty = tempfile::tempdir().unwrap();
    let text = said(
        &program(&[
            "evaluate",
            empty.path().to_str().unwrap(),
            "--bundle",
            bundle,
        ]),
        3,
    );
    assert!(text.contains("has no reviews"), "{text}");
}
