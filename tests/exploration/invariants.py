"""What must hold of every plan, of every write and of every state. Each check yields what is wrong, by the invariant's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from exploration.cluster.controllers import ready_of
from exploration.cluster.model import Debt, State, Write
from exploration.cluster.views import seen
from modelmatrix.planning.actions.action import Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import NamespacedName

Violation = tuple[str, str]

FLOOR = "no act of ours takes what serves below the floor"
ONE_VICTIM = "a taker takes one replica at a time"
RUNNABLE = "nothing is taken for what cannot run"
FOREIGN = "nothing foreign is touched"
SURGE = "no second current workload beyond surge"
ONE_ROLLOUT = "one rollout in place a pool at a time"
REST = "once faults stop, plans become empty"
DESIRED = "once faults stop, what is desired serves"
# The invariants that hold today. One that is not in here is reported and fails nothing.
ENABLED = frozenset({FOREIGN, ONE_ROLLOUT, REST})


def of_plan(state: State, made: Plan) -> Iterator[Violation]:
    """What is wrong with a plan, as seen by the operator that made it."""
    for key, deployment in made.deployments.items():
        yield from _floor(key, deployment, made)
        yield from _surge(key, deployment, made)
    yield from _one_victim(made)
    yield from _foreign(state, made)
    yield from _rollouts(made)


def _floor(key: NamespacedName, deployment: DeploymentPlan, made: Plan) -> Iterator[Violation]:
    """Serving replicas that the plan's actions take, beyond what is too much and what gives way to others."""
    if deployment.desired is None:
        return
    changes = {action.key: action for action in made.actions if action.deployment == key}
    lost = sum(_loss(observed.ready, changes.get(workload.key)) for workload, observed in deployment.observed)
    spare = max(0, deployment.ready - deployment.desired_replicas)
    given = len(deployment.evicted) + _in_place(deployment, changes)
    if lost > spare + given:
        yield FLOOR, f"{key} loses {lost} of {deployment.ready}, desired {deployment.desired_replicas}, announced {given}"


def _loss(ready: int, action: object) -> int:
    """Pods that serve go last."""
    if isinstance(action, Delete):
        return ready
    if isinstance(action, Scale):
        return max(0, ready - action.replicas)
    if isinstance(action, Apply):
        return max(0, ready - int(action.manifest["spec"]["replicas"]))
    return 0


def _in_place(deployment: DeploymentPlan, changes: Mapping[NamespacedName, object]) -> int:
    """One replica where a new layout or template has no room beside the old one."""
    moving = any(item.workload.key in changes for item in deployment.retiring)
    return int(bool(moving and deployment.shortage))


def _surge(key: NamespacedName, deployment: DeploymentPlan, made: Plan) -> Iterator[Violation]:
    """Replicas of current workloads after the actions, compared with what is desired and what was there."""
    if deployment.desired is None:
        return
    before = sum(item.workload.replicas for item in deployment.placements if item.workload)
    after = sum(item.replicas for item in deployment.placements)
    raising = any(isinstance(action, Create | Apply) for action in made.actions if action.deployment == key)
    if raising and after > max(before, deployment.desired_replicas):
        yield SURGE, f"{key}: {after} replicas in current workloads, desired {deployment.desired_replicas}"


def _one_victim(made: Plan) -> Iterator[Violation]:
    victims: dict[NamespacedName, int] = {}
    for deployment in made.deployments.values():
        running = len(deployment.evicted)
        for taker, count in deployment.preempted_by.items():
            victims[taker] = victims.get(taker, 0) + min(count, running)
    for taker, count in victims.items():
        if count > 1:
            yield ONE_VICTIM, f"{taker} takes {count} running replicas in one plan"


def _foreign(state: State, made: Plan) -> Iterator[Violation]:
    """Every object that is written belongs to the model for which it is written, or is new."""
    server = seen(state)
    owners = {model.key: model.uid for model in server.models}
    workloads = {item.uid: item for item in server.workloads}
    pods = {pod.uid: pod for pod in server.pods}
    services = {f"service-{item.number}": item.owner for item in server.services}
    mine = {item.number: item.owner for item in server.workloads}
    for action in made.actions:
        if isinstance(action, Create):
            continue
        owner = services.get(action.uid) or (workloads[action.uid].owner if action.uid in workloads else "")
        if isinstance(action, SetDeletionCost):
            owner = mine.get(pods[action.uid].workload, "") if action.uid in pods else ""
        if owner != owners.get(action.deployment):
            yield FOREIGN, f"{type(action).__name__} of {action.key} for {action.deployment}, which {owner or 'nobody'} owns"


def _rollouts(made: Plan) -> Iterator[Violation]:
    """Deployments that lose a replica to a rollout in place, by pool."""
    rolling: dict[str, set[NamespacedName]] = {}
    for key, deployment in made.deployments.items():
        for placement in deployment.placements:
            if placement.is_outdated and not placement.surge and placement.ready:
                rolling.setdefault(placement.option.pool, set()).add(key)
    changed = {action.deployment for action in made.actions if isinstance(action, Apply)}
    for pool, keys in rolling.items():
        if len(keys) > 1 and keys & changed:
            yield ONE_ROLLOUT, f"{pool}: {sorted(keys)} at once"


def indebted(before: State, after: State, write: Write) -> tuple[State, list[Violation]]:
    """The state with what a write has taken from others, and what is wrong with that.

    A write takes when its workload has fewer replicas afterwards.
    """
    if not write.takers:
        return after, []
    old = next((item for item in before.server.workloads if item.key == write.key), None)
    new = next((item for item in after.server.workloads if item.key == write.key), None)
    if old is None or (new is not None and new.replicas >= old.replicas):
        return after, []
    wrong: list[Violation] = []
    debts = set(after.debts)
    for taker in write.takers:
        open_debts = [debt for debt in debts if debt.taker == taker]
        if open_debts:
            wrong.append((ONE_VICTIM, f"{taker} takes from {write.deployment} and still owes {len(open_debts)}"))
        if taker.namespace in before.server.full:
            wrong.append((RUNNABLE, f"{taker} takes from {write.deployment} while its quota admits no pod"))
        victim_ready = ready_of(before.server, write.deployment)
        debts.add(Debt(taker, write.deployment, ready_of(before.server, taker), victim_ready))
    return replace(after, debts=frozenset(debts)), wrong


def settled(state: State) -> State:
    """The state without debts that are paid: the taker serves more than before, the victim does again, or one is gone."""
    if not state.debts:
        return state
    models = {model.key for model in state.server.models}
    left = frozenset(debt for debt in state.debts if {debt.taker, debt.victim} <= models and not _is_paid(state, debt))
    return state if left == state.debts else replace(state, debts=left)


def _is_paid(state: State, debt: Debt) -> bool:
    if ready_of(state.server, debt.taker) > debt.taker_ready:
        return True
    return ready_of(state.server, debt.victim) >= debt.victim_ready and not _shrinks(state, debt.victim)


def _shrinks(state: State, model: NamespacedName) -> bool:
    """Whether pods of a model's workloads are still to be removed."""
    uid = next(item.uid for item in state.server.models if item.key == model)
    for workload in state.server.workloads:
        live = sum(1 for pod in state.server.pods if pod.workload == workload.number and not pod.deleting)
        if workload.owner == uid and live > workload.replicas:
            return True
    return False
