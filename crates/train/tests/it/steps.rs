//! What a step of the training loop does to the weights, and what is said of one that broke them.

use std::collections::BTreeMap;
use std::path::Path;

use cinescore_model::task::Task;
use cinescore_model::{Net, bundle};
use cinescore_network::{NetworkSpec, parse};
use cinescore_train::batches;
use cinescore_train::examples::{Examples, Layout, Split};
use cinescore_train::objective::{LossParams, Objective};
use cinescore_train::optimizer::{OptimizerParams, SgdParams};
use cinescore_train::rate::{Rate, RateParams};
use cinescore_train::training::{Schedule, State, TrainingError, Watch, train};
use tch::{Device, Tensor};

use crate::synthetic::{Bench, reviews};

const LR: f64 = 0.5;

/// Asks for nothing.
struct Alone;

impl Watch for Alone {
    fn progress(&mut self, _: u64, _: u64, _: &str) -> Result<(), TrainingError> {
        Ok(())
    }

    fn epoch(&mut self, _: &str, _: &State) -> Result<(), TrainingError> {
        Ok(())
    }
}

/// A network and what it learns from.
struct Learner {
    net: Net,
    examples: Examples,
    objective: Objective,
    _bench: Bench,
}

impl Learner {
    /// A network over the mean of embedded words.
    fn new(rest: &str, task: Task, loss: LossParams) -> Self {
        let bench = Bench::new(&reviews(200), true);
        let (encoder, _) = bundle::read_encoder(&bench.path("encoder.json")).unwrap();
        let text = format!(
            "name: small\ninput: {{kind: tokens, mask: true, embedding: {{size: 6}}}}\n{rest}"
        );
        let spec: NetworkSpec = parse(&text, Path::new("small.yaml"), &BTreeMap::new()).unwrap();
        let tokens = bench.path("tokens.parquet");
        let examples = Examples::read(&tokens, task, Layout::of(&spec.input), &encoder, &[]);
        let examples = examples.unwrap();
        Self {
            net: Net::new(&spec, encoder.ids(), Device::Cpu).unwrap(),
            objective: Objective::new(task, loss, 0.0, &examples, 1).unwrap(),
            examples,
            _bench: bench,
        }
    }

    fn variables(&self, prefix: &str) -> Vec<(String, Tensor)> {
        let variables = self.net.variables().into_iter();
        variables
            .filter(|(name, _)| name.starts_with(prefix))
            .collect()
    }

    fn fill(&self, name: &str, value: f64) {
        let found = self.variables(name);
        assert!(!found.is_empty(), "{name}");
        for (_, mut variable) in found {
            let _filled = tch::no_grad(|| variable.fill_(value));
        }
    }

    /// An epoch of plain gradient descent.
    fn epoch(&self, batch: usize) -> Result<(), TrainingError> {
        let schedule = Schedule {
            seed: 7,
            epochs: 1,
            stop_after: 1,
            batch,
            accumulate: 1,
            evaluated: 1,
            optimizer: OptimizerParams::Sgd(SgdParams {
                lr: LR,
                ..SgdParams::default()
            }),
            rate: Rate {
                lr: LR,
                params: RateParams::Constant,
                warm_up: 0,
            },
            clip: None,
            patience: None,
        };
        let mut state = State::new(&self.net, &schedule).unwrap();
        train(
            &self.net,
            &self.examples,
            &self.objective,
            &schedule,
            &mut state,
            &mut Alone,
        )
        .map(drop)
    }
}

#[test]
fn a_step_moves_each_head_along_the_gradient_of_its_own_loss() {
    let rest = "layers: [{pool: mean}]\nmembers: 2\nhead: {dense: 1}";
    let learner = Learner::new(rest, Task::Binary, LossParams::Auto);
    // Heads that disagree, so that the loss of their mean has other gradients.
    for (name, value) in [
        ("head.0.weight", 1.0),
        ("head.0.bias", 2.0),
        ("head.1.weight", -3.0),
        ("head.1.bias", 0.5),
    ] {
        learner.fill(name, value);
    }

    // What one step over all training reviews should make of them.
    let (net, objective) = (&learner.net, &learner.objective);
    let rows = learner.examples.rows(Split::Train);
    let batch = batches::assemble(&learner.examples, rows, Device::Cpu).unwrap();
    let targets = objective.targets(&learner.examples, rows, Device::Cpu);
    let targets = targets.unwrap();
    let said = net.say(&batch, false).unwrap();
    let mut wanted: Vec<(String, Tensor)> = Vec::new();
    for (member, outputs) in said.members.iter().enumerate() {
        let own = learner.variables(&format!("head.{member}."));
        let loss = objective.loss(outputs, &targets).unwrap();
        let variables: Vec<&Tensor> = own.iter().map(|(_, variable)| variable).collect();
        let gradients = Tensor::run_backward(&[loss], &variables, true, false);
        for ((name, variable), gradient) in own.iter().zip(gradients) {
            wanted.push((name.clone(), (variable - LR * gradient).detach()));
        }
    }
    assert_eq!(wanted.len(), 4);

    learner.epoch(rows.len()).unwrap();
    for (name, wanted) in wanted {
        let (_, variable) = learner.variables(&name).pop().unwrap();
        let off = (variable - wanted).abs().max().double_value(&[]);
        assert!(off < 1e-6, "{name} is off by {off}");
    }
}

#[test]
fn a_gradient_that_broke_the_weights_is_named_at_the_batch_that_shows_it() {
    let rest = "layers: [{pool: mean}, {dense: 1}, {dense: 1}]\nhead: {dense: 1}";
    let learner = Learner::new(rest, Task::Regression, LossParams::Mae);
    // The first loss is about 1e30, a number, and its gradient at the first dense layer 1e60, which is none.
    for (name, value) in [
        ("embedding", 0.0),
        ("layers.1.weight", 0.0),
        ("layers.1.bias", 1e-30),
        ("layers.2.weight", 1e30),
        ("layers.2.bias", 0.0),
        ("head.weight", 1e30),
        ("head.bias", 0.0),
    ] {
        learner.fill(name, value);
    }
    let text = learner.epoch(30).unwrap_err().to_string();
    assert!(
        text.starts_with("the loss of batch 2 of epoch 1 is"),
        "{text}"
    );
    let wanted = "it began in the step before, with the gradient of `layers.1.";
    assert!(text.contains(wanted), "{text}");
}
