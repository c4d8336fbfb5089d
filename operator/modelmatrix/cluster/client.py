"""A thin asynchronous client of the API server: raw dictionaries in and out, eight verbs, no typed models.

Decoding into typed models takes nine times as long, and drops fields that the models do not know.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, Self

import aiohttp

from modelmatrix.api.names import FIELD_MANAGER, Kind
from modelmatrix.cluster.credentials import Credentials
from modelmatrix.cluster.errors import ApiError, Conflict, NotLeading, TlsError, TransientError, error_from
from modelmatrix.cluster.fenced_body import FencedBody
from modelmatrix.planning.snapshot.views import NamespacedName

PAGE_SIZE = 500
CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 30.0
# The API server sends a bookmark about once a minute; a stream that is silent for longer is dead.
WATCH_SILENCE_SECONDS = 150.0
WATCH_SECONDS = 3600

Object = dict[str, Any]
# ValueError: the response is not JSON, or not text.
_NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError)


class ListPage(NamedTuple):
    """One page of a list, and the resourceVersion to watch from once the last page is read."""

    items: list[Object]
    version: str


class ApiClient:
    """Requests to one API server.

    ``on_response`` gets the verb and the status code of every response (``error`` without one).

    ``write_seconds`` says for how long this process may still have a write under way, 0 when it may not write. It is checked
    before every write and again at the moment at which the request is sent: a process that was suspended for a minute may
    have lost the leadership since it planned. No write waits for its response longer than that. ``agent`` is the name of the
    process in the API server's audit log.
    """

    def __init__(
        self,
        credentials: Credentials,
        on_response: Callable[[str, str], None] = lambda _verb, _code: None,
        *,
        write_seconds: Callable[[], float] = lambda: REQUEST_SECONDS,
        agent: str = FIELD_MANAGER,
    ) -> None:
        self._credentials = credentials
        self._on_response = on_response
        self._write_seconds = write_seconds
        self._agent = agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        connector = aiohttp.TCPConnector(ssl=self._credentials.ssl_context or True, limit=64)
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        headers = {"User-Agent": self._agent}
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    async def list(self, kind: Kind, *, labels: str = "", fields: str = "", namespace: str = "") -> tuple[list[Object], str]:
        """All objects of a kind, of one namespace if it is named, and the resourceVersion to watch from."""
        pages = [page async for page in self.pages(kind, labels=labels, fields=fields, namespace=namespace)]
        return [item for page in pages for item in page.items], pages[-1].version

    async def pages(self, kind: Kind, *, labels: str = "", fields: str = "", namespace: str = "") -> AsyncIterator[ListPage]:
        """All objects of a kind in pages of ``PAGE_SIZE``: the complete pods of a fleet do not fit into memory cheaply."""
        query = {"limit": str(PAGE_SIZE)} | _selectors(labels, fields)
        url = path(kind, NamespacedName(namespace, "") if namespace else None, with_name=False)
        while True:
            page = await self._request("list", "GET", url, query=query)
            metadata = page.get("metadata")
            if not isinstance(metadata, dict) or "resourceVersion" not in metadata:
                raise TransientError(f"list of {kind.plural}: the response is not a list")
            # The items of a list carry no apiVersion and kind; the objects of a watch do.
            items = [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page.get("items") or []]
            yield ListPage(items, metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            query = {**query, "continue": metadata["continue"]}

    async def watch(
        self, kind: Kind, version: str, *, namespace: str = "", labels: str = "", fields: str = ""
    ) -> AsyncIterator[tuple[str, Object]]:
        """Changes after a resourceVersion as ``(type, object)``: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``.

        Of all namespaces, or of one. Ends when the server closes the stream.

        Raises:
            Gone: the version is too old.
            TransientError: the stream broke, or was silent for ``WATCH_SILENCE_SECONDS``.
        """
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        } | _selectors(labels, fields)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=WATCH_SILENCE_SECONDS)
        try:
            url = path(kind, NamespacedName(namespace, "") if namespace else None, with_name=False)
            async with self._send("GET", url, query, timeout=timeout) as response:
                self._on_response("watch", str(response.status))
                if response.status != HTTPStatus.OK:
                    raise error_from(response.status, await _body(response))
                async for line in _lines(response):
                    change, item = _parse_watch_event(line)
                    if change == "ERROR":
                        raise error_from(int(item.get("code", 500)), item)
                    yield change, item
        except _NETWORK_ERRORS as error:
            raise _transport_error(f"watch of {kind.plural}", error) from error

    async def get(self, kind: Kind, key: NamespacedName, *, timeout_seconds: float = REQUEST_SECONDS) -> Object:
        """One object; raises NotFound when it does not exist."""
        return await self._request("get", "GET", path(kind, key), timeout_seconds=timeout_seconds)

    async def create(
        self, kind: Kind, key: NamespacedName, manifest: Object, *, timeout_seconds: float = REQUEST_SECONDS
    ) -> Object:
        """Create an object; raises AlreadyExists when the name is taken."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request(
            "create", "POST", path(kind, key, with_name=False), manifest, query=query, timeout_seconds=timeout_seconds
        )

    async def apply(self, kind: Kind, key: NamespacedName, manifest: Object) -> Object:
        """Server-side apply with force: the operator's fields become those of the manifest, all other fields stay."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request(
            "apply", "PATCH", path(kind, key), manifest, query=query, content_type="application/apply-patch+yaml"
        )

    async def preview(self, kind: Kind, key: NamespacedName, manifest: Object, *, manager: str) -> tuple[str, ...]:
        """The warnings of a server-side apply that stores nothing.

        Raises:
            ApiError: the API server would refuse the object.
        """
        query = {"fieldManager": manager, "force": "true", "dryRun": "All"}
        data = json.dumps(manifest, separators=(",", ":")).encode()
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        apply_patch = "application/apply-patch+yaml"
        try:
            async with self._send(
                "PATCH", path(kind, key), query, data=data, content_type=apply_patch, timeout=timeout
            ) as response:
                body = await _body(response)
        except _NETWORK_ERRORS as error:
            raise _transport_error(f"dry run of {key}", error) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise error_from(response.status, body)
        return tuple(_warning(value) for value in response.headers.getall("Warning", []))

    async def merge(self, kind: Kind, key: NamespacedName, patch: Object) -> Object:
        """JSON merge patch of an object; raises Conflict when the patch has another UID."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request(
            "patch", "PATCH", path(kind, key), patch, query=query, content_type="application/merge-patch+json"
        )

    async def replace_status(self, kind: Kind, key: NamespacedName, status: Object, *, uid: str) -> Object:
        """Replace the status of the object with this UID; raises Conflict when another object has its name.

        A JSON patch, because the API server ignores the UID in a merge patch of the status of a custom resource. A test that
        fails is answered with ``Invalid`` and without causes.
        """
        same = {"op": "test", "path": "/metadata/uid", "value": uid}
        patch: Sequence[Object] = (same, {"op": "add", "path": "/status", "value": status})
        query = {"fieldManager": FIELD_MANAGER}
        url = path(kind, key) + "/status"
        try:
            return await self._request("patch", "PATCH", url, patch, query=query, content_type="application/json-patch+json")
        except ApiError as error:
            if error.reason == "Invalid" and not error.causes:
                raise Conflict(error.code, error.reason, "another object has this name now") from None
            raise

    async def replace(
        self, kind: Kind, key: NamespacedName, manifest: Object, *, timeout_seconds: float = REQUEST_SECONDS
    ) -> Object:
        """Replace an object; raises Conflict when its resourceVersion has changed."""
        return await self._request("update", "PUT", path(kind, key), manifest, timeout_seconds=timeout_seconds)

    async def delete(self, kind: Kind, key: NamespacedName, *, uid: str) -> None:
        """Delete an object and, in the background, its dependents; raises Conflict when its UID is another."""
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        await self._request("delete", "DELETE", path(kind, key), options)

    def _send(
        self,
        method: str,
        url: str,
        query: dict[str, str] | None,
        *,
        data: bytes | None = None,
        content_type: str = "application/json",
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            raise RuntimeError("the client is not open")
        headers = {**self._credentials.headers(), "Content-Type": content_type, "Accept": "application/json"}
        body = None if data is None else FencedBody(data, content_type, self._may_write)
        return self._session.request(
            method, self._credentials.server + url, params=query, data=body, headers=headers, timeout=timeout
        )

    def _may_write(self) -> bool:
        return self._write_seconds() > 0

    async def _request(  # noqa: PLR0913 - the parts of an HTTP request
        self,
        verb: str,
        method: str,
        url: str,
        payload: Object | Sequence[Object] | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        timeout_seconds: float = REQUEST_SECONDS,
    ) -> Object:
        if method != "GET":
            timeout_seconds = min(timeout_seconds, self._write_seconds())
            if timeout_seconds <= 0:
                raise NotLeading
        data = None if payload is None else json.dumps(payload, separators=(",", ":")).encode()
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=min(timeout_seconds, CONNECT_SECONDS))
        try:
            async with self._send(method, url, query, data=data, content_type=content_type, timeout=timeout) as response:
                body = await _body(response)
                self._on_response(verb, str(response.status))
        except _NETWORK_ERRORS as error:
            self._on_response(verb, "error")
            raise _transport_error(f"{verb} {url}", error) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise error_from(response.status, body)
        return body if isinstance(body, dict) else {}


def path(kind: Kind, key: NamespacedName | None = None, *, with_name: bool = True) -> str:
    """The URL path of a kind in all namespaces, of a kind in one namespace (``with_name=False``), or of one object."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = f"/namespaces/{key.namespace}" if key is not None and kind.namespaced else ""
    name = f"/{key.name}" if key is not None and with_name else ""
    return f"{root}{scope}/{kind.plural}{name}"


def _selectors(labels: str, fields: str) -> dict[str, str]:
    selectors = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in selectors.items() if value}


def _warning(header: str) -> str:
    """The text of a Warning header: ``299 - "text"``, with quotes and backslashes escaped (RFC 7234)."""
    return re.sub(r"\\(.)", r"\1", header.partition('"')[2].rpartition('"')[0])


async def _body(response: aiohttp.ClientResponse) -> Any:
    """The response body as JSON; an empty object for an error response that is not JSON.

    For a kind that is not installed the API server itself answers ``404 page not found`` in plain text.
    """
    raw = await response.read()
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        if response.status >= HTTPStatus.BAD_REQUEST:
            return {}
        raise


def _parse_watch_event(line: bytes) -> tuple[str, Object]:
    """Type and object of a watch event; raises ValueError when the line is not one."""
    event = json.loads(line)
    try:
        change, item = event["type"], {**event["object"]}
        if change != "ERROR" and not item["metadata"]["resourceVersion"]:
            raise ValueError("a watch event has no resourceVersion")
    except (KeyError, TypeError):
        raise ValueError("a line of the stream is not a watch event") from None
    return change, item


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of a stream, without a limit on their length: large objects exceed the limit of aiohttp's line reader."""
    buffer = b""
    async for chunk in response.content.iter_any():
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _transport_error(what: str, error: Exception) -> TransientError:
    error_class = TlsError if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)) else TransientError
    return error_class(f"{what}: {str(error) or type(error).__name__}")
