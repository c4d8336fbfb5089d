"""Valid and invalid kubeconfig files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

UNUSABLE = (
    None,
    "",
    "a: [",
    "apiVersion: v1",
    "current-context: main",
    "[]",
    "current-context: main\ncontexts: [{name: main}]",
    "current-context: main\ncontexts: [{name: main, context: {cluster: c, user: u}}]\nclusters: [{name: c}]",
)


def kubeconfig(path: Path, **parts: Any) -> Path:
    """A kubeconfig with one context, ``main``; ``parts`` replace top-level keys."""
    content = {
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "bank"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(content | parts), encoding="utf-8")
    return path


def write_content(path: Path, content: str | None) -> None:
    """Write the content, or no file at all."""
    if content is not None:
        path.write_text(content, encoding="utf-8")
