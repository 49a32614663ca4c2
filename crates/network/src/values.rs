//! What can be said of a layer's values without knowing its neighbours.

use crate::spec::{LayerSpec, RecurrentSpec};

/// The widest layer: wider ones are a slip of the finger, and their sizes could not be counted any more.
const WIDEST: u32 = 1_000_000;
/// The most heads side by side: of more there is little to gain, and each has a loss to be followed back.
pub(crate) const MOST_MEMBERS: u32 = 16;

/// Checks a layer by itself; the layers of a `concat` are checked with the whole network.
pub(crate) fn check_values(layer: &LayerSpec) -> Result<(), String> {
    match layer {
        LayerSpec::Dropout(p) | LayerSpec::VariationalDropout(p) => probability(*p),
        LayerSpec::LeakyRelu(slope) if !slope.is_finite() => {
            Err(format!("a slope is a number, not {slope}"))
        }
        LayerSpec::Dense(units) => within(*units, "units of a dense layer"),
        LayerSpec::Rnn(spec) | LayerSpec::Lstm(spec) | LayerSpec::Gru(spec) => recurrent(spec),
        LayerSpec::Recurrent(spec) => recurrent(&spec.stack()),
        LayerSpec::Conv1d(spec) => {
            within(spec.filters, "`filters`")?;
            within(spec.kernel, "`kernel`")?;
            within(spec.stride, "`stride`")?;
            if spec.padding >= spec.kernel {
                return Err(format!(
                    "`padding` is below `kernel`, which is {}: a sum of zeros alone says nothing",
                    spec.kernel
                ));
            }
            Ok(())
        }
        LayerSpec::MaxPool1d(spec) => {
            within(spec.size, "`size`")?;
            within(spec.stride.unwrap_or(1), "`stride`")
        }
        LayerSpec::Attention(spec) => within(spec.units, "`units`"),
        LayerSpec::Concat(branches) if branches.len() < 2 => {
            Err("`concat` has at least two lists of layers".into())
        }
        _ => Ok(()),
    }
}

fn recurrent(spec: &RecurrentSpec) -> Result<(), String> {
    within(spec.units, "`units`")?;
    within(spec.layers, "`layers`")?;
    probability(spec.dropout)?;
    if spec.layers == 1 && spec.dropout > 0.0 {
        return Err(
            "`dropout` stands between the layers of a stack, and it has one: use a `dropout` layer"
                .into(),
        );
    }
    Ok(())
}

/// Checks a number of things of which there is at least one.
pub(crate) fn within(value: u32, what: &str) -> Result<(), String> {
    if (1..=WIDEST).contains(&value) {
        Ok(())
    } else {
        Err(format!("{what}: from 1 to {WIDEST}, not {value}"))
    }
}

pub(crate) fn probability(p: f64) -> Result<(), String> {
    if (0.0..1.0).contains(&p) {
        Ok(())
    } else {
        Err(format!("dropout is a probability below 1, not {p}"))
    }
}
