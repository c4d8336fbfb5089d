from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.apiserver import FakeApiServer
from fakes.faults import Answer, Hang, Reset, of
from fakes.waiting import FakeClock, settle, until
from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.applier import CACHE_LAG_SECONDS, LAST_BACKOFF_SECONDS, Applier
from modelmatrix.cluster.client import ApiClient
from modelmatrix.planning.actions import Action, Apply, Create, Delete, Scale
from modelmatrix.planning.views import Key

CHAT = Key("bank", "chat")
OWNER = {"uid": "owner", "controller": True}


class Bench:
    """An applier with its clocks, on the fake API server."""

    def __init__(self, client: ApiClient) -> None:
        self.clock = FakeClock()
        self.failed = 0
        self.applier = Applier(client, self.clock, lambda: 1_790_000_000.0 + self.clock(), self._fail)

    def _fail(self) -> None:
        self.failed += 1

    async def do(self, *actions: Action) -> None:
        """Submit and wait until everything that was started has ended."""
        self.applier.submit(actions)
        await self.applier.in_flight.drain()


@pytest.fixture
def bench(client: ApiClient) -> Bench:
    return Bench(client)


def manifest(name: str, *, owner: str = "owner", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "bank", "ownerReferences": [{**OWNER, "uid": owner}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def create(name: str, *, deployment: Key = CHAT, **spec: Any) -> Create:
    return Create(names.DEPLOYMENTS, Key("bank", name), deployment, manifest(name, **spec))


def apply(api: FakeApiServer, name: str, *, uid: str = "", **spec: Any) -> Apply:
    found = uid or api.stored(names.DEPLOYMENTS, Key("bank", name))["metadata"]["uid"]
    return Apply(names.DEPLOYMENTS, Key("bank", name), CHAT, manifest(name, **spec), found)


async def test_it_creates_applies_scales_and_deletes(api: FakeApiServer, bench: Bench) -> None:
    key = Key("bank", "w")
    await bench.do(create("w", replicas=1))
    uid = api.stored(names.DEPLOYMENTS, key)["metadata"]["uid"]
    await bench.do(apply(api, "w", replicas=2))
    assert api.stored(names.DEPLOYMENTS, key)["spec"] == {"replicas": 2}
    await bench.do(Scale(names.DEPLOYMENTS, key, CHAT, uid, 3))
    assert api.stored(names.DEPLOYMENTS, key)["spec"] == {"replicas": 3}
    await bench.do(Delete(names.DEPLOYMENTS, key, CHAT, uid))
    assert api.store.list("deployments") == []
    assert [request.verb for request in api.writes] == ["create", "patch", "patch", "delete"]
    assert (bench.applier.failures, bench.applier.next_due) == ({}, None)


async def test_an_object_of_others_is_left_alone_and_named(api: FakeApiServer, bench: Bench) -> None:
    theirs = api.put(names.DEPLOYMENTS, Key("bank", "w"), spec={"replicas": 7})
    await bench.do(create("w", replicas=1))
    assert api.stored(names.DEPLOYMENTS, Key("bank", "w")) == theirs
    failure = bench.applier.failures[CHAT]
    assert failure.reason is Reason.NAME_CONFLICT
    assert "Deployment bank/w exists and is not ours" in failure.message


async def test_an_object_with_another_owner_of_our_kind_is_not_ours(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, Key("bank", "w"), metadata={"ownerReferences": [{**OWNER, "uid": "another chat"}]})
    await bench.do(create("w", replicas=1))
    assert bench.applier.failures[CHAT].reason is Reason.NAME_CONFLICT


async def test_an_object_of_ours_that_the_cache_does_not_show_yet_is_no_conflict(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, Key("bank", "w"), metadata={"ownerReferences": [OWNER]})
    await bench.do(create("w", replicas=1))
    assert bench.applier.failures == {}


async def test_an_object_of_others_that_is_gone_again_is_no_conflict(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(409, "AlreadyExists"), of("create"), times=1)
    await bench.do(create("w", replicas=1))
    assert bench.applier.failures == {}
    bench.clock.pass_(1)
    await bench.do(create("w", replicas=1))
    assert len(api.store.list("deployments")) == 1


async def test_a_lost_acknowledgement_makes_no_second_object(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Reset(commits=True), of("create"), times=1)
    action = create("w", replicas=1)
    await bench.do(action)
    assert bench.failed == 1
    bench.clock.pass_(1)
    await bench.do(action)
    assert len(api.store.list("deployments")) == 1
    assert (bench.applier.failures, bench.applier.next_due) == ({}, None)


@pytest.mark.parametrize("uid", ["uid-of-the-one-before"])
async def test_a_namesake_is_never_touched(api: FakeApiServer, bench: Bench, uid: str) -> None:
    key = Key("bank", "w")
    namesake = api.put(names.DEPLOYMENTS, key, spec={"replicas": 7})
    for action in (
        apply(api, "w", uid=uid, replicas=1),
        Scale(names.DEPLOYMENTS, key, CHAT, uid, 0),
        Delete(names.DEPLOYMENTS, key, CHAT, uid),
    ):
        await bench.do(action)
        bench.clock.pass_(LAST_BACKOFF_SECONDS)
    assert len(api.writes) == 3
    assert api.stored(names.DEPLOYMENTS, key) == namesake
    assert bench.applier.failures == {}  # the next plan will see the namesake


@pytest.mark.parametrize("what", ["apply", "scale", "delete"])
async def test_an_object_that_is_gone_is_neither_made_again_nor_a_failure(api: FakeApiServer, bench: Bench, what: str) -> None:
    key = Key("bank", "w")
    actions: dict[str, Action] = {
        "apply": Apply(names.DEPLOYMENTS, key, CHAT, manifest("w"), "uid-9"),
        "scale": Scale(names.DEPLOYMENTS, key, CHAT, "uid-9", 1),
        "delete": Delete(names.DEPLOYMENTS, key, CHAT, "uid-9"),
    }
    await bench.do(actions[what])
    assert api.store.list("deployments") == []
    assert bench.applier.failures == {}


async def test_a_refusal_is_told_in_the_api_servers_words(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(403, "Forbidden: exceeded quota"))
    await bench.do(create("w"))
    failure = bench.applier.failures[CHAT]
    assert failure.reason is Reason.WRITE_FAILED
    assert failure.message == "Deployment bank/w: planned: Forbidden: exceeded quota"
    assert failure.since_seconds == 1_790_001_000.0
    assert bench.failed == 1


async def test_a_failure_keeps_the_time_of_its_beginning(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"))
    await bench.do(create("w"))
    bench.clock.pass_(10)
    await bench.do(create("w"))
    assert bench.applier.failures[CHAT].since_seconds == 1_790_001_000.0


async def test_refusals_back_off(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"))
    waits = []
    for _ in range(12):
        await bench.do(create("w"))
        due = bench.applier.next_due
        assert due is not None
        waits.append(due - bench.clock())
        sent = len(api.writes)
        await bench.do(create("w"))  # too early
        assert len(api.writes) == sent
        bench.clock.seconds = due
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


async def test_a_success_ends_the_backoff(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(500), times=3)
    for _ in range(4):
        await bench.do(create("w"))
        bench.clock.pass_(LAST_BACKOFF_SECONDS)
    assert bench.applier.next_due is None
    assert bench.applier.owners() == set()
    api.faults.add(Answer(500), times=1)
    await bench.do(apply(api, "w", replicas=2))
    assert bench.applier.next_due == bench.clock() + 1


@pytest.mark.parametrize("fault", [Answer(500), Answer(429), Answer(409, "Conflict"), Reset()])
async def test_what_passes_by_itself_is_no_failure(api: FakeApiServer, bench: Bench, fault: Answer | Reset) -> None:
    api.faults.add(fault, times=1)
    await bench.do(create("w"))
    assert bench.applier.failures == {}
    assert bench.failed == 1
    bench.clock.pass_(1)
    await bench.do(create("w"))
    assert len(api.store.list("deployments")) == 1


async def test_one_bad_object_does_not_stop_others(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422, "Invalid"), lambda request: request.body["metadata"]["name"] == "w1")
    api.faults.add(Reset(), lambda request: request.body["metadata"]["name"] == "w2")
    await bench.do(*(create(f"w{number}") for number in range(5)))
    assert [item["metadata"]["name"] for item in api.store.list("deployments")] == ["w0", "w3", "w4"]


async def test_a_write_that_hangs_does_not_stop_others(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Hang(), lambda request: request.body["metadata"]["name"] == "w0")
    bench.applier.submit([create("w0")])
    await until(lambda: len(api.requests) == 1)
    bench.applier.submit([create("w0"), create("w1")])
    await until(lambda: len(api.store.list("deployments")) == 1)
    assert [request.body["metadata"]["name"] for request in api.writes] == ["w0", "w1"]


async def test_what_was_just_done_is_not_done_again(api: FakeApiServer, bench: Bench) -> None:
    action = create("w", replicas=1)
    await bench.do(action)
    await bench.do(action)  # the cache does not show it yet
    assert len(api.writes) == 1
    await bench.do(apply(api, "w", replicas=2))  # another action of the same object is
    assert len(api.writes) == 2
    bench.clock.pass_(CACHE_LAG_SECONDS)
    await bench.do(apply(api, "w", replicas=2))  # somebody has undone it
    assert len(api.writes) == 3


async def test_a_failure_is_forgotten_when_the_plan_does_not_want_the_write_any_more(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, Key("bank", "w"))
    await bench.do(create("w"))
    assert bench.applier.failures
    bench.clock.pass_(1)
    await bench.do()  # the user has renamed the pool, so another workload is planned, or none
    assert bench.applier.failures == {}
    assert bench.applier.next_due is None


async def test_a_failure_stays_while_the_plan_wants_the_write(api: FakeApiServer, bench: Bench) -> None:
    api.put(names.DEPLOYMENTS, Key("bank", "w"))
    for _ in range(3):
        await bench.do(create("w"))
        assert bench.applier.failures
    bench.clock.pass_(1)
    api.faults.add(Answer(503), times=1)
    await bench.do(create("w"))  # nobody knows: the conflict is not solved by that
    assert bench.applier.failures[CHAT].reason is Reason.NAME_CONFLICT


async def test_a_write_that_is_under_way_is_not_due(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(500), times=1)
    api.faults.add(Hang())
    await bench.do(create("w"))
    bench.clock.pass_(1)
    bench.applier.submit([create("w")])
    await settle()
    assert bench.applier.next_due is None  # else the loop would look again and again, and never let it go on


async def test_deployments_that_are_gone_are_forgotten(api: FakeApiServer, bench: Bench) -> None:
    api.faults.add(Answer(422))
    other = Key("bank", "other")
    await bench.do(create("w"), create("v", deployment=other))
    assert bench.applier.owners() == {CHAT, other}
    bench.applier.forget([CHAT])
    assert bench.applier.owners() == {other}
    assert set(bench.applier.failures) == {other}


async def test_at_most_sixteen_writes_are_under_way(api: FakeApiServer, bench: Bench) -> None:
    hang = api.faults.add(Hang())
    bench.applier.submit([create(f"w{number}") for number in range(30)])
    await until(lambda: len(api.requests) == 16)
    await asyncio.sleep(0.02)
    assert len(api.requests) == 16
    api.faults.remove(hang)
