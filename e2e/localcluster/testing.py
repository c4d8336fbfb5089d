"""Shared parts of tests on a real cluster: nodes, namespaces, Deployments and waiting. Independent of the operator."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcluster.cluster import Cluster

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_Answer = TypeVar("_Answer")


def eventually(check: Callable[[], _Answer], *, timeout_seconds: float = PATIENCE_SECONDS) -> _Answer:
    """Call ``check`` until it raises no AssertionError; returns its result.

    Raises:
        AssertionError: the last one, when the time is up.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)


def node(name: str, devices: Mapping[str, str], labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A node that kwok simulates: Ready at once, with these devices (resource -> count)."""
    resources = {"cpu": "64", "memory": "512Gi", "pods": "110", **devices}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": name, **(labels or {})},
        },
        "status": {"allocatable": resources, "capacity": resources},
    }


def lose_node(cluster: Cluster, name: str) -> None:
    """Simulate the failure of a node: its heartbeats stop, and it becomes NotReady after the usual 50 s.

    Another holder gets its lease for a day: kwok does not take over the lease of another kubelet.
    """
    now = datetime.now(tz=UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    _patch_lease(cluster, name, {"holderIdentity": "nobody", "leaseDurationSeconds": 86_400, "renewTime": now})


def return_node(cluster: Cluster, name: str) -> None:
    """Undo `lose_node`: kwok takes the lease back within about ten seconds."""
    _patch_lease(cluster, name, {"holderIdentity": None})


def _patch_lease(cluster: Cluster, node_name: str, spec: dict[str, Any]) -> None:
    patch = json.dumps({"spec": spec})
    cluster.kubectl("-n", "kube-node-lease", "patch", "lease", node_name, "--type=merge", "-p", patch)


def deployment(
    name: str,
    *,
    replicas: int = 1,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    devices: Mapping[str, str] | None = None,
    **pod: object,
) -> dict[str, Any]:
    """A Deployment of pods with one container, called engine, with two ports and a startup probe.

    Args:
        name: its name, also the pods' label `app`.
        replicas: the number of pods.
        labels: further labels of the pods.
        annotations: annotations of the pods.
        devices: resource -> count, per pod.
        pod: further fields of the pods' spec, e.g. ``schedulerName``.
    """
    container = {
        "name": "engine",
        "image": "registry.example/engine:1",
        "ports": [{"name": "http", "containerPort": 8000}, {"name": "group", "containerPort": 8001}],
        "startupProbe": {"httpGet": {"path": "/health", "port": "http"}},
        "resources": {"limits": dict(devices or {})},
    }
    template = {
        "metadata": {"labels": {"app": name, **(labels or {})}, "annotations": dict(annotations or {})},
        "spec": {"containers": [container], **pod},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace of a cluster.

    Attributes:
        cluster: the cluster.
        name: the name of the namespace.
    """

    cluster: Cluster
    name: str

    def apply(self, *documents: dict[str, Any]) -> None:
        """Apply documents in this namespace."""
        self.cluster.apply([{**each, "metadata": {**each["metadata"], "namespace": self.name}} for each in documents])

    def get(self, *arguments: str) -> dict[str, Any]:
        """The output of `kubectl get ... -o json`, parsed."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer

    def pods(self, selector: str = "") -> list[dict[str, Any]]:
        """The pods, including terminating ones."""
        items: list[dict[str, Any]] = self.get("pods", "-l", selector)["items"]
        return items

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in this namespace; returns its output."""
        return self.cluster.kubectl("-n", self.name, *arguments)

    def clear(self) -> None:
        """Delete the namespace; its pods without a grace period, so that their devices are free at once."""
        self.kubectl("delete", "leaderworkersets,deployments", "--all", "--cascade=foreground", "--timeout=60s")
        self.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
        self.cluster.kubectl("delete", "namespace", self.name, "--wait=false")
