#!/usr/bin/env python3
"""The tutorial's LSTM, trained by Cinescore, by PyTorch and by Keras: the same reviews, one thread each, alternating,
every run in a process of its own.

    python3 -m venv VENV && VENV/bin/pip install -r benchmarks/train/requirements.txt
    VENV/bin/python benchmarks/train/speed.py --programs target/release --data ../shared/data --work DIR

DIR gets 100 MB. Prints Markdown tables: a step on a batch of 64 x 500 (7 pairs); an epoch with reviews of similar length
together, beside the peers' epochs of reviews padded to 500 (3 rounds), with the accuracy of each; peak memory; time
per review by size of batch, of ours and PyTorch's. About 15 minutes on two idle cores. Ours is read from `examples_per_sec` in `result.json`,
which leaves evaluation out; the peers time their loop. A ratio below 1 means that Cinescore is faster.
"""

import argparse
import json
import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = HERE.parent.parent / "pipelines/networks"
BATCH = 64
# Reviews of an epoch, and of the short table for single steps.
REVIEWS, VALID, STEPS = 7_600, 0.2, 14
# Of Student's distribution, for 95 % (two-sided) and the number of pairs.
STUDENT = {3: 4.303, 5: 2.776, 7: 2.447}


def run(command):
    """What a command says on stdout, its peak memory in MB, and its processor seconds."""
    read, write = os.pipe()
    # Of a child that is waited for by itself: GNU time is not everywhere.
    process = subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    with os.fdopen(read) as stream:
        said = stream.read()
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} failed:\n{errors[-3000:]}")
    return said, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


class Work:
    def __init__(self, arguments):
        self.programs, self.folder = arguments.programs.resolve(), arguments.work.resolve()
        self.data, self.number = arguments.data.resolve(), 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def stage(self, name, program, kind, *given):
        out = self.folder / name
        if not (out / "result.json").exists():
            shutil.rmtree(out, ignore_errors=True)
            run([self.programs / f"cinescore-{program}", kind, "--out", out, *given])
        return out

    def tables(self):
        one = lambda pattern: next(iter(sorted(self.data.glob(pattern))), self.data)
        reviews = self.stage(
            "reviews", "ingest", "reviews", "--aclimdb", one("aclImdb*"), "--titles", one("title.basics*"),
            "--movielens", one("ml-*"),
        )  # fmt: skip
        text = lambda name, count, *given: self.stage(
            name, "featurize", "text", "--reviews", reviews / "reviews.parquet", "--train-reviews", str(count),
            "--test-reviews", "64", *given,
        )  # fmt: skip
        few = math.ceil(BATCH * STEPS / (1 - VALID - 0.05))
        self.padded = text("padded", REVIEWS, "--valid", str(VALID))
        self.trimmed = text("trimmed", REVIEWS, "--valid", str(VALID), "--pad", "none")
        self.few = text("few", few, "--valid", "0.05", "--vocabulary", "5000")

    def ours(self, text, network, epochs=1, batch=BATCH):
        """The result of a training, its output folder, its peak memory and its processor seconds."""
        self.number += 1
        out = self.folder / f"fit-{self.number}"
        shutil.rmtree(out, ignore_errors=True)
        command = [
            self.programs / "cinescore-train", "fit", "--examples", text / "tokens.parquet", "--encoder",
            text / "encoder.json", "--network", NETWORKS / f"{network}.yaml", "--task", "binary", "--seed", "7",
            "--epochs", str(epochs), "--batch", str(batch), "--threads", "1", "--device", "cpu", "--out", out,
        ]  # fmt: skip
        _, memory, cpu = run(command)
        return json.loads((out / "result.json").read_text()), out, memory, cpu

    def peer(self, library, text, *given):
        said, memory, _ = run([sys.executable, HERE / "peer.py", library, text / "tokens.parquet", *given])
        return json.loads(said.splitlines()[-1]), memory


def secs_per_example(result):
    return 1 / result["performance"]["examples_per_sec"]


def ratio(pairs):
    """The geometric mean of the ratios and its 95 % interval."""
    logs = [math.log(ours / theirs) for ours, theirs in pairs]
    mean = statistics.fmean(logs)
    half = STUDENT[len(logs)] * statistics.stdev(logs) / math.sqrt(len(logs))
    return f"{math.exp(mean):.3f} ({math.exp(mean - half):.3f} to {math.exp(mean + half):.3f})"


def steps(work, pairs):
    names = {"ours": "**Cinescore**", "flush": "PyTorch, denormal numbers as 0", "torch": "PyTorch, as it comes"}
    secs, memories = {who: [] for who in names}, {who: [] for who in names}
    for pair in range(pairs):
        for who in list(names) if pair % 2 == 0 else list(names)[::-1]:
            if who == "ours":
                result, _, memory, _ = work.ours(work.few, "keras_lstm")
                secs[who].append(secs_per_example(result))
            else:
                given = ["--flush"] if who == "flush" else []
                told, memory = work.peer("torch", work.few, *given)
                secs[who].append(told["secs"][0] / told["examples"])
            memories[who].append(memory)
    print(f"\nA step on a batch of {BATCH} x 500, `keras_lstm`, one thread; median of {pairs}, ratio of pairs with its 95 % interval:\n")
    print("| by | a step | Cinescore's time in it (95 % interval) | peak MB |\n|---|---|---|---|")
    for who, name in names.items():
        share = "" if who == "ours" else ratio(list(zip(secs["ours"], secs[who])))
        step = 1000 * BATCH * statistics.median(secs[who])
        print(f"| {name} | {step:.0f} ms | {share} | {statistics.median(memories[who]):.0f} |")


def epochs(work, rounds):
    rows = {"ours": [], "torch": [], "keras": []}
    for turn in range(rounds):
        names = list(rows)
        for who in names[turn:] + names[:turn]:
            if who == "ours":
                result, *_ = work.ours(work.trimmed, "keras_lstm_masked")
                rows[who].append(secs_per_example(result))
            else:
                told, _ = work.peer(who, work.padded, *(["--flush"] if who == "torch" else []))
                rows[who].append(told["secs"][0] / told["examples"])
    count = result["facts"]["examples_train"]
    print(f"\nAn epoch of {count} reviews, one thread, median of {rounds}; the peers with denormal numbers as 0 (PyTorch) and as they come (Keras):\n")
    print("| by | reviews | an epoch | Cinescore's time in it (95 % interval) |\n|---|---|---|---|")
    for who, name in (("ours", "**Cinescore** | bucketed"), ("torch", "PyTorch | padded"), ("keras", "Keras | padded")):
        share = "" if who == "ours" else ratio(list(zip(rows["ours"], rows[who])))
        print(f"| {name} | {count * statistics.median(rows[who]):.1f} s | {share} |")


def accuracies(work, count):
    import pyarrow.parquet

    _, out, *_ = work.ours(work.trimmed, "keras_lstm_masked", count)
    table = pyarrow.parquet.read_table(out / "predictions.parquet").to_pydict()
    rows = [row for row, split in enumerate(table["split"]) if split == "valid"]
    right = lambda said: [(value >= 0.5) == (table["target"][row] >= 0.5) for row, value in zip(rows, said)]
    ours = right([table["predicted"][row] for row in rows])
    told, _ = work.peer("torch", work.padded, "--flush", "--epochs", str(count), "--evaluate")
    # As ours: the epoch with the lowest validation loss.
    clip = lambda value: min(max(value, 1e-7), 1 - 1e-7)
    loss = lambda said: -sum(
        math.log(clip(value if table["target"][row] >= 0.5 else 1 - value)) for row, value in zip(rows, said)
    )
    theirs = right(min(told["said"], key=loss))
    differences = [a - b for a, b in zip(ours, theirs)]
    draw = random.Random(7)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(rows))) for _ in range(1000))
    print(
        f"\nAccuracy on {len(rows)} validation reviews, best of {count} epochs: Cinescore, bucketed and masked, "
        f"{statistics.fmean(ours):.3f}; PyTorch, padded, {statistics.fmean(theirs):.3f}; difference "
        f"{statistics.fmean(differences):+.3f} ({means[25]:+.3f} to {means[974]:+.3f})."
    )


def sizes(work, rounds):
    batches = (16, 32, 64, 128, 256)
    rows = {batch: [] for batch in batches}
    for _ in range(rounds):
        for batch in batches:
            # All of the reviews: the first batch also pays for its memory.
            result, _, memory, cpu = work.ours(work.padded, "keras_lstm", batch=batch)
            count = result["facts"]["examples_train"]
            told, peers = work.peer("torch", work.padded, "--flush", "--batch", str(batch))
            theirs = told["secs"][0] / told["examples"], told["cpu_secs"][0] / told["examples"], peers
            rows[batch].append((secs_per_example(result), cpu / count, memory, *theirs))
    print(
        f"\nBy size of batch, `keras_lstm`, 500 words, an epoch of {count} reviews, one thread; milliseconds a review, median of {rounds}. "
        "Processor time is user and system; Cinescore's is of the whole process, with start and evaluation, PyTorch's of the epoch:\n"
    )
    print("| batch | Cinescore, wall | processor | peak MB | PyTorch, wall | processor | peak MB |\n|---|---|---|---|---|---|---|")
    for batch in batches:
        wall, cpu, memory, *theirs = [statistics.median(column) for column in zip(*rows[batch])]
        print(
            f"| {batch} | {1000 * wall:.2f} | {1000 * cpu:.2f} | {memory:.0f} "
            f"| {1000 * theirs[0]:.2f} | {1000 * theirs[1]:.2f} | {theirs[2]:.0f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="where the programs lie")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="where Stanford's reviews lie")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for tables and trainings")
    parser.add_argument("--pairs", type=int, choices=STUDENT, default=7, help="of single steps")
    parser.add_argument("--rounds", type=int, choices=STUDENT, default=3, help="of epochs and sizes")
    parser.add_argument("--epochs", type=int, default=3, help="for the accuracies; 0 for none")
    parser.add_argument("--only", choices=["steps", "epochs", "accuracies", "sizes"], action="append")
    arguments = parser.parse_args()
    work = Work(arguments)
    work.tables()
    wanted = arguments.only or ["steps", "epochs", "accuracies", "sizes"]
    if "steps" in wanted:
        steps(work, arguments.pairs)
    if "epochs" in wanted:
        epochs(work, arguments.rounds)
    if "accuracies" in wanted and arguments.epochs:
        accuracies(work, arguments.epochs)
    if "sizes" in wanted:
        sizes(work, arguments.rounds)


if __name__ == "__main__":
    main()
