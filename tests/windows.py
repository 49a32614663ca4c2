"""Windows over popularity by their definitions, in pandas: what `it/windows.rs` compares Cinescore's with.

Usage: windows.py ml-latest-small.zip > lines

Prints a line for each (movie, day) pair, `pair MOVIE DAY COUNT SHARE`, and for each window of three days in which the movie was
rated, `observed MOVIE DAY SHARE VALUE VALUE VALUE` (the share of the day, then those of the three days before, oldest first); and
of calendar quarters, of movies with 20 ratings and more by the end of the first 59 of 91 quarters, `calendar MOVIE QUARTER ..`
with the eight quarters before.
"""

import sys
import zipfile

import numpy
import pandas

DAY_SECS = 86_400


def ratings(path):
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("ratings.csv"))
        with archive.open(name) as file:
            return pandas.read_csv(file)


def counted(ratings, slots):
    """Count and share of each movie in each slot."""
    counts = ratings.groupby([ratings.movieId, slots.rename("slot")]).size().rename("count")
    totals = counts.groupby("slot").transform("sum")
    return pandas.DataFrame({"count": counts, "share": counts / totals}).sort_index()


def observed(shares, length):
    by_movie = shares.groupby("movieId")
    before = [by_movie.shift(back) for back in range(length, 0, -1)]
    return pandas.concat([shares, *before], axis=1).dropna()


def calendar(shares, movies, length):
    last = shares.index.get_level_values("slot").max()
    for movie in movies:
        own = shares.loc[movie]
        whole = own.reindex(range(own.index.min(), last + 1), fill_value=0.0).to_numpy()
        for at in range(length, len(whole)):
            yield movie, own.index.min() + at, whole[at], whole[at - length : at]


def main(path):
    table = ratings(path)
    days = numpy.ceil(table.timestamp / DAY_SECS).astype(int)
    by_day = counted(table, days)
    for (movie, day), row in by_day.iterrows():
        print("pair", movie, day, int(row["count"]), repr(float(row.share)))
    for (movie, day), row in observed(by_day.share, 3).iterrows():
        print("observed", movie, day, *(repr(float(value)) for value in row))
    # A slot holds its end: a rating at midnight is of the day before.
    dates = pandas.to_datetime(table.timestamp - 1, unit="s")
    quarters = (dates.dt.year - 1970) * 4 + dates.dt.quarter
    by_quarter = counted(table, quarters)
    last = quarters.min() + 59 - 1
    known = table[quarters <= last].groupby("movieId").size()
    movies = known[known >= 20].index
    for movie, quarter, share, past in calendar(by_quarter.share, movies, 8):
        print("calendar", movie, quarter, *(repr(float(value)) for value in [share, *past]))


main(sys.argv[1])
