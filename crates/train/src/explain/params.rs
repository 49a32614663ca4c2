//! The parameters of `explain`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choose::Choice;
use crate::splits::SplitName;

/// A way to say what decided a prediction.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// What the network's own attention layers gave each token; for networks that have one.
    Attention,
    /// The gradient, on the way from the review in which every word is unknown to the review itself (Sundararajan, Taly and
    /// Yan, ICML 2017).
    IntegratedGradients,
    /// The prediction less the one with the token made unknown (Zeiler and Fergus, ECCV 2014; Li et al., 2016, for words).
    Occlusion,
}

impl Method {
    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Occlusion => "occlusion",
            Self::IntegratedGradients => "integrated_gradients",
        }
    }
}

/// What is explained, and how.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExplainParams {
    /// The split whose reviews are explained.
    pub split: SplitName,
    /// How many, evenly over the split: the deletion test is of these.
    #[schemars(range(min = 0, max = 100_000), extend("unit" = "reviews"))]
    pub reviews: usize,
    /// What further reviews are chosen for; needs the input `predictions`.
    pub choose: Vec<Choice>,
    /// How many for each of them.
    #[schemars(range(min = 1, max = 1000), extend("unit" = "reviews"))]
    pub each: usize,
    /// Reviews that are explained whatever they are.
    pub review_ids: Vec<u64>,
    /// The methods; one that the network has nothing for is left out.
    #[schemars(length(min = 1))]
    pub methods: Vec<Method>,
    /// Points on the way of integrated gradients.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "steps"))]
    pub steps: usize,
    /// Words that the deletion test takes out of a review; at most half of its words.
    #[schemars(range(min = 1, max = 1000), extend("unit" = "words"))]
    pub top: usize,
    /// How often the deletion test takes out random words of a review instead.
    #[schemars(range(min = 1, max = 1000), extend("unit" = "draws"))]
    pub draws: usize,
    /// Decides the random words.
    pub seed: u64,
}

impl Default for ExplainParams {
    fn default() -> Self {
        Self {
            split: SplitName::Test,
            reviews: 50,
            choose: Vec::new(),
            each: 3,
            review_ids: Vec::new(),
            methods: vec![
                Method::Attention,
                Method::IntegratedGradients,
                Method::Occlusion,
            ],
            steps: 50,
            top: 10,
            draws: 10,
            seed: 1,
        }
    }
}
