"""`hq job submit-file FILE --wait` on a server and a worker of its own, by HyperQueue's Python interface.

For machines that have the package `hyperqueue` of PyPI, which holds the server, the scheduler and the worker, but not the
program `hq`. Exits with 1 where a task failed.
"""

import sys
import tempfile
import tomllib

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
from hyperqueue.ffi.protocol import ResourceRequest

with open(sys.argv[1], "rb") as file:
    definition = tomllib.load(file)

job = Job(name=definition["name"], max_fails=definition.get("max_fails"))
tasks = {}
for task in definition["task"]:
    (request,) = task["request"]
    resources = dict(request["resources"])
    cpus = resources.pop("cpus")
    # A worker that this interface starts has processors only.
    tasks[task["id"]] = job.program(
        task["command"],
        cwd=task["cwd"],
        stdout=None,
        stderr=None,
        deps=[tasks[need] for need in task["deps"]],
        resources=ResourceRequest(cpus=cpus),
        crash_limit=task["crash_limit"],
    )

with tempfile.TemporaryDirectory() as folder, LocalCluster(folder) as cluster:
    for _ in range(2):
        cluster.start_worker(WorkerConfig(cores=2))
    client = cluster.client()
    is_well = client.wait_for_jobs([client.submit(job)], raise_on_error=False)
sys.exit(0 if is_well else 1)
