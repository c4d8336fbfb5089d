"""Every state that Kubernetes reports of a pod: its reason, and the component's own words."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.cluster.views.pods import pod_view
from modelmatrix.planning.snapshot.views import PodProblem
from unit.cluster.views.test_pods import pod

BOUND = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T00:59:01Z"}
CREATED_SECONDS = 1795395540.0


def problem_of(**fields: Any) -> PodProblem | None:
    status = {"phase": "Pending", "conditions": [BOUND]} | fields.pop("status", {})
    view = pod_view(pod(status=status, **fields))
    assert view is not None
    return view.problem


def words_of(**fields: Any) -> tuple[str, str, str]:
    found = problem_of(**fields)
    assert found is not None
    return str(found.reason), str(found.component), found.message


def container(place: str = "containerStatuses", **status: Any) -> dict[str, Any]:
    return {"status": {place: [{"name": "engine", "ready": False, "restartCount": 0} | status]}}


WAITING = [
    ("CreateContainerError", "failed to create containerd task: device or resource busy", "ContainerNotStarted"),
    ("RunContainerError", "unknown device", "ContainerNotStarted"),
    ("CreatePodSandboxError", "cni plugin not initialized", "ContainerNotStarted"),
    ("PostStartHookError", "", "ContainerNotStarted"),
    ("CreateContainerConfigError", 'secret "keys" not found', "SecretMissing"),
    ("CreateContainerConfigError", "couldn't find key token in Secret bank/keys", "SecretMissing"),
    ("CreateContainerConfigError", 'configmap "flags" not found', "ConfigMapMissing"),
    ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", "ContainerConfigInvalid"),
    ("ErrImageNeverPull", "", "ImageUnavailable"),
    ("InvalidImageName", "couldn't parse image name", "ImageUnavailable"),
    ("ErrImagePull", "rpc error: code = NotFound desc = manifest unknown", "ImageUnavailable"),
    ("ErrImagePull", "pull access denied, repository does not exist or may require authorization", "ImageUnavailable"),
    ("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", "ImagePullFailing"),
    ("RegistryUnavailable", "", "ImagePullFailing"),
    ("ImageInspectError", "", "ImagePullFailing"),
    ("AReasonOfNextYear", "something new", "ReplicaFailing"),
]


@pytest.mark.parametrize(("word", "message", "reason"), WAITING)
@pytest.mark.parametrize("place", ["containerStatuses", "initContainerStatuses"])
def test_a_container_that_waits(word: str, message: str, reason: str, place: str) -> None:
    words = f"{word}: {message}" if message else word
    state = {"waiting": {"reason": word, "message": message}}
    assert words_of(**container(place, state=state)) == (reason, "kubelet", words)


@pytest.mark.parametrize("word", ["ContainerCreating", "PodInitializing", None])
def test_a_container_that_starts_as_it_should(word: str | None) -> None:
    assert problem_of(**container(state={"waiting": {"reason": word}})) is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"state": {"running": {}}, "ready": True, "restartCount": 9}, None),
        ({"state": {"running": {}}, "restartCount": 2}, None),
        ({"state": {"running": {}}, "restartCount": 3}, "container engine was restarted 3 times or more"),
        ({"state": {"running": {}}, "restartCount": 9}, "container engine was restarted 3 times or more"),
        ({"state": {"running": {}}, "restartCount": 12}, "container engine was restarted 10 times or more"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, "container engine: CrashLoopBackOff"),
        ({"state": None, "lastState": None}, None),
        ({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}, None),
    ],
)
@pytest.mark.parametrize("place", ["containerStatuses", "initContainerStatuses"])
def test_a_container_whose_end_is_not_known(place: str, status: dict[str, Any], expected: str | None) -> None:
    found = problem_of(**container(place, **status))
    assert (found and found.message) == expected


ENDED = [
    ({"exitCode": 137, "reason": "OOMKilled"}, "OutOfMemory", "container engine ended with exit code 137 (OOMKilled)"),
    ({"exitCode": 1, "reason": "Error", "message": "no such flag"}, "ReplicaFailing", "exit code 1 (Error): no such flag"),
    ({"exitCode": 128, "reason": "StartError", "message": "exec: vllm"}, "ContainerNotStarted", "128 (StartError): exec: vllm"),
    ({"exitCode": 127, "reason": "ContainerCannotRun"}, "ContainerNotStarted", "exit code 127 (ContainerCannotRun)"),
    ({"exitCode": 143, "reason": "DeadlineExceeded"}, "ReplicaFailing", "exit code 143 (DeadlineExceeded)"),
    ({"exitCode": 137}, "ReplicaFailing", "container engine ended with exit code 137"),
]


@pytest.mark.parametrize(("ended", "reason", "words"), ENDED)
@pytest.mark.parametrize("restarts", [1, 2])
def test_a_container_that_ended_says_the_same_until_its_pod_is_ready(
    ended: dict[str, Any], reason: str, words: str, restarts: int
) -> None:
    last = {"terminated": ended}
    back_off = {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=engine pod=p_b(u)"}
    }
    states = [{"state": last}, {"state": back_off, "lastState": last}, {"state": {"running": {}}, "lastState": last}]
    found = {words_of(**container(restartCount=restarts, **state)) for state in states}
    assert len(found) == 1
    ((got_reason, component, message),) = found
    assert (got_reason, component) == (reason, "container")
    assert message.endswith(words)
    ready = [BOUND, {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T01:00:00Z"}]
    served = container(restartCount=restarts, lastState=last)
    assert problem_of(status=served["status"] | {"conditions": ready}) is None


FAILED = [
    ("UnexpectedAdmissionError", "Allocate failed due to no healthy devices present", "NodeRefused"),
    ("OutOfcpu", "Node didn't have enough resource: cpu", "NodeRefused"),
    ("OutOfnvidia.com/gpu", "Node didn't have enough resource: nvidia.com/gpu", "NodeRefused"),
    ("NodeAffinity", "Predicate NodeAffinity failed", "NodeRefused"),
    ("TopologyAffinityError", "Resources cannot be allocated with Topology locality", "NodeRefused"),
    ("Evicted", "The node was low on resource: ephemeral-storage.", "PodEvicted"),
    ("Evicted", "The node was low on resource: memory.", "OutOfMemory"),
    ("NodeLost", "", "PodEvicted"),
    ("Terminated", "Pod was terminated in response to imminent node shutdown.", "PodEvicted"),
    ("NodeShutdown", "Pod was rejected as the node is shutting down.", "PodEvicted"),
    ("Preempting", "Preempted in order to admit critical pod", "PodEvicted"),
    ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline", "ReplicaFailing"),
    ("AReasonOfNextYear", "something new", "ReplicaFailing"),
]


@pytest.mark.parametrize(("word", "message", "reason"), FAILED)
def test_a_pod_that_the_kubelet_ended(word: str, message: str, reason: str) -> None:
    status = {"phase": "Failed", "reason": word, "message": message}
    assert words_of(status=status) == (reason, "kubelet", f"{word}: {message}" if message else word)


def test_a_failed_pod_without_a_word_has_its_containers() -> None:
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "engine", "state": ended}]}
    assert words_of(status=status) == ("ReplicaFailing", "container", "container container ended with exit code 3 (Error)")
    assert words_of(status={"phase": "Failed"})[2] == "the pod failed without a reason"


UNSCHEDULED = [
    ("Unschedulable", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "Unschedulable"),
    ("Unschedulable", 'persistentvolumeclaim "weights" not found', "ClaimMissing"),
    ("Unschedulable", "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "ClaimUnbound"),
    ("SchedulerError", "running PreBind plugin: timed out", "Unschedulable"),
    ("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated"),
    ("AReasonOfNextYear", "something new", "Unschedulable"),
    ("Unschedulable", "", "Unschedulable"),
]


@pytest.mark.parametrize(("word", "message", "reason"), UNSCHEDULED)
def test_a_pod_that_is_not_scheduled(word: str, message: str, reason: str) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": word, "message": message}
    got, component, words = words_of(spec={"nodeName": ""}, status={"conditions": [condition]})
    assert (got, component) == (reason, "scheduler")
    assert words == (message if word == "Unschedulable" else f"{word}: {message}") or (not message and "no reason" in words)
    found = problem_of(spec={"nodeName": ""}, status={"conditions": [condition]})
    assert found is not None
    assert found.since_seconds == CREATED_SECONDS


def test_a_readiness_gate_that_is_closed() -> None:
    words = 'the status of pod readiness gate "lb" is not "True", but False'
    ready = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": words}
    conditions = [BOUND, {"type": "ContainersReady", "status": "True"}, ready]
    found = words_of(status={"conditions": conditions})
    assert found == ("ReadinessGateClosed", "kubelet", f"ReadinessGatesNotReady: {words}")
    assert problem_of(status={"conditions": [BOUND, {"type": "ContainersReady", "status": "False"}, ready]}) is None


def test_a_pod_whose_volumes_are_not_set_up_names_what_it_mounts() -> None:
    volumes = [
        {"name": "weights", "persistentVolumeClaim": {"claimName": "qwen"}},
        {"name": "driver", "hostPath": {"path": "/usr/local/driver"}},
        {"name": "model", "image": {"reference": "models/qwen"}},
        {"name": "shm", "emptyDir": {}},
    ]
    prepared = {"type": "PodReadyToStartContainers", "status": "False"}
    spec = {"volumes": volumes}
    reason, component, words = words_of(spec=spec, status={"conditions": [BOUND, prepared]})
    assert (reason, component) == ("PodNotPrepared", "kubelet")
    assert words.endswith("the pod mounts claim qwen, host path /usr/local/driver, image models/qwen")
    assert problem_of(spec=spec, status={"conditions": [BOUND, prepared | {"status": "True"}]}) is None


@pytest.mark.parametrize("number", [1, 2])
def test_words_do_not_change_from_try_to_try(number: int) -> None:
    pulling = 'Back-off pulling image "models/qwen:9": ErrImagePull: try 0: not found'
    first = {"waiting": {"reason": "ErrImagePull", "message": "try 0: not found"}}
    again = {"waiting": {"reason": "ImagePullBackOff", "message": pulling}}
    assert {words_of(**container(state=state))[2] for state in (first, again)} == {"ErrImagePull: try 0: not found"}
    pod_name = f"chat-{number}_bank(00000000-0000-4000-8000-00000000000{number})"
    state = {"waiting": {"reason": "CreateContainerError", "message": f"device busy in {pod_name}"}}
    assert words_of(**container(state=state))[2] == "CreateContainerError: device busy in the pod"
