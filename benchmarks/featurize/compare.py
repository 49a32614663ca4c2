"""Cinescore's speed from text to padded ids beside plain Python, Keras, scikit-learn and Hugging Face's tokenizers.

    cargo build --release -p cinescore-featurize --example featurize-speed
    VENV/bin/python benchmarks/featurize/compare.py --work DIR

VENV has requirements.txt; CINESCORE_DATA names the folder of the real reviews. All fit a vocabulary of 20,000 ids on
the 25,000 training reviews and encode all reviews to lists of 500: lower case, white space. In each round every
program runs once, so that they share whatever else the machine does; the figures are medians. CPU seconds
(user and system) are of fitting and encoding alone, wall seconds and memory of the whole process. Plain Python must give
the very same ids. Keras takes the lower case of ASCII only, and both it and tokenizers know other white space, so the
share of equal ids is printed for these. Ids of equal counts at the vocabulary's end, which each program chooses in
its own way, count as unknown there. scikit-learn gives counts; its vocabulary is compared.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy

HERE = pathlib.Path(__file__).resolve().parent
PEERS = ["plain", "keras", "sklearn", "tokenizers"]
UNKNOWN = 2


def measured(command):
    """JSON of the last line, and wall seconds and peak megabytes of the process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed with {status}")
    result = json.loads(output.splitlines()[-1])
    return result, time.perf_counter() - begin, usage.ru_maxrss / 1024


def canonical(path, ranks):
    """The ids of a dump, as ranks of their tokens."""
    vocabulary = json.loads(path.with_suffix(".json").read_text())
    ids = numpy.fromfile(path.with_suffix(".ids"), dtype="<i4")
    table = numpy.array([ranks.get(token, UNKNOWN) for token in vocabulary])
    table[0] = 0
    return table[ids]


def compare_outputs(work, dumps):
    """What each program gave beside plain Python."""
    counts = json.loads((work / "plain.counts.json").read_text())
    least = min(counts.values())
    order = sorted((token for token in counts if counts[token] > least), key=lambda t: (-counts[t], t.encode()))
    ranks = {token: rank for rank, token in enumerate(order, 3)}
    wanted = canonical(work / "plain", ranks)
    for name in dumps:
        if name == "sklearn":
            own = set(json.loads((work / "sklearn.json").read_text()))
            missing = len(ranks.keys() - own)
            print(f"{name}: {missing} of {len(ranks)} words of plain Python's vocabulary are not in its own")
            continue
        found = canonical(work / name, ranks)
        equal = float((found == wanted).mean()) if len(found) == len(wanted) else 0.0
        print(f"{name}: {equal:.4%} of {len(wanted)} ids equal plain Python's")
        if name == "cinescore" and equal != 1.0:
            sys.exit("Cinescore's ids are not plain Python's")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
    parser.add_argument("--speed", default=target / "release/examples/featurize-speed")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for 300 MB of intermediate files")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    texts = work / "texts.bin"
    # In a process of its own: what this one has taken up counts as its children's.
    subprocess.run([sys.executable, HERE / "reviews.py", texts], check=True)

    def command(name, dump):
        if name.startswith("cinescore"):
            threads = "2" if name.endswith("2 threads") else "1"
            rest = ["whitespace"] + (["again"] if "again" in name else [])
            return [options.speed, texts, threads, "1", *rest, *([f"dump={work / 'cinescore'}"] if dump else [])]
        return [sys.executable, HERE / "peer_speed.py", texts, name, "1", *([work / name] if dump else [])]

    names = ["cinescore", "cinescore, 2 threads", "cinescore, dividing again", *PEERS]
    rows = {name: [] for name in names}
    for _round in range(options.rounds):
        for name in names:
            # Ours is short, so it runs more often.
            for _time in range(5 if name.startswith("cinescore") else 1):
                rows[name].append(measured(command(name, False)))

    def median(name, value):
        return statistics.median(value(*row) for row in rows[name])

    both = {
        name: median(name, lambda result, _wall, _peak: result["fit"]["cpu"] + result["encode"]["cpu"])
        for name in names
    }
    print(f"\nmedians of {options.rounds} rounds; seconds\n")
    print("| what | fit CPU | encode CPU | both CPU | ours is faster | both wall | process wall | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        cells = [
            median(name, lambda result, _wall, _peak: result["fit"]["cpu"]),
            median(name, lambda result, _wall, _peak: result["encode"]["cpu"]),
            both[name],
            both[name] / both["cinescore"],
            median(name, lambda result, _wall, _peak: result["fit"]["wall"] + result["encode"]["wall"]),
            median(name, lambda _result, wall, _peak: wall),
        ]
        peak = median(name, lambda _result, _wall, peak: peak)
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + f" | {peak:.0f} |")
    one = rows["cinescore"]
    speed = {
        what: statistics.median(result[size] / result[what]["cpu"] for result, _wall, _peak in one)
        for what, size in [("fit", "train_mb"), ("encode", "mb"), ("copy", "mb")]
    }
    print(f"\none core, MB/s: fitting {speed['fit']:.0f}, encoding {speed['encode']:.0f}, copying {speed['copy']:.0f}")
    walls = [
        median(name, lambda result, _wall, _peak: result["fit"]["wall"] + result["encode"]["wall"])
        for name in ("cinescore", "cinescore, 2 threads")
    ]
    print(f"2 threads are {walls[0] / walls[1]:.2f} times as fast as 1 (wall, fit and encode)\n")
    for name in ["cinescore", *PEERS]:
        measured(command(name, True))
    compare_outputs(work, ["cinescore", *PEERS])


main()
