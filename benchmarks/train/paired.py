"""Whether a network is better than others on the same test reviews: sentiment, stars and the eight scores, each pair by itself.

    VENV/bin/python benchmarks/train/paired.py artifacts/runs/recommended/net artifacts/runs/tutorial/net/* artifacts/runs/tutorial/linear ..

Each folder is an output folder of `train fit`, `baseline` or `evaluate` and holds `predictions.parquet`; the first is compared with each of the others on
the test reviews that both rate. VENV has pyarrow and numpy. Sentiment: the share of right ones, with the exact McNemar test. Stars: the mean squared error. Scores: the share of
exactly right ones of the eight, where both give each a probability. In brackets 95 % intervals of the differences by a paired bootstrap (2,000 resamples).
Nothing is to be chosen by these figures.
"""

import argparse
import math
import pathlib

import numpy
import pyarrow.parquet

STARS = numpy.array([1, 2, 3, 4, 7, 8, 9, 10])
# Stars above this are positive; no review of Stanford's has 5 or 6.
MIDDLE = 5.5


class Said:
    """What a folder's network says of the test reviews, by review."""

    def __init__(self, folder):
        self.name = folder.name.rpartition("=")[2] if "=" in folder.name else "/".join(folder.parts[-2:])
        table = pyarrow.parquet.read_table(folder / "predictions.parquet", filters=[("split", "==", "test")]).to_pydict()
        self.rows = {review: row for row, review in enumerate(table["id"])}
        self.target, self.value = (numpy.array(table[name], dtype=float) for name in ("target", "predicted"))
        given = table["probabilities"]
        eight = given and given[0] is not None and len(given[0]) == len(STARS)
        self.scores = numpy.array(given, dtype=float) if eight else None
        # A table does not name its task: of sentiment every truth is 0 or 1.
        self.binary = set(self.target) <= {0.0, 1.0}

    def positive(self, rows):
        if self.scores is not None:
            return self.scores[rows][:, STARS > MIDDLE].sum(1) >= 0.5
        return self.value[rows] >= (0.5 if self.binary else MIDDLE)

    def stars_error(self, rows):
        return None if self.binary else (self.value[rows].clip(1, 10) - self.target[rows]) ** 2

    def exact(self, rows):
        return None if self.scores is None else STARS[self.scores[rows].argmax(1)] == self.target[rows]


def interval(difference):
    draws = numpy.random.default_rng(0).integers(0, len(difference), (2000, len(difference)))
    return numpy.percentile(difference[draws].mean(1), [2.5, 97.5])


def mcnemar(ours, theirs):
    """The two-sided p value of the exact test."""
    only, other = int(numpy.sum(ours & ~theirs)), int(numpy.sum(~ours & theirs))
    count = only + other
    tail = sum(math.comb(count, index) for index in range(min(only, other) + 1)) / 2**count if count else 0.5
    return min(1.0, 2 * tail)


def told(p):
    return f"{p:.2g}" if p > 1e-300 else "under 1e-300"


def cell(ours, theirs, digits):
    if ours is None or theirs is None:
        return ""
    difference = ours.astype(float) - theirs.astype(float)
    low, high = interval(difference)
    return f"{theirs.mean():.{digits}f}: {difference.mean():+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=pathlib.Path)
    parser.add_argument("others", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    ours = Said(options.ours)
    print(f"theirs: `{ours.name}` less theirs\n")
    print("| | test reviews | sentiment | p | squared error of stars | accuracy of 8 scores |\n|---|---|---|---|---|---|")
    for folder in options.others:
        theirs = Said(folder)
        shared = sorted(ours.rows.keys() & theirs.rows.keys())
        if not shared:
            raise SystemExit(f"{folder}: rates no test review that {options.ours} rates")
        own, other = (numpy.array([said.rows[review] for review in shared]) for said in (ours, theirs))
        truth = ours.target[own] > (0.5 if ours.binary else MIDDLE)
        right, theirs_right = ours.positive(own) == truth, theirs.positive(other) == truth
        print(
            f"| `{theirs.name}` | {len(shared)} | {cell(right, theirs_right, 4)} | {told(mcnemar(right, theirs_right))} |"
            f" {cell(ours.stars_error(own), theirs.stars_error(other), 2)} | {cell(ours.exact(own), theirs.exact(other), 3)} |"
        )


if __name__ == "__main__":
    main()
