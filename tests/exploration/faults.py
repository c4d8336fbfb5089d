"""What goes wrong, each at the price of one of the state's faults, and what ends it again, which costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from exploration.cluster.model import Node, Pool, Server, State
from exploration.cluster.views import WATCHED, Fleet
from exploration.cluster.writes import refuse
from exploration.operator_steps import crashed

Step = tuple[str, State]
REFUSED = "denied by a policy"


def fault_steps(state: State, fleet: Fleet) -> Iterator[Step]:
    """Every fault of the fleet's kinds that may happen now, and every recovery."""
    if state.budget > 0:
        poorer = replace(state, budget=state.budget - 1)
        for kind in fleet.faults:
            yield from FAULTS[kind](poorer, fleet)
    yield from _recoveries(state, fleet)


def _crash(state: State, _fleet: Fleet) -> Iterator[Step]:
    if state.in_flight or state.failures or state.stale:
        yield "crash", crashed(state)


def _lag(state: State, _fleet: Fleet) -> Iterator[Step]:
    hanging = {kind for kind, _ in state.stale}
    for kind in WATCHED:
        if kind not in hanging:
            yield f"lag {kind}", replace(state, stale=tuple(sorted((*state.stale, (kind, getattr(state.server, kind))))))


def _refusal(state: State, _fleet: Fleet) -> Iterator[Step]:
    for write in state.in_flight:
        rest = tuple(other for other in state.in_flight if other is not write)
        if write.verb != "Status":
            yield f"refuse {write.verb} {write.key.name}", refuse(replace(state, in_flight=rest), write, REFUSED)


def _hold(state: State, _fleet: Fleet) -> Iterator[Step]:
    for write in state.in_flight:
        rest = tuple(other for other in state.in_flight if other is not write)
        yield f"hold {write.verb} {write.key.name}", replace(state, in_flight=rest, held=(*state.held, write))


def _node_loss(state: State, _fleet: Fleet) -> Iterator[Step]:
    for node in state.server.nodes:
        if node.ready:
            yield f"lose {node.name}", _with_node(state, node, replace(node, ready=False))


def _taint(state: State, _fleet: Fleet) -> Iterator[Step]:
    for node in state.server.nodes:
        if not node.tainted:
            yield f"taint {node.name}", _with_node(state, node, replace(node, tainted=True))


def _image(state: State, _fleet: Fleet) -> Iterator[Step]:
    for pool in state.server.pools:
        if pool.pullable:
            yield f"image of {pool.name} fails", _with_pool(state, pool, replace(pool, pullable=False))


def _quota(state: State, _fleet: Fleet) -> Iterator[Step]:
    for namespace in sorted({model.key.namespace for model in state.server.models} - state.server.full):
        yield f"quota of {namespace}", _with(state, full=state.server.full | {namespace})


def _pod_failure(state: State, _fleet: Fleet) -> Iterator[Step]:
    """A pod that serves is deleted by somebody: an eviction, a drain, a crash of its node's kubelet."""
    seen: set[int] = set()
    for pod in state.server.pods:
        if pod.ready and not pod.deleting and pod.workload not in seen:
            seen.add(pod.workload)
            gone = tuple(replace(other, deleting=True) if other is pod else other for other in state.server.pods)
            yield f"delete {pod.uid}", _with(state, pods=gone)


FAULTS = {
    "crash": _crash,
    "lag": _lag,
    "refusal": _refusal,
    "hold": _hold,
    "node": _node_loss,
    "taint": _taint,
    "image": _image,
    "quota": _quota,
    "pod": _pod_failure,
}


def _recoveries(state: State, fleet: Fleet) -> Iterator[Step]:
    for kind, _ in state.stale:
        yield f"catch up {kind}", replace(state, stale=tuple(entry for entry in state.stale if entry[0] != kind))
    for before, after in zip(state.server.nodes, fleet.start.nodes, strict=True):
        if before != after:
            yield f"{before.name} is well", _with_node(state, before, after)
    for pool, began in zip(state.server.pools, fleet.start.pools, strict=True):
        if pool.pullable != began.pullable:
            yield f"image of {pool.name} is there", _with_pool(state, pool, replace(pool, pullable=began.pullable))
    for namespace in sorted(state.server.full - fleet.start.full):
        yield f"quota of {namespace} is lifted", _with(state, full=state.server.full - {namespace})


def healed(state: State, fleet: Fleet) -> State:
    """The state when every fault has ended at once; what is under way arrives after that."""
    pools = tuple(
        replace(now, pullable=began.pullable) for now, began in zip(state.server.pools, fleet.start.pools, strict=True)
    )
    return replace(_with(state, pools=pools, nodes=fleet.start.nodes, full=fleet.start.full), stale=(), budget=0)


def edit_step(state: State, fleet: Fleet) -> Iterator[Step]:
    """The user's next edit."""
    if state.edits == len(fleet.edits):
        return
    key, variant = fleet.edits[state.edits]
    done = replace(state, edits=state.edits + 1)
    if variant is None:
        yield f"delete {key.name}", _with(done, models=tuple(item for item in state.server.models if item.key != key))
        return
    models = tuple(
        replace(item, variant=variant, generation=item.generation + 1) if item.key == key else item
        for item in state.server.models
    )
    yield f"edit {key.name}", _with(done, models=models)


def _with_node(state: State, before: Node, after: Node) -> State:
    return _with(state, nodes=tuple(after if node is before else node for node in state.server.nodes))


def _with_pool(state: State, before: Pool, after: Pool) -> State:
    return _with(state, pools=tuple(after if pool is before else pool for pool in state.server.pools))


def _with(state: State, **fields: object) -> State:
    server: Server = replace(state.server, **fields)  # type: ignore[arg-type]
    return replace(state, server=server)
