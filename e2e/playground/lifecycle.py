"""Starts and stops a playground: the local cluster with nodes, chart, operators and engines."""

from __future__ import annotations

import json
import sys
import time

from localcluster import shutdown, startup
from localcluster.cluster import Cluster
from localcluster.progress import Progress, on_standard_output
from playground import installation
from playground.nodes_and_pools import populate
from playground.options import MODEL_START, REPOSITORY, PlaygroundOptions


def up(options: PlaygroundOptions, progress: Progress | None = None) -> Cluster:
    """Start the cluster and everything on it. Idempotent.

    Raises:
        LocalClusterError: a process did not start. No process is left running.
    """
    reporter = progress or on_standard_output()

    def install(cluster: Cluster) -> None:
        origin = time.time()
        _save_time_origin(cluster, origin)
        with reporter.step("nodes and namespaces"):
            populate(cluster, options.bank_folder)
        with reporter.step("chart"):
            installation.install(cluster, time_scale=options.cluster.time_scale, time_origin=origin)
        if not options.cluster.fast_pods:
            with reporter.step("simulated engines"):
                start_engines(cluster)
        with reporter.step("operators"):
            installation.start_operators(cluster)

    return startup.up(options.cluster, hooks=[install], progress=reporter)


def down(options: PlaygroundOptions) -> bool:
    """Stop the cluster; returns whether it was up."""
    return shutdown.down(options.cluster)


def start_engines(cluster: Cluster) -> None:
    """Start the process that simulates all inference engines."""
    schedule = cluster.folder.path / "traffic.yaml"
    schedule.write_text("{}\n", encoding="utf-8")
    address = f"http://127.0.0.1:{cluster.engines_port}"
    argv = [
        *(sys.executable, "-m", "playground.engines"),
        *("--kubeconfig", str(cluster.kubeconfig), "--port", str(cluster.engines_port), "--schedule", str(schedule)),
    ]
    environment = {
        "PYTHONPATH": f"{REPOSITORY / 'e2e'}:{REPOSITORY / 'operator'}",
        "TIME_SCALE": f"{cluster.state.time_scale:g}",
    }
    cluster.start_process("engines", argv, environment, ready_url=f"{address}/healthz")


def model_seconds(cluster: Cluster) -> float:
    """Model time now, in seconds since the epoch."""
    time_file = json.loads((cluster.folder.path / "time.json").read_text(encoding="utf-8"))
    return float(time_file["start"] + (time.time() - time_file["origin"]) * cluster.state.time_scale)


def _save_time_origin(cluster: Cluster, origin: float) -> None:
    content = {"origin": origin, "start": MODEL_START}
    (cluster.folder.path / "time.json").write_text(json.dumps(content), encoding="utf-8")
