"""``make costs``: brings a cluster up, runs the operator through N objects, prints a table, takes the cluster down.

N objects of one fixed pair of replicas each, all applied at once, pods Ready at once, quiet for 30 s. Then 200 dry runs
without the admission webhook and 200 with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apicost.audit import Request, by_verb, read_requests
from apicost.usage import Usage, usage_of
from banks.matrix import ACCELERATORS
from banks.nodes_and_pools import kwok_node
from localcluster.cluster import Cluster
from localcluster.options import Options
from playground import installation, lifecycle
from playground.installation import NAMESPACE, RELEASE
from playground.options import PlaygroundOptions
from playground.testing import leader

USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
QUIET_SECONDS = 30.0
REST_SECONDS = 120.0
PATIENCE_SECONDS = 300.0
APPLIES = 200
BENCH = "bench"


@dataclass(slots=True)
class Bench:
    """A cluster with N objects to come, and the figures seen so far."""

    cluster: Cluster
    count: int
    rows: list[tuple[str, str]] = field(default_factory=list)

    def note(self, figure: str, value: str) -> None:
        """Add a row, and print it."""
        self.rows.append((figure, value))
        print(f"| {figure} | {value} |", flush=True)

    def requests(self, since: float) -> list[Request]:
        """The operator's requests since a time, without leases and without reads of the start."""
        found = read_requests(self.cluster.audit_log, since, user=USER)
        return [request for request in found if request.resource != "leases"]

    def wait_quiet(self, since: float) -> float:
        """Wait until the operator has sent nothing for a while; the time of its last request."""
        deadline = time.time() + PATIENCE_SECONDS
        while time.time() < deadline:
            last = max((request.seconds for request in self.requests(since)), default=since)
            if time.time() - last >= QUIET_SECONDS:
                return last
            time.sleep(2)
        raise TimeoutError("the operator does not become quiet")

    def usage(self) -> dict[str, Usage]:
        """Usage of both operator processes."""
        processes = self.cluster.state.processes
        return {
            name: usage_of(record.identity.pid)
            for name, record in processes.items()
            if name.startswith("operator") and record.identity is not None
        }

    def leader(self) -> str:
        """The process that leads."""
        return leader(self.cluster)


def main(count: int) -> int:
    """Measure with ``count`` objects."""
    options = Options(name="costs", time_scale=1, fast_pods=True)
    wishes = PlaygroundOptions(options, "imbank")
    lifecycle.down(wishes)
    try:
        bench = Bench(lifecycle.up(wishes), count)
        print("\n| figure | measured |\n|---|---|")
        _prepare(bench)
        _create(bench)
        _admission(bench)
        _rest(bench)
        _annotate(bench)
        _restart(bench)
        _delete(bench)
    finally:
        lifecycle.down(wishes)
    return 0


def _prepare(bench: Bench) -> None:
    chip = ACCELERATORS["nvidia-l20"]
    nodes = -(-2 * bench.count // 8) + 4
    bench.cluster.apply([kwok_node(f"{BENCH}-{index}", BENCH, chip, 8) for index in range(nodes)])
    pool = {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": BENCH},
        "spec": {
            "accelerator": chip.accelerator,
            "resourceName": chip.resource,
            "nodeSelector": {"modelmatrix.io/pool": BENCH},
            "tolerations": [{"operator": "Exists"}],
        },
    }
    bench.cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": BENCH}}, pool])
    bench.wait_quiet(time.time())


def _objects(count: int, *, first: int = 0) -> Iterator[dict[str, Any]]:
    for index in range(first, first + count):
        yield {
            "apiVersion": "modelmatrix.io/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": f"model-{index}", "namespace": BENCH},
            "spec": {
                "model": {"name": "bge-m3", "source": "s3://models/bge-m3"},
                "quantization": "FP16",
                "pools": [{"name": BENCH}],
                "replicas": 2,
            },
        }


def _create(bench: Bench) -> None:
    before, started = bench.usage(), time.time()
    text = "\n---\n".join(json.dumps(item) for item in _objects(bench.count))
    bench.cluster.kubectl("apply", "-f", "-", stdin=text)
    applied = time.time() - started
    last = bench.wait_quiet(started)
    requests, after, leader = bench.requests(started), bench.usage(), bench.leader()
    spent = after[leader].cpu_seconds - before[leader].cpu_seconds
    bench.note("kubectl apply took", f"{applied:.1f} s")
    bench.note("created to quiet", f"{last - started:.1f} s")
    bench.note("requests and events per object", f"{len(requests) / bench.count:.2f}")
    for verb, number in by_verb(requests).most_common():
        bench.note(f"- {verb}", f"{number / bench.count:.2f}")
    bench.note("failed requests", str(sum(1 for request in requests if request.code >= 400)))
    _delays(bench, started, requests)
    bench.note("CPU of the leader per object", f"{1000 * spent / bench.count:.1f} ms")
    bench.note("memory of the leader", f"{before[leader].resident_mebibytes:.0f} -> {after[leader].resident_mebibytes:.0f} MiB")


def _delays(bench: Bench, started: float, requests: list[Request]) -> None:
    """From the creation of an object to its workload and to its first status, from the audit log."""
    made = {
        request.name or str(index): request.seconds
        for index, request in enumerate(read_requests(bench.cluster.audit_log, started))
        if request.verb in ("create", "patch") and request.resource == "modeldeployments" and request.user != USER
    }
    workloads = {
        request.name.rpartition("-")[0]: request.seconds
        for request in reversed(requests)
        if request.verb == "create" and request.resource == "deployments"
    }
    statuses = {
        request.name: request.seconds for request in reversed(requests) if request.resource == "modeldeployments/status"
    }
    for figure, seen in (("workload", workloads), ("first status", statuses)):
        delays = sorted(seen[name] - made[name] for name in made.keys() & seen.keys())
        if delays:
            middle, tail = delays[len(delays) // 2], delays[min(len(delays) - 1, int(0.99 * len(delays)))]
            bench.note(f"created to {figure}, p50 / p99", f"{middle:.2f} / {tail:.2f} s ({len(delays)} seen)")


def _admission(bench: Bench) -> None:
    """What reviews add to the time of an apply and to the CPU of the operators: dry runs without the webhook and with it."""
    text = "\n---\n".join(json.dumps(item) for item in _objects(APPLIES, first=bench.count))
    for name, prepare in (("without", _remove_webhook), ("with", installation.upgrade)):
        prepare(bench.cluster)
        bench.wait_quiet(time.time())
        before, started = bench.usage(), time.time()
        bench.cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)
        spent = sum(usage.cpu_seconds - before[process].cpu_seconds for process, usage in bench.usage().items())
        took = sorted(
            request.milliseconds
            for request in read_requests(bench.cluster.audit_log, started)
            if (request.verb, request.resource) == ("create", "modeldeployments")
        )
        middle, tail = took[len(took) // 2], took[min(len(took) - 1, int(0.99 * len(took)))]
        bench.note(f"an apply {name} admission, p50 / p99", f"{middle:.1f} / {tail:.1f} ms ({len(took)} seen)")
        bench.note(f"CPU of both operators for {APPLIES} of them", f"{spent:.2f} s")


def _remove_webhook(cluster: Cluster) -> None:
    cluster.kubectl("delete", "validatingwebhookconfiguration", RELEASE)


def _rest(bench: Bench) -> None:
    before, started = bench.usage(), time.time()
    time.sleep(REST_SECONDS)
    leader = bench.leader()
    spent = bench.usage()[leader].cpu_seconds - before[leader].cpu_seconds
    bench.note(f"requests at rest in {REST_SECONDS:.0f} s", str(len(bench.requests(started))))
    bench.note(f"CPU at rest in {REST_SECONDS:.0f} s", f"{spent:.2f} s")


def _annotate(bench: Bench) -> None:
    before, started, leader = bench.usage(), time.time(), bench.leader()
    bench.cluster.kubectl("-n", BENCH, "annotate", "modeldeployments.modelmatrix.io", "--all", f"touched={started:.0f}")
    bench.wait_quiet(started)
    spent = bench.usage()[leader].cpu_seconds - before[leader].cpu_seconds
    writes = [request for request in bench.requests(started) if request.is_write]
    bench.note("writes after an annotation of every object", str(len(writes)))
    bench.note("CPU of that", f"{spent:.2f} s")


def _restart(bench: Bench) -> None:
    started = time.time()
    for name in sorted(bench.usage()):
        bench.cluster.kill_process(name)
    for name in sorted(name for name in bench.cluster.state.processes if name.startswith("operator")):
        bench.cluster.start_process(name)
    time.sleep(20)  # the lease of the killed leader must end first
    bench.wait_quiet(started)
    requests = bench.requests(started)
    bench.note("writes after kill -9 and restart", str(sum(1 for request in requests if request.is_write)))
    bench.note("requests of that", str(len(requests)))


def _delete(bench: Bench) -> None:
    started = time.time()
    bench.cluster.kubectl("-n", BENCH, "delete", "modeldeployments.modelmatrix.io", "--all")
    bench.wait_quiet(started)
    requests = bench.requests(started)
    bench.note("requests per object when all are deleted", f"{len(requests) / bench.count:.2f}")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("N", "100"))))
