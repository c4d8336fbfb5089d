"""What ``kubectl`` shows of an institution's deployments, told briefly."""

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
JUDGED_SECONDS = 15.0

Document = dict[str, Any]


def is_settled(cluster: Cluster, bank: str) -> tuple[int, int]:
    """How many deployments of an institution are ready or refused for good, and how many there are."""
    found = _deployments(cluster, bank)
    return sum(1 for item in found if _is_settled(item)), len(found)


def deployments_table(cluster: Cluster, bank: str) -> str:
    """Name, model, placement and the reason of each."""
    rows = [_row(item) for item in _deployments(cluster, bank)]
    return table(("NAME", "PRIO", "MODEL", "QUANT", "PLACEMENT", "READY", "WHY"), rows)


def refusal_words(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Apply what must be refused: what the API server answers, what kubectl prints as a warning, and what the status says."""
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


def _conditions(item: Document) -> dict[str, Document]:
    return {condition["type"]: condition for condition in item.get("status", {}).get("conditions", ())}


def _is_settled(item: Document) -> bool:
    conditions = _conditions(item)
    stalled = conditions.get("Stalled", {}).get("status") == "True"
    short = conditions.get("Placed", {}).get("status") == "False"
    return stalled or short or conditions.get("Ready", {}).get("status") == "True"


def _row(item: Document) -> tuple[object, ...]:
    spec, status, placed = item["spec"], item.get("status", {}), _conditions(item).get("Placed", {})
    return (
        item["metadata"]["name"],
        spec.get("priority", "P2"),
        spec["model"]["name"],
        spec["quantization"],
        status.get("placementSummary", "-"),
        f"{status.get('readyReplicas', 0)}/{status.get('desiredReplicas', 0)}",
        placed.get("message", ""),
    )


def _verdict(cluster: Cluster, name: str) -> str:
    """The message of the condition that says why the deployment is nowhere."""

    def placed() -> str | None:
        item = json.loads(cluster.kubectl("-n", "default", "get", RESOURCE, name, "-o", "json"))
        condition = _conditions(item).get("Placed")
        return f"{condition['reason']}: {condition['message']}" if condition else None

    return wait_for(placed, f"a verdict on {name}", JUDGED_SECONDS)


def _first_reason(text: str) -> str:
    """What the API server said, without kubectl's words around it."""
    return text.rpartition("is invalid: ")[2].strip() or text
