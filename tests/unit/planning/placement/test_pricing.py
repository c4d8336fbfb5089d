"""What devices cost: one sum, shown by the status, the metric and three commands, also while replicas retire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from commands import matrix
from factories import deployment, nodes, pool
from modelmatrix.planning.placement.pricing import DeviceCost, device_costs, sum_by_currency
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.telemetry.exporter import Exporter
from scenarios.world import World, rest

KEY = NamespacedName("bank", "assistant")
PRICES = {
    "ascend-a": {"amount": "6.80", "currency": "CNY"},
    "ascend-b": {"amount": "9.10", "currency": "CNY"},
    "ascend-c": {"amount": "2.25", "currency": "USD"},
    "ascend-d": None,
}


def world() -> World:
    """Two replicas serve on a pool."""
    view = deployment(replicas=2, pools=("ascend-a",))
    pools = {name: pool(name=name, price=price) if price else pool(name=name) for name, price in PRICES.items()}
    there = {node.name: node for name in PRICES for node in nodes(1, pool=name)}
    made = World({view.key: view}, pools, there)
    rest(made)
    return made


def moving(to: str) -> World:
    """The same deployment, which has just been moved to another pool: old replicas serve until new ones do."""
    made = world()
    view = deployment(replicas=2, pools=(to,))
    made.deployments[KEY] = replace(view, uid=made.deployments[KEY].uid, status=made.deployments[KEY].status, generation=2)
    made.apply(made.plan())
    return made


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("", {"CNY": Decimal(2) * Decimal("6.80")}),
        ("ascend-b", {"CNY": Decimal(2) * (Decimal("6.80") + Decimal("9.10"))}),
        ("ascend-c", {"CNY": Decimal(2) * Decimal("6.80"), "USD": Decimal(2) * Decimal("2.25")}),
        ("ascend-d", {"CNY": Decimal(2) * Decimal("6.80")}),
    ],
    ids=["at rest", "in one currency", "in two", "to a pool without a price"],
)
def test_status_metric_plan_cost_and_report_show_one_sum(
    to: str, expected: dict[str, Decimal], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = moving(to) if to else world()
    plan = state.plan()
    assert sum_by_currency(device_costs(plan.deployments[KEY])) == expected
    text = {currency: f"{amount:.2f}" for currency, amount in expected.items()}
    assert plan.statuses[KEY]["costPerHour"] == " + ".join(f"{text[currency]} {currency}" for currency in sorted(text))
    assert metric(state, plan) == pytest.approx({currency: float(amount) for currency, amount in expected.items()})
    shown(state, monkeypatch)
    for command in ("plan", "report"):
        assert dict(after(document(command)["cost"])) == text, command
    assert {total["currency"]: total["amountPerHour"] for total in document("cost")["totals"] if total["currency"]} == text


def metric(state: World, plan: Plan) -> dict[str, float]:
    exporter = Exporter()
    exporter.record_plan(state.snapshot(), plan, 0.0)
    sums: dict[str, float] = {}
    for family in exporter.collect():
        for sample in family.samples:
            if sample.name == "modelmatrix_deployment_cost_per_hour":
                currency = sample.labels["currency"]
                sums[currency] = sums.get(currency, 0.0) + sample.value
    return sums


def shown(state: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands see the cluster as it is, without any file."""
    live = SimpleNamespace(
        snapshot=lambda _now=None: state.snapshot(),
        objects={},
        unread={},
        with_manifests=lambda _: live,
        without_nodes=lambda _: live,
    )
    empty = SimpleNamespace(items=(), of_kind=lambda _: [])
    monkeypatch.setattr("modelmatrix.cli.commands.plan.load_inputs", lambda *_, **__: (live, empty, "bank"))
    monkeypatch.setattr("modelmatrix.cli.commands.plan.lost_nodes", lambda *_: {})
    for command in ("cost", "report"):
        monkeypatch.setattr(f"modelmatrix.cli.commands.{command}.load_with_manifests", lambda *_: (live, "bank"))


def document(command: str) -> Any:
    return json.loads(matrix(command, "-o", "json").output)


def after(cost: Any) -> Iterator[tuple[str, str]]:
    for change in (cost, *cost["others"]):
        yield change["currency"], change["after"]


def test_devices_without_a_price_are_counted_and_have_no_amount() -> None:
    costs = device_costs(moving("ascend-d").plan().deployments[KEY])
    assert sorted(costs) == [
        DeviceCost("ascend-a", "CNY", 2, Decimal("13.60")),
        DeviceCost("ascend-d", None, 2, Decimal(0)),
    ]


def test_a_workload_that_is_deleted_costs_nothing_any_more() -> None:
    state = moving("ascend-b")
    for _ in range(4):
        state.step()
        state.apply(state.plan())
    costs = device_costs(rest(state).deployments[KEY])
    assert costs == [DeviceCost("ascend-b", "CNY", 2, Decimal("18.20"))]
