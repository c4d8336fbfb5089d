"""The discovery documents of an API server, which kopf reads before it watches."""

from __future__ import annotations

from collections.abc import Iterable

from fakes.apiserver.objects import Object
from modelmatrix.api.names import Kind


def answer(path: str, kinds: Iterable[Kind]) -> Object | None:
    """The document of a discovery path; ``None`` for any other path."""
    known = list(kinds)
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(known)}
    prefix = {("/apis/" if kind.group else "/api/") + kind.api_version: kind.api_version for kind in known}
    if path not in prefix:
        return None
    resources = [_resource(kind) for kind in known if kind.api_version == prefix[path]]
    return {"kind": "APIResourceList", "groupVersion": prefix[path], "resources": resources}


def _groups(kinds: Iterable[Kind]) -> list[Object]:
    groups = {kind.group: kind for kind in kinds if kind.group}
    return [{"name": name, **_versions(kind)} for name, kind in sorted(groups.items())]


def _versions(kind: Kind) -> Object:
    version = {"groupVersion": kind.api_version, "version": kind.version}
    return {"versions": [version], "preferredVersion": version}


def _resource(kind: Kind) -> Object:
    return {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "kind": kind.kind,
        "namespaced": kind.namespaced,
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }
