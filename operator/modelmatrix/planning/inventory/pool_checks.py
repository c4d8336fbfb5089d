"""What is wrong with a pool, in words that say what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec, Driver
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.snapshot.snapshot import Snapshot

_SHOWN = 3  # names in a message before it says how many more


def check_pool(state: PoolState, snapshot: Snapshot) -> None:
    """Note what is wrong with a pool as a whole, and what takes its pods out of Pod Security ``restricted``."""
    if state.spec is None or state.accelerator is None:
        return
    if not state.nodes and not state.problems:
        state.problems.append(_missing_nodes(state.spec, snapshot))
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


def _missing_nodes(spec: AcceleratorPoolSpec, snapshot: Snapshot) -> tuple[Reason, str]:
    """Why a pool has no node: all are lost in a what-if plan, there are none at all, or the selector matches none."""
    if any(spec.node_selector.items() <= node.labels.items() for node in snapshot.lost_nodes):
        return Reason.NODES_LOST, "this plan assumes that all its nodes are lost"
    if not snapshot.nodes:
        return (
            Reason.NODES_MISSING,
            "there are no nodes at all: add some; with --offline add the output of kubectl get nodes -o yaml",
        )
    selector = ", ".join(f"{key}={value}" for key, value in sorted(spec.node_selector.items()))
    return Reason.NODES_MISMATCH, f"no node has the labels {selector}: label the nodes or correct nodeSelector"


def _relaxed(spec: AcceleratorPoolSpec) -> Iterator[str]:
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
