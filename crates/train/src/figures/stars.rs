//! Figures of stars, 1 to 10, as a number.

use super::{Figure, mean};

/// `predicted`: stars; `named`: the stars that are said where a whole number is wanted, before rounding.
///
/// The mean squared error stands there on three scales: stars, a tenth of the stars, and stars from 0 to 1. Published
/// figures use one or the other and seldom say which.
pub(super) fn figures(targets: &[f64], predicted: &[f64], named: &[f64]) -> Vec<Figure> {
    let errors = || {
        targets
            .iter()
            .zip(predicted)
            .map(|(target, predicted)| predicted - target)
    };
    let mse = mean(errors().map(|error| error * error));
    let centre = mean(targets.iter().copied()).unwrap_or(0.0);
    let variance = mean(targets.iter().map(|target| (target - centre).powi(2)));
    let r2 = mse
        .zip(variance)
        .filter(|(_, variance)| *variance > 0.0)
        .map(|(mse, variance)| 1.0 - mse / variance);
    let near = targets
        .iter()
        .zip(named)
        .map(|(target, named)| f64::from((named.round() - target).abs() <= 1.0));
    vec![
        ("mae", mean(errors().map(f64::abs))),
        ("mse", mse),
        ("mse_tenths", mse.map(|mse| mse / 100.0)),
        ("mse_unit", mse.map(|mse| mse / 81.0)),
        ("quadratic_kappa", quadratic_kappa(targets, named)),
        ("r2", r2),
        ("rmse", mse.map(f64::sqrt)),
        ("within_one", mean(near)),
    ]
}

/// Agreement beyond chance, where a disagreement counts as its square (Cohen 1968): 1 - the mean squared difference of
/// the rounded stars over that of two independent draws from both.
fn quadratic_kappa(targets: &[f64], named: &[f64]) -> Option<f64> {
    let said: Vec<f64> = named.iter().map(|named| named.round()).collect();
    let seen = mean(
        targets
            .iter()
            .zip(&said)
            .map(|(target, said)| (target - said).powi(2)),
    )?;
    let moments = |values: &[f64]| {
        let first = mean(values.iter().copied())?;
        let second = mean(values.iter().map(|value| value * value))?;
        Some((first, second))
    };
    let (a, b) = (moments(targets)?, moments(&said)?);
    let by_chance = a.1 - 2.0 * a.0 * b.0 + b.1;
    (by_chance > 1e-12).then(|| 1.0 - seen / by_chance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::testing::assert_figures;

    #[test]
    fn errors_are_measured_in_stars() {
        let targets = [1.0, 10.0, 4.0, 7.0];
        let predicted = [2.0, 7.0, 4.4, 7.0];
        let mse: f64 = (1.0 + 9.0 + 0.16) / 4.0;
        let expected = [
            ("mae", Some(4.4 / 4.0)),
            ("mse", Some(mse)),
            ("mse_tenths", Some(mse / 100.0)),
            ("mse_unit", Some(mse / 81.0)),
            // sklearn.metrics.cohen_kappa_score([1, 10, 4, 7], [2, 7, 4, 7], weights="quadratic")
            ("quadratic_kappa", Some(1.0 - 2.5 / (41.5 - 55.0 + 29.5))),
            ("r2", Some(1.0 - mse / 11.25)),
            ("rmse", Some(mse.sqrt())),
            ("within_one", Some(0.75)),
        ];
        let found = figures(&targets, &predicted, &predicted);
        assert_eq!(found.len(), expected.len());
        assert_figures(&found, &expected);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let found = figures(&[4.0, 4.0], &[5.0, 3.0], &[5.0, 3.0]);
        assert_figures(
            &found,
            &[("mae", Some(1.0)), ("mse", Some(1.0)), ("r2", None)],
        );
        let found = figures(&[4.0, 4.0], &[4.0, 4.0], &[4.0, 4.0]);
        assert_figures(&found, &[("quadratic_kappa", None)]);
    }
}
