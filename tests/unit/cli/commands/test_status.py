"""``kubectl matrix status``: the fleet in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commands import deployment, matrix_online, put
from fakes.apiserver import FakeApiServer
from fakes.fixtures import api

__all__ = ["api"]

SAID = {
    "model": "Qwen/Qwen3-32B",
    "replicas": 2,
    "readyReplicas": 1,
    "desiredReplicas": 2,
    "placements": [
        {"pool": "ascend-a", "quantization": "W8A8", "desired": 1, "ready": 1},
        {"pool": "ascend-b", "quantization": "W8A8", "desired": 1, "ready": 0},
        {"pool": "nvidia-a", "quantization": "FP8", "desired": 0, "ready": 0},
    ],
    "slo": {"attainmentPercent": "98.4", "ttftMilliseconds": 810, "tpotMilliseconds": 41, "observedSeconds": 120},
    "costPerHour": "54.40 CNY",
    "conditions": [{"type": "Ready", "status": "False", "reason": "ReplicaStarting", "message": "1 of 2 replicas serve"}],
}
FLEET = [
    deployment("assist", namespace="bank") | {"status": SAID},
    deployment("new", namespace="bank"),
    deployment("voice", namespace="retail") | {"status": SAID | {"readyReplicas": 2}},
]


async def test_the_contexts_namespace_is_shown(api: FakeApiServer, tmp_path: Path, golden: Any) -> None:
    put(api, FLEET)
    result = await matrix_online(api, tmp_path, "status")
    assert result.exit_code == 0, result.output
    golden("cli/status", result.output.splitlines())


async def test_all_namespaces_and_more_columns(api: FakeApiServer, tmp_path: Path, golden: Any) -> None:
    put(api, FLEET)
    golden("cli/status-wide", (await matrix_online(api, tmp_path, "status", "-A", "-o", "wide")).output.splitlines())


async def test_json_keeps_its_keys(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, FLEET)
    found = json.loads((await matrix_online(api, tmp_path, "status", "-n", "retail", "-o", "json")).output)
    assert (found["kind"], [item["name"] for item in found["items"]]) == ("Status", ["voice"])
    item = found["items"][0]
    assert (item["ready"], item["desired"], item["attainmentPercent"], item["reason"]) == (2, 2, "98.4", "ReplicaStarting")


async def test_an_empty_namespace_says_so(api: FakeApiServer, tmp_path: Path) -> None:
    assert (await matrix_online(api, tmp_path, "status")).output == "There are no ModelDeployments in namespace bank.\n"
    assert (await matrix_online(api, tmp_path, "status", "-A")).output == "There are no ModelDeployments in any namespace.\n"
