"""What a pool's Ready condition says about nodes that differ, though the pool is Ready: each with what to change. Pure.

Messages name what does not change by itself: nodes, taints, sizes, pods, the moment since which a pod should have ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from modelmatrix.api.conditions import timestamp
from modelmatrix.api.names import PRIORITY_CLASS_PREFIX
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.inventory.pool_state import NodeState, PoolProblem
from modelmatrix.planning.inventory.taints import is_lifecycle
from modelmatrix.planning.snapshot.views import NamespacedName, Taint

NAMES_MAX = 3  # in a message, which then gives the number of the others


def pool_notes(nodes: Sequence[NodeState], size: int) -> Iterator[PoolProblem]:
    """What is worth knowing about a pool that is Ready; ``size`` is the devices of a whole node."""
    unhealthy = sum(node.total - node.allocatable for node in nodes)
    if unhealthy:
        where = ", ".join(node.name for node in nodes if node.total > node.allocatable)
        yield PoolProblem(Reason.DEVICES_UNHEALTHY, f"{unhealthy} devices are unhealthy on {where}: repair them")
    yield from taint_problems(nodes)
    yield from _other_sizes(nodes, size)
    yield from _overdue(nodes)
    yield from _borrowed_classes(nodes)


def taint_problems(nodes: Iterable[NodeState]) -> Iterator[PoolProblem]:
    """Taints that keep new replicas away, each with its nodes; those of nodes that are down or cordoned say nothing new."""
    tainted: defaultdict[Taint, list[str]] = defaultdict(list)
    for node in nodes:
        if node.taint is not None and node.ready and node.schedulable:
            tainted[node.taint].append(node.name)
    for taint, names in sorted(tainted.items()):
        have = "have" if len(names) > 1 else "has"
        message = f"{some_nodes(names)} {have} the taint {taint} and take{'' if len(names) > 1 else 's'} no new replicas: "
        yield PoolProblem(Reason.NODES_TAINTED, f"{message}{taint_remedy(taint)}")


def taint_remedy(taint: Taint) -> str:
    """What to do about a taint that keeps new replicas away."""
    if is_lifecycle(taint):
        return "Kubernetes removes it when the node has recovered"
    return "add a toleration to the pool's spec.tolerations, or remove the taint"


def some_nodes(names: Sequence[str]) -> str:
    """The names of nodes, the first few."""
    return f"node{'s' if len(names) > 1 else ''} {_some(names)}"


def _other_sizes(nodes: Iterable[NodeState], size: int) -> Iterator[PoolProblem]:
    by_size: defaultdict[int, list[str]] = defaultdict(list)
    for node in nodes:
        if node.known and node.total != size:
            by_size[node.total].append(node.name)
    for other, names in sorted(by_size.items()):
        message = f"{some_nodes(names)} ha{'ve' if len(names) > 1 else 's'} {other} devices, the pool's nodes have {size}: "
        advice = "layouts follow the pool's; give nodes of another size a pool of their own"
        yield PoolProblem(Reason.NODES_MISMATCH, f"{message}{advice}")


def _overdue(nodes: Iterable[NodeState]) -> Iterator[PoolProblem]:
    found = [(holder, node.name) for node in nodes for holder in node.overdue]
    for holder, node in found[:NAMES_MAX]:
        since = timestamp(holder.grace_ends_seconds)
        yield PoolProblem(
            Reason.TERMINATION_OVERDUE,
            f"pod {holder.pod} should have ended by {since} and holds {holder.devices} devices of node {node}: see its "
            "finalizers and the node's kubelet, or delete it by force when the node is off",
        )


def _borrowed_classes(nodes: Iterable[NodeState]) -> Iterator[PoolProblem]:
    pods: list[NamespacedName] = [
        holder.pod for node in nodes for holder in node.foreign if holder.priority_class.startswith(PRIORITY_CLASS_PREFIX)
    ]
    if pods:
        who = f"pod{'s' if len(pods) > 1 else ''} {_some([str(pod) for pod in pods])}"
        advice = "only pods of this operator may use them, give other pods another class"
        yield PoolProblem(Reason.PRIORITY_BORROWED, f"PriorityClasses of this operator are used by {who}: {advice}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return f"{', '.join(names[:NAMES_MAX])}{more}"
