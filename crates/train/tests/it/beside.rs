//! Networks that read what linear models say beside their own input.

use serde_json::{Value, json};

use crate::synthetic::{Bench as Tokens, reviews};
use crate::wide::{Bench, REVIEWS, said};

fn result(bench: &Bench, out: &str) -> Value {
    serde_json::from_slice(&fs_err::read(bench.path(out).join("result.json")).unwrap()).unwrap()
}

#[test]
fn a_network_reads_what_the_linear_model_says() {
    let bench = Bench::new();
    assert!(bench.wide("out").status.success());
    let tokens = Tokens::new(&reviews(REVIEWS), true);
    tokens.write_network(
        "name: small\ninput: {kind: regions, sizes: [1, 2], filters: 8}\nwide: true\nlayers: [relu]\nhead: {dense: 1}\n",
    );
    let params = || json!({"task": "binary", "epochs": 16, "optimizer": {"adagrad": {"lr": 0.1}}});
    let mut inputs = vec![
        ("examples", tokens.path("tokens.parquet")),
        ("encoder", tokens.path("encoder.json")),
        ("network", tokens.path("small.yaml")),
        ("logits", bench.path("out/logits.parquet")),
    ];
    let text = said(&bench.run("fit", "lacks", &inputs, params()));
    assert!(text.contains("the input `wide` is missing"), "{text}");
    inputs.push(("wide", bench.path("out/bundle")));
    let adam = json!({"task": "binary"});
    let text = said(&bench.run("fit", "adam", &inputs, adam));
    assert!(text.contains("whose gradients are sparse"), "{text}");
    let mut held = params();
    held["hold_out"] = json!([4]);
    let text = said(&bench.run("fit", "held", &inputs, held));
    assert!(text.contains("which know the scores"), "{text}");
    let output = bench.run("fit", "net", &inputs, params());
    assert!(output.status.success(), "{}", said(&output));
    let result = result(&bench, "net");
    // Its regions are what it learns from: here the bags are those of other reviews. Which of two words comes last can be
    // read off neighbours in many reviews, not in all.
    let accuracy = result["metrics"]["test.accuracy"].as_f64();
    assert!(accuracy.unwrap() > 0.7, "{result}");

    let asked = [
        ("bundle", bench.path("net/bundle")),
        ("examples", tokens.path("tokens.parquet")),
        ("logits", bench.path("out/logits.parquet")),
    ];
    let output = bench.run("evaluate", "again", &asked, json!({}));
    assert!(output.status.success(), "{}", said(&output));
    let read = |folder: &str| fs_err::read(bench.path(folder).join("predictions.parquet")).unwrap();
    assert_eq!(read("again"), read("net"));
    let text = said(&bench.run("evaluate", "without", &asked[..2], json!({})));
    assert!(text.contains("the input `logits` is missing"), "{text}");
    // The logits of another fit, of the same reviews in the same splits.
    assert!(bench.wide_with("other", &[3.0]).status.success());
    let other = || ("logits", bench.path("other/logits.parquet"));
    inputs.retain(|(name, _)| *name != "logits");
    inputs.push(other());
    let mixed = [asked[0].clone(), asked[1].clone(), other()];
    for text in [
        said(&bench.run("fit", "mixed", &inputs, params())),
        said(&bench.run("evaluate", "mixed", &mixed, json!({}))),
        said(&bench.run("explain", "mixed", &mixed, json!({"reviews": 3}))),
    ] {
        assert!(text.contains("are those of another linear model"), "{text}");
        assert!(text.contains("of one `train wide`"), "{text}");
    }
    // A table that others made need not say whose logits they are.
    bench.write_logits("logits.parquet", &bench.logits("out"));
    let others = ("logits", bench.path("logits.parquet"));
    let others = [asked[0].clone(), asked[1].clone(), others];
    let output = bench.run("evaluate", "others", &others, json!({}));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(read("others"), read("net"));
    let explained = bench.run("explain", "words", &asked, json!({"reviews": 3}));
    assert!(explained.status.success(), "{}", said(&explained));

    // The linear model goes with the bundle, and no other does.
    let manifest = bench.path("net/bundle/wide/bundle.json");
    let text = fs_err::read_to_string(&manifest).unwrap();
    fs_err::write(
        &manifest,
        text.replace("\"chosen_epoch\": 1", "\"chosen_epoch\": 2"),
    )
    .unwrap();
    let text = said(&bench.run("evaluate", "exchanged", &asked, json!({})));
    assert!(text.contains("is damaged or was exchanged"), "{text}");
}

#[test]
fn a_network_reads_what_two_linear_models_say_in_their_order() {
    let bench = Bench::new();
    for (out, l2) in [("first", 0.001), ("second", 3.0)] {
        assert!(bench.wide_with(out, &[l2]).status.success());
    }
    let tokens = Tokens::new(&reviews(REVIEWS), true);
    tokens.write_network(
        "name: small\ninput: {kind: regions, sizes: [1], filters: 8}\nwide: 2\nlayers: [relu]\nhead: {dense: 1}\n",
    );
    let params = json!({"task": "binary", "epochs": 2, "optimizer": {"adagrad": {"lr": 0.1}}});
    let bundle = |out: &str| ("wide", bench.path(out).join("bundle"));
    let logits = |out: &str| ("logits", bench.path(out).join("logits.parquet"));
    let own = [
        ("examples", tokens.path("tokens.parquet")),
        ("encoder", tokens.path("encoder.json")),
        ("network", tokens.path("small.yaml")),
    ];
    let fit = |out: &str, more: &[(&'static str, std::path::PathBuf)]| {
        bench.run("fit", out, &[&own[..], more].concat(), params.clone())
    };
    let both = [
        bundle("first"),
        bundle("second"),
        logits("first"),
        logits("second"),
    ];
    let output = fit("net", &both);
    assert!(output.status.success(), "{}", said(&output));
    // As many as the network says, and each with its own logits.
    for (out, inputs, message) in [
        (
            "one",
            &both[1..],
            "the network `small` has 2 linear models beside it (`wide`), and the input `wide` has 1",
        ),
        ("few", &both[..3], "and the input `logits` has 1"),
        (
            "turned",
            &[
                bundle("first"),
                bundle("second"),
                logits("second"),
                logits("first"),
            ],
            "are those of another linear model",
        ),
    ] {
        let text = said(&fit(out, inputs));
        assert!(text.contains(message), "{text}");
    }

    let asked = |logits: [(&'static str, std::path::PathBuf); 2]| {
        let inputs = [
            ("bundle", bench.path("net/bundle")),
            ("examples", tokens.path("tokens.parquet")),
        ];
        [&inputs[..], &logits].concat()
    };
    let output = bench.run(
        "evaluate",
        "again",
        &asked([logits("first"), logits("second")]),
        json!({}),
    );
    assert!(output.status.success(), "{}", said(&output));
    let read = |folder: &str| fs_err::read(bench.path(folder).join("predictions.parquet")).unwrap();
    assert_eq!(read("again"), read("net"));
    let turned = asked([logits("second"), logits("first")]);
    let text = said(&bench.run("evaluate", "other", &turned, json!({})));
    assert!(text.contains("are those of another linear model"), "{text}");
    let explained = asked([logits("first"), logits("second")]);
    let explained = bench.run("explain", "words", &explained, json!({"reviews": 3}));
    assert!(explained.status.success(), "{}", said(&explained));
    // Each of them decides: with the second one's logits turned round, other things are said.
    let own = bench.logits("second");
    bench.write_logits(
        "turned.parquet",
        &own.iter().map(|logit| -logit).collect::<Vec<_>>(),
    );
    let changed = asked([logits("first"), ("logits", bench.path("turned.parquet"))]);
    assert!(
        bench
            .run("evaluate", "changed", &changed, json!({}))
            .status
            .success()
    );
    assert_ne!(read("changed"), read("net"));
    assert!(bench.path("net/bundle/wide-2/bundle.json").is_file());
}
