from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from factories import deployment, node, nodes, pool
from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, ScaleDecision
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import Decision, Observation
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds
from modelmatrix.signals.reading import SignalReading
from modelmatrix.telemetry.exporter import Exporter
from scenarios.world import World, rest

KEY = NamespacedName("bank", "assistant")
# The public contract: names, and the labels of each.
CONTRACT = {
    "modelmatrix_deployment_replicas": {"namespace", "name", "pool", "quantization", "state"},
    "modelmatrix_deployment_slo_attainment_ratio": {"namespace", "name"},
    "modelmatrix_deployment_condition": {"namespace", "name", "type", "reason", "status"},
    "modelmatrix_deployment_cost_per_hour": {"namespace", "name", "pool", "currency"},
    "modelmatrix_pool_devices": {"pool", "resource", "state"},
    "modelmatrix_device_seconds_total": {"namespace", "name", "pool", "tenant", "cost_center"},
    "modelmatrix_scaling_decisions_total": {"namespace", "name", "direction", "reason"},
    "modelmatrix_signal_age_seconds": {"namespace", "name", "signal"},
    "modelmatrix_reconcile_duration_seconds_count": set(),
    "modelmatrix_leader": set(),
    "modelmatrix_other_installation_leads": set(),
}
PRICE = {"amount": "6.80", "currency": "CNY"}


@pytest.fixture
def world() -> World:
    """Two replicas of two devices serve, one more starts; a node has a broken device."""
    view = deployment(
        scaling={"minReplicas": 1, "maxReplicas": 4}, slo={"ttftMilliseconds": 2000}, tenant="cards", costCenter="c1"
    )
    made = World(deployments={view.key: view})
    made.pools = {"ascend-a": pool(price=PRICE)}
    made.nodes = {one.name: one for one in (*nodes(1), node(name="sick", healthy=7))}
    rest(made, decisions=decisions(2))
    return made


def decisions(replicas: int) -> dict[NamespacedName, ScaleDecision]:
    return {KEY: ScaleDecision(replicas, Reason.STEADY, "")}


def seen(desired: int) -> Observation:
    return Observation(
        second=0,
        slo=SloBounds(),
        bounds=ReplicaBounds(min_replicas=0, max_replicas=9),
        desired=desired,
        variants=(),
        quality=Reason.SIGNALS_FRESH,
        quality_message="",
        traffic=None,
    )


def exported(world: World, *, exporter: Exporter | None = None, **fields: Any) -> tuple[Exporter, Plan]:
    """An exporter that has seen a plan, and that plan."""
    made = exporter or Exporter()
    snapshot = world.snapshot(decisions=decisions(3), **fields)
    plan = world.plan(decisions=decisions(3), **fields)
    made.record_plan(snapshot, plan, 0.003)
    return made, plan


def families(exporter: Exporter) -> Iterator[Metric]:
    yield from text_string_to_metric_families(generate_latest(exporter.registry).decode())


def values(exporter: Exporter, name: str, label: str = "") -> dict[str, float]:
    """Values of a sample by one of its labels."""
    samples = (sample for family in families(exporter) for sample in family.samples)
    return {sample.labels.get(label, ""): sample.value for sample in samples if sample.name == name}


def test_the_contracts_metrics_are_there_with_their_labels(world: World) -> None:
    measured = {KEY: MeasuredSlo(Reason.SIGNALS_FRESH, "", attainment_percent=97.5)}
    exporter, _ = exported(world, measured=measured)
    exporter.readings = {KEY: SignalReading(quality=Reason.SIGNALS_FRESH, message="", age_seconds=4.0)}
    exporter.count_decision(KEY, seen(2), Decision(3, Reason.LOAD_RISING, ""))
    found = {sample.name: set(sample.labels) for family in families(exporter) for sample in family.samples}
    assert {name: found.get(name) for name in CONTRACT} == CONTRACT


def test_replicas_by_state(world: World) -> None:
    exporter, _ = exported(world)
    assert values(exporter, "modelmatrix_deployment_replicas", "state") == {
        "desired": 3,
        "ready": 2,
        "starting": 0,
        "draining": 0,
    }


def test_devices_by_state(world: World) -> None:
    exporter, plan = exported(world)
    held = plan.pools["ascend-a"].allocated
    assert held > 0
    assert values(exporter, "modelmatrix_pool_devices", "state") == {
        "total": 16,
        "allocated": held,
        "free": 15 - held,
        "unhealthy": 1,
    }


def test_shares_and_costs(world: World) -> None:
    measured = {KEY: MeasuredSlo(Reason.SIGNALS_FRESH, "", attainment_percent=97.5)}
    exporter, plan = exported(world, measured=measured)
    devices = plan.deployments[KEY].placements[0].option.devices
    assert values(exporter, "modelmatrix_deployment_slo_attainment_ratio") == {"": 0.975}
    assert values(exporter, "modelmatrix_deployment_cost_per_hour", "currency") == {"CNY": pytest.approx(3 * devices * 6.8)}


def test_device_time_is_counted_while_it_passes(world: World) -> None:
    exporter, plan = exported(world)
    devices = plan.deployments[KEY].placements[0].option.devices
    world.now_seconds += 60
    exported(world, exporter=exporter)
    assert values(exporter, "modelmatrix_device_seconds_total", "tenant") == {"cards": 60 * 2 * devices}
    world.now_seconds -= 600
    exported(world, exporter=exporter)
    assert values(exporter, "modelmatrix_device_seconds_total", "cost_center") == {"c1": 60 * 2 * devices}


@pytest.mark.parametrize(("wanted", "direction"), [(3, "up"), (1, "down"), (2, "hold")])
def test_decisions_by_direction(world: World, wanted: int, direction: str) -> None:
    exporter, _ = exported(world)
    for _ in range(2):
        exporter.count_decision(KEY, seen(2), Decision(wanted, Reason.STEADY, ""))
    assert values(exporter, "modelmatrix_scaling_decisions_total", "direction") == {direction: 2}


def test_the_age_of_signals_is_there_while_it_is_known(world: World) -> None:
    exporter, _ = exported(world)
    exporter.readings = {KEY: SignalReading(quality=Reason.SIGNALS_STALE, message="", age_seconds=75.0)}
    assert values(exporter, "modelmatrix_signal_age_seconds", "signal") == {"engine": 75.0}
    exporter.readings = {KEY: SignalReading(quality=Reason.PROMETHEUS_UNAVAILABLE, message="")}
    assert values(exporter, "modelmatrix_signal_age_seconds") == {}


def test_series_end_with_their_object(world: World) -> None:
    exporter, _ = exported(world)
    exporter.count_decision(KEY, seen(2), Decision(3, Reason.STEADY, ""))
    gone = replace(world, deployments={})
    exporter.record_plan(gone.snapshot(), gone.plan(), 0.001)
    names = {sample.name for family in families(exporter) for sample in family.samples if "namespace" in sample.labels}
    assert names <= {"modelmatrix_device_seconds_total"}, "who has paid for devices has paid"


def test_who_has_paid_is_told_for_an_hour_after_the_last_device(world: World) -> None:
    exporter, _ = exported(world)
    gone = replace(world, deployments={})
    for minutes, told in ((0, True), (59, True), (2, False)):
        gone.now_seconds += 60 * minutes
        exported(gone, exporter=exporter)
        assert ("cards" in values(exporter, "modelmatrix_device_seconds_total", "tenant")) == told


def test_only_a_leader_has_something_to_say() -> None:
    names = {family.name for family in families(Exporter())}
    assert not any(name.startswith(("modelmatrix_deployment", "modelmatrix_pool")) for name in names)
    assert values(Exporter(), "modelmatrix_leader") == {"": 0}
