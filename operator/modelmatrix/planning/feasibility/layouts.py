"""How one replica is split over devices and nodes, and the smallest legal split that fits. Pure.

Candidates come in the order of their cost. On one node: tensor parallelism over 1, 2, 4 ... devices; a mixture of experts also
data parallelism beside it, which shares the experts and divides the attention less. On several nodes, for memory only:
pipeline stages of whole nodes, data-parallel ranks of whole nodes, or tensor parallelism over nodes where the engine has no
pipelines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.models import Model
from modelmatrix.planning.feasibility.device_memory import DeviceMemoryEstimate, ModelFootprint, memory_need
from modelmatrix.planning.feasibility.layout_checks import Hardware, devices_of, layout_violation

MAX_RANKS = 1024  # of Parallelism; shared devices can make a node look larger than any replica
MAX_NODES = 16  # nothing larger is published, and a search must end


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to split one replica over devices, with the memory of one device."""

    parallelism: Parallelism
    devices: int
    nodes: int
    memory: DeviceMemoryEstimate

    @property
    def devices_per_node(self) -> int:
        """Devices that the replica uses on each of its nodes."""
        return self.devices // self.nodes


@dataclass(frozen=True, slots=True)
class LayoutSearchResult:
    """Outcome of the search: the smallest layout that fits, or the largest that was tried and what was in the way."""

    layout: Layout | None
    largest: Layout | None


def nodes_of(parallelism: Parallelism, hardware: Hardware) -> int:
    """Nodes that a replica needs when every one but a single one is used whole."""
    return max(1, -(-devices_of(parallelism) // max(1, hardware.devices_per_node)))


def find_layout(load: ModelFootprint, quantization: Quantization, hardware: Hardware, engine: Engine) -> LayoutSearchResult:
    """The smallest legal layout whose memory fits: fewest devices first, one node before several."""
    largest: Layout | None = None
    for layout in legal_layouts(load, quantization, hardware, engine):
        if layout.memory.fits:
            return LayoutSearchResult(layout, largest)
        largest = layout
    return LayoutSearchResult(None, largest)


def legal_layouts(load: ModelFootprint, quantization: Quantization, hardware: Hardware, engine: Engine) -> Iterator[Layout]:
    """Legal layouts that are worth trying, the smallest first, whether their memory fits or not."""
    for parallelism in _candidates(load.model, hardware, engine):
        if layout_violation(parallelism, load.model, quantization, hardware, engine=engine) is None:
            yield build_layout(load, parallelism, hardware, engine)


def build_layout(load: ModelFootprint, parallelism: Parallelism, hardware: Hardware, engine: Engine) -> Layout:
    """The layout of a given parallelism, whether it fits or not."""
    return Layout(
        parallelism=parallelism,
        devices=devices_of(parallelism),
        nodes=nodes_of(parallelism, hardware),
        memory=memory_need(load, parallelism, hardware.accelerator, engine),
    )


def _candidates(model: Model, hardware: Hardware, engine: Engine) -> Iterator[Parallelism]:
    """The cheapest first: one node by tensor, then by tensor and data; then whole nodes."""
    for count in hardware.accelerator.device_counts:
        if count <= hardware.devices_per_node:
            yield from _on_one_node(model, count)
    if engine.multi_node and model.key_value_layers != 0:  # encoders fit one device
        for nodes in range(2, min(MAX_NODES, hardware.nodes) + 1):
            yield from _on_several_nodes(model, hardware.devices_per_node, nodes, engine)


def _on_one_node(model: Model, count: int) -> Iterator[Parallelism]:
    yield Parallelism(tensor=count)
    if model.experts is None:
        return
    data = 2
    while data <= count:
        if count % data == 0:
            yield Parallelism(tensor=count // data, data=data, expert=count)
        data *= 2


def _on_several_nodes(model: Model, devices: int, nodes: int, engine: Engine) -> Iterator[Parallelism]:
    if devices * nodes > MAX_RANKS:
        return
    if engine.pipelines:
        yield Parallelism(tensor=devices, pipeline=nodes)
    if model.experts is not None:
        yield Parallelism(tensor=devices, data=nodes, expert=devices * nodes)
    if not engine.pipelines:
        yield Parallelism(tensor=devices * nodes)
