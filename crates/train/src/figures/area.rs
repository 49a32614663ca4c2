//! The area under the ROC curve, of two classes and of several.

use super::{mean_of_defined, share};

/// The area under the ROC curve: the probability that a positive is predicted above a negative, equal ones counting
/// half (Mann and Whitney 1947). Examples come in the order of their probabilities.
#[derive(Debug, Default)]
pub(super) struct Area {
    probability: f64,
    /// Negatives and positives with just this probability.
    equal: [f64; 2],
    /// Those below it.
    below: [f64; 2],
    won: f64,
}

impl Area {
    pub(super) fn add(&mut self, weight: f64, probability: f64, positive: bool) {
        if probability != self.probability {
            self.close();
            self.probability = probability;
        }
        self.equal[usize::from(positive)] += weight;
    }

    fn close(&mut self) {
        let [negatives, positives] = self.equal;
        self.won += positives * (self.below[0] + negatives / 2.0);
        self.below[0] += negatives;
        self.below[1] += positives;
        self.equal = [0.0; 2];
    }

    pub(super) fn value(mut self) -> f64 {
        self.close();
        let [negatives, positives] = self.below;
        share(self.won, negatives * positives)
    }
}

/// The mean over several classes of the area of each against all others (Provost and Domingos 2000, without their weights;
/// scikit-learn's `multi_class="ovr", average="macro"`). A class that no example has, or every one, does not count.
#[derive(Debug)]
pub(super) struct OneVersusRest {
    /// Of each class the examples, the lowest probability first.
    classes: Vec<Vec<Row>>,
}

#[derive(Debug)]
struct Row {
    example: u32,
    probability: f64,
    positive: bool,
}

impl OneVersusRest {
    /// `examples`: the true class and the probabilities of all of each.
    pub(super) fn new(classes: usize, examples: &[(usize, &[f64])]) -> Self {
        let of_class = |class: usize| {
            let row = |(example, (truth, probabilities)): (usize, &(usize, &[f64]))| Row {
                example: u32::try_from(example).unwrap_or(u32::MAX),
                probability: probabilities.get(class).copied().unwrap_or(0.0),
                positive: *truth == class,
            };
            let mut rows: Vec<Row> = examples.iter().enumerate().map(row).collect();
            rows.sort_by(|a, b| a.probability.total_cmp(&b.probability));
            rows
        };
        Self {
            classes: (0..classes).map(of_class).collect(),
        }
    }

    /// The mean, with each example as often as its weight says.
    pub(super) fn value(&self, weights: &[u32]) -> f64 {
        let of_class = |rows: &Vec<Row>| {
            let mut area = Area::default();
            for row in rows {
                let weight = weights[row.example as usize];
                if weight > 0 {
                    area.add(weight.into(), row.probability, row.positive);
                }
            }
            area.value()
        };
        mean_of_defined(self.classes.iter().map(of_class))
    }
}
