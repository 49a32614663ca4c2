//! The encoder of bags: a text to sparse values. One function for a whole table and a single review.

use cinescore_artifact::Strings;
use cinescore_artifact::digest::Digest;
use cinescore_artifact::encoder::{ENCODER_VERSION, digest_of_terms};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Sums;
use super::ending;
use super::hashing;
use super::names::Names;
use super::params::{BagSettings, Indices, Values};
use super::shapes;
use crate::classes::Classes;
use crate::preprocess::{Preprocessing, Tokens};

/// Texts that one task of a batch encodes.
const TEXTS_A_TASK: usize = 32;
/// Texts whose bags are there one by one, before they are put behind those of others.
const TEXTS_A_TURN: usize = 512;

/// N-grams of a text that are looked up together. Those of a long text would take many times the room of the text.
const TOGETHER: usize = 4096;

/// Why there is no encoder.
#[derive(Debug, Error)]
pub enum BagEncoderError {
    /// It is no JSON, or not that of an encoder.
    #[error("the encoder is not the JSON that this program writes")]
    Malformed(#[from] serde_json::Error),
    /// It was written by another version.
    #[error("the encoder has version {found}; this program reads version {ENCODER_VERSION}")]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// An n-gram has two numbers, or no name.
    #[error("the encoder's n-gram {index} is empty or stands there twice")]
    Ngram {
        /// Its number.
        index: usize,
    },
    /// A word class is empty, or a word is in two.
    #[error("the encoder's word classes have an empty one, or a word twice")]
    Classes,
    /// Hashed n-grams have no number, or word classes.
    #[error(
        "the encoder hashes n-grams to no numbers, or has word classes that hashed ones cannot have"
    )]
    Hashed,
    /// Numbers and weights do not belong together.
    #[error("the encoder has {weights} weights for {width} numbers")]
    Weights {
        /// Weights.
        weights: usize,
        /// Numbers.
        width: usize,
    },
}

/// An encoder of bags, as kept in `bags.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagFile {
    /// The version of the format, which is that of the other encoder.
    pub version: u32,
    /// From a text to its terms.
    pub text: Preprocessing,
    /// From terms to values.
    pub bag: BagSettings,
    /// The n-grams by number; none where they are hashed.
    pub ngrams: Strings,
    /// The weights by number.
    pub weights: Vec<f32>,
}

/// Turns texts into bags.
#[derive(Debug)]
pub struct BagEncoder {
    text: Preprocessing,
    bag: BagSettings,
    classes: Option<Classes>,
    names: Names,
    weights: Vec<f32>,
}

/// The bags of some texts, one after another.
#[derive(Debug, Default)]
pub struct Bags {
    /// The numbers of the n-grams, ascending in each bag.
    pub indices: Vec<u32>,
    /// What stands for each.
    pub values: Vec<f32>,
    /// How many n-grams each text has.
    pub lengths: Vec<usize>,
}

/// The buffers in which a text is encoded.
#[derive(Debug, Default)]
pub struct BagScratch {
    tokens: Tokens,
    /// The text's terms with spaces between them, and behind them the names of n-grams that do not stand there: those with
    /// word classes in them, and those of the ending.
    buffer: String,
    /// Where in `buffer` each term is.
    terms: Vec<(usize, usize)>,
    /// Where in it each n-gram's name is.
    ngrams: Vec<(usize, usize)>,
    found: Vec<u32>,
    /// Of each term its word class.
    classes: Vec<u32>,
}

impl BagEncoder {
    /// An encoder without weights: each is 1.
    pub(super) fn new(
        text: Preprocessing,
        bag: BagSettings,
        ngrams: Strings,
    ) -> Result<Self, BagEncoderError> {
        let weights = vec![1.0; width(&bag, &ngrams)];
        Self::weighted(text, bag, ngrams, weights)
    }

    fn weighted(
        text: Preprocessing,
        bag: BagSettings,
        ngrams: Strings,
        weights: Vec<f32>,
    ) -> Result<Self, BagEncoderError> {
        if bag.indices == Indices::Hashed && (bag.size == 0 || !bag.classes.is_empty()) {
            return Err(BagEncoderError::Hashed);
        }
        let names = Names::new(ngrams).map_err(|index| BagEncoderError::Ngram { index })?;
        let classes = match bag.classes.is_empty() {
            true => None,
            false => Some(Classes::new(bag.classes.clone()).ok_or(BagEncoderError::Classes)?),
        };
        Ok(Self {
            classes,
            text,
            bag,
            names,
            weights,
        })
    }

    /// The encoder of the bytes of a `bags.json`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BagEncoderError> {
        /// Read first, because another version may have other fields.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(bytes)?;
        if version != ENCODER_VERSION {
            return Err(BagEncoderError::Version { found: version });
        }
        Self::from_file(serde_json::from_slice(bytes)?)
    }

    /// The encoder that a file describes.
    pub fn from_file(file: BagFile) -> Result<Self, BagEncoderError> {
        if file.version != ENCODER_VERSION {
            return Err(BagEncoderError::Version {
                found: file.version,
            });
        }
        // Before room is made for as many as the file says.
        let width = width(&file.bag, &file.ngrams);
        if file.weights.len() != width {
            return Err(BagEncoderError::Weights {
                weights: file.weights.len(),
                width,
            });
        }
        Self::weighted(file.text, file.bag, file.ngrams, file.weights)
    }

    /// The encoder as a file.
    pub fn to_file(&self) -> BagFile {
        BagFile {
            version: ENCODER_VERSION,
            text: self.text.clone(),
            bag: self.bag.clone(),
            ngrams: self.names.list().clone(),
            weights: self.weights.clone(),
        }
    }

    /// The digest of its n-grams by number; of hashed ones that of none.
    pub fn terms(&self) -> Digest {
        digest_of_terms(self.names.list().iter())
    }

    /// How many numbers there are.
    pub fn width(&self) -> usize {
        self.weights.len()
    }

    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.names.list().get(index)
    }

    pub(super) fn weight(&self, index: usize) -> f32 {
        self.weights[index]
    }

    /// Sets the weights from what the training split, of so many reviews, says.
    pub(super) fn weigh(&mut self, sums: &[Sums], reviews: u64) {
        let smoothing = self.bag.smoothing;
        let totals = [0, 1].map(|class| {
            let all = sums.iter().map(|sum| sum.classes[class] as f64 + smoothing);
            all.sum::<f64>()
        });
        let weight = |sum: &Sums| match self.bag.values {
            Values::Counts | Values::Binary => 1.0,
            Values::TfIdf => libm::log((1 + reviews) as f64 / (1 + sum.documents) as f64) + 1.0,
            Values::LogCountRatio => {
                let share = |class: usize| (sum.classes[class] as f64 + smoothing) / totals[class];
                libm::log(share(1) / share(0))
            }
        };
        self.weights = sums.iter().map(|sum| weight(sum) as f32).collect();
    }

    /// The number of an n-gram.
    pub(super) fn number(&self, ngram: &str) -> Option<u32> {
        self.names.number(ngram.as_bytes())
    }

    /// Whether a term has a number of its own; none where n-grams are hashed, and each has one.
    pub fn knows(&self, term: &str) -> Option<bool> {
        match self.bag.indices {
            Indices::Vocabulary => Some(self.names.number(term.as_bytes()).is_some()),
            Indices::Hashed => None,
        }
    }

    /// The bag of a text: numbers, ascending, and values.
    pub fn encode(&self, text: &str) -> Vec<(u32, f32)> {
        self.encode_with(text, &mut BagScratch::default())
    }

    /// The same, with buffers for many texts one after the other.
    pub fn encode_with(&self, text: &str, scratch: &mut BagScratch) -> Vec<(u32, f32)> {
        self.valued(self.count(text, scratch))
    }

    /// The values of a text that has each n-gram, by number and ascending, so often.
    pub(super) fn valued(&self, counts: Vec<(u32, u32)>) -> Vec<(u32, f32)> {
        let value = |(index, count): (u32, u32)| {
            let weight = self.weights[index as usize];
            let value = match self.bag.values {
                Values::Counts | Values::TfIdf => weight * count as f32,
                Values::Binary | Values::LogCountRatio => weight,
            };
            (index, value)
        };
        let mut values: Vec<(u32, f32)> = counts.into_iter().map(value).collect();
        if self.bag.is_normed() {
            let squares = values
                .iter()
                .map(|(_index, value)| f64::from(*value) * f64::from(*value));
            // Of log-count ratios all may be 0.
            let length = libm::sqrt(squares.sum::<f64>());
            for (_index, value) in values.iter_mut().filter(|_value| length > 0.0) {
                *value = (f64::from(*value) / length) as f32;
            }
        }
        values.retain(|(_index, value)| *value != 0.0);
        values
    }

    /// How often a text has each n-gram, by number.
    fn count(&self, text: &str, scratch: &mut BagScratch) -> Vec<(u32, u32)> {
        let BagScratch {
            tokens,
            buffer,
            terms,
            ngrams,
            found,
            classes,
        } = scratch;
        buffer.clear();
        terms.clear();
        ngrams.clear();
        found.clear();
        self.text.each_term(text, tokens, |term| {
            if !buffer.is_empty() {
                buffer.push(' ');
            }
            terms.push((buffer.len(), buffer.len() + term.len()));
            buffer.push_str(term);
        });
        let text_end = buffer.len();
        for (at, (begin, _end)) in terms.iter().enumerate() {
            let longer = terms[at..].iter().take(self.bag.ngrams as usize);
            ngrams.extend(longer.map(|(_begin, end)| (*begin, *end)));
            if ngrams.len() >= TOGETHER {
                self.find(buffer, text_end, ngrams, found);
            }
        }
        let last = terms.len().saturating_sub(self.bag.ending as usize);
        for (at, (begin, _end)) in terms.iter().enumerate().skip(last) {
            for (_begin, end) in terms[at..].iter().take(ending::LONGEST) {
                let name = buffer.len();
                ending::push_name(buffer, *begin..*end);
                ngrams.push((name, buffer.len()));
            }
            if ngrams.len() >= TOGETHER {
                self.find(buffer, text_end, ngrams, found);
            }
        }
        if let Some(own) = &self.classes {
            classes.clear();
            let class = |(begin, end): &(usize, usize)| own.of(&buffer.as_bytes()[*begin..*end]);
            classes.extend(terms.iter().map(class));
            for begin in 0..terms.len() {
                for shape in shapes::SHAPES {
                    if begin + shape.len() > terms.len() {
                        continue;
                    }
                    let name = buffer.len();
                    for (at, is_class) in (begin..).zip(*shape) {
                        if at > begin {
                            buffer.push(' ');
                        }
                        match is_class {
                            true => buffer.push_str(own.name(classes[at])),
                            false => buffer.extend_from_within(terms[at].0..terms[at].1),
                        }
                    }
                    ngrams.push((name, buffer.len()));
                }
                if ngrams.len() >= TOGETHER {
                    self.find(buffer, text_end, ngrams, found);
                }
            }
        }
        self.find(buffer, text_end, ngrams, found);
        found.sort_unstable();
        let runs = found.chunk_by(|a, b| a == b);
        runs.map(|run| (run[0], run.len() as u32)).collect()
    }

    /// Puts the numbers of n-grams in a buffer behind others; then the n-grams are gone, and what is behind the text.
    fn find(
        &self,
        buffer: &mut String,
        text_end: usize,
        ngrams: &mut Vec<(usize, usize)>,
        found: &mut Vec<u32>,
    ) {
        let bytes = buffer.as_bytes();
        match self.bag.indices {
            Indices::Vocabulary => self.names.numbers(bytes, ngrams, found),
            Indices::Hashed => {
                let name = |&(begin, end): &(usize, usize)| &bytes[begin..end];
                found.extend(
                    ngrams
                        .iter()
                        .map(|ngram| hashing::number(name(ngram), self.bag.size)),
                );
            }
        }
        ngrams.clear();
        buffer.truncate(text_end);
    }

    pub(super) fn count_batch(&self, texts: &[&str]) -> Vec<Vec<(u32, u32)>> {
        each(texts, |text, scratch| self.count(text, scratch))
    }

    /// The bags of many texts, on all threads of rayon's current pool; the same as one by one.
    pub fn encode_batch(&self, texts: &[&str]) -> Bags {
        let mut bags = Bags::default();
        for texts in texts.chunks(TEXTS_A_TURN) {
            for bag in each(texts, |text, scratch| self.encode_with(text, scratch)) {
                bags.push(&bag);
            }
        }
        bags
    }
}

impl Bags {
    /// Puts the bag of another text behind the others.
    pub(super) fn push(&mut self, bag: &[(u32, f32)]) {
        self.lengths.push(bag.len());
        self.indices
            .extend(bag.iter().map(|(index, _value)| *index));
        self.values.extend(bag.iter().map(|(_index, value)| *value));
    }
}

/// How many numbers there are.
fn width(bag: &BagSettings, ngrams: &Strings) -> usize {
    match bag.indices {
        Indices::Vocabulary => ngrams.len(),
        Indices::Hashed => bag.size as usize,
    }
}

fn each<R: Send>(texts: &[&str], work: impl Fn(&str, &mut BagScratch) -> R + Sync) -> Vec<R> {
    texts
        .par_chunks(TEXTS_A_TASK)
        .flat_map_iter(|texts| {
            let mut scratch = BagScratch::default();
            let done: Vec<R> = texts.iter().map(|text| work(text, &mut scratch)).collect();
            done
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::params::Norm;
    use super::*;
    use crate::params::TermParams;
    use crate::terms::Terms;

    fn encoder(values: Values, indices: Indices, ngrams: &[&str]) -> BagEncoder {
        let bag = BagSettings {
            ngrams: 2,
            indices,
            size: 1024,
            values,
            smoothing: 1.0,
            norm: Norm::Auto,
            ending: 0,
            classes: Vec::new(),
        };
        let text = TermParams::default().with(Terms::default());
        BagEncoder::new(text, bag, Strings::of(ngrams).unwrap()).unwrap()
    }

    const NGRAMS: [&str; 4] = ["good", "bad", "a", "not good"];

    #[test]
    fn ngrams_are_counted_by_number() {
        let counts = encoder(Values::Counts, Indices::Vocabulary, &NGRAMS);
        let text = "A good film, not good: good";
        assert_eq!(counts.encode(text), [(0, 3.0), (2, 1.0), (3, 1.0)]);
        let binary = encoder(Values::Binary, Indices::Vocabulary, &NGRAMS);
        assert_eq!(binary.encode(text), [(0, 1.0), (2, 1.0), (3, 1.0)]);
        assert!(binary.encode("").is_empty());
        let hashed = encoder(Values::Counts, Indices::Hashed, &[]);
        let sum: f32 = hashed
            .encode(text)
            .iter()
            .map(|(_index, value)| value)
            .sum();
        assert_eq!(sum, 6.0 + 5.0);
    }

    #[test]
    fn a_text_has_the_ngrams_of_its_parts_however_long_it_is() {
        let names = ["good", "not good", "{not} good", "{end}  not good"];
        let mut own = encoder(Values::Counts, Indices::Vocabulary, &names);
        own.bag.ending = 2 * TOGETHER as u32;
        own.bag.classes = vec![vec!["not".into(), "never".into()]];
        own.classes = Classes::new(own.bag.classes.clone());
        let counts = |times: usize| own.encode(&"not good but ".repeat(times));
        assert_eq!(counts(1), [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)]);
        let times = TOGETHER;
        // What ends within the last terms begins there too.
        let last = (2 * TOGETHER / 3) as f32;
        let all = times as f32;
        assert_eq!(counts(times), [(0, all), (1, all), (2, all), (3, last)]);
    }

    #[test]
    fn weights_are_those_of_the_formulas() {
        let sums = [
            Sums {
                count: 9,
                documents: 3,
                classes: [1, 2],
            },
            Sums {
                count: 1,
                documents: 1,
                classes: [1, 0],
            },
        ];
        let mut tf_idf = encoder(Values::TfIdf, Indices::Vocabulary, &NGRAMS[..2]);
        tf_idf.weigh(&sums, 4);
        // ln(5/4) + 1 and ln(5/2) + 1.
        assert!((tf_idf.weight(0) - 1.223_143_6).abs() < 1e-6);
        assert!((tf_idf.weight(1) - 1.916_290_8).abs() < 1e-6);
        let values = tf_idf.encode("good bad good");
        let length: f32 = values.iter().map(|(_index, value)| value * value).sum();
        assert!((length - 1.0).abs() < 1e-6, "{values:?}");

        let mut ratios = encoder(Values::LogCountRatio, Indices::Vocabulary, &NGRAMS[..2]);
        ratios.weigh(&sums, 4);
        // Positive (2 + 1, 0 + 1) of 4, negative (1 + 1, 1 + 1) of 4.
        assert!((ratios.weight(0) - 1.5_f32.ln()).abs() < 1e-6);
        assert!((ratios.weight(1) - 0.5_f32.ln()).abs() < 1e-6);

        let raw = ratios.encode("good bad good");
        assert!((raw[0].1 - 1.5_f32.ln()).abs() < 1e-6);
        ratios.bag.norm = Norm::L2;
        let normed = ratios.encode("good bad good");
        let length = raw[0].1.hypot(raw[1].1);
        assert!((normed[0].1 - raw[0].1 / length).abs() < 1e-6);
        ratios.weights = vec![0.0; 2];
        assert!(ratios.encode("good").is_empty());
        tf_idf.bag.norm = Norm::None;
        assert_eq!(tf_idf.encode("good good"), [(0, 2.0 * tf_idf.weight(0))]);
    }

    #[test]
    fn what_is_written_is_read_and_broken_files_are_refused() {
        let encoder = encoder(Values::Counts, Indices::Vocabulary, &NGRAMS);
        let read = |file: &BagFile| BagEncoder::from_json(&serde_json::to_vec(file).unwrap());
        let file = encoder.to_file();
        assert_eq!(
            read(&file).unwrap().encode("not good"),
            encoder.encode("not good")
        );
        let mut twice = file.clone();
        twice.ngrams = Strings::of(["good", "good", "a", "not good"]).unwrap();
        let mut unweighed = file.clone();
        unweighed.weights.pop();
        let hashed = |size: u32, classes: Vec<Vec<Box<str>>>| {
            let mut hashed = file.clone();
            hashed.bag.indices = Indices::Hashed;
            (hashed.bag.size, hashed.bag.classes) = (size, classes);
            hashed.ngrams = Strings::default();
            hashed.weights = vec![1.0; size as usize];
            hashed
        };
        read(&hashed(2, Vec::new())).unwrap();
        for wrong in [hashed(0, Vec::new()), hashed(2, vec![vec!["a".into()]])] {
            assert!(matches!(read(&wrong), Err(BagEncoderError::Hashed)));
        }
        let other = BagFile {
            version: 1,
            ..file.clone()
        };
        let errors = [twice, unweighed, other].map(|file| read(&file).unwrap_err().to_string());
        assert_eq!(
            errors,
            [
                "the encoder's n-gram 1 is empty or stands there twice",
                "the encoder has 3 weights for 4 numbers",
                "the encoder has version 1; this program reads version 2",
            ]
        );
    }
}
