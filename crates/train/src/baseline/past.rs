//! Forecasts that are a rule over the past popularity of a window.

use super::params::Model;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule {
    /// The last value.
    Last,
    /// The mean of all.
    Mean,
    /// The last level of simple exponential smoothing (Brown 1959): each value moves the level, which begins at the first, by
    /// this part of its distance to it.
    Smoothing(f64),
    /// The value so many slots before the one that is forecast.
    Seasonal(usize),
}

impl Rule {
    /// The rules of a model, of which the validation split chooses; none of other models.
    pub(super) fn of(model: Model, alphas: &[f64], season: usize) -> Vec<Self> {
        match model {
            Model::LastValue => vec![Self::Last],
            Model::WindowMean => vec![Self::Mean],
            Model::ExponentialSmoothing => alphas.iter().copied().map(Self::Smoothing).collect(),
            Model::SeasonalNaive => vec![Self::Seasonal(season)],
            Model::Trivial | Model::Ridge | Model::Logistic => Vec::new(),
        }
    }

    /// What it says after some values, oldest first, of which there is at least one, and a season's at least.
    pub(super) fn say(self, past: &[f32]) -> f64 {
        let at = |index: usize| f64::from(past[index]);
        match self {
            Self::Last => at(past.len() - 1),
            Self::Mean => past.iter().map(|own| f64::from(*own)).sum::<f64>() / past.len() as f64,
            Self::Smoothing(alpha) => past
                .iter()
                .map(|own| f64::from(*own))
                .reduce(|level, own| level + alpha * (own - level))
                .unwrap_or(0.0),
            Self::Seasonal(season) => at(past.len() - season),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_say_what_they_are_called() {
        let past = [8.0, 1.0, 2.0, 5.0];
        assert_eq!(Rule::Last.say(&past), 5.0);
        assert_eq!(Rule::Mean.say(&past), 4.0);
        assert_eq!(Rule::Seasonal(4).say(&past), 8.0);
        assert_eq!(Rule::Seasonal(1).say(&past), 5.0);
        // 8, 4.5, 3.25, 4.125.
        assert_eq!(Rule::Smoothing(0.5).say(&past), 4.125);
        assert_eq!(Rule::Smoothing(1.0).say(&past), 5.0);
        assert_eq!(Rule::Smoothing(0.3).say(&past[..1]), 8.0);
        assert_eq!(Rule::of(Model::Ridge, &[0.5], 1), []);
    }
}
