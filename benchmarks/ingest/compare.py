#!/usr/bin/env python3
"""Cinescore's ingest beside DuckDB, polars in Python and pandas: the same jobs on the same files, alternating, each
in a process of its own, with the outputs compared row by row.

    python3 -m venv VENV && VENV/bin/pip install -r benchmarks/ingest/requirements.txt
    VENV/bin/python benchmarks/ingest/compare.py --program target/release/cinescore-ingest --work DIR

DIR keeps the data (made with `cinescore-ingest sample` at full size the first time, 500 MB, and the ratings unzipped,
0.7 GB) and the outputs. Prints a Markdown table: CPU seconds (user and system), wall seconds and peak memory of the
process, medians of the rounds. CPU seconds are what a shared machine measures well.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
FULL = ["--reviews", "50000", "--unlabelled", "50000", "--other-titles", "10000000", "--ratings", "26024289"]


def run(command):
    """CPU seconds, wall seconds and peak MB of a command, which must succeed."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: {errors.decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / 1024


def data(program, work):
    source = work / "source"
    if not source.exists():
        run([program, "sample", "--out", str(source), *FULL])
    if not (source / "ratings.csv").exists():
        with zipfile.ZipFile(source / "ml-latest.zip") as archive:
            for name in ("ratings.csv", "movies.csv", "links.csv"):
                (source / name).write_bytes(archive.read(f"ml-latest/{name}"))
    return source


def ours(program, job, threads, source, work):
    out = work / "ours"
    subprocess.run(["rm", "-rf", str(out)], check=True)
    kind = {"popularity": "popularity", "popularity-zip": "popularity", "titles": "reviews"}[job]
    command = [program, kind, "--out", str(out), "--threads", str(threads)]
    if job == "popularity":
        command += ["--movielens", str(source / "ml-latest")]
    elif job == "popularity-zip":
        command += ["--movielens", str(source / "ml-latest.zip")]
    else:
        command += ["--reviews", str(source / "ids.csv"), "--titles", str(source / "title.basics.tsv.gz")]
    return command, out / ("reviews.parquet" if job == "titles" else "popularity.parquet")


def same(job, a, b):
    """Whether two outputs hold the same rows; compared by DuckDB, which wrote neither of the two or one."""
    import duckdb

    if job != "titles":
        columns = "movie_id::INTEGER movie_id, slot::INTEGER slot, count::INTEGER count, share::DOUBLE share"
        left, right = f"select {columns} from '{a}'", f"select {columns} from '{b}'"
    else:
        left = f"""select split_part(member, ' ', 4)::INTEGER as row, title_type, primary_title, original_title,
          is_adult::INTEGER is_adult, start_year, end_year, runtime_minutes, array_to_string(genres, ',') genres from '{a}'"""
        right = f"""select row::INTEGER as row, "titleType" title_type, "primaryTitle" primary_title,
          "originalTitle" original_title, "isAdult"::INTEGER is_adult, "startYear"::INTEGER start_year,
          "endYear"::INTEGER end_year, "runtimeMinutes"::INTEGER runtime_minutes, genres from '{b}'"""
    db = duckdb.connect()
    counts = [db.execute(f"select count(*) from ({query})").fetchone()[0] for query in (left, right)]
    if counts[0] != counts[1] or counts[0] == 0:
        return f"{counts[0]} and {counts[1]} rows"
    # Both are sorted alike, so the rows are compared place by place.
    names = [column[0] for column in db.execute(f"{left} limit 0").description]
    differs = " or ".join(f"l.{name} is distinct from r.{name}" for name in names)
    order = "order by row" if job == "titles" else ""
    query = f"select count(*) from ({left} {order}) l positional join ({right} {order}) r where {differs}"
    differing = db.execute(query).fetchone()[0]
    return "the same" if differing == 0 else f"{differing} of {counts[0]} rows differ"


def ids(source):
    """50,000 ids of reviewed titles: a table of reviews for Cinescore, and a Parquet file for the others."""
    import duckdb

    if (source / "ids.csv").exists():
        return
    db = duckdb.connect()
    db.execute("select setseed(0.5)")
    db.execute(
        f"""create table ids as select row_number() over () as row, tconst from (
          select 'tt' || lpad((1 + floor(random() * 9900000))::BIGINT::VARCHAR, 7, '0') as tconst from range(50000))"""
    )
    db.execute(f"copy ids to '{source}/ids.parquet' (format parquet)")
    db.execute(f"copy (select 'x' as text, tconst from ids order by row) to '{source}/ids.csv' (header)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--jobs", nargs="+", default=["popularity", "titles"])
    parser.add_argument("--peers", nargs="+", default=["duckdb", "polars", "pandas"])
    arguments = parser.parse_args()
    program, work = str(pathlib.Path(arguments.program).resolve()), arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    source = data(program, work)
    ids(source)
    folder = source / "ml-latest"
    folder.mkdir(exist_ok=True)
    for name in ("ratings.csv", "movies.csv", "links.csv"):
        if not (folder / name).exists():
            os.link(source / name, folder / name)
    print("| job | threads | by | CPU s | wall s | peak MB | rows |")
    print("|---|---|---|---|---|---|---|")
    for job in arguments.jobs:
        for threads in arguments.threads:
            commands = {"Cinescore": ours(program, job, threads, source, work)}
            for peer in arguments.peers:
                out = work / f"{peer}-{job}.parquet"
                script = [sys.executable, str(HERE / "peers.py"), peer, job, str(threads), str(source), str(out)]
                commands[peer] = (script, out)
            figures = {name: [] for name in commands}
            for _ in range(arguments.rounds):
                for name, (command, _) in commands.items():
                    if name == "Cinescore":
                        subprocess.run(["rm", "-rf", str(work / "ours")], check=True)
                    figures[name].append(run(command))
            for name, rounds in figures.items():
                cpu, wall, peak = (statistics.median(values) for values in zip(*rounds))
                rows = "" if name == "Cinescore" else same(job, commands["Cinescore"][1], commands[name][1])
                print(f"| {job} | {threads} | {name} | {cpu:.1f} | {wall:.1f} | {peak:.0f} | {rows} |", flush=True)


main()
