//! One way through a network's layers that finds everything: what comes out of each, which variables it
//! has, and what does not fit.

use crate::shape::{LayerLine, Shape, ShapeError, Variable};
use crate::spec::{
    Conv1dSpec, HeadSpec, InputSpec, LayerSpec, MaxPool1dSpec, NetworkSpec, PoolSpec,
    PretrainedSpec, RecurrentSpec, RegionsInput,
};
use crate::values::{MOST_MEMBERS, check_values, probability, within};

/// What was found.
pub(crate) struct Walk {
    masked: bool,
    pub(crate) errors: Vec<ShapeError>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) lines: Vec<LayerLine>,
}

impl Walk {
    fn new(masked: bool) -> Self {
        Self {
            masked,
            errors: Vec::new(),
            variables: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// What comes out of one layer.
    pub(crate) fn after(layer: &LayerSpec, shape: Shape) -> Shape {
        Self::new(false).layer(layer, shape, &[], "")
    }

    /// Goes through a network for an encoder of so many ids.
    pub(crate) fn through(spec: &NetworkSpec, ids: usize) -> Self {
        let mut walk = Self::new(spec.input.masks());
        let path = |section: &str| vec![section.to_owned()];
        let shape = Shape::of_input(&spec.input, ids);
        let place = match &spec.input {
            InputSpec::Tokens(input) => {
                let size = input.embedding.size;
                walk.check(&path("input"), within(size, "`size` of an embedding"));
                walk.check(&path("input"), probability(input.word_dropout));
                let learned = input.embedding.pretrained != PretrainedSpec::Frozen;
                walk.variable("embedding.weight", &[axis(ids), size.into()], learned);
                "embedding"
            }
            InputSpec::OneHot(input) => {
                walk.check(&path("input"), probability(input.word_dropout));
                if !spec.layers.first().is_some_and(multiplies) {
                    walk.wrong(
                        &path("input"),
                        "a `one_hot` input is looked up by the first layer, which must be `dense`, `rnn`, `lstm` or `gru`",
                    );
                }
                "input"
            }
            InputSpec::Regions(input) => {
                walk.regions(input, shape.features(), ids);
                "regions"
            }
            InputSpec::Bag(input) => {
                let size = input.embedding.size;
                walk.check(&path("input"), within(size, "`size` of an embedding"));
                walk.check(&path("input"), probability(input.word_dropout));
                if input
                    .embedding
                    .start
                    .is_some_and(|start| !start.is_finite())
                {
                    walk.wrong(&path("input"), "`start` of an embedding is a number");
                }
                let scale = input.embedding.scale;
                if !scale.is_finite() || scale <= 0.0 {
                    walk.wrong(
                        &path("input"),
                        "`scale` of an embedding is a number above 0",
                    );
                }
                walk.learned("embedding.weight", &[axis(ids), size.into()]);
                if input.embedding.bias {
                    walk.learned("embedding.bias", &[size.into()]);
                }
                "embedding"
            }
            InputSpec::Whole(input) => {
                walk.check(&path("input"), within(input.length, "`length`"));
                "input"
            }
            InputSpec::Window(input) => {
                if let Some(slots) = input.slots {
                    walk.check(&path("input"), within(slots, "`slots`"));
                }
                "input"
            }
        };
        walk.line(place.into(), spec.input.name(), shape);
        let before = walk.errors.len();
        let shape = walk.layers(&spec.layers, shape, &path("layers"));
        let outputs = spec.head.outputs();
        match spec.head {
            HeadSpec::Cumulative(classes) if classes < 3 => {
                let message = format!("`cumulative` is for 3 classes or more, not {classes}");
                walk.wrong(&path("head"), message);
            }
            _ => walk.check(&path("head"), within(outputs, "outputs of a head")),
        }
        // A layer that does not fit has its own problem, and what comes out at the end may be due to it.
        let fits = walk.errors.len() == before;
        match shape {
            Shape::Steps { .. } if fits => walk.wrong(
                &path("head"),
                "the layers end with a vector for each step, the head needs one in all: end with `pool`",
            ),
            _ => {}
        }
        if spec.wide > 0 {
            match (&spec.input, spec.head) {
                (InputSpec::Window(_), _) => walk.wrong(
                    &path("wide"),
                    "a linear model beside a network is one over n-grams, which windows do not have",
                ),
                (_, HeadSpec::Outputs(_)) => walk.wrong(
                    &path("wide"),
                    "a head `outputs` gives the last layer's values as they are, and has no place for more",
                ),
                _ => {}
            }
        }
        walk.members(spec, shape, fits);
        let members = spec.members.clamp(1, MOST_MEMBERS);
        let features = (shape.features() / members).saturating_add(spec.wide);
        let names = (0..members).map(|member| match members {
            1 => "head.".to_owned(),
            _ => format!("head.{member}."),
        });
        match spec.head {
            HeadSpec::Dense(outputs) => {
                for name in names {
                    walk.dense(&name, features, outputs);
                }
            }
            HeadSpec::Outputs(outputs) if fits && outputs != shape.features() => {
                let message = format!(
                    "the last layer gives {} values, not {outputs}",
                    shape.features()
                );
                walk.wrong(&path("head"), message);
            }
            HeadSpec::Outputs(_) => {}
            HeadSpec::Cumulative(classes) => {
                for name in names {
                    walk.learned(&format!("{name}weight"), &[1, features.into()]);
                    walk.learned(&format!("{name}first"), &[1]);
                    walk.learned(&format!("{name}gaps"), &[i64::from(classes) - 2]);
                }
            }
        }
        walk.line(
            "head".into(),
            spec.head.name(),
            Shape::Vector { features: outputs },
        );
        walk
    }

    /// Checks the heads side by side over what the last layer gives; `fits`: whether the layers before do.
    fn members(&mut self, spec: &NetworkSpec, end: Shape, fits: bool) {
        let features = end.features();
        // How many features a window has is not known without its encoder; a network that is built is checked again.
        let known = fits
            && matches!(end, Shape::Vector { .. })
            && !matches!(spec.input, InputSpec::Window(_));
        let path = ["members".to_owned()];
        let members = spec.members;
        if !(1..=MOST_MEMBERS).contains(&members) {
            let message = format!("`members` is a number from 1 to {MOST_MEMBERS}");
            self.wrong(&path, message);
        } else if members > 1 && matches!(spec.head, HeadSpec::Outputs(_)) {
            let message = "a head `outputs` gives the last layer's values as they are: there is nothing to have several of";
            self.wrong(&path, message);
        } else if known && !features.is_multiple_of(members) {
            let message = format!(
                "{members} heads cannot share the {features} features of the last layer evenly"
            );
            self.wrong(&path, message);
        }
    }

    /// An input of regions, which gives so many `features`, for an encoder of so many ids.
    fn regions(&mut self, input: &RegionsInput, features: u32, ids: usize) {
        let path = ["input".to_owned()];
        self.check(&path, probability(input.word_dropout));
        self.check(&path, within(input.filters, "`filters`"));
        if input.sizes.is_empty() || input.sizes.iter().any(|size| !(1..=9).contains(size)) {
            self.wrong(
                &path,
                "`sizes` are one or more numbers of words from 1 to 9",
            );
        }
        if (1..input.sizes.len()).any(|at| input.sizes[..at].contains(&input.sizes[at])) {
            self.wrong(
                &path,
                "`sizes` has a number twice: give more `filters` instead",
            );
        }
        for size in &input.sizes {
            let rows = axis(ids).saturating_mul(i64::from(*size));
            let name = format!("regions.weight_{size}");
            self.learned(&name, &[rows, input.filters.into()]);
        }
        self.learned("regions.bias", &[features.into()]);
    }

    /// A list of layers, at `path`; gives what comes out of the last.
    fn layers(&mut self, layers: &[LayerSpec], mut shape: Shape, path: &[String]) -> Shape {
        for (index, layer) in layers.iter().enumerate() {
            let path = below(path, [index.to_string()]);
            self.check(&path, check_values(layer));
            // Variables are called as their place, without the name of the layer in it.
            let name = path
                .iter()
                .filter(|part| *part != "concat")
                .map(|part| format!("{part}."))
                .collect::<String>();
            shape = self.layer(layer, shape, &path, &name);
            self.line(name.trim_end_matches('.').to_owned(), layer.name(), shape);
        }
        shape
    }

    fn layer(&mut self, layer: &LayerSpec, shape: Shape, path: &[String], name: &str) -> Shape {
        let features = shape.features();
        match layer {
            LayerSpec::VariationalDropout(_) => {
                self.steps(shape, path);
                shape
            }
            LayerSpec::Dropout(_)
            | LayerSpec::Relu
            | LayerSpec::LeakyRelu(_)
            | LayerSpec::Elu
            | LayerSpec::Gelu
            | LayerSpec::Silu
            | LayerSpec::Softplus
            | LayerSpec::Sigmoid
            | LayerSpec::Tanh => shape,
            LayerSpec::BatchNorm => {
                if self.masked && matches!(shape, Shape::Steps { .. }) {
                    self.wrong(path, "`batch_norm` over steps would count padding, which this network masks: put it behind `pool`");
                }
                for own in ["weight", "bias"] {
                    self.learned(&format!("{name}{own}"), &[features.into()]);
                }
                for own in ["running_mean", "running_var"] {
                    self.variable(&format!("{name}{own}"), &[features.into()], false);
                }
                shape
            }
            LayerSpec::Dense(units) => {
                self.dense(name, features, *units);
                shape.with(*units)
            }
            LayerSpec::Rnn(spec) => self.recurrent(spec, 1, shape, path, name),
            LayerSpec::Gru(spec) => self.recurrent(spec, 3, shape, path, name),
            LayerSpec::Lstm(spec) => self.recurrent(spec, 4, shape, path, name),
            LayerSpec::Recurrent(spec) => {
                let gates = spec.cell.gates().into();
                self.recurrent(&spec.stack(), gates, shape, path, name)
            }
            LayerSpec::Conv1d(spec) => self.conv1d(spec, shape, path, name),
            LayerSpec::MaxPool1d(spec) => self.max_pool1d(spec, shape, path),
            LayerSpec::Attention(spec) => {
                self.steps(shape, path);
                let units = i64::from(spec.units);
                self.learned(&format!("{name}weight"), &[units, features.into()]);
                self.learned(&format!("{name}bias"), &[units]);
                self.learned(&format!("{name}context"), &[units]);
                Shape::Vector { features }
            }
            LayerSpec::Pool(pool) => {
                self.steps(shape, path);
                if *pool == PoolSpec::Ends && features % 2 == 1 {
                    let message = format!(
                        "`ends` takes two halves of the features, and there are {features}"
                    );
                    self.wrong(path, message);
                }
                Shape::Vector { features }
            }
            LayerSpec::Flatten => {
                let steps = self.steps(shape, path);
                if matches!(shape, Shape::Steps { steps: None, .. }) {
                    self.wrong(path, "`flatten` needs a known number of steps, and there is none: use `pool`, or say `slots` of a window");
                }
                Shape::Vector {
                    features: features.saturating_mul(steps.unwrap_or(1)),
                }
            }
            LayerSpec::OneStep | LayerSpec::ManySteps => {
                if matches!(shape, Shape::Steps { .. }) {
                    self.wrong(path, "this layer makes steps of one vector, and the layers before it leave one for each step");
                }
                match layer {
                    LayerSpec::OneStep => Shape::Steps {
                        features,
                        steps: Some(1),
                    },
                    _ => Shape::Steps {
                        features: 1,
                        steps: Some(features),
                    },
                }
            }
            LayerSpec::Concat(branches) => {
                let mut features = 0_u32;
                for (index, branch) in branches.iter().enumerate() {
                    let path = below(path, ["concat".to_owned(), index.to_string()]);
                    let before = self.errors.len();
                    let shape = self.layers(branch, shape, &path);
                    if self.errors.len() == before && matches!(shape, Shape::Steps { .. }) {
                        self.wrong(
                            &path,
                            "a list of layers in `concat` ends with one vector: end with `pool`",
                        );
                    }
                    features = features.saturating_add(shape.features());
                }
                Shape::Vector { features }
            }
        }
    }

    fn recurrent(
        &mut self,
        spec: &RecurrentSpec,
        gates: i64,
        shape: Shape,
        path: &[String],
        name: &str,
    ) -> Shape {
        let steps = self.steps(shape, path);
        let units = i64::from(spec.units);
        let out = spec.units.saturating_mul(spec.directions());
        let directions: &[&str] = if spec.bidirectional {
            &["", "_reverse"]
        } else {
            &[""]
        };
        // So many that they are a problem are not listed.
        for cell in 0..spec.layers.min(1000) {
            let input = i64::from(if cell == 0 { shape.features() } else { out });
            for direction in directions {
                let own = |part: &str| format!("{name}{part}_l{cell}{direction}");
                self.learned(&own("weight_ih"), &[gates * units, input]);
                self.learned(&own("weight_hh"), &[gates * units, units]);
                self.learned(&own("bias_ih"), &[gates * units]);
                self.learned(&own("bias_hh"), &[gates * units]);
            }
        }
        Shape::Steps {
            features: out,
            steps,
        }
    }

    fn conv1d(&mut self, spec: &Conv1dSpec, shape: Shape, path: &[String], name: &str) -> Shape {
        let steps = self.steps(shape, path);
        let filters = i64::from(spec.filters);
        let kernel = [filters, shape.features().into(), spec.kernel.into()];
        self.learned(&format!("{name}weight"), &kernel);
        self.learned(&format!("{name}bias"), &[filters]);
        let padded = steps.map(|steps| steps.saturating_add(spec.padding.saturating_mul(2)));
        Shape::Steps {
            features: spec.filters,
            steps: self.windows(padded, spec.kernel, spec.stride, path),
        }
    }

    fn max_pool1d(&mut self, spec: &MaxPool1dSpec, shape: Shape, path: &[String]) -> Shape {
        let steps = self.steps(shape, path);
        Shape::Steps {
            features: shape.features(),
            steps: self.windows(steps, spec.size, spec.stride.unwrap_or(spec.size), path),
        }
    }

    /// How many windows of some steps there are.
    fn windows(
        &mut self,
        steps: Option<u32>,
        size: u32,
        stride: u32,
        path: &[String],
    ) -> Option<u32> {
        let steps = steps?;
        if size > steps {
            let message = format!("it takes {size} steps together, and there are {steps}");
            self.wrong(path, message);
        }
        Some(1 + steps.saturating_sub(size) / stride.max(1))
    }

    /// The number of steps, where it is known; a problem where there are none to go over.
    fn steps(&mut self, shape: Shape, path: &[String]) -> Option<u32> {
        match shape {
            Shape::Steps { steps, .. } => steps,
            Shape::Vector { .. } => {
                self.wrong(
                    path,
                    "this layer goes over the steps, and the layers before it leave one vector",
                );
                None
            }
        }
    }

    fn dense(&mut self, name: &str, features: u32, units: u32) {
        self.learned(&format!("{name}weight"), &[units.into(), features.into()]);
        self.learned(&format!("{name}bias"), &[units.into()]);
    }

    fn learned(&mut self, name: &str, shape: &[i64]) {
        self.variable(name, shape, true);
    }

    fn variable(&mut self, name: &str, shape: &[i64], learned: bool) {
        self.variables.push(Variable {
            name: name.to_owned(),
            shape: shape.to_vec(),
            learned,
        });
    }

    fn line(&mut self, place: String, kind: &'static str, shape: Shape) {
        self.lines.push(LayerLine { place, kind, shape });
    }

    fn check(&mut self, path: &[String], checked: Result<(), String>) {
        if let Err(message) = checked {
            self.wrong(path, message);
        }
    }

    fn wrong(&mut self, path: &[String], message: impl Into<String>) {
        self.errors.push(ShapeError {
            path: path.to_vec(),
            message: message.into(),
        });
    }
}

fn below<const N: usize>(path: &[String], parts: [String; N]) -> Vec<String> {
    path.iter().cloned().chain(parts).collect()
}

/// Whether what a layer does first is to multiply each step by its weights.
fn multiplies(layer: &LayerSpec) -> bool {
    matches!(
        layer,
        LayerSpec::Dense(_)
            | LayerSpec::Rnn(_)
            | LayerSpec::Lstm(_)
            | LayerSpec::Gru(_)
            | LayerSpec::Recurrent(_)
    )
}

fn axis(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
