"""What pods reserve beside devices, and what stands of other pods in a plan: sums by node."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.cluster.views.resources import OtherPod, background_of, node_compute, other_pod, pod_resources
from modelmatrix.planning.snapshot.views import Compute

GIB = 2**30


def container(*, limits: dict[str, str] | None = None, restarts: str = "", **requests: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in requests.items()}
    return {"resources": {"requests": named, "limits": limits or {}}, "restartPolicy": restarts}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [container(cpu="500m", memory="1Gi"), container(cpu="2")]}, Compute(2500, GIB, 0, 1)),
        ({"containers": [container(ephemeral_storage="2Gi")]}, Compute(0, 0, 2 * GIB, 1)),
        ({"containers": [container(limits={"cpu": "3", "memory": "1Gi"}, cpu="1")]}, Compute(1000, GIB, 0, 1)),
        (
            {"initContainers": [container(cpu="8")], "containers": [container(cpu="2", memory="1Gi")]},
            Compute(8000, GIB, 0, 1),
        ),
        (
            {"initContainers": [container(cpu="1", restarts="Always")], "containers": [container(cpu="2")]},
            Compute(3000, 0, 0, 1),
        ),
        ({"containers": [container(cpu="1")], "overhead": {"cpu": "250m"}}, Compute(1250, 0, 0, 1)),
        ({"containers": [container(cpu="1")], "resources": {"requests": {"cpu": "6"}}}, Compute(6000, 0, 0, 1)),
        ({}, Compute(0, 0, 0, 1)),
    ],
)
def test_what_a_pod_reserves_beside_devices(spec: dict[str, Any], expected: Compute) -> None:
    assert pod_resources(spec) == ({}, expected)


def test_a_node_that_does_not_say_everything_says_nothing() -> None:
    offered = {"cpu": "8", "memory": "1Gi", "ephemeral-storage": "2Gi", "pods": "110"}
    assert node_compute(offered) == Compute(8000, GIB, 2 * GIB, 110)
    for name in offered:
        assert node_compute({key: value for key, value in offered.items() if key != name}) is None
    assert node_compute(None) is None


def pod(node: str, phase: str = "Running") -> dict[str, Any]:
    spec = {"nodeName": node, "containers": [container(cpu="1")]}
    return {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": phase}}


@pytest.mark.parametrize("item", [pod(""), pod("n0", "Succeeded"), pod("n0", "Failed"), {"metadata": {"name": "p"}, "spec": 1}])
def test_a_pod_without_a_node_or_that_has_ended_reserves_nothing(item: dict[str, Any]) -> None:
    assert other_pod(item) is None


def test_other_pods_are_summed_by_node() -> None:
    assert other_pod(pod("n0")) == OtherPod("n0", Compute(1000, 0, 0, 1))
    pods = [OtherPod("n0", Compute(1000, GIB, 0, 1)), OtherPod("n0", Compute(500, 0, 5, 1)), OtherPod("n1", Compute(pods=1))]
    assert background_of(pods) == {"n0": Compute(1500, GIB, 5, 2), "n1": Compute(0, 0, 0, 1)}
