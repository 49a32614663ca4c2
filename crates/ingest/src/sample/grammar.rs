//! The law of the sample's reviews: how a number of stars becomes a text.
//!
//! Owns the choice and order of sentences. The words stand in [`super::words`].
//!
//! **Judgements.** Stars mean a strength from -3 (1 star) to 3 (10 stars) and a probability that a single
//! judgement agrees with the whole ([`STANCES`]): somebody who gives 7 stars complains more than somebody
//! who gives 10. Each judgement draws its sign by that probability and its grade around the strength. It is
//! then said in one of three ways:
//! - plainly: "the acting is superb";
//! - by a negated word of the other side, which is one grade stronger than what is meant: "the acting is
//!   not good", "hardly a masterpiece" ([`NEGATED`] of all judgements);
//! - after a contrast: "the plot is dull, but the acting is superb". What comes after "but" counts, what
//!   comes before is given up ([`CONTRASTED`] of all sentences of judgement).
//!
//! So a bag of words sees a negated judgement with the wrong sign and a contrast as a draw, and word order
//! is worth something: pairs of words resolve the negations, and only a longer memory the contrasts.
//!
//! **Noise.** Opinion words also stand where they judge nothing: what others said, which mostly opposes the
//! writer, and in sentences of the plot ("a terrible storm").
//!
//! **Length.** Words are log-normal with the median and mean of the real reviews (173 and 232), cut to 12
//! and 2,400. The number of judgements grows with the length and then stops ([`judgements`]), so that a
//! long review is mostly plot, as it is in the original, and no surer than a middling one.
//!
//! **Form.** An opening, then judgements, plot and other sentences mixed, a verdict at the end of
//! [`WITH_VERDICT`] of the reviews; paragraphs are parted by `<br /><br />`, and some reviews have entities.

use super::random::Random;
use super::words::{
    ADJECTIVES, ADVERBS, CLAUSES, CONTRASTS, ENTITIES, HEARSAY, LISTS, NEGATORS, NOUNS, OFF_TOPIC,
    OPENINGS, PLAIN, PLOT, VERDICTS,
};

/// Stars, strength of a judgement, probability that a judgement agrees.
const STANCES: [(u8, f64, f64); 8] = [
    (1, -2.9, 0.97),
    (2, -2.4, 0.95),
    (3, -1.9, 0.92),
    (4, -1.3, 0.86),
    (7, 1.3, 0.86),
    (8, 1.9, 0.92),
    (9, 2.4, 0.95),
    (10, 2.9, 0.97),
];
/// Spread of a judgement's grade around the strength.
const GRADE_SPREAD: f64 = 0.6;
/// Judgements said by negating the opposite.
const NEGATED: f64 = 0.16;
/// Sentences of judgement that begin by giving something up.
const CONTRASTED: f64 = 0.18;
/// Plain adjectives with an adverb before them.
const WITH_ADVERB: f64 = 0.3;
/// Other people's judgements that oppose the writer's.
const HEARSAY_OPPOSED: f64 = 0.6;
/// Sentences without judgement that are hearsay.
const HEARSAY_SHARE: f64 = 0.05;
/// Sentences without judgement that are plot; the rest is about anything else.
const PLOT_SHARE: f64 = 0.55;
/// Reviews that begin with an opening.
const WITH_OPENING: f64 = 0.7;
/// Reviews that end with a verdict.
const WITH_VERDICT: f64 = 0.95;
/// Reviews with an entity.
const WITH_ENTITY: f64 = 0.04;
/// Words after which, on average, a paragraph ends.
const PARAGRAPH_WORDS: f64 = 85.0;
/// Mean and standard deviation of the logarithm of a review's length in words.
const LOG_LENGTH: (f64, f64) = (5.153, 0.766);
/// Shortest and longest length that is aimed at, words.
const LENGTH_RANGE: (f64, f64) = (12.0, 2400.0);
/// Words of an average sentence of judgement.
const JUDGEMENT_WORDS: f64 = 10.0;

/// First letters of words that have "an" before them.
const VOWELS: [char; 5] = ['a', 'e', 'i', 'o', 'u'];

/// The stance of a writer who gives so many stars.
#[derive(Debug, Clone, Copy)]
struct Stance {
    strength: f64,
    agreement: f64,
}

/// Writes a review of the given title by somebody who gives `stars` (1 to 4 or 7 to 10).
pub(super) fn review(random: &mut Random, title: &str, stars: u8) -> String {
    let length = length(random);
    let mut writer = Writer {
        random,
        title,
        stance: stance(stars),
        text: String::new(),
        words: 0,
    };
    writer.write(length);
    writer.text
}

fn stance(stars: u8) -> Stance {
    let (_, strength, agreement) = STANCES
        .into_iter()
        .find(|(of, _, _)| *of == stars)
        .expect("stars are drawn from those of the data set");
    Stance {
        strength,
        agreement,
    }
}

fn length(random: &mut Random) -> usize {
    let (mean, deviation) = LOG_LENGTH;
    let (shortest, longest) = LENGTH_RANGE;
    libm::exp(mean + deviation * random.normal()).clamp(shortest, longest) as usize
}

/// Sentences of judgement, the verdict not among them, in a review of so many words.
fn judgements(words: usize) -> usize {
    (words / 20).clamp(1, 10)
}

struct Writer<'a> {
    random: &'a mut Random,
    title: &'a str,
    stance: Stance,
    text: String,
    words: usize,
}

impl Writer<'_> {
    fn write(&mut self, length: usize) {
        let verdict = self.random.chance(WITH_VERDICT).then(|| self.verdict());
        let end = length.saturating_sub(verdict.as_deref().map_or(0, count_words));
        if length > 30 && self.random.chance(WITH_OPENING) {
            let pattern = self.random.pick(OPENINGS);
            self.say(pattern);
        }
        let entity_at = self
            .random
            .chance(WITH_ENTITY)
            .then(|| self.random.below(length));
        let mut entity_at = entity_at.filter(|_| length > 30);
        let mut left = judgements(length);
        // Half a sentence before the end: on average the length is met.
        while self.words + 5 < end || (self.words == 0 && verdict.is_none()) {
            let room = (end - self.words.min(end)) as f64;
            if entity_at.is_some_and(|at| self.words >= at) {
                entity_at = None;
                let pattern = self.random.pick(ENTITIES);
                self.say(pattern);
            } else if self
                .random
                .chance(left as f64 * JUDGEMENT_WORDS / room.max(1.0))
            {
                left = left.saturating_sub(1);
                let sentence = self.judgement();
                self.append(&sentence);
            } else {
                self.filler();
            }
        }
        if let Some(verdict) = verdict {
            self.append(&verdict);
        }
    }

    fn filler(&mut self) {
        let kind = self.random.unit();
        let patterns = match kind {
            _ if kind < HEARSAY_SHARE => HEARSAY,
            _ if kind < HEARSAY_SHARE + PLOT_SHARE => PLOT,
            _ => OFF_TOPIC,
        };
        let pattern = self.random.pick(patterns);
        self.say(pattern);
    }

    /// A sentence of judgement.
    fn judgement(&mut self) -> String {
        let value = self.value();
        let patterns = if self.random.chance(CONTRASTED) {
            CONTRASTS
        } else {
            PLAIN
        };
        let pattern = self.random.pick(patterns);
        self.expand(pattern, value)
    }

    fn verdict(&mut self) -> String {
        let value = self.value();
        let pattern = self.random.pick(VERDICTS);
        self.expand(pattern, value)
    }

    /// What a judgement means: a grade from -3 to 3, not 0.
    fn value(&mut self) -> i32 {
        let Stance {
            strength,
            agreement,
        } = self.stance;
        let sign = if self.random.chance(agreement) {
            1.0
        } else {
            -1.0
        };
        let size =
            libm::round(strength.abs() + GRADE_SPREAD * self.random.normal()).clamp(1.0, 3.0);
        (sign * strength.signum() * size) as i32
    }

    fn say(&mut self, pattern: &str) {
        let sentence = self.expand(pattern, 0);
        self.append(&sentence);
    }

    /// Puts a sentence, with its first letter made large, after what there is.
    fn append(&mut self, sentence: &str) {
        if !self.text.is_empty() {
            let paragraph = self
                .random
                .chance(count_words(sentence) as f64 / PARAGRAPH_WORDS);
            self.text
                .push_str(if paragraph { "<br /><br />" } else { " " });
            // `<br />` parts two words by white space and is one itself.
            self.words += usize::from(paragraph);
        }
        self.text.push_str(&capitalized(sentence));
        self.words += count_words(sentence);
    }

    /// Fills the slots of a pattern; `value` is what its judgement means.
    fn expand(&mut self, pattern: &str, value: i32) -> String {
        let mut text = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').expect("a test closes every brace");
            text.push_str(before);
            let filled = self.slot(slot, value);
            // Patterns say "a": the word that follows decides.
            if filled.starts_with(VOWELS) && (text.ends_with(" a ") || text == "A ") {
                text.insert(text.len() - 1, 'n');
            }
            text.push_str(&filled);
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn slot(&mut self, slot: &str, value: i32) -> String {
        match slot {
            "title" => self.title.to_owned(),
            "name" => format!("{} {}", self.listed("first name"), self.listed("surname")),
            "clause" => {
                let pattern = self.random.pick(CLAUSES);
                self.expand(pattern, value)
            }
            "against" => {
                let pattern = self.random.pick(CLAUSES);
                let given_up = self.random.between(1, 3) as i32;
                self.expand(pattern, -value.signum() * given_up)
            }
            "view" => self.view(value),
            "whole" => self.whole(value),
            "any" => {
                let value = self.any();
                self.random.pick(graded(&ADJECTIVES, value)).to_owned()
            }
            "other" => {
                let opposed = self.random.chance(HEARSAY_OPPOSED);
                let sign = self.stance.strength.signum() as i32 * if opposed { -1 } else { 1 };
                let value = sign * self.any().abs();
                self.random.pick(graded(&ADJECTIVES, value)).to_owned()
            }
            list => self.listed(list).to_owned(),
        }
    }

    fn any(&mut self) -> i32 {
        let size = self.random.between(1, 3) as i32;
        if self.random.chance(0.5) { size } else { -size }
    }

    /// "superb", "really superb", "not bad".
    fn view(&mut self, value: i32) -> String {
        if self.random.chance(NEGATED) {
            let word = self.random.pick(graded(&ADJECTIVES, negated(value)));
            return format!("{} {word}", self.random.pick(NEGATORS));
        }
        let word = self.random.pick(graded(&ADJECTIVES, value));
        if self.random.chance(WITH_ADVERB) {
            return format!("{} {word}", self.random.pick(ADVERBS));
        }
        word.to_owned()
    }

    /// "a superb film", "not a bad film", "a masterpiece", "hardly a mess".
    fn whole(&mut self, value: i32) -> String {
        let turned = self.random.chance(NEGATED);
        let said = if turned { negated(value) } else { value };
        let phrase = if self.random.chance(0.5) {
            self.random.pick(graded(&NOUNS, said)).to_owned()
        } else {
            format!(
                "{} {}",
                self.random.pick(graded(&ADJECTIVES, said)),
                self.listed("kind")
            )
        };
        let article = if phrase.starts_with(VOWELS) {
            "an"
        } else {
            "a"
        };
        if turned {
            format!("{} {article} {phrase}", self.random.pick(NEGATORS))
        } else {
            format!("{article} {phrase}")
        }
    }

    fn listed(&mut self, name: &str) -> &'static str {
        let (_, list) = LISTS
            .iter()
            .find(|(list, _)| *list == name)
            .expect("a test knows every slot");
        self.random.pick(list)
    }
}

/// The grade of the word whose negation means `value`: of the other side and, because "not superb" is
/// still less bad than "bad", one grade stronger.
fn negated(value: i32) -> i32 {
    -value.signum() * (value.abs() + 1).min(3)
}

/// The words of a grade from -3 to 3, not 0.
fn graded(words: &'static [&'static [&'static str]; 6], grade: i32) -> &'static [&'static str] {
    words[if grade < 0 { grade + 3 } else { grade + 2 } as usize]
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Stream;
    use super::*;

    #[test]
    fn every_slot_of_every_pattern_is_known() {
        let mut random = Random::new(1, Stream::Texts);
        let mut writer = Writer {
            random: &mut random,
            title: "X",
            stance: stance(8),
            text: String::new(),
            words: 0,
        };
        for patterns in [
            CLAUSES, PLAIN, CONTRASTS, HEARSAY, VERDICTS, OPENINGS, PLOT, OFF_TOPIC, ENTITIES,
        ] {
            for pattern in patterns {
                let sentence = writer.expand(pattern, 2);
                assert!(!sentence.contains(['{', '}']), "{pattern}");
            }
        }
    }

    #[test]
    fn a_negated_word_means_the_other_side_with_less_force() {
        assert_eq!([-3, -2, -1, 1, 2, 3].map(negated), [3, 3, 2, -2, -3, -3]);
        assert_eq!(graded(&ADJECTIVES, -3)[0], "awful");
        assert_eq!(graded(&ADJECTIVES, 1)[0], "decent");
    }

    #[test]
    fn lengths_are_those_of_the_real_reviews() {
        let mut words: Vec<usize> = (0..2000)
            .map(|number| {
                let mut random = Random::numbered(3, Stream::Texts, number);
                count_words(&review(
                    &mut random,
                    "The Harbor",
                    [1, 4, 7, 10][number as usize % 4],
                ))
            })
            .collect();
        words.sort_unstable();
        let mean = words.iter().sum::<usize>() / words.len();
        let (median, ninety) = (words[words.len() / 2], words[words.len() * 9 / 10]);
        // Real: 173, 232, 454, and 10 to 2,470 in all.
        assert!((160..186).contains(&median), "median {median}");
        assert!((215..249).contains(&mean), "mean {mean}");
        assert!((420..490).contains(&ninety), "90 % {ninety}");
        assert!(
            words[0] >= 8 && words[0] <= 25 && words[1999] <= 2420,
            "{} {}",
            words[0],
            words[1999]
        );
    }

    #[test]
    fn a_review_reads_like_one() {
        let mut random = Random::numbered(11, Stream::Texts, 5);
        insta::assert_snapshot!(review(&mut random, "The Harbor", 9), @r"I found the plot strong from start to finish. The story was never wonderful! The pacing by Quinn is dull, but the music was very stunning. I found the acting in no way charming; still, the main character was simply flawless.<br /><br />Years later the ghost returns to the swamp and remembers the race. And the photography seemed stunning to me. I will not give away what happens with the telephone. O'Brien was magnificent in this from start to finish. The music is quite flawless.<br /><br />It was shot in an island and runs for about 90 minutes. My father called it decent. The soldier tells a wonderful lie about the car. The lawyer is married to a robot, played by John Pruitt. It was shot in a hospital and runs for about 140 minutes. A writer meets a surgeon in Paris and they travel to a train station together. All things considered it was scarcely a superb movie.");
    }
}
