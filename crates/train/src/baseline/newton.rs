//! Fitting a linear model: the least of a convex loss with a squared penalty.
//!
//! Truncated Newton: each step solves Newton's equation by conjugate gradients, only as exactly as the step deserves,
//! and halves the step until the loss falls (Dembo and Steihaug 1983; Lin, Weng and Keerthi, JMLR 2008, for logistic
//! regression). The equations are preconditioned by their diagonal: the intercept's entry is larger than the
//! others by the number of examples. A squared loss is done in one step.

use super::sparse::Matrix;

/// The gradient at which the work is done, as a part of the one at the beginning.
const TOLERANCE: f64 = 1e-8;
const MOST_STEPS: u32 = 100;
const MOST_SOLVER_STEPS: u32 = 2000;
/// The part of the fall that a straight line promises with which a step is content (Armijo 1966).
const FALL: f64 = 1e-4;

/// The loss of an example, by its margin (the linear model's output) and its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Half the squared error.
    Squared,
    /// The log loss, nats; targets are 0 or 1.
    Logistic,
}

impl Loss {
    pub(super) fn value(self, margin: f64, target: f64) -> f64 {
        match self {
            Self::Squared => (margin - target).powi(2) / 2.0,
            Self::Logistic => margin.max(0.0) + (-margin.abs()).exp().ln_1p() - target * margin,
        }
    }

    fn slope(self, margin: f64, target: f64) -> f64 {
        match self {
            Self::Squared => margin - target,
            Self::Logistic => logistic(margin) - target,
        }
    }

    fn curvature(self, margin: f64) -> f64 {
        match self {
            Self::Squared => 1.0,
            Self::Logistic => {
                let p = logistic(margin);
                p * (1.0 - p)
            }
        }
    }
}

/// The logistic function.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A linear model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    /// One for each feature, then the intercept.
    weights: Vec<f64>,
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ended {
    /// Newton's steps.
    pub(super) steps: u32,
    /// Whether the gradient is as small as was wanted.
    pub(super) converged: bool,
}

impl Linear {
    /// A model that says 0.
    pub(super) fn zero(features: usize) -> Self {
        Self {
            weights: vec![0.0; features + 1],
        }
    }

    /// Its intercept, and a weight for each feature.
    pub(super) fn split(&self) -> (f64, &[f64]) {
        let (intercept, weights) = self.weights.split_last().unwrap_or((&0.0, &[]));
        (*intercept, weights)
    }

    /// What it says of each row.
    pub(super) fn margins(&self, matrix: &Matrix) -> Vec<f64> {
        let mut all = Vec::new();
        apply(matrix, &self.weights, &mut all);
        all
    }

    /// Fits it: the least sum of losses + l2 / 2 times the sum of the squared weights, without the intercept's. Goes on from
    /// what it is.
    pub(super) fn fit(&mut self, matrix: &Matrix, targets: &[f64], loss: Loss, l2: f64) -> Ended {
        let problem = Problem {
            matrix,
            targets,
            loss,
            l2,
        };
        let features = matrix.columns();
        let first = norm(&problem.gradient(&vec![0.0; features + 1], &vec![0.0; targets.len()]));
        let mut margins = self.margins(matrix);
        let mut value = problem.value(&self.weights, &margins);
        for steps in 0..MOST_STEPS {
            let gradient = problem.gradient(&self.weights, &margins);
            let size = norm(&gradient);
            if size <= TOLERANCE * first {
                return Ended {
                    steps,
                    converged: true,
                };
            }
            let exactness = match loss {
                Loss::Squared => TOLERANCE / 10.0 * (first / size).min(1.0),
                Loss::Logistic => (size / first).sqrt().min(0.1),
            };
            let step = problem.newton_step(&gradient, &margins, exactness);
            let mut along = Vec::new();
            apply(matrix, &step, &mut along);
            let fall = dot(&gradient, &step);
            let mut part = 1.0;
            let next = loop {
                let weights = added(&self.weights, &step, part);
                let moved = added(&margins, &along, part);
                let found = problem.value(&weights, &moved);
                if found <= value + FALL * part * fall {
                    break Some((weights, found));
                }
                part /= 2.0;
                if part < 1e-10 {
                    break None;
                }
            };
            // No step makes it less: all that the numbers' precision gives.
            let Some((weights, found)) = next else {
                return Ended {
                    steps,
                    converged: size <= 100.0 * TOLERANCE * first,
                };
            };
            self.weights = weights;
            value = found;
            // Anew, so that rounding does not pile up.
            margins = self.margins(matrix);
        }
        Ended {
            steps: MOST_STEPS,
            converged: false,
        }
    }
}

struct Problem<'a> {
    matrix: &'a Matrix,
    targets: &'a [f64],
    loss: Loss,
    l2: f64,
}

impl Problem<'_> {
    fn value(&self, weights: &[f64], margins: &[f64]) -> f64 {
        let pairs = margins.iter().zip(self.targets);
        let losses: f64 = pairs.map(|(m, t)| self.loss.value(*m, *t)).sum();
        let own = &weights[..weights.len() - 1];
        losses + self.l2 / 2.0 * dot(own, own)
    }

    fn gradient(&self, weights: &[f64], margins: &[f64]) -> Vec<f64> {
        let pairs = margins.iter().zip(self.targets);
        let slopes: Vec<f64> = pairs.map(|(m, t)| self.loss.slope(*m, *t)).collect();
        let mut gradient = Vec::new();
        self.back(&slopes, weights, &mut gradient);
        gradient
    }

    /// The gradient of losses with these slopes and of the penalty, into `gradient`.
    fn back(&self, slopes: &[f64], weights: &[f64], gradient: &mut Vec<f64>) {
        self.matrix.transposed_times(slopes, gradient);
        add(gradient, weights, self.l2);
        gradient.push(slopes.iter().sum());
    }

    /// The step to where the gradient would be 0, were the loss a parabola: by conjugate gradients from 0, until what is left
    /// of the gradient is a part of it.
    fn newton_step(&self, gradient: &[f64], margins: &[f64], exactness: f64) -> Vec<f64> {
        let curvatures: Vec<f64> = margins.iter().map(|m| self.loss.curvature(*m)).collect();
        let mut diagonal = self.matrix.weighted_squares(&curvatures);
        diagonal.iter_mut().for_each(|own| *own += self.l2);
        diagonal.push(curvatures.iter().sum());
        let precondition = |vector: &[f64], out: &mut [f64]| {
            for ((out, value), diagonal) in out.iter_mut().zip(vector).zip(&diagonal) {
                *out = value / diagonal.max(f64::MIN_POSITIVE);
            }
        };
        let mut step = vec![0.0; gradient.len()];
        let mut left: Vec<f64> = gradient.iter().map(|own| -own).collect();
        let mut turned = vec![0.0; gradient.len()];
        precondition(&left, &mut turned);
        let mut direction = turned.clone();
        let mut size = dot(&left, &turned);
        let wanted = exactness * norm(gradient);
        let (mut slopes, mut bent) = (Vec::new(), Vec::new());
        for _step in 0..MOST_SOLVER_STEPS {
            apply(self.matrix, &direction, &mut slopes);
            for (slope, curvature) in slopes.iter_mut().zip(&curvatures) {
                *slope *= curvature;
            }
            self.back(&slopes, &direction, &mut bent);
            let bend = dot(&direction, &bent);
            if bend <= 0.0 {
                break;
            }
            let length = size / bend;
            add(&mut step, &direction, length);
            add(&mut left, &bent, -length);
            if norm(&left) <= wanted {
                break;
            }
            precondition(&left, &mut turned);
            let next = dot(&left, &turned);
            for (own, turned) in direction.iter_mut().zip(&turned) {
                *own = turned + next / size * *own;
            }
            size = next;
        }
        step
    }
}

/// What a model says of each row, into `out`.
fn apply(matrix: &Matrix, weights: &[f64], out: &mut Vec<f64>) {
    let (intercept, own) = weights.split_last().expect("there is an intercept");
    matrix.times(own, out);
    out.iter_mut().for_each(|margin| *margin += intercept);
}

/// Adds `times b` to `a`, as far as both go.
fn add(a: &mut [f64], b: &[f64], times: f64) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += times * b;
    }
}

fn added(a: &[f64], b: &[f64], times: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + times * b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: usize = 12;

    /// Bags by rule, which the references were made of as well.
    fn by_rule() -> (Matrix, Vec<f64>, Vec<f64>) {
        let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..60_u32)
            .map(|i| {
                let has = |j: &u32| (i * 7 + j * j * 5) % 11 < 4;
                let indices: Vec<u32> = (0..FEATURES as u32).filter(has).collect();
                let value = |j: &u32| ((i * 3 + j) % 7 + 1) as f32 / 4.0;
                let values = indices.iter().map(value).collect();
                (indices, values)
            })
            .collect();
        let stars = (0..60).map(|i| f64::from((i * i * 3 + i) % 10 + 1));
        let positive = (0..60).map(|i| f64::from((i * i * 3 + 2 * i) % 7 % 2));
        let matrix = Matrix::new(
            rows.iter().map(|(i, v)| (i.as_slice(), v.as_slice())),
            FEATURES,
        );
        (matrix, stars.collect(), positive.collect())
    }

    fn assert_weights(found: &Linear, expected: &[f64]) {
        assert_eq!(found.weights.len(), expected.len());
        for (found, expected) in found.weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    // scikit-learn 1.9.1: Ridge(alpha=2, solver="cholesky") on the dense matrix; coef_, then intercept_
    const RIDGE: [f64; FEATURES + 1] = [
        0.7374139296896774,
        -0.3486168692099183,
        -0.23618155388814657,
        -0.32960332021002464,
        0.007543675427840965,
        0.6472081795910102,
        -0.6378709057135926,
        -0.3759588195620311,
        0.13319493521186754,
        -0.23618155388814746,
        0.29475524255857666,
        -0.5746133119824185,
        3.3491419228814205,
    ];
    // LogisticRegression(C=0.5, tol=1e-12, solver="newton-cholesky")
    const LOGISTIC: [f64; FEATURES + 1] = [
        -0.3089953938213469,
        0.8256275763912341,
        0.5809417448226875,
        0.74666646319866,
        0.03273053017364689,
        -0.19514620808652466,
        -0.7261773494282098,
        -0.19235709007344742,
        0.7624335972576937,
        0.5809417448226875,
        0.8009340444380663,
        -0.20244214587772633,
        -0.6218764095715064,
    ];

    #[test]
    fn ridge_is_that_of_scikit_learn_in_one_step() {
        let (matrix, stars, _) = by_rule();
        let mut found = Linear::zero(FEATURES);
        let ended = found.fit(&matrix, &stars, Loss::Squared, 2.0);
        assert!(ended.converged && ended.steps <= 2, "{ended:?}");
        assert_weights(&found, &RIDGE);
    }

    #[test]
    fn logistic_regression_is_that_of_scikit_learn_from_anywhere() {
        let (matrix, _, positive) = by_rule();
        let mut found = Linear::zero(FEATURES);
        assert!(found.fit(&matrix, &positive, Loss::Logistic, 2.0).converged);
        assert_weights(&found, &LOGISTIC);
        let mut far = Linear {
            weights: vec![3.0; FEATURES + 1],
        };
        assert!(far.fit(&matrix, &positive, Loss::Logistic, 2.0).converged);
        assert_weights(&far, &LOGISTIC);
    }

    #[test]
    fn threads_change_nothing() {
        let fit = || {
            let (matrix, _, positive) = by_rule();
            let mut found = Linear::zero(FEATURES);
            found.fit(&matrix, &positive, Loss::Logistic, 0.1);
            found
        };
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(fit)
        };
        assert_eq!(with(1), with(4));
    }
}
