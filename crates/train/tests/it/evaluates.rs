//! A trained network says the same wherever it is asked.

use std::path::PathBuf;

use cinescore_artifact::task::{Shard, TaskInput, Work};
use serde_json::json;

use crate::synthetic::{Bench, IDS, padded, reviews};

#[test]
fn what_a_training_said_is_said_again_to_the_last_bit() {
    let head = |head: &str| {
        format!(
            "name: small\ninput: {{kind: tokens, mask: true, embedding: {{size: 8}}}}\n\
             layers: [{{gru: {{units: 8}}}}, {{pool: last}}]\nhead: {head}\n"
        )
    };
    for (task, network) in [
        ("binary", "{dense: 1}"),
        ("regression", "{dense: 1}"),
        ("ordinal", "{cumulative: 10}"),
    ] {
        let bench = Bench::new(&reviews(600), true);
        bench.write_network(&head(network));
        let optimizer = json!({"adam": {"lr": 0.01}});
        let fitted = bench.fitted(
            "fit",
            1,
            json!({"task": task, "epochs": 1, "optimizer": optimizer}),
        );
        for out in ["a", "b"] {
            let output = bench.asked("evaluate", "fit", out, json!({}));
            let result = bench.result(out, &output);
            assert_eq!(result["metrics"], fitted["metrics"], "{task}");
            for name in ["predictions.parquet", "metrics.parquet"] {
                let bytes = |folder: &str| fs_err::read(bench.path(folder).join(name)).unwrap();
                assert!(bytes("fit") == bytes(out), "{task}: {name} of {out}");
            }
        }
        let output = bench.asked(
            "evaluate",
            "fit",
            "train",
            json!({"splits": ["train", "test"]}),
        );
        let result = bench.result("train", &output);
        assert_eq!(result["rows_out"]["predictions"], 360 + 120);
        assert_eq!(result["metrics"]["test.mse"], fitted["metrics"]["test.mse"]);
    }
}

#[test]
fn shards_say_together_what_one_process_says() {
    let bench = Bench::new(&reviews(900), true);
    bench.write_network(
        "name: small\ninput: {kind: tokens, mask: true, embedding: {size: 8}}\n\
         layers: [{gru: {units: 8}}, {pool: last}]\nhead: {cumulative: 10}\n",
    );
    bench.fitted("fit", 1, json!({"task": "ordinal", "epochs": 1}));
    // Nine batches of three splits; the last of 11 shards have none.
    for count in [3, 11] {
        let bundle = || input("bundle", bench.path("fit").join("bundle"));
        let run = |out: &str, work: Work| {
            let mut command = bench.command_with(out, 1, json!({}), |task| {
                task.kind = "evaluate".to_owned();
                task.inputs.retain(|name, _| name == "examples");
                task.inputs.insert("bundle".to_owned(), vec![bundle()]);
                task.work = work;
            });
            let output = command.output().unwrap();
            bench.result(out, &output)
        };
        let whole = run(&format!("whole-{count}"), Work::Whole);
        let mut said = 0;
        let parts: Vec<TaskInput> = (0..count)
            .map(|index| {
                let out = format!("shard-{count}-{index}");
                let result = run(&out, Work::Shard(Shard { index, count }));
                said += result["rows_out"]["part"].as_u64().unwrap();
                input("part", bench.path(&out).join("part"))
            })
            .collect();
        assert_eq!(said, whole["rows_out"]["predictions"].as_u64().unwrap());
        let some = parts[1..].to_vec();
        let merged = run(&format!("merged-{count}"), Work::Merge { parts });
        assert_eq!(merged, whole);
        for name in ["predictions.parquet", "metrics.parquet"] {
            let bytes = |folder: &str| {
                let folder = bench.path(&format!("{folder}-{count}"));
                fs_err::read(folder.join(name)).unwrap()
            };
            assert!(
                bytes("whole") == bytes("merged"),
                "{name} of {count} shards"
            );
        }
        let mut command = bench.command_with("some", 1, json!({}), |task| {
            task.kind = "evaluate".to_owned();
            task.inputs.retain(|name, _| name == "examples");
            task.inputs.insert("bundle".to_owned(), vec![bundle()]);
            task.work = Work::Merge { parts: some };
        });
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(3));
    }
}

fn input(output: &str, path: PathBuf) -> TaskInput {
    TaskInput {
        label: format!("net.{output}"),
        output: Some(output.to_owned()),
        path,
        digest: None,
    }
}

#[test]
fn examples_that_it_cannot_be_asked_about_are_refused() {
    let bench = Bench::new(&padded(reviews(60)), false);
    bench.fitted("fit", 1, json!({"epochs": 1}));
    let test_only: Vec<_> = padded(reviews(60))
        .into_iter()
        .filter(|review| review.split == "test")
        .collect();
    bench.write_reviews(&test_only);
    let output = bench.asked("evaluate", "fit", "test", json!({}));
    assert_eq!(bench.result("test", &output)["rows_out"]["predictions"], 12);

    let refused = |params| {
        let output = bench.asked("evaluate", "fit", "out", params);
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text.trim_end().to_owned())
    };
    let (code, text) = refused(json!({"splits": ["valid", "train"]}));
    assert_eq!(code, Some(3));
    insta::assert_snapshot!(text, @r"
    error: there is nothing to evaluate: no example of train, valid has a label for task `regression`
    hint: name other `splits`
    ");
    let mut strange = test_only;
    strange[3].ids[13] = IDS as i32;
    bench.write_reviews(&strange);
    let (code, text) = refused(json!({}));
    assert_eq!(code, Some(3));
    insta::assert_snapshot!(text, @"error: review 3 has the id 12, and the encoder's ids end at 11: they do not belong together");
}
