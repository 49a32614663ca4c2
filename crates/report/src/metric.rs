//! What is known of a metric by its name: its words, its unit, which way is better.

use std::cmp::Ordering;

/// A metric.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    better: Better,
}

#[derive(Debug, Clone, Copy)]
enum Better {
    Higher,
    Lower,
}

const fn metric(
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    better: Better,
) -> Metric {
    Metric {
        name,
        label,
        unit,
        better,
    }
}

/// The best-known first: a network's headline is the first that it has.
const KNOWN: [Metric; 9] = [
    metric("accuracy", "accuracy", "", Better::Higher),
    metric("mse", "mean squared error", "stars²", Better::Lower),
    metric("mae", "mean absolute error", "stars", Better::Lower),
    metric("r2", "R²", "", Better::Higher),
    metric("f1", "F1", "", Better::Higher),
    metric("precision", "precision", "", Better::Higher),
    metric("recall", "recall", "", Better::Higher),
    metric("log_loss", "log loss", "nats", Better::Lower),
    metric("loss", "loss", "as trained on", Better::Lower),
];

fn find(name: &str) -> Option<&'static Metric> {
    KNOWN.iter().find(|metric| metric.name == name)
}

/// The metrics that may stand in a headline, best first.
pub(crate) fn headline_order() -> impl Iterator<Item = &'static str> {
    KNOWN
        .iter()
        .map(|metric| metric.name)
        .filter(|name| *name != "loss")
}

/// The order in which metrics are shown; one that nobody knows comes last.
pub(crate) fn order(name: &str) -> (usize, &str) {
    (
        KNOWN
            .iter()
            .position(|metric| metric.name == name)
            .unwrap_or(KNOWN.len()),
        name,
    )
}

/// In words.
pub(crate) fn label(name: &str) -> String {
    find(name).map_or_else(|| name.replace('_', " "), |metric| metric.label.into())
}

/// In words, with its unit in brackets where it has one.
pub(crate) fn label_with_unit(name: &str) -> String {
    match unit(name) {
        "" => label(name),
        unit => format!("{} ({unit})", label(name)),
    }
}

/// Its unit; empty where it has none, or none is known.
pub(crate) fn unit(name: &str) -> &'static str {
    find(name).map_or("", |metric| metric.unit)
}

/// How `a` stands to `b`: `Greater` is better. None where it is not known which way is better.
pub(crate) fn compare(name: &str, a: f64, b: f64) -> Option<Ordering> {
    let order = a.partial_cmp(&b)?;
    find(name).map(|metric| match metric.better {
        Better::Higher => order,
        Better::Lower => order.reverse(),
    })
}

/// The first letter as a capital, for the beginning of a line.
pub(crate) fn capital(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}
