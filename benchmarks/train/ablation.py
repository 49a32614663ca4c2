"""What each part of the recommended network adds, what its seeds differ by, and what more training reviews bring.

    VENV/bin/python benchmarks/train/ablation.py --run artifacts/runs/recommended --bin target/release --work DIR [--only NAME..]

`--run` is the folder of a finished run of pipelines/recommended.yaml, whose tables are read; VENV has pyarrow and numpy. Each row is one
training of `cinescore-train fit` with the pipeline's settings but for what its name says. Rows of fewer training reviews have linear
models of their own, of as many. How the settings were chosen is in benchmarks/CHOICES.md; nothing is to be chosen by the columns `test`. The last
columns compare the network's sentiment with that of logistic regression on naive Bayes' log-count ratios of 1-3-grams of all training reviews (`nb_linear`), on the same
test reviews (exact McNemar test, and a paired bootstrap interval of the difference), and give the wall time of the network's training, without that of the linear
models. Intervals are in the table of the run itself: these networks have none.
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
wide: {models}
members: {members}
layers: [relu, {{dropout: {dropout}}}]
head: {{dense: 8}}
"""
FULL = {
    "sizes": [1, 2, 3], "filters": 256, "members": 2, "word_dropout": 0.25, "dropout": 0.5, "seed": 7, "reviews": None,
    "views": ["words", "marks"], "classes": 200, "ngrams": 2, "ending": 60,
}  # fmt: skip
VOCABULARY = 20000
# The linear model that all are compared with.
LINEAR = FULL | {"views": ["words"], "classes": 0, "ngrams": 3, "ending": 0}
ROWS = {
    "full": {},
    "full, seed 8": {"seed": 8},
    "full, seed 9": {"seed": 9},
    "one network": {"filters": 128, "members": 1},
    "one of 256": {"members": 1},
    "no linear model": {"views": []},
    "one, words": {"views": ["words"]},
    "one, marks": {"views": ["marks"]},
    "no endings": {"ending": 0},
    "no word classes": {"classes": 0, "ngrams": 3},
    "one word": {"sizes": [1]},
    "no word dropout": {"word_dropout": 0},
    "no dropout": {"dropout": 0},
    "5000 reviews": {"reviews": 5000},
    "1000 reviews": {"reviews": 1000},
}
STARS = numpy.array([1, 2, 3, 4, 7, 8, 9, 10])


def run(program, kind, *arguments):
    command = [str(program), kind, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def table_of(options, settings):
    """The reviews, and how they are divided. Of few training reviews the usual tenth is `valid`."""
    reviews = settings["reviews"]
    limit = ["--valid", 0.03] if reviews is None else ["--train-reviews", reviews]
    return ["--reviews", options.run / "reviews/reviews.parquet", "--calib", 0, *limit]


def tokens(options, settings):
    reviews = settings["reviews"]
    if reviews is None:
        return options.run / "text"
    text = options.work / f"text-{reviews}-{VOCABULARY}"
    if not text.exists():
        length = ["--vocabulary", VOCABULARY, "--pad", "none", "--max-length", "null"]
        run(options.bin / "cinescore-featurize", "text", *table_of(options, settings), *length, "--out", text)
    return text


def linear(options, settings, view):
    """The linear model over one view of the texts: that of the run, or one that is fitted here."""
    names = ("reviews", "classes", "ngrams", "ending")
    if all(settings[name] == FULL[name] for name in names):
        return options.run / f"wide/tokenizer={view}"
    wide = options.work / "-".join(["wide", view, *(str(settings[name]) for name in names)])
    if not wide.exists():
        bags = options.work / "bags"
        shutil.rmtree(bags, ignore_errors=True)
        ngrams = ["--ngrams", settings["ngrams"], "--classes", settings["classes"], "--ending", settings["ending"]]
        values = ["--size", 4000000, "--min-count", 2, "--values", "log_count_ratio", "--norm", "l2"]
        table = [*table_of(options, settings), "--tokenizer", view]
        run(options.bin / "cinescore-featurize", "bags", *table, *ngrams, *values, "--out", bags)
        given = ["--examples", bags / "bags.parquet", "--encoder", bags / "bags.json", "--folds", options.run / "folds/folds.parquet"]
        run(options.bin / "cinescore-train", "wide", *given, "--threads", options.threads, "--out", wide)
        shutil.rmtree(bags)
    return wide


def signs(logits, reviews):
    """Whether a linear model calls each of some reviews positive."""
    table = pyarrow.parquet.read_table(logits).to_pydict()
    logit = dict(zip(table["review_id"], table["logit"]))
    return numpy.array([logit[review] for review in reviews]) > 0


def figures(predictions, logits):
    """Of a split's name: what a network and a linear model say of its reviews."""
    table = pyarrow.parquet.read_table(predictions).to_pydict()
    linear = signs(logits, table["id"])
    split = numpy.array(table["split"])
    target, mean = numpy.array(table["target"]), numpy.array(table["predicted"])
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
            "linear": linear[own] == truth,
            "mse": numpy.mean((mean[own] - target[own]) ** 2),
            "accuracy": numpy.mean(said == target[own]),
            "kappa": 1 - numpy.mean((said - target[own]) ** 2) / chance,
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
    print("| network | valid: sentiment | MSE | test: sentiment | MSE | accuracy of 8 | kappa | p | difference from nb_linear | s |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    reference = linear(options, LINEAR, "words") / "logits.parquet"
    for name, change in ROWS.items():
        if options.only and name not in options.only:
            continue
        settings = FULL | change
        text = tokens(options, settings)
        models = [linear(options, settings, view) for view in settings["views"]]
        out = options.work / "fit"
        shutil.rmtree(out, ignore_errors=True)
        network = options.work / "ablation.yaml"
        network.write_text(NETWORK.format(name="ablation", models=len(models), **settings))
        beside = [part for model in models for part in ("--wide", model / "bundle", "--logits", model / "logits.parquet")]
        begin = time.perf_counter()
        run(
            options.bin / "cinescore-train", "fit", "--examples", text / "tokens.parquet", "--encoder", text / "encoder.json",
            "--network", network, *beside, "--task", "classes", "--seed", settings["seed"], "--epochs", options.epochs, "--batch", 50,
            "--optimizer", "{adagrad: {lr: 0.05}}", "--schedule", "{cosine: {}}", "--threads", options.threads, "--out", out,
        )  # fmt: skip
        wall = time.perf_counter() - begin
        said = figures(out / "predictions.parquet", reference)
        valid, test = said["valid"], said["test"]
        p, low, high = paired(test["right"], test["linear"])
        print(
            f"| {name} | {valid['right'].mean():.4f} | {valid['mse']:.3f} | {test['right'].mean():.4f} | {test['mse']:.3f} | {test['accuracy']:.4f}"
            f" | {test['kappa']:.4f} | {p:.2g} | {test['right'].mean() - test['linear'].mean():+.4f} ({low:+.4f} to {high:+.4f}) | {wall:.0f} |",
            flush=True,
        )
    told = figures(options.run / "net/predictions.parquet", reference)["test"]
    print(f"\nnb_linear: {told['linear'].mean():.4f} of {len(told['linear'])} test reviews right")


if __name__ == "__main__":
    main()
