#!/usr/bin/env python3
"""`ingest popularity` in one process, by DataFusion in one process, and by a Ballista cluster on this machine (one scheduler
and two executors of one core each), on the same ratings, alternating, with the tables compared byte by byte:

    make build ballista
    python3 benchmarks/ingest/ballista.py --programs target/release --work DIR [--copies 10]

DIR keeps the ratings: 26,024,289 of `cinescore-ingest sample` (0.7 GB), and with `--copies` as many times those, of other movies
(7 GB for 10; needs pyarrow). Prints Markdown: CPU seconds (user and system) of the command with what it starts, those of scheduler and executors, wall
seconds, peak memory of the largest process of the command, and the load of the machine before and after. CPU seconds are what a shared machine measures well.
"""

import argparse
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import scale

TICK = os.sysconf("SC_CLK_TCK")


class Cluster:
    """A scheduler and two executors of one core each on loopback."""

    def __init__(self, program, folder):
        ports = [self.port() for _ in range(7)]
        self.url = f"df://127.0.0.1:{ports[0]}"
        host = ["--bind-host", "127.0.0.1", "--external-host", "127.0.0.1"]
        self.nodes = []
        self.log = open(folder / "cluster.log", "wb")
        self.start([program, "scheduler", *host, "--bind-port", str(ports[0])], ports[0])
        for flight, grpc, health in (ports[1:4], ports[4:7]):
            work = tempfile.mkdtemp(dir=folder)
            command = [program, "executor", *host, "--scheduler-host", "127.0.0.1", "--scheduler-port", str(ports[0])]
            command += ["--bind-port", str(flight), "--bind-grpc-port", str(grpc), "--bind-health-port", str(health)]
            self.start([*command, "--vcores", "1", "--work-dir", work], flight)
        time.sleep(2)

    @staticmethod
    def port():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]

    def start(self, command, port):
        self.nodes.append(subprocess.Popen(command, stdout=self.log, stderr=self.log))
        for _ in range(600):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        sys.exit(f"{command} does not come up")

    def cpu(self):
        """CPU seconds of the nodes so far."""
        total = 0
        for node in self.nodes:
            fields = pathlib.Path(f"/proc/{node.pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def peak(self):
        """Peak memory of the largest node, MB."""
        lines = [line for node in self.nodes for line in pathlib.Path(f"/proc/{node.pid}/status").read_text().splitlines()]
        return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def end(self):
        for node in self.nodes:
            node.kill()
            node.wait()


def run(command, cluster):
    """CPU seconds of the command and its children, of the cluster, wall seconds, peak MB of the largest of them."""
    # In a process of its own: what `RUSAGE_CHILDREN` holds then is this command's alone.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        began = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.monotonic() - began
        text = f"{usage.ru_utime + usage.ru_stime} {wall} {usage.ru_maxrss / 1024} {done.returncode}\n"
        os.write(writer, text.encode() + done.stderr[-4000:])
        os._exit(0)
    os.close(writer)
    before = cluster.cpu()
    with open(reader, "rb") as pipe:
        figures, _, errors = pipe.read().partition(b"\n")
    os.waitpid(child, 0)
    cpu, wall, peak, code = figures.split()
    if int(code):
        sys.exit(f"{command}: {errors.decode()}")
    return float(cpu), cluster.cpu() - before, float(wall), float(peak)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    programs = options.programs.resolve()
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
    ingest = str(programs / "cinescore-ingest")
    movielens = scale.copied(scale.sample(ingest, work), work, options.copies)

    table = work / f"table-{options.copies}"
    if not table.exists():
        subprocess.run([ingest, "ratings", "--out", str(table), "--movielens", str(movielens)], check=True, stdout=subprocess.DEVNULL)
    ratings = table / "ratings.parquet"
    with tempfile.TemporaryDirectory(dir=work) as folder:
        cluster = Cluster(str(programs / "cinescore-ballista"), pathlib.Path(folder))
        ways = {
            "one process, CSV": None,
            "DataFusion in one process, CSV to Parquet first": "{url: in-process}",
            "Ballista, CSV to Parquet first": f"{{url: '{cluster.url}'}}",
            "Ballista, ratings there as Parquet": f"{{url: '{cluster.url}', ratings: '{ratings}'}}",
        }
        figures = {way: [] for way in ways}
        expected = None
        print(f"load before: {os.getloadavg()}")
        try:
            for _ in range(options.rounds):
                for way, engine in ways.items():
                    out = pathlib.Path(folder) / "out"
                    command = [ingest, "popularity", "--out", str(out), "--threads", "2", "--movielens", str(movielens)]
                    if engine:
                        command += ["--engine", f"{{ballista: {engine}}}"]
                    figures[way].append(run(command, cluster))
                    bytes_found = (out / "popularity.parquet").read_bytes()
                    if expected not in (None, bytes_found):
                        sys.exit(f"{way}: the table differs")
                    expected = bytes_found
                    shutil.rmtree(out)
            peak = cluster.peak()
        finally:
            cluster.end()
    print(f"load after: {os.getloadavg()}")
    print("\n| way | CPU s | of the nodes, CPU s | wall s | peak MB |\n|---|---|---|---|---|")
    for way, rounds in figures.items():
        own, nodes, wall, most = (statistics.median(values) for values in zip(*rounds))
        print(f"| {way} | {own:.1f} | {nodes:.1f} | {wall:.1f} | {most:.0f} |")
    print(f"\nall tables are the same bytes; peak of the largest node: {peak:.0f} MB; medians of {options.rounds}")


if __name__ == "__main__":
    main()
