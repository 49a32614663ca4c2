//! The program: a file of reviews.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use cinescore_model::task::Decoder;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::bundle::{classes, program, regression, texts};
use crate::place::{Place, csv_of, rows};

#[test]
fn every_format_becomes_every_other_with_the_same_ratings() {
    let place = Place::new(regression());
    place.write("a.csv", csv_of(&texts(300)));
    place.file("a.csv", "csv.jsonl", &[], 0);
    let wanted = rows(&place.text("csv.jsonl"));
    assert_eq!(wanted.len(), 300);
    assert_eq!(wanted[7]["id"], "7");
    assert_eq!(wanted[7]["more"], "é");
    assert!(wanted[7]["text"].as_str().unwrap().ends_with(", \"so\"\n"));
    assert!(wanted[7]["rating_lower"].as_f64() <= wanted[7]["rating"].as_f64());
    assert_eq!(wanted[7]["positive"], Value::Null);
    // Each format from each, and back to JSON lines to be compared.
    place.file("a.csv", "b.csv", &[], 0);
    place.file("a.csv", "b.tsv", &[], 0);
    place.file("a.csv", "b.parquet", &[], 0);
    place.file("a.csv", "b.jsonl", &[], 0);
    for from in ["b.csv", "b.tsv", "b.parquet", "b.jsonl"] {
        for to in ["csv", "parquet", "jsonl"] {
            let (one, two) = (format!("{from}.{to}"), format!("{from}.{to}.jsonl"));
            place.file(from, &one, &["--prefix", "again_"], 0);
            place.file(&one, &two, &["--prefix", "third_"], 0);
            let found = rows(&place.text(&two));
            assert_eq!(found.len(), wanted.len(), "{two}");
            for (found, wanted) in found.iter().zip(&wanted) {
                for name in ["id", "text", "more", "sentiment"] {
                    assert_eq!(found[name], wanted[name], "{two}: {name}");
                    if name == "sentiment" {
                        assert_eq!(found["again_sentiment"], wanted[name], "{two}");
                    }
                }
                for name in ["rating", "rating_lower", "rating_upper"] {
                    let number = |value: &Value| match value {
                        Value::String(text) => text.parse::<f64>().unwrap(),
                        other => other.as_f64().unwrap(),
                    };
                    for found in [
                        &found[name],
                        &found[&format!("again_{name}")],
                        &found[&format!("third_{name}")],
                    ] {
                        assert!(
                            (number(found) - number(&wanted[name])).abs() < 1e-5,
                            "{two}: {name}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn rows_that_cannot_be_rated_are_told_with_their_lines() {
    let place = Place::new(regression());
    place.write(
        "a.csv",
        b"id,text\n1,good film\n2,\n3,bad \xff\n4\n5,\"two\nlines\"\n6,  \n7,dull\n".as_slice(),
    );
    let text = place.file("a.csv", "out.csv", &[], 0);
    assert!(
        text.contains("3 reviews rated") && text.contains("4 rows refused: out.csv.rejects.jsonl"),
        "{text}"
    );
    let refused: Vec<(u64, String)> = rows(&place.text("out.csv.rejects.jsonl"))
        .iter()
        .map(|row| {
            (
                row["line"].as_u64().unwrap(),
                row["reason"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(
        refused,
        [
            (3, "no text".to_owned()),
            (4, "column `text` is not UTF-8".to_owned()),
            (5, "1 fields, not 2".to_owned()),
            (8, "no text".to_owned()),
        ]
    );
    let out = place.text("out.csv");
    let ids: Vec<&str> = out
        .lines()
        .filter_map(|line| line.split_once(','))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, ["id", "1", "5", "lines\"", "7"]);

    let deep = format!("{{\"text\": {}", "[".repeat(100_000));
    let lines = format!(
        "{{\"text\":\"good\", \"n\": 12345678901234567890123, \"z\":1}}\n\n[1]\n{{\"text\":3}}\n{{\"text\":\n{deep}\n{{\"text\":\"bad\"}}"
    );
    place.write("b.jsonl", lines);
    place.file("b.jsonl", "out.jsonl", &[], 0);
    let out = place.text("out.jsonl");
    assert!(
        out.starts_with("{\"text\":\"good\", \"n\": 12345678901234567890123, \"z\":1,\"rating\":"),
        "{out}"
    );
    assert_eq!(rows(&out).len(), 2);
    let refused = rows(&place.text("out.jsonl.rejects.jsonl"));
    let lines: Vec<u64> = refused
        .iter()
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [3, 4, 5, 6]);

    // Once all rows can be rated, nothing is left of the former rejects.
    place.write("b.jsonl", "{\"text\":\"good\"}\n");
    place.file("b.jsonl", "out.jsonl", &[], 0);
    assert!(!place.path("out.jsonl.rejects.jsonl").exists());
}

#[test]
fn mistakes_are_told_before_anything_is_written() {
    let place = Place::new(Decoder::Binary);
    place.write("a.csv", "id,review,rating\n1,good,3\n");
    let text = place.file("a.csv", "out.csv", &[], 2);
    assert!(
        text.contains("has no column `text`")
            && text.contains("there are `id`, `review`, `rating`"),
        "{text}"
    );
    let text = place.file("a.csv", "out.csv", &["--text-column", "review"], 2);
    assert!(
        text.contains("has a column `rating` already") && text.contains("--prefix predicted_"),
        "{text}"
    );
    let text = place.file(
        "a.csv",
        "out.csv",
        &[
            "--text-column",
            "review",
            "--prefix",
            "p_",
            "--probabilities",
        ],
        2,
    );
    assert!(
        text.contains("task `binary` gives no probabilities"),
        "{text}"
    );
    let text = place.file(
        "a.csv",
        "out.csv",
        &["--text-column", "review", "--format", "movielens"],
        2,
    );
    assert!(text.contains("gives no stars"), "{text}");
    let text = place.file("a.csv", "out.xls", &[], 2);
    assert!(text.contains("not told by its ending"), "{text}");
    place.write("empty.csv", "");
    let text = place.file("empty.csv", "out.csv", &[], 2);
    assert!(text.contains("is it empty?"), "{text}");
    place.write("other.csv", "id;text\n1;good\n");
    let text = place.file("other.csv", "out.csv", &[], 2);
    assert!(text.contains("separated by commas"), "{text}");
    let text = place.file("nowhere.csv", "out.csv", &[], 2);
    assert!(text.contains("nowhere.csv"), "{text}");
    let text = place.file("a.csv", "./a.csv", &["--text-column", "review"], 2);
    assert!(text.contains("the output is the input"), "{text}");
    assert!(!place.path("out.csv").exists());
    place.file(
        "a.csv",
        "out.csv",
        &["--text-column", "review", "--prefix", "p_"],
        0,
    );
    let out = place.text("out.csv");
    assert!(out.starts_with("id,review,rating,p_rating,p_rating_lower,p_rating_upper,p_sentiment,p_positive,p_flags\n1,good,3,,,,"), "{out}");
}

#[test]
fn flagged_ratings_are_left_out_on_request_and_scores_are_added() {
    let place = Place::new(classes(&[1, 4, 7, 10]));
    let usual = ["the film was good and not dull"; 2].join(" ");
    place.write(
        "a.jsonl",
        format!("{{\"text\":\"good\"}}\n{{\"text\":\"{usual}\"}}\n"),
    );
    place.file("a.jsonl", "out.jsonl", &["--abstain", "--probabilities"], 0);
    let rows = rows(&place.text("out.jsonl"));
    assert_eq!(rows[0]["rating"], Value::Null);
    assert_eq!(rows[0]["probability_7"], Value::Null);
    assert!(rows[0]["flags"].as_str().unwrap().contains("short"));
    if rows[1]["flags"] == "" {
        assert!(rows[1]["rating"].is_number() && rows[1]["probability_7"].is_number());
    } else {
        assert!(rows[1]["rating"].is_null());
    }
}

#[test]
fn movielens_gets_its_columns_and_a_killed_command_goes_on() {
    let place = Place::new(regression());
    place.write(
        "links.csv",
        "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113497,\n",
    );
    let csv = "who,tt,when,text\n5,tt0114709,1000,good film\n6,tt0000001,1000,good\nx,tt0113497,1000,good\n7,tt0113497,1001,bad\n";
    place.write("a.csv", csv);
    let flags = [
        "--format",
        "movielens",
        "--user-column",
        "who",
        "--title-column",
        "tt",
        "--links",
        "links.csv",
        "--timestamp-column",
        "when",
    ];
    place.file("a.csv", "out.csv", &flags, 0);
    let out = place.text("out.csv");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "userId,movieId,rating,timestamp");
    assert!(
        lines[1].starts_with("5,1,") && lines[1].ends_with(",1000"),
        "{out}"
    );
    assert!(
        lines[2].starts_with("7,2,") && lines[2].ends_with(",1001"),
        "{out}"
    );
    assert_eq!(lines.len(), 3);
    let stars: f64 = lines[1].split(',').nth(2).unwrap().parse().unwrap();
    assert!((0.5..=5.0).contains(&stars) && (stars * 2.0).fract() == 0.0);
    let refused = rows(&place.text("out.csv.rejects.jsonl"));
    assert_eq!(
        refused[0]["reason"],
        "the links have no movie for `tt0000001`"
    );
    assert_eq!(refused[1]["reason"], "`x` is no user's number");
}

#[test]
fn columns_of_one_name_keep_their_values() {
    let place = Place::new(regression());
    place.write("a.csv", "a,text,a,,\n1,good film,2,3,4\n");
    place.file("a.csv", "b.parquet", &[], 0);
    for (input, output) in [("a.csv", "out.csv"), ("b.parquet", "again.csv")] {
        place.file(input, output, &["--prefix", "p_"], 0);
        let out = place.text(output);
        assert!(out.starts_with("a,text,a,,,"), "{out}");
        assert!(out.contains("\n1,good film,2,3,4,"), "{out}");
    }
    let text = place.file("a.csv", "out.jsonl", &[], 2);
    assert!(
        text.contains("more than one column `a`") && text.contains("--to csv"),
        "{text}"
    );
    assert!(!place.path("out.jsonl.parts").exists());
}

#[test]
fn the_columns_of_json_lines_are_those_of_the_first_object() {
    let place = Place::new(regression());
    place.write(
        "a.jsonl",
        "\u{feff}\n\n[1]\n{\"other\": [\n{\"id\": 3, \"text\": \"good\", \"id\": 4}\n",
    );
    place.file("a.jsonl", "out.csv", &[], 0);
    let out = place.text("out.csv");
    assert!(out.starts_with("id,text,rating,"), "{out}");
    assert!(out.contains("\n4,good,"), "{out}");
    let refused = rows(&place.text("out.csv.rejects.jsonl"));
    let lines: Vec<_> = refused.iter().map(|row| row["line"].as_u64()).collect();
    assert_eq!(lines, [Some(3), Some(4)]);
    // The mark before the first object, which is written without it.
    place.write("b.jsonl", "\u{feff}{\"text\": \"good\"}\n");
    place.file("b.jsonl", "out.jsonl", &[], 0);
    let out = place.text("out.jsonl");
    assert!(out.starts_with("{\"text\": \"good\","), "{out}");
    place.file("b.jsonl", "b.csv", &[], 0);
    assert!(place.text("b.csv").starts_with("text,rating,"));
}

#[test]
fn a_row_of_parquet_that_is_too_large_is_refused() {
    let place = Place::new(regression());
    let large = "x ".repeat(9 << 20);
    let (few, many) = ("good", "bad film ".repeat(1 << 17));
    let mut texts = vec![few; 40];
    texts[3] = &large;
    texts.extend([many.as_str(); 60]);
    let column: ArrayRef = Arc::new(StringArray::from(texts));
    let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let file = std::fs::File::create(place.path("a.parquet")).unwrap();
    let mut out = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    out.write(&batch).unwrap();
    out.close().unwrap();
    let text = place.file("a.parquet", "out.jsonl", &[], 0);
    assert!(text.contains("99 reviews rated"), "{text}");
    let refused = rows(&place.text("out.jsonl.rejects.jsonl"));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["line"], 4);
    assert_eq!(refused[0]["reason"], "more than 16777216 bytes");
    assert_eq!(rows(&place.text("out.jsonl")).len(), 99);
}

#[test]
fn a_quote_that_is_never_closed_costs_its_own_line() {
    let place = Place::new(regression());
    for (ending, delimiter) in [("csv", ","), ("tsv", "\t")] {
        let rows_of = [
            "id,text",
            "1,\"good film",
            "2,bad film",
            "3,\"so \"so\"",
            "4,\"fine, \"\"so\"\"",
            "film\"",
            "5,dull",
            "6,\"good",
            "7,bad film",
        ];
        let (input, output) = (format!("a.{ending}"), format!("out.{ending}"));
        place.write(
            &input,
            rows_of
                .join("\n")
                .replace("fine,", "fine")
                .replace(',', delimiter),
        );
        let text = place.file(&input, &output, &[], 0);
        assert!(
            text.contains("4 reviews rated") && text.contains("3 rows refused"),
            "{text}"
        );
        let refused: Vec<String> = rows(&place.text(&format!("{output}.rejects.jsonl")))
            .iter()
            .map(|row| format!("{} {} {}", row["line"], row["reason"], row["raw"]))
            .map(|row| row.replace("\\t", ","))
            .collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused.join("\n"), @r#"
            2 "text follows the quote that closes a field (a quote within is written twice)" "1,\"good film"
            4 "text follows the quote that closes a field (a quote within is written twice)" "3,\"so \"so\""
            8 "a quote that opens a field is never closed" "6,\"good"
            "#);
        }
        let out = place.text(&output).replace('\t', ",");
        for kept in [
            "\n2,bad film,",
            "\n4,\"fine \"\"so\"\"\nfilm\",",
            "\n5,dull,",
            "\n7,bad film,",
        ] {
            assert!(out.contains(kept), "{kept} {out}");
        }
    }
}

#[test]
fn a_row_that_is_too_long_is_refused_without_being_held() {
    let place = Place::new(regression());
    for open in ["", "\""] {
        let mut csv = format!("id,text\n1,good\n2,{open}bad").into_bytes();
        csv.resize(40 << 20, b'x');
        csv.extend(b"\n3,dull\n");
        place.write("a.csv", csv);
        let text = place.file("a.csv", "out.csv", &[], 0);
        assert!(text.contains("2 reviews rated"), "{text}");
        let refused = rows(&place.text("out.csv.rejects.jsonl"));
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0]["line"], 3);
        assert_eq!(refused[0]["reason"], "the row has more than 16777216 bytes");
        assert!(refused[0]["raw"].as_str().unwrap().len() <= 1024);
        assert!(place.text("out.csv").contains("\n3,dull,"));
    }
}

#[test]
fn a_first_line_that_is_no_row_of_names_is_told() {
    let place = Place::new(regression());
    for (csv, wanted) in [
        (
            &b"\"id,text\n1,good\n"[..],
            "line 1: a quote that opens a field is never closed",
        ),
        (
            b"id\xff,text\n1,good\n",
            "line 1: a column's name is not UTF-8",
        ),
    ] {
        place.write("a.csv", csv);
        let text = place.file("a.csv", "out.csv", &[], 3);
        assert!(text.contains(wanted) && text.contains("`a.csv`"), "{text}");
    }
}

#[test]
fn gzip_is_read() {
    let place = Place::new(regression());
    let file = fs_err::File::create(place.path("a.csv.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, csv_of(&texts(5)).as_bytes()).unwrap();
    gzip.finish().unwrap();
    place.file("a.csv.gz", "out.jsonl", &[], 0);
    assert_eq!(rows(&place.text("out.jsonl")).len(), 5);
    let whole = fs_err::read(place.path("a.csv.gz")).unwrap();
    place.write("b.csv.gz", &whole[..whole.len() - 20]);
    let text = place.file("b.csv.gz", "cut.jsonl", &[], 3);
    assert!(text.contains("b.csv.gz"), "{text}");
    assert!(!place.path("cut.jsonl").exists());
}

#[test]
fn help_names_every_verb() {
    let help = String::from_utf8(program(&["--help"]).stdout).unwrap();
    for verb in ["text", "file"] {
        assert!(help.contains(verb), "{help}");
    }
    assert!(!help.contains("describe"));
}
