//! Two proportions against each other, of reviews that come in clusters: one title has many.
//!
//! Reviews of one title are alike, so that they say less than as many independent ones. Both proportions' reviews are divided
//! by their design effect, the variance of the share as a ratio over titles by that of independent reviews; what remains is tested
//! as if it were independent (Rao and Scott, A simple method for the analysis of clustered binary data, Biometrics 48, 1992). The
//! z-test is the pooled one; the interval of the difference Newcombe's (Statistics in Medicine 17, 1998, method 10); the
//! effect Cohen's h (Statistical Power Analysis, 1988, chapter 6); the correction for the number of tests that of Benjamini
//! and Hochberg (JRSS B 57, 1995).

/// The least expected count of a cell with which the test is made, after the usual rule.
const LEAST: f64 = 5.0;
/// The fewest titles of a side with which the test is made: of fewer, how much they differ is hardly known.
const FEWEST_TITLES: u64 = 10;
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
}

/// Reviews by title.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Group {
    pub(super) all: Part,
    pub(super) titles: u64,
    /// The design effect, 1 or more; none of fewer than two titles.
    pub(super) design: Option<f64>,
}

impl Group {
    /// Of each title's reviews.
    pub(super) fn of(titles: impl Iterator<Item = Part> + Clone) -> Self {
        let filled = titles.filter(|title| title.reviews > 0);
        let (mut all, mut count) = (Part::default(), 0u64);
        for title in filled.clone() {
            all.reviews += title.reviews;
            all.positive += title.positive;
            count += 1;
        }
        let (share, n, m) = (all.share(), all.reviews as f64, count as f64);
        let design = (count > 1).then(|| {
            let off = |title: Part| title.positive as f64 - share * title.reviews as f64;
            let squares: f64 = filled.map(off).map(|off| off * off).sum();
            let variance = m / (m - 1.0) * squares / (n * n);
            let independent = share * (1.0 - share) / n;
            // Of reviews that are all alike both are 0. An effect below 1 would be luck.
            match independent > 0.0 {
                true => (variance / independent).max(1.0),
                false => 1.0,
            }
        });
        Self {
            all,
            titles: count,
            design,
        }
    }

    /// As if all its reviews were independent.
    fn independent(self) -> Self {
        Self {
            design: Some(1.0),
            ..self
        }
    }
}

/// So many independent reviews with this share of positive ones.
#[derive(Debug, Clone, Copy)]
struct Sample {
    n: f64,
    share: f64,
}

impl Sample {
    fn of(group: Group) -> Option<Self> {
        Some(Self {
            n: group.all.reviews as f64 / group.design?,
            share: group.all.share(),
        })
    }

    /// Wilson's interval of the share.
    fn interval(self) -> (f64, f64) {
        let (n, p) = (self.n, self.share);
        let middle = p + Z * Z / (2.0 * n);
        let half = Z * libm::sqrt(p * (1.0 - p) / n + Z * Z / (4.0 * n * n));
        let whole = 1.0 + Z * Z / n;
        ((middle - half) / whole, (middle + half) / whole)
    }

    /// The pooled z of the difference; none where an expected count is too small.
    fn z(self, other: Self) -> Option<f64> {
        let (n, m) = (self.n, other.n);
        let pooled = (n * self.share + m * other.share) / (n + m);
        let rarest = pooled.min(1.0 - pooled) * n.min(m);
        let error = libm::sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m));
        (rarest >= LEAST).then(|| (self.share - other.share) / error)
    }
}

/// What is known of the difference of two groups' shares.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Test {
    /// The share of positive reviews less that of the others; none where a group is empty, as all below.
    pub(super) difference: Option<f64>,
    /// None where a group has one title only, as `z`.
    pub(super) interval: Option<(f64, f64)>,
    /// Cohen's h.
    pub(super) effect: Option<f64>,
    /// None where a count that is to be expected is below 5 or there are fewer than 10 titles, as `p`.
    pub(super) z: Option<f64>,
    /// Two-sided.
    pub(super) p: Option<f64>,
    /// The same as if all reviews were independent.
    pub(super) p_independent: Option<f64>,
}

impl Test {
    pub(super) fn of(own: Group, rest: Group) -> Self {
        if own.all.reviews == 0 || rest.all.reviews == 0 {
            return Self::default();
        }
        let (a, b) = (own.all.share(), rest.all.share());
        let angle = |share: f64| 2.0 * libm::asin(libm::sqrt(share));
        let samples = |own: Group, rest: Group| Sample::of(own).zip(Sample::of(rest));
        let clustered = samples(own, rest);
        let enough = own.titles.min(rest.titles) >= FEWEST_TITLES;
        let z = clustered
            .filter(|_| enough)
            .and_then(|(own, rest)| own.z(rest));
        let naive = samples(own.independent(), rest.independent());
        let naive = naive.and_then(|(own, rest)| own.z(rest));
        Self {
            difference: Some(a - b),
            interval: clustered.map(|(own, rest)| {
                let (own_ends, rest_ends) = (own.interval(), rest.interval());
                let lower = libm::hypot(a - own_ends.0, rest_ends.1 - b);
                let upper = libm::hypot(own_ends.1 - a, b - rest_ends.0);
                (a - b - lower, a - b + upper)
            }),
            effect: Some(angle(a) - angle(b)),
            z,
            p: z.map(two_sided),
            p_independent: naive.map(two_sided),
        }
    }
}

fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
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

    fn part(positive: u64, reviews: u64) -> Part {
        Part { reviews, positive }
    }

    /// As many titles as reviews.
    fn apart(positive: u64, reviews: u64) -> Group {
        Group::of((0..reviews).map(|index| part(u64::from(index < positive), 1)))
    }

    // z, p and h by Python's `math` from the formulas; the interval as in Newcombe's table II, case (a), method 10.
    #[test]
    fn figures_are_those_of_others() {
        let plain = |positive, reviews| apart(positive, reviews).independent();
        let test = Test::of(plain(60, 100), plain(100, 250));
        close(test.difference.unwrap(), 0.2);
        close(test.z.unwrap(), 3.393_104_462_691_481);
        assert!((test.p.unwrap() - 0.000_691).abs() < 1e-6, "{test:?}");
        assert_eq!(test.p, test.p_independent);
        close(test.effect.unwrap(), 0.402_715_841_580_66);
        let (lower, upper) = Test::of(plain(56, 70), plain(48, 80)).interval.unwrap();
        assert!((lower - 0.0524).abs() < 5e-5 && (upper - 0.3339).abs() < 5e-5);
    }

    #[test]
    fn reviews_of_titles_that_are_all_alike_count_as_one_each() {
        // 20 titles with 10 reviews each, of one opinion: 20 independent reviews.
        let titles = |good: u64| (0..20).map(move |title| part(10 * u64::from(title < good), 10));
        let (own, rest) = (Group::of(titles(15)), Group::of(titles(8)));
        // 10 reviews each, and 20 of 19 for the degrees of freedom.
        close(own.design.unwrap(), 10.0 * 20.0 / 19.0);
        let test = Test::of(own, rest);
        let alone = Test::of(apart(15, 20), apart(8, 20));
        close(test.z.unwrap(), alone.z.unwrap());
        assert!(test.p.unwrap() > 0.01 && test.p_independent.unwrap() < 1e-9);
        // Titles that differ no more than chance would have them cost nothing.
        let even = (0..20).map(|_title| part(5, 10));
        assert_eq!(Group::of(even).design, Some(1.0));
    }

    // By Python from Rao and Scott's formula: 4 / 3 * sum((x - p n)^2) / 18 / (p (1 - p)), p = 11 / 18.
    #[test]
    fn the_design_effect_is_the_ratios_variance_by_that_of_independent_reviews() {
        let titles = [part(4, 4), part(1, 5), part(4, 6), part(2, 3), part(0, 0)];
        let found = Group::of(titles.into_iter());
        assert_eq!((found.all, found.titles), (part(11, 18), 4));
        close(found.design.unwrap(), 2.114_478_114_478_114);
    }

    #[test]
    fn groups_that_are_too_small_are_not_tested() {
        let test = Test::of(apart(4, 5), apart(100, 250));
        assert!(test.z.is_none() && test.p.is_none() && test.difference.is_some());
        // Enough reviews, and too few titles.
        let few = Group::of((0..9).map(|title| part(20 + title, 50)));
        let test = Test::of(few, apart(100, 250));
        assert!(test.p.is_none() && test.p_independent.is_some() && test.interval.is_some());
        let one = Group::of([part(20, 50)].into_iter());
        assert!(Test::of(one, apart(100, 250)).interval.is_none());
        assert_eq!(Test::of(Group::default(), apart(1, 2)), Test::default());
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
