"""What must hold of every plan of every fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factories import snapshot
from modelmatrix.api import names
from modelmatrix.api.accelerator_pool import AcceleratorPoolStatus
from modelmatrix.api.conditions import condition_types
from modelmatrix.api.model_deployment import ModelDeploymentStatus
from modelmatrix.api.reasons import Reason, reason_of
from modelmatrix.api.tenant_policy import TenantPolicyStatus
from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, ScaleDecision, Snapshot
from scenarios.fleets import worlds
from scenarios.world import World, rest


def said(made: Plan) -> tuple[Any, ...]:
    """Everything that a plan says, without the values that it was made from."""
    return made.actions, made.statuses, made.pool_statuses, made.policy_statuses, made.events, made.new_devices


@given(worlds())
def test_a_plan_is_total_and_its_statuses_keep_their_schema(world: World) -> None:
    made = world.plan()
    assert set(made.statuses) == set(world.deployments)
    assert set(made.pool_statuses) == set(world.pools)
    assert set(made.policy_statuses) == set(world.policies)
    for status in made.statuses.values():
        ModelDeploymentStatus.model_validate(status)
        check_conditions(status, names.MODEL_DEPLOYMENTS)
    for status in made.pool_statuses.values():
        AcceleratorPoolStatus.model_validate(status)
        check_conditions(status, names.ACCELERATOR_POOLS)
    for status in made.policy_statuses.values():
        TenantPolicyStatus.model_validate(status)
        check_conditions(status, names.TENANT_POLICIES)


def check_conditions(status: dict[str, Any], kind: names.Kind) -> None:
    types = Counter(condition["type"] for condition in status["conditions"])
    assert types.keys() <= set(condition_types(kind))
    assert max(types.values()) == 1
    for condition in status["conditions"]:
        assert reason_of(condition["reason"]) is not None
        assert condition["status"] in ("True", "False", "Unknown")
        assert condition["message"] or condition["status"] == "True"
        assert len(condition["message"]) <= 1024
    ready = next(item for item in status["conditions"] if item["type"] == "Ready")
    assert (ready["status"] != "True") == bool({"Reconciling", "Stalled"} & types.keys()) or "Stalled" not in types


@given(worlds(), st.integers(0, 5))
def test_a_plan_is_deterministic_in_any_order(world: World, turn: int) -> None:
    first = world.snapshot()
    again = said(plan(first))
    assert said(plan(world.snapshot())) == again
    assert sorted_said(plan(turned(first, turn))) == sorted_said(plan(first))


def turned(state: Snapshot, turn: int) -> Snapshot:
    """The same state with every tuple backwards, and begun somewhere else."""
    fields = ("deployments", "pools", "nodes", "pods", "workloads", "services", "tenant_policies")
    backwards = {name: getattr(state, name)[::-1] for name in fields}
    return replace(state, **{name: (*items[turn:], *items[:turn]) for name, items in backwards.items()})


def sorted_said(made: Plan) -> tuple[Any, ...]:
    """What a plan says about each object, whatever object it says it about first."""
    actions = sorted(made.actions, key=lambda action: (action.deployment, action.key, type(action).__name__))
    notes = sorted(made.events, key=lambda note: (note.key, note.action, note.reason))
    return actions, dict(made.statuses), dict(made.pool_statuses), dict(made.policy_statuses), notes, made.new_devices


@given(worlds(sane=True))
def test_carrying_out_a_plan_leads_to_a_state_that_needs_no_plan(world: World) -> None:
    made = rest(world)
    assert not made.actions
    world.apply(made)
    assert said(world.plan())[1:5] == (made.statuses, made.pool_statuses, made.policy_statuses, ())


@given(worlds())
def test_strange_fleets_come_to_rest_too(world: World) -> None:
    rest(world)


@given(worlds())
def test_no_node_is_given_away_twice_and_no_limit_passed(world: World) -> None:
    check_devices(world)
    rest(world)
    check_devices(world)


def check_devices(world: World) -> None:
    """New replicas are packed into devices that are free, terminating pods counted as leaving, and below the limit."""
    made = world.plan()
    for name, pool in made.pools.items():
        granted: Counter[str] = Counter()
        total = 0
        for deployment in made.deployments.values():
            option = next((o for o in deployment.fitting if o.pool == name), None)
            placement = next((p for p in deployment.placements if p.option.pool == name), None)
            if option is None or placement is None:
                continue
            total += option.devices * placement.placed
            for replica in placement.new_nodes:
                granted.update(dict.fromkeys(replica, option.devices // option.nodes))
        for node in pool.nodes:
            available = node.allocatable - node.used + node.terminating + held_there(made, name, node.name)
            assert granted[node.name] == 0 or granted[node.name] <= available
            assert node.free >= min(0, node.allocatable - node.used + node.terminating)
        if pool.limit is not None:
            assert total <= pool.limit or not made.new_devices.get(name)


def held_there(made: Plan, pool: str, node: str) -> int:
    """Devices on a node that replicas hold which are being completed: they are granted once more."""
    held = 0
    for deployment in made.deployments.values():
        placement = next((p for p in deployment.placements if p.option.pool == pool and p.workload is not None), None)
        for replica in placement.observed.replicas if placement and placement.observed else ():
            if placement and not replica.bound:
                option = placement.option
                held += sum(option.devices // option.nodes for pod in replica.pods if pod.node == node)
    for deployment in made.deployments.values():
        for evicted in deployment.evicted:
            option = next((o for o in deployment.fitting if o.pool == evicted.pool), None)
            if evicted.pool == pool and option is not None and node in evicted.replica.nodes:
                held += option.devices // option.nodes
    return held


@given(worlds(sane=True))
def test_workloads_never_hold_more_than_a_node_has(world: World) -> None:
    for _ in range(6):
        made = world.plan()
        world.apply(made)
        world.step()
        for node in world.nodes.values():
            for resource, count in node.allocatable.items():
                ours = sum(pod.devices.get(resource, 0) for pod in world.pods if pod.node == node.name)
                assert ours <= count


@given(worlds(sane=True), st.sampled_from([Reason.SIGNALS_MISSING, Reason.SIGNALS_STALE, Reason.PROMETHEUS_UNAVAILABLE]))
def test_unknown_signals_never_lower_a_number(world: World, quality: Reason) -> None:
    rest(world)
    before = {key: view.status.get("desiredReplicas", 0) for key, view in world.deployments.items()}
    measured = {key: MeasuredSlo(quality, "no samples") for key in world.deployments}
    held = {key: ScaleDecision(number, quality, "no samples") for key, number in before.items()}
    for decisions in ({}, held):
        made = world.plan(measured=measured, decisions=decisions)
        for key, status in made.statuses.items():
            assert status["desiredReplicas"] >= before[key]


@given(worlds(sane=True), st.integers(0, 6))
def test_a_restart_does_nothing_and_says_nothing(world: World, number: int) -> None:
    decisions = {key: ScaleDecision(number, Reason.LOAD_RISING, "arrivals") for key in world.deployments}
    measured = {key: MeasuredSlo(Reason.SIGNALS_FRESH, "fresh", 97.5, 800, 40, 300) for key in world.deployments}
    world.apply(rest(world, decisions=decisions, measured=measured))
    before = {key: view.status for key, view in world.deployments.items()}
    made = world.plan()
    assert made.actions == ()
    assert made.events == ()
    assert made.statuses == before


@given(worlds(sane=True))
@settings(max_examples=50)
def test_what_runs_goes_on_running_when_its_deployment_becomes_impossible(world: World) -> None:
    rest(world)
    running = [pod.uid for pod in world.pods if pod.ready]
    for key, view in world.deployments.items():
        assert view.spec is not None
        impossible = view.spec.model_copy(update={"model": view.spec.model.model_copy(update={"name": "Unheard-of"})})
        world.deployments[key] = replace(view, spec=impossible, generation=view.generation + 1)
    wanted_none = {key for key, view in world.deployments.items() if view.spec and view.spec.suspend}
    rest(world)
    left = {pod.uid for pod in world.pods if pod.ready}
    assert [uid for uid in running if uid not in left] == [] or wanted_none


@given(worlds(), st.integers(0, 3))
def test_ready_says_that_what_is_asked_for_now_serves(world: World, rounds: int) -> None:
    for _ in range(rounds):
        world.apply(world.plan())
        world.step()
    made = world.plan()
    for key, deployment in made.deployments.items():
        said = {item["type"]: item["status"] for item in made.statuses[key]["conditions"]}
        if said["Ready"] == "True" and deployment.desired_replicas:
            assert sum(item.ready for item in deployment.placements) >= deployment.desired_replicas
            assert not [item for item in deployment.placements if item.workload and item.workload.rolling]
            assert said["Placed"] == "True"


@given(worlds(sane=True))
def test_what_runs_is_said_and_priced_the_same_when_nobody_can_say_what_is_wanted(world: World) -> None:
    before = rest(world).statuses
    for key, view in world.deployments.items():
        world.deployments[key] = replace(view, spec=None, error="spec: junk", generation=view.generation + 1)
    for key, status in world.plan().statuses.items():
        for field in ("placements", "placementSummary", "costPerHour"):
            assert _held(status.get(field)) == _held(before[key].get(field)), field


def _held(said: Any) -> Any:
    """Placements that have replicas, in any order, and a summary as its parts; the rest as it is."""
    if isinstance(said, list):
        return sorted((item["pool"], item["engine"], item["image"], item["ready"]) for item in said if item["ready"])
    return sorted(said.split()) if isinstance(said, str) else said


@given(worlds())
def test_a_fleet_without_anything_else_is_planned(world: World) -> None:
    made = plan(snapshot(deployments=tuple(world.deployments.values())))
    assert not [action for action in made.actions if isinstance(action, Create)]
    for status in made.statuses.values():
        assert status["readyReplicas"] == 0
