//! What clients are answered in JSON.

use std::sync::Arc;

use cinescore_model::task::Task;
use serde::Serialize;

use super::batcher::{Explained, Facts};
use super::request::Id;
use crate::predictor::{Prediction, Word};

/// The answer to one text.
#[derive(Debug, Serialize)]
pub(super) struct One<'a> {
    #[serde(flatten)]
    about: About<'a>,
    #[serde(flatten)]
    rating: Rating<'a>,
}

/// The answer to a list of reviews.
#[derive(Debug, Serialize)]
pub(super) struct Many<'a> {
    #[serde(flatten)]
    about: About<'a>,
    ratings: Vec<Rating<'a>>,
}

/// By which bundle.
#[derive(Debug, Serialize)]
struct About<'a> {
    bundle: &'a str,
    task: Task,
    /// The part of the truths that intervals hold; null without intervals.
    level: Option<f64>,
}

/// What is said of a review.
#[derive(Debug, Serialize)]
pub(super) struct Rating<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    #[serde(flatten)]
    said: &'a Prediction,
    /// The flags in words.
    doubts: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<JsonWord<'a>>>,
}

#[derive(Debug, Serialize)]
struct JsonWord<'a> {
    word: &'a str,
    #[serde(flatten)]
    place: &'a Word,
}

impl<'a> Rating<'a> {
    /// Without words; by a bundle of a task.
    pub(super) fn new(id: Option<&'a Id>, said: &'a Prediction, task: Task) -> Self {
        Self {
            id,
            said,
            doubts: said.flags.iter().map(|flag| flag.about(task)).collect(),
            words: None,
        }
    }

    /// With words.
    pub(super) fn explained(id: Option<&'a Id>, explained: &'a Explained) -> Self {
        let word = |place: &'a Word| JsonWord {
            // Places are of this text.
            word: explained
                .text
                .get(place.begin..place.end)
                .unwrap_or_default(),
            place,
        };
        Self {
            words: Some(explained.words.iter().map(word).collect()),
            ..Self::new(id, &explained.said, explained.bundle.task)
        }
    }
}

/// The bytes of an answer: of the only rating, or of a list.
pub(super) fn bytes(
    bundle: &Arc<Facts>,
    mut ratings: Vec<Rating<'_>>,
    single: bool,
) -> serde_json::Result<Vec<u8>> {
    let has_interval = ratings.iter().any(|rating| rating.said.lower.is_some());
    let about = About {
        bundle: &bundle.digest,
        task: bundle.task,
        level: bundle.level.filter(|_| has_interval),
    };
    match ratings.pop() {
        Some(rating) if single => serde_json::to_vec(&One { about, rating }),
        last => {
            ratings.extend(last);
            serde_json::to_vec(&Many { about, ratings })
        }
    }
}
