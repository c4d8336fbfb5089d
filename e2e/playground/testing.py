"""What tests on a playground share: a namespace, servers and deployments in it, and questions to the API server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apicost.audit import Request, read_requests
from banks.matrix import CHIPS
from banks.nodes_and_pools import kwok_node
from localcluster.cluster import Cluster
from localcluster.options import Options
from localcluster.testing import eventually
from playground import lifecycle as bringup
from playground.installation import NAMESPACE as OPERATOR_NAMESPACE
from playground.installation import RELEASE
from playground.options import Wishes

RESOURCE = "modeldeployments.modelmatrix.io"
OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{RELEASE}"
LABEL = "modelmatrix.io/deployment"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Estate:
    """A pool of a test: its name, and the nodes below it."""

    pool: str
    nodes: tuple[str, ...]


@dataclass(slots=True)
class Bed:
    """A namespace on the cluster, with pools of its own."""

    cluster: Cluster
    name: str
    estates: list[Estate] = field(default_factory=list)

    def open(self) -> None:
        """Make the namespace, as strict as a bank's."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}}])

    def ascend(self, suffix: str, *, nodes: int, **spec: object) -> Estate:
        """A pool of servers of eight 910B3."""
        return self._pool(suffix, "ascend-910b", nodes, spec)

    def nvidia(self, suffix: str, *, nodes: int, **spec: object) -> Estate:
        """A pool of servers of eight H20."""
        return self._pool(suffix, "nvidia-h20", nodes, spec)

    def _pool(self, suffix: str, chip_name: str, count: int, spec: Mapping[str, object]) -> Estate:
        chip, name = CHIPS[chip_name], f"{self.name}-{suffix}"
        estate = Estate(name, tuple(f"{name}-{index}" for index in range(count)))
        self.estates.append(estate)
        if estate.nodes:
            self.cluster.apply([kwok_node(node, name, chip, 8) for node in estate.nodes])
        pool = {
            "accelerator": chip.accelerator,
            "resourceName": chip.resource,
            "nodeSelector": {"modelmatrix.io/pool": name},
            "tolerations": [{"operator": "Exists"}],
            "price": {"amount": chip.price, "currency": "CNY"},
            **spec,
        }
        self.cluster.apply([_object("AcceleratorPool", {"name": name}, pool)])
        return estate

    def deploy(self, name: str, *pools: str, **spec: object) -> None:
        """Apply a ModelDeployment: Qwen3-32B as W8A8 on one replica, unless the spec says otherwise."""
        whole = {
            "model": {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b-w8a8"},
            "quantization": "W8A8",
            "pools": [{"name": pool} for pool in pools],
            "maxModelLen": 8192,
            **({} if "scaling" in spec else {"replicas": 1}),
            **spec,
        }
        self.cluster.apply([_object("ModelDeployment", {"name": name, "namespace": self.name}, whole)])

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl("-n", self.name, *arguments)

    def get(self, *arguments: str) -> Document:
        """What ``kubectl get -o json`` answers."""
        found: Document = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def status(self, name: str) -> Document:
        """The status of a ModelDeployment, empty before the first."""
        found: Document = self.get(RESOURCE, name).get("status", {})
        return found

    def condition(self, name: str, kind: str) -> Document:
        """A condition of a ModelDeployment, empty before it is there."""
        return next((item for item in self.status(name).get("conditions", ()) if item["type"] == kind), {})

    def pods(self, name: str) -> list[Document]:
        """Pods of a ModelDeployment, also those that are going."""
        items: list[Document] = self.get("pods", "-l", f"{LABEL}={name}")["items"]
        return items

    def ready(self, name: str, replicas: int, *, timeout_seconds: float = 60.0) -> None:
        """Wait until so many replicas serve, no more and no less."""

        def check() -> None:
            status = self.status(name)
            assert (status.get("readyReplicas"), status.get("desiredReplicas")) == (replicas, replicas), status

        eventually(check, timeout_seconds=timeout_seconds)

    def refused(self, name: str, reason: str, *words: str) -> None:
        """Wait until the deployment is refused for a reason, in words that hold these."""

        def check() -> None:
            placed = self.condition(name, "Placed")
            assert placed.get("reason") == reason, placed
            assert placed["status"] == "False"
            for word in words:
                assert word in placed["message"], placed["message"]

        eventually(check)

    def clear(self) -> None:
        """Remove everything; pods at once, so that nobody waits for them."""
        self.kubectl("delete", RESOURCE, "--all", "--wait=true", "--timeout=60s")
        self.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
        self.cluster.kubectl("delete", "namespace", self.name, "--wait=false")
        for estate in self.estates:
            self.cluster.kubectl("delete", "acceleratorpools.modelmatrix.io", estate.pool)
            self.cluster.kubectl("delete", "nodes", "-l", f"modelmatrix.io/pool={estate.pool}", "--wait=false")


@contextmanager
def fresh_cluster(name: str) -> Iterator[Cluster]:
    """The product on a cluster of its own: nodes, chart, two operators, engines, Prometheus, at 15 times the speed."""
    wishes = Wishes(Options(name=name, time_scale=15), "jsbank")
    bringup.down(wishes)
    try:
        yield bringup.up(wishes)
    finally:
        bringup.down(wishes)


@contextmanager
def traffic(bed: Bed, name: str, **source: float) -> Iterator[None]:
    """Requests for a deployment, as long as the context lasts."""
    path = bed.cluster.folder.path / "traffic.yaml"
    document: dict[str, Any] = {"deployments": {f"{bed.name}/{name}": {**source, "slo": {"ttft_seconds": 2.0}}}}
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text("{}\n", encoding="utf-8")


def operator_writes(cluster: Cluster, since: float) -> list[Request]:
    """What the operators wrote since a time, leases apart."""
    found = read_requests(cluster.audit_log, since, user=OPERATOR)
    return [request for request in found if request.is_write and request.resource != "leases"]


def leader(cluster: Cluster) -> str:
    """The operator process that leads."""
    return str(_lease(cluster)["holderIdentity"])


def lease_renewed(cluster: Cluster) -> float:
    """When the leader was last heard of, in seconds since the epoch."""
    return datetime.fromisoformat(_lease(cluster)["renewTime"]).timestamp()


def _lease(cluster: Cluster) -> Document:
    found = json.loads(cluster.kubectl("-n", OPERATOR_NAMESPACE, "get", "lease", "modelmatrix-leader", "-o", "json"))
    spec: Document = found["spec"]
    return spec


def _object(kind: str, metadata: Document, spec: Mapping[str, object]) -> Document:
    return {"apiVersion": "modelmatrix.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
