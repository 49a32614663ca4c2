//! The kind `vectors` on small files in the real formats.

use std::io::Write as _;

use arrow::array::{Array as _, AsArray as _, ListArray};
use arrow::datatypes::Float32Type;
use cinescore_artifact::table::column;
use cinescore_artifact::tables;

use crate::fixture::{Fixture, Review, read, result, texts};

const GLOVE: &str = "the 0.5 -1 2\nat name@domain.com 9 9 9\nfilm 1 1 1\nother 7 7 7\nfilm 3 3 3\n";

/// A vocabulary of `film` (3 times), `the` (twice) and `good`; its path.
fn fixture() -> (Fixture, String) {
    let fixture = Fixture::new(&[Review::new(1, "train", "the film, the good film film")]);
    let out = fixture.run("text", &["--valid", "0", "--calib", "0"]);
    let vocabulary = out.join("vocabulary.parquet").display().to_string();
    (fixture, vocabulary)
}

fn vectors(out: &std::path::Path) -> Vec<Vec<f32>> {
    let table = read(&out.join("vectors.parquet"), &tables::VECTORS);
    let lists: &ListArray = column(&table, "vector");
    let values = |row| {
        lists
            .value(row)
            .as_primitive::<Float32Type>()
            .values()
            .to_vec()
    };
    (0..lists.len()).map(values).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn every_form_of_a_file_gives_the_same_vectors() {
    let (fixture, vocabulary) = fixture();
    let word2vec = format!("5 3\n{GLOVE}");
    let forms: [(&str, Vec<u8>); 5] = [
        ("plain", GLOVE.into()),
        ("word2vec", word2vec.into()),
        ("gzip", gzip(GLOVE)),
        ("zip", zip(&[("glove.txt", GLOVE), ("README.md", "none")])),
        // As GloVe's: a file for each size.
        (
            "sizes.zip",
            zip(&[("glove.2d.txt", "the 1 2\n"), ("glove.3d.txt", GLOVE)]),
        ),
    ];
    for (name, bytes) in forms {
        let file = fixture.file(name, &bytes);
        let arguments = [
            "--vocabulary",
            &vocabulary,
            "--file",
            &file,
            "--missing",
            "mean",
            "--dimensions",
            "3",
        ];
        let out = fixture.run_kind("vectors", &format!("out-{name}"), &arguments);
        let mean = vec![0.75, 0.0, 1.5];
        let wanted = [
            vec![0.0; 3],
            mean.clone(),
            mean.clone(),
            vec![1.0; 3],
            vec![0.5, -1.0, 2.0],
            mean,
        ];
        assert_eq!(vectors(&out), wanted, "{name}");
        let result = result(&out);
        assert_eq!(result["facts"]["words"], 5);
        assert_eq!(result["metrics"]["coverage.words"], 2.0 / 3.0);
        assert_eq!(result["metrics"]["coverage.occurrences"], 5.0 / 6.0);
        assert_eq!(
            result["warnings"][0],
            "1 lines name a word once more: its first vector was taken"
        );
    }
}

#[test]
fn words_without_a_vector_get_one_by_rule() {
    let (fixture, vocabulary) = fixture();
    let file = fixture.file("glove.txt", GLOVE.as_bytes());
    let run = |name: &str, arguments: &[&str]| {
        let common = ["--vocabulary", vocabulary.as_str(), "--file", file.as_str()];
        let out = fixture.run_kind("vectors", name, &[&common[..], arguments].concat());
        let table = read(&out.join("vectors.parquet"), &tables::VECTORS);
        (vectors(&out), texts(&table, "source"))
    };
    let (zero, sources) = run("zero", &["--missing", "zero"]);
    assert_eq!(zero[5], [0.0; 3]);
    assert_eq!(sources, ["zero", "zero", "zero", "file", "file", "zero"]);
    let (random, sources) = run("random", &[]);
    assert_eq!(
        sources,
        ["zero", "random", "random", "file", "file", "random"]
    );
    assert!(random[5].iter().all(|number| number.abs() <= 0.25) && random[5] != random[1]);
    assert_eq!(run("again", &["--seed", "7"]).0, random);
    assert_ne!(run("other", &["--seed", "8"]).0, random);
}

#[test]
fn broken_files_are_refused() {
    let (fixture, vocabulary) = fixture();
    let cut = gzip(GLOVE);
    let files: [Vec<u8>; 6] = [
        "the 1 2\nfilm 1\n".into(),
        "9 2\nthe 1 2\n".into(),
        "the 1 x\n".into(),
        zip(&[("a.txt", "a 1"), ("b.txt", "b 1")]),
        cut[..cut.len() / 2].into(),
        Vec::new(),
    ];
    let messages = files.map(|bytes| {
        let file = fixture.file("broken", &bytes);
        fixture.fail_kind("vectors", &["--vocabulary", &vocabulary, "--file", &file])
    });
    insta::assert_snapshot!(messages.join("\n"), @r###"
3
error: line 2 has 1 numbers, not 2
hint: the file is `broken`

3
error: the header announces 9 words, and 1 follow: the file is cut, or its header wrong
hint: the file is `broken`

3
error: line 1 has `x` where a finite number must be
hint: the file is `broken`

3
error: the zip has several files of vectors, and not one alone with 100 numbers a word: `a.txt` (1), `b.txt` (1)
hint: set `dimensions` to those of one of them

3
error: the file cannot be read after line 1
caused by: incomplete deflate stream
hint: the file is `broken`

3
error: the file has no vectors
hint: the file is `broken`
"###);
}
