//! Logits of training reviews by models that did not see them.

use std::collections::BTreeMap;

use super::super::bags::Bags;
use super::super::newton::{Ended, Linear, Loss};
use super::super::sparse::Matrix;

/// How log-count ratios are counted, as `featurize bags` counted those of the whole training split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratios {
    /// What is added to every count of a class.
    pub(super) smoothing: f64,
    /// Whether a review's values are divided by their Euclidean length.
    pub(super) normed: bool,
    /// Numbers of n-grams.
    pub(super) columns: usize,
}

impl Ratios {
    /// A model of all reviews but those of `fold`, and what it says of these, by row: a logit. None where the others have one
    /// label only.
    pub(super) fn without(
        &self,
        train: &Bags,
        folds: &[u32],
        fold: u32,
        l2: f64,
    ) -> Option<(Ended, BTreeMap<usize, f64>)> {
        let rows = |own: bool| -> Vec<usize> {
            (0..folds.len())
                .filter(|&row| (folds[row] == fold) == own)
                .collect()
        };
        let (seen, unseen) = (rows(false), rows(true));
        let weights = self.count(train, &seen)?;
        let labels: Vec<f64> = seen.iter().map(|&row| train.labels[row]).collect();
        let mut model = Linear::zero(self.columns);
        let ended = model.fit(
            &self.matrix(train, &seen, &weights),
            &labels,
            Loss::Logistic,
            l2,
        );
        let said = model.margins(&self.matrix(train, &unseen, &weights));
        Some((ended, unseen.into_iter().zip(said).collect()))
    }

    /// The ratio of each n-gram in some reviews, whose label is 1 where they are positive.
    fn count(&self, bags: &Bags, rows: &[usize]) -> Option<Vec<f32>> {
        let mut counts = vec![[0_u32; 2]; self.columns];
        let mut reviews = [0_u64; 2];
        for &row in rows {
            let class = usize::from(bags.labels[row] > 0.5);
            reviews[class] += 1;
            for &index in bags.indices(row) {
                counts[index as usize][class] += 1;
            }
        }
        if reviews.contains(&0) {
            return None;
        }
        let smoothed = |count: u32| f64::from(count) + self.smoothing;
        let total = |class: usize| counts.iter().map(|own| smoothed(own[class])).sum::<f64>();
        let totals = [total(0), total(1)];
        let ratio = |own: &[u32; 2]| {
            let share = |class: usize| smoothed(own[class]) / totals[class];
            (share(1) / share(0)).ln() as f32
        };
        Some(counts.iter().map(ratio).collect())
    }

    /// Some reviews with these values of their n-grams.
    fn matrix(&self, bags: &Bags, rows: &[usize], weights: &[f32]) -> Matrix {
        let values: Vec<Vec<f32>> = rows
            .iter()
            .map(|&row| {
                let values = bags
                    .indices(row)
                    .iter()
                    .map(|&index| weights[index as usize]);
                let mut values: Vec<f32> = values.collect();
                if self.normed {
                    let squares = values.iter().map(|value| f64::from(*value).powi(2));
                    let length = squares.sum::<f64>().sqrt();
                    for value in values.iter_mut().filter(|_value| length > 0.0) {
                        *value = (f64::from(*value) / length) as f32;
                    }
                }
                values
            })
            .collect();
        let pairs = rows.iter().zip(&values);
        Matrix::new(
            pairs.map(|(&row, values)| (bags.indices(row), values.as_slice())),
            self.columns,
        )
    }
}
