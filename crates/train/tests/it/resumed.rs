//! A training that stops and goes on, or is killed and run again, gives the bytes of one without the break.

use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::repeatable::bytes;
use crate::synthetic::{Bench, padded, reviews};

/// Parameters under which everything that a checkpoint holds matters: momenta, a learning rate that
/// follows the planned epochs, dropout (in the network), a best epoch that is not the last.
fn params(stop_after: Option<u32>) -> Value {
    json!({
        "task": "binary",
        "epochs": 9,
        "stop_after": stop_after,
        "optimizer": {"adamw": {"lr": 0.2}},
        "schedule": {"cosine": {"least": 0.001}},
        "clip": 1.0,
    })
}

fn assert_same(bench: &Bench, out: &str, other: &str) {
    for (found, expected) in bytes(&bench.path(out))
        .iter()
        .zip(bytes(&bench.path(other)))
    {
        assert!(*found == expected, "`{}` differs", found.0);
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn rungs_of_a_training_equal_the_whole_of_it_bit_for_bit() {
    for mask in [false, true] {
        // Labels of other reviews: what is learned of them makes the validation loss rise soon.
        let mut reviews = if mask {
            reviews(300)
        } else {
            padded(reviews(300))
        };
        let polarities: Vec<_> = reviews.iter().map(|review| review.polarity).collect();
        for (index, review) in reviews.iter_mut().enumerate() {
            review.polarity = polarities[(index * 7 + 3) % polarities.len()];
        }
        let bench = Bench::new(&reviews, mask);
        let whole = bench.fitted("whole", 1, params(Some(9)));
        assert_eq!(whole["facts"]["over"], true);
        // Otherwise the best weights of a rung before are not put to the test.
        let chosen = whole["facts"]["chosen_epoch"].as_u64().unwrap();
        assert!(chosen <= 3, "{chosen}");

        let first = bench.fitted("rung1", 1, params(Some(1)));
        assert_eq!(
            (&first["facts"]["epochs"], &first["facts"]["over"]),
            (&json!(1), &json!(false))
        );
        let second = bench.fit_from("rung1", "rung3", params(Some(3)));
        let second = bench.result("rung3", &second);
        assert_eq!(second["facts"]["epochs"], 3);
        let third = bench.fit_from("rung3", "rung9", params(Some(9)));
        assert!(text(&third).contains("going on after epoch 3 of 9"));
        let third = bench.result("rung9", &third);
        assert_same(&bench, "rung9", "whole");
        let best = |out: &str| fs_err::read(bench.path(out).join("checkpoint/best.safetensors"));
        assert_eq!(best("rung9").unwrap(), best("whole").unwrap());
        // Where nothing was to be stopped nothing is kept to go on with.
        bench.fitted("one-go", 1, params(None));
        assert!(best("one-go").is_err());
        let refused = bench.fit_from("one-go", "refused", params(None));
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused).contains("was made to its end in one go, and keeps no weights"));
        assert_eq!(third["metrics"], whole["metrics"]);
        assert_eq!(third["facts"], whole["facts"]);

        // A rung equals a training that stops there without one before it.
        bench.fitted("stopped", 1, params(Some(3)));
        assert_same(&bench, "rung3", "stopped");
        for name in ["weights", "optimizer"] {
            let read = |out: &str| {
                let file = format!("{out}/checkpoint/{name}.safetensors");
                fs_err::read(bench.path(&file)).unwrap()
            };
            assert_eq!(read("rung3"), read("stopped"), "{name}");
        }
    }
}

#[test]
fn running_means_are_part_of_a_checkpoint() {
    let bench = Bench::new(&reviews(300), true);
    bench.write_network(
        "name: small\ninput: {kind: whole, length: 20, scale: vocabulary}\n\
         layers: [one_step, {gru: {units: 8}}, {pool: last}, {dense: 6}, {leaky_relu: 0.01}, batch_norm]\n\
         head: {dense: 1}\n",
    );
    bench.fitted("whole", 1, params(None));
    bench.fitted("rung3", 1, params(Some(3)));
    let rest = bench.fit_from("rung3", "rest", params(None));
    bench.result("rest", &rest);
    assert_same(&bench, "rest", "whole");
    let weights = fs_err::read(bench.path("rung3/checkpoint/weights.safetensors")).unwrap();
    let name = b"layers.5.running_mean";
    assert!(weights.windows(name.len()).any(|bytes| bytes == name));
}

#[test]
fn a_training_that_is_over_makes_no_more_epochs() {
    let bench = Bench::new(&padded(reviews(200)), false);
    // At this rate the loss soon stops falling.
    let params = |stop_after: Option<u32>| {
        json!({"task": "binary", "epochs": 50, "stop_after": stop_after, "patience": 2,
               "optimizer": {"sgd": {"lr": 30.0, "momentum": 0.9}}})
    };
    let whole = bench.fitted("whole", 1, params(Some(50)));
    let facts = &whole["facts"];
    let (made, chosen) = (
        facts["epochs"].as_u64().unwrap(),
        facts["chosen_epoch"].as_u64().unwrap(),
    );
    assert_eq!(made, chosen + 2);
    assert!(made < 50);
    assert_eq!(facts["over"], true);
    let again = bench.fit_from("whole", "again", params(Some(40)));
    assert_eq!(bench.result("again", &again)["facts"], *facts);
    assert_same(&bench, "again", "whole");
}

#[test]
fn a_training_that_is_killed_goes_on_where_it_was() {
    let bench = Bench::new(&reviews(400), true);
    bench.fitted("whole", 2, params(None));
    let command = |out: &str| {
        bench.command_with(out, 2, params(None), |task| {
            task.persist = true;
            task.scratch_dir = bench.path("kept");
        })
    };
    // Killed after its second epoch, run again and killed after its fifth, run again to the end.
    for (run, epochs) in [2, 5].into_iter().enumerate() {
        let mut child = command(&format!("killed{run}"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let seen = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .any(|line| line.contains(&format!("epoch {epochs} of 9: ")));
        assert!(seen);
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
    }
    let folder = kept_folder(&bench);
    // As if it had been killed while it wrote the next one.
    fs_err::create_dir_all(folder.join("unfinished-epoch-6")).unwrap();
    fs_err::write(folder.join("unfinished-epoch-6/best.safetensors"), "half").unwrap();
    let last = command("last").output().unwrap();
    assert!(
        ["5", "6", "7", "8", "9"]
            .iter()
            .any(|epoch| text(&last).contains(&format!("going on after epoch {epoch} of 9"))),
        "{}",
        text(&last)
    );
    bench.result("last", &last);
    assert_same(&bench, "last", "whole");
    let left: Vec<String> = fs_err::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["epoch-9"]);
}

fn kept_folder(bench: &Bench) -> std::path::PathBuf {
    let folders: Vec<_> = fs_err::read_dir(bench.path("kept"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(folders.len(), 1);
    folders.into_iter().next().unwrap()
}

#[test]
fn a_kept_checkpoint_that_is_damaged_or_another_trainings_is_not_used() {
    let bench = Bench::new(&padded(reviews(200)), false);
    let run = |out: &str, params: Value| {
        let mut command = bench.command_with(out, 1, params, |task| {
            task.persist = true;
            task.scratch_dir = bench.path("kept");
        });
        command.output().unwrap()
    };
    let first = run("first", params(Some(2)));
    bench.result("first", &first);
    let path = kept_folder(&bench).join("epoch-2/weights.safetensors");
    let mut damaged = fs_err::read(&path).unwrap();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs_err::write(&path, &damaged).unwrap();
    let again = run("again", params(Some(2)));
    assert!(
        text(&again).contains("is damaged: its bytes are not those that were written"),
        "{}",
        text(&again)
    );
    assert_same(&bench, "again", "first");

    let mut other = params(Some(2));
    other["seed"] = 8.into();
    let other = run("other", other);
    assert!(!text(&other).contains("going on"), "{}", text(&other));
    bench.result("other", &other);
}

#[test]
fn another_trainings_checkpoint_is_refused_with_what_differs() {
    let bench = Bench::new(&padded(reviews(200)), false);
    bench.fitted("rung", 1, params(Some(2)));
    let refused = |out: &str, params: Value| {
        let output = bench.fit_from("rung", out, params);
        (
            output.status.code().unwrap(),
            text(&output)
                .replace(bench.path("").to_str().unwrap(), "")
                .trim_end()
                .to_owned(),
        )
    };
    let mut other = params(Some(3));
    other["epochs"] = 4.into();
    other["optimizer"] = json!({"adamw": {"lr": 0.1}});
    let (code, said) = refused("a", other);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r#"
    error: the checkpoint `rung/checkpoint` is of another training: `epochs` is 9 there and 4 here; `optimizer` is {"adamw":{"beta1":0.9,"beta2":0.999,"eps":1e-8,"lr":0.2,"wei… there and {"adamw":{"beta1":0.9,"beta2":0.999,"eps":1e-8,"lr":0.1,"wei… here
    hint: a training can go on with the same inputs and parameters only; `stop_after` alone may change
    "#);

    let (code, said) = refused("b", params(Some(1)));
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r"
    error: the checkpoint has 2 epochs, and this training is to stop after 1
    hint: raise `stop_after`
    ");

    let mut other = params(Some(3));
    other["network_params"] = json!({"units": 5});
    let (code, said) = refused("c", other);
    assert_eq!(code, 2);
    assert!(
        said.contains("is of another training: `network` is"),
        "{said}"
    );

    let path = bench.path("rung/checkpoint/optimizer.safetensors");
    fs_err::write(&path, "nothing").unwrap();
    let (code, said) = refused("d", params(Some(3)));
    assert_eq!(code, 3);
    insta::assert_snapshot!(said, @"error: `rung/checkpoint/optimizer.safetensors` is damaged: its bytes are not those that were written");
}
