"""Pools as they are: which nodes they have, which devices are free, and what is wrong with them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec, Driver
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.facts import Accelerator
from modelmatrix.planning.chips import disagreement
from modelmatrix.planning.snapshot import Snapshot
from modelmatrix.planning.views import NodeView, PodView, PoolView

_SHOWN = 3  # names in a message before it says how many more


@dataclass(slots=True)
class NodeState:
    """Devices of one node of a pool. ``free`` shrinks while a plan hands devices out; nothing else changes.

    It is below zero where pods hold more than the node offers since devices fell ill: so many must come back first.

    ``total`` counts unhealthy devices too. ``leaving`` are devices of our pods that terminate: free soon, not now.
    ``usable`` is false for nodes that are not ready or cordoned: what runs there stays, nothing new comes.
    """

    name: str
    total: int
    allocatable: int
    used: int
    leaving: int
    usable: bool
    ready: bool
    free: int

    @property
    def whole(self) -> bool:
        """Whether a new group may take the whole node."""
        return self.usable and self.free == self.total


@dataclass(slots=True)
class PoolState:
    """One pool at planning time. ``problems`` are what its Ready condition says; ``ours`` counts our own devices.

    ``sizes`` counts nodes by their devices, whatever runs on them; ``devices_per_node`` are those of a whole node.
    ``granted`` are the devices that the plan keeps or hands out, which count against the limit.
    """

    view: PoolView
    spec: AcceleratorPoolSpec | None
    accelerator: Accelerator | None
    nodes: list[NodeState] = field(default_factory=list)
    problems: list[tuple[Reason, str]] = field(default_factory=list)
    relaxed: str = ""
    ours: int = 0
    granted: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    devices_per_node: int = 0

    @property
    def name(self) -> str:
        """Name of the pool."""
        return self.view.name

    @property
    def limit(self) -> int | None:
        """Most devices that this operator may use; ``None`` for no limit."""
        return self.spec.limits.devices if self.spec and self.spec.limits else None

    @property
    def images(self) -> frozenset[str]:
        """Engines for which the pool names an image of its own."""
        return frozenset(self.spec.images) if self.spec else frozenset()

    @property
    def total(self) -> int:
        """Devices of all nodes, unhealthy ones too."""
        return sum(node.total for node in self.nodes)

    @property
    def allocated(self) -> int:
        """Devices that pods hold, terminating ones too."""
        return sum(node.used for node in self.nodes)

    @property
    def unhealthy(self) -> int:
        """Devices that nodes have and do not offer."""
        return sum(node.total - node.allocatable for node in self.nodes)

    @property
    def free_now(self) -> int:
        """Devices that new pods may use now."""
        return sum(max(0, node.allocatable - node.used) for node in self.nodes if node.usable)


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
        _check(state, snapshot)
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
    found = disagreement(state.accelerator, node.labels) if state.accelerator else None
    if found is None:
        return False
    text = f"node {node.name} has {found}; it counts for nothing: correct spec.accelerator or the node's pool label"
    state.problems.append((Reason.NODES_MISMATCH, text))
    return True


def _check(state: PoolState, snapshot: Snapshot) -> None:
    if state.spec is None or state.accelerator is None:
        return
    if not state.nodes and not state.problems:
        selector = ", ".join(f"{key}={value}" for key, value in sorted(state.spec.node_selector.items()))
        state.problems.append(
            (Reason.NODES_MISMATCH, f"no node has the labels {selector}: label the nodes or correct nodeSelector")
        )
    lacking = [node.name for node in state.nodes if node.total == 0]
    if lacking:
        state.problems.append(
            (
                Reason.NODES_MISMATCH,
                f"{_some(lacking)} offer no {state.spec.resource_name}: check the device plugin and spec.resourceName",
            )
        )
    runtime_class = state.spec.runtime_class_name
    if runtime_class is not None and runtime_class not in snapshot.runtime_classes:
        state.problems.append(
            (
                Reason.RUNTIME_CLASS_MISSING,
                f"RuntimeClass '{runtime_class}' does not exist, pods would be rejected: create it or remove runtimeClassName",
            )
        )
    state.relaxed = " and ".join(_relaxed(state.spec))


def _relaxed(spec: AcceleratorPoolSpec) -> Iterator[str]:
    """Fields that take pods out of Pod Security ``restricted``."""
    if spec.host_network:
        yield "hostNetwork"
    if spec.driver is Driver.HOST:
        yield "driver: Host"
    if spec.host_mounts:
        yield "hostMounts"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"node{'s' if len(names) > 1 else ''} {shown}{more}"
