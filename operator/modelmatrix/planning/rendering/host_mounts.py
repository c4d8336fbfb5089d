"""Paths of the node that a pod needs: the accelerator's driver where no device runtime brings it, and what the pool adds."""

from __future__ import annotations

from modelmatrix.api.accelerator_pool import Driver, HostMount
from modelmatrix.planning.rendering.manifest import Manifest
from modelmatrix.planning.rendering.workload_target import WorkloadTarget


def host_paths(target: WorkloadTarget) -> list[HostMount]:
    """The mounts, each path once; those of the pool win."""
    given = {mount.host_path: mount for mount in target.pool_spec.host_mounts}
    return list({**_driver_paths(target), **given}.values())


def host_mounts(paths: list[HostMount]) -> list[Manifest]:
    """Mounts of the container."""
    return [
        {"name": f"host-{index}", "mountPath": mount.mount_path or mount.host_path, "readOnly": mount.read_only}
        for index, mount in enumerate(paths)
    ]


def host_volumes(paths: list[HostMount]) -> list[Manifest]:
    """Volumes of the pod."""
    return [{"name": f"host-{index}", "hostPath": {"path": mount.host_path}} for index, mount in enumerate(paths)]


def _driver_paths(target: WorkloadTarget) -> dict[str, HostMount]:
    if target.pool_spec.driver is not Driver.HOST:
        return {}
    grouped = target.layout.nodes > 1
    return {
        mount.path: HostMount(host_path=mount.path)
        for mount in target.accelerator.driver_mounts
        if grouped or not mount.multi_node
    }
