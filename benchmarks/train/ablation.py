"""What each part of the recommended network adds, what its seeds differ by, and what more training reviews bring.

    VENV/bin/python benchmarks/train/ablation.py --run artifacts/runs/recommended --bin target/release --work DIR [--only NAME..]

`--run` is the folder of a finished run of pipelines/recommended.yaml, whose tables are read; VENV has pyarrow and numpy. Each row is one
training of `cinescore-train fit` with the pipeline's settings but for what its name says. Rows of fewer training reviews have a linear
model of their own, of as many. How the settings were chosen is in benchmarks/RESULTS.md; nothing is to be chosen by the columns `test`. `beside` is the
sentiment of the linear model beside the network alone. The last columns compare the network's sentiment with that of logistic regression on naive Bayes' log-count
ratios of 1-3-grams of all training reviews (`nb_linear`), on the same test reviews (exact McNemar test, and a paired bootstrap interval of
the difference), and give the wall time of the network's training, without that of the linear model.
"""

import argparse
import math
import pathlib
import shutil
import subprocess
import time

import numpy
import pyarrow.parquet

NETWORK = """
name: {name}
input: {{kind: regions, sizes: {sizes}, filters: {filters}, word_dropout: {word_dropout}}}
wide: {wide}
layers: [relu, {{dropout: {dropout}}}]
head: {{dense: 8}}
"""
FULL = {"sizes": [1, 2, 3], "filters": 128, "word_dropout": 0.25, "dropout": 0.5, "wide": "true", "seed": 7, "reviews": None, "classes": 200, "ngrams": 2}
ROWS = {
    "full": {},
    "full, seed 8": {"seed": 8},
    "full, seed 9": {"seed": 9},
    "no linear model": {"wide": "false"},
    "no word classes": {"classes": 0, "ngrams": 3},
    "one word": {"sizes": [1]},
    "no word dropout": {"word_dropout": 0},
    "no dropout": {"dropout": 0},
    "512 features": {"filters": 512},
    "1000 reviews": {"reviews": 1000},
    "5000 reviews": {"reviews": 5000},
}
STARS = numpy.array([1, 2, 3, 4, 7, 8, 9, 10])


def run(program, kind, *arguments):
    command = [str(program), kind, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def inputs(options, work, settings):
    """The tables of a run, or those of fewer training reviews or other n-grams."""
    source = options.run
    reviews = settings["reviews"]
    run_text, run_wide = reviews is None, reviews is None and settings["classes"] == FULL["classes"]
    # Of few training reviews the usual tenth is `valid`.
    limit = ["--valid", 0.03] if reviews is None else ["--train-reviews", reviews]
    table = ["--reviews", source / "reviews/reviews.parquet", *limit]
    featurize, train = options.bin / "cinescore-featurize", options.bin / "cinescore-train"
    text = source / "text" if run_text else work / f"text-{reviews}"
    if not text.exists():
        run(featurize, "text", *table, "--vocabulary", 30000, "--pad", "none", "--max-length", "null", "--out", text)
    wide = source / "wide" if run_wide else work / f"wide-{reviews}-{settings['classes']}"
    if not wide.exists():
        bags = work / "bags"
        shutil.rmtree(bags, ignore_errors=True)
        kind = ["--ngrams", settings["ngrams"], "--classes", settings["classes"], "--size", 3000000, "--min-count", 2]
        run(featurize, "bags", *table, *kind, "--values", "log_count_ratio", "--norm", "l2", "--out", bags)
        tables = ["--examples", bags / "bags.parquet", "--encoder", bags / "bags.json", "--folds", source / "folds/folds.parquet"]
        run(train, "wide", *tables, "--out", wide)
        shutil.rmtree(bags)
    return {
        "tokens": text / "tokens.parquet",
        "encoder": text / "encoder.json",
        "wide": wide / "bundle",
        "logits": wide / "logits.parquet",
    }


def signs(logits, reviews):
    """Whether a linear model calls each of some reviews positive."""
    table = pyarrow.parquet.read_table(logits).to_pydict()
    logit = dict(zip(table["review_id"], table["logit"]))
    return numpy.array([logit[review] for review in reviews]) > 0


def figures(predictions, beside, linear):
    """Of a split's name: what a network, the linear model beside it and another one say of its reviews."""
    table = pyarrow.parquet.read_table(predictions).to_pydict()
    beside, linear = signs(beside, table["id"]), signs(linear, table["id"])
    split = numpy.array(table["split"])
    target, mean = numpy.array(table["target"]), numpy.array(table["predicted"])
    lower, upper = numpy.array(table["lower"]), numpy.array(table["upper"])
    probability = numpy.array(table["probabilities"], dtype=float)
    found = {}
    for name in ("valid", "test"):
        own = split == name
        truth = target[own] > 5
        said = STARS[probability[own].argmax(1)]
        # The mean squared difference of two independent draws, one of the truth and one of what is said.
        chance = numpy.mean(target[own] ** 2) + numpy.mean(said.astype(float) ** 2) - 2 * target[own].mean() * said.mean()
        found[name] = {
            "right": (probability[own][:, STARS > 5].sum(1) >= 0.5) == truth,
            "beside": beside[own] == truth,
            "linear": linear[own] == truth,
            "mse": numpy.mean((mean[own] - target[own]) ** 2),
            "accuracy": numpy.mean(said == target[own]),
            "kappa": 1 - numpy.mean((said - target[own]) ** 2) / chance,
            "coverage": numpy.mean((lower[own] <= target[own]) & (target[own] <= upper[own])),
            "width": numpy.mean(upper[own] - lower[own]),
        }
    return found


def paired(ours, theirs):
    """The p value of the exact McNemar test, and a 95 % interval of the difference of two accuracies."""
    only, other = int(numpy.sum(ours & ~theirs)), int(numpy.sum(~ours & theirs))
    count = only + other
    tail = sum(math.comb(count, index) for index in range(min(only, other) + 1)) / 2**count if count else 0.5
    difference = ours.astype(float) - theirs
    draws = numpy.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
    low, high = numpy.percentile(difference[draws].mean(1), [2.5, 97.5])
    return min(1.0, 2 * tail), low, high


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("run", "bin", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    print("| network | valid: sentiment | MSE | test: sentiment | MSE | accuracy of 8 | kappa | coverage | width | beside | p | difference from nb_linear | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    linear = inputs(options, options.work, FULL | ROWS["no word classes"])["logits"]
    for name, change in ROWS.items():
        if options.only and name not in options.only:
            continue
        settings = FULL | change
        tables = inputs(options, options.work, settings)
        out = options.work / "fit"
        shutil.rmtree(out, ignore_errors=True)
        network = options.work / "ablation.yaml"
        network.write_text(NETWORK.format(name="ablation", **settings))
        beside = ["--wide", tables["wide"], "--logits", tables["logits"]] if settings["wide"] == "true" else []
        begin = time.perf_counter()
        run(
            options.bin / "cinescore-train", "fit", "--examples", tables["tokens"], "--encoder", tables["encoder"],
            "--network", network, *beside, "--task", "classes", "--seed", settings["seed"], "--epochs", options.epochs, "--batch", 50,
            "--optimizer", "{adagrad: {lr: 0.05}}", "--schedule", "{cosine: {}}", "--threads", options.threads, "--out", out,
        )  # fmt: skip
        wall = time.perf_counter() - begin
        said = figures(out / "predictions.parquet", tables["logits"], linear)
        valid, test = said["valid"], said["test"]
        p, low, high = paired(test["right"], test["linear"])
        print(
            f"| {name} | {valid['right'].mean():.4f} | {valid['mse']:.3f} | {test['right'].mean():.4f} | {test['mse']:.3f} | {test['accuracy']:.4f}"
            f" | {test['kappa']:.4f} | {test['coverage']:.4f} | {test['width']:.2f} | {test['beside'].mean():.4f} | {p:.2g}"
            f" | {test['right'].mean() - test['linear'].mean():+.4f} ({low:+.4f} to {high:+.4f}) | {wall:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
