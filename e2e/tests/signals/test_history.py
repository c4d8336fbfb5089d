"""The past of a fleet, from a real Prometheus that remembers some days of it."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from localcluster.build.programs import Programs
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import History
from modelmatrix.signals.history import histories, history_query
from modelmatrix.telemetry.prometheus_client import Prometheus
from signals.backfill import BackfilledSeries, growing
from signals.backfilled_replicas import Pod
from signals.server import prometheus

pytestmark = pytest.mark.cluster

DAY = 86400.0
SCRAPE_SECONDS = 60.0


def replica(past: BackfilledSeries, name: str, first: float, last: float, deployment: str = "chat") -> Pod:
    return Pod(past=past, namespace="bank", deployment=deployment, name=name, first=first, last=last)


def paint(past: BackfilledSeries) -> None:
    """Two replicas for two days, one of them restarted and gone for six hours; another kind of engine beside them."""
    steady = replica(past, "steady", -2 * DAY, 600)
    steady.show("vllm:request_success_total", growing(2.0, since=-2 * DAY), finished_reason="stop")
    steady.show("vllm:num_requests_waiting", 0.0)
    for name, first, last in (("first", -2 * DAY, -DAY), ("second", -0.75 * DAY, 600)):
        pod = replica(past, name, first, last)
        pod.show("vllm:request_success_total", growing(1.0, start=0.0, since=first), finished_reason="stop")
    received = replica(past, "ascend", -2 * DAY, 600, deployment="mixed")
    received.show("request_received_total", growing(4.0, since=-2 * DAY))


@pytest.fixture(scope="module")
def found(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[NamespacedName, History]]:
    past = BackfilledSeries(scrape_seconds=SCRAPE_SECONDS)
    paint(past)
    with prometheus(programs, tmp_path_factory.mktemp("prometheus"), past) as url:
        yield asyncio.run(ask(url, past.now))


async def ask(url: str, now: float) -> Mapping[NamespacedName, History]:
    asked = history_query(builtin().dialects.values(), 1, 1.0)
    async with Prometheus(url, 30) as client:
        start = now - asked.real_seconds
        series = await client.query_range(asked.expression, start=start, end=now, step_seconds=asked.step_real_seconds)
        return histories(series, asked, 0.0)


def test_two_days_of_arrivals(found: Mapping[NamespacedName, History]) -> None:
    history = found[NamespacedName("bank", "chat")]
    assert history.step_seconds == 300.0
    assert len(history.arrivals_per_second) == pytest.approx(2 * DAY / 300, abs=2)
    assert at(history, 0.5) == pytest.approx(3.0, rel=0.01)
    assert at(history, 1.1) == pytest.approx(2.0, rel=0.01), "one of two replicas was gone"
    assert at(history, 1.9) == pytest.approx(3.0, rel=0.01), "its counter began at zero again, and that is no burst"


def test_an_engine_that_counts_what_it_receives(found: Mapping[NamespacedName, History]) -> None:
    assert at(found[NamespacedName("bank", "mixed")], 1.0) == pytest.approx(4.0, rel=0.01)


def at(history: History, days: float) -> float | None:
    """The rate so many days after the beginning."""
    return history.arrivals_per_second[int(days * DAY / history.step_seconds)]
