"""The kinds that a plan is made from, with the view of each: the operator watches them, the command line lists them.

Workloads and services are read by label: a cluster holds many that other controllers manage. Live pods are not, because every
pod uses devices of its node; failed ones are. ReplicaSets and StatefulSets tell whose a pod is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from modelmatrix.api import names
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.cluster.views import objects
from modelmatrix.cluster.views.pods import FAILED_PODS_SELECTOR, LIVE_PODS_SELECTOR, controller_view, pod_view
from modelmatrix.planning.snapshot.views import (
    ControllerView,
    DeploymentView,
    NamespaceView,
    NetworkPolicyView,
    NodeView,
    PodView,
    PoolView,
    ServiceView,
    TenantPolicyView,
    WorkloadView,
)

View = TypeVar("View")

MANAGED_BY_US = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY},{names.LABEL_DEPLOYMENT}"

# LeaderWorkerSet gives its StatefulSets labels of its own only.
OF_GROUPS = "leaderworkerset.sigs.k8s.io/name"


class PlanningKind(NamedTuple, Generic[View]):
    """A kind with its selectors; ``project`` makes the view of an object, ``None`` when the object does not matter."""

    kind: names.Kind
    project: Callable[[Mapping[str, Any]], View | None]
    labels: str = ""
    fields: str = ""


DEPLOYMENTS: PlanningKind[DeploymentView] = PlanningKind(names.MODEL_DEPLOYMENTS, objects.deployment_view)
POOLS: PlanningKind[PoolView] = PlanningKind(names.ACCELERATOR_POOLS, objects.pool_view)
MODELS: PlanningKind[tuple[str, ModelProfileSpec]] = PlanningKind(names.MODEL_PROFILES, objects.model_profile)
ENGINES: PlanningKind[tuple[str, EngineProfileSpec]] = PlanningKind(names.ENGINE_PROFILES, objects.engine_profile)
TENANT_POLICIES: PlanningKind[TenantPolicyView] = PlanningKind(names.TENANT_POLICIES, objects.tenant_policy_view)
NAMESPACES: PlanningKind[NamespaceView] = PlanningKind(names.NAMESPACES, objects.namespace_view)
NODES: PlanningKind[NodeView] = PlanningKind(names.NODES, objects.node_view)
PODS: PlanningKind[PodView] = PlanningKind(names.PODS, pod_view, fields=LIVE_PODS_SELECTOR)
FAILED_PODS: PlanningKind[PodView] = PlanningKind(names.PODS, pod_view, labels=MANAGED_BY_US, fields=FAILED_PODS_SELECTOR)
REPLICA_SETS: PlanningKind[ControllerView] = PlanningKind(names.REPLICA_SETS, controller_view, labels=MANAGED_BY_US)
STATEFUL_SETS: PlanningKind[ControllerView] = PlanningKind(names.STATEFUL_SETS, controller_view, labels=OF_GROUPS)
WORKLOADS: PlanningKind[WorkloadView] = PlanningKind(names.DEPLOYMENTS, objects.workload_view, labels=MANAGED_BY_US)
GROUPS: PlanningKind[WorkloadView] = PlanningKind(names.LEADER_WORKER_SETS, objects.workload_view, labels=MANAGED_BY_US)
SERVICES: PlanningKind[ServiceView] = PlanningKind(names.SERVICES, objects.service_view, labels=MANAGED_BY_US)
NETWORK_POLICIES: PlanningKind[NetworkPolicyView] = PlanningKind(
    names.NETWORK_POLICIES, objects.service_view, labels=MANAGED_BY_US
)
RUNTIME_CLASSES: PlanningKind[str] = PlanningKind(names.RUNTIME_CLASSES, objects.runtime_class_name)

PLANNING_KINDS: tuple[PlanningKind[Any], ...] = (
    *(DEPLOYMENTS, POOLS, MODELS, ENGINES, TENANT_POLICIES, NAMESPACES),
    *(NODES, PODS, RUNTIME_CLASSES),
    *(WORKLOADS, GROUPS, SERVICES, NETWORK_POLICIES),
    *(FAILED_PODS, REPLICA_SETS, STATEFUL_SETS),
)
