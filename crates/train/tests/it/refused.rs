//! What cannot be trained on is refused before the first batch, with its reason and exit code.

use cinescore_artifact::encoder::digest_of_terms;
use serde_json::{Value, json};

use crate::synthetic::{Bench, IDS, Review, padded, reviews};

/// The exit code and the text on stderr.
fn refused(bench: &Bench, params: Value) -> (i32, String) {
    let output = bench.fit("out", 1, params);
    assert_eq!(
        fs_err::read_dir(bench.path("out")).unwrap().count(),
        0,
        "something was written"
    );
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr)
            .unwrap()
            .trim_end()
            .to_owned(),
    )
}

fn small() -> Vec<Review> {
    padded(reviews(40))
}

#[test]
fn a_split_that_is_needed_and_empty() {
    for (split, task) in [("train", "binary"), ("valid", "regression")] {
        let reviews: Vec<Review> = small()
            .into_iter()
            .filter(|review| review.split != split)
            .collect();
        let (code, text) = refused(&Bench::new(&reviews, false), json!({"task": task}));
        assert_eq!(code, 3);
        assert_eq!(
            text,
            format!("error: the split `{split}` has no examples with a label for task `{task}`")
        );
    }
}

#[test]
fn one_class_only() {
    let mut reviews = small();
    reviews
        .iter_mut()
        .for_each(|review| review.polarity = Some(1));
    let (code, text) = refused(&Bench::new(&reviews, false), json!({"task": "binary"}));
    assert_eq!(code, 3);
    insta::assert_snapshot!(text, @"error: all 24 training examples have the label 1: there is nothing to learn");
}

#[test]
fn examples_of_another_encoder() {
    let bench = Bench::new(&small(), false);
    bench.write_encoder(IDS - 3, true);
    let (code, text) = refused(&bench, json!({}));
    assert_eq!(code, 3);
    assert!(
        text.contains("and the encoder's ids end at 8: they do not belong together"),
        "{text}"
    );

    let mut reviews = small();
    reviews[7].ids.pop();
    let (code, text) = refused(&Bench::new(&reviews, false), json!({}));
    assert_eq!(code, 3);
    insta::assert_snapshot!(text, @"error: review 7 has 13 ids, and the encoder pads to 14: they do not belong together");
}

#[test]
fn examples_whose_ids_stand_for_other_terms() {
    let bench = Bench::new(&small(), false);
    let terms = |first: &str| {
        let others = (1..IDS).map(|id| format!("t{id}"));
        let terms: Vec<String> = [first.to_owned()].into_iter().chain(others).collect();
        digest_of_terms(terms.iter().map(String::as_str))
    };
    // As many, and one is another.
    bench.write_reviews_of(&small(), terms("t_"));
    let (code, text) = refused(&bench, json!({}));
    assert_eq!(code, 3);
    assert!(
        text.contains("tokens.parquet` stand for other terms than the encoder's: they do not belong together\nhint: give it the table and the encoder of one `featurize` stage"),
        "{text}"
    );
    bench.write_reviews_of(&small(), terms("t0"));
    bench.fitted("fitted", 1, json!({"epochs": 1}));
}

#[test]
fn a_label_that_is_out_of_range() {
    let mut reviews = small();
    reviews[5].score = Some(0);
    let (code, text) = refused(&Bench::new(&reviews, false), json!({}));
    assert_eq!(code, 3);
    insta::assert_snapshot!(text, @"error: review 5 has the label 0, which is out of range for task `regression`");
}

#[test]
fn a_network_that_does_not_fit_the_examples_or_the_task() {
    let bench = Bench::new(&reviews(40), false);
    bench.write_encoder(IDS, false);
    let (code, text) = refused(&bench, json!({}));
    assert_eq!(code, 2);
    assert!(
        text.contains(
            "a network that does not mask needs padded examples\nhint: let `featurize text` pad"
        ),
        "{text}"
    );

    let bench = Bench::new(&small(), false);
    let head = |dense: &str| {
        format!(
            "name: small\ninput: {{kind: tokens, embedding: {{size: 2}}}}\nlayers: [{{pool: mean}}]\nhead: {dense}\n"
        )
    };
    bench.write_network(&head("{dense: 2}"));
    let (code, text) = refused(&bench, json!({"task": "binary"}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @r"
    error: the network `small` has 2 outputs, and task `binary` needs 1
    hint: change `head` in the network file
    ");

    bench.write_network(&head("{dens: 1}"));
    let (code, text) = refused(&bench, json!({"network_params": {"units": 3}}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @r"
    error: the network has no parameter `units`
      --> small.yaml

    error: unknown name `dens`
      --> small.yaml:4:8
       |
     4 | head: {dens: 1}
       |        ^^^^
      known: dense, outputs, cumulative
      did you mean `dense`?
    ");
}

#[test]
fn a_review_that_is_longer_than_the_networks_vector() {
    let bench = Bench::new(&reviews(40), true);
    bench.write_network(
        "name: small\ninput: {kind: whole, length: 4}\nlayers: [{dense: 2}]\nhead: {dense: 1}\n",
    );
    let (code, text) = refused(&bench, json!({}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @r"
    error: review 0 has 8 ids, and the network takes whole reviews of at most 4
    hint: let `featurize text` cut reviews off there (`max_length`), or raise `length` in the network file
    ");
}

#[test]
fn a_network_that_does_not_fit_the_classes() {
    let network = |head: &str| {
        format!(
            "name: small\ninput: {{kind: tokens, embedding: {{size: 2}}}}\nlayers: [{{pool: mean}}]\nhead: {head}\n"
        )
    };
    let mut given = small();
    // A score that no training review has.
    let test = given
        .iter()
        .position(|review| review.split == "test")
        .unwrap();
    given[test].score = Some(5);
    let bench = Bench::new(&given, false);
    bench.write_network(&network("{dense: 4}"));
    let (code, text) = refused(&bench, json!({"task": "classes"}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @r"
    error: the network has outputs for 4 classes, and the training reviews have 2 different scores: it needs outputs for these, or for 10
    hint: change `head` in the network file
    ");

    bench.write_network(&network("{dense: 2}"));
    let (code, text) = refused(&bench, json!({"task": "classes"}));
    assert_eq!(code, 3);
    insta::assert_snapshot!(text, @r"
    error: review 2 has 5 stars, which no training review has
    hint: take a network with outputs for all 10
    ");

    let (code, text) = refused(&bench, json!({"task": "ordinal"}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @r"
    error: the network `small` lacks the head `cumulative`, which is that of task `ordinal`, and the task is `ordinal`
    hint: change `head` in the network file
    ");

    let (code, text) = refused(&bench, json!({"task": "classes", "loss": "mae"}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @"error: this `loss` is for task `regression`, not `classes`");
}

#[test]
fn a_loss_that_is_no_number_stops_with_its_batch() {
    let (code, text) = refused(
        &Bench::new(&small(), false),
        json!({"batch": 4, "optimizer": {"adam": {"lr": 1e38}}}),
    );
    assert_eq!(code, 4);
    assert!(
        text.contains("error: the loss of batch 2 of epoch 1 is"),
        "{text}"
    );
    // Adam divides a gradient by its size, so it was a number, and what was made of it is none or far from 0.
    assert!(
        text.contains(": it began in the output of")
            || text.contains(": it began in the step before, which made"),
        "{text}"
    );
    assert!(text.contains("hint: try a learning rate below"), "{text}");
}

#[test]
fn weights_of_classes_that_there_are_not() {
    let bench = Bench::new(&small(), false);
    let (code, text) = refused(&bench, json!({"class_weights": "balanced"}));
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @"error: `class_weights` are for tasks with classes, not `regression`");
    let given = json!({"task": "binary", "class_weights": {"given": {"1": 2.0, "9": 0.5}}});
    let (code, text) = refused(&bench, given);
    assert_eq!(code, 2);
    insta::assert_snapshot!(text, @"error: `class_weights` gives `9` the weight 0.5: weights are above 0, and the labels are 0, 1");
}

#[test]
fn parameters_that_are_unknown_or_out_of_range() {
    let bench = Bench::new(&small(), false);
    assert_eq!(refused(&bench, json!({"epochs": 0})).0, 2);
    assert_eq!(
        refused(&bench, json!({"optimizer": {"adam": {"rate": 1}}})).0,
        2
    );
    let (code, text) = refused(&bench, json!({"task": "clases"}));
    assert_eq!(code, 2);
    assert!(text.contains("clases"), "{text}");
}

#[test]
fn scores_held_out_where_there_are_none() {
    let bench = Bench::new(&small(), false);
    let (code, text) = refused(&bench, json!({"task": "binary", "hold_out": [4]}));
    assert_eq!(code, 2);
    assert!(
        text.contains("`hold_out` names scores, and task `binary` of these examples has none"),
        "{text}"
    );
}
