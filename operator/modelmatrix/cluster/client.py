"""A thin asynchronous client of the API server: raw dictionaries in and out, eight verbs, no models.

Typed models cost nine times the time and drop fields that they do not know.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, NamedTuple, Self

import aiohttp

from modelmatrix.api.names import FIELD_MANAGER, Kind
from modelmatrix.cluster.credentials import Credentials
from modelmatrix.cluster.errors import TlsError, TransientError, error_from
from modelmatrix.planning.snapshot.views import NamespacedName

PAGE_SIZE = 500
CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 30.0
# The API server sends a bookmark about once a minute; a stream that is silent for longer is dead.
WATCH_SILENCE_SECONDS = 150.0
WATCH_SECONDS = 3600

Object = dict[str, Any]
# ValueError: an answer that is no JSON, or no text at all.
_NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError)


class ListPage(NamedTuple):
    """Some objects of a list, and the version to watch from."""

    items: list[Object]
    version: str


class ApiClient:
    """Requests to one API server.

    ``observe`` is told the verb and the code of every answer. ``may_write`` is asked at the moment of every write: a
    process that was stopped for a minute must not go on where it was.
    """

    def __init__(
        self,
        credentials: Credentials,
        observe: Callable[[str, str], None] = lambda _verb, _code: None,
        *,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._credentials = credentials
        self._observe = observe
        self._may_write = may_write
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        connector = aiohttp.TCPConnector(ssl=self._credentials.ssl_context or True, limit=64)
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    async def list(self, kind: Kind, *, labels: str = "", fields: str = "") -> tuple[list[Object], str]:
        """All objects of a kind and the version to watch from."""
        pages = [page async for page in self.pages(kind, labels=labels, fields=fields)]
        return [item for page in pages for item in page.items], pages[-1].version

    async def pages(self, kind: Kind, *, labels: str = "", fields: str = "") -> AsyncIterator[ListPage]:
        """All objects of a kind, page by page: whole pods of a fleet are large."""
        query = {"limit": str(PAGE_SIZE)} | _selectors(labels, fields)
        while True:
            page = await self._request("list", "GET", path(kind), query=query)
            metadata = page.get("metadata")
            if not isinstance(metadata, dict) or "resourceVersion" not in metadata:
                raise TransientError(f"list of {kind.plural}: the answer is no list")
            # Items of a list do not say what they are, those of a watch do.
            items = [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page.get("items") or []]
            yield ListPage(items, metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            query = {**query, "continue": metadata["continue"]}

    async def watch(self, kind: Kind, version: str, *, labels: str = "", fields: str = "") -> AsyncIterator[tuple[str, Object]]:
        """Changes after a version: ``ADDED``, ``MODIFIED``, ``DELETED``, ``BOOKMARK``. Ends when the server ends it.

        Raises:
            Gone: the version is too old.
            Unreachable: the stream broke or fell silent.
        """
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        } | _selectors(labels, fields)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=WATCH_SILENCE_SECONDS)
        try:
            async with self._send("GET", path(kind), query, timeout=timeout) as response:
                self._observe("watch", str(response.status))
                if response.status != HTTPStatus.OK:
                    raise error_from(response.status, await _body(response))
                async for line in _lines(response):
                    change, item = _event(line)
                    if change == "ERROR":
                        raise error_from(int(item.get("code", 500)), item)
                    yield change, item
        except _NETWORK_ERRORS as error:
            raise _unanswered(f"watch of {kind.plural}", error) from error

    async def get(self, kind: Kind, key: NamespacedName, *, seconds: float = REQUEST_SECONDS) -> Object:
        """One object."""
        return await self._request("get", "GET", path(kind, key), seconds=seconds)

    async def create(self, kind: Kind, key: NamespacedName, manifest: Object, *, seconds: float = REQUEST_SECONDS) -> Object:
        """Make an object; fails when it is there."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("create", "POST", path(kind, key, item=False), manifest, query=query, seconds=seconds)

    async def apply(self, kind: Kind, key: NamespacedName, manifest: Object) -> Object:
        """Server-side apply: our fields become as in the manifest, other fields stay."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request(
            "apply", "PATCH", path(kind, key), manifest, query=query, content_type="application/apply-patch+yaml"
        )

    async def merge(self, kind: Kind, key: NamespacedName, patch: Object, *, subresource: str = "") -> Object:
        """JSON merge patch of an object or of its subresource."""
        query = {"fieldManager": FIELD_MANAGER}
        target = path(kind, key) + (f"/{subresource}" if subresource else "")
        return await self._request("patch", "PATCH", target, patch, query=query, content_type="application/merge-patch+json")

    async def replace(self, kind: Kind, key: NamespacedName, manifest: Object, *, seconds: float = REQUEST_SECONDS) -> Object:
        """Replace an object; fails when its version has changed."""
        return await self._request("update", "PUT", path(kind, key), manifest, seconds=seconds)

    async def delete(self, kind: Kind, key: NamespacedName, *, uid: str) -> None:
        """Delete an object, its dependents in the background; only if it is still the one with that UID."""
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
        return self._session.request(
            method, self._credentials.server + url, params=query, data=data, headers=headers, timeout=timeout
        )

    async def _request(  # noqa: PLR0913 - what a request is made of
        self,
        verb: str,
        method: str,
        url: str,
        payload: Object | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        seconds: float = REQUEST_SECONDS,
    ) -> Object:
        if method != "GET" and not self._may_write():
            raise TransientError(f"{verb} {url}: not the leader, nothing is written")
        data = None if payload is None else json.dumps(payload, separators=(",", ":")).encode()
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, CONNECT_SECONDS))
        try:
            async with self._send(method, url, query, data=data, content_type=content_type, timeout=timeout) as response:
                body = await _body(response)
                self._observe(verb, str(response.status))
        except _NETWORK_ERRORS as error:
            self._observe(verb, "error")
            raise _unanswered(f"{verb} {url}", error) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise error_from(response.status, body)
        return body if isinstance(body, dict) else {}


def path(kind: Kind, key: NamespacedName | None = None, *, item: bool = True) -> str:
    """The URL path of a kind, of a namespace's objects, or of one object."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = f"/namespaces/{key.namespace}" if key is not None and kind.namespaced else ""
    name = f"/{key.name}" if key is not None and item else ""
    return f"{root}{scope}/{kind.plural}{name}"


def _selectors(labels: str, fields: str) -> dict[str, str]:
    chosen = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in chosen.items() if value}


async def _body(response: aiohttp.ClientResponse) -> Any:
    """The answer as JSON; nothing for an error in another form, whose code tells enough.

    The API server itself says ``404 page not found`` in plain text of a kind that is not installed.
    """
    raw = await response.read()
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        if response.status >= HTTPStatus.BAD_REQUEST:
            return {}
        raise


def _event(line: bytes) -> tuple[str, Object]:
    """An event of a watch. A ValueError says that it is none."""
    event = json.loads(line)
    try:
        change, item = event["type"], {**event["object"]}
        if change != "ERROR" and not item["metadata"]["resourceVersion"]:
            raise ValueError("an event has no version")
    except (KeyError, TypeError):
        raise ValueError("a line is no event") from None
    return change, item


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of a stream, however long: aiohttp's own line reader has a limit that large objects exceed."""
    buffer = b""
    async for chunk in response.content.iter_any():
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _unanswered(what: str, error: Exception) -> TransientError:
    unanswered = TlsError if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)) else TransientError
    return unanswered(f"{what}: {str(error) or type(error).__name__}")
