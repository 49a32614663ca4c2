//! Tokens equal to those of Keras, scikit-learn, Python and Hugging Face's tokenizers on 5,000 real
//! reviews (`CINESCORE_DATA`), every id; skipped, loudly, where they are absent.
//!
//! `peers.txt` has digests of what the peers gave; `benchmarks/featurize/peers.py` made it and says how.

use cinescore_artifact::encoder::RESERVED;
use cinescore_featurize::count::{Numbering, TermCounter, Wanted};
use cinescore_featurize::encode::{Encoder, Scratch, Settings};
use cinescore_featurize::lengths::{Lengths, Pad, Truncate};
use cinescore_featurize::params::TermParams;
use cinescore_featurize::terms::Terms;
use cinescore_featurize::tokenize::Tokenizer;
use cinescore_featurize::tokenize::subword::train::train;
use cinescore_featurize::vocabulary::Vocabulary;

use crate::fixture::Review;
use crate::real::{archive, reviews};

const SUBWORDS: usize = 8000;

/// An encoder fitted on the training reviews, that cuts nothing.
fn fitted(tokenizer: Tokenizer, reviews: &[&Review]) -> Encoder {
    let params = TermParams {
        strip_html: false,
        tokenizer,
        ..TermParams::default()
    };
    let mut settings = Settings {
        text: params.with(Terms::default()),
        list: Lengths {
            start: false,
            truncate: Truncate::Pre,
            pad: Pad::None,
        },
        merges: None,
    };
    let mut counter = TermCounter::new(settings.text.clone());
    let train_reviews = reviews.iter().filter(|review| review.split == "train");
    let texts: Vec<&str> = train_reviews.map(|review| review.text.as_str()).collect();
    counter.add(&texts);
    let counts = counter.finish(Wanted {
        limit: usize::MAX,
        min_count: 1,
        numbering: Numbering::Frequency,
    });
    let tokens = if tokenizer == Tokenizer::Subword {
        let learnt = train(&counts.terms, &RESERVED, SUBWORDS, 2);
        settings.merges = Some(learnt.pairs);
        learnt.tokens.into()
    } else {
        Vocabulary::of(counts).tokens().clone()
    };
    Encoder::new(settings, None, tokens).unwrap()
}

#[test]
fn every_id_is_the_peers() {
    let Some(archive) = archive() else { return };
    let reviews = reviews(&archive);
    let reviews: Vec<&Review> = reviews.iter().step_by(7).take(5000).collect();
    assert_eq!(reviews.len(), 5000);
    let expected = include_str!("peers.txt");
    for (name, tokenizer) in [
        ("whitespace", Tokenizer::Whitespace),
        ("keras", Tokenizer::Keras),
        ("sklearn", Tokenizer::Sklearn),
        ("subword", Tokenizer::Subword),
    ] {
        let encoder = fitted(tokenizer, &reviews);
        let mut scratch = Scratch::default();
        let mut compared = 0;
        for line in expected.lines().filter(|line| line.starts_with(name)) {
            let fields: Vec<&str> = line.split(' ').collect();
            let (begin, count): (usize, usize) =
                (fields[1].parse().unwrap(), fields[2].parse().unwrap());
            let mut ids = Vec::new();
            for review in &reviews[begin..begin + 50] {
                encoder.encode_into(&review.text, &mut scratch, &mut ids);
                ids.push(-1);
                compared += 1;
            }
            assert_eq!(
                ids.len() - 50,
                count,
                "{name}: tokens of reviews from {begin}"
            );
            let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            let digest = blake3::hash(&bytes).to_hex();
            assert_eq!(digest.as_str(), fields[3], "{name}: reviews from {begin}");
        }
        assert_eq!(compared, 5000, "{name}");
    }
}
