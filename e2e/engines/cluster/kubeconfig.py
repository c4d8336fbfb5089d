"""Reads the address, certificate authority and token from a kubeconfig; other credentials are not supported."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Access:
    """Address, token and TLS context of an API server."""

    url: str
    token: str
    tls: ssl.SSLContext


def read_kubeconfig(path: Path) -> Access:
    """The access that the current context of a kubeconfig gives.

    Raises:
        ValueError: the kubeconfig has no current context, or its user has no token.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    context = _named(path, content, "contexts", "context", content.get("current-context"))
    cluster = _named(path, content, "clusters", "cluster", context.get("cluster"))
    user = _named(path, content, "users", "user", context.get("user"))
    if "token" not in user:
        raise ValueError(f"{path}: the user of the current context has no token; other credentials are not supported")
    return Access(cluster["server"], user["token"], _tls(cluster))


def _named(path: Path, content: dict[str, Any], section: str, part: str, name: str | None) -> dict[str, Any]:
    for entry in content.get(section) or ():
        if entry["name"] == name:
            section_part: dict[str, Any] = entry[part]
            return section_part
    raise ValueError(f"{path}: no {part} named {name!r}")


def _tls(cluster: dict[str, Any]) -> ssl.SSLContext:
    if cluster.get("insecure-skip-tls-verify"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    data = cluster.get("certificate-authority-data")
    authority = base64.b64decode(data).decode() if data else None
    return ssl.create_default_context(cafile=cluster.get("certificate-authority"), cadata=authority)
