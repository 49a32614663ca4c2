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
    /// What linear models say of each example, a logit each, float32 `[B, W]`; for networks with a wide part.
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

    /// The same with what the linear models say of each example, float32 `[B, W]`.
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
    /// What each head says, `[B, O]` each, whose mean the outputs are; one is the outputs themselves.
    pub members: Vec<Tensor>,
    /// What its attention layers gave each step, `[B, T]` each, in the order of the layers.
    pub attention: Vec<Tensor>,
}

/// A network with its variables.
#[derive(Debug)]
pub struct Net {
    vars: nn::VarStore,
    input: Input,
    layers: Vec<Layer>,
    /// Linear models beside it.
    wide: u32,
    /// Side by side; at least one.
    heads: Vec<Head>,
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

impl Head {
    /// One over so many features.
    fn new(path: &nn::Path<'_>, spec: HeadSpec, features: i64) -> Result<Self, TchError> {
        Ok(match spec {
            HeadSpec::Dense(outputs) => Self::Dense(Dense::new(path, features, outputs.into())?),
            HeadSpec::Cumulative(classes) => {
                Self::Cumulative(Cumulative::new(path, features, classes.into())?)
            }
            HeadSpec::Outputs(_) => Self::None,
        })
    }

    fn forward(&self, xs: &Tensor, precision: Precision) -> Result<Tensor, TchError> {
        match self {
            Self::Dense(head) => head.forward(xs, precision),
            Self::Cumulative(head) => head.forward(xs),
            Self::None => Ok(xs.shallow_clone()),
        }
    }
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
                        Embedding::new(&own, rows, size, drawn)?
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
                embedding: EmbeddingBag::new(&own, rows, &input.embedding, drawn)?,
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

    /// The same for whoever puts weights into it at once: the large look-ups hold any numbers until then.
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
        let members = spec.members.max(1);
        if !end.features().is_multiple_of(members) {
            let message = format!(
                "{members} heads cannot share the {} features of the last layer evenly",
                end.features()
            );
            return Err(TchError::Kind(message));
        }
        let features = i64::from(end.features() / members) + i64::from(spec.wide);
        let path = root.sub("head");
        let head = |member: u32| match members {
            1 => Head::new(&path, spec.head, features),
            _ => Head::new(&path.sub(member.to_string()), spec.head, features),
        };
        let heads = (0..members).map(head);
        let heads = heads.collect::<Result<_, _>>()?;
        let net = Self {
            vars,
            input,
            layers,
            wide: spec.wide,
            heads,
            precision: Precision::Float32,
        };
        match spec.init {
            InitSpec::Keras if drawn => initialise::as_keras(&net.variables())?,
            InitSpec::Keras | InitSpec::Pytorch => {}
        }
        if let Input::Regions { regions, .. } = &net.input {
            regions.forget_no_words()?;
        }
        if let (Input::Bag { embedding, .. }, true) = (&net.input, drawn) {
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
        let members = self.members(&flow.xs, wide, precision)?;
        Ok(Said {
            outputs: mean(&members)?,
            members,
            attention: flow.attention,
        })
    }

    /// What each head makes of its features among those that the last layer gives, `[B, F]`.
    fn members(
        &self,
        xs: &Tensor,
        wide: Option<&Tensor>,
        precision: Precision,
    ) -> Result<Vec<Tensor>, TchError> {
        let wide = match (self.wide, wide) {
            (0, _) => None,
            (_, Some(wide)) => {
                // A batch may be filled up with examples that nobody asks about.
                let (rows, models) = wide.size2()?;
                let missing = xs.size()[0] - rows;
                if models != i64::from(self.wide) {
                    let message =
                        "other linear models say something than the network has beside it";
                    return Err(TchError::Kind(message.into()));
                }
                if missing < 0 {
                    let message = "the linear models say something of more examples than there are";
                    return Err(TchError::Kind(message.into()));
                }
                Some(wide.f_constant_pad_nd([0, 0, 0, missing])?)
            }
            (_, None) => {
                let message = "a network with a wide part needs what the linear models say";
                return Err(TchError::Kind(message.into()));
            }
        };
        let count = i64::try_from(self.heads.len()).unwrap_or(i64::MAX);
        let own = (0..).zip(&self.heads).map(|(member, head)| {
            let xs = match count {
                1 => xs.shallow_clone(),
                // Regions give all features of one size, then those of the next: each head gets some of every size.
                _ => xs.f_slice(1, member, None::<i64>, count)?,
            };
            match &wide {
                None => head.forward(&xs, precision),
                Some(wide) => head.forward(&Tensor::f_cat(&[&xs, wide], 1)?, precision),
            }
        });
        own.collect()
    }

    /// What comes out of the input, of each layer and of the head, dropout off, by place in that order: `embedding` or
    /// `input`, `layers.0`, .., `head`, or of several `head.0`, ..
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
        let members = self.members(&flow.xs, batch.wide.as_ref(), Precision::Float32)?;
        match &members[..] {
            [one] => places.push(("head".to_owned(), one.shallow_clone())),
            _ => {
                let named = members.into_iter().enumerate();
                places.extend(named.map(|(member, xs)| (format!("head.{member}"), xs)));
            }
        }
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

/// The mean of what the heads say; of one, what it says.
fn mean(members: &[Tensor]) -> Result<Tensor, TchError> {
    match members {
        [one] => Ok(one.shallow_clone()),
        _ => Tensor::f_stack(members, 0)?.f_mean_dim(0, false, None::<Kind>),
    }
}

#[cfg(test)]
mod tests;
