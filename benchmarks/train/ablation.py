"""What each part of the recommended network adds, what its seeds differ by, and what more training reviews bring.

    VENV/bin/python benchmarks/train/ablation.py --run artifacts/runs/recommended --bin target/release --work DIR [--only NAME..]

`--run` is the folder of a finished run of pipelines/recommended.yaml, whose tables are read; VENV has pyarrow and numpy. Each row is one
training of `cinescore-train fit` with the pipeline's settings but for what its name says. Rows of fewer training reviews have a linear
model of their own, of as many. Settings were chosen by the columns `valid`; the columns `test` come after, and nothing is chosen by them. The last
columns compare the sentiment with that of the linear model alone, on the same test reviews (exact McNemar test, and a paired
bootstrap interval of the difference), and give the wall time of the training.
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
FULL = {"sizes": [1, 2, 3], "filters": 128, "word_dropout": 0.25, "dropout": 0.5, "wide": "true", "seed": 7, "reviews": None}
ROWS = {
    "full": {},
    "full, seed 8": {"seed": 8},
    "full, seed 9": {"seed": 9},
    "no linear model": {"wide": "false"},
    "one word": {"sizes": [1]},
    "one and two words": {"sizes": [1, 2]},
    "no word dropout": {"word_dropout": 0},
    "no dropout": {"dropout": 0},
    "32 features": {"filters": 32},
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


def inputs(options, work, reviews):
    """The tables of a run, or those of fewer training reviews."""
    source = options.run
    if reviews is None:
        return {
            "tokens": source / "text/tokens.parquet",
            "encoder": source / "text/encoder.json",
            "wide": source / "wide/bundle",
            "logits": source / "wide/logits.parquet",
        }
    folder = work / f"reviews-{reviews}"
    if not folder.exists():
        featurize, train = options.bin / "cinescore-featurize", options.bin / "cinescore-train"
        table = ["--reviews", source / "reviews/reviews.parquet", "--train-reviews", reviews]
        text = ["--vocabulary", 30000, "--pad", "none", "--max-length", "null", "--out", folder / "text"]
        run(featurize, "text", *table, *text)
        bags = ["--ngrams", 3, "--size", 1000000, "--min-count", 2, "--values", "log_count_ratio", "--norm", "l2"]
        run(featurize, "bags", *table, *bags, "--out", folder / "bags")
        bags = ["--examples", folder / "bags/bags.parquet", "--encoder", folder / "bags/bags.json"]
        run(train, "wide", *bags, "--folds", source / "folds/folds.parquet", "--out", folder / "wide")
    return {
        "tokens": folder / "text/tokens.parquet",
        "encoder": folder / "text/encoder.json",
        "wide": folder / "wide/bundle",
        "logits": folder / "wide/logits.parquet",
    }


def figures(predictions, logits):
    """Of a split's name: what is said of its reviews."""
    table = pyarrow.parquet.read_table(predictions).to_pydict()
    linear = pyarrow.parquet.read_table(logits).to_pydict()
    linear = dict(zip(linear["review_id"], linear["logit"]))
    split = numpy.array(table["split"])
    target, mean = numpy.array(table["target"]), numpy.array(table["predicted"])
    lower, upper = numpy.array(table["lower"]), numpy.array(table["upper"])
    probability = numpy.array(table["probabilities"], dtype=float)
    beside = numpy.array([linear[review] for review in table["id"]]) > 0
    found = {}
    for name in ("valid", "test"):
        own = split == name
        truth = target[own] > 5
        said = STARS[probability[own].argmax(1)]
        # The mean squared difference of two independent draws, one of the truth and one of what is said.
        chance = numpy.mean(target[own] ** 2) + numpy.mean(said.astype(float) ** 2) - 2 * target[own].mean() * said.mean()
        found[name] = {
            "right": (probability[own][:, STARS > 5].sum(1) >= 0.5) == truth,
            "linear": beside[own] == truth,
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
    print("| network | valid: sentiment | MSE | test: sentiment | MSE | accuracy of 8 | kappa | coverage | width | linear model | p | difference | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name, change in ROWS.items():
        if options.only and name not in options.only:
            continue
        settings = FULL | change
        tables = inputs(options, options.work, settings["reviews"])
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
        said = figures(out / "predictions.parquet", tables["logits"])
        valid, test = said["valid"], said["test"]
        p, low, high = paired(test["right"], test["linear"])
        print(
            f"| {name} | {valid['right'].mean():.4f} | {valid['mse']:.3f} | {test['right'].mean():.4f} | {test['mse']:.3f} | {test['accuracy']:.4f}"
            f" | {test['kappa']:.4f} | {test['coverage']:.4f} | {test['width']:.2f} | {test['linear'].mean():.4f} | {p:.2g}"
            f" | {test['right'].mean() - test['linear'].mean():+.4f} ({low:+.4f} to {high:+.4f}) | {wall:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
