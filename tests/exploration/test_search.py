"""The search finds a planner that is broken in each of the ways that the invariants are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from exploration import liveness, operator_steps, search
from exploration.cluster.model import State
from exploration.cluster.views import Fleet
from exploration.fleets import FLEETS
from exploration.invariants import DESIRED, FLOOR, FOREIGN, ONE_VICTIM, REST, RUNNABLE, SURGE
from exploration.search import Found, Search
from modelmatrix.api import names
from modelmatrix.planning.actions.action import Apply, Delete
from modelmatrix.planning.placement.deployment_plan import EvictedReplica
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import Snapshot

GROWS, TAKES, REFUSED = FLEETS[:3]

Break = Callable[[Snapshot, Plan], Plan]


def found(monkeypatch: pytest.MonkeyPatch, fleet: Fleet, change: Break, states: int = 60) -> Found:
    """A search with a planner whose plans are changed, from a state at rest that it does not change."""

    def broken(state: State, fleet: Fleet) -> tuple[Snapshot, Plan]:
        now, made = operator_steps.planned(state, fleet)
        return now, change(now, made) if state.budget or state.edits else made

    monkeypatch.setattr(search, "planned", broken)
    monkeypatch.setattr(liveness, "planned", broken)
    return Search(fleet, 1, seed=7).run(states)


def test_one_that_deletes_what_serves_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(now: Snapshot, made: Plan) -> Plan:
        doomed = next((item for item in now.workloads if item.owner_uid == "model-1"), None)
        key = next(iter(made.deployments))._replace(namespace="tenant-b", name="b")
        return replace(made, actions=(Delete(names.DEPLOYMENTS, doomed.key, key, doomed.uid),)) if doomed else made

    assert found(monkeypatch, GROWS, change).violations[FLOOR]


def test_one_that_writes_what_others_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(now: Snapshot, made: Plan) -> Plan:
        stranger = next((item for item in now.workloads if item.key.name == "canary"), None)
        if stranger is None:
            return made
        key = next(iter(made.deployments))
        return replace(made, actions=(Delete(names.DEPLOYMENTS, stranger.key, key, stranger.uid),))

    assert found(monkeypatch, GROWS, change).violations[FOREIGN]


def test_one_that_does_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, GROWS, lambda _, made: replace(made, actions=())).violations[DESIRED]


def test_one_that_never_comes_to_rest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(now: Snapshot, made: Plan) -> Plan:
        own = next((item for item in now.workloads if item.owner_uid == "model-1"), None)
        if own is None:
            return made
        key = next(iter(made.deployments))._replace(namespace="tenant-b", name="b")
        metadata = {name: value for name, value in own.manifest["metadata"].items() if name not in ("uid", "generation")}
        manifest = {**own.manifest, "metadata": metadata, "spec": {**own.manifest["spec"], "replicas": 3 - own.replicas}}
        return replace(made, actions=(Apply(names.DEPLOYMENTS, own.key, key, manifest, own.uid),))

    assert found(monkeypatch, GROWS, change, states=5).violations[REST]


def test_one_that_asks_for_more_than_is_desired_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(_now: Snapshot, made: Plan) -> Plan:
        greedy = {
            key: replace(item, placements=tuple(replace(each, replicas=each.replicas + 1) for each in item.placements))
            for key, item in made.deployments.items()
        }
        return replace(made, deployments=greedy)

    assert found(monkeypatch, GROWS, change).violations[SURGE]


def test_one_that_takes_for_what_a_quota_refuses_or_two_at_a_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The taker's own plan, whose victims go in one write."""
    seen: dict[str, int] = {}

    def change(_now: Snapshot, made: Plan) -> Plan:
        taker = next(key for key in made.deployments if key.name == "a")
        victims = {key: item for key, item in made.deployments.items() if key.name == "b" and item.ready}
        for key, item in victims.items():
            running = item.observed[0][0], item.observed[0][1].replicas
            doomed = [replica.held(0.0) for replica in running[1] if replica.ready]
            evicted = tuple(EvictedReplica(running[0].pool, replica) for replica in doomed)
            gone = replace(item, evicted=evicted, preempted_by={taker: len(evicted)})
            action = Delete(names.DEPLOYMENTS, running[0].key, key, running[0].uid)
            seen["victims"] = len(evicted)
            return replace(made, actions=(action,), deployments={**made.deployments, key: gone})
        return made

    wrong = found(monkeypatch, REFUSED, change).violations
    assert seen["victims"] > 1
    assert wrong[ONE_VICTIM]
    assert wrong[RUNNABLE]
