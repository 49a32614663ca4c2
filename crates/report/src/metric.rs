//! What is known of a metric by its name: its words, its unit, which way is better; and by the names of all, what they are of.

use std::cmp::Ordering;

/// A metric.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    better: Better,
}

/// What figures are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Reviews; errors are in stars.
    Reviews,
    /// Windows over popularity; errors are in the unit of their target: shares, ratings or their logarithm.
    Windows,
}

/// The figures that only windows have.
const OF_WINDOWS: [&str; 4] = ["mase", "class_accuracy", "ndcg_at_10", "spearman"];

impl Subject {
    /// Windows if one of the two is about them.
    pub(crate) fn or(self, other: Self) -> Self {
        match self {
            Self::Windows => self,
            Self::Reviews => other,
        }
    }

    /// By the names of all figures.
    pub(crate) fn of<'a>(mut names: impl Iterator<Item = &'a str>) -> Self {
        match names.any(|name| OF_WINDOWS.contains(&name) || name.contains("_of_decile_")) {
            true => Self::Windows,
            false => Self::Reviews,
        }
    }

    /// One of its examples.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Reviews => "review",
            Self::Windows => "window",
        }
    }

    /// A metric in words, with its unit in brackets where it has one.
    pub(crate) fn label_with_unit(self, name: &str) -> String {
        match self.unit(name) {
            "" => label(name),
            unit => format!("{} ({unit})", label(name)),
        }
    }

    /// A metric's unit; empty where it has none, or none is known.
    pub(crate) fn unit(self, name: &str) -> &'static str {
        match (self, find(name).map_or("", |metric| metric.unit)) {
            (Self::Windows, "stars" | "stars²") => "",
            (_, unit) => unit,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Better {
    Higher,
    Lower,
    /// Neither way: it has a value that it should have, or is no judgement.
    Neither,
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

/// The best-known first: a network's headline is the first that it has. The first [`HEADLINES`] may stand there.
const KNOWN: [Metric; 32] = [
    metric("accuracy", "accuracy", "", Better::Higher),
    metric("mse", "mean squared error", "stars²", Better::Lower),
    metric("mae", "mean absolute error", "stars", Better::Lower),
    metric(
        "sentiment_accuracy",
        "sentiment accuracy",
        "",
        Better::Higher,
    ),
    metric("r2", "R²", "", Better::Higher),
    metric("f1", "F1", "", Better::Higher),
    metric("precision", "precision", "", Better::Higher),
    metric("recall", "recall", "", Better::Higher),
    metric("auc", "area under the ROC curve", "", Better::Higher),
    metric(
        "auc_macro",
        "area under the ROC curve, mean over the classes",
        "",
        Better::Higher,
    ),
    metric("log_loss", "log loss", "nats", Better::Lower),
    metric("quadratic_kappa", "quadratic kappa", "", Better::Higher),
    metric("within_one", "within one star", "", Better::Higher),
    metric(
        "rmse",
        "root of the mean squared error",
        "stars",
        Better::Lower,
    ),
    metric(
        "mse_tenths",
        "mean squared error of stars / 10",
        "",
        Better::Lower,
    ),
    metric(
        "mse_unit",
        "mean squared error of (stars - 1) / 9",
        "",
        Better::Lower,
    ),
    metric("f1_macro", "F1, mean over classes", "", Better::Higher),
    metric(
        "precision_macro",
        "precision, mean over classes",
        "",
        Better::Higher,
    ),
    metric(
        "recall_macro",
        "recall, mean over classes",
        "",
        Better::Higher,
    ),
    metric(
        "calibration_error",
        "expected calibration error",
        "",
        Better::Lower,
    ),
    metric("coverage", "held by the 90 % interval", "", Better::Neither),
    metric(
        "interval_width",
        "width of the 90 % interval",
        "stars",
        Better::Lower,
    ),
    metric("mean_error", "mean error", "stars", Better::Neither),
    metric(
        "deletion_random",
        "prediction taken back by random words",
        "",
        Better::Neither,
    ),
    metric(
        "deletion_top",
        "prediction taken back by the top words",
        "",
        Better::Neither,
    ),
    metric(
        "deletion_gain",
        "top words over random ones",
        "",
        Better::Higher,
    ),
    metric(
        "completeness_error",
        "integrated gradients: distance from adding up",
        "",
        Better::Lower,
    ),
    metric(
        "mase",
        "mean absolute error over the last value's",
        "",
        Better::Lower,
    ),
    metric("spearman", "rank correlation in a slot", "", Better::Higher),
    metric(
        "ndcg_at_10",
        "NDCG of the first ten of a slot",
        "",
        Better::Higher,
    ),
    metric(
        "class_accuracy",
        "accuracy of the class of popularity",
        "",
        Better::Higher,
    ),
    metric("loss", "loss", "as trained on", Better::Lower),
];
/// How many of them may stand in a headline.
const HEADLINES: usize = 10;

fn find(name: &str) -> Option<&'static Metric> {
    KNOWN.iter().find(|metric| metric.name == name)
}

/// A figure of some examples only, `recall_of_7`, as the figure and the class or true score that they have.
pub(crate) fn of_some(name: &str) -> Option<(&str, &str)> {
    name.split_once("_of_")
}

/// The metrics that may stand in a headline, best first.
pub(crate) fn headline_order() -> impl Iterator<Item = &'static str> {
    KNOWN[..HEADLINES].iter().map(|metric| metric.name)
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

/// How `a` stands to `b`: `Greater` is better. None where it is not known which way is better.
pub(crate) fn compare(name: &str, a: f64, b: f64) -> Option<Ordering> {
    let order = a.partial_cmp(&b)?;
    match find(name)?.better {
        Better::Higher => Some(order),
        Better::Lower => Some(order.reverse()),
        Better::Neither => None,
    }
}

/// The first letter as a capital, for the beginning of a line.
pub(crate) fn capital(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_some_examples_is_taken_apart() {
        assert_eq!(of_some("mean_error_of_7"), Some(("mean_error", "7")));
        assert_eq!(of_some("log_loss"), None);
        assert_eq!(label("mean_error"), "mean error");
    }

    #[test]
    fn the_errors_of_windows_are_not_in_stars() {
        let reviews = Subject::of(["mse", "r2", "within_one"].into_iter());
        assert_eq!(
            reviews.label_with_unit("mse"),
            "mean squared error (stars²)"
        );
        let windows = Subject::of(["mse", "mae_of_decile_03"].into_iter());
        assert_eq!(windows.label_with_unit("mse"), "mean squared error");
        assert_eq!(windows.label_with_unit("log_loss"), "log loss (nats)");
    }

    #[test]
    fn better_is_higher_or_lower_or_neither() {
        assert_eq!(compare("mse", 1.0, 2.0), Some(Ordering::Greater));
        assert_eq!(compare("auc", 1.0, 2.0), Some(Ordering::Less));
        assert_eq!(compare("coverage", 1.0, 2.0), None);
    }
}
