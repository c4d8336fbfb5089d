"""Pools of an institution, and KWOK nodes that stand for its servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from banks.matrix import CHIPS, Chip, Institution, Matrix

SCHEDULER = "modelmatrix-binpack"
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}

Manifest = dict[str, Any]


def pool_name(bank: Institution, pool: Manifest) -> str:
    """Name of the AcceleratorPool: pools are cluster-scoped, and institutions share names."""
    return f"{bank.id}-{pool['name']}"


def accelerator_pool(bank: Institution, pool: Manifest) -> Manifest:
    """The AcceleratorPool of a pool."""
    chip = CHIPS[pool["accelerator"]]
    spec: Manifest = {
        "accelerator": chip.accelerator,
        "resourceName": chip.resource,
        "nodeSelector": {"modelmatrix.io/pool": pool_name(bank, pool)},
        "schedulerName": SCHEDULER,
        "site": pool["site"],
        "price": {"amount": chip.price, "currency": "CNY"},
    }
    if chip.tainted:
        spec["tolerations"] = [{"key": TAINT["key"], "operator": "Exists", "effect": TAINT["effect"]}]
    return {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": pool_name(bank, pool)},
        "spec": spec,
    }


def nodes(matrix: Matrix, bank: Institution) -> Iterator[Manifest]:
    """The nodes of all pools."""
    for pool in bank.pools:
        for index in range(pool["nodes"]):
            yield kwok_node(
                f"{pool_name(bank, pool)}-{index}",
                pool_name(bank, pool),
                CHIPS[pool["accelerator"]],
                matrix.devices_per_node[pool["accelerator"]],
            )


def kwok_node(name: str, pool: str, chip: Chip, devices: int) -> Manifest:
    """A node that KWOK keeps alive, with the labels, taints and resources of a real one."""
    resources = {"cpu": str(chip.cpu), "memory": chip.memory, "pods": "110", chip.resource: str(devices)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/arch": chip.architecture,
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": name,
                "modelmatrix.io/pool": pool,
                **chip.labels,
            },
        },
        "spec": {"taints": [TAINT]} if chip.tainted else {},
        "status": {"allocatable": resources, "capacity": resources},
    }
