"""What a pod of a replica reserves beside its devices, and how many devices of a node that leaves usable. Pure.

A pod reserves CPU and memory in proportion to its devices, so what a node has left of both serves so many further devices. A
node's free devices are counted only as far as they are served: placement needs no second dimension, and what a replica gives
back serves as many devices as it gives back.
"""

from __future__ import annotations

from typing import NamedTuple

from modelmatrix.planning.snapshot.views import Compute

CPU_CORES_PER_DEVICE = 4
MEMORY_GIBIBYTES_PER_DEVICE = 16

_MILLICORES = 1000
_GIBIBYTE = 2**30


class Scarcity(NamedTuple):
    """What of a node serves fewer new devices than are free: its name, what is left of it, and what the node has.

    ``devices`` are the free devices that it does not serve.
    """

    resource: str
    left: int
    total: int
    devices: int

    def __str__(self) -> str:
        return f"{self.left} of {self.total} {self.resource} free"


def served_devices(left: Compute) -> int:
    """Devices for which a node has CPU, memory and room for a pod left; below zero where pods reserve more than it has."""
    by_cpu = left.cpu_millicores // (CPU_CORES_PER_DEVICE * _MILLICORES)
    by_memory = left.memory_bytes // (MEMORY_GIBIBYTES_PER_DEVICE * _GIBIBYTE)
    served = min(by_cpu, by_memory)
    return served if left.pods > 0 else min(served, 0)


def scarcity(left: Compute, total: Compute, free: int) -> Scarcity | None:
    """What keeps some of the free devices from new replicas; ``None`` where all are served."""
    lost = free - max(0, served_devices(left))
    if lost <= 0:
        return None
    if left.pods <= 0:
        return Scarcity("pods", max(0, left.pods), total.pods, lost)
    cpu = Scarcity("CPU cores", max(0, left.cpu_millicores // _MILLICORES), total.cpu_millicores // _MILLICORES, lost)
    memory = Scarcity("GiB of memory", max(0, left.memory_bytes // _GIBIBYTE), total.memory_bytes // _GIBIBYTE, lost)
    return cpu if cpu.left * MEMORY_GIBIBYTES_PER_DEVICE <= memory.left * CPU_CORES_PER_DEVICE else memory
