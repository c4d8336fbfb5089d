"""Nodes and pods of the local cluster live as the tests of an operator need them to."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from localcluster.testing import Namespace, deployment, eventually, lose_node, return_node

pytestmark = pytest.mark.cluster

ENGINE = {"modelmatrix.io/deployment": "chat", "modelmatrix.io/role": "leader"}


def conditions(thing: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in thing["status"].get("conditions", [])}


def test_nodes_are_ready_with_the_devices_they_were_applied_with(namespace: Namespace) -> None:
    def check() -> None:
        nodes = {each["metadata"]["name"]: each for each in namespace.get("nodes")["items"]}
        assert all(conditions(each)["Ready"] == "True" for each in nodes.values())
        assert nodes["npu-0"]["status"]["allocatable"]["huawei.com/Ascend910"] == "8"
        assert nodes["gpu-0"]["status"]["allocatable"]["nvidia.com/gpu"] == "8"

    eventually(check)


def test_pods_that_are_no_engines_are_ready_at_once(namespace: Namespace) -> None:
    namespace.apply(deployment("web", replicas=2))

    def check() -> None:
        assert namespace.get("deployment", "web")["status"].get("readyReplicas") == 2

    eventually(check)


def test_engines_run_but_only_their_simulator_makes_them_ready(namespace: Namespace) -> None:
    namespace.apply(deployment("chat", labels=ENGINE, devices={"nvidia.com/gpu": "1"}))

    def running() -> dict[str, Any]:
        (pod,) = namespace.pods("app=chat") or [{"status": {}}]
        assert pod["status"].get("phase") == "Running"
        return pod

    pod = eventually(running)
    (container,) = pod["status"]["containerStatuses"]
    assert "running" in container["state"]
    assert (container["ready"], container["started"]) == (False, False)
    assert (conditions(pod)["Initialized"], conditions(pod)["Ready"]) == ("True", "False")
    assert pod["status"]["podIP"]

    ready = '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}'
    name = pod["metadata"]["name"]
    namespace.kubectl("patch", "pod", name, "--subresource=status", "-p", ready)

    def deployment_is_ready() -> None:
        assert namespace.get("deployment", "chat")["status"].get("readyReplicas") == 1

    eventually(deployment_is_ready)


def test_a_pod_without_devices_waits_with_the_schedulers_own_reason(namespace: Namespace) -> None:
    namespace.apply(deployment("whole", devices={"huawei.com/Ascend910": "8"}))
    namespace.apply(deployment("half", devices={"huawei.com/Ascend910": "4"}))

    def check() -> None:
        waiting = [each for each in namespace.pods() if each["status"]["phase"] == "Pending"]
        assert len(waiting) == 1
        (scheduled,) = [each for each in waiting[0]["status"]["conditions"] if each["type"] == "PodScheduled"]
        assert scheduled["reason"] == "Unschedulable"
        assert "4 Insufficient huawei.com/Ascend910" in scheduled["message"]

    eventually(check)


@pytest.mark.parametrize(
    ("profile", "pods_per_node"), [("default-scheduler", [3, 3]), ("modelmatrix-binpack", [6])], ids=["spread", "pack"]
)
def test_packing(namespace: Namespace, profile: str, pods_per_node: list[int]) -> None:
    namespace.apply(
        deployment(
            "small",
            replicas=6,
            devices={"nvidia.com/gpu": "1"},
            schedulerName=profile,
            nodeSelector={"pool": "empty"},
        )
    )

    def nodes() -> list[str]:
        bound = [each["spec"]["nodeName"] for each in namespace.pods() if "nodeName" in each["spec"]]
        assert len(bound) == 6
        return bound

    assert sorted(Counter(eventually(nodes)).values()) == pods_per_node


def test_engines_drain_as_long_as_their_annotation_says(namespace: Namespace) -> None:
    namespace.apply(deployment("quick", labels=ENGINE))
    namespace.apply(deployment("slow", labels=ENGINE, annotations={"modelmatrix.io/drain-seconds": "3600"}))

    def both_run() -> None:
        assert [each["status"]["phase"] for each in namespace.pods()] == ["Running", "Running"]

    eventually(both_run)
    namespace.kubectl("delete", "deployments", "quick", "slow", "--cascade=background")

    def only_the_slow_one_is_left() -> None:
        (left,) = namespace.pods()
        assert left["metadata"]["labels"]["app"] == "slow"
        assert "deletionTimestamp" in left["metadata"]

    def no_quick_one() -> None:
        assert not namespace.pods("app=quick")

    eventually(no_quick_one)
    only_the_slow_one_is_left()


def test_a_group_of_two_pods_knows_its_leader(namespace: Namespace) -> None:
    pod = {"spec": {"containers": [{"name": "engine", "image": "registry.example/engine:1"}]}}
    namespace.cluster.apply(
        [
            {
                "apiVersion": "leaderworkerset.x-k8s.io/v1",
                "kind": "LeaderWorkerSet",
                "metadata": {"name": "large", "namespace": namespace.name},
                "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2, "workerTemplate": pod}},
            }
        ]
    )

    def check() -> None:
        addresses = {}
        for each in namespace.pods("leaderworkerset.sigs.k8s.io/name=large"):
            (container,) = each["spec"]["containers"]
            variables = {entry["name"]: entry.get("value") for entry in container["env"]}
            addresses[each["metadata"]["name"]] = variables.get("LWS_LEADER_ADDRESS")
        leader = f"large-0.large.{namespace.name}"
        assert addresses == {"large-0": leader, "large-0-1": leader}

    eventually(check)


def test_other_pods_do_not_need_the_leaderworkerset_controller(namespace: Namespace) -> None:
    cluster = namespace.cluster
    cluster.stop_process("leaderworkerset")
    try:
        namespace.apply(deployment("web"))

        def check() -> None:
            assert namespace.get("deployment", "web")["status"].get("readyReplicas") == 1

        eventually(check)
    finally:
        cluster.start_process("leaderworkerset")


def test_a_lost_node_is_not_ready_until_it_returns(namespace: Namespace) -> None:
    def ready() -> str:
        return conditions(namespace.get("node", "empty-1"))["Ready"]

    def check(expected: str) -> None:
        assert ready() == expected

    eventually(lambda: check("True"))
    lose_node(namespace.cluster, "empty-1")
    eventually(lambda: check("Unknown"), timeout_seconds=120)
    return_node(namespace.cluster, "empty-1")
    eventually(lambda: check("True"))
