#!/usr/bin/env python3
"""`ingest popularity` in one process as ratings grow, beside DataFusion 55, the engine of Ballista 55, in one process: each in a
process of its own, alternating, with the tables compared row by row:

    python3 -m venv VENV && VENV/bin/pip install pyarrow datafusion==55.0.0
    VENV/bin/python benchmarks/ingest/scale.py --program target/release/cinescore-ingest --work DIR [--copies 10] [--rounds 3]

DIR keeps the ratings: 26,024,289 of `cinescore-ingest sample` (0.7 GB), and with `--copies` so many times those: as many more users,
the same movies and days (7.2 GB for 10). Prints Markdown: CPU seconds (user and system), wall seconds and peak memory of the process, medians of the rounds, and the
load of the machine. CPU seconds are what a shared machine measures well. Both have two threads.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import zipfile

from compare import run

RATINGS = 26_024_289
SQL = """
select movie_id, slot, count, count / cast(sum(count) over (partition by slot) as double) as share from (
  select cast("movieId" as int) as movie_id, ("timestamp" + 86399) / 86400 as slot, count(*) as count
  from ratings group by 1, 2) order by movie_id, slot
"""


def sample(program, work):
    """A folder with the files of MovieLens."""
    archives, folder = work / "archives", work / "ml-1"
    if not folder.exists():
        command = [program, "sample", "--out", str(archives), "--reviews", "16", "--other-titles", "400000", "--ratings", str(RATINGS)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (work / "partial").mkdir()
        with zipfile.ZipFile(archives / "ml-latest.zip") as archive:
            for name in ("movies.csv", "ratings.csv"):
                with archive.open(f"ml-latest/{name}") as member, open(work / "partial" / name, "wb") as file:
                    shutil.copyfileobj(member, file, 1 << 20)
        (work / "partial").rename(folder)
    return folder


def copied(source, work, copies):
    """The same ratings so many times: as many more users, the same movies and days."""
    folder = work / f"ml-{copies}"
    if not (folder / "ratings.csv").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(source / "movies.csv", folder / "movies.csv")
        with open(folder / "partial", "wb") as file:
            for copy in range(copies):
                with open(source / "ratings.csv", "rb") as ratings:
                    header = ratings.readline()
                    if copy == 0:
                        file.write(header)
                    shutil.copyfileobj(ratings, file, 1 << 22)
        (folder / "partial").rename(folder / "ratings.csv")
    return folder


def datafusion_counts(ratings, out):
    """What this script does when it is the peer."""
    import datafusion

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(2))
    context.register_csv("ratings", ratings)
    context.sql(SQL).write_parquet(out)


def compare(ours, theirs):
    """Rows of both, which must be the same."""
    import pyarrow.parquet

    files = [pyarrow.parquet.ParquetFile(ours), pyarrow.parquet.ParquetFile(theirs)]
    if len({file.metadata.num_rows for file in files}) > 1:
        sys.exit(f"{[file.metadata.num_rows for file in files]} rows")
    columns = {"movie_id": "int64", "slot": "int64", "count": "int64", "share": "double"}
    batches = [file.iter_batches(1 << 20, columns=list(columns)) for file in files]
    for pair in zip(*batches, strict=True):
        for name, kind in columns.items():
            if not pair[0].column(name).cast(kind).equals(pair[1].column(name).cast(kind)):
                sys.exit(f"{name} differs")
    return files[0].metadata.num_rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without DataFusion, which needs several times the memory")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    movielens = copied(sample(options.program, work), work, options.copies)
    ours, theirs = work / "ours", work / "theirs.parquet"
    ways = {
        "`cinescore-ingest popularity`": [options.program, "popularity", "--out", str(ours), "--threads", "2", "--movielens", str(movielens)],
        "DataFusion 55": [sys.executable, __file__, "datafusion", str(movielens / "ratings.csv"), str(theirs)],
    }
    if options.alone:
        del ways["DataFusion 55"]
    figures = {way: [] for way in ways}
    print(f"{RATINGS * options.copies:,} ratings; load before: {os.getloadavg()}", flush=True)
    for _ in range(options.rounds):
        for way, command in ways.items():
            if str(ours) in command:
                shutil.rmtree(ours, ignore_errors=True)
            else:
                theirs.unlink(missing_ok=True)
            figures[way].append(run(command))
            print(f"{way}: {figures[way][-1]}", file=sys.stderr, flush=True)
    print(f"load after: {os.getloadavg()}\n\n| {options.rounds} rounds | CPU s | wall s | peak MB |\n|---|---|---|---|")
    for way, rounds in figures.items():
        cpu, wall, peak = (statistics.median(values) for values in zip(*rounds))
        print(f"| {way} | {cpu:.1f} | {wall:.1f} | {peak:.0f} |")
    if not options.alone:
        print(f"\nthe same {compare(ours / 'popularity.parquet', theirs):,} rows of both")
    shutil.rmtree(ours)
    theirs.unlink(missing_ok=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["datafusion"]:
        datafusion_counts(*sys.argv[2:4])
    else:
        main()
