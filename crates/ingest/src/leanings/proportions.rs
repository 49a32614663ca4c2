//! Two proportions against each other.
//!
//! The z-test is the pooled one; the interval of the difference Newcombe's (Statistics in Medicine 17, 1998, method 10); the
//! effect Cohen's h (Statistical Power Analysis, 1988, chapter 6); the correction for the number of tests that of Benjamini
//! and Hochberg (JRSS B 57, 1995).

/// The least expected count of a cell with which the test is made, after the usual rule.
const LEAST: f64 = 5.0;
/// Of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A group of reviews.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) reviews: u64,
    /// The positive ones among them.
    pub(super) positive: u64,
}

impl Part {
    pub(super) fn add(&mut self, positive: bool) {
        self.reviews += 1;
        self.positive += u64::from(positive);
    }

    /// What is left of it when a part of it is taken away.
    pub(super) fn without(self, part: Self) -> Self {
        Self {
            reviews: self.reviews - part.reviews,
            positive: self.positive - part.positive,
        }
    }

    fn share(self) -> f64 {
        self.positive as f64 / self.reviews as f64
    }

    /// Wilson's interval of the share.
    fn interval(self) -> (f64, f64) {
        let (n, p) = (self.reviews as f64, self.share());
        let middle = p + Z * Z / (2.0 * n);
        let half = Z * libm::sqrt(p * (1.0 - p) / n + Z * Z / (4.0 * n * n));
        let whole = 1.0 + Z * Z / n;
        ((middle - half) / whole, (middle + half) / whole)
    }
}

/// What is known of the difference of two groups' shares.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Test {
    /// The share of positive reviews less that of the others; none where a group is empty, as all below.
    pub(super) difference: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    /// Cohen's h.
    pub(super) effect: Option<f64>,
    /// None where a count that is to be expected is below 5, as `p`.
    pub(super) z: Option<f64>,
    /// Two-sided.
    pub(super) p: Option<f64>,
}

impl Test {
    pub(super) fn of(own: Part, rest: Part) -> Self {
        if own.reviews == 0 || rest.reviews == 0 {
            return Self::default();
        }
        let (a, b) = (own.share(), rest.share());
        let (own_ends, rest_ends) = (own.interval(), rest.interval());
        let lower = libm::hypot(a - own_ends.0, rest_ends.1 - b);
        let upper = libm::hypot(own_ends.1 - a, b - rest_ends.0);
        let angle = |share: f64| 2.0 * libm::asin(libm::sqrt(share));
        let (n, m) = (own.reviews as f64, rest.reviews as f64);
        let pooled = (own.positive + rest.positive) as f64 / (n + m);
        let rarest = pooled.min(1.0 - pooled) * n.min(m);
        let error = libm::sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m));
        let z = (rarest >= LEAST).then(|| (a - b) / error);
        Self {
            difference: Some(a - b),
            interval: Some((a - b - lower, a - b + upper)),
            effect: Some(angle(a) - angle(b)),
            z,
            p: z.map(|z| libm::erfc(z.abs() / std::f64::consts::SQRT_2)),
        }
    }
}

/// The least rate of false discoveries at which each of the tests would count as a discovery, in the order given.
pub(super) fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut least = 1.0_f64;
    let mut q = vec![1.0; p.len()];
    for (from_the_end, index) in order.into_iter().enumerate() {
        let rank = (p.len() - from_the_end) as f64;
        least = least.min(p[index] * p.len() as f64 / rank);
        q[index] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    }

    // z, p and h by Python's `math` from the formulas; the interval as in Newcombe's table II, case (a), method 10.
    #[test]
    fn figures_are_those_of_others() {
        let part = |positive, reviews| Part { reviews, positive };
        let test = Test::of(part(60, 100), part(100, 250));
        close(test.difference.unwrap(), 0.2);
        close(test.z.unwrap(), 3.393_104_462_691_481);
        assert!((test.p.unwrap() - 0.000_691).abs() < 1e-6, "{test:?}");
        close(test.effect.unwrap(), 0.402_715_841_580_66);
        let (lower, upper) = Test::of(part(56, 70), part(48, 80)).interval.unwrap();
        assert!((lower - 0.0524).abs() < 5e-5 && (upper - 0.3339).abs() < 5e-5);
    }

    #[test]
    fn groups_that_are_too_small_are_not_tested() {
        let part = |positive, reviews| Part { reviews, positive };
        let test = Test::of(part(4, 5), part(100, 250));
        assert!(test.z.is_none() && test.p.is_none() && test.difference.is_some());
        assert_eq!(Test::of(part(0, 0), part(1, 2)), Test::default());
    }

    // By hand: 0.005 * 4 / 1, 0.01 * 4 / 2, 0.03 * 4 / 3, 0.04 * 4 / 4, each at most what is behind it.
    #[test]
    fn the_correction_is_that_of_benjamini_and_hochberg() {
        let q = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005]);
        for (found, wanted) in q.into_iter().zip([0.02, 0.04, 0.04, 0.02]) {
            close(found, wanted);
        }
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
