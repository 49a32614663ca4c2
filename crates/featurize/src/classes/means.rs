//! Words to classes, by their surroundings.
//!
//! Spherical k-means (Dhillon and Modha, Machine Learning 2001): a word is in the class whose mean its surroundings
//! have the smallest angle to. The most frequent words begin a class each. No chance is in it, and the number of threads
//! changes nothing.

use rayon::prelude::*;

use super::surroundings::{Rows, Surroundings};
use super::{Classes, WORDS};

/// How often words are divided anew. Later rounds move few of them.
const ROUNDS: usize = 10;
/// Words that one piece of work has.
const WORDS_A_TASK: usize = 64;

impl Classes {
    /// Divides words, the most frequent first, into at most so many classes; into none where no word stands near another one
    /// more often than by chance.
    pub fn learn(words: &[Box<str>], surroundings: Surroundings, classes: u32) -> Self {
        if words.is_empty() || classes == 0 {
            return Self::default();
        }
        let rows = surroundings.finish();
        debug_assert!(words.len() == rows.len() && words.len() <= WORDS);
        let assigned = divide(&rows, (classes as usize).min(words.len()));
        let mut divided: Vec<Vec<Box<str>>> = vec![Vec::new(); classes as usize];
        for (word, class) in words.iter().zip(assigned) {
            // What has no surroundings has no class.
            if let Some(class) = class {
                divided[class].push(word.clone());
            }
        }
        divided.retain(|words| !words.is_empty());
        // Words are different, and so are the first ones of classes.
        Self::new(divided).unwrap_or_default()
    }
}

/// The class of each word.
fn divide(rows: &Rows, classes: usize) -> Vec<Option<usize>> {
    // A class's word alone is its first mean.
    let begin = (0..rows.len()).map(|word| Some(word).filter(|word| *word < classes));
    let mut assigned: Vec<Option<usize>> = begin.collect();
    for _round in 0..ROUNDS {
        let means = means(rows, &assigned, classes);
        let next: Vec<Option<usize>> = (0..rows.len())
            .into_par_iter()
            .with_min_len(WORDS_A_TASK)
            .map_init(
                || vec![0.0; classes],
                |cosines, word| nearest(rows.of(word), &means, cosines),
            )
            .collect();
        if next == assigned {
            break;
        }
        assigned = next;
    }
    assigned
}

/// The sum of the surroundings of each class's words, divided by its length. The values of all classes for the same
/// surroundings lie together.
fn means(rows: &Rows, assigned: &[Option<usize>], classes: usize) -> Vec<f32> {
    let mut means = vec![0.0_f32; rows.width * classes];
    for (word, class) in assigned.iter().enumerate() {
        let Some(class) = class else { continue };
        for &(place, value) in rows.of(word) {
            means[place as usize * classes + class] += value;
        }
    }
    let mut squares = vec![0.0_f64; classes];
    for values in means.chunks(classes) {
        for (square, value) in squares.iter_mut().zip(values) {
            *square += f64::from(*value) * f64::from(*value);
        }
    }
    let lengths: Vec<f32> = squares
        .iter()
        .map(|square| libm::sqrt(*square).max(f64::MIN_POSITIVE) as f32)
        .map(|length| if length > 0.0 { length } else { 1.0 })
        .collect();
    means.par_chunks_mut(classes).for_each(|values| {
        for (value, length) in values.iter_mut().zip(&lengths) {
            *value /= length;
        }
    });
    means
}

/// The class with the greatest cosine, of equal ones the first; none where there are no surroundings.
fn nearest(row: &[(u32, f32)], means: &[f32], cosines: &mut [f32]) -> Option<usize> {
    cosines.fill(0.0);
    for &(place, value) in row {
        let begin = place as usize * cosines.len();
        let means = &means[begin..begin + cosines.len()];
        for (cosine, mean) in cosines.iter_mut().zip(means) {
            *cosine += value * mean;
        }
    }
    let greater =
        |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
    let best = cosines.iter().copied().enumerate().reduce(greater)?;
    (best.1 > 0.0).then_some(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of a grammar: `a` article, a noun of six, a verb of six, and again.
    fn learned(threads: usize) -> Classes {
        let words: Vec<Box<str>> = ["the", "a"]
            .into_iter()
            .map(Into::into)
            .chain(
                (0..6)
                    .flat_map(|word| [format!("noun{word}").into(), format!("verb{word}").into()]),
            )
            .collect();
        let mut chance = 12345_u64;
        let mut draw = |below: u64| {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (chance >> 33) % below
        };
        let texts: Vec<Vec<u32>> = (0..400)
            .map(|_text| {
                let sentence = |_at| {
                    [
                        draw(2) as u32,
                        2 + 2 * draw(6) as u32,
                        3 + 2 * draw(6) as u32,
                    ]
                };
                (0..5).flat_map(sentence).collect()
            })
            .collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let mut surroundings = Surroundings::new(words.len() as u32);
            surroundings.add(&texts);
            Classes::learn(&words, surroundings, 4)
        })
    }

    #[test]
    fn words_of_the_same_surroundings_share_a_class_whatever_the_threads() {
        let classes = learned(1);
        let class = |word: &str| classes.of(word.as_bytes());
        for kind in ["noun", "verb"] {
            let first = class(&format!("{kind}0"));
            for word in 1..6 {
                assert_eq!(
                    class(&format!("{kind}{word}")),
                    first,
                    "{:?}",
                    classes.words()
                );
            }
        }
        assert_ne!(class("noun0"), class("verb0"));
        assert_eq!(learned(2).words(), classes.words());
    }

    #[test]
    fn texts_of_no_words_or_of_one_have_no_classes() {
        assert!(
            Classes::learn(&[], Surroundings::new(0), 5)
                .words()
                .is_empty()
        );
        let mut surroundings = Surroundings::new(1);
        surroundings.add(&[vec![0; 9]]);
        let classes = Classes::learn(&["a".into()], surroundings, 5);
        assert!(classes.words().is_empty());
    }

    #[test]
    fn what_has_no_surroundings_has_no_class() {
        let words = ["a", "b", "alone"].map(Box::from);
        let mut surroundings = Surroundings::new(3);
        surroundings.add(&[vec![0, 1, 0, 1], vec![2]]);
        let classes = Classes::learn(&words, surroundings, 5);
        assert_eq!(classes.of(b"alone"), classes.unknown());
        assert!(classes.of(b"a") < classes.unknown());
    }
}
