#!/usr/bin/env python3
"""Cinescore's ingest beside DuckDB, polars in Python, pandas and tar: the same jobs on the same files, alternating, each
in a process of its own, with the outputs compared row by row. The one command for all figures of ingest:

    python3 -m venv VENV && VENV/bin/pip install -r benchmarks/ingest/requirements.txt
    VENV/bin/python benchmarks/ingest/compare.py --program target/release/cinescore-ingest --work DIR

DIR keeps the data (made with `cinescore-ingest sample` at full size the first time, 500 MB, and the ratings unzipped,
0.7 GB) and the outputs. The real reviews are looked for in CINESCORE_DATA, by default ../shared/data; without them that
job is left out. Prints Markdown: CPU seconds (user and system), wall seconds and peak memory of the process, medians of
the rounds (pandas, which is slow and has one thread, runs once), and then each target with what was reached. CPU seconds
are what a shared machine measures well. About six minutes on two free cores.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import zipfile

MILLIONS = [1, 4, 13]
HERE = pathlib.Path(__file__).resolve().parent
FULL = ["--reviews", "50000", "--unlabelled", "50000", "--other-titles", "10000000", "--ratings", "26024289"]


def apart(function, *arguments):
    """What the function returns, called in a process of its own: the peak memory of a command that is started from
    here is at least what this process has, so this one must stay small."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


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
                with archive.open(f"ml-latest/{name}") as member, open(source / name, "wb") as file:
                    shutil.copyfileobj(member, file, 1 << 20)
    return source


def archive():
    """The archive of real reviews, if there is one."""
    folder = pathlib.Path(os.environ.get("CINESCORE_DATA", HERE.parents[2] / "shared" / "data"))
    found = sorted(folder.glob("aclImdb_v1*.tar.gz"))
    return found[0] if found else None


def ours(program, job, threads, source, work):
    out = work / "ours"
    if job == "reviews":
        command = [program, "reviews", "--out", str(out), "--threads", str(threads), "--aclimdb", str(archive())]
        return command, out / "reviews.parquet"
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


def same_reviews(table):
    """Whether the table has every review of the archive, as Python's own tar reader gives them."""
    import tarfile

    import polars as pl

    columns = pl.read_parquet(table, columns=["member", "split", "score", "text"]).iter_rows()
    ours = {member: row for member, *row in columns}
    differing = rows = 0
    with tarfile.open(archive(), "r|gz") as tar:
        for member in tar:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[1] in ("train", "test") and parts[3].endswith(".txt"):
                rows += 1
                score = int(parts[3][:-4].split("_")[1])
                row = ["unlabelled", None] if parts[2] == "unsup" else [parts[1], score]
                expected = row + [tar.extractfile(member).read().decode()]
                differing += ours.get("/".join(parts[1:])) != expected
    if rows != len(ours) or rows == 0:
        return f"{len(ours)} and {rows} rows"
    return "the same" if differing == 0 else f"{differing} of {rows} rows differ"


def growth(program, source, work):
    """Ratings by movie and day of ever more ratings."""
    print("\n| million ratings | CPU s | wall s | peak MB |\n|---|---|---|---|")
    size = (source / "ratings.csv").stat().st_size
    for million in MILLIONS + [None]:
        folder = work / f"ml-{million or 'all'}"
        if not folder.exists():
            folder.mkdir()
            for name in ("movies.csv", "links.csv"):
                os.link(source / name, folder / name)
            with open(source / "ratings.csv", "rb") as text, open(folder / "ratings.csv", "wb") as part:
                text.seek(size if million is None else size * million // 26)
                text.readline()
                subprocess.run(["head", "-c", str(text.tell()), str(source / "ratings.csv")], stdout=part, check=True)
        command = [program, "popularity", "--out", str(work / "ours"), "--threads", "2", "--movielens", str(folder)]
        figures = []
        for _ in range(3):
            subprocess.run(["rm", "-rf", str(work / "ours")], check=True)
            figures.append(run(command))
        cpu, wall, peak = (statistics.median(values) for values in zip(*figures))
        print(f"| {million or 26} | {cpu:.2f} | {wall:.2f} | {peak:.0f} |", flush=True)


def everything(program, source, work):
    """All sources at full size, joined."""
    subprocess.run(["rm", "-rf", str(work / "ours")], check=True)
    command = [program, "reviews", "--out", str(work / "ours"), "--threads", "2"]
    for name, file in (("aclimdb", "aclImdb_v1.tar.gz"), ("titles", "title.basics.tsv.gz"), ("movielens", "ml-latest.zip")):
        command += [f"--{name}", str(source / file)]
    cpu, wall, peak = run(command)
    print(
        f"\n100,000 reviews with 10 million titles and 26 million ratings, 2 threads: {cpu:.1f} CPU s, {wall:.1f} s, "
        f"{peak:.0f} MB (at most 500 MB: {'reached' if peak <= 500 else 'missed'})"
    )


def targets(figures):
    """What the project asks of these figures, and whether it is so."""
    print("\n| target | threads | reached | |\n|---|---|---|---|")
    asked = [("popularity", "DuckDB", 0.5, 600), ("titles", "polars", 0.9, 300), ("reviews", "tar", 1.5, None)]
    for (job, peer, most, peak), threads in ((row, threads) for row in asked for threads in (1, 2)):
        names = {"DuckDB": "duckdb"}
        ours, theirs = figures.get((job, threads, "Cinescore")), figures.get((job, threads, names.get(peer, peer)))
        if ours is None or theirs is None:
            continue
        ratio = ours[1] / theirs[1]
        verdict = "reached" if ratio <= most else "missed"
        print(f"| {job}: at most {most} times {peer}'s wall time | {threads} | {ratio:.2f} (CPU {ours[0] / theirs[0]:.2f}) | {verdict} |")
        if peak:
            verdict = "reached" if ours[2] <= peak else "missed"
            print(f"| {job}: at most {peak} MB | {threads} | {ours[2]:.0f} MB | {verdict} |")


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
    parser.add_argument("--jobs", nargs="+", default=["popularity", "titles", "reviews"])
    parser.add_argument("--peers", nargs="+", default=["duckdb", "polars", "pandas"])
    arguments = parser.parse_args()
    program, work = str(pathlib.Path(arguments.program).resolve()), arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    source = data(program, work)
    apart(ids, source)
    folder = source / "ml-latest"
    folder.mkdir(exist_ok=True)
    for name in ("ratings.csv", "movies.csv", "links.csv"):
        if not (folder / name).exists():
            os.link(source / name, folder / name)
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load} at the start\n")
    print("| job | threads | by | CPU s | wall s | peak MB | rows |")
    print("|---|---|---|---|---|---|---|")
    medians = {}
    for job in arguments.jobs:
        if job == "reviews" and archive() is None:
            print("no real reviews: set CINESCORE_DATA to a folder that has them", file=sys.stderr)
            continue
        for threads in arguments.threads:
            commands = {"Cinescore": ours(program, job, threads, source, work)}
            if job == "reviews":
                commands["tar"] = (["tar", "-xzOf", str(archive())], None)
            for peer in arguments.peers if job != "reviews" else []:
                out = work / f"{peer}-{job}.parquet"
                script = [sys.executable, str(HERE / "peers.py"), peer, job, str(threads), str(source), str(out)]
                commands[peer] = (script, out)
            figures = {name: [] for name in commands}
            # These take a second: more rounds cost nothing.
            for turn in range(arguments.rounds * (3 if job == "reviews" else 1)):
                for name, (command, _) in commands.items():
                    if name == "Cinescore":
                        subprocess.run(["rm", "-rf", str(work / "ours")], check=True)
                    if name != "pandas" or turn == 0:
                        figures[name].append(run(command))
            table = commands["Cinescore"][1]
            for name, rounds in figures.items():
                cpu, wall, peak = medians[job, threads, name] = [statistics.median(values) for values in zip(*rounds)]
                if name == "Cinescore":
                    rows = f"as Python's tarfile: {apart(same_reviews, table)}" if job == "reviews" else ""
                else:
                    rows = "" if name == "tar" else apart(same, job, table, commands[name][1])
                print(f"| {job} | {threads} | {name} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {rows} |", flush=True)
    targets(medians)
    if "popularity" in arguments.jobs:
        growth(program, source, work)
        everything(program, source, work)


if __name__ == "__main__":
    main()
