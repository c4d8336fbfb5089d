"""A cluster in memory: carries out plans as an API server, controllers, a scheduler and kubelets would.

It knows nothing of planning; what it shows to the planner goes through the projections of the cluster layer.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from factories import NOW, problem
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.views.objects import service_view, workload_view
from modelmatrix.cluster.views.resources import pod_resources
from modelmatrix.planning.actions.action import Action, Adopt, Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import PlanSettings, Snapshot, WriteFailure
from modelmatrix.planning.snapshot.views import (
    Compute,
    DeploymentView,
    NamespacedName,
    NamespaceView,
    NodeView,
    PodView,
    PoolView,
    Stage,
    Taint,
    TenantPolicyView,
    WorkloadView,
)

STEP_SECONDS = 30.0

Object = dict[str, Any]


@dataclass(slots=True)
class Workload:
    """A stored Deployment or LeaderWorkerSet and its pods."""

    stored: Object
    pods: list[PodView] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)

    @property
    def view(self) -> WorkloadView:
        """The workload as the operator sees it."""
        return workload_view(self.stored | {"status": self._status()})

    @property
    def spec(self) -> Object:
        """Its spec."""
        spec: Object = self.stored["spec"]
        return spec

    @property
    def digest(self) -> str:
        """The digest of its pod template."""
        part = {name: self.spec.get(name) for name in ("template", "leaderWorkerTemplate", "networkConfig")}
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def image(self) -> str:
        """The image of its engine."""
        return str(_template(self.spec)["spec"]["containers"][0]["image"])

    @property
    def deleting(self) -> bool:
        """Whether it was deleted."""
        return "deletionTimestamp" in self.stored["metadata"]

    def _status(self) -> Object:
        leaders = [pod for pod in self.pods if pod.leader and not pod.deleting]
        updated = sum(1 for pod in leaders if self.digests[pod.uid] == self.digest)
        observed = {} if "leaderWorkerTemplate" in self.spec else {"observedGeneration": self.stored["metadata"]["generation"]}
        return {**observed, "replicas": len(leaders), "updatedReplicas": updated}


@dataclass(slots=True, repr=False)
class World:
    """The cluster. ``best_fit`` schedules into the fullest node that has room, else into the first.

    Nothing is scheduled to ``tainted`` nodes, whatever pods tolerate; the planner does not see these. Taints of nodes count
    for pods that do not tolerate their key, and NoExecute ends those that are there.
    ``background`` is what pods without devices reserve by node. Pods that are deleted have ``grace_seconds``, if any.
    Without ``drains`` terminating pods never end, without ``starts`` no pod becomes ready. ``missing`` images cannot be pulled,
    and pods with ``broken_arguments`` do not start either.
    """

    deployments: dict[NamespacedName, DeploymentView] = field(default_factory=dict)
    pools: dict[str, PoolView] = field(default_factory=dict)
    nodes: dict[str, NodeView] = field(default_factory=dict)
    foreign: dict[NamespacedName, PodView] = field(default_factory=dict)
    policies: dict[str, TenantPolicyView] = field(default_factory=dict)
    namespaces: dict[str, NamespaceView] = field(default_factory=dict)
    settings: PlanSettings = field(default_factory=PlanSettings)
    workloads: dict[NamespacedName, Workload] = field(default_factory=dict)
    services: dict[NamespacedName, Object] = field(default_factory=dict)
    network_policies: dict[NamespacedName, Object] = field(default_factory=dict)
    taken_names: set[NamespacedName] = field(default_factory=set)
    tainted: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    broken_arguments: set[str] = field(default_factory=set)
    missing_pods: set[str] = field(default_factory=set)
    background: dict[str, Compute] = field(default_factory=dict)
    grace_seconds: float = 0.0
    failures: dict[NamespacedName, WriteFailure] = field(default_factory=dict)
    runtime_classes: frozenset[str] = frozenset()
    leader_worker_sets: bool = True
    best_fit: bool = True
    drains: bool = True
    starts: bool = True
    now_seconds: float = NOW
    catalogue: Catalogue = field(default_factory=builtin)
    cache: PlanCache = field(default_factory=PlanCache)
    _numbers: Any = field(default_factory=itertools.count)

    def __repr__(self) -> str:
        pools = [f"{view.name}: {view.spec and view.spec.model_dump(exclude_defaults=True)}" for view in self.pools.values()]
        nodes = [f"{n.name}: {n.allocatable} of {n.capacity}, {n.ready=}, {n.schedulable=}" for n in self.nodes.values()]
        guests = [f"{guest.devices} on {guest.node}" for guest in self.foreign.values()]
        fleet = [
            f"{key}: {d.spec and d.spec.model_dump(exclude_defaults=True, mode='json')}" for key, d in self.deployments.items()
        ]
        flags = [f"best_fit={self.best_fit}", f"leader_worker_sets={self.leader_worker_sets}"]
        tenants = [
            f"{view.name}: {view.spec and view.spec.model_dump(exclude_defaults=True)}" for view in self.policies.values()
        ]
        return "\n  ".join(["World", *flags, *pools, *nodes, *guests, *fleet, *tenants])

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        """What hypothesis prints: the catalogue in it would be as long as a book."""
        printer.text(repr(self))

    # what the planner sees

    def snapshot(self, **fields: Any) -> Snapshot:
        """The state of this moment."""
        return Snapshot(
            now_seconds=self.now_seconds,
            catalogue=self.catalogue,
            deployments=tuple(self.deployments.values()),
            pools=tuple(self.pools.values()),
            nodes=tuple(self.nodes.values()),
            pods=(*self.foreign.values(), *self.pods),
            background=dict(self.background),
            workloads=tuple(workload.view for workload in self.workloads.values()),
            services=tuple(service_view(item) for item in self.services.values()),
            network_policies=tuple(service_view(item) for item in self.network_policies.values()),
            runtime_classes=self.runtime_classes,
            leader_worker_sets=self.leader_worker_sets,
            failures=dict(self.failures),
            tenant_policies=tuple(self.policies.values()),
            namespaces=tuple(self.namespaces.values()),
            settings=self.settings,
            **fields,
        )

    @property
    def pods(self) -> list[PodView]:
        """Pods of all workloads."""
        return [pod for workload in self.workloads.values() for pod in workload.pods]

    def plan(self, **fields: Any) -> Plan:
        """A plan for this moment."""
        return plan(self.snapshot(**fields), self.cache)

    # the API server

    def apply(self, made: Plan) -> None:
        """Carry out a plan, and store its statuses."""
        for action in made.actions:
            self._act(action)
        for key, status in made.statuses.items():
            self.deployments[key] = replace(self.deployments[key], status=status)
        for name, status in made.pool_statuses.items():
            self.pools[name] = replace(self.pools[name], status=status)
        for name, status in made.policy_statuses.items():
            self.policies[name] = replace(self.policies[name], status=status)

    def _act(self, action: Action) -> None:
        if isinstance(action, Create):
            self._create(action)
        elif isinstance(action, SetDeletionCost):
            self._mark(action)
        elif (beside := self._beside(action.kind)) is None:
            self._change(action)
        elif isinstance(action, Apply):
            beside[action.key] = self._stored(action.manifest, action.uid)
        else:
            assert isinstance(action, Delete)
            del beside[action.key]

    def _beside(self, kind: Kind) -> dict[NamespacedName, Object] | None:
        """The store of a kind that stands beside the workloads; ``None`` for workloads."""
        return {names.SERVICES: self.services, names.NETWORK_POLICIES: self.network_policies}.get(kind)

    def _create(self, action: Create) -> None:
        beside = self._beside(action.kind)
        store: Mapping[NamespacedName, Any] = self.workloads if beside is None else beside
        if action.key in store or action.key in self.taken_names:
            self.failures[action.deployment] = WriteFailure(Reason.NAME_CONFLICT, f"{action.key} exists", self.now_seconds)
            return
        stored = self._stored(action.manifest, f"uid-{next(self._numbers)}")
        if beside is not None:
            beside[action.key] = stored
        else:
            self.workloads[action.key] = Workload(stored)

    def _change(self, action: Apply | Scale | Adopt | Delete) -> None:
        workload = self.workloads[action.key]
        metadata = workload.stored["metadata"]
        assert metadata["uid"] == action.uid, "an action on another object of that name"
        assert workload.stored["kind"] == action.kind.kind, "an action on another kind of object"
        if isinstance(action, Delete):
            metadata["deletionTimestamp"] = "now"
        elif isinstance(action, Adopt):
            metadata["ownerReferences"] = [*action.owners]
        elif isinstance(action, Scale):
            workload.spec["replicas"] = action.replicas
            metadata["generation"] += 1
        else:
            workload.stored = self._stored(action.manifest, action.uid)

    def _mark(self, action: SetDeletionCost) -> None:
        for workload in self.workloads.values():
            workload.pods = [replace(pod, marked=True) if pod.uid == action.uid else pod for pod in workload.pods]

    def _stored(self, manifest: Mapping[str, Any], uid: str) -> Object:
        metadata = dict(manifest["metadata"]) | {"uid": uid, "generation": next(self._numbers)}
        return dict(manifest) | {"metadata": metadata, "spec": dict(manifest["spec"])}

    # controllers, scheduler and kubelets

    def settle(self, rounds: int = 12) -> bool:
        """Let time pass until nothing moves any more; whether anything moved."""
        for turn in range(rounds):
            before = [list(workload.pods) for workload in self.workloads.values()]
            self.step()
            if before == [list(workload.pods) for workload in self.workloads.values()]:
                return turn > 0
        return True

    def step(self) -> None:
        """One round of everyone."""
        self.now_seconds += STEP_SECONDS
        self._end_pods()
        self._evict()
        for key, workload in list(self.workloads.items()):
            if workload.deleting:
                self._remove(workload, [workload.pods])
                if not workload.pods:
                    del self.workloads[key]
            else:
                self._control(workload)
        self._schedule()
        self._start_pods()

    def _end_pods(self) -> None:
        for workload in self.workloads.values():
            if self.drains:
                workload.pods = [pod for pod in workload.pods if not pod.deleting]

    def _control(self, workload: Workload) -> None:
        """Replicas that are too many go, missing ones come, old ones are replaced one by one."""
        replicas, view = workload.spec["replicas"], workload.view
        self._remove(workload, [group for group in self._groups(workload) if len(group) < view.nodes_per_replica])
        live = self._groups(workload)
        old = [group for group in live if workload.digests[group[0].uid] != workload.digest]
        surge = 1 if old and _surges(workload.spec) else 0
        if len(live) > replicas + surge:
            self._remove(workload, self._surplus(workload, live)[: len(live) - replicas - surge])
        else:
            self._remove(workload, _replaceable(old, live, replicas if surge else replicas - 1))
        for group in self._missing(workload, replicas + surge, len(live)):
            self._add(workload, view, group)

    def _groups(self, workload: Workload) -> list[list[PodView]]:
        groups: dict[str, list[PodView]] = {}
        for pod in workload.pods:
            if not pod.deleting:
                groups.setdefault(pod.group or pod.uid, []).append(pod)
        return list(groups.values())

    def _surplus(self, workload: Workload, live: list[list[PodView]]) -> list[list[PodView]]:
        """Groups in the order in which their controller removes them."""
        if workload.view.nodes_per_replica > 1:  # the highest number first
            return sorted(live, key=lambda group: -int(group[0].group))
        return sorted(live, key=lambda group: (bool(group[0].node), not group[0].marked, group[0].ready, -_number(group[0])))

    def _missing(self, workload: Workload, wanted: int, live: int) -> list[str]:
        """Names of the groups that are to come: numbers of a LeaderWorkerSet whose pods are all gone, else no names."""
        if workload.view.nodes_per_replica == 1:
            return [""] * (wanted - live)
        there = {pod.group for pod in workload.pods}
        return [str(number) for number in range(wanted) if str(number) not in there]

    def _remove(self, workload: Workload, groups: list[list[PodView]]) -> None:
        gone = {pod.uid for group in groups for pod in group}
        ends = self.now_seconds + self.grace_seconds if self.grace_seconds else 0.0
        workload.pods = [
            replace(pod, deleting=True, grace_ends_seconds=ends) if pod.uid in gone and not pod.deleting else pod
            for pod in workload.pods
        ]

    def _add(self, workload: Workload, view: WorkloadView, group: str) -> None:
        (resource,) = _resources(workload.spec)
        for rank in range(view.nodes_per_replica):
            number = next(self._numbers)
            pod = PodView(
                key=NamespacedName(view.key.namespace, f"{view.key.name}-{number}"),
                uid=f"pod-{number}",
                node="",
                devices={resource: view.devices_per_replica // view.nodes_per_replica},
                created_seconds=self.now_seconds,
                workload=view.key.name,
                leader=rank == 0,
                group=group,
                controller_uid=f"{view.uid}-{workload.digest}",
                requests=pod_resources(_template(workload.spec)["spec"])[1],
            )
            workload.pods.append(pod)
            workload.digests[pod.uid] = workload.digest
            workload.images[pod.uid] = workload.image
            if self.broken_arguments & set(_template(workload.spec)["spec"]["containers"][0]["args"]):
                self.missing_pods.add(pod.uid)

    def _schedule(self) -> None:
        """Pods of higher priority classes first, as the scheduler's queue does."""
        by_class = sorted(self.workloads.values(), key=lambda item: str(_template(item.spec)["spec"]["priorityClassName"]))
        for workload in by_class:
            spec = _template(workload.spec)["spec"]
            for index, pod in enumerate(workload.pods):
                if not pod.node and not pod.deleting:
                    found = self._node_for(pod, spec)
                    workload.pods[index] = replace(pod, node=found, **self._bound(pod, found))

    def _bound(self, pod: PodView, node: str) -> dict[str, Any]:
        """What a pod shows once the scheduler has tried."""
        if node:
            return {"stage": Stage.BOUND, "problem": None, "bound_seconds": self.now_seconds}
        words = "Insufficient devices" + (", had untolerated taint" if self.tainted else "")
        said = problem(words, "Unschedulable", "scheduler", since_seconds=pod.created_seconds)
        return {"problem": said}

    def _node_for(self, pod: PodView, spec: Mapping[str, Any]) -> str:
        ((resource, count),) = pod.devices.items()
        rooms = [
            (self.free(node, resource), node.name)
            for node in self.nodes.values()
            if node.ready and node.schedulable and node.name not in self.tainted and _selects(spec, node.labels)
            if _tolerates(spec, node.taints, "NoSchedule", "NoExecute") and self._has_compute(node, pod.requests)
        ]
        fitting = sorted(room for room in rooms if room[0] >= count) if self.best_fit else [r for r in rooms if r[0] >= count]
        return fitting[0][1] if fitting else ""

    def _has_compute(self, node: NodeView, requests: Compute) -> bool:
        there = (pod.requests for pod in (*self.foreign.values(), *self.pods) if pod.node == node.name)
        reserved = reduce(Compute.plus, there, self.background.get(node.name, Compute()))
        return node.compute is None or min(node.compute.minus(reserved).minus(requests)) >= 0

    def _evict(self) -> None:
        for workload in self.workloads.values():
            spec = _template(workload.spec)["spec"]
            self._remove(
                workload,
                [
                    [pod]
                    for pod in workload.pods
                    if pod.node in self.nodes and not _tolerates(spec, self.nodes[pod.node].taints, "NoExecute")
                ],
            )

    def free(self, node: NodeView, resource: str) -> int:
        """Devices of a node that no pod holds, terminating pods counted."""
        held = sum(pod.devices.get(resource, 0) for pod in (*self.foreign.values(), *self.pods) if pod.node == node.name)
        return node.allocatable.get(resource, 0) - held

    def _start_pods(self) -> None:
        for workload in self.workloads.values() if self.starts else ():
            whole = {group[0].group for group in self._groups(workload) if all(pod.node for pod in group)}
            workload.pods = [
                self._started(pod, workload.images[pod.uid])
                if pod.node and not pod.ready and not pod.deleting and (pod.group in whole)
                else pod
                for pod in workload.pods
            ]

    def _started(self, pod: PodView, image: str) -> PodView:
        if image in self.missing or pod.uid in self.missing_pods:
            said = problem(f"ErrImagePull: {image} not found", "ImageUnavailable", "kubelet", since_seconds=pod.created_seconds)
            return replace(pod, problem=said)
        return replace(pod, ready=True, ready_seconds=self.now_seconds, stage=Stage.SERVING)


def _replaceable(old: list[list[PodView]], live: list[list[PodView]], least: int) -> list[list[PodView]]:
    """Old groups that a rolling update removes now, as a Deployment's controller counts: ``least`` groups stay available."""
    new_and_waiting = [group for group in live if group not in old and not _is_available(group)]
    room = len(live) - least - len(new_and_waiting)
    waiting = [group for group in old if not _is_available(group)][: max(0, room)]
    available = [group for group in old if _is_available(group)]
    spare = sum(map(_is_available, live)) - least
    return [*waiting, *available[: max(0, min(spare, room - len(waiting)))]]


def _is_available(group: list[PodView]) -> bool:
    return all(pod.ready for pod in group)


def _tolerates(spec: Mapping[str, Any], taints: Iterable[Taint], *effects: str) -> bool:
    """Whether no taint of these effects has a key that the pod does not tolerate."""
    keys = {toleration.get("key") for toleration in spec.get("tolerations", ())}
    return all(taint.key in keys for taint in taints if taint.effect in effects)


def _selects(spec: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a pod may run on a node with these labels: its selector, and one term of its required affinity."""
    required = spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = required["nodeSelectorTerms"] if required else [{"matchExpressions": []}]
    return spec["nodeSelector"].items() <= labels.items() and any(
        all(_meets(expression, labels) for expression in term["matchExpressions"]) for term in terms
    )


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    assert operator in ("In", "DoesNotExist")
    return key not in labels if operator == "DoesNotExist" else labels.get(key) in expression["values"]


def _surges(spec: Mapping[str, Any]) -> bool:
    update = spec.get("strategy", {}).get("rollingUpdate") or spec["rolloutStrategy"]["rollingUpdateConfiguration"]
    return bool(update["maxSurge"])


def _template(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = spec.get("template") or spec["leaderWorkerTemplate"]["leaderTemplate"]
    return found


def _resources(spec: Mapping[str, Any]) -> Iterable[str]:
    return tuple(_template(spec)["spec"]["containers"][0]["resources"]["limits"])


def _number(pod: PodView) -> int:
    return int(pod.uid.removeprefix("pod-"))


def rest(world: World, *, rounds: int = 25, **fields: Any) -> Plan:
    """Plan and carry out until there is nothing to do; the last, empty plan.

    Raises:
        AssertionError: the plans do not come to an end.
    """
    for _ in range(rounds):
        made = world.plan(**fields)
        world.apply(made)
        if not world.settle() and not made.actions:
            return world.plan(**fields)
    raise AssertionError(f"no rest after {rounds} rounds: {[(type(a).__name__, a.key) for a in made.actions]}")
