#!/usr/bin/env python3
"""All figures of `predict serve`, beside `predict file` with the same bundle, threads and reviews.

    cargo build --release -p cinescore-serve --bins --examples
    python3 benchmarks/predict/serve.py --bundle artifacts/runs/ratings/net/bundle --reviews reviews.parquet

Prints JSON: the latency of one connection with reviews of about 230 words, the rate of 32 connections with the load
generator on the same machine, and a minute at twice the capacity (statuses, lost and wrong answers, memory over time, the stop
under load). Every answer is compared with what `predict file` says. `--reviews` is anything that `predict file` reads; some
ten thousand, so that its start hardly counts. On a machine that does other things, `--under "nice -n -15"` or `--under "chrt -f 10"`
(as root) has both sides run before them.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release"
PREDICT = PROGRAMS / "cinescore-predict"
LOAD = PROGRAMS / "examples" / "http-load"


UNDER = []


def load(address, texts, connections, seconds, rate=None):
    command = [*UNDER, LOAD, address, texts, "--connections", str(connections), "--seconds", str(seconds)]
    if rate:
        command += ["--rate", str(rate)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def memory(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--reviews", required=True)
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--threads", default=str((os.cpu_count() + 1) // 2))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--overload-seconds", type=float, default=60)
    parser.add_argument("--under", default="", help="a command that starts both sides, such as `nice -n -15`")
    asked = parser.parse_args()
    UNDER.extend(asked.under.split())
    shared = ["--bundle", asked.bundle, "--threads", asked.threads]
    figures = {"load_average": os.getloadavg()[0], "threads": asked.threads, "under": asked.under}
    with tempfile.TemporaryDirectory() as folder:
        rated = f"{folder}/rated.jsonl"
        began = time.monotonic()
        subprocess.run(
            [*UNDER, PREDICT, "file", asked.reviews, "-o", rated, "--text-column", asked.text_column, *shared],
            check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        took = time.monotonic() - began
        rows = [json.loads(line) for line in open(rated)]
        rows = [{"text": row[asked.text_column], "rating": row["rating"]} for row in rows]
        figures["file"] = {"reviews": len(rows), "per_s_whole_process": len(rows) / took}
        texts, middle = f"{folder}/all.jsonl", f"{folder}/middle.jsonl"
        pathlib.Path(texts).write_text("".join(json.dumps(row) + "\n" for row in rows))
        close = [row for row in rows if 220 <= len(row["text"].split()) <= 240]
        pathlib.Path(middle).write_text("".join(json.dumps(row) + "\n" for row in close))

        server = subprocess.Popen(
            # A queue shorter than the connections of the overload, so that it fills.
            [*UNDER, PREDICT, "serve", *shared, "--bind", "127.0.0.1:0", "--log", "warn", "--queue", "128"],
            stdout=subprocess.PIPE, text=True,
        )
        try:
            address = server.stdout.readline().strip().removeprefix("http://").rstrip("/")
            load(address, middle, 1, 2)
            figures["one_connection"] = load(address, middle, 1, asked.seconds)
            # `predict file` once more between the halves, so that what else the machine does meets both.
            first = load(address, texts, 32, asked.seconds / 2)
            began = time.monotonic()
            again = f"{folder}/again.jsonl"
            subprocess.run(
                [*UNDER, PREDICT, "file", texts, "-o", again, "--prefix", "again_", *shared],
                check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )
            per_s = len(rows) / (time.monotonic() - began)
            second = load(address, texts, 32, asked.seconds / 2)
            figures["file"]["per_s_beside_the_server"] = per_s
            figures["connections_32"] = second
            rate = (first["rated_per_s"] + second["rated_per_s"]) / 2
            figures["connections_32"]["part_of_file"] = rate / per_s

            sizes, stop = [], threading.Event()

            def watch():
                while not stop.wait(1):
                    sizes.append(memory(server.pid))

            watcher = threading.Thread(target=watch)
            watcher.start()
            over = load(address, texts, 256, asked.overload_seconds, 2 * rate)
            stop.set()
            watcher.join()
            third = max(1, len(sizes) // 3)
            over["asked_per_s"] = sum(over["statuses"].values()) / over["seconds"]
            over["memory_mib"] = {
                "by_20_s": [round(max(sizes[at : at + 20])) for at in range(0, len(sizes), 20)],
                "first_third": max(sizes[:third]),
                "last_third": max(sizes[-third:]),
            }
            figures["twice_the_capacity"] = over
            with urllib.request.urlopen(f"http://{address}/readyz") as ready:
                over["ready_after"] = ready.status == 200
            runner = threading.Thread(target=lambda: subprocess.run(
                [*UNDER, LOAD, address, texts, "--connections", "32", "--seconds", "3"], capture_output=True))
            runner.start()
            time.sleep(1)
            server.send_signal(signal.SIGTERM)
            began = time.monotonic()
            figures["stop_under_load"] = {"exit_code": server.wait(60), "seconds": time.monotonic() - began}
            runner.join()
        finally:
            server.kill()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
