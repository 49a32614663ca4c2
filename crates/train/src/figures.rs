//! Figures of predictions: how good they are.

use cinescore_model::task::Task;

/// Probabilities nearer to 0 or 1 than this count as if they were not, since the logarithm of 0 would
/// make one wrong certainty outweigh everything.
const CERTAIN: f64 = 1e-15;

/// A figure by its name in the `metrics` table; none where it is not defined.
pub type Figure = (&'static str, Option<f64>);

/// The figures of a task, sorted by name. `predicted` are probabilities of positive or stars.
pub fn of(task: Task, targets: &[f64], predicted: &[f64]) -> Vec<Figure> {
    match task {
        Task::Binary => binary(targets, predicted),
        Task::Regression => regression(targets, predicted),
    }
}

/// What the trivial predictor says of everything, and its figures: for task `binary` the most common class
/// of the training split (its log loss is that of the base rate), for `regression` the training mean.
pub fn trivial(task: Task, training: &[f64], targets: &[f64]) -> Vec<Figure> {
    let mean = mean(training.iter().copied());
    let Some(mean) = mean else { return Vec::new() };
    match task {
        Task::Regression => of(task, targets, &vec![mean; targets.len()]),
        Task::Binary => {
            let class = f64::from(mean >= 0.5);
            let mut figures = of(task, targets, &vec![class; targets.len()]);
            let base = binary(targets, &vec![mean; targets.len()]);
            for (figure, base) in figures.iter_mut().zip(base) {
                if figure.0 == "log_loss" {
                    *figure = base;
                }
            }
            figures
        }
    }
}

fn binary(targets: &[f64], predicted: &[f64]) -> Vec<Figure> {
    let (mut hits, mut false_alarms, mut misses, mut correct) = (0_u64, 0_u64, 0_u64, 0_u64);
    for (&target, &predicted) in targets.iter().zip(predicted) {
        match (target >= 0.5, predicted >= 0.5) {
            (true, true) => hits += 1,
            (false, true) => false_alarms += 1,
            (true, false) => misses += 1,
            (false, false) => correct += 1,
        }
    }
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let log_loss = targets.iter().zip(predicted).map(|(&target, &predicted)| {
        let p = predicted.clamp(CERTAIN, 1.0 - CERTAIN);
        if target >= 0.5 {
            -p.ln()
        } else {
            -(-p).ln_1p()
        }
    });
    vec![
        ("accuracy", share(hits + correct, targets.len() as u64)),
        ("f1", share(2 * hits, 2 * hits + false_alarms + misses)),
        ("log_loss", mean(log_loss)),
        ("precision", share(hits, hits + false_alarms)),
        ("recall", share(hits, hits + misses)),
    ]
}

fn regression(targets: &[f64], predicted: &[f64]) -> Vec<Figure> {
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
    vec![
        ("mae", mean(errors().map(f64::abs))),
        ("mse", mse),
        ("r2", r2),
    ]
}

/// The mean of some numbers; none of none.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[Figure], expected: &[Figure]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.0, expected.0);
            match (found.1, expected.1) {
                (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "{}: {a} is not {b}", found.0),
                (a, b) => assert_eq!(a, b, "{}", found.0),
            }
        }
    }

    #[test]
    fn classes_are_counted() {
        let targets = [1.0, 1.0, 1.0, 0.0, 0.0];
        let predicted = [0.9, 0.5, 0.2, 0.7, 0.1];
        let log_loss =
            -(0.9_f64.ln() + 0.5_f64.ln() + 0.2_f64.ln() + 0.3_f64.ln() + 0.9_f64.ln()) / 5.0;
        let expected = [
            ("accuracy", Some(0.6)),
            ("f1", Some(2.0 / 3.0)),
            ("log_loss", Some(log_loss)),
            ("precision", Some(2.0 / 3.0)),
            ("recall", Some(2.0 / 3.0)),
        ];
        close(&of(Task::Binary, &targets, &predicted), &expected);
    }

    #[test]
    fn what_is_not_defined_is_not_a_number() {
        let found = of(Task::Binary, &[0.0, 0.0], &[0.0, 0.0]);
        close(&found[1..2], &[("f1", None)]);
        close(&found[3..], &[("precision", None), ("recall", None)]);
        close(
            &of(Task::Regression, &[4.0, 4.0], &[5.0, 3.0]),
            &[("mae", Some(1.0)), ("mse", Some(1.0)), ("r2", None)],
        );
    }

    #[test]
    fn a_wrong_certainty_costs_much_and_not_everything() {
        let found = of(Task::Binary, &[1.0], &[0.0]);
        assert!(found[2].1.unwrap() > 30.0 && found[2].1.unwrap().is_finite());
    }

    #[test]
    fn the_trivial_predictor_knows_the_training_labels_only() {
        let found = trivial(Task::Binary, &[1.0, 1.0, 0.0, 1.0], &[0.0, 1.0]);
        let log_loss = -(0.25_f64.ln() + 0.75_f64.ln()) / 2.0;
        close(
            &found[..3],
            &[
                ("accuracy", Some(0.5)),
                ("f1", Some(2.0 / 3.0)),
                ("log_loss", Some(log_loss)),
            ],
        );
        let found = trivial(Task::Regression, &[4.0, 6.0], &[1.0, 10.0]);
        close(
            &found,
            &[
                ("mae", Some(4.5)),
                ("mse", Some(20.5)),
                ("r2", Some(1.0 - 20.5 / 20.25)),
            ],
        );
    }
}
