"""Replicas of two nodes on the real scheduler and the real LeaderWorkerSet controller: whole nodes or none."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import time
from typing import Any

import pytest

from localcluster.components.scheduler import BINPACK_PROFILE
from localcluster.testing import deployment, eventually
from playground.testing import Document, ModelNamespace

pytestmark = pytest.mark.cluster

# A small model cut over two whole servers: it starts in seconds, and takes as much room as a large one.
CUT = {"tensor": 8, "pipeline": 2}
SMALL = {"model": {"name": "bge-m3", "source": "s3://models/bge-m3"}, "quantization": "FP16"}
# A group that stays half bound is given up after a minute, which is four seconds here; then it has to be gone.
HALF_BOUND_SECONDS = 20.0


def bound(pods: list[Document]) -> set[str]:
    """Nodes that pods are bound to."""
    return {pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName")}


def guest(node: str) -> Document:
    """A pod of somebody else that wants one device of one certain node."""
    return deployment(
        "guest",
        devices={"huawei.com/Ascend910": "1"},
        nodeSelector={"kubernetes.io/hostname": node},
        tolerations=[{"operator": "Exists"}],
        securityContext={"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    )


def test_a_flagship_gets_two_whole_nodes_or_none_while_a_guest_races_for_one(bed: ModelNamespace) -> None:
    estate = bed.ascend("big", nodes=5, schedulerName=BINPACK_PROFILE)
    bed.deploy("small", estate.pool, replicas=20, **SMALL)
    bed.wait_ready("small", 20, timeout_seconds=120)
    whole = sorted(set(estate.nodes) - bound(bed.pods("small")))
    assert len(whole) == 2, "twenty devices of five servers of eight must leave two of them whole"

    racer = guest(whole[0])
    racer["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    racer["metadata"]["namespace"] = bed.name
    bed.cluster.apply([racer])
    deploy_flagship(bed, estate.pool, priority="P2")  # above the small ones it would displace some
    _never_half(bed, seconds=40.0)
    if bound(bed.pods("flagship")) != set(whole):
        placed = bed.condition("flagship", "Placed")
        assert (placed["status"], placed["reason"]) == ("False", "InsufficientDevices")
        assert "2 whole free nodes" in placed["message"]
    bed.kubectl("delete", "deployment", "guest")

    bed.wait_ready("flagship", 1, timeout_seconds=120)
    assert bound(bed.pods("flagship")) == set(whole)
    assert bed.status("small")["readyReplicas"] == 20


def deploy_flagship(bed: ModelNamespace, pool: str, *, priority: str = "P0") -> None:
    """Apply a ModelDeployment whose replica takes two whole servers."""
    bed.deploy("flagship", pools=[{"name": pool, "parallelism": CUT}], priority=priority)


def _never_half(bed: ModelNamespace, *, seconds: float) -> None:
    """Watch the flagship: it may hold a part of its nodes only for as long as the scheduler needs, or is waited for."""
    half_since: float | None = None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pods = [pod for pod in bed.pods("flagship") if "deletionTimestamp" not in pod["metadata"]]
        is_half = 0 < len(bound(pods)) < 2
        half_since = (half_since or time.monotonic()) if is_half else None
        assert half_since is None or time.monotonic() - half_since < HALF_BOUND_SECONDS, [_where(pod) for pod in pods]
        if not is_half and bed.status("flagship").get("readyReplicas") == 1:
            return
        time.sleep(0.5)


def _where(pod: dict[str, Any]) -> str:
    return f"{pod['metadata']['name']} on {pod['spec'].get('nodeName')}"


def test_a_group_that_cannot_be_whole_holds_nothing(bed: ModelNamespace) -> None:
    estate = bed.ascend("big", nodes=2)
    bed.deploy("small", estate.pool, **SMALL)
    bed.wait_ready("small", 1)

    deploy_flagship(bed, estate.pool, priority="P2")

    bed.wait_refused("flagship", "InsufficientDevices", "2 whole free nodes", "1 is free")
    time.sleep(5)
    assert bed.pods("flagship") == []


def test_a_flagship_of_p0_takes_the_node_of_a_batch_job_and_gives_it_back(bed: ModelNamespace) -> None:
    estate = bed.ascend("big", nodes=2)
    bed.deploy("batch", estate.pool, **SMALL, priority="P3")
    bed.wait_ready("batch", 1)

    deploy_flagship(bed, estate.pool)

    bed.wait_ready("flagship", 1, timeout_seconds=120)
    bed.wait_refused("batch", "Displaced", f"{bed.name}/flagship")
    bed.kubectl("delete", "modeldeployments.modelmatrix.io", "flagship")
    bed.wait_ready("batch", 1, timeout_seconds=120)


def test_a_group_that_loses_a_pod_is_restarted_as_a_whole(bed: ModelNamespace) -> None:
    estate = bed.ascend("big", nodes=2)
    deploy_flagship(bed, estate.pool)
    bed.wait_ready("flagship", 1, timeout_seconds=120)
    before = {pod["metadata"]["uid"] for pod in bed.pods("flagship")}
    worker = next(pod for pod in bed.pods("flagship") if pod["metadata"]["labels"]["modelmatrix.io/role"] == "worker")

    bed.kubectl("delete", "pod", worker["metadata"]["name"], "--wait=false")

    def restarted() -> None:
        pods = bed.pods("flagship")
        assert len(pods) == 2
        assert not before & {pod["metadata"]["uid"] for pod in pods}, "both pods must be new"

    eventually(restarted, timeout_seconds=90)
    bed.wait_ready("flagship", 1, timeout_seconds=120)
