"""Parses HTTP requests into verb, resource and key, as in the API server's audit log."""

from __future__ import annotations

import json
import re

from aiohttp import web

from fakes.apiserver.faults import Request
from modelmatrix.planning.snapshot.views import NamespacedName

PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


async def request_of(request: web.Request) -> Request | None:
    """The request of an HTTP request; ``None`` if the path is not that of a resource."""
    match = PATH.fullmatch(request.path)
    if match is None:
        return None
    found = {name: value or "" for name, value in match.groupdict().items()}
    raw = await request.read()
    return Request(
        verb=_verb(request, has_name=bool(found["name"])),
        group=found["group"],
        plural=found["plural"],
        subresource=found["subresource"],
        key=NamespacedName(found["namespace"], found["name"]),
        query=dict(request.query),
        content_type=request.content_type,
        body=json.loads(raw) if raw else None,
    )


def _verb(request: web.Request, *, has_name: bool) -> str:
    if request.method != "GET":
        return _VERBS[request.method]
    if request.query.get("watch") == "true":
        return "watch"
    return "get" if has_name else "list"
