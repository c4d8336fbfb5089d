"""A plan as if nodes were lost: which ones, and what is then said of their pools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from modelmatrix.api.reasons import Reason
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.plan import Plan

NO_NODE = "there is no node at all: add some to the files, e.g. kubectl get nodes -o yaml > nodes.yaml"
LOST = "all its nodes are taken away in this plan"

Labels = Mapping[str, str]


def lost_nodes(world: ClusterObjects, site: str | None, nodes: Collection[str]) -> dict[str, Labels]:
    """Labels of the nodes that are lost with a site or one by one, by name.

    Raises:
        CliError: there is no such site or node.
    """
    known: dict[str, Labels] = {
        node["metadata"]["name"]: node["metadata"].get("labels") or {} for node in world.objects.get("nodes", [])
    }
    unknown = sorted(set(nodes) - known.keys())
    if unknown:
        raise CliError(f"there is no node {', '.join(unknown)}")
    selectors = _selectors_of(world, site) if site else []
    return {
        name: labels
        for name, labels in known.items()
        if name in nodes or any(selector.items() <= labels.items() for selector in selectors)
    }


def _selectors_of(world: ClusterObjects, site: str) -> list[Labels]:
    pools = world.objects.get("acceleratorpools", [])
    found = [pool["spec"]["nodeSelector"] for pool in pools if pool["spec"].get("site") == site]
    if not found:
        known = sorted({pool["spec"]["site"] for pool in pools if pool["spec"].get("site")})
        raise CliError(f"no pool is on site '{site}'; there are: {', '.join(known) or 'none'}")
    return found


def explain_empty_pools(document: dict[str, Any], plan: Plan, lost: Collection[Labels], *, has_nodes: bool) -> None:
    """Say of pools without nodes that these are lost, or that there are none at all: the planner advises to label some."""
    emptied = {name for name, pool in plan.pools.items() if not pool.nodes and (not has_nodes or _is_hit(pool, lost))}
    candidates = [candidate for item in document["items"] for candidate in item["candidates"]]
    advice = {c["message"] for c in candidates if c["pool"] in emptied and c["reason"] == Reason.NODES_MISMATCH}
    for told in (*candidates, *document["items"], *document["displaced"]):
        for text in advice:
            told["message"] = told["message"].replace(text, LOST if has_nodes else NO_NODE)


def _is_hit(pool: PoolState, lost: Collection[Labels]) -> bool:
    return pool.spec is not None and any(pool.spec.node_selector.items() <= labels.items() for labels in lost)
