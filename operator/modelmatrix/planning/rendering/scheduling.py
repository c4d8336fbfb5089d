"""Where the scheduler may put a pod, and where it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from modelmatrix.api import names
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.workload_target import WorkloadTarget

LARGEST_WEIGHT = 100


def scheduling(target: WorkloadTarget) -> Manifest:
    """Fields of the pod's spec: the pool's nodes that have its accelerator, preferably those in use already."""
    pool = target.pool_spec
    affinity = _of_accelerator(target.accelerator.labels) | (_near_others(target) if target.layout.nodes == 1 else {})
    spec: Manifest = {
        "priorityClassName": f"{names.PRIORITY_CLASS_PREFIX}{target.priority.lower()}",
        "nodeSelector": dict(sorted(pool.node_selector.items())),
    }
    if pool.tolerations:
        spec["tolerations"] = [toleration.model_dump(by_alias=True, exclude_none=True) for toleration in pool.tolerations]
    if pool.scheduler_name:
        spec["schedulerName"] = pool.scheduler_name
    if affinity:
        spec["affinity"] = affinity
    if target.layout.nodes == 1:
        spec["topologySpreadConstraints"] = [_over_zones(target)]
    return spec


def _of_accelerator(labels: Mapping[str, Sequence[str]]) -> Manifest:
    """Excludes nodes whose vendor labels show another accelerator, because the inventory leaves them out.

    A node without the label counts, so each label is either right or missing.
    """
    if not labels:
        return {}
    right_or_missing = (
        ({"key": label, "operator": "In", "values": list(values)}, {"key": label, "operator": "DoesNotExist"})
        for label, values in sorted(labels.items())
    )
    terms = [{"matchExpressions": list(term)} for term in product(*right_or_missing)]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _near_others(target: WorkloadTarget) -> Manifest:
    """Keep whole nodes whole for the replicas that need them, whatever the scheduler."""
    on_pool = {"labelSelector": {"matchLabels": {names.LABEL_POOL: target.pool}}, "namespaceSelector": {}}
    near = {"weight": LARGEST_WEIGHT, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", **on_pool}}
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [near]}}


def _over_zones(target: WorkloadTarget) -> Manifest:
    """Without a spread of its own the default scheduler spreads a Service's pods over all nodes."""
    return {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {names.LABEL_DEPLOYMENT: target.owner.name}},
    }
