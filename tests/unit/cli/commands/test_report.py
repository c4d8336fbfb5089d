"""``kubectl matrix report``: the matrix as a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from commands import deployment, document, matrix, node, pool, write

FLEET = [pool(), node("n0"), deployment(replicas=2), deployment("fp8", quantization="FP8")]


def test_markdown_says_what_runs_where_and_what_does_not(tmp_path: Path, golden: Any) -> None:
    result = matrix("report", "--offline", "-f", write(tmp_path, FLEET))
    assert result.exit_code == 0
    first, *rest = result.output.splitlines()
    assert first.startswith("# Model matrix, 20")
    golden("cli/report", rest)


def test_json_is_a_plan_with_a_time(tmp_path: Path) -> None:
    found = document("report", "--offline", "-f", write(tmp_path, FLEET))
    assert found["kind"] == "Report"
    assert found["time"].endswith("+00:00")
    assert {item["name"] for item in found["items"]} == {"chat", "fp8"}
    assert found["cost"]["after"] == "54.40"
