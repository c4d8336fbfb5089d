"""The operator's steps: plan from what it sees, send a write, lose its memory. Each returns the states that follow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from exploration.cluster.model import Object, State, Write
from exploration.cluster.views import Fleet, snapshot
from exploration.cluster.writes import execute, write_of
from modelmatrix.planning.actions.action import Action, SetDeletionCost
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName

TIME = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"')


def planned(state: State, fleet: Fleet) -> tuple[Snapshot, Plan]:
    """The plan of this moment, with the snapshot that it was made from."""
    now = snapshot(state, fleet)
    return now, plan(now, fleet.cache)


def plan_step(state: State, made: Plan) -> State:
    """Hand the plan's writes over; an object with a write under way waits for the next plan."""
    busy = {(write.key, write.service) for write in state.held}
    actions = [write_of(action, _takers(made, action)) for action in made.actions]
    sent = tuple(write for write in actions if (write.key, write.service) not in busy)
    statuses = _statuses(state, made)
    current = {write.deployment for write in actions}
    failures = tuple(entry for entry in state.failures if entry[0] in current)
    return replace(state, in_flight=(*sent, *statuses), failures=failures)


def _takers(made: Plan, action: Action) -> tuple[NamespacedName, ...]:
    """For whom the action takes a replica away; a mark alone takes nothing."""
    deployment = made.deployments.get(action.deployment)
    if deployment is None or not deployment.evicted or isinstance(action, SetDeletionCost):
        return ()
    return tuple(sorted(deployment.preempted_by))


def _statuses(state: State, made: Plan) -> tuple[Write, ...]:
    """One write of all statuses that differ in more than their times."""
    stored = {("model", item.key): item.status for item in state.server.models}
    stored |= {("pool", NamespacedName("", item.name)): item.status for item in state.server.pools}
    wanted = {("model", key): status for key, status in made.statuses.items()}
    wanted |= {("pool", NamespacedName("", name)): status for name, status in made.pool_statuses.items()}
    changed = [
        (*name, text)
        for name, status in wanted.items()
        if name in stored and untimed(text := _text(status)) != untimed(stored[name])
    ]
    nobody = NamespacedName("", "")
    return (Write("Status", nobody, nobody, statuses=tuple(changed)),) if changed else ()


def _text(status: Object) -> str:
    return json.dumps(status, default=str, sort_keys=True)


@lru_cache(maxsize=100_000)
def untimed(text: str) -> str:
    """A status without its times, which alone never cause a write."""
    return TIME.sub('""', text)


def write_steps(state: State) -> Iterator[tuple[str, State]]:
    """Each write under way may be the next that the API server carries out."""
    for index, write in enumerate(state.in_flight):
        rest = (*state.in_flight[:index], *state.in_flight[index + 1 :])
        yield f"write {write.verb} {write.key.name}", execute(replace(state, in_flight=rest), write)
    for index, write in enumerate(state.held):
        rest = (*state.held[:index], *state.held[index + 1 :])
        yield f"late {write.verb} {write.key.name}", execute(replace(state, held=rest), write)


def crashed(state: State) -> State:
    """Another process leads: it has seen everything, and remembers nothing."""
    return replace(state, in_flight=(), failures=(), stale=())
