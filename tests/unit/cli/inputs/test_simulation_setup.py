"""A deployment from manifests as the simulator needs it: prices and limits by the operator's own rules."""

from __future__ import annotations

from typing import Any

import pytest

from commands import deployment, node, pool
from modelmatrix.cli.inputs.manifests import Manifests
from modelmatrix.cli.inputs.simulation_setup import SimulatedDeployment, simulated_deployment

SCALED = {"slo": {"ttftMilliseconds": 2000}, "scaling": {"minReplicas": 1, "maxReplicas": 9}, "placement": "Cheapest"}


def priced(name: str, amount: str | None, currency: str = "CNY") -> dict[str, Any]:
    manifest = pool(name)
    manifest["spec"].pop("price")
    if amount is not None:
        manifest["spec"]["price"] = {"amount": amount, "currency": currency}
    return manifest


def subject(*objects: dict[str, Any]) -> SimulatedDeployment:
    pools = [item["metadata"]["name"] for item in objects if item["kind"] == "AcceleratorPool"]
    chat = deployment("chat", pools=[{"name": name} for name in pools], **SCALED)
    return simulated_deployment(Manifests((*objects, chat)), name=None, start_seconds=None, at=None, days=1)


def costs(*objects: dict[str, Any]) -> list[float]:
    return [prior.cost_per_hour / prior.devices for prior in subject(*objects).known.variants]


def test_a_pool_without_a_comparable_price_is_the_dearest_as_in_the_operator() -> None:
    assert costs(priced("a", "6.80"), priced("b", None), priced("c", "0.90", "USD")) == [
        pytest.approx(6.8),
        float("inf"),
        float("inf"),
    ]


def test_without_any_price_no_pool_is_cheaper_than_another() -> None:
    assert costs(priced("a", None), priced("b", None)) == [0.0, 0.0]


def test_a_pool_holds_what_its_nodes_do_when_they_are_empty() -> None:
    devices = subject(pool("a")).known.variants[0].devices
    assert subject(pool("a"), node("n0", "a"), node("n1", "a")).limits == {"a": 2 * (8 // devices)}
    limited = pool("a")
    limited["spec"]["limits"] = {"devices": 3 * devices}
    assert subject(limited, node("n0", "a"), node("n1", "a")).limits == {"a": 3}
