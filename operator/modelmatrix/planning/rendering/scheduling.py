"""Where the scheduler may put a pod, and where it should."""

from __future__ import annotations

from modelmatrix.api import names
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.targets import WorkloadTarget

LARGEST_WEIGHT = 100


def scheduling(target: WorkloadTarget) -> Manifest:
    """Fields of the pod's spec: the pool's nodes, and on them those that are in use already."""
    pool = target.pool_spec
    spec: Manifest = {
        "priorityClassName": f"{names.PRIORITY_CLASS_PREFIX}{target.spec.priority.lower()}",
        "nodeSelector": dict(sorted(pool.node_selector.items())),
    }
    if pool.tolerations:
        spec["tolerations"] = [item.model_dump(by_alias=True, exclude_none=True) for item in pool.tolerations]
    if pool.scheduler_name:
        spec["schedulerName"] = pool.scheduler_name
    return spec if target.layout.nodes > 1 else spec | _packing(target)


def _packing(target: WorkloadTarget) -> Manifest:
    """Keep whole nodes whole for the replicas that need them, whatever the scheduler.

    The spread is needed because without one the default scheduler spreads a Service's pods over all nodes.
    """
    on_pool = {"labelSelector": {"matchLabels": {names.LABEL_POOL: target.pool}}, "namespaceSelector": {}}
    near = {"weight": LARGEST_WEIGHT, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", **on_pool}}
    zones = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {names.LABEL_DEPLOYMENT: target.deployment.key.name}},
    }
    return {
        "affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [near]}},
        "topologySpreadConstraints": [zones],
    }
