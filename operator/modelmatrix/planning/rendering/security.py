"""Security contexts that Pod Security ``restricted`` accepts."""

from __future__ import annotations

from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.workload_target import WorkloadTarget

NON_ROOT_USER = 1000


def pod_security(target: WorkloadTarget) -> Manifest:
    """Of the pod; device files may need more groups."""
    security: Manifest = {
        "runAsNonRoot": True,
        "runAsUser": NON_ROOT_USER,
        "runAsGroup": NON_ROOT_USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if target.pool_spec.supplemental_groups:
        security["supplementalGroups"] = list(target.pool_spec.supplemental_groups)
    return security


def container_security() -> Manifest:
    """Of every container, init containers too."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
