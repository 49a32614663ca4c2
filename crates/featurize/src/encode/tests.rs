use proptest::prelude::*;

use super::*;
use crate::lengths::Truncate;
use crate::params::TermParams;
use crate::terms::{Stem, Terms};
use crate::tokenize::subword::byte_name;

/// An encoder that knows `the` (3), `film` (4) and `is` (5).
fn encoder(max_length: Option<u32>, truncate: Truncate, pad: Pad) -> Encoder {
    let settings = Settings {
        text: TermParams::default().with(Terms::default()),
        list: Lengths {
            start: true,
            truncate,
            pad,
        },
        merges: None,
    };
    let tokens = RESERVED
        .into_iter()
        .chain(["the", "film", "is"])
        .map(Box::from)
        .collect();
    Encoder::new(settings, max_length, tokens).unwrap()
}

fn file() -> EncoderFile {
    encoder(Some(4), Truncate::Pre, Pad::Pre).to_file().unwrap()
}

#[test]
fn ids_are_cut_and_padded_as_asked() {
    let text = "The film<br />is GOOD";
    for (max_length, truncate, pad, wanted) in [
        (None, Truncate::Pre, Pad::None, vec![1, 3, 4, 5, 2]),
        (Some(7), Truncate::Pre, Pad::Pre, vec![0, 0, 1, 3, 4, 5, 2]),
        (Some(7), Truncate::Pre, Pad::Post, vec![1, 3, 4, 5, 2, 0, 0]),
        (Some(5), Truncate::Post, Pad::Pre, vec![1, 3, 4, 5, 2]),
        (Some(3), Truncate::Pre, Pad::Pre, vec![4, 5, 2]),
        (Some(3), Truncate::Post, Pad::None, vec![1, 3, 4]),
    ] {
        assert_eq!(encoder(max_length, truncate, pad).encode(text), wanted);
    }
}

#[test]
fn a_text_without_words_is_the_start() {
    let encoder = encoder(Some(3), Truncate::Pre, Pad::Pre);
    for text in ["", "<br />", "...!", "\u{0}\u{7}", "🎬", "&nbsp;"] {
        assert_eq!(encoder.encode(text), [0, 0, 1], "{text:?}");
    }
}

#[test]
fn what_was_done_is_told() {
    let encoder = encoder(Some(3), Truncate::Pre, Pad::Pre);
    let encode = |text| encoder.encode_into(text, &mut Scratch::default(), &mut Vec::new());
    assert_eq!(
        encode("the good film"),
        Encoded {
            tokens: 3,
            unknown: 1,
            length: 3,
            padded_length: 3,
            truncated: true
        }
    );
    assert_eq!(
        encode("the"),
        Encoded {
            tokens: 1,
            unknown: 0,
            length: 2,
            padded_length: 3,
            truncated: false
        }
    );
}

#[test]
fn a_huge_word_and_names_of_reserved_ids_are_unknown() {
    let encoder = encoder(None, Truncate::Pre, Pad::None);
    assert_eq!(encoder.encode(&"x".repeat(10_000_000)), [1, 2]);
    assert_eq!(encoder.encode("&lt;start&gt; start"), [1, 2, 2]);
}

#[test]
fn broken_files_are_refused() {
    type Break = fn(&mut EncoderFile);
    let broken: [(&str, Break); 12] = [
        ("version", |file| file.version = 1),
        ("preprocessing", |file| {
            file.preprocessing["text"]["tokenizer"] = "karas".into()
        }),
        ("unknown", |file| {
            file.preprocessing["text"]["new"] = 1.into()
        }),
        ("merges", |file| {
            file.preprocessing["text"]["tokenizer"] = "subword".into()
        }),
        ("subwords", |file| {
            file.preprocessing["text"]["tokenizer"] = "subword".into();
            file.preprocessing["merges"] = serde_json::json!([]);
        }),
        ("nameless", |file| file.tokens[4].clear()),
        ("reserved", |file| file.tokens.swap(0, 1)),
        ("too few", |file| file.tokens.truncate(2)),
        ("twice", |file| file.tokens.push("film".into())),
        ("empty", |file| file.max_length = Some(0)),
        ("no length", |file| file.max_length = None),
        ("contradiction", |file| file.padded = false),
    ];
    let messages = broken.map(|(name, damage)| {
        let mut file = file();
        damage(&mut file);
        format!("{name}: {}", Encoder::from_file(file).unwrap_err())
    });
    insta::assert_snapshot!(messages.join("\n"), @r"
    version: the encoder has version 1; this program reads version 2
    preprocessing: the encoder's `preprocessing` is not understood
    unknown: the encoder's `preprocessing` is not understood
    merges: the encoder's `merges` and its tokenizer contradict each other
    subwords: the encoder's subwords are broken
    nameless: the encoder's token 4 is empty
    reserved: the encoder's first tokens are not the reserved `<padding>`, `<start>`, `<unknown>`
    too few: the encoder's first tokens are not the reserved `<padding>`, `<start>`, `<unknown>`
    twice: the encoder's token `film` has two ids, 4 and 6
    empty: the encoder's `max_length` is 0
    no length: the encoder pads, but has no `max_length` to pad to
    contradiction: the encoder's `padded` is false, which contradicts its `preprocessing`
    ");
}

#[test]
fn a_newer_file_is_refused_by_its_version_whatever_else_is_in_it() {
    let error = Encoder::from_json(br#"{"version": 7, "new": 1}"#).unwrap_err();
    assert!(matches!(error, EncoderError::Version { found: 7 }));
    assert!(matches!(
        Encoder::from_json(b"{").unwrap_err(),
        EncoderError::Malformed { .. }
    ));
}

/// Encoders of every kind: other terms than tokens, and subwords with two merges.
fn encoders() -> Vec<Encoder> {
    let words = encoder(Some(4), Truncate::Pre, Pad::Pre);
    let mut stems = file();
    stems.preprocessing["text"]["terms"] = serde_json::to_value(Terms {
        stop_words: ["is".to_owned()].into(),
        lemmas: [("movie".to_owned(), "film".to_owned())].into(),
        stem: Stem::English,
    })
    .unwrap();
    let mut subwords = file();
    subwords.preprocessing["text"]["tokenizer"] = "subword".into();
    subwords.preprocessing["merges"] = serde_json::json!([[3 + 116, 3 + 104]]);
    subwords.tokens = RESERVED.map(String::from).into();
    subwords
        .tokens
        .extend((0..=255).map(|byte| byte_name(byte).to_string()));
    subwords.tokens.push("th".to_owned());
    let [stems, subwords] = [stems, subwords].map(|file| Encoder::from_file(file).unwrap());
    vec![words, stems, subwords]
}

#[test]
fn tokens_become_terms_or_pieces() {
    let [_words, stems, subwords] = encoders().try_into().unwrap();
    // `movies` is no lemma's form, and its stem `movi` has no id; `is` is dropped.
    assert_eq!(stems.encode("MOVIES is the movie, films"), [2, 3, 4, 4]);
    assert_eq!(subwords.encode("the"), [0, 1, 259, 3 + 101]);
    assert_eq!(subwords.encode("é"), [0, 1, 3 + 0xc3, 3 + 0xa9]);
}

#[test]
fn buffers_of_another_encoder_are_no_harm() {
    let mut scratch = Scratch::default();
    for round in 0..2 {
        for encoder in encoders() {
            let mut ids = Vec::new();
            encoder.encode_into("the film is movies", &mut scratch, &mut ids);
            assert_eq!(ids, encoder.encode("the film is movies"), "{round}");
        }
    }
}

proptest! {
    #[test]
    fn a_review_alone_gets_the_ids_it_got_in_a_batch(
        texts in prop::collection::vec("((the|film|is|Good|é|🎬|<br />|&amp;|\u{301})[ .]?){0,12}|\\PC{0,40}", 0..200),
        max_length in prop::option::of(1_u32..12),
        pre in any::<bool>(),
    ) {
        let truncate = if pre { Truncate::Pre } else { Truncate::Post };
        let pad = if max_length.is_some() { Pad::Pre } else { Pad::None };
        for fitted in encoders().into_iter().chain([encoder(max_length, truncate, pad)]) {
        let json = serde_json::to_vec(&fitted.to_file().unwrap()).unwrap();
        let read_back = Encoder::from_json(&json).unwrap();

        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let batch = fitted.encode_batch(&texts);
        let mut ids = batch.ids.as_slice();
        for (text, encoded) in texts.iter().zip(&batch.texts) {
            let (own, rest) = ids.split_at(encoded.padded_length as usize);
            prop_assert_eq!(read_back.encode(text), own);
            ids = rest;
        }
        prop_assert!(ids.is_empty());
        }
    }
}
