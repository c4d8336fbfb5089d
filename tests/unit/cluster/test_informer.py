from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fakes.apiserver import FakeApiServer
from fakes.apiserver.faults import Answer, EndAtOnce, HalfLine, Stall, of
from fakes.waiting import FakeClock, until
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.cluster import client as client_module
from modelmatrix.cluster import informer as informer_module
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.informer import Informer
from modelmatrix.cluster.views.pods import LIVE_PODS_SELECTOR
from modelmatrix.planning.snapshot.views import NamespacedName

A, B, C = NamespacedName("bank", "a"), NamespacedName("bank", "b"), NamespacedName("bank", "c")


def node_of(item: Object) -> str | None:
    """The view of these tests: the node, so that everything else is no change; nothing for pods without one."""
    return (item.get("spec") or {}).get("nodeName")


class Watched:
    """A cache that runs, and the keys that it named."""

    def __init__(self, client: ApiClient, kind: Kind = names.PODS, **selectors: str) -> None:
        self.changed: list[NamespacedName] = []
        self.cache: Informer[str] = Informer(client, kind, node_of, lambda _, key: self.changed.append(key), **selectors)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the cache; ready when it follows a stream."""
        task = asyncio.create_task(self.cache.run())
        try:
            yield
            assert not task.done(), "the cache has ended"
        finally:
            task.cancel()
            await asyncio.wait([task])

    @property
    def nodes(self) -> set[str]:
        return set(self.cache.views)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "INITIAL_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(informer_module, "MAX_BACKOFF_SECONDS", 0.01)


@pytest.fixture
def watched(client: ApiClient) -> Watched:
    return Watched(client)


def put(api: FakeApiServer, key: NamespacedName, node: str) -> None:
    api.put(names.PODS, key, spec={"nodeName": node})


async def test_it_lists_and_then_follows(api: FakeApiServer, watched: Watched) -> None:
    put(api, A, "n1")
    async with watched.running():
        await watched.cache.synced.wait()
        assert watched.nodes == {"n1"}
        put(api, B, "n2")
        await until(lambda: watched.nodes == {"n1", "n2"})
        api.store.patch("pods", A, {"spec": {"nodeName": "n3"}})
        await until(lambda: watched.nodes == {"n3", "n2"})
        api.store.delete("pods", B)
        await until(lambda: watched.nodes == {"n3"})
    assert watched.changed == [A, B, A, B]
    assert watched.cache.get(A) == "n3"
    assert watched.cache.get(B) is None


async def test_views_are_the_same_tuple_until_something_changes(api: FakeApiServer, watched: Watched) -> None:
    put(api, A, "n1")
    async with watched.running():
        await watched.cache.synced.wait()
        before = watched.cache.views
        api.store.patch("pods", A, {"metadata": {"labels": {"x": "y"}}})
        put(api, B, "n2")
        assert watched.cache.views is before
        await until(lambda: watched.nodes == {"n1", "n2"})
        assert watched.cache.views is not before


async def test_a_change_that_the_view_does_not_show_wakes_nobody(api: FakeApiServer, watched: Watched) -> None:
    put(api, A, "n1")
    async with watched.running():
        await until(lambda: api.streams.count)
        api.store.patch("pods", A, {"status": {"phase": "Running"}}, subresource="status")
        put(api, B, "n2")
        await until(lambda: B in watched.changed)
    assert watched.changed == [A, B]


async def test_objects_that_do_not_matter_are_not_kept(api: FakeApiServer, watched: Watched) -> None:
    api.put(names.PODS, A)
    async with watched.running():
        await until(lambda: api.streams.count)
        api.store.patch("pods", A, {"spec": {"nodeName": "n1"}})
        await until(lambda: watched.nodes == {"n1"})
        api.store.patch("pods", A, {"spec": {"nodeName": None}})
        await until(lambda: watched.nodes == set())
    assert watched.changed == [A, A]


async def test_only_labelled_objects_are_asked_for(api: FakeApiServer, client: ApiClient) -> None:
    watched = Watched(client, labels="mine")
    put(api, A, "n1")
    async with watched.running():
        await until(lambda: api.streams.count)
        api.store.patch("pods", A, {"metadata": {"labels": {"mine": ""}}})
        await until(lambda: watched.nodes == {"n1"})
        api.store.patch("pods", A, {"metadata": {"labels": {"mine": None}}})
        await until(lambda: watched.nodes == set())


async def test_whole_objects_live_no_longer_than_their_page(api: FakeApiServer, client: ApiClient) -> None:
    for number in range(7):
        put(api, NamespacedName("bank", f"p{number}"), "n1")
    api.page_size = 3
    pages: list[int] = []
    cache: Informer[int] = Informer(client, names.PODS, lambda _: pages.append(len(api.requests)), lambda _, __: None)
    task = asyncio.create_task(cache.run())
    await cache.synced.wait()
    task.cancel()
    assert pages == [1, 1, 1, 2, 2, 2, 3]


async def test_pods_that_have_ended_are_neither_sent_nor_kept(api: FakeApiServer, client: ApiClient) -> None:
    for key in (A, B):
        put(api, key, "n1")
        api.store.patch("pods", key, {"status": {"phase": "Running"}}, subresource="status")
    put(api, C, "n3")
    api.store.patch("pods", C, {"status": {"phase": "Succeeded"}}, subresource="status")
    watched = Watched(client, fields=LIVE_PODS_SELECTOR)
    async with watched.running():
        await until(lambda: api.streams.count)
        assert sorted(watched.changed) == [A, B]
        api.store.patch("pods", A, {"status": {"phase": "Failed"}}, subresource="status")
        await until(lambda: watched.cache.get(A) is None)
        assert watched.cache.get(B) == "n1"


async def test_a_deletion_that_was_missed_heals(api: FakeApiServer, watched: Watched) -> None:
    put(api, A, "n1")
    put(api, B, "n2")
    async with watched.running():
        await until(lambda: api.streams.count)
        api.store.delete("pods", A, silent=True)
        api.store.compact()
        api.streams.end()
        await until(lambda: watched.nodes == {"n2"})
    assert sorted(watched.changed) == [A, A, B]


async def test_an_object_that_came_back_under_its_name_is_another_one(api: FakeApiServer, client: ApiClient) -> None:
    changed: list[NamespacedName] = []
    cache: Informer[str] = Informer(
        client, names.PODS, lambda item: item["metadata"]["uid"], lambda _, key: changed.append(key)
    )
    put(api, A, "n1")
    task = asyncio.create_task(cache.run())
    await until(lambda: api.streams.count)
    before = cache.get(A)
    api.store.delete("pods", A, silent=True)
    put(api, A, "n1")
    api.store.compact()
    api.streams.end()
    await until(lambda: cache.get(A) not in (None, before))
    task.cancel()
    assert changed == [A, A]


async def test_events_that_happened_while_the_stream_was_broken_arrive(api: FakeApiServer, watched: Watched) -> None:
    async with watched.running():
        await until(lambda: api.streams.count)
        broken = api.faults.add(Answer(503), of("watch"))
        api.streams.end()
        await until(lambda: api.requests[-1].code == 503)
        put(api, A, "n1")
        api.faults.remove(broken)
        await until(lambda: watched.nodes == {"n1"})
    assert [request.verb for request in api.requests].count("list") == 1


async def test_a_bookmark_moves_the_version_on(api: FakeApiServer, watched: Watched) -> None:
    async with watched.running():
        await until(lambda: api.streams.count)
        for number in range(3):
            api.put(names.SERVICES, NamespacedName("bank", f"s{number}"))
        api.streams.bookmark()
        put(api, A, "n1")
        await until(lambda: watched.nodes == {"n1"})
        api.store.compact()
        api.streams.end()
        await until(lambda: [request.verb for request in api.requests].count("watch") == 2)
    assert [request.verb for request in api.requests].count("list") == 1


async def test_half_a_line_loses_nothing(api: FakeApiServer, watched: Watched) -> None:
    api.faults.add(HalfLine(), of("watch"), times=3)
    put(api, A, "n1")
    async with watched.running():
        await until(lambda: api.streams.count)
        put(api, B, "n2")
        await until(lambda: watched.nodes == {"n1", "n2"})


async def test_a_silent_stream_is_opened_again(api: FakeApiServer, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "WATCH_SILENCE_SECONDS", 0.05)
    api.faults.add(Stall(), of("watch"), times=1)
    async with watched.running():
        await until(lambda: api.streams.count)
        put(api, A, "n1")
        await until(lambda: watched.nodes == {"n1"})


async def test_a_kind_that_is_not_installed_is_empty_and_found_later(
    api: FakeApiServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informer_module, "ABSENT_RECHECK_SECONDS", 0.01)
    kind = api.kinds.pop("leaderworkersets")
    watched = Watched(client, names.LEADER_WORKER_SETS)
    async with watched.running():
        await watched.cache.synced.wait()
        assert (watched.cache.present, watched.nodes) == (False, set())
        api.kinds["leaderworkersets"] = kind
        api.put(names.LEADER_WORKER_SETS, A, spec={"nodeName": "n1"})
        await until(lambda: watched.cache.present and watched.nodes == {"n1"})


async def test_a_kind_that_is_removed_is_named_once_and_its_return_too(
    api: FakeApiServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(informer_module, "ABSENT_RECHECK_SECONDS", 0.01)
    caplog.set_level("INFO")
    watched = Watched(client, names.LEADER_WORKER_SETS)
    async with watched.running():
        await until(lambda: api.streams.count)
        kind = api.kinds.pop("leaderworkersets")
        api.streams.end()
        await until(lambda: len(api.requests) > 8)
        api.kinds["leaderworkersets"] = kind
        await until(lambda: watched.cache.present)
    assert [record.message for record in caplog.records if "leaderworkersets" in record.message] == [
        "the API server does not serve leaderworkersets; waiting for it",
        "the API server serves leaderworkersets",
    ]


def test_what_recovers_by_itself_is_found_within_seconds() -> None:
    assert informer_module.ABSENT_RECHECK_SECONDS <= 5
    assert informer_module.MAX_BACKOFF_SECONDS <= 5


async def test_it_says_why_it_could_not_read(api: FakeApiServer, watched: Watched) -> None:
    refused = api.faults.add(Answer(403, "Forbidden"))
    async with watched.running():
        await until(lambda: "planned: Forbidden" in watched.cache.error)
        api.faults.remove(refused)
        await watched.cache.synced.wait()
        assert watched.cache.error == ""


async def test_a_kind_that_is_removed_is_empty(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.LEADER_WORKER_SETS, A, spec={"nodeName": "n1"})
    watched = Watched(client, names.LEADER_WORKER_SETS)
    async with watched.running():
        await until(lambda: api.streams.count)
        del api.kinds["leaderworkersets"]
        api.streams.end()
        await until(lambda: not watched.cache.present)
    assert watched.nodes == set()
    assert watched.changed == [A, A]


@pytest.mark.parametrize("answer", [Answer(500), Answer(403, "Forbidden"), Answer(401), Answer(200, text="{}")])
async def test_it_is_not_synced_before_a_whole_list_was_read(api: FakeApiServer, watched: Watched, answer: Answer) -> None:
    put(api, A, "n1")
    put(api, B, "n2")
    api.page_size = 1
    bad = api.faults.add(answer, lambda request: "continue" in request.query)
    async with watched.running():
        await until(lambda: len(api.requests) > 6)
        assert not watched.cache.synced.is_set()
        assert watched.nodes == set()
        api.faults.remove(bad)
        await watched.cache.synced.wait()
        assert watched.nodes == {"n1", "n2"}


async def test_an_api_server_that_is_away_keeps_the_views(api: FakeApiServer, watched: Watched) -> None:
    put(api, A, "n1")
    async with watched.running():
        await until(lambda: api.streams.count)
        await api.stop()
        await asyncio.sleep(0.05)
        assert watched.nodes == {"n1"}
        await api.start()
        put(api, B, "n2")
        await until(lambda: watched.nodes == {"n1", "n2"})


async def test_it_knows_for_how_long_it_has_heard_nothing(
    api: FakeApiServer, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(informer_module, "monotonic", clock)
    async with watched.running():
        await until(lambda: api.streams.count)
        clock.pass_(400)
        assert watched.cache.silent_seconds >= 400
        api.streams.bookmark()
        await until(lambda: watched.cache.silent_seconds == 0)


class Sleeps:
    """Records how long the cache wanted to sleep, and does not let it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        self._sleep = asyncio.sleep
        monkeypatch.setattr("modelmatrix.cluster.informer.asyncio.sleep", self)
        monkeypatch.setattr(informer_module, "INITIAL_BACKOFF_SECONDS", 0.2)
        monkeypatch.setattr(informer_module, "MAX_BACKOFF_SECONDS", 15.0)

    async def __call__(self, seconds: float) -> None:
        if seconds > 0.01:  # not the test's own
            self.seconds.append(seconds)
        await self._sleep(0)


@pytest.mark.parametrize(
    "fault",
    [EndAtOnce(), Answer(410), Answer(200, text='{"type":"ERROR","object":{"code":410}}\n'), Answer(503), HalfLine()],
    ids=["ends at once", "gone", "gone event", "503", "half a line"],
)
async def test_a_watch_that_fails_again_and_again_is_not_a_storm(
    api: FakeApiServer, watched: Watched, monkeypatch: pytest.MonkeyPatch, fault: Answer | EndAtOnce | HalfLine
) -> None:
    sleeps = Sleeps(monkeypatch)
    api.faults.add(fault, of("watch"))
    async with watched.running():
        await until(lambda: [request.verb for request in api.requests].count("watch") > 12)
    assert len(sleeps.seconds) >= 12
    assert max(sleeps.seconds) > 10


async def test_a_stream_that_lived_is_opened_again_soon(
    api: FakeApiServer, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps = Sleeps(monkeypatch)
    async with watched.running():
        for number in range(12):
            await until(lambda: api.streams.count)
            put(api, NamespacedName("bank", f"p{number}"), f"n{number}")
            await until(lambda: f"n{len(api.store.items['pods']) - 1}" in watched.nodes)
            api.faults.add(Answer(503), of("watch"), times=1)
            api.streams.end()
            await until(lambda: not api.streams.count)
    assert max(sleeps.seconds) < 1
