"""``kubectl matrix why``: every pool's verdict, and what to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands import deployment, document, matrix, matrix_online, node, pool, put, write
from fakes.apiserver import FakeApiServer
from fakes.fixtures import api
from modelmatrix.api import names
from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.warning_events import CORE_EVENTS
from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.views import NamespacedName

__all__ = ["api"]

NVIDIA = pool("nvidia-a", accelerator="h20-96g", resourceName="nvidia.com/gpu")
ESTATE = [pool(), NVIDIA, node("n0"), node("g0", "nvidia-a", "nvidia.com/gpu")]


def why(folder: Path, *arguments: str, **spec: Any) -> list[str]:
    return ["why", "chat", "-n", "bank", "--offline", "-f", write(folder, [*ESTATE, deployment(**spec)]), *arguments]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("fits", {}),
        ("refused", {"quantization": "FP8", "pools": [{"name": "ascend-a"}, {"name": "nvidia-b"}]}),
        ("short", {"replicas": 3, "pools": [{"name": "ascend-a", "parallelism": {"tensor": 8}}]}),
        (
            "unlisted",
            {
                "model": {"name": "deepseek-vl2", "source": "pvc://weights/vl2"},
                "quantization": "BF16",
                "pools": [{"name": "ascend-a"}],
            },
        ),
        ("too-slow", {"slo": {"tpotMilliseconds": 1}, "pools": [{"name": "ascend-a"}]}),
    ],
)
def test_golden(name: str, spec: dict[str, Any], tmp_path: Path, golden: Any) -> None:
    result = matrix(*why(tmp_path, **spec))
    assert result.exit_code == 0
    assert all(len(line) <= 100 for line in result.output.splitlines())
    golden(f"cli/why-{name}", result.output.splitlines())


def test_reasons_are_told_in_chinese_too(tmp_path: Path) -> None:
    output = " ".join(matrix(*why(tmp_path, "--lang", "zh", quantization="FP8")).output.split())
    assert "不支持的量化格式 (QuantizationUnsupported): The chip or the engine cannot run weights of this format. Use" in output


def test_what_fits_in_thought_would_be_placed_and_needs_no_waiting(tmp_path: Path) -> None:
    output = matrix(*why(tmp_path)).output
    assert "It would be placed:\n  1 on ascend-a as TP4" in output
    assert "ReplicaStarting" not in output
    assert "Wait" not in output


def test_json_has_verdicts_conditions_and_placements(tmp_path: Path) -> None:
    found = document(*why(tmp_path))
    assert (found["kind"], found["name"], found["model"]) == ("Why", "chat", "Qwen/Qwen3-32B")
    assert found["candidates"][0]["verdict"] == "Fits"
    assert found["placements"][0]["devicesPerReplica"] == 4
    assert {condition["type"] for condition in found["conditions"]} >= {"Ready", "Placed"}


def test_a_name_of_another_namespace_is_pointed_to(tmp_path: Path) -> None:
    path = write(tmp_path, [*ESTATE, deployment()])
    result = matrix("why", "chat", "--offline", "-f", path)
    assert result.exit_code == 1
    assert result.output == "error: there is no ModelDeployment default/chat; there is one in bank: name it with -n\n"
    assert matrix("why", "nobody", "--offline", "-f", path).output == "error: there is no ModelDeployment default/nobody\n"


async def test_online_the_context_names_the_namespace(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [*ESTATE, deployment()])
    result = await matrix_online(api, tmp_path, "why", "chat")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("bank/chat  Qwen/Qwen3-32B")


def test_files_without_nodes_need_nodes_and_no_label(tmp_path: Path) -> None:
    output = matrix("why", "chat", "-n", "bank", "--offline", "-f", write(tmp_path, [pool(), deployment()])).output
    assert "Ready=False NodesMissing" in output
    assert "kubectl get nodes -o yaml > nodes.yaml" in " ".join(output.split())
    assert "label" not in output


def test_a_message_is_shown_once(tmp_path: Path) -> None:
    path = write(tmp_path, [*ESTATE, deployment(suspend=True)])
    output = matrix("why", "chat", "-n", "bank", "--offline", "-f", path).output
    assert "Ready=True Suspended" in output
    assert output.count("spec.suspend") == 1


def _with_a_pod_that_mounts_in_vain(api: FakeApiServer, *, prepared: str = "False") -> None:
    """What the operator, the controllers and the kubelet write: a workload, its ReplicaSet, a pod, an event, a failed pod."""
    chat = ClusterObjects({"modeldeployments": [api.stored(names.MODEL_DEPLOYMENTS, NamespacedName("bank", "chat"))]})
    chat.objects |= {kind.plural: api.store.list(kind.plural) for kind in (names.ACCELERATOR_POOLS, names.NODES)}
    create = next(a for a in plan(chat.snapshot()).actions if isinstance(a, Create) and a.kind == names.DEPLOYMENTS)
    workload = api.put(names.DEPLOYMENTS, create.key, **{k: v for k, v in create.manifest.items() if k in ("metadata", "spec")})
    template, key = create.manifest["spec"]["template"], create.key
    replica_set = _owned(api, names.REPLICA_SETS, f"{key.name}-7", workload, template, spec={})
    bound = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    unprepared = {"type": "PodReadyToStartContainers", "status": prepared}
    status = {"phase": "Pending", "conditions": [bound, unprepared]}
    spec = template["spec"] | {"nodeName": "n0"}
    _owned(api, names.PODS, f"{key.name}-7-x", replica_set, template, spec=spec, status=status)
    failed = {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"}
    _owned(api, names.PODS, f"{key.name}-7-y", replica_set, template, spec=spec, status=failed)
    thief = {"metadata": {"uid": "foreign"}}
    serves = {"phase": "Running", "conditions": [bound, {"type": "Ready", "status": "True"}]}
    _owned(api, names.PODS, "thief", thief, template, spec=spec, status=serves)
    regarded = {"kind": "Pod", "name": f"{key.name}-7-x"}
    words = 'MountVolume.SetUp failed for volume "weights": no such server'
    event = {"type": "Warning", "reason": "FailedMount", "message": words, "involvedObject": regarded}
    api.kinds["events"] = CORE_EVENTS
    api.put(CORE_EVENTS, NamespacedName("bank", "e"), metadata={"namespace": "bank"}, **event)


def _owned(
    api: FakeApiServer, kind: names.Kind, name: str, owner: dict[str, Any], template: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    owners = [{"uid": owner["metadata"]["uid"], "controller": True, "kind": "X", "name": "x", "apiVersion": "v1"}]
    metadata = {"labels": template["metadata"]["labels"], "ownerReferences": owners}
    return api.put(kind, NamespacedName("bank", name), metadata=metadata, **fields)


async def test_online_the_kubelets_words_are_shown_with_the_events_that_say_more(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [*ESTATE, deployment(pools=[{"name": "ascend-a"}])])
    _with_a_pod_that_mounts_in_vain(api)
    result = await matrix_online(api, tmp_path, "why", "chat")
    output = " ".join(result.output.split())
    assert "Ready=False PodNotPrepared" in output
    assert "the kubelet still sets up volumes and network" in output
    assert 'FailedMount: MountVolume.SetUp failed for volume "weights": no such server' in output
    assert output.count(TABLE[Reason.POD_NOT_PREPARED].remedy) == 1


async def test_online_who_may_not_read_events_sees_the_rest(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [*ESTATE, deployment(pools=[{"name": "ascend-a"}])])
    _with_a_pod_that_mounts_in_vain(api)
    del api.kinds["events"]
    result = await matrix_online(api, tmp_path, "why", "chat")
    assert (result.exit_code, "Events:" in result.output) == (0, False)
    assert "PodNotPrepared" in result.output


async def test_online_failed_pods_are_read_and_pods_of_others_serve_nobody(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [*ESTATE, deployment(pools=[{"name": "ascend-a"}])])
    _with_a_pod_that_mounts_in_vain(api, prepared="True")
    output = " ".join((await matrix_online(api, tmp_path, "why", "chat")).output.split())
    assert "Ready=False NodeRefused" in output
    assert "0 of 1 replicas serve. ascend-a: 1 pod failed: OutOfcpu: Node didn't have enough resource: cpu." in output
