//! A whole network, built from its file.

use tch::{Device, TchError, Tensor, nn};

use crate::initialise;
use crate::layers::{Dense, Embedding, Layer};
use cinescore_network::{InitSpec, InputSpec, NetworkSpec};

/// Examples that go through a network together.
#[derive(Debug)]
pub struct Batch {
    /// Token ids, int32 or int64 `[B, T]`.
    pub ids: Tensor,
    /// Real steps of each example, int64 `[B]`, at least 1, for networks that mask; the padding is at
    /// the end. None for those that do not.
    pub lengths: Option<Tensor>,
}

/// A network with its variables.
#[derive(Debug)]
pub struct Net {
    vars: nn::VarStore,
    embedding: Embedding,
    layers: Vec<Layer>,
    head: Dense,
}

impl Net {
    /// Builds a network for an encoder of so many ids. Its weights come from LibTorch's random
    /// numbers: set their seed before (`tch::manual_seed`).
    ///
    /// # Panics
    /// If the variables are not those that [`cinescore_network::variables`] lists: a mistake in a layer.
    pub fn new(spec: &NetworkSpec, ids: usize, device: Device) -> Result<Self, TchError> {
        let vars = nn::VarStore::new(device);
        let root = vars.root();
        let InputSpec::Tokens(input) = &spec.input;
        let mut features = i64::from(input.embedding.size);
        let rows = i64::try_from(ids).unwrap_or(i64::MAX);
        let embedding = Embedding::new(&root.sub("embedding"), rows, features)?;
        let mut layers = Vec::with_capacity(spec.layers.len());
        for (index, layer) in spec.layers.iter().enumerate() {
            let (layer, out) = Layer::new(&root.sub("layers").sub(index), layer, features)?;
            layers.push(layer);
            features = out;
        }
        let head = Dense::new(&root.sub("head"), features, i64::from(spec.head.dense))?;
        let net = Self {
            vars,
            embedding,
            layers,
            head,
        };
        match spec.init {
            InitSpec::Pytorch => {}
            InitSpec::Keras => initialise::as_keras(&net.variables())?,
        }
        // tch renames a second variable of one name without a word.
        let mut listed: Vec<String> = cinescore_network::variables(spec, ids)
            .into_iter()
            .map(|variable| variable.name)
            .collect();
        listed.sort();
        let built: Vec<String> = net.variables().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            built, listed,
            "the layers make other variables than the network's description lists"
        );
        Ok(net)
    }

    /// The outputs `[B, O]`. `train`: with dropout.
    pub fn forward(&self, batch: &Batch, train: bool) -> Result<Tensor, TchError> {
        let mut xs = self.embedding.forward(&batch.ids)?;
        for layer in &self.layers {
            xs = layer.forward(&xs, batch.lengths.as_ref(), train)?;
        }
        self.head.forward(&xs)
    }

    /// The variables with their names, sorted by name. They share their numbers with the network.
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
    use cinescore_network::{parse, variables};

    fn spec(text: &str) -> NetworkSpec {
        parse(text, Path::new("net.yaml"), &BTreeMap::new()).unwrap()
    }

    const MASKED: &str = "
name: n
input: {kind: tokens, mask: true, embedding: {size: 3}}
layers: [{dropout: 0.5}, {lstm: {units: 4, layers: 2, dropout: 0.5}}, {dense: 5}, {leaky_relu: 0.1}, {pool: POOL}, relu]
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
        Batch {
            ids,
            lengths: lengths.then(|| Tensor::from_slice(&real)),
        }
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.flatten(0, -1).to_kind(tch::Kind::Double)).unwrap()
    }

    #[test]
    fn what_an_example_gives_does_not_depend_on_its_batch() {
        for pool in ["last", "mean", "max"] {
            let net = Net::new(&spec(&MASKED.replace("POOL", pool)), 9, Device::Cpu).unwrap();
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
    fn evaluating_twice_gives_the_same_and_training_drops_out() {
        let net = Net::new(&spec(&MASKED.replace("POOL", "mean")), 9, Device::Cpu).unwrap();
        let batch = batch(&[&[1, 5, 6, 7], &[1, 3, 4, 8]], true);
        let evaluate = || values(&net.forward(&batch, false).unwrap());
        assert_eq!(evaluate(), evaluate());
        let train = || values(&net.forward(&batch, true).unwrap());
        assert_ne!(train(), train());
    }

    #[test]
    fn the_variables_are_those_of_the_description() {
        let spec = spec(&MASKED.replace("POOL", "max"));
        let net = Net::new(&spec, 9, Device::Cpu).unwrap();
        let mut listed = variables(&spec, 9);
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let listed: Vec<(String, Vec<i64>)> = listed
            .into_iter()
            .map(|variable| (variable.name, variable.shape))
            .collect();
        let built: Vec<(String, Vec<i64>)> = net
            .variables()
            .into_iter()
            .map(|(name, tensor)| (name, tensor.size()))
            .collect();
        assert_eq!(built, listed);
    }
}
