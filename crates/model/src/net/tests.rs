//! Whole networks: batches, padding, training and evaluation.

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
        let expected = [1., 5., 6., 7., 0., 0., 1., 3., 4., 8., 2., 2.].map(|id: f64| id / divisor);
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

#[test]
fn members_are_networks_side_by_side() {
    let text = |members: u32, filters: u32| {
        format!(
            "name: n\ninput: {{kind: regions, sizes: [1, 2], filters: {filters}}}\nwide: true\nlayers: [relu]\n\
             members: {members}\nhead: {{dense: 3}}"
        )
    };
    let both = Net::new(&spec(&text(2, 4)), 9, Device::Cpu).unwrap();
    let rows = || {
        let logits = Tensor::from_slice(&[0.5_f32, -1.0]).view([2, 1]);
        batch(&[&[5, 2, 7, 8], &[3, 4]], true).with_wide(Some(logits))
    };
    let said = both.say(&rows(), false).unwrap();
    let given: BTreeMap<String, Tensor> = both.variables().into_iter().collect();
    for member in 0..2 {
        let alone = Net::new(&spec(&text(1, 2)), 9, Device::Cpu).unwrap();
        for (name, mut variable) in alone.variables() {
            let own = match name.strip_prefix("head.") {
                Some(part) => given[&format!("head.{member}.{part}")].shallow_clone(),
                None => given[&name].slice(-1, member, None::<i64>, 2),
            };
            tch::no_grad(|| variable.copy_(&own));
        }
        let outputs = values(&alone.forward(&rows(), false).unwrap());
        assert_close(&said.members[member as usize], &outputs, 1e-6);
    }
    let mean = (&said.members[0] + &said.members[1]) / 2.0;
    assert_close(&said.outputs, &values(&mean), 1e-6);
}
