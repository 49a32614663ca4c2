#!/usr/bin/env python3
"""What the law behind the sample's ratings expects of windows of `pipelines/popularity-sample.yaml`, beside what the
networks and baselines said.

    cargo run --release -p cinescore-ingest --example sample-law -- 7 16 0 20000 > law.csv
    VENV/bin/python benchmarks/popularity/oracle.py --run artifacts/runs/popularity-sample --law law.csv

The oracle knows each movie's weight, its day of release, the curve over its age and how many ratings users give, but not who
will rate what. Nobody rates a movie twice: of a user with k ratings in a slot's law, a movie with the weight w is rated with a
probability of 1 - exp(-c w), where c is such that k are expected; a movie's share is the mean over users. What is left of the
variance is chance that nobody can forecast, so the R² of the oracle is what there was to gain. The sample's last users begin in
September 2018, in the midst of the split `test`: after that few are left, who know the famous movies already, which the oracle
does not. So `calib` is looked at, on which nothing was chosen, and slots with few ratings are left out.
"""

import argparse
import pathlib

import numpy
import polars

YEAR_SECS = 365.2425 * 86_400
FLOOR, RISE, DECAY = 0.12, 0.08, 1.6
# Ratings of users: 20, and a log-normal number.
FEWEST, MEAN, DEVIATION = 20, 3.6, 1.1


def curve(age):
    age = numpy.asarray(age)
    risen = FLOOR + (1 - FLOOR) * (1 - numpy.exp(-age.clip(0) / RISE)) * numpy.exp(-age.clip(0) / DECAY)
    return numpy.where(age < 0, 0, risen)


def users(movies, parts=40):
    places = (numpy.arange(parts) + 0.5) / parts
    # Quantiles of the normal distribution by bisection, for want of scipy.
    from statistics import NormalDist

    normal = numpy.array([NormalDist().inv_cdf(place) for place in places])
    return numpy.minimum(FEWEST + numpy.exp(MEAN + DEVIATION * normal), movies / 6)


def shares(weights, sizes):
    """The expected share of each movie, of proposals with these weights, over users of these sizes."""
    expected = numpy.zeros(len(weights))
    for size in sizes:
        low, high = 0.0, 1.0
        while (1 - numpy.exp(-high * weights)).sum() < min(size, 0.99 * (weights > 0).sum()):
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            if (1 - numpy.exp(-middle * weights)).sum() < size:
                low = middle
            else:
                high = middle
        expected += 1 - numpy.exp(-high * weights)
    return expected / expected.sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="the views of the pipeline's results")
    parser.add_argument("--least", type=int, default=1000, help="ratings that a slot has for its windows to count")
    parser.add_argument("--split", default="calib", choices=["valid", "calib", "test"], help="whose windows count")
    parser.add_argument("--law", type=pathlib.Path, required=True, help="what `sample-law` printed")
    arguments = parser.parse_args()
    law = polars.read_csv(arguments.law)
    windows = polars.read_parquet(arguments.run / "windows" / "windows.parquet").filter(polars.col("split") == arguments.split)
    weight = law["weight"].to_numpy()
    released = 1970 + law["released_secs"].to_numpy() / YEAR_SECS
    place = {movie: index for index, movie in enumerate(law["movie_id"].to_list())}
    sizes = users(len(weight))
    said = numpy.zeros(len(windows))
    slots = windows["slot"].to_numpy()
    movies = numpy.array([place[movie] for movie in windows["movie_id"].to_list()])
    for slot in numpy.unique(slots):
        begin = 1970 + (slot - 1) / 4
        inside = begin + (numpy.arange(12) + 0.5) / 48
        curves = numpy.mean([curve(year - released) for year in inside], axis=0)
        own = slots == slot
        said[own] = shares(weight * curves, sizes)[movies[own]]
    target = windows["target"].to_numpy()
    last = windows["history"].list.last().to_numpy()
    totals = windows.filter(polars.col("count") > 0).group_by("slot").agg((polars.col("count") / polars.col("target")).max())
    full = totals.filter(polars.col("count") >= arguments.least - 0.5)["slot"].to_list()
    kept = numpy.isin(slots, full)
    target, last = target[kept], last[kept]
    deviation = ((target - target.mean()) ** 2).sum()

    def row(name, values):
        values = values[kept]
        r2 = 1 - ((values - target) ** 2).sum() / deviation
        mase = numpy.abs(values - target).sum() / numpy.abs(last - target).sum()
        print(f"{name:45} R2 {r2:7.4f}   MASE {mase:6.4f}")

    print(f"{kept.sum()} of {len(windows)} windows of {arguments.split}, in {len(full)} slots with {arguments.least} ratings and more")
    row("oracle", said)
    for path in sorted(arguments.run.glob("*/*/predictions.parquet")):
        if path.parent.parent.name in ("net", "baseline"):
            own = polars.read_parquet(path).filter(polars.col("split") == arguments.split)
            assert (own["id"].to_numpy() == windows["window_id"].to_numpy()).all()
            row(f"{path.parent.parent.name}[{path.parent.name}]", own["predicted"].to_numpy())


main()
