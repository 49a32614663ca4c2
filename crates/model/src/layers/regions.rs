//! The greatest values over all regions of a review.
//!
//! A convolution over one-hot words multiplies its weights by 0 and 1: what it sums up is looked up, and the look-ups
//! of one region are one bag of an `EmbeddingBag`. The greatest value of a feature comes from one region, and its
//! gradient goes to the few numbers that this region looked up. So training finds the regions without a gradient, and
//! looks up again what they gave, one number for each word, with a sparse gradient. A dense one would be as large as
//! all weights, in every step.

use cinescore_artifact::encoder::{PADDING_ID, UNKNOWN_ID};
use cinescore_network::RegionsInput;
use tch::nn::Init;
use tch::{Kind, TchError, Tensor, nn};

use super::look_up;

/// PyTorch's number for bags whose vectors are summed up.
const SUM: i64 = 0;
/// Regions whose vectors are there at a time: a few reviews', which the processor's cache holds.
const REGIONS_AT_ONCE: i64 = 1024;
/// The standard deviation of the weights before any step, as in Johnson and Zhang's program.
const DEVIATION: f64 = 0.01;
/// The ids that stand for no word: their vectors are 0 and stay so.
const NO_WORDS: [i32; 2] = [PADDING_ID, UNKNOWN_ID];

/// See [`RegionsInput`].
#[derive(Debug)]
pub struct Regions {
    /// Rows of the look-up for one place in a region: the encoder's ids.
    ids: i64,
    /// For each size K its weights `[K ids, O]`: those of a region's first word, then of its second, ..
    sizes: Vec<(i64, Tensor)>,
    /// `[sizes O]`.
    bias: Tensor,
}

impl Regions {
    /// For an encoder of so many ids. Weights begin from a normal distribution around 0, biases at 0. Variables:
    /// `weight_K` for each size K, `bias`. `drawn`: see `look_up`.
    pub fn new(
        path: &nn::Path<'_>,
        ids: i64,
        spec: &RegionsInput,
        drawn: bool,
    ) -> Result<Self, TchError> {
        let filters = i64::from(spec.filters);
        let normal = Init::Randn {
            mean: 0.0,
            stdev: DEVIATION,
        };
        let mut sizes = Vec::with_capacity(spec.sizes.len());
        for &size in &spec.sizes {
            let size = i64::from(size);
            let name = format!("weight_{size}");
            let weight = look_up(path, &name, [size * ids, filters], normal, drawn)?;
            sizes.push((size, weight));
        }
        let features = filters * i64::try_from(spec.sizes.len()).unwrap_or(i64::MAX);
        let regions = Self {
            ids,
            sizes,
            bias: path.f_var("bias", &[features], Init::Const(0.0))?,
        };
        regions.forget_no_words()?;
        Ok(regions)
    }

    /// Puts the vectors of what stands for no word to 0, where training leaves them: to be called after whatever draws
    /// weights.
    pub fn forget_no_words(&self) -> Result<(), TchError> {
        for (size, weight) in &self.sizes {
            let rows: Vec<i64> = (0..*size)
                .flat_map(|place| NO_WORDS.map(|id| place * self.ids + i64::from(id)))
                .filter(|row| *row < size * self.ids)
                .collect();
            let rows = Tensor::f_from_slice(&rows)?.f_to_device(weight.device())?;
            let _ = tch::no_grad(|| weight.shallow_clone().f_index_fill_(0, &rows, 0.0))?;
        }
        Ok(())
    }

    /// `ids` int32 or int64 `[B, T]`, padded at the end; `lengths` int64 `[B]`, at least 1. Gives `[B, sizes O]`.
    pub fn forward(&self, ids: &Tensor, lengths: &Tensor, train: bool) -> Result<Tensor, TchError> {
        let ids = ids.f_to_kind(Kind::Int64)?;
        let mut greatest = Vec::with_capacity(self.sizes.len());
        for (size, weight) in &self.sizes {
            let rows = self.rows(&ids, lengths, *size)?;
            greatest.push(if train {
                let winners = tch::no_grad(|| winners(weight, &rows))?;
                self.looked_up(weight, &winners)?
            } else {
                tch::no_grad(|| {
                    let values = by_chunks(weight, &rows, |vectors| {
                        vectors.f_amax([1].as_slice(), false)
                    })?;
                    Tensor::f_cat(&values, 0)
                })?
            });
        }
        Tensor::f_cat(&greatest, 1)?.f_add(&self.bias)
    }

    /// The rows of the weights that each region looks up, int64 `[B, R, K]`. Regions that lie behind a review are its
    /// first one once more, which changes no maximum.
    fn rows(&self, ids: &Tensor, lengths: &Tensor, size: i64) -> Result<Tensor, TchError> {
        let around = [size - 1, size - 1];
        // Padded with 0, which is the padding's id.
        let regions = ids.f_constant_pad_nd(around)?.f_unfold(1, size, 1)?;
        let device = ids.device();
        let behind = Tensor::f_arange(regions.size()[1], (Kind::Int64, device))?
            .f_unsqueeze(0)?
            .f_ge_tensor(&lengths.f_add_scalar(size - 1)?.f_unsqueeze(1)?)?
            .f_unsqueeze(2)?;
        let places = Tensor::f_arange(size, (Kind::Int64, device))?.f_mul_scalar(self.ids)?;
        regions
            .f_narrow(1, 0, 1)?
            .f_where_self(&behind, &regions)?
            .f_add(&places)
    }

    /// What the rows `[K, B, O]` hold in their columns, summed up over K: `[B, O]`, with a sparse gradient.
    fn looked_up(&self, weight: &Tensor, rows: &Tensor) -> Result<Tensor, TchError> {
        let (size, batch, filters) = rows.size3()?;
        let values = weight
            .f_gather(0, &rows.f_view([size * batch, filters])?, true)?
            .f_view([size, batch, filters])?;
        // What stands for no word stays 0.
        let id = rows.f_remainder(self.ids)?;
        let mut word = id.f_ne(i64::from(NO_WORDS[0]))?;
        for none in &NO_WORDS[1..] {
            word = word.f_logical_and(&id.f_ne(i64::from(*none))?)?;
        }
        values
            .f_mul(&word.f_to_kind(Kind::Float)?)?
            .f_sum_dim_intlist([0].as_slice(), false, Kind::Float)
    }
}

/// The rows `[K, B, O]` whose sums are the greatest of each feature, of `rows` `[B, R, K]`.
fn winners(weight: &Tensor, rows: &Tensor) -> Result<Tensor, TchError> {
    let regions = by_chunks(weight, rows, |vectors| Ok(vectors.f_max_dim(1, false)?.1))?;
    let region = Tensor::f_cat(&regions, 0)?;
    let places =
        (0..rows.size()[2]).map(|place| rows.f_select(2, place)?.f_gather(1, &region, false));
    Tensor::f_stack(&places.collect::<Result<Vec<_>, TchError>>()?, 0)
}

/// What `find` makes of the vectors `[b, R, O]` of all regions of some reviews, for all of `rows` `[B, R, K]`.
fn by_chunks(
    weight: &Tensor,
    rows: &Tensor,
    find: impl Fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Vec<Tensor>, TchError> {
    let (batch, regions, size) = rows.size3()?;
    let filters = weight.size()[1];
    let reviews = (REGIONS_AT_ONCE / regions.max(1)).max(1);
    let mut found = Vec::new();
    let mut first = 0;
    while first < batch {
        let count = reviews.min(batch - first);
        let bags = rows.f_narrow(0, first, count)?.f_reshape([-1])?;
        let offsets = Tensor::f_arange_start_step(
            0,
            count * regions * size,
            size,
            (Kind::Int64, rows.device()),
        )?;
        let (sums, _, _, _) = Tensor::f_embedding_bag::<&Tensor>(
            weight, &bags, &offsets, false, SUM, false, None, false,
        )?;
        found.push(find(&sums.f_view([count, regions, filters])?)?);
        first += count;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::testing::{names, ramp, set};

    const IDS: i64 = 9;
    const FILTERS: i64 = 4;

    fn regions(vars: &nn::VarStore, sizes: &[u32]) -> Regions {
        let spec = RegionsInput {
            sizes: sizes.to_vec(),
            filters: FILTERS as u32,
            word_dropout: 0.0,
        };
        Regions::new(&vars.root(), IDS, &spec, true).unwrap()
    }

    /// Weights that are all different, no two sums of which are alike; those of no word are 0.
    fn fill(vars: &nn::VarStore, regions: &Regions) {
        for (size, _weight) in &regions.sizes {
            let rows = size * IDS;
            let weight = (ramp(1.0, 1.0, &[rows, FILTERS]) * 2.399).sin();
            for place in 0..*size {
                for none in NO_WORDS {
                    let _ = weight.get(place * IDS + i64::from(none)).fill_(0.0);
                }
            }
            set(vars, &format!("weight_{size}"), &weight);
        }
        set(vars, "bias", &ramp(-0.2, 0.1, &regions.bias.size()));
    }

    /// The same by a convolution over one-hot vectors, one review at a time: `[B, sizes O]`.
    fn convolved(vars: &nn::VarStore, sizes: &[i64], reviews: &[&[i64]]) -> Tensor {
        let variables = vars.variables();
        let rows = reviews.iter().map(|ids| {
            let one_hot = Tensor::from_slice(ids).one_hot(IDS).to_kind(Kind::Float);
            let own = sizes.iter().map(|size| {
                let weight = variables[&format!("weight_{size}")]
                    .view([*size, IDS, FILTERS])
                    .permute([2, 1, 0]);
                let xs = one_hot.tr().unsqueeze(0);
                let ys = xs.conv1d(&weight, None::<&Tensor>, [1], [size - 1], [1], 1);
                ys.amax([2], false)
            });
            Tensor::cat(&own.collect::<Vec<_>>(), 1)
        });
        Tensor::cat(&rows.collect::<Vec<_>>(), 0) + &variables["bias"]
    }

    fn close(a: &Tensor, b: &Tensor) {
        assert_eq!(a.size(), b.size());
        let difference = (a - b).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }

    /// With an unknown word, a word twice, and one review shorter than a region.
    const REVIEWS: [&[i64]; 3] = [&[1, 5, 3, 2, 8, 5], &[4], &[1, 7, 7, 6]];

    fn batch() -> (Tensor, Tensor) {
        let padded: Vec<i64> = REVIEWS
            .iter()
            .flat_map(|ids| ids.iter().copied().chain(vec![0; 6 - ids.len()]))
            .collect();
        let lengths = REVIEWS.map(|ids| ids.len() as i64);
        (
            Tensor::from_slice(&padded).view([3, 6]),
            Tensor::from_slice(&lengths),
        )
    }

    #[test]
    fn the_greatest_sums_are_those_of_a_convolution_over_one_hot_words() {
        let vars = nn::VarStore::new(Device::Cpu);
        let regions = regions(&vars, &[1, 3]);
        fill(&vars, &regions);
        let expected = convolved(&vars, &[1, 3], &REVIEWS);
        let (ids, lengths) = batch();
        for train in [false, true, false] {
            let found = regions.forward(&ids, &lengths, train).unwrap();
            assert_eq!(found.size(), [3, 2 * FILTERS]);
            close(&found, &expected);
        }
        let alone = regions.forward(
            &Tensor::from_slice(REVIEWS[1]).view([1, 1]),
            &Tensor::from_slice(&[1_i64]),
            false,
        );
        close(&alone.unwrap(), &expected.narrow(0, 1, 1));
        assert_eq!(names(&vars), ["bias", "weight_1", "weight_3"]);
    }

    #[test]
    fn gradients_are_sparse_and_those_of_the_convolution() {
        let vars = nn::VarStore::new(Device::Cpu);
        let regions = regions(&vars, &[2]);
        fill(&vars, &regions);
        let (ids, lengths) = batch();
        let weights = ramp(0.3, 0.2, &[3, FILTERS]);
        let found = regions.forward(&ids, &lengths, true).unwrap();
        (found * &weights).sum(None).backward();
        let sparse = regions.sizes[0].1.grad();
        assert!(sparse.is_sparse());
        let found = sparse.to_dense(None, false);
        regions.sizes[0].1.shallow_clone().zero_grad();

        let (expected, looked_up) = (convolved(&vars, &[2], &REVIEWS), &regions.sizes[0].1);
        let [expected] = Tensor::run_backward(
            &[&(expected * &weights).sum(None)],
            &[looked_up],
            false,
            false,
        )
        .try_into()
        .unwrap();
        let expected: Tensor = expected;
        // The convolution has a gradient for what stands for no word too.
        for place in 0..2 {
            for none in NO_WORDS {
                let _ = expected.get(place * IDS + i64::from(none)).fill_(0.0);
            }
        }
        close(&found, &expected);
    }

    #[test]
    fn what_stands_for_no_word_begins_at_0() {
        let vars = nn::VarStore::new(Device::Cpu);
        let regions = regions(&vars, &[2]);
        let weight = &regions.sizes[0].1;
        for row in 0..2 * IDS {
            let none = NO_WORDS.contains(&((row % IDS) as i32));
            let length = weight.get(row).abs().sum(Kind::Float).double_value(&[]);
            assert_eq!(length == 0.0, none, "row {row}");
        }
    }
}
