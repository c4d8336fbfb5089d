"""``kubectl matrix cost``: what is wanted, summed by whom or where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands import deployment, document, matrix, matrix_online, node, pool, put, write
from fakes.apiserver import FakeApiServer
from fakes.fixtures import api

__all__ = ["api"]

UNPRICED = pool("free")
del UNPRICED["spec"]["price"]
FLEET = [
    *(pool(), node("n0"), node("n1"), UNPRICED, node("f0", "free")),
    deployment("chat", tenant="retail", costCenter="8800", replicas=2),
    deployment("code", tenant="retail", replicas=1),
    deployment("lab", namespace="lab", pools=[{"name": "free"}]),
]


@pytest.mark.parametrize("by", ["deployment", "tenant", "cost-center", "pool"])
def test_golden(by: str, tmp_path: Path, golden: Any) -> None:
    result = matrix("cost", "--offline", "-f", write(tmp_path, FLEET), "--by", by)
    assert result.exit_code == 0
    golden(f"cli/cost-{by}", result.output.splitlines())


def test_json_has_amounts_as_text_and_none_where_nobody_knows(tmp_path: Path) -> None:
    found = document("cost", "--offline", "-f", write(tmp_path, FLEET), "--by", "pool")
    assert (found["kind"], found["by"]) == ("Cost", "pool")
    assert found["items"] == [
        {"name": "ascend-a", "devices": 12, "amountPerHour": "81.60", "currency": "CNY"},
        {"name": "free", "devices": 1, "amountPerHour": None, "currency": None},
    ]


async def test_online_a_namespace_is_summed(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, FLEET)
    lines = (await matrix_online(api, tmp_path, "cost")).output.splitlines()
    assert [line.split()[0] for line in lines] == ["DEPLOYMENT", "bank/chat", "bank/code", "total"]
    everything = (await matrix_online(api, tmp_path, "cost", "-A")).output
    assert "lab/lab" in everything
