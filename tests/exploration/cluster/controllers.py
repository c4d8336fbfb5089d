"""One step of each controller of Kubernetes: Deployment and ReplicaSet, garbage collector, scheduler, kubelet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from exploration.cluster.model import Node, Pod, Server, State, Workload
from factories import ASCEND
from modelmatrix.planning.snapshot.views import NamespacedName

QUOTA = 'pods "{}" is forbidden: exceeded quota: devices, requested: requests.{}={}, used: 0, limited: 0'
STRANGER = "somebody"  # UID of an owner that is no model

Step = tuple[str, State]


def controller_steps(state: State) -> Iterator[Step]:
    """Every step that changes something, with its name. Pods of one workload are alike, so the oldest goes first."""
    for workload in state.server.workloads:
        after = sync(state, workload)
        if after is not state:
            yield f"sync {workload.key.name}", after
    for name, pods in _garbage(state.server):
        yield f"collect {name}", replace(state, server=replace(state.server, **pods))
    after = schedule(state)
    if after is not state:
        yield "schedule", after
    yield from _kubelets(state)
    for name, number in _doomed(state.server):
        yield f"evict {name} from its lost node", _with_pod(state, number, deleting=True, ready=False)


def sync(state: State, workload: Workload) -> State:
    """The Deployment's and its ReplicaSets' controllers: pods come, go and are replaced; the status follows."""
    live = [pod for pod in state.server.pods if pod.workload == workload.number and not pod.deleting]
    gone = {pod.number for pod in _surplus(workload, live)}
    left = [pod for pod in live if pod.number not in gone]
    missing = _missing(workload, left)
    full = workload.key.namespace in state.server.full
    message = QUOTA.format(workload.key.name, ASCEND, workload.devices) if missing and full else ""
    seen = replace(workload, observed=workload.generation, failure=message)
    made = tuple(
        Pod(state.numbers + index, workload.number, workload.manifest, state.now) for index in range(0 if full else missing)
    )
    if seen == workload and not gone and not made:
        return state
    pods = tuple(replace(pod, deleting=True) if pod.number in gone else pod for pod in state.server.pods)
    workloads = tuple(seen if item is workload else item for item in state.server.workloads)
    return replace(
        state,
        server=replace(state.server, workloads=workloads, pods=(*pods, *made)),
        numbers=state.numbers + len(made),
    )


def _surplus(workload: Workload, live: list[Pod]) -> list[Pod]:
    """Pods that go: those above the number, then old ones as far as enough others serve."""
    old = [pod for pod in live if pod.manifest.digest != workload.manifest.digest]
    most = workload.replicas + (1 if old and workload.surge else 0)
    ranked = sorted(live, key=lambda pod: (bool(pod.node), pod.ready, not pod.marked, -pod.number))
    going = ranked[: max(0, len(live) - most)]
    if going or not old:
        return going
    least = workload.replicas - (0 if workload.surge else 1)
    unready_new = sum(1 for pod in live if pod not in old and not pod.ready)
    room = max(0, len(live) - least - unready_new)
    unready = [pod for pod in old if not pod.ready][:room]
    serving = sum(pod.ready for pod in live)
    return unready + [pod for pod in old if pod.ready][: max(0, min(room - len(unready), serving - least))]


def _missing(workload: Workload, left: list[Pod]) -> int:
    new = sum(1 for pod in left if pod.manifest.digest == workload.manifest.digest)
    most = workload.replicas + (1 if new < len(left) and workload.surge else 0)
    return max(0, min(workload.replicas - new, most - len(left)))


def _garbage(server: Server) -> Iterator[tuple[str, dict[str, tuple[object, ...]]]]:
    """Objects whose owner is gone, one kind at a time."""
    owners = {model.uid for model in server.models} | {STRANGER}
    orphans = [item for item in server.workloads if item.owner not in owners]
    if orphans:
        yield "workloads", {"workloads": tuple(item for item in server.workloads if item not in orphans)}
    numbers = {item.number for item in server.workloads}
    if any(pod.workload not in numbers and not pod.deleting for pod in server.pods):
        yield "pods", {"pods": tuple(pod if pod.workload in numbers else replace(pod, deleting=True) for pod in server.pods)}
    if any(item.owner not in owners for item in server.services):
        yield "services", {"services": tuple(item for item in server.services if item.owner in owners)}


def schedule(state: State) -> State:
    """The scheduler: bind the first pod that fits, by priority class; it says why the others do not."""
    classes = {
        item.number: item.manifest.content["spec"]["template"]["spec"]["priorityClassName"] for item in state.server.workloads
    }
    pending = [pod for pod in state.server.pods if not pod.node and not pod.deleting]
    pods = {pod.number: pod for pod in state.server.pods}
    for pod in sorted(pending, key=lambda pod: (classes.get(pod.workload, ""), pod.number)):
        workload = next((item for item in state.server.workloads if item.number == pod.workload), None)
        if workload is None:
            continue
        node = _fitting(state.server, workload)
        if node is not None:
            pods[pod.number] = replace(pod, node=node.name, problem="")
            break
        pods[pod.number] = replace(pod, problem=_refusal(state.server, workload))
    after = tuple(pods.values())
    return state if after == state.server.pods else replace(state, server=replace(state.server, pods=after))


def _fitting(server: Server, workload: Workload) -> Node | None:
    """The fullest node that has room, as the packing profile chooses."""
    rooms = [
        (free(server, node), node.name, node)
        for node in server.nodes
        if node.pool == workload.pool and node.ready and not node.tainted and free(server, node) >= workload.devices
    ]
    return min(rooms)[2] if rooms else None


def free(server: Server, node: Node) -> int:
    """Devices of a node that no pod holds; those of terminating pods are held."""
    devices = {item.number: item.devices for item in server.workloads}
    held = sum(_devices(pod, devices) for pod in server.pods if pod.node == node.name)
    return node.devices - node.foreign - held


def _devices(pod: Pod, known: dict[int, int]) -> int:
    if pod.workload in known:
        return known[pod.workload]
    limits = pod.manifest.content["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    return sum(int(count) for name, count in limits.items() if "/" in name)


def _refusal(server: Server, workload: Workload) -> str:
    tainted = [node for node in server.nodes if node.pool == workload.pool and node.tainted]
    total = len(server.nodes)
    why = "had untolerated taint {maintenance: }" if tainted else f"Insufficient {ASCEND}"
    return f"0/{total} nodes are available: {total} {why}."


def _kubelets(state: State) -> Iterator[Step]:
    """Of each workload the oldest pod that may start does, the oldest that terminates ends."""
    server = state.server
    nodes = {node.name: node for node in server.nodes}
    pullable = {pool.name: pool.pullable for pool in server.pools}
    begun: set[int] = set()
    ended: set[int] = set()
    for pod in server.pods:
        node = nodes.get(pod.node)
        if pod.deleting and pod.workload not in ended and (node is None or node.ready):
            ended.add(pod.workload)
            yield f"end {pod.uid}", replace(state, server=replace(server, pods=tuple(p for p in server.pods if p is not pod)))
        elif node and node.ready and not pod.ready and not pod.deleting and pod.workload not in begun:
            begun.add(pod.workload)
            message = "" if pullable[node.pool] else "Back-off pulling image"
            after = _with_pod(state, pod.number, ready=not message, problem=message)
            if after != state:
                yield f"start {pod.uid}", after


def _doomed(server: Server) -> Iterator[tuple[str, int]]:
    """Pods on a node that is lost: first they are not ready, then they are deleted."""
    lost = {node.name for node in server.nodes if not node.ready}
    for pod in server.pods:
        if pod.node in lost and not pod.deleting:
            yield pod.uid, pod.number
            return


def _with_pod(state: State, number: int, **changes: object) -> State:
    pods = tuple(replace(pod, **changes) if pod.number == number else pod for pod in state.server.pods)
    return replace(state, server=replace(state.server, pods=pods))


def ready_of(server: Server, model: NamespacedName) -> int:
    """Replicas of a model that serve."""
    uid = next((item.uid for item in server.models if item.key == model), "")
    numbers = {item.number for item in server.workloads if item.owner == uid}
    return sum(1 for pod in server.pods if pod.workload in numbers and pod.ready and not pod.deleting)
