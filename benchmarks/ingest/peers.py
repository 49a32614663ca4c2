"""One job of `compare.py` done by one peer, in a process of its own: peers.py PEER JOB THREADS SOURCE OUT.

Jobs:
  popularity  SOURCE/ratings.csv -> movie_id, slot (days), count, share, sorted, zstd Parquet
  titles      SOURCE/title.basics.tsv.gz joined to the ids of SOURCE/ids.parquet, zstd Parquet
"""

import os
import sys

TITLES = "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres".split()


def duckdb_popularity(threads, source, out):
    import duckdb

    db = duckdb.connect()
    db.execute(f"set threads={threads}")
    db.execute(
        f"""copy (
          with counts as (
            select movieId as movie_id, cast(ceil("timestamp" / 86400.0) as uinteger) as slot, count(*) as count
            from read_csv('{source}/ratings.csv', header=true, columns={{
              'userId': 'INTEGER', 'movieId': 'INTEGER', 'rating': 'FLOAT', 'timestamp': 'BIGINT'}})
            group by 1, 2)
          select movie_id, slot, count, count / sum(count) over (partition by slot) as share
          from counts order by movie_id, slot
        ) to '{out}' (format parquet, compression zstd)"""
    )


def polars_popularity(threads, source, out):
    import polars as pl

    slot = ((pl.col("timestamp") + 86_399) // 86_400).cast(pl.UInt32).alias("slot")
    types = {"userId": pl.Int32, "movieId": pl.Int32, "rating": pl.Float32, "timestamp": pl.Int64}
    counts = pl.scan_csv(f"{source}/ratings.csv", schema=types).group_by("movieId", slot).agg(count=pl.len())
    counts = counts.collect(engine="streaming").lazy()
    totals = counts.group_by("slot").agg(total=pl.col("count").sum())
    table = (
        counts.join(totals, on="slot")
        .select(movie_id="movieId", slot="slot", count="count", share=pl.col("count") / pl.col("total"))
        .sort("movie_id", "slot")
    )
    table.collect(engine="streaming").write_parquet(out, compression="zstd")


def pandas_popularity(threads, source, out):
    import pandas as pd

    types = {"movieId": "int32", "timestamp": "int64"}
    ratings = pd.read_csv(f"{source}/ratings.csv", usecols=list(types), dtype=types, engine="c")
    ratings["slot"] = ((ratings.pop("timestamp") + 86_399) // 86_400).astype("uint32")
    counts = ratings.groupby(["movieId", "slot"], sort=True).size().rename("count").reset_index()
    counts["share"] = counts["count"] / counts.groupby("slot")["count"].transform("sum")
    counts.rename(columns={"movieId": "movie_id"}).to_parquet(out, compression="zstd", index=False)


def duckdb_titles(threads, source, out):
    import duckdb

    db = duckdb.connect()
    db.execute(f"set threads={threads}")
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in TITLES)
    db.execute(
        f"""copy (
          select ids.row, titles.* exclude (tconst)
          from '{source}/ids.parquet' ids left join read_csv('{source}/title.basics.tsv.gz', delim='\t', header=true,
            quote='', escape='', nullstr='\\N', columns={{{columns}}}) titles using (tconst)
          order by ids.row
        ) to '{out}' (format parquet, compression zstd)"""
    )


def polars_titles(threads, source, out):
    import polars as pl

    titles = pl.scan_csv(
        f"{source}/title.basics.tsv.gz", separator="\t", quote_char=None, null_values="\\N",
        schema={name: pl.String for name in TITLES},
    )
    ids = pl.scan_parquet(f"{source}/ids.parquet")
    table = ids.join(titles, on="tconst", how="left").drop("tconst").sort("row").collect(engine="streaming")
    table.write_parquet(out, compression="zstd")


def pandas_titles(threads, source, out):
    import csv

    import pandas as pd

    titles = pd.read_csv(
        f"{source}/title.basics.tsv.gz", sep="\t", quoting=csv.QUOTE_NONE, na_values=["\\N"], keep_default_na=False, dtype=str
    )
    ids = pd.read_parquet(f"{source}/ids.parquet")
    table = ids.merge(titles, on="tconst", how="left").drop(columns="tconst").sort_values("row")
    table.to_parquet(out, compression="zstd", index=False)


def main():
    peer, job, threads, source, out = sys.argv[1:]
    os.environ["POLARS_MAX_THREADS"] = threads
    os.environ["OMP_NUM_THREADS"] = threads
    globals()[f"{peer}_{job}"](int(threads), source, out)


main()
