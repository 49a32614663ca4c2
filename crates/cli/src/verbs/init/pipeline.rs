//! The text of a pipeline for reviews of one's own.

use std::path::Path;

use super::look::Look;
use crate::arguments::Task;

/// The network that is trained, beside the pipeline: an LSTM that reads the words and leaves padding out.
pub(super) const NETWORK_FILE: &str = "networks/keras_lstm_masked.yaml";
/// Its text, for folders that have none.
pub(super) const NETWORK_TEXT: &str =
    include_str!("../../../../../pipelines/networks/keras_lstm_masked.yaml");

/// Rows that `ingest reviews` refuses without failing, unless told otherwise.
const REFUSED_BY_DEFAULT: u64 = 100;

/// What a pipeline is written from.
pub(super) struct Plan<'a> {
    pub(super) reviews: &'a Path,
    pub(super) look: &'a Look,
    pub(super) task: Task,
}

impl Plan<'_> {
    /// The pipeline; `command` runs it.
    pub(super) fn text(&self, command: &str) -> String {
        let (what, task) = match self.task {
            Task::Rating => ("Ratings from 1 to 10", "regression"),
            Task::Sentiment => ("Sentiment", "binary"),
        };
        let table = scalar(&self.path());
        let params: String = self
            .params()
            .iter()
            .map(|(name, value)| format!("\n      {name}: {value}"))
            .collect();
        let epochs = self.epochs();
        format!(
            "\
# {what} of reviews of one's own, written by `cinescore init`. It is yours to change.
#   {command}
version: 1
vars: {{reviews: {table}}}
stages:
  reviews:
    run: ingest reviews
    inputs: {{reviews: \"${{reviews}}\"}}
    params:{params}
  # Duplicates and leaks between the splits: `policy: fail` stops at one.
  audit:
    run: ingest audit
    inputs: {{reviews: reviews.reviews}}
    params: {{policy: warn}}
  text:
    run: featurize text
    inputs: {{reviews: reviews.reviews}}
    params: {{pad: none}}
  net:
    run: train fit
    inputs: {{examples: text.tokens, encoder: text.encoder, network: {NETWORK_FILE}}}
    params: {{task: {task}, seed: 7, epochs: {epochs}}}
    resources: {{threads: 2}}
  # A rating for every review with a label: those of `train` flatter, for the network learned from them.
  ratings:
    run: train evaluate
    inputs: {{bundle: net.bundle, examples: text.tokens}}
    params: {{splits: [train, valid, calib, test]}}
    resources: {{threads: 2}}
  report:
    run: report
    inputs: {{reviews: [reviews, audit], text: text, nets: net}}
"
        )
    }

    /// The table's path as a pipeline reads it: with a folder, so that it is not taken for a stage's output.
    fn path(&self) -> String {
        let shown = self.reviews.display().to_string();
        let is_plain = self.reviews.is_relative() && !shown.starts_with('.');
        let path = if is_plain {
            format!("./{shown}")
        } else {
            shown
        };
        path.replace("${", "$${")
    }

    fn params(&self) -> Vec<(&str, String)> {
        let columns = self.look.params.iter();
        let mut params: Vec<(&str, String)> = columns
            .map(|(name, column)| (name.as_str(), scalar(&column.replace("${", "$${"))))
            .collect();
        if self.look.refused > REFUSED_BY_DEFAULT {
            let refused = self.look.refused;
            params.push((
                "max_rejects",
                format!("{refused} # rows, as many as there are now"),
            ));
        }
        params
    }

    /// Few reviews need more rounds; the best of them is kept.
    fn epochs(&self) -> u32 {
        match self.look.labelled() {
            ..5_000 => 10,
            5_000..20_000 => 5,
            20_000.. => 3,
        }
    }
}

/// A text in double quotes: a text of JSON is one of YAML.
fn scalar(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn look() -> Look {
        serde_json::from_value(serde_json::json!({
            "format": "csv",
            "columns": [],
            "params": {"text_column": "the \"words\"", "sentiment_column": "${mood}", "score_column": ""},
            "notes": [],
            "rows": 1200,
            "refused": 200,
            "reasons": [],
            "scores": {},
            "positive": 400,
            "negative": 400,
            "unlabelled": 200,
            "splits": {},
        }))
        .unwrap()
    }

    #[test]
    fn the_text_holds_what_was_guessed_and_no_more() {
        let look = look();
        let text = Plan {
            reviews: Path::new("my reviews.csv"),
            look: &look,
            task: Task::Sentiment,
        }
        .text("cinescore run -p my");
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(value["vars"]["reviews"], "./my reviews.csv");
        let reviews = &value["stages"]["reviews"];
        assert_eq!(
            reviews["params"],
            serde_json::json!({
                "max_rejects": 200,
                "score_column": "",
                "sentiment_column": "$${mood}",
                "text_column": "the \"words\"",
            })
        );
        assert_eq!(value["stages"]["net"]["params"]["task"], "binary");
        assert_eq!(value["stages"]["net"]["params"]["epochs"], 10);
        for absolute in ["/data/my.csv", "../my.csv"] {
            let reviews = PathBuf::from(absolute);
            let plan = Plan {
                reviews: &reviews,
                look: &look,
                task: Task::Rating,
            };
            assert_eq!(plan.path(), absolute);
        }
    }
}
