//! Where a loss that is no number, or has exploded, began.
//!
//! Looked for only once it is too late: at the batch whose loss shows it. What is then in the network is what the
//! step before left: its weights and, until the next step forgets them, the gradients that it followed.

use std::fmt;

use cinescore_model::{Batch, Net};
use tch::{Kind, TchError, Tensor};

/// Where it began.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// A gradient of the step before was no number: the last one on the way from the outputs to the input is the
    /// first that was found.
    Gradient {
        /// The variable.
        name: String,
    },
    /// The gradients were numbers, and the step before made a weight none.
    Weight {
        /// The variable.
        name: String,
    },
    /// All weights are numbers, and a layer's output is none.
    Output {
        /// The layer: `embedding`, `layers.0`, `head`.
        place: String,
    },
    /// Everything is a number. The largest of all outputs is a hint.
    Large {
        /// The layer with the largest output.
        place: String,
        /// That output.
        value: f64,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient { name } => {
                write!(
                    f,
                    "it began in the step before, with the gradient of `{name}`"
                )
            }
            Self::Weight { name } => {
                write!(
                    f,
                    "it began in the step before, which made `{name}` no number"
                )
            }
            Self::Output { place } => write!(f, "it began in the output of `{place}`"),
            Self::Large { place, value } => {
                write!(f, "the largest output is {value:.3e}, of `{place}`")
            }
        }
    }
}

/// Looks for the cause in a network and the batch that showed it. `followed`: whether the network's gradients are those that the step before
/// followed, and not of other batches of the step that is going on.
pub fn cause(net: &Net, batch: &Batch, followed: bool) -> Result<Cause, TchError> {
    let places = tch::no_grad(|| net.places(batch))?;
    let variables = net.variables();
    // The order in which the input passes them; the names alone would put `layers.10` before `layers.2`.
    let order = |name: &str| {
        let place = |(place, _): &(String, Tensor)| name.starts_with(&format!("{place}."));
        places.iter().position(place)
    };
    let mut in_order: Vec<&(String, Tensor)> = variables.iter().collect();
    in_order.sort_by_key(|(name, _)| order(name));
    for (name, variable) in in_order.iter().rev().filter(|_| followed) {
        let gradient = variable.grad();
        if gradient.defined() && !is_finite(&gradient)? {
            return Ok(Cause::Gradient { name: name.clone() });
        }
    }
    for (name, variable) in &in_order {
        if !is_finite(variable)? {
            return Ok(Cause::Weight { name: name.clone() });
        }
    }
    let mut largest = (String::new(), f64::NEG_INFINITY);
    for (place, output) in &places {
        if !is_finite(output)? {
            return Ok(Cause::Output {
                place: place.clone(),
            });
        }
        let value = output
            .f_abs()?
            .f_to_kind(Kind::Double)?
            .f_max()?
            .f_double_value(&[])?;
        if value > largest.1 {
            largest = (place.clone(), value);
        }
    }
    let (place, value) = largest;
    Ok(Cause::Large { place, value })
}

fn is_finite(tensor: &Tensor) -> Result<bool, TchError> {
    if tensor.is_sparse() {
        return is_finite(&tensor.f_coalesce()?.f_values()?);
    }
    Ok(tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use tch::Device;

    use super::*;

    fn net() -> Net {
        let text = "name: n\ninput: {kind: tokens, embedding: {size: 2}}\n\
                    layers: [{dense: 3}, relu, {pool: mean}, {dense: 4}]\nhead: {dense: 1}";
        let spec = cinescore_network::parse(text, Path::new("n.yaml"), &BTreeMap::new()).unwrap();
        Net::new(&spec, 9, Device::Cpu).unwrap()
    }

    fn fill(net: &Net, name: &str, value: f64) {
        let (_, mut variable) = net
            .variables()
            .into_iter()
            .find(|(other, _)| other == name)
            .unwrap();
        let _filled = tch::no_grad(|| variable.fill_(value));
    }

    fn batch() -> Batch {
        Batch::of_ids(Tensor::from_slice(&[1_i64, 4, 5]).view([1, 3]), None)
    }

    #[test]
    fn the_place_is_found_from_the_input_on_and_gradients_from_the_output_on() {
        let told = |net: &Net| cause(net, &batch(), true).unwrap().to_string();
        let one = net();
        fill(&one, "layers.0.bias", 1e38);
        fill(&one, "layers.3.weight", 10.0);
        assert_eq!(told(&one), "it began in the output of `layers.3`");
        fill(&one, "layers.3.weight", 1.0);
        fill(&one, "layers.3.bias", f64::NAN);
        assert_eq!(
            told(&one),
            "it began in the step before, which made `layers.3.bias` no number"
        );

        let two = net();
        // None of its three units is dead, whatever the first weights are.
        fill(&two, "layers.0.bias", 10.0);
        // The gradient of the first dense layer overflows on its way through the second.
        fill(&two, "layers.3.weight", 1e30);
        fill(&two, "head.weight", 1e30);
        two.forward(&batch(), true).unwrap().sum(None).backward();
        assert_eq!(
            told(&two),
            "it began in the step before, with the gradient of `layers.0.weight`"
        );
        assert!(
            !cause(&two, &batch(), false)
                .unwrap()
                .to_string()
                .contains("gradient")
        );

        let three = net();
        fill(&three, "layers.3.bias", 1e20);
        fill(&three, "head.weight", 1.0);
        assert!(
            told(&three).starts_with("the largest output is 4.000e20, of `head`"),
            "{}",
            told(&three)
        );
    }
}
