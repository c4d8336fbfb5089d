"""``status.displacedBy``: which deployments have the devices of missing replicas, for how long, and in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factories import deployment, nodes, pod, pool
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.world import World, rest

BATCH, URGENT = NamespacedName("bank", "batch"), NamespacedName("bank", "urgent")
TOLD = "2 replicas gave way: 2 to bank/urgent. Add devices, or raise spec.priority"


def displaced() -> World:
    """A cluster at rest in which a deployment of P0 took two of the eight devices of one of P3."""
    view = deployment(name="batch", priority="P3", replicas=8)
    state = World(deployments={BATCH: view}, pools={"ascend-a": pool()}, nodes={"n": replace(nodes(1)[0], name="n")})
    rest(state)
    state.deployments[URGENT] = deployment(name="urgent", priority="P0", replicas=2)
    rest(state)
    return state


def status(state: World) -> dict[str, Any]:
    """The status of the displaced deployment, at rest."""
    return rest(state).statuses[BATCH]


def placed(state: World) -> tuple[str, str]:
    """Reason and message of its Placed condition, at rest."""
    found = next(item for item in status(state)["conditions"] if item["type"] == "Placed")
    return found["reason"], found["message"]


def entry(name: str, replicas: int) -> dict[str, Any]:
    return {"namespace": "bank", "name": name, "replicas": replicas}


def edit(state: World, key: NamespacedName, **fields: object) -> None:
    state.deployments[key] = replace(deployment(name=key.name, **fields), status=state.deployments[key].status)  # type: ignore[arg-type]


def test_it_is_said_while_the_taker_has_the_devices() -> None:
    state = displaced()
    assert placed(state) == ("Displaced", TOLD)
    assert placed(state) == ("Displaced", TOLD)
    assert status(state)["displacedBy"] == [entry("urgent", 2)]


def test_the_first_plan_names_who_takes_the_devices_and_later_ones_do_not_count_twice() -> None:
    state = displaced()
    state.deployments[URGENT] = deployment(name="urgent", priority="P0", replicas=3)
    for _ in range(4):
        made = state.plan()
        assert made.statuses[BATCH]["displacedBy"][0]["name"] == "urgent"
        assert made.statuses[BATCH]["displacedBy"][0]["replicas"] <= 3
        state.apply(made)
        state.step()


def test_nothing_is_read_out_of_messages() -> None:
    """A status that an older version wrote has no field: the shortage is then one like any other."""
    state = displaced()
    view = state.deployments[BATCH]
    status = {key: value for key, value in view.status.items() if key != "displacedBy"}
    state.deployments[BATCH] = replace(view, status=status)
    assert placed(state)[0] == "InsufficientDevices"
    other = {**view.status, "conditions": [{**item, "message": "anything"} for item in view.status["conditions"]]}
    state.deployments[BATCH] = replace(view, status=other)
    assert placed(state) == ("Displaced", TOLD)


def test_the_field_goes_when_no_replica_is_missing() -> None:
    state = displaced()
    edit(state, BATCH, priority="P3", replicas=6)
    assert "displacedBy" not in status(state)


def test_counts_explain_no_more_than_what_is_missing() -> None:
    state = displaced()
    edit(state, BATCH, priority="P3", replicas=7)
    assert status(state)["displacedBy"] == [entry("urgent", 1)]
    assert placed(state)[1].startswith("1 replica gave way: 1 to bank/urgent")


def test_many_deployments_are_listed_as_far_as_the_field_goes() -> None:
    fleet = {NamespacedName("bank", f"urgent-{i:02}"): deployment(name=f"urgent-{i:02}", priority="P0") for i in range(20)}
    state = World(deployments={BATCH: deployment(name="batch", priority="P3", replicas=24)}, pools={"ascend-a": pool()})
    state.nodes = {view.name: view for view in nodes(3)}
    rest(state)
    state.deployments |= fleet
    assert len(status(state)["displacedBy"]) == 16


def test_a_guest_in_the_takers_place_is_another_shortage() -> None:
    state = displaced()
    del state.deployments[URGENT]
    state.workloads = {key: item for key, item in state.workloads.items() if item.view.deployment == "batch"}
    guest = pod(name="guest", node="n", devices=2)
    state.foreign[guest.key] = guest
    reason, message = placed(state)
    assert reason == "InsufficientDevices"
    assert message.startswith("2 of 8 replicas find no devices. ascend-a: a replica needs 1 device")


@pytest.mark.parametrize("fields", [{"suspend": True}, {"priority": "P3"}])
def test_a_taker_that_stops_or_is_no_more_important_is_not_named(fields: dict[str, object]) -> None:
    state = displaced()
    guest = pod(name="guest", node="n", devices=2)
    edit(state, URGENT, **({"replicas": 2, "priority": "P0"} | fields))
    if "suspend" in fields:
        state.workloads = {key: item for key, item in state.workloads.items() if item.view.deployment == "batch"}
        state.foreign[guest.key] = guest
    assert placed(state)[0] == "InsufficientDevices"


def test_what_is_short_for_other_reasons_too_is_said_with_the_taker() -> None:
    state = displaced()
    edit(state, BATCH, priority="P3", replicas=12)
    reason, message = placed(state)
    assert reason == "Displaced"
    assert message.startswith("6 of 12 replicas find no devices. ascend-a: ")
    assert message.endswith("Replicas gave way to bank/urgent: add devices, or raise spec.priority")
    state.pools["ascend-a"] = replace(pool(limit=4), status=state.pools["ascend-a"].status)
    reason, message = placed(state)
    assert reason == "Displaced"
    assert "raise spec.limits.devices. Replicas gave way to bank/urgent" in message


def test_of_two_takers_the_one_that_is_left_is_named() -> None:
    state = displaced()
    state.deployments[NamespacedName("bank", "trading")] = deployment(name="trading", priority="P1", pools=["ascend-a"])
    rest(state)
    assert placed(state)[0] == "Displaced"
    assert status(state)["displacedBy"] == [entry("trading", 1), entry("urgent", 2)]
    edit(state, URGENT, priority="P0", replicas=0)
    rest(state)
    edit(state, BATCH, priority="P3", replicas=8)
    reason, message = placed(state)
    assert (reason, "bank/urgent" in message) == ("Displaced", False)
    assert status(state)["displacedBy"] == [entry("trading", 1)]
