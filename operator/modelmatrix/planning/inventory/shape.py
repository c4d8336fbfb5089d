"""The shape of a pool: the devices of a whole node, learned and remembered in the pool's status. Pure.

The capacity of a moment is not the shape: while a device plugin restarts or a node boots, a node offers no devices, and one
node of another size does not make the others another pool. A learned size stays while it is that of the largest nodes or of at
least half of the nodes that offer devices. Else, and where nothing was learned for this accelerator, it is that of the largest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec


def learned_size(status: Mapping[str, Any], spec: AcceleratorPoolSpec) -> int:
    """Devices of a whole node from the pool's status; 0 where nothing was learned, or for another accelerator or resource."""
    shape = status.get("shape") or {}
    is_same = (shape.get("accelerator"), shape.get("resourceName")) == (spec.accelerator, spec.resource_name)
    return int(shape.get("devicesPerNode", 0)) if is_same else 0


def shape_size(learned: int, sizes: Mapping[int, int]) -> int:
    """Devices of a whole node, from what was learned and from how many nodes offer how many devices; 0 where none is known."""
    if not sizes:
        return learned
    largest = max(sizes)
    stays = learned in sizes and (learned == largest or 2 * sizes[learned] >= sum(sizes.values()))
    return learned if stays else largest


def shape_status(spec: AcceleratorPoolSpec, size: int) -> dict[str, Any] | None:
    """The shape as the pool's status remembers it; ``None`` where no size is known."""
    if not size:
        return None
    return {"accelerator": spec.accelerator, "resourceName": spec.resource_name, "devicesPerNode": size}
