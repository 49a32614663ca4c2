//! What a person sees of a prediction, and what a program reads.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use cinescore_artifact::StageError;
use cinescore_model::bundle::Manifest;
use cinescore_model::task::Task;
use console::{Style, style};
use serde::Serialize;

use crate::predictor::{Prediction, Sentiment, Word};

/// Words that are named.
const NAMED: usize = 8;
/// Cells of the longest bar.
const BAR: f64 = 24.0;
/// A word with this part of the greatest weight, or more, is coloured.
const COLOURED: f64 = 0.15;

/// A text with what is said of it.
pub(super) struct View<'a> {
    pub(super) text: &'a str,
    pub(super) said: &'a Prediction,
    pub(super) words: Option<&'a [Word]>,
    pub(super) manifest: &'a Manifest,
}

#[derive(Serialize)]
struct Json<'a> {
    task: Task,
    #[serde(flatten)]
    said: &'a Prediction,
    /// The part of the truths that intervals hold.
    level: Option<f64>,
    words: Option<Vec<JsonWord<'a>>>,
}

#[derive(Serialize)]
struct JsonWord<'a> {
    word: &'a str,
    #[serde(flatten)]
    place: &'a Word,
}

impl View<'_> {
    /// One line of JSON.
    pub(super) fn json(&self) -> Result<String, StageError> {
        let word = |place| JsonWord {
            word: self.word(place),
            place,
        };
        let json = Json {
            task: self.manifest.decoder.task(),
            said: self.said,
            level: self.level().filter(|_| self.said.lower.is_some()),
            words: self.words.map(|words| words.iter().map(word).collect()),
        };
        let mut line = serde_json::to_string(&json).map_err(StageError::failed)?;
        line.push('\n');
        Ok(line)
    }

    /// Lines for people; coloured where stdout is a terminal and `NO_COLOR` is not set.
    pub(super) fn lines(&self) -> String {
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        self.lines_with(io::stdout().is_terminal() && !quiet)
    }

    fn lines_with(&self, colours: bool) -> String {
        let mut lines = String::new();
        let said = self.said;
        let mut line = |name: &str, text: &str| {
            writeln!(lines, "{name:<10} {text}").ok();
        };
        if let Some(rating) = said.rating {
            let interval = match (said.lower, said.upper, self.level()) {
                (Some(lower), Some(upper), Some(level)) => {
                    format!(", {:.0} % between {lower:.1} and {upper:.1}", 100.0 * level)
                }
                _ => String::new(),
            };
            line("rating", &format!("{rating:.1} of 10{interval}"));
        }
        if let Some(sentiment) = said.sentiment {
            let name = match sentiment {
                Sentiment::Positive => style(sentiment.name()).green(),
                Sentiment::Negative => style(sentiment.name()).red(),
            };
            let name = name.force_styling(colours);
            let how = match said.positive {
                Some(positive) => format!("positive with a probability of {positive:.3}"),
                None => "by the middle of the scale".into(),
            };
            line("sentiment", &format!("{name}, {how}"));
        }
        for (index, score) in said.scores.iter().flatten().enumerate() {
            let bar = "█".repeat((score.probability * BAR).round() as usize);
            let name = if index == 0 { "scores" } else { "" };
            line(
                name,
                &format!("{:>2}  {:.3} {bar}", score.stars, score.probability),
            );
        }
        for (index, flag) in said.flags.iter().enumerate() {
            let name = if index == 0 { "doubts" } else { "" };
            let about = flag.about(self.manifest.decoder.task());
            line(name, &format!("{}: {about}", flag.name()));
        }
        if let Some(words) = self.words {
            line("words", &self.named(words));
            if colours {
                lines.push('\n');
                lines.push_str(&self.coloured(words));
                lines.push('\n');
            }
        }
        lines
    }

    /// The words with the greatest weights, by name.
    fn named(&self, words: &[Word]) -> String {
        let mut sorted: Vec<&Word> = words.iter().collect();
        sorted.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        let named: Vec<String> = sorted
            .into_iter()
            .take(NAMED)
            .map(|word| format!("{} {:+.2}", clean(self.word(word)), word.weight))
            .collect();
        if named.is_empty() {
            return "none".into();
        }
        named.join(", ")
    }

    /// The text with its words in colours.
    fn coloured(&self, words: &[Word]) -> String {
        let greatest = words
            .iter()
            .map(|word| word.weight.abs())
            .fold(0.0, f64::max);
        let mut text = String::new();
        let mut from = 0;
        for word in words {
            text.push_str(&clean(&self.text[from..word.begin]));
            let part = word.weight / greatest;
            let own = match part {
                part if part >= 0.5 => Style::new().green().bold(),
                part if part >= COLOURED => Style::new().green(),
                part if part <= -0.5 => Style::new().red().bold(),
                part if part <= -COLOURED => Style::new().red(),
                _ => Style::new(),
            };
            let name = own.force_styling(true).apply_to(clean(self.word(word)));
            write!(text, "{name}").ok();
            from = word.end;
        }
        text.push_str(&clean(&self.text[from..]));
        text
    }

    fn word(&self, word: &Word) -> &str {
        &self.text[word.begin..word.end]
    }

    fn level(&self) -> Option<f64> {
        self.manifest
            .calibration
            .as_ref()
            .map(|calibration| calibration.level)
    }
}

/// A text that commands a terminal to do nothing.
fn clean(text: &str) -> String {
    let is_kept = |c: &char| !c.is_control() || *c == '\n';
    text.chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use cinescore_model::task::{Decoder, Quantity};

    use super::*;
    use crate::flags::Flag;
    use crate::predictor::{self, Score};

    fn manifest() -> Manifest {
        predictor::manifest(Decoder::Classes {
            quantity: Quantity::Stars,
            labels: vec![1, 9],
        })
    }

    fn said() -> Prediction {
        let score = |stars, probability| Score { stars, probability };
        Prediction {
            rating: Some(7.0),
            lower: None,
            upper: None,
            sentiment: Some(Sentiment::Positive),
            positive: Some(0.75),
            scores: Some(vec![score(1, 0.25), score(9, 0.75)]),
            flags: [Flag::Short].into_iter().collect(),
        }
    }

    const TEXT: &str = "a \u{1b}[31mgem, not dull";
    const WORDS: [Word; 2] = [
        Word {
            begin: 7,
            end: 10,
            weight: 2.0,
        },
        Word {
            begin: 16,
            end: 20,
            weight: -1.5,
        },
    ];

    #[test]
    fn people_see_lines_and_colours_where_they_are_wanted() {
        let (said, manifest) = (said(), manifest());
        let view = View {
            text: TEXT,
            said: &said,
            words: Some(&WORDS),
            manifest: &manifest,
        };
        insta::assert_snapshot!(view.lines_with(false), @"
        rating     7.0 of 10
        sentiment  positive, positive with a probability of 0.750
        scores      1  0.250 ██████
                    9  0.750 ██████████████████
        doubts     short: shorter than a review
        words      gem +2.00, dull -1.50
        ");
        let coloured = view.lines_with(true);
        // What the text itself says to the terminal is gone.
        assert!(
            coloured.ends_with(
                "a [31m\u{1b}[32m\u{1b}[1mgem\u{1b}[0m, not \u{1b}[31m\u{1b}[1mdull\u{1b}[0m\n"
            ),
            "{coloured:?}"
        );
    }

    #[test]
    fn programs_read_one_line() {
        let (said, manifest) = (said(), manifest());
        let view = View {
            text: TEXT,
            said: &said,
            words: Some(&WORDS),
            manifest: &manifest,
        };
        insta::assert_snapshot!(view.json().unwrap(), @r#"{"task":"classes","rating":7.0,"lower":null,"upper":null,"sentiment":"positive","positive":0.75,"scores":[{"stars":1,"probability":0.25},{"stars":9,"probability":0.75}],"flags":["short"],"level":null,"words":[{"word":"gem","begin":7,"end":10,"weight":2.0},{"word":"dull","begin":16,"end":20,"weight":-1.5}]}"#);
    }
}
