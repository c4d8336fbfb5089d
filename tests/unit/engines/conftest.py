"""Raw pods as the API server gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MakePod = Callable[..., dict[str, Any]]


@pytest.fixture
def make_pod() -> MakePod:
    """A function that makes a pod; a leader that runs and is not ready unless told otherwise."""

    def make(name: str = "chat-1", **changes: Any) -> dict[str, Any]:
        phase, ready = changes.get("phase", "Running"), changes.get("ready", False)
        labels = {
            "modelmatrix.io/deployment": changes.get("deployment", "chat"),
            "modelmatrix.io/role": changes.get("role", "leader"),
            "modelmatrix.io/engine": changes.get("engine", "vLLM"),
            **changes.get("labels", {}),
        }
        metadata = {
            "name": name,
            "namespace": "bank",
            "uid": changes.get("uid", f"uid-{name}"),
            "resourceVersion": changes.get("version", "1"),
            "labels": labels,
            "annotations": changes.get("annotations", {}),
        }
        if changes.get("terminating"):
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return {
            "metadata": metadata,
            "spec": {"containers": [{"name": "engine", "args": changes.get("args", [])}]},
            "status": {
                "phase": phase,
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "containerStatuses": [
                    {"name": "engine", "image": "vllm", "ready": ready, "started": True, "state": {"running": {}}}
                ],
            },
        }

    return make
