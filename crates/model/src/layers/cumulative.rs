//! A cumulative link: classes in an order, told apart by thresholds on one line.

use tch::nn::Init;
use tch::{TchError, Tensor, nn};

/// Where the first threshold begins, and, with the other sign, about where the last does: the logits of a ninth
/// and of eight ninths.
const OUTERMOST: f64 = 2.0;
/// What keeps two thresholds apart.
const LEAST_GAP: f64 = 1e-6;

/// The head of ordinal regression (McCullagh, Journal of the Royal Statistical Society B, 1980): an example has
/// one place on a line, and the logit of lying above a threshold is its distance from it.
#[derive(Debug)]
pub struct Cumulative {
    /// `[1, F]`; no bias, since the thresholds can move.
    weight: Tensor,
    /// The first threshold, `[1]`.
    first: Tensor,
    /// From each threshold to the next, before softplus, `[K - 2]`.
    gaps: Tensor,
}

impl Cumulative {
    /// From `features` to K - 1 thresholds between `classes` K, at least 3. The weight begins as PyTorch's `Linear`
    /// does, the thresholds evenly spread. Variables: `weight`, `first`, `gaps`.
    pub fn new(path: &nn::Path<'_>, features: i64, classes: i64) -> Result<Self, TchError> {
        let bound = 1.0 / (features as f64).sqrt();
        let init = Init::Uniform {
            lo: -bound,
            up: bound,
        };
        let gaps = classes - 2;
        let gap = 2.0 * OUTERMOST / gaps as f64;
        Ok(Self {
            weight: path.f_var("weight", &[1, features], init)?,
            first: path.f_var("first", &[1], Init::Const(-OUTERMOST))?,
            // Softplus of this is the gap.
            gaps: path.f_var("gaps", &[gaps], Init::Const(gap.exp_m1().ln()))?,
        })
    }

    /// `[B, F]` to `[B, K - 1]`, falling from each threshold to the next.
    pub fn forward(&self, xs: &Tensor) -> Result<Tensor, TchError> {
        let place = xs.f_linear::<&Tensor>(&self.weight, None)?;
        let gaps = self.gaps.f_softplus()?.f_add_scalar(LEAST_GAP)?;
        let later = gaps.f_cumsum(0, gaps.kind())?.f_add(&self.first)?;
        let thresholds = Tensor::f_cat(&[&self.first, &later], 0)?;
        place.f_sub(&thresholds)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{assert_close, names, ramp, set};

    #[test]
    fn logits_are_distances_from_thresholds_in_order() {
        let vars = nn::VarStore::new(Device::Cpu);
        let head = Cumulative::new(&vars.root(), 2, 5).unwrap();
        set(&vars, "weight", &ramp(1.0, 1.0, &[1, 2]));
        // Thresholds at -2, -2/3, 2/3 and 2; the places are 0.5 and 5.
        let xs = crate::layers::testing::tensor(&[0.5, 0.0, 1.0, 2.0], &[2, 2]);
        let third = 2.0 / 3.0;
        let distances = |place: f64| [place + 2.0, place + third, place - third, place - 2.0];
        let expected = [distances(0.5), distances(5.0)].concat();
        for _twice in 0..2 {
            assert_close(&head.forward(&xs).unwrap(), &expected, 1e-5);
        }
        // However far the gaps are pushed, the order stays.
        set(&vars, "gaps", &ramp(-90.0, 0.0, &[3]));
        let falling = -head
            .forward(&xs)
            .unwrap()
            .diff(1, -1, None::<Tensor>, None::<Tensor>);
        assert!(falling.min().double_value(&[]) > 0.0);
        assert_eq!(names(&vars), ["first", "gaps", "weight"]);
    }
}
