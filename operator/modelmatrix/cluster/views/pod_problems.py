"""What keeps a pod from serving, read from its status: the scheduler's, the kubelet's and the containers' own words.

Every reason of a waiting container is a problem but those of a normal start. So a reason that a later Kubernetes invents is
quoted, not dropped. A container that has ended stays a problem until its pod is ready, whether it waits for its next start or
already runs again: the status must not change with each restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelmatrix.api.conditions import parse_timestamp
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.problem_reasons import reason_for, stable_words
from modelmatrix.planning.snapshot.views import Component, PodProblem

Object = Mapping[str, Any]

FAILING_RESTARTS = 3  # without a word why: fewer restarts are often transient, e.g. a slow object store
_NORMAL_WAITING = ("", "ContainerCreating", "PodInitializing")
_CRASHED = "CrashLoopBackOff"


def failed_pod_problem(status: Object, since_seconds: float) -> PodProblem:
    """Why a pod in phase Failed has ended: the kubelet's refusal or eviction, else its container's end."""
    word, message = str(status.get("reason") or ""), str(status.get("message") or "")
    if not word:
        ended = [_terminated(container, "state") for container in _containers(status)]
        found = next((_ended_problem("container", end, since_seconds) for end in ended if end.get("exitCode")), None)
        if found is not None:
            return found
    words = stable_words(word, message) or "the pod failed without a reason"
    return PodProblem(reason_for(word, message, Reason.REPLICA_FAILING), Component.KUBELET, words, since_seconds)


def pod_problem(metadata: Object, spec: Object, status: Object) -> PodProblem | None:
    """The problem of a pod that has not ended; nothing for one that serves or starts as it should."""
    conditions = {str(condition.get("type")): condition for condition in status.get("conditions") or ()}
    created_seconds = parse_timestamp(metadata.get("creationTimestamp", ""))
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _unscheduled(scheduled, created_seconds)
    if conditions.get("Ready", {}).get("status") == "True":
        return None
    in_containers = next((problem for c in _containers(status) if (problem := _container_problem(c, created_seconds))), None)
    return in_containers or _gate_problem(conditions) or _preparing(conditions, spec)


def _containers(status: Object) -> Iterator[Object]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _unscheduled(scheduled: Object, created_seconds: float) -> PodProblem:
    word, message = str(scheduled.get("reason") or ""), str(scheduled.get("message") or "")
    reason = reason_for(word, message, Reason.UNSCHEDULABLE)
    words = stable_words("" if word == "Unschedulable" else word, message) or "the scheduler gives no reason"
    return PodProblem(reason, Component.SCHEDULER, words, created_seconds)


def _container_problem(container: Object, since_seconds: float) -> PodProblem | None:
    if container.get("ready"):
        return None
    waiting = (container.get("state") or {}).get("waiting") or {}
    word, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if word not in (*_NORMAL_WAITING, _CRASHED):
        reason = reason_for(word, message, Reason.REPLICA_FAILING)
        return PodProblem(reason, Component.KUBELET, stable_words(word, message), since_seconds)
    return _crash(container, since_seconds, is_waiting=word == _CRASHED)


def _crash(container: Object, since_seconds: float, *, is_waiting: bool) -> PodProblem | None:
    """The container's last end; its number of restarts only by its size, because each new number would be a write."""
    name, restarts = str(container.get("name", "")), int(container.get("restartCount") or 0)
    now, before = _terminated(container, "state"), _terminated(container, "lastState")
    ended = now if now.get("exitCode") else before
    if ended:
        return _ended_problem(name, ended, since_seconds, restarts=restarts)
    if is_waiting:
        return PodProblem(Reason.REPLICA_FAILING, Component.CONTAINER, f"container {name}: {_CRASHED}", since_seconds)
    if restarts >= FAILING_RESTARTS:
        words = f"container {name}{_restarted(restarts)}"
        return PodProblem(Reason.REPLICA_FAILING, Component.CONTAINER, words, since_seconds)
    return None


def _ended_problem(name: str, ended: Object, since_seconds: float, *, restarts: int = 0) -> PodProblem:
    word, code = str(ended.get("reason") or ""), ended.get("exitCode")
    reason = reason_for(word, "", Reason.REPLICA_FAILING)
    words = f"container {name} ended with exit code {code}" + (f" ({word})" if word else "")
    words += f"{f', it{_restarted(restarts)}' if restarts >= FAILING_RESTARTS else ''}"
    message = stable_words("", str(ended.get("message") or ""))
    return PodProblem(reason, Component.CONTAINER, f"{words}: {message}" if message else words, since_seconds)


def _restarted(restarts: int) -> str:
    least = max(step for step in (FAILING_RESTARTS, 10, 100) if step <= restarts)
    return f" was restarted {least} times or more"


def _terminated(container: Object, which: str) -> Object:
    found: Object = (container.get(which) or {}).get("terminated") or {}
    return found


def _gate_problem(conditions: Mapping[str, Object]) -> PodProblem | None:
    ready = conditions.get("Ready", {})
    if ready.get("reason") != "ReadinessGatesNotReady" or conditions.get("ContainersReady", {}).get("status") != "True":
        return None
    words = stable_words("ReadinessGatesNotReady", str(ready.get("message") or ""))
    since_seconds = parse_timestamp(ready.get("lastTransitionTime") or "")
    return PodProblem(Reason.READINESS_GATE_CLOSED, Component.KUBELET, words, since_seconds)


def _preparing(conditions: Mapping[str, Object], spec: Object) -> PodProblem | None:
    """The kubelet has not set up volumes and network yet: a problem only if it lasts. The status never says why."""
    prepared = conditions.get("PodReadyToStartContainers", {})
    if prepared.get("status") != "False":
        return None
    mounts = ", ".join(sorted(filter(None, map(_mounted, spec.get("volumes") or ()))))
    words = f"the kubelet still sets up volumes and network{f'; the pod mounts {mounts}' if mounts else ''}"
    bound_seconds = parse_timestamp(conditions.get("PodScheduled", {}).get("lastTransitionTime") or "")
    return PodProblem(Reason.POD_NOT_PREPARED, Component.KUBELET, words, bound_seconds)


def _mounted(volume: Object) -> str:
    """What a volume depends on outside its pod."""
    named = {"persistentVolumeClaim": "claimName", "secret": "secretName", "configMap": "name", "hostPath": "path"}
    words = {"persistentVolumeClaim": "claim", "secret": "Secret", "configMap": "ConfigMap", "hostPath": "host path"}
    found = next((kind for kind in named if kind in volume), "")
    if found:
        return f"{words[found]} {volume[found].get(named[found], '')}"
    return f"image {volume['image'].get('reference', '')}" if "image" in volume else ""
