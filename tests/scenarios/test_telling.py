"""State in, plan out: what the status says while things change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factories import deployment, nodes, pool, problem
from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import KEY, condition, edit, ready, world
from scenarios.world import World, rest

PRICE = {"price": {"amount": "6.80", "currency": "CNY"}}


def held(made: Plan, key: NamespacedName = KEY) -> tuple[Any, ...]:
    """What the status says of the devices held: cost, summary, and each placement."""
    said = made.statuses[key]
    placements = [(p["quantization"], p["devicesPerReplica"], p["desired"], p["ready"]) for p in said["placements"]]
    return said.get("costPerHour"), said["placementSummary"], placements


def test_what_runs_is_still_said_while_the_schedule_cannot_be_read() -> None:
    scaling = {"minReplicas": 2, "maxReplicas": 4}
    window = {"name": "day", "start": "0 8 * * *", "end": "0 18 * * *", "timeZone": "Asia/Shangai", "minReplicas": 3}
    state = world(deployment(scaling=scaling), pools=[pool(**PRICE)])
    before = held(rest(state))
    assert before == ("13.60 CNY", "ascend-a/W8A8:2", [("W8A8", 1, 2, 2)])
    edit(state, scaling=scaling | {"schedule": [window]})
    made = rest(state)
    assert ready(made) == (2, "False", "Misconfigured")
    assert held(made) == before


def test_what_runs_is_still_said_while_the_spec_is_impossible() -> None:
    state = world(deployment(replicas=2), pools=[pool(**PRICE)])
    before = rest(state)
    edit(state, replicas=2, quantization="FP8")
    made = rest(state)
    assert ready(made)[1:] == ("False", "QuantizationUnsupported")
    assert held(made) == held(before)
    assert made.statuses[KEY]["placements"] == before.statuses[KEY]["placements"]


def test_old_replicas_are_said_and_paid_until_they_are_gone() -> None:
    state = world(deployment(replicas=2), pools=[pool(**PRICE)], there=nodes(2))
    state.apply(rest(state))
    edit(state, replicas=2, quantization="BF16")
    cost, summary, placements = held(state.plan())
    assert (cost, summary) == ("40.80 CNY", "ascend-a/BF16:2 ascend-a/W8A8:2")
    assert placements == [("BF16", 2, 2, 0), ("W8A8", 1, 2, 2)]
    assert held(rest(state)) == ("27.20 CNY", "ascend-a/BF16:2", [("BF16", 2, 2, 2)])


@pytest.mark.parametrize(
    ("fields", "reason"), [({"suspend": True, "quantization": "FP8"}, "Suspended"), ({"replicas": 0}, "ScaledToZero")]
)
def test_what_is_to_have_no_replica_is_ready_even_where_it_could_have_none(fields: dict[str, Any], reason: str) -> None:
    made = world(deployment(pools=["nowhere"], **fields)).plan()
    assert ready(made) == (0, "True", reason)
    assert {item["type"] for item in made.statuses[KEY]["conditions"]} == {"Ready", "Placed", "SLOMet", "SignalsFresh"}
    assert made.statuses[KEY]["candidates"][0]["verdict"] == "Impossible"


def crash_new_pods(state: World) -> None:
    """Pods of the newest template fail again and again."""
    for item in state.workloads.values():
        old = {uid for uid, digest in item.digests.items() if digest != item.digest}
        item.pods = [
            found if found.uid in old else replace(found, ready=False, problem=problem("CrashLoopBackOff: exit code 1"))
            for found in item.pods
        ]


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_rollout_is_not_ready_until_the_last_new_pod_serves(replicas: int) -> None:
    state = world(deployment(replicas=replicas))
    state.apply(rest(state))
    edit(state, replicas=replicas, maxModelLen=8192)
    for _ in range(3):  # before the write, after it, with the new pod not ready
        made = state.plan()
        assert ready(made) == (replicas, "False", "ReplicaStarting")
        assert f"{replicas} of {replicas} replicas serve, older ones among them" in condition(made, "Reconciling")["message"]
        state.apply(made)
    assert ready(rest(state)) == (replicas, "True", "ReplicasReady")


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_rollout_whose_new_pod_crashes_is_failing_although_the_old_ones_serve(replicas: int) -> None:
    state = world(deployment(replicas=replicas))
    state.apply(rest(state))
    edit(state, replicas=replicas, maxModelLen=8192)
    state.apply(state.plan())
    state.step()
    crash_new_pods(state)
    made = state.plan()
    assert ready(made) == (replicas, "False", "ReplicaFailing")
    assert condition(made, "Reconciling")["message"].endswith(
        f"ascend-a: CrashLoopBackOff: exit code 1. {TABLE[Reason.REPLICA_FAILING].remedy}"
    )


def test_a_rollout_that_a_quota_forbids_quotes_it() -> None:
    state = world(deployment())
    state.apply(rest(state))
    edit(state, maxModelLen=8192)
    state.apply(state.plan())
    snapshot = state.snapshot()
    failed = replace(
        snapshot.workloads[0], failure=problem("pods are forbidden: exceeded quota", "QuotaExceeded", "controller")
    )
    made = plan(replace(snapshot, workloads=(failed,)))
    assert ready(made) == (1, "False", "QuotaExceeded")
    assert "exceeded quota" in condition(made, "Ready")["message"]


def test_a_move_whose_new_replicas_crash_is_failing_although_the_retired_ones_serve() -> None:
    state = world(deployment(replicas=2), there=nodes(2))
    state.apply(rest(state))
    edit(state, replicas=2, quantization="BF16")
    assert ready(state.plan()) == (2, "False", "ReplicaStarting")
    assert "2 of 2 replicas serve, older ones among them" in condition(state.plan(), "Ready")["message"]
    state.apply(state.plan())
    state.step()
    new = next(item for item in state.workloads.values() if item.view.quantization == "BF16")
    new.pods = [replace(found, ready=False, problem=problem("Error: exit code 1")) for found in new.pods]
    assert ready(state.plan()) == (2, "False", "ReplicaFailing")


def test_what_scales_down_stays_ready() -> None:
    state = world(deployment(replicas=3))
    state.apply(rest(state))
    edit(state, replicas=2)
    for _ in range(4):
        made = state.plan()
        assert ready(made)[1:] == ("True", "ReplicasReady")
        state.apply(made)
        state.step()
