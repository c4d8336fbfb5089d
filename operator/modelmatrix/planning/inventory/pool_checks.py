"""Problems of a pool and of its nodes, each with what to change. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec, Driver
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.planning.inventory.pool_notes import some_nodes, taint_problems
from modelmatrix.planning.inventory.pool_state import NodeState, PoolProblem
from modelmatrix.planning.snapshot.snapshot import Snapshot

# Labels give nominal or rounded sizes; accelerators that share a name differ by half.
MEMORY_TOLERANCE_SHARE = 0.2
_SIZE = re.compile(r"(\d+)([GM]?)")
_GIBIBYTE = 1024


def pool_problems(
    spec: AcceleratorPoolSpec, nodes: Sequence[NodeState], snapshot: Snapshot, *, has_node_problems: bool
) -> Iterator[PoolProblem]:
    """Problems of a pool as a whole. ``has_node_problems``: nodes that match were left out, which says more than "no node"."""
    if not nodes and not has_node_problems:
        yield _missing_nodes(spec, snapshot)
    without_devices = [node.name for node in nodes if not node.known]
    if without_devices:
        message = f"{some_nodes(without_devices)} offer no {spec.resource_name}: check the device plugin and spec.resourceName"
        yield PoolProblem(Reason.NODES_MISMATCH, message)
    if nodes and all(node.taint is not None and node.ready and node.schedulable for node in nodes):
        yield from taint_problems(nodes)
    runtime_class = spec.runtime_class_name
    if runtime_class is not None and runtime_class not in snapshot.runtime_classes:
        yield PoolProblem(
            Reason.RUNTIME_CLASS_MISSING,
            f"RuntimeClass '{runtime_class}' does not exist, pods would be rejected: create it or remove runtimeClassName",
        )


def pod_security_exceptions(spec: AcceleratorPoolSpec) -> str:
    """The fields that take the pool's pods out of Pod Security ``restricted``; empty when none does."""
    return " and ".join(_exceptions(spec))


def label_mismatch(accelerator: Accelerator, labels: Mapping[str, str]) -> str | None:
    """The label that shows that a node has another accelerator; ``None`` when none does. Missing labels show nothing."""
    for label, values in accelerator.labels.items():
        value = labels.get(label)
        if value is not None and value not in values:
            return f"{label}={value}, {accelerator.id} has {' or '.join(values)}"
    text = labels.get(accelerator.memory_label, "")
    size = _mebibytes(text)
    if size and abs(size - accelerator.memory_mebibytes) > MEMORY_TOLERANCE_SHARE * accelerator.memory_mebibytes:
        return f"{accelerator.memory_label}={text}, {accelerator.id} has {accelerator.memory_mebibytes} MiB"
    return None


def _missing_nodes(spec: AcceleratorPoolSpec, snapshot: Snapshot) -> PoolProblem:
    """Why a pool has no node: all are lost in a what-if plan, there are none at all, or the selector matches none."""
    if any(spec.node_selector.items() <= node.labels.items() for node in snapshot.lost_nodes):
        return PoolProblem(Reason.NODES_LOST, "this plan assumes that all its nodes are lost")
    if not snapshot.nodes:
        return PoolProblem(Reason.NODES_MISSING, "there are no nodes at all: add nodes")
    selector = ", ".join(f"{key}={value}" for key, value in sorted(spec.node_selector.items()))
    return PoolProblem(Reason.NODES_MISMATCH, f"no node has the labels {selector}: label the nodes or correct nodeSelector")


def _exceptions(spec: AcceleratorPoolSpec) -> Iterator[str]:
    if spec.host_network:
        yield "hostNetwork"
    if spec.driver is Driver.HOST:
        yield "driver: Host"
    if spec.host_mounts:
        yield "hostMounts"


def _mebibytes(text: str) -> int:
    """A size such as 64G, or 97871 without a unit; 0 for any other text."""
    match = _SIZE.fullmatch(text)
    return int(match[1]) * (_GIBIBYTE if match[2] == "G" else 1) if match else 0
