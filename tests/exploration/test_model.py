"""The cluster of the exploration behaves like a real one in what the searches rest on."""

from __future__ import annotations

from dataclasses import replace

from exploration.cluster.canonical import canonical
from exploration.cluster.controllers import controller_steps, ready_of, sync
from exploration.cluster.model import State
from exploration.cluster.views import snapshot, wall_seconds
from exploration.cluster.writes import execute
from exploration.fleets import FLEETS, A, B, fleet, server, spec
from exploration.liveness import FairRuns, at_rest
from exploration.operator_steps import TIME, plan_step, planned
from modelmatrix.api.conditions import parse_timestamp, timestamp

LONGER = [spec("P0", 1, "one"), spec("P2", 2, "one"), spec("P0", 1, "one", maxModelLen=4096)]
SHORT = fleet(
    "short",
    server((A, 0), (B, 1), one=1, two=0),
    [spec("P0", 1, "one"), spec("P2", 2, "one"), spec("P0", 1, "one", maxModelLen=4096)],
)


def test_every_fleet_begins_as_the_best_that_can_be() -> None:
    for each in FLEETS:
        state = at_rest(each)
        ideal = FairRuns(each).ideal(state)
        assert {key: ready_of(state.server, key) for key in ideal} == ideal, each.name
        assert sum(ideal.values()), each.name


def test_what_is_short_goes_by_priority() -> None:
    state = at_rest(SHORT)
    assert (ready_of(state.server, A), ready_of(state.server, B)) == (1, 1)


def test_a_state_is_the_same_whatever_its_numbers_and_its_clock() -> None:
    state = at_rest(SHORT)
    pods = tuple(replace(pod, number=pod.number + 7) for pod in state.server.pods)
    renamed = replace(state, server=replace(state.server, pods=pods))
    assert canonical(renamed) == canonical(state)
    aged = tuple(replace(pod, created=pod.created + 5) for pod in state.server.pods)
    text = [(model, _later(model.status)) for model in state.server.models]
    models = tuple(replace(model, status=status) for model, status in text)
    pools = tuple(replace(pool, status=_later(pool.status)) for pool in state.server.pools)
    later = replace(state, now=state.now + 5, server=replace(state.server, pods=aged, models=models, pools=pools))
    assert canonical(later) == canonical(state)
    assert canonical(replace(later, now=later.now + 1)) != canonical(state)


def _later(status: str) -> str:
    moved = wall_seconds(5) - wall_seconds(0)
    return TIME.sub(lambda match: f'"{timestamp(parse_timestamp(match[0].strip(chr(34))) + moved)}"', status)


def test_pods_count_as_free_only_when_they_have_ended() -> None:
    state = at_rest(SHORT)
    doomed = next(pod for pod in state.server.pods if pod.ready)
    pods = tuple(replace(pod, deleting=True) if pod is doomed else pod for pod in state.server.pods)
    labels = {label for label, _ in controller_steps(replace(state, server=replace(state.server, pods=pods)))}
    assert f"end {doomed.uid}" in labels
    assert any(label.startswith("sync") for label in labels)
    assert "schedule" not in labels


def test_a_quota_refuses_pods_and_the_workload_says_so() -> None:
    state = at_rest(SHORT)
    workload = state.server.workloads[0]
    full = replace(state, server=replace(state.server, full=frozenset({workload.key.namespace})))
    larger = replace(workload, replicas=workload.replicas + 1, generation=2)
    grown = replace(full, server=replace(full.server, workloads=(larger, *full.server.workloads[1:])))
    after = sync(grown, larger)
    assert len(after.server.pods) == len(state.server.pods)
    view = next(view for view in snapshot(after, SHORT).workloads if view.key == workload.key)
    assert view.failure is not None
    assert "exceeded quota" in view.failure.message


def test_a_write_for_an_object_that_was_made_again_changes_nothing() -> None:
    state = at_rest(SHORT)
    models = tuple(replace(model, variant=2) if model.key == A else model for model in state.server.models)
    edited = replace(state, server=replace(state.server, models=models))
    _, made = planned(edited, SHORT)
    write = next(write for write in plan_step(edited, made).in_flight if write.verb == "Apply" and not write.service)
    again = tuple(replace(item, number=77) if item.key == write.key else item for item in state.server.workloads)
    remade = replace(state, server=replace(state.server, workloads=again))
    assert execute(remade, write).server.workloads == again
    assert execute(state, write).server.workloads != state.server.workloads


def test_a_plan_is_sent_without_what_is_under_way() -> None:
    state = State(SHORT.start, numbers=1000)
    _, made = planned(state, SHORT)
    sent = plan_step(state, made).in_flight
    waiting = replace(state, held=(sent[0],))
    assert sent[0] not in plan_step(waiting, made).in_flight
