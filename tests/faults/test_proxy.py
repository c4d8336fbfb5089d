"""What the proxy does to an operator's requests, before an API server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fakes.apiserver import FakeApiServer
from fakes.apiserver import running as running_server
from faults.proxy import Proxy, WriteFault
from modelmatrix.api import names
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.credentials import Credentials
from modelmatrix.cluster.errors import ApiError, TransientError
from modelmatrix.planning.snapshot.views import NamespacedName

KEY = NamespacedName("bank", "chat")
LEASE = NamespacedName("system", names.LEASE_NAME)


@pytest.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with running_server() as fake:
        yield fake


@pytest.fixture
async def proxy(server: FakeApiServer) -> AsyncIterator[Proxy]:
    made = Proxy(server.url, "", "token")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[ApiClient]:
    port = await proxy.port_for("one")
    async with ApiClient(Credentials(f"http://127.0.0.1:{port}", None)) as made:
        yield made


async def create(client: ApiClient, key: NamespacedName = KEY) -> None:
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": key.name}, "spec": {}}
    await client.create(names.SERVICES, key, manifest)


async def test_a_write_is_forwarded_and_recorded(server: FakeApiServer, proxy: Proxy, client: ApiClient) -> None:
    await create(client)
    assert server.stored(names.SERVICES, KEY)
    (sent,) = proxy.writes
    assert (sent.operator, sent.verb, sent.plural, sent.name, sent.took_effect) == ("one", "create", "services", "chat", True)


async def test_a_lost_answer_takes_effect(server: FakeApiServer, proxy: Proxy, client: ApiClient) -> None:
    proxy.faults[1] = WriteFault(loses_answer=True)
    with pytest.raises(TransientError):
        await create(client)
    assert server.stored(names.SERVICES, KEY)
    assert proxy.writes[0].took_effect


async def test_an_injected_answer_reaches_no_server_as_often_as_it_says(
    server: FakeApiServer, proxy: Proxy, client: ApiClient
) -> None:
    proxy.faults[1] = WriteFault(answer=422, times=2)
    for _ in range(2):
        with pytest.raises(ApiError):
            await create(client)
    assert not server.writes
    await create(client)
    assert [sent.took_effect for sent in proxy.writes] == [False, False, True]


async def test_a_late_write_lands_after_its_sender_has_given_up(server: FakeApiServer, proxy: Proxy, client: ApiClient) -> None:
    proxy.faults[1] = WriteFault(detached=True, pause=0.05)
    with pytest.raises(TransientError):
        await create(client)
    assert not server.writes
    await proxy.drained()
    assert server.stored(names.SERVICES, KEY)


async def test_who_is_killed_before_a_write_has_not_made_it_and_after_it_has(
    server: FakeApiServer, proxy: Proxy, client: ApiClient
) -> None:
    proxy.faults[1] = WriteFault(after=lambda: proxy.bury("one"))
    with pytest.raises(TransientError):
        await create(client)
    assert server.stored(names.SERVICES, KEY)
    with pytest.raises(TransientError):
        await create(client, KEY._replace(name="other"))
    assert len(server.writes) == 1
    proxy.dead.clear()
    proxy.begin_step()
    proxy.faults[1] = WriteFault(before=lambda: proxy.bury("one"))
    with pytest.raises(TransientError):
        await create(client, KEY._replace(name="other"))
    assert len(server.writes) == 1


async def test_lists_are_old_while_they_are_stale_and_watches_are_refused(proxy: Proxy, client: ApiClient) -> None:
    await client.list(names.SERVICES)
    await create(client)
    proxy.lists_stale = True
    items, version = await client.list(names.SERVICES)
    assert items == []
    with pytest.raises(ApiError):
        async for _ in client.watch(names.SERVICES, version):
            pass
    proxy.lists_stale = False
    items, _ = await client.list(names.SERVICES)
    assert [item["metadata"]["name"] for item in items] == ["chat"]


async def test_a_watch_is_cut_or_hangs_and_says_later_what_it_missed(
    server: FakeApiServer, proxy: Proxy, client: ApiClient
) -> None:
    _, version = await client.list(names.SERVICES)
    seen: list[str] = []

    async def follow() -> None:
        async for change, _ in client.watch(names.SERVICES, version):
            seen.append(change)

    proxy.hang(hangs=True)
    task = asyncio.create_task(follow())
    await asyncio.sleep(0.05)
    server.put(names.SERVICES, KEY, spec={})
    await asyncio.sleep(0.05)
    assert seen == []
    proxy.hang(hangs=False)
    await asyncio.sleep(0.05)
    assert seen == ["ADDED"]
    proxy.cut()
    with pytest.raises(TransientError):
        await task


async def test_the_holder_of_the_lease_is_known_and_the_lease_can_be_blocked(
    server: FakeApiServer, proxy: Proxy, client: ApiClient
) -> None:
    server.put(names.LEASES, LEASE, spec={})
    lease = await client.get(names.LEASES, LEASE)
    lease["spec"]["holderIdentity"] = "one"
    await client.replace(names.LEASES, LEASE, lease)
    assert proxy.holder == "one"
    assert proxy.writes == []
    proxy.lease_blocked = True
    with pytest.raises(TransientError):
        await client.get(names.LEASES, LEASE)


async def test_an_api_server_that_is_away_answers_nobody(proxy: Proxy, client: ApiClient) -> None:
    proxy.away = True
    with pytest.raises(TransientError):
        await client.list(names.SERVICES)
