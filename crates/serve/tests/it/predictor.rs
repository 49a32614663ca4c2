//! The library: what is said of a text.

use std::path::Path;

use cinescore_model::compute;
use cinescore_model::task::{Decoder, Quantity};
use cinescore_serve::flags::Flag;
use cinescore_serve::predictor::{Crew, Prediction, Predictor};

use crate::bundle::{
    CONVOLUTION, LINEAR, LSTM, MEMBERS, REGIONS, TWO_BESIDE, classes, regression, save, texts,
};

/// Does some work with a bundle.
fn with<T: Send>(network: &str, decoder: Decoder, work: impl FnOnce(Predictor) -> T + Send) -> T {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), network, decoder);
    open(folder.path(), work)
}

fn open<T: Send>(folder: &Path, work: impl FnOnce(Predictor) -> T + Send) -> T {
    compute::apart(2, || work(Predictor::open(folder).unwrap())).unwrap()
}

fn number(said: &Prediction) -> f64 {
    said.rating.or(said.positive).unwrap()
}

fn all() -> Vec<(&'static str, Decoder)> {
    let stars = vec![1, 2, 3, 4, 7, 8, 9, 10];
    vec![
        (LSTM, regression()),
        (LSTM, Decoder::Binary),
        (LSTM, classes(&stars)),
        (
            LSTM,
            Decoder::Ordinal {
                quantity: Quantity::Stars,
                labels: stars,
            },
        ),
        (CONVOLUTION, regression()),
        (LINEAR, regression()),
        (LINEAR, Decoder::Binary),
        (REGIONS, classes(&[1, 2, 3, 4, 7, 8, 9, 10])),
        (TWO_BESIDE, regression()),
        (MEMBERS, classes(&[1, 2, 3, 4, 7, 8, 9, 10])),
    ]
}

#[test]
fn a_network_is_told_what_the_linear_model_beside_it_says() {
    told_what_is_said_beside(REGIONS, &["wide"]);
}

#[test]
fn a_network_is_told_what_each_of_two_linear_models_says() {
    told_what_is_said_beside(TWO_BESIDE, &["wide", "wide-2"]);
}

/// The models beside it are in these folders of its bundle.
fn told_what_is_said_beside(network: &str, models: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), network, Decoder::Binary);
    let positive = |text: &str, folder: &Path| {
        open(folder, |predictor| {
            let logit = |said: &Prediction| {
                let positive = said.positive.unwrap();
                (positive / (1.0 - positive)).ln()
            };
            logit(&predictor.predict(&[text]).unwrap()[0])
        })
    };
    // Once more a word that is there, far from where it stands: the regions' greatest values stay, and only the bag, which
    // counts, has it twice. Padding words have no number for either.
    let (once, twice) = ("good zyxt", "good zyxt zyxt zyxt zyxt good zyxt");
    let both = [once, twice].map(|text| positive(text, folder.path()));
    let weights = bundle_weights(folder.path(), models.len());
    let mut expected = 0.0;
    for (model, weight) in models.iter().zip(weights) {
        let beside = [once, twice].map(|text| positive(text, &folder.path().join(model)));
        let own = weight * (beside[1] - beside[0]);
        assert!(own.abs() > 1e-3);
        expected += own;
    }
    assert!((both[1] - both[0] - expected).abs() < 1e-5, "{both:?}");
}

/// The head's weights of the linear models' logits, the last ones.
fn bundle_weights(folder: &Path, models: usize) -> Vec<f64> {
    let bundle = cinescore_model::bundle::load(folder, tch::Device::Cpu).unwrap();
    let variables = bundle.net.variables();
    let (_, head) = variables
        .iter()
        .find(|(name, _)| name == "head.weight")
        .unwrap();
    let last = head.size()[1] - models as i64;
    (last..head.size()[1])
        .map(|at| head.double_value(&[0, at]))
        .collect()
}

#[test]
fn what_is_said_of_a_text_depends_on_no_other() {
    let texts = texts(200);
    for (network, decoder) in all() {
        with(network, decoder, |predictor| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let together = predictor.predict(&texts).unwrap();
            let backwards: Vec<&str> = texts.iter().rev().copied().collect();
            let backwards = predictor.predict(&backwards).unwrap();
            let mut distinct: Vec<u64> = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                let alone = &predictor.predict(&[text]).unwrap()[0];
                for other in [&together[index], &backwards[texts.len() - 1 - index]] {
                    assert!((number(alone) - number(other)).abs() < 1e-5);
                    assert_eq!(alone.flags, other.flags);
                }
                distinct.push(number(alone).to_bits());
            }
            distinct.sort_unstable();
            distinct.dedup();
            assert!(
                distinct.len() > 20,
                "{network}: {} predictions",
                distinct.len()
            );
        });
    }
}

#[test]
fn what_is_said_does_not_depend_on_threads() {
    let texts = texts(600);
    for (network, decoder) in all() {
        let said = |threads| {
            with(network, decoder.clone(), |predictor| {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let examples = predictor.reader().read_all(&texts);
                let mut crew = Crew::new(predictor, threads).unwrap();
                let mut rated = 0;
                let said = crew.rate_with(&examples, |some| {
                    rated += some;
                    true
                });
                assert_eq!(rated, 600);
                // And whoever wants no more gets none.
                assert!(crew.rate_with(&examples, |_some| false).is_err());
                said.unwrap()
            })
        };
        let (one, three) = (said(1), said(3));
        assert_eq!(one.len(), 600);
        for (one, three) in one.iter().zip(&three) {
            assert!((number(one) - number(three)).abs() < 1e-6);
            assert_eq!(one.flags, three.flags);
        }
    }
}

#[test]
fn each_task_gives_what_it_can() {
    let said = |decoder| {
        with(LSTM, decoder, |predictor| {
            predictor.predict(&["a good film"]).unwrap().remove(0)
        })
    };
    let stars = said(regression());
    let (rating, lower, upper) = (
        stars.rating.unwrap(),
        stars.lower.unwrap(),
        stars.upper.unwrap(),
    );
    assert!(lower <= rating && rating <= upper && upper - lower <= 2.5);
    assert_eq!((stars.positive, stars.scores), (None, None));
    let binary = said(Decoder::Binary);
    assert!((0.0..=1.0).contains(&binary.positive.unwrap()));
    assert_eq!((binary.rating, binary.lower), (None, None));
    let classes = said(Decoder::Ordinal {
        quantity: Quantity::Stars,
        labels: vec![1, 4, 7, 10],
    });
    let scores = classes.scores.unwrap();
    assert_eq!(
        scores.iter().map(|score| score.stars).collect::<Vec<_>>(),
        [1, 4, 7, 10]
    );
    assert!((scores.iter().map(|score| score.probability).sum::<f64>() - 1.0).abs() < 1e-6);
    let above: f64 = scores[2..].iter().map(|score| score.probability).sum();
    assert!((classes.positive.unwrap() - above).abs() < 1e-12);
}

#[test]
fn a_words_weight_is_the_prediction_less_that_without_it() {
    let long = texts(30).join(" ");
    for (network, decoder) in all() {
        with(network, decoder, |predictor| {
            let text = "The film was <b>not</b> dull, and good!";
            let words = predictor.explain(text).unwrap();
            let named: Vec<&str> = words
                .iter()
                .map(|word| &text[word.begin..word.end])
                .collect();
            assert_eq!(named, ["The", "film", "was", "not", "dull", "and", "good"]);
            assert!(words.iter().any(|word| word.weight.abs() > 1e-3));
            let whole = number(&predictor.predict(&[text]).unwrap()[0]);
            let changed = text.replace("dull", " ");
            let without = number(&predictor.predict(&[&changed]).unwrap()[0]);
            // The scale ends at 1 and 10 for a prediction, and not for a weight.
            if (1.5..9.5).contains(&whole) && (1.5..9.5).contains(&without) || whole < 1.0 {
                assert!((words[4].weight - (whole - without)).abs() < 1e-5);
            }
            let words = predictor.explain(&long).unwrap();
            assert!(words.is_sorted_by_key(|word| word.begin) && words.len() >= 48);
            assert!(
                words
                    .iter()
                    .all(|word| long.get(word.begin..word.end).is_some())
            );
        });
    }
}

#[test]
fn the_words_that_are_chosen_of_a_long_text_are_those_that_matter() {
    // 120 words of which the network reads the last 59; those it does not read cannot matter.
    let text = ["zyxt good"; 60].join(" ");
    with(LSTM, regression(), |predictor| {
        let words = predictor.explain(&text).unwrap();
        let read = words
            .iter()
            .filter(|word| word.begin >= text.len() / 2 - 10)
            .count();
        assert!(read >= 29, "{read} of {}", words.len());
        assert!(
            words
                .iter()
                .any(|word| &text[word.begin..word.end] == "good")
        );
    });
}

#[test]
fn flags_are_raised() {
    with(LSTM, regression(), |predictor| {
        let flags = |text: &str| predictor.predict(&[text]).unwrap()[0].flags;
        let usual = ["the film was good and not dull"; 2].join(" ");
        assert!(!flags(&usual).has(Flag::Short) && !flags(&usual).has(Flag::UnknownWords));
        assert!(flags("good film").has(Flag::Short));
        assert!(flags("").has(Flag::Short));
        assert!(flags(&["zyxt qwv"; 10].join(" ")).has(Flag::UnknownWords));
        assert!(flags(&["the film was good"; 100].join(" ")).has(Flag::Long));
        let german = "Der Film war leider sehr langweilig, und ich würde ihn niemandem empfehlen.";
        assert!(flags(german).has(Flag::NotEnglish));
        for said in predictor
            .predict(&texts(100).iter().map(String::as_str).collect::<Vec<_>>())
            .unwrap()
        {
            let rounded = said.rating.unwrap().round();
            assert_eq!(
                said.flags.has(Flag::Middle),
                rounded == 5.0 || rounded == 6.0
            );
            assert!(!said.flags.has(Flag::WideInterval));
            let left = said.clone().or_none();
            assert_eq!(left.rating.is_none(), !said.flags.is_empty());
        }
    });
}

#[test]
fn bundles_that_contradict_themselves_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let refused = || {
        let opened = compute::apart(1, || Predictor::open(path).map(|_| ())).unwrap();
        opened.unwrap_err().to_string()
    };
    // An encoder of bags for a network that reads tokens, of the same size and without digests.
    save(path, LINEAR, regression());
    let encoder = fs_err::read_to_string(path.join("encoder.json")).unwrap();
    let ngrams = fs_err::read(path.join("ngrams.safetensors")).unwrap();
    save(path, LSTM, regression());
    fs_err::write(path.join("encoder.json"), &encoder).unwrap();
    assert!(refused().contains("damaged or was exchanged"));
    fs_err::write(path.join("ngrams.safetensors"), &ngrams).unwrap();
    let json = fs_err::read_to_string(path.join("bundle.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
    json.as_object_mut().unwrap().remove("files");
    fs_err::write(path.join("bundle.json"), json.to_string()).unwrap();
    assert!(refused().contains("has 12 ids, the bundle's network was trained with 15"));
    // A hashed encoder that asks for 16 GB.
    let hostile = encoder
        .replace("\"vocabulary\"", "\"hashed\"")
        .replace("\"size\":100", "\"size\":4294967295");
    save(path, LINEAR, regression());
    // N-grams that are not those that the bundle was written with.
    let other = fs_err::read(path.join("ngrams.safetensors")).unwrap();
    let mut changed = other.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    fs_err::write(path.join("ngrams.safetensors"), &changed).unwrap();
    assert!(refused().contains("ngrams.safetensors` is damaged or was exchanged"));
    let json = fs_err::read_to_string(path.join("bundle.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
    json.as_object_mut().unwrap().remove("files");
    fs_err::write(path.join("bundle.json"), json.to_string()).unwrap();
    fs_err::write(path.join("ngrams.safetensors"), &other[..last]).unwrap();
    assert!(refused().ends_with("ngrams.safetensors`"));
    fs_err::write(path.join("ngrams.safetensors"), &other).unwrap();
    fs_err::write(path.join("encoder.json"), hostile).unwrap();
    assert_eq!(refused(), "the bundle's encoder cannot be used");
}
