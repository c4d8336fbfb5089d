from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator

import pytest

from fakes.apiserver import FakeApiServer
from fakes.apiserver.faults import Answer, EndAtOnce, HalfLine, Hang, Reset, Stall, of
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.cluster import client as client_module
from modelmatrix.cluster.client import ApiClient, path
from modelmatrix.cluster.credentials import Credentials
from modelmatrix.cluster.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Gone,
    InternalServerError,
    NotFound,
    Rejected,
    TlsError,
    TransientError,
)
from modelmatrix.planning.snapshot.views import NamespacedName

KEY = NamespacedName("bank", "chat")
POD = {"spec": {"nodeName": "n1"}}


@pytest.mark.parametrize(
    ("kind", "key", "item", "expected"),
    [
        (names.PODS, None, True, "/api/v1/pods"),
        (names.NODES, NamespacedName("", "n1"), True, "/api/v1/nodes/n1"),
        (names.PODS, KEY, True, "/api/v1/namespaces/bank/pods/chat"),
        (names.PODS, KEY, False, "/api/v1/namespaces/bank/pods"),
        (names.MODEL_DEPLOYMENTS, KEY, True, "/apis/modelmatrix.io/v1alpha1/namespaces/bank/modeldeployments/chat"),
        (names.ACCELERATOR_POOLS, NamespacedName("", "a"), True, "/apis/modelmatrix.io/v1alpha1/acceleratorpools/a"),
        (names.ACCELERATOR_POOLS, NamespacedName("", "a"), False, "/apis/modelmatrix.io/v1alpha1/acceleratorpools"),
        (names.LEASES, KEY, True, "/apis/coordination.k8s.io/v1/namespaces/bank/leases/chat"),
    ],
)
def test_paths(kind: Kind, key: NamespacedName | None, *, item: bool, expected: str) -> None:
    assert path(kind, key, with_name=item) == expected


async def test_a_list_reads_every_page(api: FakeApiServer, client: ApiClient) -> None:
    for number in range(7):
        api.put(names.PODS, NamespacedName("bank", f"p{number}"), **POD)
    api.page_size = 3
    items, version = await client.list(names.PODS)
    assert [item["metadata"]["name"] for item in items] == [f"p{number}" for number in range(7)]
    assert version == str(api.store.version)
    assert [request.query.get("continue") for request in api.requests] == [None, "3", "6"]


async def test_a_list_asks_for_pages_and_labels(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.PODS, KEY, metadata={"labels": {"app": "x"}}, status={"phase": "Running"})
    api.put(names.PODS, NamespacedName("bank", "ended"), metadata={"labels": {"app": "x"}}, status={"phase": "Succeeded"})
    api.put(names.PODS, NamespacedName("bank", "other"), status={"phase": "Running"})
    items, _ = await client.list(names.PODS, labels="app=x", fields="status.phase=Running")
    assert [item["metadata"]["name"] for item in items] == ["chat"]
    assert api.requests[0].query == {"limit": "500", "labelSelector": "app=x", "fieldSelector": "status.phase=Running"}


async def test_a_list_whose_pages_have_expired_is_gone(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.PODS, KEY)
    api.put(names.PODS, NamespacedName("bank", "other"))
    api.page_size = 1
    api.faults.add(Answer(410, "Expired"), lambda request: "continue" in request.query)
    with pytest.raises(Gone):
        await client.list(names.PODS)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", Rejected),
        (401, "Unauthorized", ApiError),
        (403, "Forbidden", Rejected),
        (404, "NotFound", NotFound),
        (405, "MethodNotAllowed", ApiError),
        (408, "Timeout", TransientError),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (410, "Expired", Gone),
        (413, "RequestEntityTooLarge", ApiError),
        (422, "Invalid", Rejected),
        (429, "TooManyRequests", TransientError),
        (500, "InternalError", InternalServerError),
        (503, "ServiceUnavailable", TransientError),
        (504, "Timeout", TransientError),
    ],
)
async def test_every_answer_has_its_error(
    api: FakeApiServer, client: ApiClient, code: int, reason: str, expected: type[Exception]
) -> None:
    api.faults.add(Answer(code, reason))
    with pytest.raises(expected) as caught:
        await client.get(names.PODS, KEY)
    assert type(caught.value) is expected
    assert f"planned: {reason}" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (404, "404 page not found\n", NotFound),  # what a real API server says of a kind that is not installed
        (403, "<html>proxy</html>", Rejected),
        (502, "<html>bad gateway</html>", TransientError),
        (502, b"<html>\xe9chec</html>", TransientError),
        (500, "", InternalServerError),
        (500, "[]", InternalServerError),
        (500, '"text"', InternalServerError),
    ],
)
async def test_an_error_without_a_status_object_keeps_its_code(
    api: FakeApiServer, client: ApiClient, code: int, text: str | bytes, expected: type[Exception]
) -> None:
    api.faults.add(Answer(code, text=text))
    with pytest.raises(expected) as caught:
        await client.get(names.PODS, KEY)
    assert str(code) in str(caught.value)


@pytest.mark.parametrize("text", ["<html>log in</html>", b"\xff\xfe\xff", "[]", "{}", '{"items": []}', '{"metadata": 1}', ""])
async def test_a_list_that_is_no_list_is_no_answer(api: FakeApiServer, client: ApiClient, text: str | bytes) -> None:
    api.faults.add(Answer(200, text=text))
    with pytest.raises(TransientError):
        await client.list(names.PODS)


async def test_a_refused_connection_is_no_answer(api: FakeApiServer, client: ApiClient) -> None:
    await api.stop()
    with pytest.raises(TransientError):
        await client.get(names.PODS, KEY)


async def test_a_broken_connection_is_no_answer(api: FakeApiServer, client: ApiClient) -> None:
    api.faults.add(Reset(commits=True), of("create"))
    with pytest.raises(TransientError):
        await client.create(names.SERVICES, KEY, {"metadata": {"name": "chat"}})
    assert api.stored(names.SERVICES, KEY)["kind"] == "Service"  # the acknowledgement was lost, not the write


async def test_a_server_that_hangs_is_given_up(api: FakeApiServer, client: ApiClient) -> None:
    api.faults.add(Hang())
    with pytest.raises(TransientError):
        await client.get(names.PODS, KEY, timeout_seconds=0.05)


async def test_every_answer_is_observed(api: FakeApiServer) -> None:
    seen: list[tuple[str, str]] = []
    async with ApiClient(Credentials(api.url, None), lambda verb, code: seen.append((verb, code))) as client:
        await client.create(names.SERVICES, KEY, {"metadata": {"name": "chat"}})
        await client.apply(names.SERVICES, KEY, {"metadata": {"name": "chat"}, "spec": {"a": 1}})
        with pytest.raises(NotFound):
            await client.get(names.PODS, KEY)
        await api.stop()
        with pytest.raises(TransientError):
            await client.get(names.PODS, KEY)
    assert seen == [("create", "200"), ("apply", "200"), ("get", "404"), ("get", "error")]


async def test_writes_name_their_manager(api: FakeApiServer, client: ApiClient) -> None:
    await client.create(names.SERVICES, KEY, {"metadata": {"name": "chat"}})
    await client.apply(names.SERVICES, KEY, {"metadata": {"name": "chat"}})
    created, applied = api.requests
    assert created.query == {"fieldManager": "modelmatrix"}
    assert applied.query == {"fieldManager": "modelmatrix", "force": "true"}
    assert applied.content_type == "application/apply-patch+yaml"


async def test_a_status_is_replaced_alone(api: FakeApiServer, client: ApiClient) -> None:
    uid = api.put(names.MODEL_DEPLOYMENTS, KEY, spec={"a": 1}, status={"old": 1, "kept": 2})["metadata"]["uid"]
    await client.replace_status(names.MODEL_DEPLOYMENTS, KEY, {"kept": 2, "new": [3]}, uid=uid)
    stored = api.stored(names.MODEL_DEPLOYMENTS, KEY)
    assert (stored["spec"], stored["status"]) == ({"a": 1}, {"kept": 2, "new": [3]})
    assert (api.requests[0].resource, api.requests[0].query) == ("modeldeployments/status", {"fieldManager": "modelmatrix"})


async def test_the_status_of_a_namesake_is_left_alone(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.MODEL_DEPLOYMENTS, KEY, status={"old": 1})
    with pytest.raises(Conflict, match="another object"):
        await client.replace_status(names.MODEL_DEPLOYMENTS, KEY, {"new": 1}, uid="another")
    assert api.stored(names.MODEL_DEPLOYMENTS, KEY)["status"] == {"old": 1}


async def test_a_status_that_the_schema_refuses_is_no_conflict(api: FakeApiServer, client: ApiClient) -> None:
    uid = api.put(names.MODEL_DEPLOYMENTS, KEY)["metadata"]["uid"]
    details = {"causes": [{"field": "status.nodes", "message": "must be of type object"}]}
    api.faults.add(Answer(422, text=json.dumps({"reason": "Invalid", "message": "is invalid", "details": details})))
    with pytest.raises(Rejected, match="is invalid"):
        await client.replace_status(names.MODEL_DEPLOYMENTS, KEY, {"nodes": 1}, uid=uid)


async def test_a_delete_is_only_of_the_object_that_was_meant(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.SERVICES, KEY)
    with pytest.raises(Conflict):
        await client.delete(names.SERVICES, KEY, uid="another")
    await client.delete(names.SERVICES, KEY, uid=api.stored(names.SERVICES, KEY)["metadata"]["uid"])
    with pytest.raises(NotFound):
        await client.get(names.SERVICES, KEY)
    assert api.requests[0].body["propagationPolicy"] == "Background"


async def test_a_replace_is_only_of_the_version_that_was_read(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.LEASES, KEY, spec={"holderIdentity": "a"})
    read = await client.get(names.LEASES, KEY)
    await client.replace(names.LEASES, KEY, {**read, "spec": {"holderIdentity": "b"}})
    with pytest.raises(Conflict):
        await client.replace(names.LEASES, KEY, {**read, "spec": {"holderIdentity": "c"}})


async def test_nothing_is_written_without_leave(api: FakeApiServer) -> None:
    api.put(names.LEASES, KEY)
    async with ApiClient(Credentials(api.url, None), write_seconds=lambda: 0.0) as client:
        manifest = {"metadata": {"name": "chat"}}
        for write in (
            client.create(names.SERVICES, KEY, manifest),
            client.apply(names.SERVICES, KEY, manifest),
            client.merge(names.LEASES, KEY, {}),
            client.replace_status(names.LEASES, KEY, {}, uid="x"),
            client.replace(names.LEASES, KEY, manifest),
            client.delete(names.LEASES, KEY, uid="x"),
        ):
            with pytest.raises(TransientError, match="not the leader"):
                await write
        await client.get(names.LEASES, KEY)
    assert api.writes == []


@pytest.mark.parametrize("verb", ["create", "apply", "merge", "replace_status", "replace", "delete"])
async def test_a_write_that_was_decided_in_time_is_not_sent_too_late(api: FakeApiServer, verb: str) -> None:
    """The process is suspended after its first look and before its request leaves."""
    api.put(names.LEASES, KEY)
    left = iter([5.0])
    async with ApiClient(Credentials(api.url, None), write_seconds=lambda: next(left, 0.0)) as client:
        arguments = {"delete": {"uid": "x"}, "replace_status": {"status": {}, "uid": "x"}, "merge": {"patch": {}}}
        given = arguments.get(verb, {"manifest": {"metadata": {"name": "chat"}}})
        with pytest.raises(TransientError, match="not the leader"):
            await getattr(client, verb)(names.LEASES, KEY, **given)
        await client.get(names.LEASES, KEY)
    assert api.writes == []


async def test_a_write_waits_no_longer_than_the_process_may_write(api: FakeApiServer) -> None:
    api.faults.add(Hang())
    async with ApiClient(Credentials(api.url, None), write_seconds=lambda: 0.05) as client:
        with pytest.raises(TransientError):
            await client.create(names.SERVICES, KEY, {"metadata": {"name": "chat"}})


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await ApiClient(Credentials("http://127.0.0.1:1", None)).get(names.PODS, KEY)


async def test_a_token_is_sent(api: FakeApiServer) -> None:
    async with ApiClient(Credentials(api.url, None, "secret")) as client:
        await client.list(names.PODS)
    assert api.tokens == ["Bearer secret"]


async def test_a_client_names_its_process(api: FakeApiServer) -> None:
    async with ApiClient(Credentials(api.url, None), agent="modelmatrix/operator-0") as client:
        await client.list(names.PODS)
    assert api.agents == ["modelmatrix/operator-0"]


async def first(stream: AsyncIterator[tuple[str, client_module.Object]]) -> tuple[str, client_module.Object]:
    return await anext(stream)


async def test_a_watch_tells_changes_after_a_version(api: FakeApiServer, client: ApiClient) -> None:
    api.put(names.PODS, NamespacedName("bank", "before"))
    stream = client.watch(names.PODS, str(api.store.version))
    api.put(names.PODS, KEY, **POD)
    api.store.patch("pods", KEY, {"spec": {"nodeName": "n2"}})
    api.store.delete("pods", KEY)
    seen = [await anext(stream) for _ in range(3)]
    assert [(type_, item["metadata"]["name"]) for type_, item in seen] == [
        ("ADDED", "chat"),
        ("MODIFIED", "chat"),
        ("DELETED", "chat"),
    ]
    assert api.requests[0].query["allowWatchBookmarks"] == "true"


async def test_a_watch_may_be_of_one_object(api: FakeApiServer, client: ApiClient) -> None:
    stream = client.watch(names.LEASES, "1", namespace="bank", fields="metadata.name=chat")
    api.put(names.LEASES, NamespacedName("bank", "other"))
    api.put(names.LEASES, NamespacedName("elsewhere", "chat"))
    api.put(names.LEASES, KEY)
    _, item = await anext(stream)
    assert (item["metadata"]["namespace"], item["metadata"]["name"]) == KEY


async def test_a_watch_tells_bookmarks(api: FakeApiServer, client: ApiClient) -> None:
    stream = client.watch(names.PODS, str(api.store.version))
    api.put(names.PODS, KEY)
    await anext(stream)
    api.put(names.SERVICES, KEY)
    api.streams.bookmark()
    assert await anext(stream) == ("BOOKMARK", {"metadata": {"resourceVersion": str(api.store.version)}})


async def test_lines_may_be_longer_than_any_buffer(api: FakeApiServer, client: ApiClient) -> None:
    text = "x" * 3_000_000
    stream = client.watch(names.PODS, str(api.store.version))
    api.put(names.PODS, KEY, spec={"nodeName": text})
    _, item = await anext(stream)
    assert item["spec"]["nodeName"] == text


async def test_a_watch_from_a_forgotten_version_is_gone(api: FakeApiServer, client: ApiClient) -> None:
    version = str(api.store.version)
    api.put(names.PODS, KEY)
    api.store.compact()
    with pytest.raises(Gone):
        await first(client.watch(names.PODS, version))


@pytest.mark.parametrize(("code", "expected"), [(410, Gone), (404, NotFound), (403, Rejected), (503, TransientError)])
async def test_a_watch_may_be_refused(api: FakeApiServer, client: ApiClient, code: int, expected: type[Exception]) -> None:
    api.faults.add(Answer(code))
    with pytest.raises(expected):
        await first(client.watch(names.PODS, "1"))


async def test_a_watch_of_a_kind_that_is_not_installed(api: FakeApiServer, client: ApiClient) -> None:
    del api.kinds["leaderworkersets"]
    with pytest.raises(NotFound):
        await first(client.watch(names.LEADER_WORKER_SETS, "1"))


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"ERROR","object":{"code":500,"message":"etcd is slow"}}',
        '{"type":"ERROR","object":{"message":"no code"}}',
        '{"type":"ERROR"}',
        '{"type":"ADDED"}',
        '{"type":"ADDED","object":{}}',
        "[]",
        "no json",
        "\xff",
    ],
)
async def test_an_event_that_is_none_breaks_the_stream(api: FakeApiServer, client: ApiClient, line: str) -> None:
    api.faults.add(Answer(200, text=line.encode("latin-1") + b"\n"))
    with pytest.raises(TransientError):
        await first(client.watch(names.PODS, "1"))


async def test_half_a_line_is_no_event(api: FakeApiServer, client: ApiClient) -> None:
    api.faults.add(HalfLine())
    assert [event async for event in client.watch(names.PODS, "1")] == []


async def test_a_watch_may_end(api: FakeApiServer, client: ApiClient) -> None:
    api.faults.add(EndAtOnce())
    assert [event async for event in client.watch(names.PODS, "1")] == []


async def test_a_silent_watch_is_dead(api: FakeApiServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "WATCH_SILENCE_SECONDS", 0.05)
    api.faults.add(Stall())
    with pytest.raises(TransientError, match="pods"):
        await first(client.watch(names.PODS, "1"))


async def test_a_server_that_is_not_trusted_is_told_from_one_that_is_away(api: FakeApiServer) -> None:
    url = api.url.replace("http", "https")  # no TLS is spoken there, so no certificate is trusted
    async with ApiClient(Credentials(url, ssl.create_default_context())) as client:
        with pytest.raises(TlsError):
            await client.get(names.PODS, KEY)
