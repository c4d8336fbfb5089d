"""Measures the CPU time of a poll of a fleet's signals: ``python tests/perf/signals_of_a_fleet.py [DEPLOYMENTS]``.

Responses are generated for two replicas per deployment, in the form in which Prometheus sends them. Machines differ, so each
step is printed beside the time that Python takes to parse the same responses as JSON.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "operator"), str(HERE.parents[1])]

from factories import NOW, deployment, nodes, pool, snapshot  # noqa: E402
from fakes import prometheus as fake  # noqa: E402
from fakes.scaled_deployment import pods_of  # noqa: E402
from modelmatrix.api.reasons import Reason  # noqa: E402
from modelmatrix.catalogue.loader import builtin  # noqa: E402
from modelmatrix.cluster.views.objects import workload_view  # noqa: E402
from modelmatrix.control.autoscaler.autoscaler import Autoscaler  # noqa: E402
from modelmatrix.control.autoscaler.expected_targets import ClockReading, expected_targets  # noqa: E402
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoll, MetricsPoller  # noqa: E402
from modelmatrix.control.autoscaler.observation_builder import deployment_facts  # noqa: E402
from modelmatrix.planning.actions.action import Create  # noqa: E402
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan  # noqa: E402
from modelmatrix.planning.plan import plan  # noqa: E402
from modelmatrix.planning.snapshot.snapshot import ScaleDecision  # noqa: E402
from modelmatrix.planning.snapshot.views import NamespacedName, PodView, WorkloadView  # noqa: E402
from modelmatrix.scaling.policy import SloPolicy  # noqa: E402
from modelmatrix.signals.fleet_queries import SELDOM  # noqa: E402
from modelmatrix.signals.observation import DeploymentSignals, build_observation  # noqa: E402
from modelmatrix.signals.reading import read_signals  # noqa: E402
from modelmatrix.signals.replica_history import StartupTracker  # noqa: E402
from modelmatrix.signals.samples import group_by_deployment  # noqa: E402
from modelmatrix.signals.vectors import Vector, parse_vector  # noqa: E402
from modelmatrix.telemetry.model_clock import ModelClock  # noqa: E402

REPLICAS = 2
ROUNDS = 12
SLOS = ({"ttftMilliseconds": 2000, "tpotMilliseconds": 100}, {"ttftMilliseconds": 1000, "tpotMilliseconds": 50})
OFFICE = {"name": "office", "start": "30 8 * * 1-5", "end": "0 18 * * 1-5", "timeZone": "Asia/Shanghai", "minReplicas": 1}
ENGINE = {"vllm/step": 0.03, "vllm/running": 5.0, "vllm/kv_usage": 0.2, "vllm/computed": 2000.0}
SHOWN = {"vllm/ttft/95": 0.5, "vllm/tpot/95": 0.03}


def fleet(number: int) -> dict[NamespacedName, DeploymentPlan]:
    """The last plan of a cluster in which all replicas have served for an hour."""
    scaling = {"minReplicas": 1, "maxReplicas": 8, "schedule": [OFFICE]}
    views = tuple(
        deployment(name=f"chat-{index}", model="Qwen3-8B", scaling=scaling, slo=SLOS[index % len(SLOS)])
        for index in range(number)
    )
    state: dict[str, Any] = {
        "deployments": views,
        "pools": (pool(),),
        "nodes": nodes(number * REPLICAS // 4 + 1),
        "decisions": {view.key: ScaleDecision(REPLICAS, Reason.STEADY, "") for view in views},
    }
    created = [action for action in plan(snapshot(**state)).actions if isinstance(action, Create)]
    manifests = [action.manifest for action in created if action.manifest["kind"] == "Deployment"]
    workloads = tuple(workload_view(_stored(manifest)) for manifest in manifests)
    pods = tuple(_pod(workload, rank) for workload in workloads for rank in range(REPLICAS))
    return dict(plan(snapshot(**state, workloads=workloads, pods=pods)).deployments)


def _stored(manifest: Any) -> dict[str, Any]:
    metadata = {**manifest["metadata"], "uid": manifest["metadata"]["name"], "generation": 1}
    return {**manifest, "metadata": metadata, "spec": {**manifest["spec"], "replicas": REPLICAS}, "status": {}}


def _pod(workload: WorkloadView, rank: int) -> PodView:
    name = f"{workload.key.name}-{rank}"
    return PodView(
        key=NamespacedName(workload.key.namespace, name),
        uid=name,
        node="ascend-a-0",
        devices={},
        created_seconds=NOW - 3700,
        workload=workload.key.name,
        leader=True,
        ready=True,
        ready_seconds=NOW - 3600,
    )


def answers(plans: dict[NamespacedName, DeploymentPlan], scaler: Autoscaler) -> dict[str, bytes]:
    """The bodies of all responses of a poll."""
    server = fake.FakePrometheus()
    for number, (key, planned) in enumerate(plans.items()):
        series = fake.serving(pods_of(planned), per_second=0.5 + number % 7, running=10.0, waiting=1.0)
        known = replace(series, name=key.name, namespace=key.namespace, engines=ENGINE, values=series.values | SHOWN)
        server.series.append(known)
    asked = scaler.queries(plans).expressions
    document: dict[str, Any] = {"status": "success"}
    return {
        name: json.dumps(document | {"data": {"resultType": "vector", "result": list(server.samples(text))}}).encode()
        for name, text in asked.items()
    }


@dataclass
class Watch:
    """CPU milliseconds of every step, the best of some rounds."""

    best: dict[str, float]

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        """Run a step and record its CPU time."""
        before = time.process_time()
        made = work()
        passed = 1000 * (time.process_time() - before)
        self.best[step] = min(passed, self.best.get(step, passed))
        return made


def cycle(
    watch: Watch, bodies: dict[str, bytes], plans: dict[NamespacedName, DeploymentPlan], scaler: Autoscaler, now: float
) -> None:
    """One poll, step by step, and once more as the operator runs it."""
    watch.time("JSON", lambda: [json.loads(body) for body in bodies.values()])
    vectors: dict[str, Vector] = watch.time("answers", lambda: {n: parse_vector(200, body) for n, body in bodies.items()})
    moment, starts = ClockReading(now, now, 1.0), StartupTracker()
    raw = watch.time("sorted", lambda: group_by_deployment(vectors))
    wanted = watch.time(
        "expected", lambda: {key: expected_targets(one, scaler.catalogue, moment) for key, one in plans.items()}
    )
    readings = watch.time(
        "read", lambda: {key: read_signals(raw[key], wanted[key], problem="", time_scale=1.0) for key in plans}
    )
    seen = {key: DeploymentSignals(leaders=wanted[key].leaders, reading=readings[key]) for key in plans}
    facts = watch.time("facts", lambda: {key: deployment_facts(one, None, now) for key, one in plans.items()})
    watch.time("observed", lambda: {key: build_observation(facts[key], seen[key], starts, now) for key in plans})
    watch.time("whole update", lambda: scaler.update(MetricsPoll(now, vectors), plans, now_seconds=now))
    watch.time("queries", lambda: scaler.queries(plans))


def main() -> None:
    """Print the CPU time of every step."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    plans = fleet(number)
    scaler = Autoscaler(builtin(), SloPolicy(), MetricsPoller(None, ModelClock(), 15.0))
    bodies = answers(plans, scaler)
    gc.collect()
    gc.freeze()
    watch = Watch({})
    for index in range(ROUNDS):
        cycle(watch, bodies, plans, scaler, NOW + 15.0 * index)
    watch.best["decided"] = watch.best["whole update"] - sum(
        watch.best[s] for s in ("sorted", "expected", "read", "facts", "observed")
    )
    size = sum(map(len, bodies.values())) / 1e6
    often = sum(len(body) for name, body in bodies.items() if name not in SELDOM) / 1e6
    sys.stdout.write(
        f"{number} deployments, {len(bodies)} requests, {size:.1f} MB of answers ({often:.1f} MB but for once a minute)\n"
    )
    for step, milliseconds in watch.best.items():
        ratio = milliseconds / watch.best["JSON"]
        sys.stdout.write(f"{step:>14} {milliseconds:8.1f} ms {1000 * milliseconds / number:8.1f} us each {ratio:6.2f} x JSON\n")


if __name__ == "__main__":
    main()
