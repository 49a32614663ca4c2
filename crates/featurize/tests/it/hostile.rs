//! Texts that nobody would write: each has a documented result, and none is lost.

use cinescore_artifact::tables;

use crate::fixture::{Fixture, Review, lists, read, result};

#[test]
fn every_text_has_its_row() {
    let huge = "x".repeat(10_000_000);
    let texts = [
        ("empty", ""),
        ("only stop words", "The of, and THE"),
        ("a word of 10 MB", &huge),
        ("controls", "\u{0}\u{1}\u{7}\u{1b}\u{7f}\u{85}\u{9f}"),
        ("controls between words", "good\u{0}film\u{85}good"),
        // What a reader of JSON puts in the place of a lone surrogate.
        ("replaced surrogates", "good\u{fffd}film \u{fffd}\u{fffd}"),
        ("emoji", "🎬🍿 👨‍👩‍👧 🇩🇪"),
        ("emoji between words", "good🎬film"),
        ("right to left", "סרט טוב, فيلم جيد"),
        ("marks", "go\u{301}od \u{301}\u{302}"),
        ("markup alone", "<br /><br/>&nbsp;"),
        ("a bomb of tags", &"<a ".repeat(100_000)),
    ];
    let reviews: Vec<Review> = (0..)
        .zip(texts)
        .map(|(id, (_name, text))| Review::new(id, "train", text))
        .chain([Review::new(100, "train", "good film")])
        .collect();
    let fixture = Fixture::new(&reviews);
    let bags = "--valid 0 --calib 0 --stop-words snowball_english --min-count 1";
    let bags: Vec<&str> = bags.split(' ').collect();
    let bags = result(&fixture.run_kind("bags", "bags", &bags));
    assert_eq!(bags["rows_out"]["bags"], reviews.len());
    // Empty, stop words alone (of which the bomb's are), controls, emoji and markup; the others have words.
    assert_eq!(bags["facts"]["empty_bags"], 6);
    let all = [
        "words",
        "marks",
        "whitespace",
        "keras",
        "sklearn",
        "subword",
    ];
    for tokenizer in all {
        let mut arguments = vec!["--tokenizer", tokenizer, "--valid", "0", "--calib", "0"];
        arguments.extend(["--vocabulary", "300", "--max-length", "8", "--pad", "none"]);
        if tokenizer != "subword" {
            arguments.extend(["--stop-words", "snowball_english"]);
        }
        let out = fixture.run(tokenizer, &arguments);
        let tokens = read(&out.join("tokens.parquet"), &tables::TOKENS);
        let ids = lists(&tokens, "ids");
        assert_eq!(ids.len(), reviews.len());
        assert_eq!(result(&out)["rows_out"]["tokens"], reviews.len());
        for ((name, _text), ids) in texts.iter().zip(&ids) {
            let empty = match tokenizer {
                "words" => matches!(
                    *name,
                    "empty" | "only stop words" | "controls" | "emoji" | "markup alone"
                ),
                "subword" | "whitespace" | "keras" => *name == "empty",
                "marks" => matches!(*name, "empty" | "controls" | "markup alone"),
                _ => matches!(
                    *name,
                    "empty" | "only stop words" | "controls" | "emoji" | "markup alone"
                ),
            };
            if empty {
                assert_eq!(ids, &[1], "{tokenizer}, {name}");
            } else {
                assert!(!ids.is_empty(), "{tokenizer}, {name}");
            }
        }
        if tokenizer == "words" {
            let [good, film] = ids[12][1..] else {
                panic!("{ids:?}")
            };
            assert_eq!(ids[4], [1, good, film, good], "controls divide");
            assert_eq!(ids[5], [1, good, film], "replaced surrogates divide");
            assert_eq!(ids[7], [1, good, film], "emoji divide");
            assert_eq!(ids[8].len(), 5, "four words");
        }
    }
}

#[test]
fn json_with_a_lone_surrogate_is_refused_where_it_is_read() {
    for text in [r#""good \ud83d film""#, r#""\udc00""#] {
        assert!(serde_json::from_str::<String>(text).is_err(), "{text}");
    }
    let pair: String = serde_json::from_str(r#""\ud83c\udfac""#).unwrap();
    assert_eq!(pair, "🎬");
}
