"""The example manifests on the nodes that the local cluster has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands import deployment, document, matrix, node, write

EXAMPLES = Path(__file__).parents[4] / "manifests" / "examples"
POLICIES = EXAMPLES.parent / "policies"


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


def planned_with(nodes: str, policy: str, *files: str) -> dict[str, Any]:
    """Items by name of a plan of the quickstart under a policy; later files win."""
    paths = (nodes, str(EXAMPLES / "quickstart.yaml"), str(POLICIES / policy), *files)
    items = document("plan", "--offline", *(argument for path in paths for argument in ("-f", path)))["items"]
    return {item["name"]: item for item in items}


def unit(tmp_path: Path, name: str) -> str:
    """The quickstart's namespace as one of a unit of the bank."""
    labels = {"bank.local/unit": name, "bank.local/cost-center": "4711"}
    return write(
        tmp_path, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "remote-banking", "labels": labels}}], name
    )


def test_the_banks_policies_let_the_head_office_have_its_p0_and_cap_a_branch(tmp_path: Path, nodes: str) -> None:
    head, branch = (planned_with(nodes, "bank.yaml", unit(tmp_path, name)) for name in ("head-office", "branch-north"))
    assert (head["agent-assist"]["priority"], head["agent-assist"]["placed"]) == ("P0", True)
    assert branch["agent-assist"]["priority"] == "P2"
    verdicts = {item["pool"]: item["reason"] for item in branch["agent-assist"]["candidates"]}
    assert verdicts["nvidia-a"] == "PolicyDenied"


def test_a_policy_for_all_allows_what_a_plan_without_any_does(tmp_path: Path, nodes: str) -> None:
    assert planned_with(nodes, "everything.yaml") == planned(nodes)
    model = {"name": "glm-4-9b-chat", "source": "pvc://weights/glm"}
    glm = write(tmp_path, [deployment("glm", model=model, quantization="BF16")], "glm")
    found = [planned_with(nodes, policy, glm)["glm"] for policy in ("bank.yaml", "everything.yaml")]
    assert found[0]["reason"] == "PolicyDenied"
    assert found[1]["candidates"][0]["reason"] != "PolicyDenied"
