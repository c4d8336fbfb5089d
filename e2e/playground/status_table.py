"""A short table of an institution's deployments, from their statuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from modelmatrix.cli.output.tables import table
from playground.nodes_and_pools import warnings_of_apply
from playground.waiting import wait_for

RESOURCE = "modeldeployments.modelmatrix.io"
VERDICT_TIMEOUT_SECONDS = 15.0

Document = dict[str, Any]


def is_settled(cluster: Cluster, bank: str) -> tuple[int, int]:
    """The number of an institution's deployments that are ready, stalled or without capacity, and the number of all."""
    deployments = _deployments(cluster, bank)
    return sum(1 for item in deployments if _is_settled(item)), len(deployments)


def deployments_table(cluster: Cluster, bank: str) -> str:
    """The table of all deployments of an institution: model, placement, readiness and the message of Placed."""
    rows = [_row(item) for item in _deployments(cluster, bank)]
    return table(("NAME", "PRIO", "MODEL", "QUANT", "PLACEMENT", "READY", "WHY"), rows)


def refusal_messages(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Apply manifests that must be refused; yields the API server's error, kubectl's warnings or the status message."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            warnings = warnings_of_apply(cluster, path)
        except LocalClusterError as error:
            yield f"  {path.name}: {_first_reason(str(error))}"
        else:
            yield from (f"  {path.name}: Warning: {warning}" for warning in warnings)
            yield f"  {path.name}: {_verdict(cluster, path.stem)}"


def _deployments(cluster: Cluster, bank: str) -> list[Document]:
    items = json.loads(cluster.kubectl("get", RESOURCE, "-A", "-o", "json"))["items"]
    return [item for item in items if item["metadata"]["namespace"].startswith(f"{bank}-")]


def _conditions(deployment: Document) -> dict[str, Document]:
    return {condition["type"]: condition for condition in deployment.get("status", {}).get("conditions", ())}


def _is_settled(deployment: Document) -> bool:
    conditions = _conditions(deployment)
    stalled = conditions.get("Stalled", {}).get("status") == "True"
    short = conditions.get("Placed", {}).get("status") == "False"
    return stalled or short or conditions.get("Ready", {}).get("status") == "True"


def _row(deployment: Document) -> tuple[object, ...]:
    spec, status, placed = deployment["spec"], deployment.get("status", {}), _conditions(deployment).get("Placed", {})
    return (
        deployment["metadata"]["name"],
        spec.get("priority", "P2"),
        spec["model"]["name"],
        spec["quantization"],
        status.get("placementSummary", "-"),
        f"{status.get('readyReplicas', 0)}/{status.get('desiredReplicas', 0)}",
        placed.get("message", ""),
    )


def _verdict(cluster: Cluster, name: str) -> str:
    """Reason and message of the Placed condition, once the operator has written it."""

    def placed() -> str | None:
        item = json.loads(cluster.kubectl("-n", "default", "get", RESOURCE, name, "-o", "json"))
        condition = _conditions(item).get("Placed")
        return f"{condition['reason']}: {condition['message']}" if condition else None

    return wait_for(placed, f"a verdict on {name}", VERDICT_TIMEOUT_SECONDS)


def _first_reason(text: str) -> str:
    """The API server's message without kubectl's prefix."""
    return text.rpartition("is invalid: ")[2].strip() or text
