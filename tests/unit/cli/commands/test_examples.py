"""The example manifests on the nodes that the local cluster has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands import document, matrix, node, write

EXAMPLES = Path(__file__).parents[4] / "manifests" / "examples"


@pytest.fixture
def nodes(tmp_path: Path) -> str:
    """Three servers of 910B3 and one of H20."""
    ascend = [node(f"a{index}") for index in range(3)]
    for item in ascend:
        item["metadata"]["labels"]["node.kubernetes.io/npu.chip.name"] = "910B3"
    return write(tmp_path, [*ascend, node("g0", "nvidia-a", "nvidia.com/gpu")])


def planned(nodes: str, *names: str) -> dict[str, Any]:
    """Items of a plan by name; the pools are those of the quickstart."""
    files = [argument for name in ("quickstart.yaml", *names) for argument in ("-f", str(EXAMPLES / name))]
    items = document("plan", "--offline", "-f", nodes, *files, "--at", "2026-11-23T03:00:00+08:00")["items"]
    return {item["name"]: item for item in items}


def test_the_quickstart_is_placed(nodes: str) -> None:
    assert all(item["placed"] for item in planned(nodes).values())


def test_a_flagship_takes_two_whole_nodes(nodes: str) -> None:
    items = planned(nodes, "flagship-two-nodes.yaml")
    (flagship,) = (item for item in items.values() if any(p["nodesPerReplica"] == 2 for p in item["placements"]))
    (placement,) = flagship["placements"]
    assert (flagship["placed"], placement["devicesPerReplica"], placement["nodesPerReplica"]) == (True, 16, 2)


def test_embeddings_are_placed(nodes: str) -> None:
    assert all(item["placed"] for item in planned(nodes, "embedding.yaml").values())


def test_fp8_on_910b_is_refused_with_what_to_use_instead(nodes: str) -> None:
    items = planned(nodes, "rejected/fp8-on-910b.yaml")
    (refused,) = (item for item in items.values() if not item["placed"])
    (candidate,) = refused["candidates"]
    assert (candidate["verdict"], candidate["reason"]) == ("Impossible", "QuantizationUnsupported")
    assert "W8A8: a ModelSlim W8A8 artifact" in candidate["message"]


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_every_example_is_valid(name: str, nodes: str) -> None:
    result = matrix("plan", "--offline", "-f", nodes, "-f", str(EXAMPLES / name))
    assert result.exit_code in (0, 2), result.output
