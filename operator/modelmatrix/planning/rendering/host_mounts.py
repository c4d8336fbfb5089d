"""Paths of the node that a pod needs: the accelerator's driver where no device runtime brings it, and what the pool adds."""

from __future__ import annotations

from modelmatrix.api.accelerator_pool import Driver, HostMount
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.workload_target import WorkloadTarget


def host_paths(target: WorkloadTarget) -> list[HostMount]:
    """The mounts, each path once; those of the pool win."""
    given = {item.host_path: item for item in target.pool_spec.host_mounts}
    return list({**_driver_paths(target), **given}.values())


def host_mounts(paths: list[HostMount]) -> list[Manifest]:
    """Mounts of the container."""
    return [
        {"name": f"host-{index}", "mountPath": item.mount_path or item.host_path, "readOnly": item.read_only}
        for index, item in enumerate(paths)
    ]


def host_volumes(paths: list[HostMount]) -> list[Manifest]:
    """Volumes of the pod."""
    return [{"name": f"host-{index}", "hostPath": {"path": item.host_path}} for index, item in enumerate(paths)]


def _driver_paths(target: WorkloadTarget) -> dict[str, HostMount]:
    if target.pool_spec.driver is not Driver.HOST:
        return {}
    grouped = target.layout.nodes > 1
    return {
        item.path: HostMount(host_path=item.path) for item in target.accelerator.driver_mounts if grouped or not item.multi_node
    }
