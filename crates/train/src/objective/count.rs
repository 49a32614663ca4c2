//! The losses of task `count`: the negative logarithm of the probability of so many ratings, in nats.
//!
//! The first output is the logarithm of the mean over the training mean. Of one output the distribution is Poisson's; of two
//! it is the negative binomial one with mean `m` and variance `m + a m^2` (Cameron and Trivedi's NB2), where the second output
//! is the logarithm of the dispersion `a`, of each window its own (as Salinas et al., DeepAR, 2020).

use cinescore_model::task::{DISPERSION, MOST_LOG_MEAN, dispersion};
use tch::{TchError, Tensor};

use super::softplus;

/// The loss of each example `[B]`, of outputs `[B, 1]` or `[B, 2]` and counts `[B]`.
pub(super) fn losses(outputs: &Tensor, counts: &Tensor, mean: f64) -> Result<Tensor, TchError> {
    let log_mean = outputs
        .f_select(1, 0)?
        .f_add_scalar(mean.ln())?
        .f_clamp_max(MOST_LOG_MEAN)?;
    let factorial = counts.f_add_scalar(1.0)?.f_lgamma()?;
    if outputs.size2()?.1 == 1 {
        return log_mean
            .f_exp()?
            .f_sub(&counts.f_mul(&log_mean)?)?
            .f_add(&factorial);
    }
    let log_dispersion = outputs.f_select(1, 1)?.f_clamp(-DISPERSION, DISPERSION)?;
    let size = log_dispersion.f_neg()?.f_exp()?;
    // log(a m), of which softplus is the logarithm of 1 + a m.
    let product = log_mean.f_add(&log_dispersion)?;
    let log_of_one_more = product.f_softplus()?;
    let gammas = counts.f_add(&size)?.f_lgamma()?.f_sub(&size.f_lgamma()?)?;
    let log_probability = gammas
        .f_sub(&factorial)?
        .f_sub(&size.f_mul(&log_of_one_more)?)?
        .f_add(&counts.f_mul(&product.f_sub(&log_of_one_more)?)?)?;
    log_probability.f_neg()
}

/// The same of one example.
pub(super) fn loss_of(outputs: &[f64], count: f64, mean: f64) -> f64 {
    let log_mean = (outputs.first().copied().unwrap_or(f64::NAN) + mean.ln()).min(MOST_LOG_MEAN);
    let factorial = libm::lgamma(count + 1.0);
    let Some(&output) = outputs.get(1) else {
        return log_mean.exp() - count * log_mean + factorial;
    };
    let dispersion = dispersion(output);
    let size = 1.0 / dispersion;
    let product = log_mean + dispersion.ln();
    let one_more = softplus(product);
    let gammas = libm::lgamma(count + size) - libm::lgamma(size);
    -(gammas - factorial - size * one_more + count * (product - one_more))
}

/// The outputs of a predictor that says the same of everything, from some counts: their mean and, of two outputs, the
/// dispersion that gives their variance.
pub(super) fn constant(counts: &[f64], mean: f64, outputs: usize) -> Vec<f64> {
    let squares: f64 = counts.iter().map(|count| (count - mean).powi(2)).sum();
    let variance = squares / counts.len() as f64;
    let excess = ((variance - mean) / (mean * mean)).max(f64::MIN_POSITIVE);
    let mut all = vec![0.0];
    all.extend((outputs > 1).then(|| excess.ln()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    // scipy.stats: -poisson.logpmf(k, m), -nbinom.logpmf(k, 1 / a, 1 / (1 + a m)), m = 2.5 exp(o1), a = exp(o2)
    const REFERENCE: [(&[f64], f64, f64); 7] = [
        (&[0.3], 0.0, 3.374647018940008),
        (&[0.3], 4.0, 1.6875379217913333),
        (&[-1.2], 11.0, 21.376095325038687),
        (&[0.3, -1.0], 0.0, 2.194003804253105),
        (&[0.3, 0.5], 4.0, 2.76559280363219),
        (&[-1.2, 1.5], 11.0, 6.463259672892192),
        (&[1.0, -4.0], 7.0, 1.9669806393592193),
    ];

    #[test]
    fn losses_are_those_of_scipy_and_of_tensors() {
        for (outputs, count, expected) in REFERENCE {
            let found = loss_of(outputs, count, 2.5);
            assert!(
                (found - expected).abs() < 1e-9,
                "{outputs:?}, {count}: {found}"
            );
            let tensor = Tensor::from_slice(outputs)
                .to_kind(tch::Kind::Float)
                .view([1, -1]);
            let counts = Tensor::from_slice(&[count as f32]);
            let found = losses(&tensor, &counts, 2.5).unwrap().double_value(&[0]);
            assert!(
                (found - expected).abs() < 1e-3,
                "{outputs:?}, {count}: {found}"
            );
        }
    }

    #[test]
    fn a_constant_has_the_mean_and_the_dispersion_of_its_counts() {
        let outputs = constant(&[0.0, 0.0, 3.0, 9.0], 3.0, 2);
        // The variance is 13.5.
        assert!((outputs[1] - (10.5_f64 / 9.0).ln()).abs() < 1e-12);
        assert_eq!(constant(&[1.0, 2.0], 1.5, 1), [0.0]);
    }
}
