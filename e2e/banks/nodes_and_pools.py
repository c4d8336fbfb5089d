"""The AcceleratorPools of an institution, and the kwok nodes that simulate its servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from banks.matrix import ACCELERATORS, Institution, Matrix, ServerAccelerator

SCHEDULER = "modelmatrix-binpack"
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}

Manifest = dict[str, Any]


def pool_name(bank: Institution, pool: Manifest) -> str:
    """The name of the AcceleratorPool; it contains the institution because pools are cluster-scoped."""
    return f"{bank.id}-{pool['name']}"


def accelerator_pool(bank: Institution, pool: Manifest) -> Manifest:
    """The AcceleratorPool manifest of a pool."""
    accelerator = ACCELERATORS[pool["accelerator"]]
    spec: Manifest = {
        "accelerator": accelerator.accelerator,
        "resourceName": accelerator.resource,
        "nodeSelector": {"modelmatrix.io/pool": pool_name(bank, pool)},
        "schedulerName": SCHEDULER,
        "site": pool["site"],
        "price": {"amount": accelerator.price, "currency": "CNY"},
    }
    if accelerator.tainted:
        spec["tolerations"] = [{"key": TAINT["key"], "operator": "Exists", "effect": TAINT["effect"]}]
    return {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": pool_name(bank, pool)},
        "spec": spec,
    }


def nodes(matrix: Matrix, bank: Institution) -> Iterator[Manifest]:
    """The node manifests of all pools of an institution."""
    for pool in bank.pools:
        for index in range(pool["nodes"]):
            yield kwok_node(
                f"{pool_name(bank, pool)}-{index}",
                pool_name(bank, pool),
                ACCELERATORS[pool["accelerator"]],
                matrix.devices_per_node[pool["accelerator"]],
            )


def kwok_node(name: str, pool: str, accelerator: ServerAccelerator, devices: int) -> Manifest:
    """A node that kwok simulates, with the labels, taints and resources of a real one."""
    resources = {"cpu": str(accelerator.cpu), "memory": accelerator.memory, "pods": "110", accelerator.resource: str(devices)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/arch": accelerator.architecture,
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "modelmatrix.io/pool": pool,
                **accelerator.labels,
            },
        },
        "spec": {"taints": [TAINT]} if accelerator.tainted else {},
        "status": {"allocatable": resources, "capacity": resources},
    }
