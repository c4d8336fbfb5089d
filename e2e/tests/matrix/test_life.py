"""A deployment from its first pod to nothing left of it."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
import time

import pytest

from localcluster.testing import eventually
from playground.testing import LABEL, ModelNamespace, NodePool, operator_writes

pytestmark = pytest.mark.cluster


def test_both_vendors_get_what_runs_on_them(bed: ModelNamespace) -> None:
    ascend, nvidia = bed.ascend("npu", nodes=1), bed.nvidia("gpu", nodes=1)
    bed.deploy("npu", ascend.pool)
    bed.deploy("gpu", nvidia.pool, quantization="FP8", model={"name": "Qwen3-32B", "source": "s3://models/qwen3-32b-fp8"})

    bed.wait_ready("npu", 1)
    bed.wait_ready("gpu", 1)
    images = {name: bed.pods(name)[0]["spec"]["containers"][0]["image"] for name in ("npu", "gpu")}
    assert "vllm-ascend" in images["npu"]
    assert "vllm-ascend" not in images["gpu"]
    for name, resource in (("npu", "huawei.com/Ascend910"), ("gpu", "nvidia.com/gpu")):
        assert resource in bed.pods(name)[0]["spec"]["containers"][0]["resources"]["limits"]


def test_a_full_first_pool_spills_to_the_second(bed: ModelNamespace) -> None:
    first, second = bed.ascend("first", nodes=1), bed.nvidia("second", nodes=1)
    bed.deploy("filler", first.pool, replicas=4, pools=[{"name": first.pool, "parallelism": {"tensor": 2}}])
    bed.wait_ready("filler", 4)
    pools = [{"name": first.pool}, {"name": second.pool, "quantization": "FP8", "source": "s3://models/qwen3-32b-fp8"}]

    bed.deploy("spilled", pools=pools)

    bed.wait_ready("spilled", 1)
    assert bed.status("spilled")["placementSummary"] == f"{second.pool}/FP8:1"


def test_scale_suspend_and_resume(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)

    bed.kubectl("scale", "modeldeployments.modelmatrix.io/chat", "--replicas=2")
    bed.wait_ready("chat", 2)
    bed.kubectl("patch", "modeldeployments.modelmatrix.io/chat", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    bed.wait_ready("chat", 0)
    assert bed.condition("chat", "Ready")["reason"] == "Suspended"
    assert bed.condition("chat", "Ready")["status"] == "True"
    bed.kubectl("patch", "modeldeployments.modelmatrix.io/chat", "--type=merge", "-p", '{"spec":{"suspend":false}}')

    bed.wait_ready("chat", 2)


def test_an_edit_rolls_and_serves_all_the_time(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    before = bed.pods("chat")[0]["metadata"]["name"]

    bed.deploy("chat", estate.pool, maxModelLen=16384)

    def rolled() -> None:
        assert bed.status("chat")["readyReplicas"] >= 1, "the old replica must serve until the new one does"
        pods = bed.pods("chat")
        assert [pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"] != before], "no new replica yet"
        assert len(pods) == 1, "the old replica is still there"
        assert "16384" in pods[0]["spec"]["containers"][0]["args"]

    def watched() -> None:
        assert bed.status("chat")["readyReplicas"] >= 1
        rolled()

    eventually(watched)


def test_an_edit_of_the_slo_rolls_nothing(bed: ModelNamespace, estate: NodePool) -> None:
    slo = {"ttftMilliseconds": 2000, "tpotMilliseconds": 60}
    bed.deploy("chat", estate.pool, slo=slo)
    bed.wait_ready("chat", 1)
    before, started = bed.pods("chat")[0]["metadata"]["name"], time.time()

    bed.deploy("chat", estate.pool, slo={**slo, "ttftMilliseconds": 3000})

    eventually(lambda: _observed(bed, "chat", generation=2))
    assert [pod["metadata"]["name"] for pod in bed.pods("chat")] == [before]
    written = {request.resource for request in operator_writes(bed.cluster, started) if request.namespace == bed.name}
    assert written <= {"modeldeployments/status", "events"}


def test_what_an_edit_takes_away_goes_and_then_nothing_is_written(bed: ModelNamespace, estate: NodePool) -> None:
    model = {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b-w8a8"}
    pools = [{"name": estate.pool, "parallelism": {"tensor": 2}}]
    bed.deploy("chat", pools=pools, model={**model, "secretName": "reader"}, tenant="risk")
    bed.wait_ready("chat", 1)
    (workload,) = bed.get("deployments")["items"]
    assert "reader" in json.dumps(workload["spec"])

    bed.deploy("chat", pools=pools, model={"name": "Qwen3-32B", "source": "pvc://models/qwen3-32b-w8a8"})

    def edited() -> None:
        (workload,) = bed.get("deployments")["items"]
        assert '"claimName": "models"' in json.dumps(workload["spec"])
        for word in ("reader", "rclone", "risk"):
            assert word not in json.dumps([workload["spec"], workload["metadata"]["labels"]]), word

    eventually(edited)
    bed.wait_ready("chat", 1)
    time.sleep(8)  # what is left to be told of the roll-out
    started = time.time()
    time.sleep(12)
    assert [request for request in operator_writes(bed.cluster, started) if request.namespace == bed.name] == []


def test_deletion_leaves_nothing(bed: ModelNamespace) -> None:
    estate = bed.ascend("big", nodes=2)
    bed.deploy("single", estate.pool, pools=[{"name": estate.pool, "parallelism": {"tensor": 2}}])
    bed.wait_ready("single", 1)
    bed.kubectl("delete", "modeldeployments.modelmatrix.io", "single")
    model = {"name": "DeepSeek-R1", "source": "s3://models/deepseek-r1-w8a8"}
    eventually(lambda: _gone(bed, "single"))
    bed.deploy("group", estate.pool, model=model)
    bed.wait_ready("group", 1, timeout_seconds=120)

    bed.kubectl("delete", "modeldeployments.modelmatrix.io", "group")

    eventually(lambda: _gone(bed, "group"), timeout_seconds=120)


def test_what_is_not_ours_is_never_taken_over(bed: ModelNamespace, estate: NodePool) -> None:
    bed.kubectl("create", "service", "clusterip", "chat", "--tcp=80:80")
    bed.deploy("chat", estate.pool)

    def conflict() -> None:
        ready = bed.condition("chat", "Ready")
        assert ready.get("reason") == "NameConflict", ready
        assert "chat" in ready["message"]

    eventually(conflict)
    assert "modelmatrix.io/deployment" not in bed.get("service", "chat")["metadata"].get("labels", {})

    bed.kubectl("delete", "service", "chat")
    bed.wait_ready("chat", 1)


def _observed(bed: ModelNamespace, name: str, *, generation: int) -> None:
    assert bed.status(name).get("observedGeneration") == generation


def _gone(bed: ModelNamespace, name: str) -> None:
    kinds = "pods,services,deployments,replicasets,statefulsets,leaderworkersets,controllerrevisions"
    assert bed.get(kinds, "-l", f"{LABEL}={name}")["items"] == []
    assert [item for item in bed.get("services,leaderworkersets")["items"] if item["metadata"]["name"].startswith(name)] == []
