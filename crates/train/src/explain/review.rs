//! One review through a network, changed and unchanged.

use cinescore_artifact::encoder::{PADDING_ID, START_ID, UNKNOWN_ID};
use cinescore_model::task::Decoder;
use cinescore_model::{Batch, Net};
use tch::{Kind, TchError, Tensor};

/// Variants of a review that go through a network together.
const BATCH: usize = 64;
/// Numbers that the vectors of a batch may have: one-hot words have as many each as the encoder has ids.
const MOST_NUMBERS: usize = 1 << 26;

/// A network, and how its outputs become one number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explained<'a> {
    pub(super) net: &'a Net,
    pub(super) decoder: &'a Decoder,
    /// Ids of the encoder.
    pub(super) ids: usize,
    /// Whether padding is masked.
    pub(super) masks: bool,
    /// What the linear models beside the network say of the review.
    pub(super) logits: &'a [f32],
}

/// A review's ids as the network reads them.
#[derive(Debug)]
pub(super) struct Review<'a> {
    pub(super) ids: &'a [i32],
    /// The places of its tokens, padding left out.
    pub(super) tokens: Vec<usize>,
    /// The places of its words: tokens that are neither the start nor unknown already.
    pub(super) words: Vec<usize>,
}

impl<'a> Review<'a> {
    pub(super) fn new(ids: &'a [i32]) -> Self {
        let places = |wanted: fn(i32) -> bool| -> Vec<usize> {
            (0..ids.len()).filter(|&place| wanted(ids[place])).collect()
        };
        Self {
            ids,
            tokens: places(|id| id != PADDING_ID),
            words: places(|id| ![PADDING_ID, START_ID, UNKNOWN_ID].contains(&id)),
        }
    }

    /// Its ids with the words at these places unknown.
    pub(super) fn without(&self, places: &[usize]) -> Vec<i32> {
        let mut ids = self.ids.to_vec();
        for &place in places {
            ids[place] = UNKNOWN_ID;
        }
        ids
    }
}

impl Explained<'_> {
    /// What is predicted, as a number that has a gradient, `[B]`: the probability of positive, or stars, not cut to their
    /// scale, since at its ends nothing would seem to matter.
    fn predicted(&self, outputs: &Tensor) -> Result<Tensor, TchError> {
        let first = || outputs.f_select(1, 0);
        let row = |numbers: Vec<f64>| {
            Tensor::f_from_slice(&numbers)?
                .f_to_kind(Kind::Float)?
                .f_to_device(outputs.device())
        };
        match self.decoder {
            Decoder::Binary => first()?.f_sigmoid(),
            Decoder::Regression { scale, .. } => first()?
                .f_mul_scalar(scale.factor)?
                .f_add_scalar(scale.offset),
            Decoder::Classes { labels, .. } => {
                let stars = row(labels.iter().copied().map(f64::from).collect())?;
                outputs.f_softmax(1, Kind::Float)?.f_mv(&stars)
            }
            Decoder::Count { mean } => first()?.f_exp()?.f_mul_scalar(*mean),
            // The mean is the lowest class and, for each further one, its distance times the probability of it or more.
            Decoder::Ordinal { labels, .. } => {
                let steps = labels.windows(2).map(|pair| f64::from(pair[1] - pair[0]));
                let lowest = labels.first().copied().map_or(0.0, f64::from);
                outputs
                    .f_sigmoid()?
                    .f_mv(&row(steps.collect())?)?
                    .f_add_scalar(lowest)
            }
        }
    }

    fn wide(&self, rows: usize) -> Result<Option<Tensor>, TchError> {
        if self.logits.is_empty() {
            return Ok(None);
        }
        let models = i64::try_from(self.logits.len()).unwrap_or(i64::MAX);
        Tensor::f_from_slice(&self.logits.repeat(rows))?
            .f_view([-1, models])?
            .f_to_device(self.net.device())
            .map(Some)
    }

    fn lengths(&self, rows: usize, steps: usize) -> Result<Option<Tensor>, TchError> {
        let lengths = vec![i64::try_from(steps).unwrap_or(i64::MAX); rows];
        self.masks
            .then(|| Tensor::f_from_slice(&lengths)?.f_to_device(self.net.device()))
            .transpose()
    }

    /// Lists of ids of one length, int32 `[B, T]`.
    fn batch(&self, lists: &[Vec<i32>]) -> Result<Batch, TchError> {
        let steps = lists.first().map_or(0, Vec::len);
        let shape = [lists.len(), steps].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let ids = Tensor::f_from_slice(&lists.concat())?
            .f_view(shape)?
            .f_to_device(self.net.device())?;
        let lengths = self.lengths(lists.len(), steps)?;
        Ok(Batch::of_ids(ids, lengths).with_wide(self.wide(lists.len())?))
    }

    /// What is predicted of lists of ids, all of one length.
    pub(super) fn predict(&self, lists: &[Vec<i32>]) -> Result<Vec<f64>, TchError> {
        let mut all = Vec::with_capacity(lists.len());
        for some in lists.chunks(BATCH) {
            let batch = self.batch(some)?;
            let outputs = tch::no_grad(|| self.net.forward(&batch, false))?;
            let values = self.predicted(&outputs)?.f_to_kind(Kind::Double)?;
            all.extend(Vec::<f64>::try_from(values)?);
        }
        Ok(all)
    }

    /// What the attention layers give each step of a review; only those that look at its tokens and not at what a
    /// window made of them.
    pub(super) fn attention(&self, review: &Review<'_>) -> Result<Option<Vec<f64>>, TchError> {
        let batch = self.batch(&[review.ids.to_vec()])?;
        let said = tch::no_grad(|| self.net.say(&batch, false))?;
        let mut sum = vec![0.0; review.ids.len()];
        let mut layers = 0.0;
        for weights in &said.attention {
            let weights: Vec<f64> =
                Vec::try_from(weights.f_to_kind(Kind::Double)?.f_flatten(0, -1)?)?;
            if weights.len() == sum.len() {
                layers += 1.0;
                sum.iter_mut()
                    .zip(weights)
                    .for_each(|(sum, own)| *sum += own);
            }
        }
        sum.iter_mut().for_each(|sum| *sum /= layers);
        Ok((layers > 0.0).then_some(sum))
    }

    /// What each step adds to the prediction, less the one of the review without known words, by gradients at the
    /// middles of so many equal parts of the way.
    pub(super) fn integrated_gradients(
        &self,
        review: &Review<'_>,
        steps: usize,
    ) -> Result<Option<Vec<f64>>, TchError> {
        let ids = [review.ids.to_vec(), review.without(&review.words)];
        let ends = tch::no_grad(|| self.net.vectors(&self.batch(&ids)?.ids, self.ids))?;
        let Some(ends) = ends else { return Ok(None) };
        let (end, start) = (ends.f_get(0)?, ends.f_get(1)?);
        let way = end.f_sub(&start)?;
        let mut gradient = way.f_zeros_like()?;
        let at_once = (MOST_NUMBERS / way.numel().max(1)).clamp(1, BATCH);
        let places: Vec<f32> = (0..steps)
            .map(|step| (step as f32 + 0.5) / steps as f32)
            .collect();
        for some in places.chunks(at_once) {
            let parts = Tensor::f_from_slice(some)?
                .f_view([-1, 1, 1])?
                .f_to_device(self.net.device())?;
            let points = start
                .f_unsqueeze(0)?
                .f_add(&way.f_unsqueeze(0)?.f_mul(&parts)?)?
                .f_detach()?
                .f_set_requires_grad(true)?;
            let lengths = self.lengths(some.len(), review.ids.len())?;
            let wide = self.wide(some.len())?;
            let said = self
                .net
                .say_of_vectors(&points, lengths.as_ref(), wide.as_ref())?;
            let sum = self.predicted(&said.outputs)?.f_sum(Kind::Float)?;
            let [own] = Tensor::f_run_backward(&[&sum], &[&points], false, false)?
                .try_into()
                .map_err(|_other| TchError::Kind("one gradient".into()))?;
            let own: Tensor = own;
            gradient =
                gradient.f_add(&own.f_sum_dim_intlist([0].as_slice(), false, Kind::Float)?)?;
        }
        let weights = gradient
            .f_mul(&way)?
            .f_sum_dim_intlist([1].as_slice(), false, Kind::Double)?
            .f_div_scalar(steps as f64)?;
        Ok(Some(Vec::try_from(weights)?))
    }

    /// The prediction less the one without each word; other steps have 0.
    pub(super) fn occlusion(
        &self,
        review: &Review<'_>,
        predicted: f64,
    ) -> Result<Vec<f64>, TchError> {
        let lists: Vec<Vec<i32>> = review
            .words
            .iter()
            .map(|&place| review.without(&[place]))
            .collect();
        let mut weights = vec![0.0; review.ids.len()];
        for (&place, without) in review.words.iter().zip(self.predict(&lists)?) {
            weights[place] = predicted - without;
        }
        Ok(weights)
    }
}
