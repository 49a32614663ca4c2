//! A whole network, built from its file.

use cinescore_artifact::encoder::UNKNOWN_ID;
use cinescore_network::{
    HeadSpec, InitSpec, InputSpec, NetworkSpec, PretrainedSpec, ScaleSpec, Shape, WholeInput,
};
use tch::{Device, Kind, TchError, Tensor, nn};

use crate::initialise;
use crate::layers::{Cumulative, Dense, Dropout, Embedding, EmbeddingBag, Flow, Layer, Regions};
use crate::precision::Precision;

/// Examples that go through a network together.
#[derive(Debug)]
pub struct Batch {
    /// Token ids, int32 or int64 `[B, T]`; for an input of whole reviews T is its length. Of bags the n-grams of all
    /// examples, one after the other, int64 `[N]`.
    pub ids: Tensor,
    /// Real steps of each example, int64 `[B]`, at least 1, for networks that mask; the padding is at
    /// the end. None for those that do not. Of bags how many n-grams each has, which may be 0.
    pub lengths: Option<Tensor>,
    /// Of bags the value of each n-gram, float32 `[N]`; of windows the inputs, float32 `[B, S, F]`: slots, features.
    pub values: Option<Tensor>,
    /// What a linear model says of each example, a logit, float32 `[B, 1]`; for networks with a wide part.
    pub wide: Option<Tensor>,
}

impl Batch {
    /// A batch of token ids.
    pub fn of_ids(ids: Tensor, lengths: Option<Tensor>) -> Self {
        Self {
            ids,
            lengths,
            values: None,
            wide: None,
        }
    }

    /// The same with what a linear model says of each example, float32 `[B, 1]`.
    #[must_use]
    pub fn with_wide(self, wide: Option<Tensor>) -> Self {
        Self { wide, ..self }
    }

    /// A batch of windows, float32 `[B, S, F]`. It has no ids.
    pub fn of_windows(values: Tensor) -> Result<Self, TchError> {
        Ok(Self {
            ids: Tensor::f_zeros([0], (Kind::Int64, values.device()))?,
            lengths: None,
            values: Some(values),
            wide: None,
        })
    }
}

/// What a network says of a batch.
#[derive(Debug)]
pub struct Said {
    /// The outputs `[B, O]`.
    pub outputs: Tensor,
    /// What its attention layers gave each step, `[B, T]` each, in the order of the layers.
    pub attention: Vec<Tensor>,
}

/// A network with its variables.
#[derive(Debug)]
pub struct Net {
    vars: nn::VarStore,
    input: Input,
    layers: Vec<Layer>,
    wide: bool,
    head: Head,
    /// Of training.
    precision: Precision,
}

/// How what the last layer gives becomes the outputs.
#[derive(Debug)]
enum Head {
    Dense(Dense),
    Cumulative(Cumulative),
    /// As it is.
    None,
}

/// How ids become what the first layer gets.
#[derive(Debug)]
enum Input {
    Embedding {
        embedding: Embedding,
        word_dropout: f64,
    },
    OneHot {
        word_dropout: f64,
    },
    Regions {
        regions: Regions,
        word_dropout: f64,
    },
    Bag {
        embedding: EmbeddingBag,
        word_dropout: Dropout,
    },
    /// As they are, divided by a number.
    Numbers {
        divisor: f64,
    },
    /// The values of windows, as they are.
    Window,
}

impl Input {
    fn new(
        path: &nn::Path<'_>,
        spec: &InputSpec,
        ids: usize,
        drawn: bool,
    ) -> Result<Self, TchError> {
        let rows = i64::try_from(ids).unwrap_or(i64::MAX);
        let own = path.sub("embedding");
        match spec {
            InputSpec::Tokens(input) => {
                let size = i64::from(input.embedding.size);
                let embedding = match input.embedding.pretrained {
                    PretrainedSpec::None | PretrainedSpec::Tuned => {
                        Embedding::new(&own, rows, size)?
                    }
                    PretrainedSpec::Frozen => Embedding::frozen(&own, rows, size)?,
                };
                Ok(Self::Embedding {
                    embedding,
                    word_dropout: input.word_dropout,
                })
            }
            InputSpec::OneHot(input) => Ok(Self::OneHot {
                word_dropout: input.word_dropout,
            }),
            InputSpec::Regions(input) => Ok(Self::Regions {
                regions: Regions::new(&path.sub("regions"), rows, input, drawn)?,
                word_dropout: input.word_dropout,
            }),
            InputSpec::Bag(input) => Ok(Self::Bag {
                embedding: EmbeddingBag::new(&own, rows, &input.embedding)?,
                word_dropout: Dropout::new(input.word_dropout),
            }),
            InputSpec::Window(_) => Ok(Self::Window),
            InputSpec::Whole(WholeInput { scale, .. }) => Ok(Self::Numbers {
                divisor: match scale {
                    ScaleSpec::None => 1.0,
                    ScaleSpec::Vocabulary => ids as f64,
                },
            }),
        }
    }

    fn forward(&self, batch: &Batch, train: bool) -> Result<Flow, TchError> {
        let Batch {
            ids,
            lengths,
            values,
            wide: _,
        } = batch;
        let lengths = lengths.as_ref();
        Ok(match self {
            Self::Embedding {
                embedding,
                word_dropout,
            } => {
                let ids = without_words(ids, *word_dropout, train)?;
                Flow::of(&embedding.forward(&ids)?, lengths)
            }
            Self::OneHot { word_dropout } => {
                Flow::of_one_hot(&without_words(ids, *word_dropout, train)?, lengths)
            }
            Self::Regions {
                regions,
                word_dropout,
            } => {
                let Some(lengths) = lengths else {
                    return Err(TchError::Kind("an input of regions has lengths".into()));
                };
                let ids = without_words(ids, *word_dropout, train)?;
                Flow::of(&regions.forward(&ids, lengths, train)?, None)
            }
            Self::Bag {
                embedding,
                word_dropout,
            } => {
                let (Some(counts), Some(values)) = (lengths, values) else {
                    return Err(TchError::Kind("a bag has values and a length".into()));
                };
                let values = word_dropout.forward(values, train)?;
                Flow::of(&embedding.forward(ids, counts, &values)?, None)
            }
            Self::Window => {
                let Some(values) = values else {
                    return Err(TchError::Kind("a window has values".into()));
                };
                Flow::of(values, None)
            }
            Self::Numbers { divisor } => {
                let numbers = ids.f_to_kind(Kind::Float)?.f_div_scalar(*divisor)?;
                Flow::of(&numbers, lengths)
            }
        })
    }
}

/// In training, `ids` with each word replaced by the unknown one with a probability. Padding and the start are no
/// words.
fn without_words(ids: &Tensor, probability: f64, train: bool) -> Result<Tensor, TchError> {
    if !train || probability == 0.0 {
        return Ok(ids.shallow_clone());
    }
    let unknown = i64::from(UNKNOWN_ID);
    let dropped = Tensor::f_rand(ids.size(), (Kind::Float, ids.device()))?
        .f_lt(probability)?
        .f_logical_and(&ids.f_gt(unknown)?)?;
    ids.f_masked_fill(&dropped, unknown)
}

impl Net {
    /// Builds a network for an encoder of so many ids. Its weights come from LibTorch's random
    /// numbers: set their seed before (`tch::manual_seed`).
    ///
    /// # Panics
    /// If the variables are not those that [`cinescore_network::variables`] lists: a mistake in a layer.
    pub fn new(spec: &NetworkSpec, ids: usize, device: Device) -> Result<Self, TchError> {
        Self::build(spec, ids, device, true)
    }

    /// The same for whoever puts weights into it at once: what would take long to draw is 0.
    pub fn for_weights(spec: &NetworkSpec, ids: usize, device: Device) -> Result<Self, TchError> {
        Self::build(spec, ids, device, false)
    }

    fn build(
        spec: &NetworkSpec,
        ids: usize,
        device: Device,
        drawn: bool,
    ) -> Result<Self, TchError> {
        let vars = nn::VarStore::new(device);
        let root = vars.root();
        let input = Input::new(&root, &spec.input, ids, drawn)?;
        let start = Shape::of_input(&spec.input, ids);
        let (layers, end) = Layer::list(&root.sub("layers"), &spec.layers, start)?;
        let features = i64::from(end.features()) + i64::from(spec.wide);
        let path = root.sub("head");
        let head = match spec.head {
            HeadSpec::Dense(outputs) => Head::Dense(Dense::new(&path, features, outputs.into())?),
            HeadSpec::Cumulative(classes) => {
                Head::Cumulative(Cumulative::new(&path, features, classes.into())?)
            }
            HeadSpec::Outputs(_) => Head::None,
        };
        let net = Self {
            vars,
            input,
            layers,
            wide: spec.wide,
            head,
            precision: Precision::Float32,
        };
        match spec.init {
            InitSpec::Keras if drawn => initialise::as_keras(&net.variables())?,
            InitSpec::Keras | InitSpec::Pytorch => {}
        }
        if let Input::Regions { regions, .. } = &net.input {
            regions.forget_no_words()?;
        }
        if let Input::Bag { embedding, .. } = &net.input {
            embedding.start()?;
        }
        // tch renames a second variable of one name without a word.
        let mut listed: Vec<(String, Vec<i64>)> = cinescore_network::variables(spec, ids)
            .into_iter()
            .map(|variable| (variable.name, variable.shape))
            .collect();
        listed.sort();
        let built: Vec<(String, Vec<i64>)> = net
            .variables()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.size()))
            .collect();
        assert_eq!(
            built, listed,
            "the layers make other variables than the network's description lists"
        );
        Ok(net)
    }

    /// Puts given vectors, float32 `[ids, E]`, into the look-up of an input that begins with such
    /// ([`InputSpec::pretrained`]).
    ///
    /// # Errors
    /// If the network looks nothing up by token, or the shape is another.
    pub fn begin_with(&self, vectors: &Tensor) -> Result<(), TchError> {
        match &self.input {
            Input::Embedding { embedding, .. } => embedding.begin(vectors),
            _ => Err(TchError::Kind("the input has no embedding".into())),
        }
    }

    /// The same network, which computes in `precision` while it is trained. Evaluated, it computes in float32, so that what
    /// it says does not depend on how it was trained.
    #[must_use]
    pub fn trained_in(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Whether what it makes of an example in training depends on the others of its batch, so that a batch cannot be
    /// divided without changing what is learned.
    pub fn mixes_examples(&self) -> bool {
        self.layers.iter().any(Layer::mixes_examples)
    }

    /// The outputs `[B, O]`. `train`: with dropout, and with a batch norm's running means moved.
    pub fn forward(&self, batch: &Batch, train: bool) -> Result<Tensor, TchError> {
        Ok(self.say(batch, train)?.outputs)
    }

    /// The outputs and what led to them.
    pub fn say(&self, batch: &Batch, train: bool) -> Result<Said, TchError> {
        self.say_of(
            self.input.forward(batch, train)?,
            batch.wide.as_ref(),
            train,
        )
    }

    /// The vectors `[B, T, E]` that the first layer gets for `ids` `[B, T]`, each below `ids_known`; of one-hot
    /// words the vectors themselves. None where the input is not read token by token.
    pub fn vectors(&self, ids: &Tensor, ids_known: usize) -> Result<Option<Tensor>, TchError> {
        match &self.input {
            Input::Embedding { embedding, .. } => embedding.forward(ids).map(Some),
            Input::OneHot { .. } => ids
                .f_to_kind(Kind::Int64)?
                .f_one_hot(i64::try_from(ids_known).unwrap_or(i64::MAX))?
                .f_to_kind(Kind::Float)
                .map(Some),
            Input::Regions { .. } | Input::Bag { .. } | Input::Numbers { .. } | Input::Window => {
                Ok(None)
            }
        }
    }

    /// The outputs for such vectors, `[B, T, E]`, which need not be those of any token. `lengths` and `wide` as in a batch.
    /// Without dropout.
    pub fn say_of_vectors(
        &self,
        vectors: &Tensor,
        lengths: Option<&Tensor>,
        wide: Option<&Tensor>,
    ) -> Result<Said, TchError> {
        self.say_of(Flow::of(vectors, lengths), wide, false)
    }

    fn say_of(&self, flow: Flow, wide: Option<&Tensor>, train: bool) -> Result<Said, TchError> {
        let precision = if train {
            self.precision
        } else {
            Precision::Float32
        };
        let flow = Layer::all(&self.layers, flow.computed_in(precision), train)?;
        Ok(Said {
            outputs: self.outputs(&flow.xs, wide, precision)?,
            attention: flow.attention,
        })
    }

    /// What the head makes of what the last layer gives, `[B, F]`.
    fn outputs(
        &self,
        xs: &Tensor,
        wide: Option<&Tensor>,
        precision: Precision,
    ) -> Result<Tensor, TchError> {
        let xs = match (self.wide, wide) {
            (false, _) => xs.shallow_clone(),
            (true, Some(wide)) => {
                // A batch may be filled up with examples that nobody asks about.
                let missing = xs.size()[0] - wide.size()[0];
                if missing < 0 {
                    let message = "the linear model says something of more examples than there are";
                    return Err(TchError::Kind(message.into()));
                }
                let wide = wide.f_constant_pad_nd([0, 0, 0, missing])?;
                Tensor::f_cat(&[xs, &wide], 1)?
            }
            (true, None) => {
                let message = "a network with a wide part needs what the linear model says";
                return Err(TchError::Kind(message.into()));
            }
        };
        match &self.head {
            Head::Dense(head) => head.forward(&xs, precision),
            Head::Cumulative(head) => head.forward(&xs),
            Head::None => Ok(xs),
        }
    }

    /// What comes out of the input, of each layer and of the head, dropout off, by place in that order: `embedding` or
    /// `input`, `layers.0`, .., `head`.
    pub fn places(&self, batch: &Batch) -> Result<Vec<(String, Tensor)>, TchError> {
        let mut flow = self.input.forward(batch, false)?;
        let first = match self.input {
            Input::Embedding { .. } | Input::Bag { .. } => "embedding",
            Input::Regions { .. } => "regions",
            Input::OneHot { .. } | Input::Numbers { .. } | Input::Window => "input",
        };
        let mut places = vec![(first.to_owned(), flow.xs.shallow_clone())];
        for (index, layer) in self.layers.iter().enumerate() {
            flow = layer.forward(flow, false)?;
            places.push((format!("layers.{index}"), flow.xs.shallow_clone()));
        }
        let outputs = self.outputs(&flow.xs, batch.wide.as_ref(), Precision::Float32)?;
        places.push(("head".to_owned(), outputs));
        Ok(places)
    }

    /// The variables with their names, sorted by name; those that the optimizer changes require a gradient.
    /// They share their numbers with the network.
    pub fn variables(&self) -> Vec<(String, Tensor)> {
        let mut variables: Vec<(String, Tensor)> = self.vars.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        variables
    }

    /// Where the variables are.
    pub fn device(&self) -> Device {
        self.vars.device()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::layers::testing::assert_close;
    use cinescore_network::parse;

    fn spec(text: &str) -> NetworkSpec {
        parse(text, Path::new("net.yaml"), &BTreeMap::new()).unwrap()
    }

    const MASKED: &str = "
name: n
input: {kind: tokens, mask: true, embedding: {size: 3}}
layers: [{dropout: 0.5}, {lstm: {units: 4, layers: 2, dropout: 0.5}}, {dense: 5}, {leaky_relu: 0.1}, {pool: POOL}, relu]
head: {dense: 2}
";

    /// Every layer that goes over steps, so that each meets padding of the one before it.
    const EVERYTHING: &str = "
name: n
input: {kind: tokens, mask: true, embedding: {size: 3}}
layers:
  - conv1d: {filters: 4, kernel: 3, padding: 1}
  - max_pool1d: {size: 2}
  - rnn: {units: 4, bidirectional: true}
  - conv1d: {filters: 5, kernel: 4, stride: 2}
  - gru: {units: 4, layers: 2, bidirectional: true, dropout: 0.5}
  - lstm: {units: 4}
  - concat:
      - [{attention: {units: 3}}]
      - [{pool: mean}, {dense: 3}, tanh]
      - [{lstm: {units: 2, bidirectional: true}}, {pool: ends}]
      - [{max_pool1d: {size: 3, stride: 1}}, {pool: max}]
  - batch_norm
  - gelu
head: {dense: 2}
";

    fn batch(rows: &[&[i32]], lengths: bool) -> Batch {
        let steps = rows.iter().map(|row| row.len()).max().unwrap();
        let padded: Vec<i32> = rows
            .iter()
            .flat_map(|row| row.iter().copied().chain(vec![0; steps - row.len()]))
            .collect();
        let ids = Tensor::from_slice(&padded).view([rows.len() as i64, steps as i64]);
        let real: Vec<i64> = rows.iter().map(|row| row.len() as i64).collect();
        Batch::of_ids(ids, lengths.then(|| Tensor::from_slice(&real)))
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.flatten(0, -1).to_kind(tch::Kind::Double)).unwrap()
    }

    #[test]
    fn what_an_example_gives_does_not_depend_on_its_batch() {
        let pools = ["last", "mean", "max"].map(|pool| MASKED.replace("POOL", pool));
        for text in pools.iter().map(String::as_str).chain([EVERYTHING]) {
            let net = Net::new(&spec(text), 9, Device::Cpu).unwrap();
            let together = batch(&[&[1, 5, 6], &[1], &[1, 8, 3, 4, 2, 7]], true);
            let outputs = net.forward(&together, false).unwrap();
            assert_eq!(outputs.size(), [3, 2]);
            for (index, row) in [&[1, 5, 6][..], &[1], &[1, 8, 3, 4, 2, 7]]
                .iter()
                .enumerate()
            {
                let alone = net.forward(&batch(&[row], true), false).unwrap();
                assert_close(&alone, &values(&outputs.get(index as i64)), 1e-5);
            }
        }
    }

    #[test]
    fn batch_norm_wherever_it_stands_mixes_the_examples_of_a_batch() {
        let nested = EVERYTHING
            .replace("  - batch_norm\n", "")
            .replace("tanh]", "batch_norm]");
        for (text, mixes) in [
            (EVERYTHING.to_owned(), true),
            (nested.clone(), true),
            (nested.replace("batch_norm]", "tanh]"), false),
        ] {
            let net = Net::new(&spec(&text), 9, Device::Cpu).unwrap();
            assert_eq!(net.mixes_examples(), mixes, "{text}");
        }
    }

    #[test]
    fn evaluating_twice_gives_the_same_and_training_drops_out() {
        // Without the ReLU at the end: of five units all may be off from the start, and the output a constant.
        let text = MASKED.replace("POOL}, relu", "mean}");
        let net = Net::new(&spec(&text), 9, Device::Cpu).unwrap();
        let batch = batch(&[&[1, 5, 6, 7], &[1, 3, 4, 8]], true);
        let evaluate = || values(&net.forward(&batch, false).unwrap());
        assert_eq!(evaluate(), evaluate());
        let train = || values(&net.forward(&batch, true).unwrap());
        // Other tests of this process draw from, and seed, the same random numbers: two passes may be alike.
        let passes: Vec<_> = (0..20).map(|_| train()).collect();
        assert!(passes.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn training_in_bfloat16_is_near_and_evaluating_after_it_the_same() {
        // Without batch norm, which magnifies what two examples differ by.
        let text = EVERYTHING
            .replace("dropout: 0.5", "dropout: 0.0")
            .replace("  - batch_norm\n", "");
        let net = Net::new(&spec(&text), 9, Device::Cpu).unwrap();
        let batch = batch(&[&[1, 5, 6, 7, 2], &[1, 3, 4, 8]], true);
        let evaluated = values(&net.forward(&batch, false).unwrap());
        let exact = net.forward(&batch, true).unwrap();
        let net = net.trained_in(Precision::Bfloat16);
        let rough = net.forward(&batch, true).unwrap();
        assert_eq!(rough.kind(), Kind::Float);
        // Rounded to 8 bits on the way, and not far off.
        let difference = (&rough - &exact).abs().max().double_value(&[]);
        assert!(difference > 0.0 && difference < 0.2, "{difference}");
        rough.sum(Kind::Float).backward();
        for (name, variable) in net.variables() {
            if variable.requires_grad() {
                assert_eq!(variable.grad().kind(), Kind::Float, "{name}");
            }
        }
        assert_eq!(values(&net.forward(&batch, false).unwrap()), evaluated);
    }

    #[test]
    fn attention_is_told_with_the_outputs() {
        let net = Net::new(&spec(EVERYTHING), 9, Device::Cpu).unwrap();
        let said = net
            .say(&batch(&[&[1, 5, 6, 7, 8, 2, 3, 4]], true), false)
            .unwrap();
        let [weights] = said.attention.as_slice() else {
            panic!("one attention layer")
        };
        assert_eq!(weights.size()[0], 1);
        assert!((weights.sum(None).double_value(&[]) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn unknown_words_add_nothing_to_a_region_however_weights_begin() {
        for init in ["pytorch", "keras"] {
            let text = format!(
                "name: n\ninit: {init}\ninput: {{kind: regions, sizes: [1, 2], filters: 3}}\nlayers: []\nhead: {{outputs: 6}}"
            );
            let net = Net::new(&spec(&text), 9, Device::Cpu).unwrap();
            let unknown = net.forward(&batch(&[&[2, 2], &[2]], true), false).unwrap();
            assert_close(&unknown, &[0.0; 12], 0.0);
            let known = net.forward(&batch(&[&[5, 2, 7]], true), false).unwrap();
            assert!(known.abs().max().double_value(&[]) > 0.0);
        }
    }

    #[test]
    fn a_whole_review_is_one_vector_of_numbers() {
        let text = |scale: &str| {
            format!(
                "name: n\ninput: {{kind: whole, length: 6, scale: {scale}}}\nlayers: [many_steps, flatten]\nhead: {{outputs: 6}}"
            )
        };
        let batch = batch(&[&[1, 5, 6, 7, 0, 0], &[1, 3, 4, 8, 2, 2]], false);
        for (scale, divisor) in [("none", 1.0), ("vocabulary", 10.0)] {
            let net = Net::new(&spec(&text(scale)), 10, Device::Cpu).unwrap();
            let expected =
                [1., 5., 6., 7., 0., 0., 1., 3., 4., 8., 2., 2.].map(|id: f64| id / divisor);
            assert_close(&net.forward(&batch, false).unwrap(), &expected, 1e-7);
        }
    }

    #[test]
    fn steps_are_flattened_as_pytorch_does() {
        // torch.arange(6.).reshape(1, 2, 3).flatten(1), the features second
        let steps = crate::layers::testing::tensor(&[0., 3., 1., 4., 2., 5.], &[1, 3, 2]);
        let flat = Layer::all(&[Layer::Flatten], Flow::of(&steps, None), false).unwrap();
        assert_close(&flat.xs, &[0., 1., 2., 3., 4., 5.], 0.0);
    }
}
