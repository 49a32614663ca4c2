#!/usr/bin/env python3
"""The linear networks beside scikit-learn: the real stages, and the peer fitted and tested on the same reviews in the
same run.

    VENV/bin/python benchmarks/train/linear.py --programs target/release --data ../shared/data --work DIR

`nb_linear` beside naive-Bayes log-count ratios of 1-3-grams with a logistic regression (Wang and Manning, ACL 2012),
`linear_tfidf` beside ridge regression on tf-idf of 1-2-grams. Cinescore's stages divide the reviews: both learn from
`train`; Cinescore's epoch is chosen on `valid`, the peers' settings are scikit-learn's own; `test` is looked at once, here.
scikit-learn gets the texts and makes its own n-grams, as its users would. Prints a Markdown table. About 5 minutes.
"""

import argparse
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

import numpy
import pyarrow.parquet
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

NETWORKS = pathlib.Path(__file__).resolve().parent.parent.parent / "pipelines/networks"


def stage(programs, folder, program, kind, *given):
    out = folder / f"{program}-{kind}-{len(list(folder.iterdir()))}"
    shutil.rmtree(out, ignore_errors=True)
    command = [programs / f"cinescore-{program}", kind, "--out", out, *given]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr}")
    return out


def ours(programs, folder, reviews, network, bags, fit):
    bags = stage(programs, folder, "featurize", "bags", "--reviews", reviews / "reviews.parquet", *bags)
    trained = stage(
        programs, folder, "train", "fit", "--examples", bags / "bags.parquet", "--encoder", bags / "bags.json",
        "--network", NETWORKS / f"{network}.yaml", "--threads", "1", "--device", "cpu", *fit,
    )  # fmt: skip
    table = pyarrow.parquet.read_table(trained / "predictions.parquet").to_pydict()
    said = {
        review: value
        for review, split, value in zip(table["id"], table["split"], table["predicted"])
        if split == "test"
    }
    splits = pyarrow.parquet.read_table(bags / "bags.parquet", columns=["review_id", "split"]).to_pydict()
    return said, dict(zip(splits["review_id"], splits["split"])), json.loads((trained / "result.json").read_text())


def texts_of(reviews, splits):
    table = pyarrow.parquet.read_table(
        reviews / "reviews.parquet", columns=["review_id", "text", "score", "polarity"]
    ).to_pydict()
    parts = {"train": ([], [], [], []), "test": ([], [], [], [])}
    for row in zip(*(table[name] for name in ("review_id", "text", "score", "polarity"))):
        split = splits.get(row[0])
        if split in parts:
            for column, value in zip(parts[split], row):
                column.append(value)
    return parts["train"], parts["test"]


def naive_bayes(train, test):
    vectorizer = CountVectorizer(ngram_range=(1, 3), binary=True, token_pattern=r"\b\w+\b")
    seen, new = vectorizer.fit_transform(train[1]), vectorizer.transform(test[1])
    labels = numpy.array(train[3])
    counts = [seen[labels == label].sum(0) + 1 for label in (1, 0)]
    ratios = numpy.log((counts[0] / counts[0].sum()) / (counts[1] / counts[1].sum()))
    scale = lambda bags: csr_matrix(bags.multiply(ratios))
    model = LogisticRegression(solver="liblinear").fit(scale(seen), labels)
    return model.predict(scale(new))


def ridge(train, test):
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, token_pattern=r"\b\w+\b")
    model = Ridge().fit(vectorizer.fit_transform(train[1]), train[2])
    return model.predict(vectorizer.transform(test[1])).clip(1, 10)


def interval(differences):
    """The mean of paired differences, and 95 % of its bootstrap."""
    draw = random.Random(7)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(differences))) for _ in range(400))
    return f"{statistics.fmean(differences):+.4f} ({means[10]:+.4f} to {means[389]:+.4f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="where the programs lie")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="where Stanford's reviews lie")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for tables and trainings")
    arguments = parser.parse_args()
    programs, data = arguments.programs.resolve(), arguments.data.resolve()
    folder = arguments.work.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    one = lambda pattern: next(iter(sorted(data.glob(pattern))), data)
    reviews = stage(
        programs, folder, "ingest", "reviews", "--aclimdb", one("aclImdb*"), "--titles", one("title.basics*"),
        "--movielens", one("ml-*"),
    )  # fmt: skip

    said, splits, result = ours(
        programs, folder, reviews, "nb_linear",
        ["--ngrams", "3", "--size", "5000000", "--min-count", "1", "--values", "log_count_ratio"],
        ["--task", "binary", "--seed", "7", "--epochs", "4", "--optimizer", "{sgd: {lr: 1.0}}"],
    )  # fmt: skip
    train, test = texts_of(reviews, splits)
    truth = numpy.array(test[3])
    right = lambda values: (numpy.array(values) == truth).astype(float)
    network, peer = right([said[review] >= 0.5 for review in test[0]]), right(naive_bayes(train, test))
    print(f"\n{len(train[0])} training reviews, {len(test[0])} test reviews.\n")
    print("| network | figure | Cinescore | scikit-learn | difference (95 % interval) |\n|---|---|---|---|---|")
    print(
        f"| `nb_linear`, epoch {result['facts']['chosen_epoch']} of 4 | accuracy | {network.mean():.4f} | {peer.mean():.4f} | "
        f"{interval((network - peer).tolist())} |"
    )

    said, splits, result = ours(
        programs, folder, reviews, "linear_tfidf",
        ["--ngrams", "2", "--size", "400000", "--min-count", "2", "--values", "tf_idf"],
        ["--task", "regression", "--seed", "7", "--epochs", "3", "--optimizer", "{adam: {lr: 0.01}}"],
    )  # fmt: skip
    train, test = texts_of(reviews, splits)
    truth = numpy.array(test[2], dtype=float)
    network = (numpy.array([said[review] for review in test[0]]) - truth) ** 2
    peer = (ridge(train, test) - truth) ** 2
    print(
        f"| `linear_tfidf`, epoch {result['facts']['chosen_epoch']} of 3 | MSE, stars squared, both within 1 to 10 | "
        f"{network.mean():.3f} | {peer.mean():.3f} | {interval((network - peer).tolist())} |"
    )


if __name__ == "__main__":
    main()
