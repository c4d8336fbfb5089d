"""Which nodes belong to which pool, and which of their devices are free. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.planning.inventory.pool_checks import label_mismatch, pod_security_exceptions, pool_problems
from modelmatrix.planning.inventory.pool_state import NodeState, PoolProblem, PoolState
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NodeView, PodView, PoolView


def pool_states(snapshot: Snapshot) -> dict[str, PoolState]:
    """The state of every pool, by name. A node that several pools select counts for none of them."""
    members = {view.name: _Members(view, _accelerator(view, snapshot)) for view in snapshot.pools}
    usage = _usage(snapshot.pods)
    ordered = sorted(snapshot.nodes, key=lambda node: node.name)  # informers keep no order, and messages name nodes
    for node, names in _matches(ordered, snapshot.pools):
        if len(names) > 1:
            _report_overlap(members, node, names)
        else:
            members[names[0]].add(node, usage)
    return {name: _pool_state(pool, snapshot) for name, pool in members.items()}


@dataclass(slots=True)
class _Members:
    """A pool while its nodes are collected; ``problems`` are those of nodes."""

    view: PoolView
    accelerator: Accelerator | None
    nodes: list[NodeState] = field(default_factory=list)
    problems: list[PoolProblem] = field(default_factory=list)
    own_devices: int = 0

    def add(self, node: NodeView, usage: Mapping[tuple[str, str], _Usage]) -> None:
        """Add a node, unless the vendor's own labels show that it has another accelerator."""
        mismatch = label_mismatch(self.accelerator, node.labels) if self.accelerator else None
        if mismatch is not None:
            message = (
                f"node {node.name} has {mismatch}; it counts for nothing: correct spec.accelerator or the node's pool label"
            )
            self.problems.append(PoolProblem(Reason.NODES_MISMATCH, message))
            return
        resource = self.view.spec.resource_name if self.view.spec else ""
        used = usage.get((node.name, resource)) or _Usage()
        self.own_devices += used.own
        self.nodes.append(_node_state(node, resource, used))


@dataclass(slots=True)
class _Usage:
    used: int = 0
    terminating: int = 0
    own: int = 0


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
                entry.own += count
                entry.terminating += count if pod.deleting else 0
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
            for label in labels.items()
            for name, selector in by_label.get(label, ())
            if all(labels.get(key) == value for key, value in selector.items())
        ]
        if names:
            yield node, sorted(names)


def _accelerator(view: PoolView, snapshot: Snapshot) -> Accelerator | None:
    return snapshot.catalogue.accelerator(view.spec.accelerator) if view.spec else None


def _report_overlap(members: Mapping[str, _Members], node: NodeView, names: list[str]) -> None:
    for name in names:
        others = ", ".join(other for other in names if other != name)
        message = f"node {node.name} also matches {others}; it counts for neither: narrow nodeSelector"
        members[name].problems.append(PoolProblem(Reason.POOL_OVERLAP, message))


def _node_state(node: NodeView, resource: str, used: _Usage) -> NodeState:
    allocatable = node.allocatable.get(resource, 0)
    usable = node.ready and node.schedulable
    return NodeState(
        name=node.name,
        total=max(node.capacity.get(resource, 0), allocatable),
        allocatable=allocatable,
        used=used.used,
        terminating=used.terminating,
        usable=usable,
        ready=node.ready,
        free=allocatable - used.used + used.terminating if usable else 0,
    )


def _pool_state(pool: _Members, snapshot: Snapshot) -> PoolState:
    view, spec, accelerator = pool.view, pool.view.spec, pool.accelerator
    if spec is None:
        return PoolState(view, None, None, problems=(PoolProblem(Reason.MISCONFIGURED, view.error),))
    problems = list(pool.problems)
    if accelerator is None:
        known = ", ".join(sorted(snapshot.catalogue.accelerators))
        message = f"accelerator '{spec.accelerator}' is unknown; known are {known}"
        problems.insert(0, PoolProblem(Reason.ACCELERATOR_UNKNOWN, message))
    else:
        problems += pool_problems(spec, pool.nodes, snapshot, has_node_problems=bool(pool.problems))
    sizes = Counter(node.total for node in pool.nodes)
    return PoolState(
        view=view,
        spec=spec,
        accelerator=accelerator,
        nodes=tuple(pool.nodes),
        problems=tuple(problems),
        relaxed=pod_security_exceptions(spec) if accelerator else "",
        own_devices=pool.own_devices,
        sizes=sizes,
        devices_per_node=_whole_node(sizes, accelerator),
    )


def _whole_node(sizes: Mapping[int, int], accelerator: Accelerator | None) -> int:
    """Devices of the largest node, else of the servers that the accelerator comes in, so that a layout can be judged."""
    return max(sizes, default=0) or (accelerator.devices_per_node if accelerator else 0)
