"""Which nodes belong to which pool, and which of their devices are free. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.planning.inventory.node_states import PoolTerms, known_sizes, node_state
from modelmatrix.planning.inventory.pool_checks import label_mismatch, pod_security_exceptions, pool_problems
from modelmatrix.planning.inventory.pool_notes import pool_notes
from modelmatrix.planning.inventory.pool_state import NodeState, PoolProblem, PoolState
from modelmatrix.planning.inventory.shape import learned_size, shape_size, shape_status
from modelmatrix.planning.inventory.usage import NodeUsage, node_usage
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NodeView, PoolView


def pool_states(snapshot: Snapshot) -> dict[str, PoolState]:
    """The state of every pool, by name. A node that several pools select counts for none of them."""
    members = {view.name: _Members(view, _accelerator(view, snapshot)) for view in snapshot.pools}
    usage = node_usage(snapshot)
    ordered = sorted(snapshot.nodes, key=lambda node: node.name)  # informers keep no order, and messages name nodes
    for node, names in _matches(ordered, snapshot.pools):
        if len(names) > 1:
            _report_overlap(members, node, names)
        else:
            members[names[0]].add(node)
    return {name: _pool_state(pool, snapshot, usage) for name, pool in members.items()}


@dataclass(slots=True)
class _Members:
    """A pool while its nodes are collected; ``problems`` are those of nodes."""

    view: PoolView
    accelerator: Accelerator | None
    nodes: list[NodeView] = field(default_factory=list)
    problems: list[PoolProblem] = field(default_factory=list)

    def add(self, node: NodeView) -> None:
        """Add a node, unless the vendor's own labels show that it has another accelerator."""
        mismatch = label_mismatch(self.accelerator, node.labels) if self.accelerator else None
        if mismatch is not None:
            message = (
                f"node {node.name} has {mismatch}; it counts for nothing: correct spec.accelerator or the node's pool label"
            )
            self.problems.append(PoolProblem(Reason.NODES_MISMATCH, message))
            return
        self.nodes.append(node)


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


def _pool_state(pool: _Members, snapshot: Snapshot, usage: Mapping[str, NodeUsage]) -> PoolState:
    view, spec, accelerator = pool.view, pool.view.spec, pool.accelerator
    if spec is None:
        return PoolState(view, None, None, problems=(PoolProblem(Reason.MISCONFIGURED, view.error),))
    size = shape_size(learned_size(view.status, spec), known_sizes(pool.nodes, spec.resource_name))
    terms = PoolTerms(spec.resource_name, spec.tolerations, size)
    nodes = tuple(node_state(node, terms, usage) for node in pool.nodes)
    held = [usage[node.name] for node in nodes if node.name in usage]
    return PoolState(
        view=view,
        spec=spec,
        accelerator=accelerator,
        nodes=nodes,
        problems=tuple(_problems(pool, spec, nodes, snapshot)),
        notes=tuple(pool_notes(nodes, size)),
        relaxed=pod_security_exceptions(spec) if accelerator else "",
        own_devices=sum(node.of(spec.resource_name).own for node in held),
        sizes=Counter(node.total for node in nodes),
        devices_per_node=size or (accelerator.devices_per_node if accelerator else 0),
        shape=shape_status(spec, size),
        due_seconds=min((node.due_seconds for node in held if node.due_seconds is not None), default=None),
    )


def _problems(
    pool: _Members, spec: AcceleratorPoolSpec, nodes: Sequence[NodeState], snapshot: Snapshot
) -> Iterator[PoolProblem]:
    if pool.accelerator is None:
        known = ", ".join(sorted(snapshot.catalogue.accelerators))
        yield PoolProblem(Reason.ACCELERATOR_UNKNOWN, f"accelerator '{spec.accelerator}' is unknown; known are {known}")
    yield from pool.problems
    if pool.accelerator is not None:
        yield from pool_problems(spec, nodes, snapshot, has_node_problems=bool(pool.problems))
