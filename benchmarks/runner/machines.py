#!/usr/bin/env python3
"""How far a trained stage's metrics move on other machines: for the tolerances that a pipeline declares.

Trains the same stage with LibTorch held to the instructions of older processors, with one thread and more, and
prints, for each metric, the value as the machine is and the largest distance from it.

    cinescore run -p demo
    benchmarks/runner/machines.py --program target/release/cinescore-train --view artifacts/runs/demo/net \
        --input network=pipelines/networks/keras_lstm.yaml

Reads the stage's parameters and inputs from its view, so that it trains what the pipeline trains.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

# ATen's own kernels, oneDNN's and MKL's: each chooses by the processor unless told.
OLDER = {
    "as it is": {},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "SSE4": {"ATEN_CPU_CAPABILITY": "default", "DNNL_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "MKL_CBWR=COMPATIBLE": {"MKL_CBWR": "COMPATIBLE"},
    "ATen alone": {"ATEN_CPU_CAPABILITY": "default"},
    "oneDNN alone": {"DNNL_MAX_CPU_ISA": "SSE41"},
}


def train(program, kind, stage, threads, setting):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        out.mkdir()
        task = dict(
            protocol=1,
            kind=kind,
            params=stage["params"],
            inputs=stage["inputs"],
            output_dir=str(out),
            scratch_dir=folder,
            threads=threads,
            device="cpu",
            persist=False,
        )
        file = pathlib.Path(folder) / "task.json"
        file.write_text(json.dumps(task))
        environment = dict(os.environ, **setting)
        subprocess.run([program, kind, "--task-file", file], env=environment, check=True, capture_output=True)
        return json.loads((out / "result.json").read_text())["metrics"]


def inputs(view, artifacts, given):
    """The files behind the digests of the stage's key: objects of the store, or a given network file."""
    found = {}
    for key in view["preimage"]["inputs"]:
        digest = key["digest"]
        stored = artifacts / "store/objects" / digest[:2] / digest
        path = stored if stored.exists() else given.get(key["input"])
        if path is None:
            raise SystemExit(f"name the file of the input with --input {key['input']}=FILE")
        label, output = key.get("label") or (key["input"], None)
        item = dict(label=label, output=output, path=str(pathlib.Path(path).resolve()), digest=digest)
        found.setdefault(key["input"], []).append(item)
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", type=pathlib.Path, required=True, help="cinescore-train")
    arguments.add_argument("--view", type=pathlib.Path, required=True, help="artifacts/runs/PIPELINE/STAGE")
    arguments.add_argument("--input", action="append", default=[], metavar="NAME=FILE", help="an input that is a file of yours")
    arguments.add_argument("--threads", default="2,1", help="numbers of threads; the first is what the others are compared with")
    given = arguments.parse_args()
    view = json.loads((given.view / "stage.json").read_text())
    view = view.get("value", view)
    artifacts = next(folder for folder in given.view.resolve().parents if (folder / "store").is_dir())
    files = dict(pair.split("=", 1) for pair in given.input)
    stage = dict(params=view["preimage"]["params"], inputs=inputs(view, artifacts, files))
    kind = view["preimage"]["kind"].split()[1]
    program = given.program.resolve()
    base, worst = None, {}
    for threads in map(int, given.threads.split(",")):
        for name, setting in OLDER.items():
            metrics = train(program, kind, stage, threads, setting)
            base = base or metrics
            moved = {key: abs(value - base[key]) for key, value in metrics.items()}
            for key, distance in moved.items():
                worst[key] = max(worst.get(key, (0.0, "")), (distance, f"{name}, {threads} threads"))
            most = max(moved, key=moved.get)
            print(f"{threads} threads, {name}: at most {moved[most]:.6f} ({most})", flush=True)
    print("\n| metric | here | moves at most | with |\n|---|---|---|---|")
    for key, (distance, name) in sorted(worst.items()):
        print(f"| {key} | {base[key]:.6f} | {distance:.6f} | {name} |")


if __name__ == "__main__":
    main()
