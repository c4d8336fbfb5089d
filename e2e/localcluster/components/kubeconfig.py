"""Renders and writes kubeconfigs with a bearer token."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path


def render(*, cluster: str, url: str, authority: bytes, token: str, namespace: str = "default") -> dict[str, Any]:
    """A kubeconfig with one context, named like the cluster.

    Args:
        cluster: name of the cluster.
        url: address of the API server.
        authority: its certificate authority, PEM.
        token: bearer token.
        namespace: the default namespace of commands.
    """
    server = {"server": url, "certificate-authority-data": base64.b64encode(authority).decode()}
    context = {"cluster": cluster, "user": cluster, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": server}],
        "users": [{"name": cluster, "user": {"token": token}}],
        "contexts": [{"name": cluster, "context": context}],
        "current-context": cluster,
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a kubeconfig with mode 0600, because it contains a token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
