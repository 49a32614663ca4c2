//! The words that decided what is said of a text.
//!
//! A word's weight is the prediction less that of the text without the word (occlusion), in stars or, for task `binary`, as a
//! probability of positive. It is measured by rating the changed text, so that it means the same for every network and
//! encoder. A long text has more words than can be left out one by one in the time that a person waits: then the
//! gradient of the prediction by the words' vectors chooses those that are, and the others have no weight.

use cinescore_artifact::encoder::UNKNOWN_ID;
use cinescore_featurize::lengths::{Pad, Truncate};
use cinescore_model::task::Decoder;
use cinescore_network::InputSpec;
use serde::Serialize;
use tch::{Kind, TchError, Tensor};

use super::align::align;
use super::forward::axis;
use super::read::{TextEncoder, bare};
use super::{Example, PredictError, Predictor};

/// Words that are left out one by one of a text that is read in steps, which costs a pass for each.
const TRIED: usize = 48;
/// Words that are left out where a pass costs next to nothing.
const TRIED_OF_BAGS: usize = 1000;
/// Bytes of changed texts that are encoded for one explanation of a network that reads bags: of a long text, each word that
/// is left out costs as much as the whole.
const BYTES_OF_BAGS: usize = 4 << 20;

/// A word of a text and what it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// Its first byte in the text.
    pub begin: usize,
    /// The byte after its last.
    pub end: usize,
    /// The prediction less that without the word: stars, or the probability of positive.
    pub weight: f64,
}

impl Predictor {
    /// The words of a text that were tried, in their order, each with its weight. Every word of a text of up to 48 words; of
    /// a longer one the 48 that seem to matter most (of networks that read bags or regions the first 1,000, and fewer where the
    /// changed texts would have more than 4 MiB together).
    pub fn explain(&self, text: &str) -> Result<Vec<Word>, PredictError> {
        let spans = words(text);
        let tried = match self.reader.encoder() {
            // A pass of these costs next to nothing either, and they have no vectors of tokens to choose words by.
            TextEncoder::Tokens { .. } if matches!(self.spec.input, InputSpec::Regions(_)) => {
                spans.into_iter().take(tried_of_bags(text)).collect()
            }
            TextEncoder::Bags { .. } => spans.into_iter().take(tried_of_bags(text)).collect(),
            TextEncoder::Tokens { .. } if spans.len() <= TRIED => spans,
            TextEncoder::Tokens { .. } => self.candidates(text, &spans)?,
        };
        let mut texts = vec![text.to_owned()];
        texts.extend(tried.iter().map(|&(begin, end)| {
            // A word leaves a space, so that its neighbours do not become one.
            format!("{} {}", &text[..begin], &text[end..])
        }));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let outputs = self.outputs(&self.reader.read_all(&texts), |_some| true)?;
        let values: Vec<f64> = outputs.iter().map(|outputs| self.value(outputs)).collect();
        let (whole, without) = values
            .split_first()
            .map_or((0.0, &[][..]), |(&first, rest)| (first, rest));
        Ok(tried
            .iter()
            .zip(without)
            .map(|(&(begin, end), without)| Word {
                begin,
                end,
                weight: whole - without,
            })
            .collect())
    }

    /// What is predicted as one number: stars, not cut to their scale, since at its ends nothing would seem to matter; or
    /// the probability of positive.
    fn value(&self, outputs: &[f64]) -> f64 {
        match &self.manifest.decoder {
            Decoder::Regression { scale, .. } => {
                scale.offset + scale.factor * outputs.first().copied().unwrap_or(f64::NAN)
            }
            decoder => decoder.decode(outputs).value,
        }
    }

    /// The words whose vectors the prediction depends on most, in the text's order: by the gradient along the way from
    /// the unknown word's vector to theirs.
    fn candidates(
        &self,
        text: &str,
        spans: &[(usize, usize)],
    ) -> Result<Vec<(usize, usize)>, PredictError> {
        let TextEncoder::Tokens { file, .. } = self.reader.encoder() else {
            return Ok(spans.to_vec());
        };
        let example = self.reader.read(text);
        let Some(effects) = self.effects(&example)? else {
            // It reads no vectors of tokens: the first words, as good as any.
            return Ok(spans.iter().copied().take(TRIED).collect());
        };
        let (encoder, settings) = bare(file)?;
        let all = encoder.encode(text);
        // A word is read with the space before it, which belongs to its first piece for subwords.
        let mut from = 0;
        let mut pieces = Vec::with_capacity(spans.len());
        for &(begin, end) in spans {
            let space = text[from..begin].rfind(|c: char| !c.is_whitespace());
            let lead = space.map_or(from, |at| {
                from + at + text[from + at..].chars().next().map_or(1, char::len_utf8)
            });
            let mut ids = encoder.encode(&text[lead..end]);
            if ids == [UNKNOWN_ID] && text[lead..end].trim().is_empty() {
                ids.clear();
            }
            pieces.push(ids);
            from = end;
        }
        let starts = usize::from(settings.list.start);
        let found = all.len() + starts;
        // Where the first of the ids that were found stands in what the network reads: before it, if it was cut off.
        let read = example.length();
        let kept = read.min(found);
        let shift = match (settings.list.truncate, settings.list.pad) {
            (Truncate::Pre, Pad::Pre) => axis(read) - axis(found),
            (Truncate::Pre, _) => axis(kept) - axis(found),
            (Truncate::Post, Pad::Pre) => axis(read) - axis(kept),
            (Truncate::Post, _) => 0,
        };
        let effect = |ids: std::ops::Range<usize>| -> f64 {
            ids.filter_map(|index| {
                let place = usize::try_from(axis(index + starts) + shift).ok()?;
                effects.get(place)
            })
            .sum::<f64>()
            .abs()
        };
        let mut ranked: Vec<(f64, usize)> = align(&all, &pieces)
            .into_iter()
            .enumerate()
            .map(|(word, ids)| (effect(ids), word))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut chosen: Vec<usize> = ranked
            .into_iter()
            .take(TRIED)
            .map(|(_, word)| word)
            .collect();
        chosen.sort_unstable();
        Ok(chosen.into_iter().map(|word| spans[word]).collect())
    }

    /// What each step seems to add to the prediction: the gradient by its vector times the way from the unknown
    /// word's vector to its own. None where the network reads no vectors of tokens.
    fn effects(&self, example: &Example) -> Result<Option<Vec<f64>>, TchError> {
        let batch = self.batch(&[&example.numbers], example.length(), 1)?;
        let unknown = batch.ids.f_full_like(i64::from(UNKNOWN_ID))?;
        let known = self.manifest.ids;
        let vectors = |ids: &Tensor| tch::no_grad(|| self.net.vectors(ids, known));
        let (Some(own), Some(base)) = (vectors(&batch.ids)?, vectors(&unknown)?) else {
            return Ok(None);
        };
        let own = own.f_detach()?.f_set_requires_grad(true)?;
        let wide = self.wide(&[example])?;
        let said = self
            .net
            .say_of_vectors(&own, batch.lengths.as_ref(), wide.as_ref())?;
        let sum = self.summed(&said.outputs)?;
        let [gradient] = Tensor::f_run_backward(&[&sum], &[&own], false, false)?
            .try_into()
            .map_err(|_other| TchError::Kind("one gradient".into()))?;
        let gradient: Tensor = gradient;
        let effects = tch::no_grad(|| {
            gradient
                .f_mul(&own.f_sub(&base)?)?
                .f_sum_dim_intlist([2].as_slice(), false, Kind::Double)?
                .f_view([-1])
        })?;
        Ok(Some(Vec::try_from(effects)?))
    }

    /// A number that grows with the prediction, and has a gradient.
    fn summed(&self, outputs: &Tensor) -> Result<Tensor, TchError> {
        match &self.manifest.decoder {
            Decoder::Classes { labels, .. } => {
                let stars: Vec<f32> = labels.iter().map(|&stars| f32::from(stars)).collect();
                let stars = Tensor::f_from_slice(&stars)?;
                outputs
                    .f_softmax(1, Kind::Float)?
                    .f_mv(&stars)?
                    .f_sum(Kind::Float)
            }
            Decoder::Ordinal { .. } => outputs.f_sigmoid()?.f_sum(Kind::Float),
            Decoder::Binary | Decoder::Regression { .. } | Decoder::Count { .. } => {
                outputs.f_sum(Kind::Float)
            }
        }
    }
}

/// How many words of a text are left out one by one where the network reads bags.
fn tried_of_bags(text: &str) -> usize {
    (BYTES_OF_BAGS / text.len().max(1)).clamp(1, TRIED_OF_BAGS)
}

/// The words of a text, as begin and end in bytes: letters and digits with the apostrophes and hyphens between them. What
/// stands in a tag is none.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut open: Option<usize> = None;
    let mut tag_end = 0;
    for (at, c) in text.char_indices() {
        if at < tag_end {
            continue;
        }
        let joins = |c: char| matches!(c, '\'' | '’' | '-');
        let next = || text[at + c.len_utf8()..].chars().next();
        match open {
            None if c.is_alphanumeric() => open = Some(at),
            Some(_) if c.is_alphanumeric() => {}
            Some(_) if joins(c) && next().is_some_and(char::is_alphanumeric) => {}
            Some(begin) => {
                words.push((begin, at));
                open = None;
            }
            None => {}
        }
        if c == '<' && next().is_some_and(|next| next.is_ascii_alphabetic() || next == '/') {
            tag_end = text[at..].find('>').map_or(at, |end| at + end + 1);
        }
    }
    words.extend(open.map(|begin| (begin, text.len())));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_places_and_tags_are_none() {
        let text = "Don't<br />miss “Sci-Fi” – 10/10, é!";
        let found: Vec<&str> = words(text)
            .iter()
            .map(|&(begin, end)| &text[begin..end])
            .collect();
        assert_eq!(found, ["Don't", "miss", "Sci-Fi", "10", "10", "é"]);
        assert_eq!(words("a < b"), [(0, 1), (4, 5)]);
        assert!(words("").is_empty());
    }

    #[test]
    fn the_longer_a_text_the_fewer_words_are_left_out() {
        let tried = |bytes: usize| tried_of_bags(&"a ".repeat(bytes / 2));
        assert_eq!([tried(0), tried(4_000)], [1000, 1000]);
        assert_eq!([tried(50_000), tried(8 << 20)], [83, 1]);
    }
}
