//! The predictions that are compared, and that they belong together.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_artifact::Split;
use cinescore_artifact::table::TableError;
use cinescore_artifact::task::TaskInput;
use cinescore_model::task::{Decoder, Prediction, Quantity, TargetScale, Task};
use thiserror::Error;

use crate::predictions;
use crate::results::Evaluated;
use crate::windows::{self, Knowledge, Known, LAST_CLASS, Window, WindowsError};

/// Stars that there are.
const STARS: usize = 10;

/// Why predictions cannot be compared.
#[derive(Debug, Error)]
pub(super) enum GivenError {
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The table of windows cannot be used.
    #[error(transparent)]
    Windows(#[from] WindowsError),
    /// A prediction is of none of the windows.
    #[error("`{name}` has a prediction for the window {id}, which is not in the table of windows")]
    NoWindow {
        /// The network.
        name: String,
        /// The window.
        id: u64,
    },
    /// A table has a split that nobody knows.
    #[error("the predictions of `{name}` have the unknown split `{split}`")]
    Split {
        /// The network.
        name: String,
        /// The split.
        split: String,
    },
    /// A prediction is no number.
    #[error("the prediction of `{name}` for the example {id} is {value}")]
    NotFinite {
        /// The network.
        name: String,
        /// The example.
        id: u64,
        /// The prediction or the truth.
        value: f64,
    },
    /// The examples are not the same.
    #[error(
        "`{a}` and `{b}` were not evaluated on the same examples: {id} of the split `{split}` is in `{only}` only"
    )]
    OtherExamples {
        /// A network.
        a: String,
        /// The other.
        b: String,
        /// The split.
        split: &'static str,
        /// The first example that one lacks.
        id: u64,
        /// Which has it.
        only: String,
    },
    /// The truths are not the same.
    #[error(
        "`{a}` and `{b}` were not evaluated on the same truth: the example {id} has {truth_a} there and {truth_b} here"
    )]
    OtherTruth {
        /// A network.
        a: String,
        /// The other.
        b: String,
        /// The first such example.
        id: u64,
        /// Its truth.
        truth_a: f64,
        /// Its truth for the other.
        truth_b: f64,
    },
}

/// A network's predictions.
#[derive(Debug)]
pub(super) struct Given {
    /// What the pipeline calls it.
    pub(super) name: String,
    /// By split, sorted by id.
    evaluated: Vec<Evaluated>,
}

impl Given {
    /// Reads a table.
    pub(super) fn read(input: &TaskInput) -> Result<Self, GivenError> {
        let name = name_of(input);
        let mut evaluated = Split::ALL.map(|split| Evaluated {
            split,
            ids: Vec::new(),
            targets: Vec::new(),
            predicted: Vec::new(),
            knowledge: None,
        });
        predictions::each(&input.path, |row| {
            let unknown = |split| GivenError::Split {
                name: name.clone(),
                split,
            };
            let split = row.split().map_err(unknown)?;
            let numbers = [row.target, row.value];
            if let Some(&value) = numbers.iter().find(|value| !value.is_finite()) {
                let (name, id) = (name.clone(), row.id);
                return Err(GivenError::NotFinite { name, id, value });
            }
            for own in evaluated.iter_mut().filter(|own| own.split == split) {
                own.ids.push(row.id);
                own.targets.push(row.target);
                own.predicted.push(row.said());
            }
            Ok(())
        })?;
        Ok(Self {
            name,
            evaluated: evaluated.into(),
        })
    }

    /// A split.
    pub(super) fn split(&self, split: Split) -> Option<&Evaluated> {
        self.evaluated.iter().find(|own| own.split == split)
    }

    /// All rows.
    pub(super) fn rows(&self) -> u64 {
        self.evaluated.iter().map(|own| own.ids.len() as u64).sum()
    }

    /// How many classes the predictions have probabilities for.
    fn classes(&self) -> Option<usize> {
        let said = self
            .evaluated
            .iter()
            .flat_map(|own| &own.predicted)
            .next()?;
        said.probabilities.as_ref().map(Vec::len)
    }

    /// Whether the truths are classes.
    pub(super) fn has_classes(&self) -> bool {
        self.classes().is_some()
    }

    /// Adds what is known of the windows that the predictions are of.
    pub(super) fn know(&mut self, known: &Windows) -> Result<(), GivenError> {
        for own in &mut self.evaluated {
            let find = |id: &u64| {
                known
                    .windows
                    .get(id)
                    .copied()
                    .ok_or_else(|| GivenError::NoWindow {
                        name: self.name.clone(),
                        id: *id,
                    })
            };
            own.knowledge = Some(Knowledge {
                windows: own.ids.iter().map(find).collect::<Result<_, _>>()?,
                bounds: known.bounds.clone(),
            });
        }
        Ok(())
    }

    /// What was predicted: popularity, if windows were given, a truth is no number of stars, or the predictions are the means of
    /// the classes of popularity.
    fn quantity(&self) -> Quantity {
        let stars = |target: &f64| target.fract() == 0.0 && (1.0..=10.0).contains(target);
        let all = |own: &Evaluated| own.knowledge.is_none() && own.targets.iter().all(stars);
        match self.evaluated.iter().all(all) && !self.are_classes_of_popularity() {
            true => Quantity::Stars,
            false => Quantity::Popularity,
        }
    }

    /// Whether every prediction is the mean over the numbers of the classes of popularity. Six classes of stars have a mean that
    /// is greater by 1 at least, since their k-th is k stars or more.
    fn are_classes_of_popularity(&self) -> bool {
        let is_mean = |said: &Prediction| {
            let Some(own) = &said.probabilities else {
                return false;
            };
            let labels = (0..=LAST_CLASS).map(f64::from);
            let mean: f64 = labels.zip(own).map(|(label, own)| label * own).sum();
            own.len() == usize::from(LAST_CLASS) + 1 && (mean - said.value).abs() < 0.5
        };
        self.predicted().next().is_some() && self.predicted().all(is_mean)
    }

    /// All predictions.
    fn predicted(&self) -> impl Iterator<Item = &Prediction> {
        self.evaluated.iter().flat_map(|own| &own.predicted)
    }

    /// How the predictions are read. A table does not name its task: two truths and probabilities between them are
    /// task `binary`. Nor does it name its classes: they are those of popularity, all ten stars, or the true stars that there
    /// are if that is as many.
    pub(super) fn decoder(&self) -> Decoder {
        let quantity = self.quantity();
        let of_all = |test: fn(f64, f64) -> bool| {
            self.evaluated.iter().all(|own| {
                let mut pairs = own.targets.iter().zip(&own.predicted);
                pairs.all(|(&target, said)| test(target, said.value))
            })
        };
        let windows = self.evaluated.iter().any(|own| own.knowledge.is_some());
        let as_number = Decoder::Regression {
            quantity,
            scale: TargetScale {
                offset: 0.0,
                factor: 1.0,
            },
        };
        match self.classes() {
            None if !windows
                && of_all(|target, value| {
                    (target == 0.0 || target == 1.0) && (0.0..=1.0).contains(&value)
                }) =>
            {
                Decoder::Binary
            }
            None => as_number,
            Some(count)
                if quantity == Quantity::Popularity && count == usize::from(LAST_CLASS) + 1 =>
            {
                Decoder::Classes {
                    quantity,
                    labels: (0..=LAST_CLASS).collect(),
                }
            }
            Some(STARS) => Decoder::Classes {
                quantity,
                labels: (1..=10).collect(),
            },
            Some(count) => {
                let targets = self.evaluated.iter().flat_map(|own| &own.targets);
                let mut stars: Vec<u8> = targets.map(|&target| target as u8).collect();
                stars.sort_unstable();
                stars.dedup();
                match stars.len() == count {
                    true => Decoder::Classes {
                        quantity,
                        labels: stars,
                    },
                    false => as_number,
                }
            }
        }
    }

    /// What a person should know of how these are read.
    pub(super) fn note(&self) -> Option<String> {
        let count = self.classes()?;
        matches!(self.decoder(), Decoder::Regression { .. }).then(|| {
            format!(
                "`{}` has probabilities of {count} classes, and the true stars are not as many: it is compared by its mean stars only",
                self.name
            )
        })
    }
}

/// What is known of all windows of a table.
#[derive(Debug)]
pub(super) struct Windows {
    windows: BTreeMap<u64, Known>,
    bounds: Vec<f64>,
}

impl Windows {
    /// Reads a table; `classes`: whether the truths of the predictions are classes.
    pub(super) fn read(path: &Path, classes: bool) -> Result<Self, GivenError> {
        let mut all = BTreeMap::new();
        let task = if classes {
            Task::Classes
        } else {
            Task::Regression
        };
        let bounds = windows::read(path, task, None, |window: Window<'_>| {
            // No network is compared on what it learned from.
            if window.split != Split::Train {
                all.insert(window.id, window.known);
            }
            Ok::<(), GivenError>(())
        })?;
        Ok(Self {
            windows: all,
            bounds,
        })
    }
}

/// A network's name: the reference to its predictions without the output; on a plain command line, where the
/// reference is the path, the folder.
pub(crate) fn name_of(input: &TaskInput) -> String {
    if Path::new(&input.label) == input.path {
        let folder = input.path.parent().and_then(Path::file_name);
        return folder.map_or_else(
            || input.label.clone(),
            |name| name.to_string_lossy().into_owned(),
        );
    }
    let output = input.output.as_deref().unwrap_or("predictions");
    let stage = input.label.strip_suffix(output);
    let stage = stage.and_then(|stage| stage.strip_suffix('.'));
    stage.unwrap_or(&input.label).to_owned()
}

/// That all have the same examples with the same truths in each split.
pub(super) fn check(all: &[Given], splits: &[Split]) -> Result<(), GivenError> {
    let Some((first, others)) = all.split_first() else {
        return Ok(());
    };
    for &split in splits {
        for other in others {
            if let (Some(a), Some(b)) = (first.split(split), other.split(split)) {
                check_pair((&first.name, a), (&other.name, b))?;
            }
        }
    }
    Ok(())
}

fn check_pair(a: (&str, &Evaluated), b: (&str, &Evaluated)) -> Result<(), GivenError> {
    let other_examples = |id: u64, only: &str| GivenError::OtherExamples {
        a: a.0.to_owned(),
        b: b.0.to_owned(),
        split: a.1.split.name(),
        id,
        only: only.to_owned(),
    };
    let length = a.1.ids.len().max(b.1.ids.len());
    for row in 0..length {
        match (a.1.ids.get(row), b.1.ids.get(row)) {
            (Some(id), Some(other)) if id == other => {}
            // Both are sorted: the smaller one is missing in the other.
            (Some(&id), Some(&other)) if id < other => return Err(other_examples(id, a.0)),
            (_, Some(&other)) => return Err(other_examples(other, b.0)),
            (Some(&id), None) => return Err(other_examples(id, a.0)),
            (None, None) => {}
        }
        let (truth_a, truth_b) = (a.1.targets[row], b.1.targets[row]);
        if truth_a != truth_b {
            return Err(GivenError::OtherTruth {
                a: a.0.to_owned(),
                b: b.0.to_owned(),
                id: a.1.ids[row],
                truth_a,
                truth_b,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(targets: &[f64], labels: &[f64], probabilities: &[f64]) -> Given {
        let value = labels.iter().zip(probabilities).map(|(a, b)| a * b).sum();
        let said = Prediction {
            value,
            probabilities: Some(probabilities.into()),
            interval: None,
        };
        Given {
            name: "net".into(),
            evaluated: vec![Evaluated {
                split: Split::Test,
                ids: (0..targets.len() as u64).collect(),
                targets: targets.into(),
                predicted: vec![said; targets.len()],
                knowledge: None,
            }],
        }
    }

    #[test]
    fn classes_of_popularity_are_no_stars_though_no_windows_are_given() {
        let probabilities = [0.0, 0.5, 0.125, 0.125, 0.125, 0.125];
        let popularity: Vec<f64> = (0..6).map(f64::from).collect();
        let found = given(&[1.0, 2.0, 5.0], &popularity, &probabilities).decoder();
        let expected = Decoder::Classes {
            quantity: Quantity::Popularity,
            labels: (0..6).collect(),
        };
        assert_eq!(found, expected);
        // Six stars that are as low as six can be, all of which are there.
        let stars: Vec<f64> = (1..=6).map(f64::from).collect();
        let found = given(&stars, &stars, &probabilities).decoder();
        let expected = Decoder::Classes {
            quantity: Quantity::Stars,
            labels: (1..=6).collect(),
        };
        assert_eq!(found, expected);
    }
}
