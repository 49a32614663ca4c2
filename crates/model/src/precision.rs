//! What the products of matrices are computed in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, TchError, Tensor};

/// What dense, convolutional and recurrent layers compute in. Weights, gradients, sums over a loss and everything
/// between the layers are float32 in any case (Micikevicius et al., "Mixed Precision Training", ICLR 2018; bfloat16 has the
/// range of float32, so that no loss needs scaling: Kalamkar et al., 2019).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As everything else.
    #[default]
    Float32,
    /// Half as wide, with 8 bits for the fraction.
    Bfloat16,
}

impl Precision {
    /// What goes into a product.
    pub fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Bfloat16 => Kind::BFloat16,
        }
    }

    /// A tensor as it goes into a product; the gradient goes back through it as float32.
    pub(crate) fn narrow(self, tensor: &Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Float32 => Ok(tensor.shallow_clone()),
            Self::Bfloat16 => tensor.f_to_kind(Kind::BFloat16),
        }
    }

    /// What comes out of a product, as float32.
    pub(crate) fn widen(self, tensor: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Float32 => Ok(tensor),
            Self::Bfloat16 => tensor.f_to_kind(Kind::Float),
        }
    }

    /// `xs` `[.., F]` times the transposed `weight` `[units, F]`, plus `bias` `[units]`.
    pub(crate) fn linear(
        self,
        xs: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
    ) -> Result<Tensor, TchError> {
        let bias = self.narrow(bias)?;
        let ys = self
            .narrow(xs)?
            .f_linear(&self.narrow(weight)?, Some(&bias))?;
        self.widen(ys)
    }
}
