"""Shared parts of tests on a playground: a namespace with pools and deployments, traffic, and reads of the API server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apicost.audit import Request, read_requests
from banks.matrix import ACCELERATORS
from banks.nodes_and_pools import kwok_node
from localcluster.cluster import Cluster
from localcluster.options import Options
from localcluster.testing import eventually
from playground import lifecycle
from playground.installation import NAMESPACE as OPERATOR_NAMESPACE
from playground.installation import RELEASE
from playground.options import PlaygroundOptions

RESOURCE = "modeldeployments.modelmatrix.io"
OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{RELEASE}"
LABEL = "modelmatrix.io/deployment"
LEASE_NAMESPACE = "kube-system"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NodePool:
    """An AcceleratorPool of a test: its name and its nodes."""

    pool: str
    nodes: tuple[str, ...]


@dataclass(slots=True)
class ModelNamespace:
    """A namespace of a test, with pools of its own."""

    cluster: Cluster
    name: str
    node_pools: list[NodePool] = field(default_factory=list)

    def create(self) -> None:
        """Create the namespace, with Pod Security ``restricted`` as in a bank."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}}])

    def ascend(self, suffix: str, *, nodes: int, **spec: object) -> NodePool:
        """Create a pool of servers with eight 910B3 each."""
        return self._pool(suffix, "ascend-910b", nodes, spec)

    def nvidia(self, suffix: str, *, nodes: int, **spec: object) -> NodePool:
        """Create a pool of servers with eight H20 each."""
        return self._pool(suffix, "nvidia-h20", nodes, spec)

    def _pool(self, suffix: str, accelerator_name: str, count: int, spec: Mapping[str, object]) -> NodePool:
        accelerator, name = ACCELERATORS[accelerator_name], f"{self.name}-{suffix}"
        node_pool = NodePool(name, tuple(f"{name}-{index}" for index in range(count)))
        self.node_pools.append(node_pool)
        if node_pool.nodes:
            self.cluster.apply([kwok_node(node, name, accelerator, 8) for node in node_pool.nodes])
        pool = {
            "accelerator": accelerator.accelerator,
            "resourceName": accelerator.resource,
            "nodeSelector": {"modelmatrix.io/pool": name},
            "tolerations": [{"operator": "Exists"}],
            "price": {"amount": accelerator.price, "currency": "CNY"},
            **spec,
        }
        self.cluster.apply([_object("AcceleratorPool", {"name": name}, pool)])
        return node_pool

    def deploy(self, name: str, *pools: str, **spec: object) -> None:
        """Apply a ModelDeployment, by default of Qwen3-32B in W8A8 with one replica."""
        full_spec = {
            "model": {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b-w8a8"},
            "quantization": "W8A8",
            "pools": [{"name": pool} for pool in pools],
            "maxModelLen": 8192,
            **({} if "scaling" in spec else {"replicas": 1}),
            **spec,
        }
        self.cluster.apply([_object("ModelDeployment", {"name": name, "namespace": self.name}, full_spec)])

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl in the namespace; returns its output."""
        return self.cluster.kubectl("-n", self.name, *arguments, stdin=stdin)

    def get(self, *arguments: str) -> Document:
        """The output of ``kubectl get -o json``, parsed."""
        found: Document = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def status(self, name: str) -> Document:
        """The status of a ModelDeployment; empty before the first one is written."""
        found: Document = self.get(RESOURCE, name).get("status", {})
        return found

    def condition(self, name: str, kind: str) -> Document:
        """A condition of a ModelDeployment; empty before it is written."""
        return next((item for item in self.status(name).get("conditions", ()) if item["type"] == kind), {})

    def pods(self, name: str) -> list[Document]:
        """The pods of a ModelDeployment, including terminating ones."""
        items: list[Document] = self.get("pods", "-l", f"{LABEL}={name}")["items"]
        return items

    def wait_ready(self, name: str, replicas: int, *, timeout_seconds: float = 60.0) -> None:
        """Wait until exactly ``replicas`` are ready and desired."""

        def check() -> None:
            status = self.status(name)
            assert (status.get("readyReplicas"), status.get("desiredReplicas")) == (replicas, replicas), status

        eventually(check, timeout_seconds=timeout_seconds)

    def wait_refused(self, name: str, reason: str, *words: str) -> None:
        """Wait until Placed is False with this reason and a message that contains all ``words``."""

        def check() -> None:
            placed = self.condition(name, "Placed")
            assert placed.get("reason") == reason, placed
            assert placed["status"] == "False"
            for word in words:
                assert word in placed["message"], placed["message"]

        eventually(check)

    def clear(self) -> None:
        """Delete the namespace, the pools and their nodes; pods without a grace period."""
        self.kubectl("delete", RESOURCE, "--all", "--wait=true", "--timeout=60s")
        self.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
        self.cluster.kubectl("delete", "namespace", self.name, "--wait=false")
        for estate in self.node_pools:
            self.cluster.kubectl("delete", "acceleratorpools.modelmatrix.io", estate.pool)
            self.cluster.kubectl("delete", "nodes", "-l", f"modelmatrix.io/pool={estate.pool}", "--wait=false")


@contextmanager
def fresh_cluster(name: str) -> Iterator[Cluster]:
    """The operator on a new cluster with nodes, chart, two operator processes, engines and Prometheus, at time scale 15."""
    options = PlaygroundOptions(Options(name=name, time_scale=15), "jsbank")
    lifecycle.down(options)
    try:
        yield lifecycle.up(options)
    finally:
        lifecycle.down(options)


@contextmanager
def traffic(bed: ModelNamespace, name: str, **source: float) -> Iterator[None]:
    """Send requests to a deployment while the context is open."""
    path = bed.cluster.folder.path / "traffic.yaml"
    document: dict[str, Any] = {"deployments": {f"{bed.name}/{name}": {**source, "slo": {"ttft_seconds": 2.0}}}}
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text("{}\n", encoding="utf-8")


def operator_writes(cluster: Cluster, since: float) -> list[Request]:
    """The writes of the operators since a time, without those of leases."""
    found = read_requests(cluster.audit_log, since, user=OPERATOR)
    return [request for request in found if request.is_write and request.resource != "leases"]


def leader(cluster: Cluster) -> str:
    """The identity of the operator process that leads."""
    return str(_lease(cluster)["holderIdentity"])


def lease_renewed(cluster: Cluster) -> float:
    """The leader's last renewal, in seconds since the epoch."""
    return datetime.fromisoformat(_lease(cluster)["renewTime"]).timestamp()


def _lease(cluster: Cluster) -> Document:
    found = json.loads(cluster.kubectl("-n", LEASE_NAMESPACE, "get", "lease", "modelmatrix-leader", "-o", "json"))
    spec: Document = found["spec"]
    return spec


def _object(kind: str, metadata: Document, spec: Mapping[str, object]) -> Document:
    return {"apiVersion": "modelmatrix.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
