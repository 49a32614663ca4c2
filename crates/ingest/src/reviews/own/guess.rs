//! Which columns of a table hold what, judged by their values as well as by their names.
//!
//! Owns the judgement. `reviews` itself goes by names alone ([`super::columns`]), so that what it does can be read off a
//! pipeline; this is for writing that pipeline.

use std::collections::BTreeSet;

use super::columns::{Columns, ROLES, Role};
use super::{polarity_of, score_of, split_of, tconst_of};

/// Values of a column that are shown.
const EXAMPLES: usize = 3;
/// Characters shown of a value.
const SHOWN: usize = 40;
/// Share of a column's values that must be what its role asks for.
const FITTING: f64 = 0.9;
/// A text has so many bytes on average, or it is a name or a label.
const TEXT_BYTES: f64 = 20.0;

/// What is known of a column's values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    values: u64,
    pub(crate) nulls: u64,
    bytes: u64,
    with_spaces: u64,
    scores: u64,
    distinct_scores: BTreeSet<u8>,
    polarities: u64,
    /// Polarities in words; 0 and 1 may mean anything.
    polarity_words: u64,
    tconsts: u64,
    splits: u64,
    /// The first few values that differ.
    pub(crate) examples: Vec<String>,
}

impl Evidence {
    /// Takes a value into account.
    pub(crate) fn add(&mut self, value: Option<&[u8]>) {
        let Some(value) = value else {
            self.nulls += 1;
            return;
        };
        self.values += 1;
        self.bytes += value.len() as u64;
        self.with_spaces += u64::from(value.contains(&b' '));
        if let Ok(score) = score_of(value) {
            self.scores += 1;
            self.distinct_scores.insert(score);
        }
        if polarity_of(value).is_ok() {
            self.polarities += 1;
            self.polarity_words += u64::from(value.len() > 1);
        }
        self.tconsts += u64::from(tconst_of(value).is_ok());
        self.splits += u64::from(split_of(value).is_ok());
        if self.examples.len() < EXAMPLES {
            let shown = shown(&String::from_utf8_lossy(
                &value[..value.len().min(8 * SHOWN)],
            ));
            if !self.examples.contains(&shown) {
                self.examples.push(shown);
            }
        }
    }

    fn is_mostly(&self, count: u64) -> bool {
        self.values > 0 && count as f64 >= FITTING * self.values as f64
    }

    /// Whether a column that is called so can be it.
    fn fits(&self, role: Role) -> bool {
        match role {
            Role::Text => self.values > 0,
            Role::Score => self.is_mostly(self.scores),
            Role::Sentiment => self.is_mostly(self.polarities),
            Role::Tconst => self.is_mostly(self.tconsts),
            Role::Split => self.is_mostly(self.splits),
            Role::Id => true,
        }
    }

    /// Whether a column of any name must be it.
    fn tells(&self, role: Role) -> bool {
        match role {
            Role::Text => {
                self.is_mostly(self.with_spaces * 2)
                    && self.bytes as f64 >= TEXT_BYTES * self.values as f64
            }
            Role::Score => self.scores == self.values && self.distinct_scores.len() >= 5,
            Role::Sentiment => self.is_mostly(self.polarity_words),
            Role::Tconst => self.is_mostly(self.tconsts),
            Role::Split => self.is_mostly(self.splits),
            Role::Id => false,
        }
    }
}

/// The beginning of a text, in one line.
fn shown(text: &str) -> String {
    let mut characters = text.chars().map(|character| match character {
        control if control.is_control() => ' ',
        other => other,
    });
    let mut shown: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        shown.push('\u{2026}');
    }
    shown
}

/// Why a column has its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    Named,
    Name,
    Values,
}

/// The columns that were chosen, and why.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) columns: Columns,
    pub(crate) because: [Option<Because>; ROLES.len()],
    /// Columns that have a role's name and other values, with that role.
    pub(crate) unfit: Vec<(Role, String)>,
}

/// Chooses among the columns `found`, of which `evidence` was gathered in the same order.
pub(crate) fn choose(found: &[String], evidence: &[Evidence], named: &Columns) -> Choice {
    let by_name = Columns::of(found, named);
    let of = |name: &String| {
        let place = found.iter().position(|column| column == name)?;
        evidence.get(place)
    };
    let mut choice = Choice {
        columns: Columns::default(),
        because: [None; ROLES.len()],
        unfit: Vec::new(),
    };
    for role in ROLES {
        let Some(name) = by_name.get(role) else {
            continue;
        };
        let is_named = named.get(role).is_some();
        if is_named || of(name).is_some_and(|evidence| evidence.fits(role)) {
            choice.columns.0[role as usize] = Some(name.clone());
            choice.because[role as usize] = Some(match is_named {
                true => Because::Named,
                false => Because::Name,
            });
        } else {
            choice.unfit.push((role, name.clone()));
        }
    }
    for role in ROLES {
        if choice.columns.get(role).is_some() || named.get(role).is_some() {
            continue;
        }
        let free = found.iter().zip(evidence).filter(|(name, evidence)| {
            evidence.tells(role) && !choice.columns.0.iter().flatten().any(|of| of == *name)
        });
        // The longest texts are the reviews, titles are shorter; for the others the last one is as good as any.
        let best = free.max_by_key(|(_, evidence)| evidence.bytes);
        if let Some((name, _)) = best {
            choice.columns.0[role as usize] = Some(name.clone());
            choice.because[role as usize] = Some(Because::Values);
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_of(columns: &[(&str, &[&str])], named: &Columns) -> String {
        let found: Vec<String> = columns.iter().map(|(name, _)| (*name).into()).collect();
        let evidence: Vec<Evidence> = columns
            .iter()
            .map(|(_, values)| {
                let mut evidence = Evidence::default();
                for value in *values {
                    evidence.add((!value.is_empty()).then_some(value.as_bytes()));
                }
                evidence
            })
            .collect();
        let choice = choose(&found, &evidence, named);
        let mut words: Vec<String> = ROLES
            .iter()
            .filter_map(|role| {
                let name = choice.columns.get(*role)?;
                let because = choice.because[*role as usize]?;
                Some(format!("{}: {name} ({because:?})", role.name()))
            })
            .collect();
        for (role, name) in &choice.unfit {
            words.push(format!("not {}: {name}", role.name()));
        }
        words.join(", ")
    }

    const LONG: &[&str] = &["a film that goes on and on", "nothing in it is any good"];

    #[test]
    fn columns_are_chosen_by_name_where_their_values_fit_and_else_by_their_values() {
        let none = Columns::default();
        assert_eq!(
            choose_of(
                &[("review", LONG), ("sentiment", &["positive", "negative"])],
                &none
            ),
            "text: review (Name), sentiment: sentiment (Name)"
        );
        // Letters, ids and the marks of a school: only what the values say.
        assert_eq!(
            choose_of(
                &[
                    ("film", &["The Third Man", "Ran"]),
                    ("words", LONG),
                    ("mark", &["1", "2", "9.0", "4", "5", "10", ""]),
                    ("key", &["tt0041959", "tt0089881"]),
                    ("part", &["train", "test"]),
                    ("verdict", &["pos", "neg"]),
                ],
                &none
            ),
            "text: words (Values), score: mark (Values), sentiment: verdict (Values), tconst: key (Values), split: part (Values)"
        );
        // Of 100, with halves, and a label that is no polarity.
        assert_eq!(
            choose_of(
                &[
                    ("text", LONG),
                    ("rating", &["87", "3.5"]),
                    ("label", &["drama", "war"])
                ],
                &none
            ),
            "text: text (Name), not score: rating, not sentiment: label"
        );
    }

    #[test]
    fn what_the_user_says_is_not_judged() {
        let mut named = Columns::default();
        named.0[Role::Score as usize] = Some("rating".into());
        named.0[Role::Sentiment as usize] = Some(String::new());
        assert_eq!(
            choose_of(
                &[
                    ("text", LONG),
                    ("rating", &["87", "3"]),
                    ("sentiment", &["pos", "neg"])
                ],
                &named
            ),
            "text: text (Name), score: rating (Named)"
        );
    }
}
