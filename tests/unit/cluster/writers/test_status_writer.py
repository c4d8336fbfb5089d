from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from fakes.apiserver import FakeApiServer
from fakes.apiserver.faults import Answer
from fakes.virtual_time import simulate
from fakes.waiting import FakeClock
from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import Rejected, TransientError
from modelmatrix.cluster.writers.event_recorder import EventRecorder
from modelmatrix.cluster.writers.status_writer import (
    CACHE_LAG_SECONDS,
    DEPLOYMENT_DELAYS,
    MAX_TRANSIENT_SECONDS,
    POOL_DELAYS,
    RETRY_SECONDS,
    StatusUpdate,
    StatusWriter,
    WriteDelays,
    without_timestamps,
)
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.snapshot.views import NamespacedName

CHAT = NamespacedName("bank", "chat")
KIND = names.MODEL_DEPLOYMENTS
Status = dict[str, Any]


def condition(type_: str = "Ready", status: str = "False", reason: str = "ReplicaStarting", message: str = "") -> Status:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def status(number: int = 0, *conditions: Status) -> Status:
    return {"replicas": number, "conditions": list(conditions) or [condition()]}


def wish(
    stored: Status,
    wished: Status,
    *notes: EventRecord,
    delays: WriteDelays = DEPLOYMENT_DELAYS,
    key: NamespacedName = CHAT,
    uid: str = "",
) -> StatusUpdate:
    return StatusUpdate(KIND, key, uid or f"uid-of-{key.name}", stored, wished, notes, delays)


def note(message: str = "placed") -> EventRecord:
    return EventRecord(KIND, CHAT, "u1", "Place", reason=Reason.PLACED, message=message)


class RecordingClient:
    """An API server in memory that answers at once, or as planned."""

    def __init__(self) -> None:
        self.status: dict[NamespacedName, Status] = {}
        self.log: list[tuple[float, str, Any]] = []
        self.errors: list[Exception] = []
        self.seconds = 0.0

    async def replace_status(self, _kind: object, key: NamespacedName, status: Status, *, uid: str) -> Status:
        assert uid.startswith("uid-")
        self.log.append((asyncio.get_running_loop().time(), "status", status))
        await asyncio.sleep(self.seconds)
        if self.errors:
            raise self.errors.pop(0)
        self.status[key] = status
        return {}

    async def create(self, _kind: object, _key: NamespacedName, event: Status) -> Status:
        self.log.append((asyncio.get_running_loop().time(), "event", event["note"]))
        return {}


class Bench:
    """A status writer in virtual time."""

    def __init__(self) -> None:
        self.client = RecordingClient()
        clock = asyncio.get_running_loop().time
        recorder = EventRecorder(self.client, "op", clock)  # type: ignore[arg-type]
        self.writer = StatusWriter(self.client, recorder, clock)  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.writer.run())
        yield
        assert not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @property
    def times(self) -> list[float]:
        """When statuses were sent."""
        return [round(time, 3) for time, what, _ in self.client.log if what == "status"]


def times_of(*offers: tuple[float, StatusUpdate], until_: float = 30.0) -> list[float]:
    """When statuses are sent that are offered at these times."""

    async def main() -> list[float]:
        bench = Bench()
        loop = asyncio.get_running_loop()
        async with bench.running():
            for at, offered in offers:
                loop.call_later(at, bench.writer.submit, [offered])
            await asyncio.sleep(until_)
        return bench.times

    return simulate(main())


READY = condition(status="True", reason="ReplicasReady")


def test_nothing_is_written_when_nothing_differs() -> None:
    assert times_of((0, wish(status(1), status(1)))) == []


def test_the_truth_is_written_at_once() -> None:
    assert times_of((3, wish(status(0), status(1, READY)))) == [3]


def test_a_number_waits_for_more_of_them() -> None:
    assert times_of((3, wish(status(0), status(1)))) == [3 + DEPLOYMENT_DELAYS.quiet_seconds]


def test_words_wait_like_numbers() -> None:
    assert times_of((0, wish(status(0), status(0, condition(message="new"))))) == [DEPLOYMENT_DELAYS.quiet_seconds]


def test_numbers_that_change_again_and_again_do_not_wait_for_ever() -> None:
    offers = [(0.5 * step, wish(status(0), status(step + 1))) for step in range(9)]
    assert times_of(*offers, until_=4.9) == []
    assert times_of(*offers, (4.5, wish(status(0), status(10))), until_=5.1) == [DEPLOYMENT_DELAYS.longest_seconds]


def test_an_equal_offer_does_not_start_the_wait_again() -> None:
    offers = [(0.25 * step, wish(status(0), status(1))) for step in range(4)]
    assert times_of(*offers) == [DEPLOYMENT_DELAYS.quiet_seconds]


def test_a_truth_ends_the_wait_of_numbers() -> None:
    assert times_of((0, wish(status(0), status(1))), (0.5, wish(status(0), status(1, READY)))) == [0.5]


def test_the_first_status_waits_a_moment() -> None:
    assert times_of((0, wish({}, status(1)))) == [DEPLOYMENT_DELAYS.first_seconds]


def test_a_first_status_that_is_a_refusal_does_not_wait() -> None:
    assert times_of((0, wish({}, status(0, condition(), condition("Stalled", "True"))))) == [0]


def test_pools_have_their_own_delays() -> None:
    assert times_of((0, wish({}, status(1), delays=POOL_DELAYS))) == [POOL_DELAYS.first_seconds]
    assert times_of((0, wish(status(0), status(1), delays=POOL_DELAYS))) == [POOL_DELAYS.quiet_seconds]


def test_a_wish_that_is_taken_back_is_not_written() -> None:
    assert times_of((0, wish(status(0), status(1))), (0.5, wish(status(0), status(0)))) == []


def test_what_was_just_written_is_not_written_again() -> None:
    """The cache shows the old status for a moment more."""
    first, again = wish(status(0), status(1, READY)), wish(status(0), status(1, READY))
    assert times_of((0, first), (0.1, again), (1, again)) == [0]
    assert times_of((0, first), (1, again), (CACHE_LAG_SECONDS + 1, again)) == [0, CACHE_LAG_SECONDS + 1]


def ready_since(time: str) -> Status:
    """A status that has become true at a time."""
    return status(1, {**READY, "lastTransitionTime": time})


def test_what_becomes_true_is_written_once_with_the_time_at_which_it_did() -> None:
    """Until the cache shows it, each plan says it anew with the time of that plan."""
    says = [(second, wish(status(0), ready_since(f"10:00:0{second}"))) for second in range(4)]
    assert times_of(*says) == [0]


def test_a_wish_that_waits_keeps_its_first_time() -> None:
    waits = [(second, wish({}, ready_since(f"10:00:0{second}"))) for second in range(2)]
    assert without_timestamps(waits[0][1].desired) == without_timestamps(waits[1][1].desired)
    assert times_of(*[(0.1 * second, each) for second, each in waits]) == [DEPLOYMENT_DELAYS.first_seconds]


def test_a_status_that_somebody_else_changed_back_is_written_again() -> None:
    theirs = status(7, READY)
    again = (2, wish(theirs, status(1, READY)))
    assert times_of((0, wish(status(0), status(1, READY))), again) == [0, 2 + DEPLOYMENT_DELAYS.quiet_seconds]


def test_notes_are_told_after_the_write_and_only_then() -> None:
    async def main() -> list[tuple[str, Any]]:
        bench = Bench()
        bench.client.errors = [TransientError("busy")]
        async with bench.running():
            bench.writer.submit([wish(status(0), status(0, READY), note("one"), note("two"))])
            await asyncio.sleep(10)
        return [(what, content) for _, what, content in bench.client.log]

    whole = status(0, READY)
    assert simulate(main()) == [("status", whole), ("status", whole), ("event", "one"), ("event", "two")]


def times_of_failures(error: Exception, *offers: StatusUpdate, seconds: float) -> list[float]:
    """When a status is sent that is never taken; every wish is offered ten seconds after the one before."""

    async def main() -> list[float]:
        bench = Bench()
        bench.client.errors = [error] * 100
        async with bench.running():
            for number, offered in enumerate(offers):
                asyncio.get_running_loop().call_later(10 * number, bench.writer.submit, [offered])
            await asyncio.sleep(seconds)
        return bench.times

    return simulate(main())


def test_a_failed_write_is_tried_again_soon() -> None:
    busy = times_of_failures(TransientError("busy"), wish(status(0), status(0, READY)), seconds=60)
    assert busy == [0, RETRY_SECONDS, 6, 14, 14 + MAX_TRANSIENT_SECONDS, 14 + 2 * MAX_TRANSIENT_SECONDS, 59]


def test_a_status_that_is_never_taken_is_tried_ever_more_seldom() -> None:
    refused = Rejected(422, "Invalid", "status.message: Too long")
    sent = times_of_failures(refused, *(wish(status(0), status(number, READY)) for number in range(60)), seconds=600)
    assert sent == [0, 2, 6, 14, 30, 62, 126, 254, 510]


def test_another_truth_does_not_wait_for_one_that_was_refused() -> None:
    refused = Rejected(422, "Invalid", "status.message: Too long")
    before, after = wish(status(0), status(0, READY)), wish(status(0), status(0, condition(reason="ReplicaFailing")))
    assert times_of_failures(refused, before, before, before, before, after, seconds=41) == [0, 2, 6, 14, 30, 40]


def test_a_successor_of_the_same_name_begins_anew() -> None:
    """It has no status yet, and the times of its predecessor's conditions are not its own."""
    before, after = (wish({}, ready_since(f"10:00:0{second}"), uid=f"uid-{second}") for second in range(2))
    first = DEPLOYMENT_DELAYS.first_seconds

    async def main() -> list[tuple[float, Any]]:
        bench, loop = Bench(), asyncio.get_running_loop()
        async with bench.running():
            for at, offered in ((0, before), (1, after), (1.2, after)):
                loop.call_later(at, bench.writer.submit, [offered])
            await asyncio.sleep(10)
        return [(round(time, 3), sent) for time, _, sent in bench.client.log]

    assert simulate(main()) == [(first, before.desired), (1 + first, after.desired)]


def test_a_status_that_somebody_changes_back_each_time_is_written_ever_more_seldom() -> None:
    once = wish(status(0), status(0, READY))
    assert times_of(*((second, once) for second in range(100)), until_=100) == [0, 5, 15, 35, 75]


def test_a_newer_wish_is_written_when_the_write_before_it_has_ended() -> None:
    async def main() -> list[float]:
        bench = Bench()
        bench.client.seconds = 4
        async with bench.running():
            bench.writer.submit([wish(status(0), status(1, READY), note())])
            await asyncio.sleep(1)
            bench.writer.submit([wish(status(0), status(2, condition(reason="ReplicaFailing")))])
            await asyncio.sleep(30)
        return bench.times

    assert simulate(main()) == [0, 4]


def test_one_slow_write_does_not_stop_the_others() -> None:
    async def main() -> list[float]:
        bench = Bench()
        bench.client.seconds = 20
        async with bench.running():
            one, two = NamespacedName("bank", "one"), NamespacedName("bank", "two")
            bench.writer.submit([wish(status(0), status(0, READY), key=one)])
            await asyncio.sleep(1)
            wishes = [wish(status(0), status(0, READY), key=key) for key in (one, two)]
            bench.writer.submit(wishes)
            await asyncio.sleep(5)
        return bench.times

    assert simulate(main()) == [0, 1]


# The same writer against the fake API server over HTTP.


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def writer(client: ApiClient, clock: FakeClock) -> StatusWriter:
    return StatusWriter(client, EventRecorder(client, "op", clock), clock)


async def test_a_status_is_stored_as_wished(api: FakeApiServer, writer: StatusWriter, clock: FakeClock) -> None:
    stored = {"replicas": 1, "gone": {"a": 1}, "placements": [1, 2], "conditions": [condition()]}
    uid = api.put(KIND, CHAT, spec={"x": 1}, status=stored)["metadata"]["uid"]
    wished = {"replicas": 2, "placements": [2], "conditions": [READY]}
    writer.submit([wish(stored, wished, uid=uid)])
    writer.start_due()
    await writer.in_flight.drain()
    assert api.stored(KIND, CHAT)["status"] == wished
    assert [request.resource for request in api.writes] == ["modeldeployments/status"]
    clock.pass_(100)
    writer.submit([wish(wished, wished, uid=uid)])
    writer.start_due()
    assert len(api.writes) == 1


async def test_a_successor_never_gets_the_status_of_a_deployment_that_was_deleted(
    api: FakeApiServer, writer: StatusWriter
) -> None:
    uid = api.put(KIND, CHAT, spec={"x": 1})["metadata"]["uid"]
    writer.submit([wish({}, status(7, READY), uid=uid)])
    api.store.delete(KIND.plural, CHAT)
    api.put(KIND, CHAT, spec={"x": 1})
    writer.start_due()
    await writer.in_flight.drain()
    assert "status" not in api.stored(KIND, CHAT)


async def test_an_object_that_is_gone_is_no_trouble(
    api: FakeApiServer, writer: StatusWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.submit([wish(status(0), status(0, READY))])
    writer.start_due()
    await writer.in_flight.drain()
    writer.start_due()
    assert len(api.writes) == 1
    assert caplog.text == ""


@pytest.mark.parametrize("fault", [Answer(422, "Invalid"), Answer(409, "Conflict"), Answer(500)])
async def test_a_refused_status_is_logged_and_kept(
    api: FakeApiServer, writer: StatusWriter, clock: FakeClock, caplog: pytest.LogCaptureFixture, fault: Answer
) -> None:
    uid = api.put(KIND, CHAT, status=status(0))["metadata"]["uid"]
    api.faults.add(fault, times=1)
    writer.submit([wish(status(0), status(0, READY), uid=uid)])
    writer.start_due()
    await writer.in_flight.drain()
    assert "status of ModelDeployment bank/chat was not written" in caplog.text
    writer.start_due()
    assert len(api.writes) == 1
    clock.pass_(RETRY_SECONDS)
    writer.start_due()
    await writer.in_flight.drain()
    assert api.stored(KIND, CHAT)["status"] == status(0, READY)
