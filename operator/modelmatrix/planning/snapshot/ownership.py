"""Which pods are ours: those whose chain of controllers ends at a workload that a ModelDeployment controls. Pure.

Anybody may give a pod our labels; a controller's UID is set by the controller. The chains are

    pod -> ReplicaSet -> Deployment -> ModelDeployment
    leader pod -> StatefulSet -> LeaderWorkerSet -> ModelDeployment
    worker pod -> StatefulSet -> leader pod -> and on as above

A pod with our labels and another chain is a foreign pod: it holds devices and is nobody's replica.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from modelmatrix.planning.snapshot.views import ControllerView, PodView, Stage, WorkloadView

_LONGEST_CHAIN = 6


def owned_pods(
    pods: Iterable[PodView],
    controllers: Iterable[ControllerView],
    workloads: Iterable[WorkloadView],
    *,
    deployment_uids: Container[str],
    known: Mapping[str, str],
) -> tuple[PodView, ...]:
    """The pods, each with the workload that its chain ends at; of several views of one pod the last one.

    ``known`` are workloads by UID of pods from an earlier result: when a ModelDeployment is deleted, its workload goes before
    the pods do, and they stay ours. Failed pods that are not ours are left out: they hold nothing.
    """
    by_uid = {pod.uid: pod for pod in pods}
    parents = {pod.uid: pod.controller_uid for pod in by_uid.values()}
    parents |= {controller.uid: controller.controller_uid for controller in controllers}
    ends = {workload.uid: workload for workload in workloads}
    owners = ((pod, _workload(pod, ends.get(_end(pod, parents)), deployment_uids, known)) for pod in by_uid.values())
    resolved = (pod if pod.workload == name else replace(pod, workload=name) for pod, name in owners)
    return tuple(pod for pod in resolved if pod.workload or pod.stage is not Stage.FAILED)


def known_workloads(pods: Iterable[PodView]) -> dict[str, str]:
    """The workloads of our pods, by the pods' UIDs."""
    return {pod.uid: pod.workload for pod in pods if pod.workload}


def _end(pod: PodView, parents: Mapping[str, str]) -> str:
    """The last UID of the pod's chain that an object names as its controller."""
    uid = pod.controller_uid
    for _ in range(_LONGEST_CHAIN):
        if not parents.get(uid):
            break
        uid = parents[uid]
    return uid


def _workload(pod: PodView, end: WorkloadView | None, deployment_uids: Container[str], known: Mapping[str, str]) -> str:
    """The name of the pod's workload; empty for a foreign pod. ``end`` is the workload at the end of the pod's chain."""
    if end is not None and end.owner_uid and end.owner_uid in deployment_uids:
        return end.key.name if end.key.namespace == pod.key.namespace else ""
    is_orphaned = not pod.controller_uid or (end is not None and not end.owner_uid)
    return "" if is_orphaned else known.get(pod.uid, "")
