"""Device quotas: what counts against which, and how much room is left."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.api.model_deployment import Priority
from modelmatrix.planning.tenancy.quota import DeviceQuotas, Quota, TenantAccount


def quota(**fields: Any) -> Quota:
    values = {"policy": "desk", "position": 0, "namespaces": frozenset({"bank"}), "priority": None, "accelerator": None}
    return Quota(**(values | {"most": 8} | fields))


def account(*quotas: Quota, namespace: str = "bank", priority: Priority = Priority.P1) -> TenantAccount:
    return DeviceQuotas(dict.fromkeys(quotas, 0)).account(namespace, priority)


def test_without_quotas_there_is_room_for_all() -> None:
    assert account().blocking("910b-64g", 1000) is None
    assert account().room("910b-64g", 4, most=7) == 7


def test_devices_are_charged_and_given_back() -> None:
    desk = account(quota())
    desk.charge("910b-64g", 6)
    assert desk.blocking("910b-64g", 2) is None
    assert desk.blocking("910b-64g", 3) == quota()
    desk.charge("910b-64g", -3)
    assert desk.blocking("910b-64g", 3) is None


def test_room_is_that_of_the_tightest_quota() -> None:
    desk = account(quota(), quota(position=1, most=3))
    assert desk.room("910b-64g", 2, most=9) == 1
    desk.charge("910b-64g", 5)
    assert desk.room("910b-64g", 2, most=9) == 0
    assert account(quota()).room("910b-64g", 2, most=3) == 3


@pytest.mark.parametrize(
    "fields",
    [{"namespaces": frozenset({"others"})}, {"priority": Priority.P0}, {"accelerator": "h20-96g"}],
    ids=["namespace", "priority", "chip"],
)
def test_other_namespaces_priorities_and_chips_do_not_count(fields: dict[str, Any]) -> None:
    desk = account(quota(most=0, **fields))
    assert desk.blocking("910b-64g", 1) is None
    desk.charge("910b-64g", 5)
    assert list(desk.quotas.used.values()) == [0]


def test_namespaces_of_a_policy_share_a_quota() -> None:
    shared = quota(namespaces=frozenset({"a", "b"}))
    quotas = DeviceQuotas({shared: 0})
    quotas.account("a", Priority.P1).charge("910b-64g", 6)
    assert quotas.account("b", Priority.P3).blocking("h20-96g", 3) == shared


def test_a_lowered_quota_is_exceeded_by_what_runs() -> None:
    desk = account(quota())
    desk.charge("910b-64g", 8)
    assert desk.exceeded("910b-64g") is None
    desk.charge("910b-64g", 1)
    assert desk.exceeded("910b-64g") == quota()


def test_a_quota_reads_as_a_sentence() -> None:
    assert quota().description == "TenantPolicy desk allows 8 devices"
    narrow = quota(most=1, priority=Priority.P0, accelerator="h20-96g")
    assert narrow.description == "TenantPolicy desk allows 1 device of h20-96g at P0"
