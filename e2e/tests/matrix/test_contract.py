"""The published example manifests apply unchanged, together, on the nodes that they were written for."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcluster import LocalClusterError
from localcluster.cluster import Cluster
from localcluster.testing import eventually
from playground.nodes_and_pools import apply_as_user
from playground.options import REPOSITORY
from playground.testing import RESOURCE

pytestmark = pytest.mark.cluster

EXAMPLES = REPOSITORY / "manifests" / "examples"


@pytest.fixture(scope="module", autouse=True)
def examples(cluster: Cluster) -> Iterator[None]:
    for path in sorted(EXAMPLES.glob("*.yaml")):
        apply_as_user(cluster, path)
    yield
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        cluster.kubectl("delete", "-f", str(path), "--ignore-not-found", "--wait=false")


def status_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("-n", namespace, "get", RESOURCE, name, "-o", "json")).get("status", {})
    return found


@pytest.mark.parametrize(
    ("namespace", "name", "placement"),
    [
        ("remote-banking", "agent-assist", "ascend-a/W8A8:3"),
        ("credit-approval", "credit-review", "ascend-a/W8A8:1"),
        ("knowledge", "knowledge-embedding", "nvidia-a/FP16:2"),
    ],
)
def test_examples_are_placed_and_become_ready(cluster: Cluster, namespace: str, name: str, placement: str) -> None:
    def ready() -> None:
        status = status_of(cluster, namespace, name)
        assert status.get("placementSummary") == placement
        assert status["readyReplicas"] == status["desiredReplicas"]

    eventually(ready, timeout_seconds=120)


def test_two_nodes_are_one_replica_with_one_endpoint(cluster: Cluster) -> None:
    pods = json.loads(
        cluster.kubectl("-n", "credit-approval", "get", "pods", "-l", "modelmatrix.io/deployment=credit-review", "-o", "json")
    )["items"]

    assert sorted(pod["metadata"]["labels"]["modelmatrix.io/role"] for pod in pods) == ["leader", "worker"]
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
    assert all(pod["spec"]["containers"][0]["resources"]["limits"] == {"huawei.com/Ascend910": "8"} for pod in pods)

    def one_address() -> None:
        slices = json.loads(
            cluster.kubectl(
                *(
                    "-n",
                    "credit-approval",
                    "get",
                    "endpointslices",
                    "-l",
                    "kubernetes.io/service-name=credit-review",
                    "-o",
                    "json",
                )
            )
        )["items"]
        ready = [end for item in slices for end in item["endpoints"] or () if end["conditions"]["ready"]]
        assert len(ready) == 1

    eventually(one_address, timeout_seconds=120)


def test_contradicting_bounds_are_refused_with_both_numbers(cluster: Cluster) -> None:
    with pytest.raises(LocalClusterError, match="minReplicas 5 is above maxReplicas 3"):
        apply_as_user(cluster, EXAMPLES / "rejected" / "bounds.yaml")


def test_fp8_on_910b_is_never_placed_and_says_what_to_use(cluster: Cluster) -> None:
    apply_as_user(cluster, EXAMPLES / "rejected" / "fp8-on-910b.yaml")

    def refused() -> None:
        status = status_of(cluster, "default", "fp8-on-910b")
        (candidate,) = status["candidates"]
        assert (candidate["verdict"], candidate["reason"]) == ("Impossible", "QuantizationUnsupported")
        assert "W8A8" in candidate["message"]
        states = {condition["type"]: condition["status"] for condition in status["conditions"]}
        assert (states["Ready"], states["Placed"], states["Stalled"]) == ("False", "False", "True")

    eventually(refused)
    pods = json.loads(cluster.kubectl("-n", "default", "get", "pods", "-o", "json"))["items"]
    assert pods == []
