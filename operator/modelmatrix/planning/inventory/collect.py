"""Takes up which nodes belong to which pool, and which of their devices are free. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.inventory.node_labels import label_mismatch
from modelmatrix.planning.inventory.pool_checks import check_pool
from modelmatrix.planning.inventory.pool_state import NodeState, PoolState
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NodeView, PodView, PoolView


def pool_states(snapshot: Snapshot) -> dict[str, PoolState]:
    """The state of every pool, by name."""
    states = {view.name: _empty_state(view, snapshot) for view in snapshot.pools}
    usage = _usage(snapshot.pods)
    ordered = sorted(snapshot.nodes, key=lambda node: node.name)  # caches keep no order, and messages name nodes
    for node, names in _matches(ordered, snapshot.pools):
        if len(names) > 1:
            _report_overlap(states, node, names)
        else:
            _add_node(states[names[0]], node, usage)
    for state in states.values():
        _measure(state)
        check_pool(state, snapshot)
    return states


@dataclass(slots=True)
class _Usage:
    used: int = 0
    leaving: int = 0
    ours: int = 0


def _usage(pods: Iterable[PodView]) -> Mapping[tuple[str, str], _Usage]:
    """Devices by node and resource."""
    usage: defaultdict[tuple[str, str], _Usage] = defaultdict(_Usage)
    for pod in pods:
        if not pod.node:
            continue
        for resource, count in pod.devices.items():
            entry = usage[pod.node, resource]
            entry.used += count
            if pod.workload:
                entry.ours += count
                entry.leaving += count if pod.deleting else 0
    return usage


def _matches(nodes: Iterable[NodeView], pools: Iterable[PoolView]) -> Iterable[tuple[NodeView, list[str]]]:
    """Nodes with the pools that select them. Pools are looked up by one label, so that not every pair is compared."""
    by_label: defaultdict[tuple[str, str], list[tuple[str, Mapping[str, str]]]] = defaultdict(list)
    for pool in pools:
        if pool.spec is not None and pool.spec.node_selector:
            selector = pool.spec.node_selector
            by_label[min(selector.items())].append((pool.name, selector))
    for node in nodes:
        labels = node.labels
        names = [
            name
            for item in labels.items()
            for name, selector in by_label.get(item, ())
            if all(labels.get(key) == value for key, value in selector.items())
        ]
        if names:
            yield node, sorted(names)


def _empty_state(view: PoolView, snapshot: Snapshot) -> PoolState:
    if view.spec is None:
        return PoolState(view, None, None, problems=[(Reason.MISCONFIGURED, view.error)])
    accelerator = snapshot.catalogue.accelerator(view.spec.accelerator)
    state = PoolState(view, view.spec, accelerator)
    if accelerator is None:
        known = ", ".join(sorted(snapshot.catalogue.accelerators))
        state.problems.append(
            (Reason.ACCELERATOR_UNKNOWN, f"accelerator '{view.spec.accelerator}' is unknown; known are {known}")
        )
    return state


def _report_overlap(states: Mapping[str, PoolState], node: NodeView, names: list[str]) -> None:
    for name in names:
        others = ", ".join(other for other in names if other != name)
        states[name].problems.append(
            (Reason.POOL_OVERLAP, f"node {node.name} also matches {others}; it counts for neither: narrow nodeSelector")
        )


def _add_node(state: PoolState, node: NodeView, usage: Mapping[tuple[str, str], _Usage]) -> None:
    if _is_other_chip(state, node):
        return
    resource = state.spec.resource_name if state.spec else ""
    used = usage.get((node.name, resource), _Usage())
    state.ours += used.ours
    total = max(node.capacity.get(resource, 0), node.allocatable.get(resource, 0))
    allocatable = node.allocatable.get(resource, 0)
    usable = node.ready and node.schedulable
    state.nodes.append(
        NodeState(
            name=node.name,
            total=total,
            allocatable=allocatable,
            used=used.used,
            leaving=used.leaving,
            usable=usable,
            ready=node.ready,
            free=allocatable - used.used + used.leaving if usable else 0,
        )
    )


def _measure(state: PoolState) -> None:
    """The whole node: the largest present one, else what such servers have, so that a layout can be judged."""
    state.sizes = Counter(node.total for node in state.nodes)
    width = max(state.sizes, default=0) or (state.accelerator.devices_per_node if state.accelerator else 0)
    state.devices_per_node = width


def _is_other_chip(state: PoolState, node: NodeView) -> bool:
    """Whether the vendor's own labels say that the node has another chip; it then counts for nothing."""
    found = label_mismatch(state.accelerator, node.labels) if state.accelerator else None
    if found is None:
        return False
    text = f"node {node.name} has {found}; it counts for nothing: correct spec.accelerator or the node's pool label"
    state.problems.append((Reason.NODES_MISMATCH, text))
    return True
