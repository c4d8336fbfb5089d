"""The live status of a deployment under traffic: from its ModelDeployment and from the counts of the engines."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcluster.cluster import Cluster

RESOURCE = "modeldeployments.modelmatrix.io"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """One deployment at one model time.

    ``arrivals``, ``ended`` and ``within`` count requests since the engines started: those that arrived, those that ended,
    and those that ended within the SLO.
    """

    second: float
    ready: int
    desired: int
    attainment_percent: float | None
    cost_per_hour: float
    decision: str
    arrivals: int
    ended: int
    within: float


def read_live_status(cluster: Cluster, key: str, model_second: Callable[[], float]) -> LiveStatus:
    """Read the present status of the deployment ``namespace/name``."""
    namespace, _, name = key.partition("/")
    status: Document = json.loads(cluster.kubectl("-n", namespace, "get", RESOURCE, name, "-o", "json")).get("status", {})
    engines = _engines(cluster).get(key, {})
    total = engines.get("total", {})
    ended = int(total.get("ended", 0))
    attainment = status.get("slo", {}).get("attainmentPercent")
    history = status.get("scalingHistory") or [{}]
    return LiveStatus(
        second=model_second(),
        ready=int(status.get("readyReplicas", 0)),
        desired=int(status.get("desiredReplicas", 0)),
        attainment_percent=float(attainment) if attainment is not None else None,
        cost_per_hour=float(str(status.get("costPerHour", "0")).split()[0]),
        decision=_decision(history[0]),
        arrivals=int(engines.get("arrivals", 0)),
        ended=ended,
        within=ended * float(total.get("attainmentPercent") or 0.0) / 100,
    )


def _decision(entry: Document) -> str:
    if not entry:
        return ""
    return f"{entry['from']} -> {entry['to']} {entry['reason']}: {entry['message']}"


def _engines(cluster: Cluster) -> dict[str, Document]:
    with urllib.request.urlopen(f"http://127.0.0.1:{cluster.engines_port}/state", timeout=10) as response:
        deployments: dict[str, Document] = json.load(response)["deployments"]
    return deployments
