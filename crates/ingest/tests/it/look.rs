//! `look`: what is said of a table, for `cinescore init`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

/// Looks at these bytes; the answer, or what was said.
fn look(bytes: &[u8], flags: &[&str]) -> Result<Value, (i32, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine");
    fs_err::write(&path, bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cinescore-ingest"))
        .arg("look")
        .args(flags)
        .arg(&path)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    let said = String::from_utf8(output.stderr).unwrap();
    let folder: &Path = folder.path();
    let said = said.replace(&folder.display().to_string(), "DIR");
    Err((output.status.code().unwrap(), said.trim().to_owned()))
}

#[test]
fn the_columns_and_what_would_become_of_the_rows_are_said() {
    let csv = "key,mark,label,what they said\n\
        tt0000001,1,drama,A film that is too long\ntt0000002,3,war,Nothing in it is any good\n\
        tt0000003,5,war,It is as good as others are\ntt0000004,7,drama,One of the good ones of the year\n\
        tt0000005,10,war,There is nothing better than this\nnone,,drama,Not seen to the end of it yet\n";
    let found = look(csv.as_bytes(), &[]).unwrap();
    let roles: Vec<String> = found["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            format!(
                "{} {} {}",
                column["name"], column["role"], column["because"]
            )
        })
        .collect();
    assert_eq!(
        roles,
        [
            r#""key" null null"#,
            r#""mark" "score" "values""#,
            r#""label" null null"#,
            r#""what they said" "text" "values""#
        ]
    );
    // Five of six are too few for an IMDb id; `label` would be taken for the sentiment by its name.
    assert_eq!(
        found["params"],
        json!({"text_column": "what they said", "score_column": "mark", "sentiment_column": ""})
    );
    assert_eq!(
        found["notes"],
        json!([
            "column `label` is not taken for the sentiment: its values are not positive and negative, or 1 and 0"
        ])
    );
    assert_eq!((&found["rows"], &found["refused"]), (&json!(6), &json!(0)));
    assert_eq!(found["unlabelled"], 1);
    assert_eq!(
        found["scores"],
        json!({"1": 1, "3": 1, "5": 1, "7": 1, "10": 1})
    );

    let found = look(csv.as_bytes(), &["--tconst-column", "key"]).unwrap();
    assert_eq!(found["refused"], 1);
    assert_eq!(
        found["reasons"],
        json!([
            "         1  reviews: `tconst` is not an IMDb id such as `tt0111161` (first: table 1 row 6)"
        ])
    );
}

#[test]
fn a_table_without_texts_is_refused() {
    assert_eq!(
        look(b"a,b\n1,2\n", &[]).unwrap_err(),
        (3, "error: `DIR/mine` has no column `text`: it has `a`, `b`\nhint: name the column with `text_column`".into())
    );
    assert_eq!(
        look(b"a,b\n1,2\n", &["--text-column", "c"]).unwrap_err(),
        (3, "error: `DIR/mine` has no column `c`: it has `a`, `b`\nhint: name the column with `text_column`".into())
    );
}

/// A Parquet file with texts, and with structs as the column `info` and as another.
fn with_structs(other: &str) -> Vec<u8> {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![
        "A good one, all in all",
        "A bad one, all in all, sadly",
    ]));
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let field = Arc::new(Field::new("number", DataType::Int64, false));
    let structs: ArrayRef = Arc::new(StructArray::from(vec![(field, number)]));
    let batch = RecordBatch::try_from_iter([
        ("info", Arc::clone(&structs)),
        ("said", texts),
        (other, structs),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn columns_that_are_no_text_are_left_out() {
    // `id` is what `reviews` would take by its name.
    let found = look(&with_structs("id"), &[]).unwrap();
    assert_eq!(found["params"], json!({"text_column": "said"}));
    assert_eq!(found["columns"].as_array().unwrap().len(), 1);
    assert_eq!((&found["rows"], &found["refused"]), (&json!(2), &json!(0)));
    assert_eq!(
        found["notes"],
        json!([
            "column `info` is left out: it cannot be read as text",
            "column `id` is left out: it cannot be read as text"
        ])
    );

    assert_eq!(
        look(&with_structs("id"), &["--score-column", "info"]).unwrap_err(),
        (3, "error: column `info` of `DIR/mine` cannot be read as text\nhint: name a column of texts or numbers with `score_column`".into())
    );
    assert_eq!(
        look(&with_structs("text"), &["--text-column", "text"]).unwrap_err(),
        (3, "error: column `text` of `DIR/mine` cannot be read as text\nhint: name a column of texts or numbers with `text_column`".into())
    );
}
