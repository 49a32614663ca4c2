#!/usr/bin/env python3
"""Times what a runner does besides running: nothing, a changed parameter, a large file, many files.

Cinescore beside DVC, Snakemake and make, in the same run on the same files, so that a busy machine is busy for
all of them. Prints a Markdown table of wall and processor times, and of the peak memory of one more run (GNU time).

    cargo build --release -p cinescore-cli --bins --examples
    python3 -m venv VENV && VENV/bin/pip install 'dvc==3.67.*' 'snakemake==9.27.*'
    cargo install b3sum --root VENV
    benchmarks/runner/files_and_noop.py --programs target/release --venv VENV --scratch DIR

The stages are the toy stage of the runner's tests and small shell commands for the others. DIR gets 1.3 GB.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import time

FILES, FOLDERS = 50_000, 100
GIGABYTE = 1 << 30


class Timed:
    def __init__(self):
        self.wall, self.cpu, self.memory = [], [], None

    def add(self, command, folder, environment):
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        self.wall.append(time.perf_counter() - began)
        if status != 0:
            raise SystemExit(f"{command} in {folder} failed:\n{said}")
        self.cpu.append(usage.ru_utime + usage.ru_stime)
        return said

    def peak(self, command, folder, environment):
        """One more run for its memory: what this process itself takes would else count as the child's."""
        under = ["/usr/bin/time", "--format", "%M", *command]
        said = subprocess.run(under, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        self.memory = int(said.stderr.split()[-1]) / 1000

    def row(self, what, who):
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        memory = "" if self.memory is None else f"{self.memory:.0f} MB"
        return f"| {what} | {who} | {show(wall)} | {show(min(self.wall))} | {show(cpu)} | {memory} | {len(self.wall)} |"


def show(seconds):
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Runner:
    """One of the runners, with a folder of its own."""

    def __init__(self, name, command, folder, environment):
        self.name, self.command, self.folder, self.environment = name, command, folder, environment

    def run(self, timed):
        return timed.add(self.command, self.folder, self.environment)

    def four_stages(self, word):
        """a -> b -> c -> d, each a line more; `word` is what c adds."""
        if self.name == "Cinescore":
            stages = ["a: {run: toy write, params: {text: a}}"]
            for above, stage in zip("abc", "bcd"):
                text = word if stage == "c" else stage
                stages.append(f"{stage}: {{run: toy write, inputs: {{from: {above}}}, params: {{text: {text}}}}}")
            write(self.folder / "pipelines/demo.yaml", "version: 1\nstages:\n  " + "\n  ".join(stages) + "\n")
        elif self.name == "DVC":
            text = "stages:\n  a:\n    cmd: echo a > a\n    outs: [a]\n"
            for above, stage in zip("abc", "bcd"):
                add = "${word}" if stage == "c" else stage
                params = "    params: [word]\n" if stage == "c" else ""
                text += f"  {stage}:\n    cmd: cat {above} > {stage} && echo {add} >> {stage}\n"
                text += f"    deps: [{above}]\n{params}    outs: [{stage}]\n"
            write(self.folder / "dvc.yaml", text)
            write(self.folder / "params.yaml", f"word: {word}\n")
        elif self.name == "Snakemake":
            write(self.folder / "config.yaml", f"word: {word}\n")
            text = 'configfile: "config.yaml"\nrule all:\n    input: "d"\n'
            text += 'rule a:\n    output: "a"\n    shell: "echo a > {output}"\n'
            for above, stage in zip("abc", "bcd"):
                add = "{params.word}" if stage == "c" else stage
                params = '    params: word=config["word"]\n' if stage == "c" else ""
                text += f'rule {stage}:\n    input: "{above}"\n    output: "{stage}"\n{params}'
                text += f'    shell: "cat {{input}} > {{output}} && echo {add} >> {{output}}"\n'
            write(self.folder / "Snakefile", text)
        else:
            text = "d: c\n\tcat c > d && echo d >> d\nc: b word\n\tcat b word > c\n"
            text += "b: a\n\tcat a > b && echo b >> b\na:\n\techo a > a\n"
            write(self.folder / "Makefile", text)
            write(self.folder / "word", word + "\n")

    def one_input(self, path):
        """One stage that looks at a file or a folder."""
        if self.name == "Cinescore":
            text = f"version: 1\nstages:\n  a: {{run: toy folder, inputs: {{from: {path}}}}}\n"
            write(self.folder / "pipelines/demo.yaml", text)
        else:
            text = f"stages:\n  a:\n    cmd: ls {path} | wc -l > a\n    deps: [{path}]\n    outs: [a]\n"
            write(self.folder / "dvc.yaml", text)

    def forget(self):
        """As if nothing had ever been run or hashed."""
        for name in ("artifacts", ".dvc", "dvc.lock", "a"):
            path = self.folder / name
            if path.is_dir():
                subprocess.run(["chmod", "-R", "u+w", path], check=True)
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
        # DVC remembers what it hashed outside the project.
        shutil.rmtree(self.folder / "site-cache", ignore_errors=True)
        if self.name == "DVC":
            begin = [self.command[0], "init", "--no-scm", "--quiet"]
            subprocess.run(begin, cwd=self.folder, env=self.environment, check=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--programs", type=pathlib.Path, required=True, help="the folder of `cinescore`")
    arguments.add_argument("--venv", type=pathlib.Path, required=True, help="where dvc, snakemake and b3sum are")
    arguments.add_argument("--scratch", type=pathlib.Path, required=True, help="a folder for 1.3 GB")
    arguments.add_argument("--times", type=int, default=5, help="how often each short measurement is made")
    given = arguments.parse_args()
    programs, binaries = given.programs.resolve(), (given.venv / "bin").resolve()
    scratch = given.scratch.resolve()

    def runner(name, *command):
        folder = scratch / name
        if folder.exists():
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        path = f"{programs / 'examples'}:{binaries}:{os.environ['PATH']}"
        environment = dict(os.environ, PATH=path, DVC_NO_ANALYTICS="1", DVC_SITE_CACHE_DIR=str(folder / "site-cache"))
        return Runner(name, [str(word) for word in command], folder, environment)

    cinescore = runner("Cinescore", programs / "cinescore", "run")
    dvc = runner("DVC", binaries / "dvc", "repro")
    snakemake = runner("Snakemake", binaries / "snakemake", "--cores", "1")
    make = runner("make", shutil.which("make"))
    runners = [cinescore, dvc, snakemake, make]

    print("| what | runner | wall, median | wall, least | processor | peak memory | times |")
    print("|---|---|---|---|---|---|---|")
    for one in runners:
        if one is dvc:
            one.forget()
        one.four_stages("word")
        one.run(Timed())
    noop = {one.name: Timed() for one in runners}
    changed = {one.name: Timed() for one in runners}
    for turn in range(given.times):
        for one in runners:
            one.run(noop[one.name])
    for one in runners:
        noop[one.name].peak(one.command, one.folder, one.environment)
    for turn in range(given.times):
        for one in runners:
            time.sleep(0.05)
            one.four_stages(f"word{turn}")
            one.run(changed[one.name])
    for what, timed in (("four stages, nothing to do", noop), ("changed parameter of the third stage", changed)):
        for one in runners:
            print(timed[one.name].row(what, one.name), flush=True)

    big = scratch / "big"
    if not big.exists() or big.stat().st_size != GIGABYTE:
        with big.open("wb") as file:
            for _ in range(GIGABYTE >> 20):
                file.write(os.urandom(1 << 20))
    many = scratch / "many"
    if not many.exists():
        for index in range(FILES):
            write(many / f"{index % FOLDERS:03}" / f"{index:05}.txt", f"file {index}\n" * 20)
    time.sleep(0.1)
    b3sum = Timed()
    for path, what in ((big, "a file of 1 GiB"), (many, "a folder of 50,000 files")):
        first = {one.name: Timed() for one in (cinescore, dvc)}
        again = {one.name: Timed() for one in (cinescore, dvc)}
        for _ in range(3):
            if path is big:
                b3sum.add([str(binaries / "b3sum"), str(big)], scratch, None)
            for one in (cinescore, dvc):
                one.forget()
                one.one_input(path)
                one.run(first[one.name])
                one.run(again[one.name])
        for one in (cinescore, dvc):
            one.forget()
            first[one.name].peak(one.command, one.folder, one.environment)
            again[one.name].peak(one.command, one.folder, one.environment)
        if path is big:
            print(b3sum.row(f"{what}, hashed", "b3sum"))
        for one in (cinescore, dvc):
            print(first[one.name].row(f"{what}, first", one.name))
            print(again[one.name].row(f"{what}, again", one.name), flush=True)
    inside = many / "007" / "00007.txt"
    inside.write_text(f"edited {time.time()}\n")
    said = cinescore.run(Timed())
    print(f"\nAn edit inside the folder is seen: {'1 stage was computed' in said}")


if __name__ == "__main__":
    main()
