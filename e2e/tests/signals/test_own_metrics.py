"""Our own metrics page passes Prometheus's own check."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import pytest
from prometheus_client.exposition import generate_latest

from factories import deployment, nodes, pool
from localcluster.build.programs import Programs
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, ScaleDecision
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.reading import SignalReading
from modelmatrix.telemetry.exporter import Exporter
from scenarios.world import World, rest

pytestmark = pytest.mark.cluster

KEY = NamespacedName("bank", "assistant")


def test_promtool_finds_nothing_to_complain_of(programs: Programs) -> None:
    view = deployment(scaling={"minReplicas": 1, "maxReplicas": 4}, slo={"ttftMilliseconds": 2000}, tenant="cards")
    world = World(deployments={view.key: view})
    world.pools = {"ascend-a": pool(price={"amount": "6.80", "currency": "CNY"})}
    world.nodes = {one.name: one for one in nodes(1)}
    fields = {
        "decisions": {KEY: ScaleDecision(2, Reason.STEADY, "")},
        "measured": {KEY: MeasuredSlo(Reason.SIGNALS_FRESH, "", attainment_percent=97.5)},
    }
    rest(world, **fields)
    exporter = Exporter(readings={KEY: SignalReading(quality=Reason.SIGNALS_FRESH, message="", age_seconds=4.0)})
    exporter.record_plan(world.snapshot(**fields), world.plan(**fields), 0.01)
    exporter.requests.labels("GET", "200").inc()
    page = generate_latest(exporter.registry).decode()
    assert "modelmatrix_signal_age_seconds{" in page
    assert programs.run("promtool", "check", "metrics", "--lint=all", stdin=page) == ""
