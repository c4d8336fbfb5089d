from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from fakes import prometheus as fake
from fakes.prometheus import FakePrometheus
from modelmatrix.catalogue.loader import builtin
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoller
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.history import HistoryQuery, history_query
from modelmatrix.telemetry.model_clock import ModelClock
from modelmatrix.telemetry.prometheus_client import Prometheus

KEY = NamespacedName("bank", "assistant")
PAST = history_query((builtin().dialects["vllm"],), 1, 1.0)


@dataclass
class Desk:
    """A poller, its queries, and its time."""

    prometheus: Prometheus | None
    server: FakePrometheus
    expressions: dict[str, str] = field(default_factory=lambda: {"pods": "pods", "arrivals": "arrivals", "lengths": "lengths"})
    past: HistoryQuery = PAST
    now: float = 1_790_000_000.0

    def poller(self) -> MetricsPoller:
        return MetricsPoller(self.prometheus, ModelClock(), 15.0, time=lambda: self.now)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    server = FakePrometheus()
    async with Prometheus("http://prometheus", 1, fake.transport(server)) as client:
        yield Desk(client, server)


async def test_a_look_has_all_answers(desk: Desk) -> None:
    poll = await desk.poller().poll(desk.expressions, desk.past)
    assert set(poll.vectors) == set(desk.expressions)
    assert (poll.errors, poll.error) == ({}, "")
    assert poll.real_seconds == desk.now


async def test_what_fails_is_told_and_the_rest_is_there(desk: Desk) -> None:
    failing = fake.error(422, "too many samples")
    desk.server.answer = lambda text: failing(text) if text == "arrivals" else fake.success(())
    poll = await desk.poller().poll(desk.expressions, desk.past)
    assert set(poll.vectors) == {"pods", "lengths"}
    assert poll.error == "Prometheus answered 422: too many samples"


async def test_a_query_that_nothing_rests_on_may_fail(desk: Desk) -> None:
    failing = fake.error()
    desk.server.answer = lambda text: failing(text) if text == "shown" else fake.success(())
    poll = await desk.poller().poll({"pods": "pods", "percentiles": "shown"}, desk.past)
    assert (poll.error, set(poll.errors)) == ("", {"percentiles"})


async def test_warnings_are_errors_of_an_answer_that_is_there(desk: Desk) -> None:
    desk.server.answer = lambda _: fake.success((), warnings=["a store is away"])
    poll = await desk.poller().poll(desk.expressions, desk.past)
    assert set(poll.vectors) == set(desk.expressions)
    assert poll.error == "Prometheus's answer may be a part only: a store is away"


async def test_without_prometheus(desk: Desk) -> None:
    desk.prometheus = None
    poll = await desk.poller().poll(desk.expressions, desk.past)
    assert poll.vectors == {}
    assert poll.error == "no Prometheus is configured; set prometheus-url"


async def test_what_changes_slowly_is_asked_once_a_minute(desk: Desk) -> None:
    poller = desk.poller()
    for _ in range(8):
        poll = await poller.poll(desk.expressions, desk.past)
        assert set(poll.vectors) == set(desk.expressions)
        desk.now += 15
    asked = [text for text in desk.server.queries if text in desk.expressions]
    assert {text: asked.count(text) for text in desk.expressions} == {"pods": 8, "arrivals": 8, "lengths": 2}


async def test_and_again_when_it_is_another_question_or_had_no_answer(desk: Desk) -> None:
    poller = desk.poller()
    await poller.poll(desk.expressions, desk.past)
    await poller.poll(desk.expressions | {"lengths": "other"}, desk.past)
    desk.server.answer = fake.text(500, "oops")
    desk.now += 61
    assert "lengths" in (await poller.poll(desk.expressions | {"lengths": "other"}, desk.past)).errors
    desk.server.answer = None
    assert "lengths" not in (await poller.poll(desk.expressions | {"lengths": "other"}, desk.past)).errors
    assert desk.server.queries.count("other") == 3


def remembers(desk: Desk) -> None:
    points = [[desk.now - 600, "1.5"], [desk.now - 300, "2"]]
    metric = {"namespace": "bank", "modelmatrix_io_deployment": "assistant", "signal": "vllm"}
    desk.server.past = lambda _: fake.success([{"metric": metric, "values": points}], kind="matrix")


async def test_the_past_is_asked_for_once(desk: Desk) -> None:
    remembers(desk)
    poller = desk.poller()
    polls = [await poller.poll(desk.expressions, desk.past) for _ in range(3)]
    assert [set(poll.histories) for poll in polls] == [{KEY}, set(), set()]
    assert polls[0].histories[KEY].arrivals_per_second == (1.5, 2.0)
    assert desk.server.queries.count(PAST.expression) == 1


async def test_and_again_until_prometheus_answers_at_all(desk: Desk) -> None:
    poller = desk.poller()
    desk.server.answer = fake.text(503, "starting")
    assert (await poller.poll(desk.expressions, desk.past)).histories == {}
    desk.server.answer = None
    remembers(desk)
    assert set((await poller.poll(desk.expressions, desk.past)).histories) == {KEY}


async def test_a_prometheus_that_cannot_tell_the_past_is_not_asked_again(desk: Desk) -> None:
    desk.server.past = fake.error(422, "query timed out")
    poller = desk.poller()
    for _ in range(3):
        assert (await poller.poll(desk.expressions, desk.past)).histories == {}
    assert desk.server.queries.count(PAST.expression) == 1


async def test_without_a_past_to_ask_for_nothing_is_asked(desk: Desk) -> None:
    desk.past = history_query((), 0, 1.0)
    await desk.poller().poll(desk.expressions, desk.past)
    assert set(desk.server.queries) == set(desk.expressions)


async def test_a_failure_is_logged_once_until_it_is_over(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    poller = desk.poller()
    await poller.poll(desk.expressions, desk.past)
    with caplog.at_level(logging.WARNING):
        for answer in (fake.text(500, "oops"), fake.text(500, "oops"), None, fake.text(500, "oops")):
            desk.server.answer = answer
            desk.now += 61
            await poller.poll(desk.expressions, desk.past)
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("signals (pods, arrivals, lengths): Prometheus answered 500")
