"""Brings a playground up and down: the local cluster with nodes, chart, operators and engines on it."""

from __future__ import annotations

import json
import sys
import time

from localcluster import shutdown, startup
from localcluster.cluster import Cluster
from localcluster.progress import Progress, on_standard_output
from playground import installation
from playground.nodes_and_pools import populate
from playground.options import MODEL_START, REPOSITORY, Wishes


def up(wishes: Wishes, progress: Progress | None = None) -> Cluster:
    """Bring everything up; fine to repeat.

    Raises:
        LocalClusterError: something did not start. Nothing is left running.
    """
    told = progress or on_standard_output()

    def fill(cluster: Cluster) -> None:
        origin = time.time()
        _note_origin(cluster, origin)
        with told.step("nodes and namespaces"):
            populate(cluster, wishes.bank_folder)
        with told.step("chart"):
            installation.install(cluster, time_scale=wishes.options.time_scale, time_origin=origin)
        if not wishes.options.fast_pods:
            with told.step("simulated engines"):
                start_engines(cluster)
        with told.step("operators"):
            installation.start_operators(cluster)

    return startup.up(wishes.options, hooks=[fill], progress=told)


def down(wishes: Wishes) -> bool:
    """Stop everything; whether there was anything to stop."""
    return shutdown.down(wishes.options)


def start_engines(cluster: Cluster) -> None:
    """Start the process that plays all inference engines."""
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
    found = json.loads((cluster.folder.path / "time.json").read_text(encoding="utf-8"))
    return float(found["start"] + (time.time() - found["origin"]) * cluster.state.time_scale)


def _note_origin(cluster: Cluster, origin: float) -> None:
    content = {"origin": origin, "start": MODEL_START}
    (cluster.folder.path / "time.json").write_text(json.dumps(content), encoding="utf-8")
