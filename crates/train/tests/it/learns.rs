//! What can be learned is learned, and what cannot is not.

use arrow::array::{
    Array as _, AsArray as _, BooleanArray, Float64Array, ListArray, RecordBatch, StringArray,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::Float32Type;
use cinescore_artifact::table::{TableReader, TableSpec, column};
use cinescore_artifact::tables::{HISTORY, METRICS, PREDICTIONS};
use cinescore_model::bundle;
use serde_json::{Value, json};
use tch::Device;

use crate::synthetic::{Bench, IDS, padded, padded_to, reviews};

/// Parameters with which the reviews are learned in seconds.
fn quick(task: &str) -> Value {
    json!({"task": task, "optimizer": {"adam": {"lr": 0.01}}, "seed": 3, "epochs": 5})
}

fn metric_of(result: &Value, name: &str) -> f64 {
    result["metrics"][name].as_f64().unwrap()
}

fn read(bench: &Bench, name: &str, spec: &'static TableSpec) -> RecordBatch {
    let path = bench.path("out").join(name);
    let batches: Vec<_> = TableReader::open(&path, spec)
        .unwrap()
        .batches(100_000)
        .unwrap()
        .collect();
    assert_eq!(batches.len(), 1);
    batches.into_iter().next().unwrap().unwrap()
}

#[test]
fn an_order_of_words_is_learned_with_padding_and_without() {
    for mask in [false, true] {
        let reviews = if mask {
            reviews(2000)
        } else {
            padded(reviews(2000))
        };
        let result = Bench::new(&reviews, mask).fitted("out", 1, quick("binary"));
        let accuracy = result["metrics"]["test.accuracy"].as_f64().unwrap();
        assert!(accuracy > 0.95, "mask {mask}: {accuracy}");
        assert_eq!(result["device"], "cpu");
    }
}

#[test]
fn labels_of_other_reviews_teach_nothing() {
    let mut reviews = padded(reviews(2000));
    let polarities: Vec<_> = reviews.iter().map(|review| review.polarity).collect();
    let count = reviews.len();
    for (index, review) in reviews.iter_mut().enumerate() {
        review.polarity = polarities[(index * 7 + 3) % count];
    }
    let result = Bench::new(&reviews, false).fitted("out", 1, quick("binary"));
    let accuracy = result["metrics"]["test.accuracy"].as_f64().unwrap();
    assert!((0.35..0.65).contains(&accuracy), "{accuracy}");
}

#[test]
fn stars_are_learned_and_every_table_says_the_same() {
    let bench = Bench::new(&padded(reviews(2000)), false);
    let result = bench.fitted("out", 1, quick("regression"));
    let mse = result["metrics"]["test.mse"].as_f64().unwrap();
    // Scores are 2 and 9: their variance is over 12.
    assert!(mse < 1.0, "{mse}");

    let predictions = read(&bench, "predictions.parquet", &PREDICTIONS);
    let column_of = |name| column::<Float64Array>(&predictions, name);
    let splits: &StringArray = column(&predictions, "split");
    let errors: Vec<f64> = (0..predictions.num_rows())
        .filter(|&row| splits.value(row) == "test")
        .map(|row| (column_of("predicted").value(row) - column_of("target").value(row)).powi(2))
        .collect();
    assert_eq!(errors.len(), 400);
    assert!((errors.iter().sum::<f64>() / 400.0 - mse).abs() < 1e-9);
    assert!(
        column_of("predicted")
            .iter()
            .flatten()
            .all(|stars| (1.0..=10.0).contains(&stars))
    );
    let ids: &UInt64Array = column(&predictions, "id");
    assert!(ids.values().is_sorted());

    let metrics = read(&bench, "metrics.parquet", &METRICS);
    let text = |name| column::<StringArray>(&metrics, name);
    let listed: Vec<(String, String, String)> = (0..metrics.num_rows())
        .map(|row| {
            ["subject", "split", "metric"]
                .map(|name| text(name).value(row).to_owned())
                .into()
        })
        .collect();
    let expected: Vec<(String, String, String)> = ["small", "trivial"]
        .into_iter()
        .flat_map(|subject| ["valid", "calib", "test"].map(|split| (subject, split)))
        .flat_map(|(subject, split)| {
            [
                "coverage",
                "coverage_of_2",
                "coverage_of_9",
                "interval_width",
                "mae",
                "mean_error_of_2",
                "mean_error_of_9",
                "mse",
                "mse_tenths",
                "mse_unit",
                "quadratic_kappa",
                "r2",
                "rmse",
                "sentiment_accuracy",
                "within_one",
            ]
            .iter()
            // The trivial predictor has no intervals.
            .filter(move |metric| subject == "small" || !metric.starts_with("coverage"))
            .filter(move |metric| subject == "small" || **metric != "interval_width")
            .map(move |metric| [subject, split, metric].map(String::from).into())
        })
        .collect();
    assert_eq!(listed, expected);
    let ends = |name| column::<Float64Array>(&metrics, name);
    let (lower, value, upper) = (ends("lower"), ends("value"), ends("upper"));
    for row in 0..metrics.num_rows() {
        let defined = value.is_valid(row);
        assert_eq!(
            (lower.is_valid(row), upper.is_valid(row)),
            (defined, defined)
        );
        assert!(!defined || lower.value(row) <= upper.value(row));
    }

    // 200 reviews of `calib` made the intervals, 400 of `test` are held by them.
    let (lower, upper) = (column_of("lower"), column_of("upper"));
    let held = (0..predictions.num_rows()).filter(|&row| splits.value(row) == "test");
    let held = held.filter(|&row| {
        (lower.value(row)..=upper.value(row)).contains(&column_of("target").value(row))
    });
    let coverage = held.count() as f64 / 400.0;
    assert!(coverage > 0.82, "{coverage}");
    let said = metric_of(&result, "test.coverage");
    assert!((said - coverage).abs() < 1e-9, "{said} is not {coverage}");

    let history = read(&bench, "history.parquet", &HISTORY);
    let chosen: &BooleanArray = column(&history, "chosen");
    let epochs: &UInt32Array = column(&history, "epoch");
    assert_eq!(history.num_rows(), 5 * 3 * 2);
    let kept: Vec<u32> = epochs
        .values()
        .iter()
        .zip(chosen.values())
        .filter_map(|(epoch, kept)| kept.then_some(*epoch))
        .collect();
    let said = result["facts"]["chosen_epoch"].as_u64().unwrap();
    assert_eq!(kept, [said as u32; 6]);

    let bundle = bundle::load(&bench.path("out/bundle"), Device::Cpu).unwrap();
    assert_eq!(
        (bundle.manifest.ids, u64::from(bundle.manifest.chosen_epoch)),
        (IDS, said)
    );
    assert_eq!(bundle.manifest.metrics["test.mse"], mse);
}

#[test]
fn classes_are_learned_with_an_order_and_without() {
    let network = |head: &str| {
        format!(
            "name: small\ninput: {{kind: tokens, embedding: {{size: 8}}}}\n\
             layers: [{{lstm: {{units: 16}}}}, {{pool: last}}]\nhead: {head}\n"
        )
    };
    // Three scores: the reviews' 2 and 9, and the middle, which the last word says.
    let mut reviews = padded(reviews(2000));
    for review in &mut reviews {
        if review.ids.last() == Some(&7) {
            review.score = Some(5);
        }
    }
    for (task, head) in [
        ("classes", "{dense: 3}"),
        ("classes", "{dense: 10}"),
        ("ordinal", "{cumulative: 3}"),
    ] {
        let bench = Bench::new(&reviews, false);
        bench.write_network(&network(head));
        let result = bench.fitted("out", 1, quick(task));
        let metric = |name: &str| result["metrics"][name].as_f64().unwrap();
        let accuracy = metric("test.accuracy");
        assert!(accuracy > 0.9, "{task} {head}: {accuracy}");
        assert!(metric("test.mse") < 1.5 && metric("test.quadratic_kappa") > 0.8);

        let predictions = read(&bench, "predictions.parquet", &PREDICTIONS);
        let lists: &ListArray = column(&predictions, "probabilities");
        let predicted: &Float64Array = column(&predictions, "predicted");
        let stars: &[f64] = if head.contains("10") {
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
        } else {
            &[2.0, 5.0, 9.0]
        };
        for row in 0..predictions.num_rows() {
            let own = lists.value(row);
            let own = own.as_primitive::<Float32Type>().values();
            assert_eq!(own.len(), stars.len());
            assert!((own.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let mean: f64 = own
                .iter()
                .zip(stars)
                .map(|(p, stars)| f64::from(*p) * stars)
                .sum();
            assert!((mean - predicted.value(row)).abs() < 1e-4);
        }
        bundle::load(&bench.path("out/bundle"), Device::Cpu).unwrap();
    }
}

#[test]
fn other_losses_optimizers_and_schedules_learn_too() {
    let bench = Bench::new(&padded(reviews(1000)), false);
    for (out, given) in [
        ("a", json!({"loss": "mae"})),
        ("f", json!({"loss": "rmse", "batch": 16, "accumulate": 4})),
        (
            "b",
            json!({"loss": {"huber": {"delta": 0.5}}, "schedule": {"step": {"every": 3, "factor": 0.3}}}),
        ),
        (
            "c",
            json!({"optimizer": {"rmsprop": {"lr": 0.01}}, "schedule": {"plateau": {"patience": 1}}}),
        ),
        (
            "d",
            json!({"optimizer": {"adamw": {"lr": 0.03}}, "schedule": {"one_cycle": {}}, "clip": 1.0}),
        ),
        (
            "e",
            json!({"optimizer": {"sgd": {"lr": 0.3, "momentum": 0.9, "nesterov": true}}, "warm_up": 1, "clip": 0.5}),
        ),
    ] {
        let mut params = quick("regression");
        params["epochs"] = 8.into();
        for (name, value) in given.as_object().unwrap() {
            params[name] = value.clone();
        }
        let mse = bench.fitted(out, 1, params)["metrics"]["test.mse"]
            .as_f64()
            .unwrap();
        assert!(mse < 3.0, "{given}: {mse}");
    }
}

#[test]
fn the_weights_of_the_best_epoch_are_kept_and_parameters_reach_the_network() {
    let bench = Bench::new(&padded(reviews(400)), false);
    // A rate at which the loss soon rises again.
    let optimizer = json!({"adam": {"lr": 0.3}});
    let wild = json!({"task": "binary", "optimizer": optimizer, "epochs": 6, "network_params": {"units": 5}});
    let result = bench.fitted("out", 1, wild);
    let history = read(&bench, "history.parquet", &HISTORY);
    let (splits, metrics): (&StringArray, &StringArray) =
        (column(&history, "split"), column(&history, "metric"));
    let (values, chosen): (&Float64Array, &BooleanArray) =
        (column(&history, "value"), column(&history, "chosen"));
    let losses: Vec<(f64, bool)> = (0..history.num_rows())
        .filter(|&row| splits.value(row) == "valid" && metrics.value(row) == "loss")
        .map(|row| (values.value(row), chosen.value(row)))
        .collect();
    let least = losses
        .iter()
        .map(|(loss, _)| *loss)
        .fold(f64::INFINITY, f64::min);
    assert_eq!(
        losses
            .iter()
            .filter(|(_, chosen)| *chosen)
            .map(|(loss, _)| *loss)
            .collect::<Vec<_>>(),
        [least]
    );
    // The bundle's weights give the chosen epoch's loss.
    assert!((result["metrics"]["valid.log_loss"].as_f64().unwrap() - least).abs() < 1e-6);
    // 12 ids of 8, an LSTM of 8 to 5, a head of 5.
    assert_eq!(
        result["facts"]["parameters"],
        12 * 8 + 4 * 5 * (8 + 5 + 2) + 5 + 1
    );
}

#[test]
fn a_step_over_several_batches_is_one_over_all_of_their_examples() {
    let bench = Bench::new(&padded(reviews(400)), false);
    // Without dropout, which would be drawn anew for each batch; all 240 training reviews are one step.
    bench.write_network(
        "name: small\ninput: {kind: tokens, embedding: {size: 4}}\nlayers: [{pool: mean}]\nhead: {dense: 1}\n",
    );
    let params = |batch: u32, accumulate: u32| {
        json!({"task": "binary", "optimizer": {"sgd": {"lr": 0.5}}, "epochs": 4, "batch": batch,
               "accumulate": accumulate, "class_weights": "balanced"})
    };
    let metrics = [("out", 240, 1), ("parts", 50, 5)].map(|(out, batch, accumulate)| {
        let result = bench.fitted(out, 1, params(batch, accumulate));
        ["valid.log_loss", "test.auc"].map(|name| result["metrics"][name].as_f64().unwrap())
    });
    for (whole, parts) in metrics[0].iter().zip(metrics[1]) {
        assert!((whole - parts).abs() < 1e-5, "{metrics:?}");
    }
}

#[test]
fn a_batch_too_long_for_one_pass_is_learned_as_if_it_were_not() {
    // All 240 training reviews are one batch: of 400 steps each they are three times what goes through a network together, of
    // 20 they are less. The largest of all steps is the same, as all have padding.
    let metrics = [20, 400].map(|length| {
        let bench = Bench::new(&padded_to(length, reviews(400)), false);
        bench.write_encoder(IDS, false);
        // Without dropout, which would be drawn in another order.
        bench.write_network(
            "name: small\ninput: {kind: tokens, embedding: {size: 4}}\nlayers: [{pool: max}]\nhead: {dense: 1}\n",
        );
        let result = bench.fitted(
            "out",
            1,
            json!({"task": "binary", "optimizer": {"sgd": {"lr": 0.5}}, "epochs": 4, "batch": 240}),
        );
        ["valid.log_loss", "test.auc"].map(|name| metric_of(&result, name))
    });
    for (short, long) in metrics[0].iter().zip(metrics[1]) {
        assert!((short - long).abs() < 1e-5, "{metrics:?}");
    }
}

#[test]
fn the_course_of_a_training_is_told_in_words() {
    let bench = Bench::new(&padded(reviews(300)), false);
    let params = json!({"task": "binary", "optimizer": {"sgd": {"lr": 1e-6}}, "epochs": 3});
    let result = bench.fitted("out", 1, params);
    let course = result["facts"]["course"].as_array().unwrap();
    let told = |begin: &str| {
        course
            .iter()
            .any(|text| text.as_str().unwrap().starts_with(begin))
    };
    assert!(told("flat: ") && told("under-fits: "), "{course:?}");
}

#[test]
fn rows_without_a_label_are_left_out_and_counted() {
    let mut reviews = padded(reviews(400));
    for review in reviews.iter_mut().skip(100).take(30) {
        review.score = None;
    }
    let result = Bench::new(&reviews, false).fitted("out", 1, json!({"epochs": 1}));
    assert_eq!(result["facts"]["examples_without_label"], 30);
    assert_eq!(result["rows_in"]["examples"], 400);
    assert_eq!(result["facts"]["examples_train"], 240 - 18);
}

#[test]
fn a_score_that_is_held_out_is_met_in_test_alone() {
    let mut reviews = padded(reviews(600));
    for review in reviews.iter_mut().step_by(3) {
        review.score = Some(5);
    }
    let bench = Bench::new(&reviews, false);
    let params = json!({"task": "regression", "seed": 3, "epochs": 1, "hold_out": [5]});
    bench.fitted("out", 1, params);
    let predictions = read(&bench, "predictions.parquet", &PREDICTIONS);
    let splits: &StringArray = column(&predictions, "split");
    let targets: &Float64Array = column(&predictions, "target");
    let with = |split: &str, score: f64| {
        let rows = 0..predictions.num_rows();
        let own = rows.filter(|&row| splits.value(row) == split && targets.value(row) == score);
        own.count()
    };
    for split in ["valid", "calib"] {
        assert_eq!(with(split, 5.0), 0, "{split}");
        assert!(with(split, 2.0) > 0, "{split}");
    }
    assert!(with("test", 5.0) > 0);
}
