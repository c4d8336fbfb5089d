"""How one replica is cut over devices and nodes: which cuts are legal, and the smallest legal one that fits. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.models import Model
from modelmatrix.planning.feasibility.device_memory import DeviceMemoryEstimate, ModelFootprint, memory_need

MAX_RANKS = 1024  # of Parallelism; shared devices can make a node look larger than any replica
MAX_NODES = 16  # nothing larger is published, and a search must end


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a replica may use: a chip, the devices that one node has, and the number of such nodes."""

    accelerator: Accelerator
    devices_per_node: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A legal cut of one replica, with the memory of one device."""

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


def devices_of(parallelism: Parallelism) -> int:
    """Devices that a replica needs; expert parallelism reuses those of tensor and data parallelism."""
    return parallelism.tensor * parallelism.pipeline * parallelism.data


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
    """The layout of a given cut, whether it fits or not."""
    return Layout(
        parallelism=parallelism,
        devices=devices_of(parallelism),
        nodes=nodes_of(parallelism, hardware),
        memory=memory_need(load, parallelism, hardware.accelerator, engine),
    )


def layout_violation(
    parallelism: Parallelism, model: Model, quantization: Quantization, hardware: Hardware, *, engine: Engine
) -> str | None:
    """Why the cut cannot run, with what could; ``None`` when it is legal."""
    checks = (
        _wrong_experts(parallelism, model),
        _wrong_heads(parallelism, model),
        _wrong_stages(parallelism, model, engine),
        _wrong_block(parallelism, model, quantization),
        _wrong_count(parallelism, hardware),
        _wrong_spread(parallelism, hardware, engine),
    )
    return next((text for text in checks if text is not None), None)


def _candidates(model: Model, hardware: Hardware, engine: Engine) -> Iterator[Parallelism]:
    """Cuts worth trying, the cheapest first: one node by tensor, then tensor and data; then whole nodes by pipeline."""
    chip = hardware.accelerator
    for count in chip.device_counts:
        if count <= hardware.devices_per_node:
            yield from _one_node_cuts(model, count)
    if engine.multi_node and model.key_value_layers != 0:  # encoders fit one device
        for nodes in range(2, min(MAX_NODES, hardware.nodes) + 1):
            yield from _multi_node_cuts(model, hardware.devices_per_node, nodes, engine)


def _one_node_cuts(model: Model, count: int) -> Iterator[Parallelism]:
    yield Parallelism(tensor=count)
    if model.experts is None:
        return
    data = 2
    while data <= count:
        if count % data == 0:
            yield Parallelism(tensor=count // data, data=data, expert=count)
        data *= 2


def _multi_node_cuts(model: Model, devices: int, nodes: int, engine: Engine) -> Iterator[Parallelism]:
    if devices * nodes > MAX_RANKS:
        return
    if engine.pipelines:
        yield Parallelism(tensor=devices, pipeline=nodes)
    if model.experts is not None:
        yield Parallelism(tensor=devices, data=nodes, expert=devices * nodes)
    if not engine.pipelines:
        yield Parallelism(tensor=devices * nodes)


def _wrong_experts(parallelism: Parallelism, model: Model) -> str | None:
    expert, ranks = parallelism.expert, parallelism.tensor * parallelism.data
    if expert == 1:
        return None
    if model.experts is None:
        return f"expert {expert}: {model.id} has no experts; leave expert out"
    if expert != ranks:
        return f"expert {expert} must be 1 or tensor x data = {ranks}"
    if model.experts.count % expert:
        return f"expert {expert} does not divide the {model.experts.count} experts of {model.id}"
    return None


def _wrong_heads(parallelism: Parallelism, model: Model) -> str | None:
    tensor, heads, shared = parallelism.tensor, model.attention_heads, model.key_value_heads
    if heads % tensor:
        return f"tensor {tensor} does not divide the {heads} attention heads of {model.id}; use {_divisors(heads)}"
    if shared % tensor and tensor % shared:
        return f"tensor {tensor} fits neither into nor over the {shared} key-value heads of {model.id}"
    return None


def _wrong_stages(parallelism: Parallelism, model: Model, engine: Engine) -> str | None:
    if parallelism.pipeline > 1 and not engine.pipelines:
        return f"pipeline {parallelism.pipeline}: {engine.name} has no pipeline parallelism"
    if parallelism.pipeline > model.layers:
        return f"pipeline {parallelism.pipeline} is more than the {model.layers} layers of {model.id}"
    return None


def _wrong_block(parallelism: Parallelism, model: Model, quantization: Quantization) -> str | None:
    block = model.fp8_block_size if quantization is Quantization.FP8 else 0
    if not block:
        return None
    width = model.experts.intermediate_size if model.experts else model.intermediate_size
    ranks = 1 if model.experts and parallelism.expert > 1 else parallelism.tensor  # expert parallelism cuts no expert
    if width % ranks or (width // ranks) % block:
        return (
            f"tensor {parallelism.tensor} cuts the width {width} of {model.id} into {width / ranks:g}, "
            f"which is no multiple of the FP8 block of {block}; use a smaller tensor, or expert parallelism"
        )
    return None


def _wrong_count(parallelism: Parallelism, hardware: Hardware) -> str | None:
    devices, chip = devices_of(parallelism), hardware.accelerator
    if devices > hardware.devices_per_node:
        return None
    if devices not in chip.device_counts:
        counts = ", ".join(str(count) for count in chip.device_counts)
        return f"{devices} {chip.unit}s: {chip.id} can be asked for {counts} {chip.unit}s a pod"
    return None


def _wrong_spread(parallelism: Parallelism, hardware: Hardware, engine: Engine) -> str | None:
    devices, width = devices_of(parallelism), hardware.devices_per_node
    if devices <= width:
        return None
    if not engine.multi_node:
        return f"{devices} devices are more than the {width} of a node, and {engine.name} runs on one node only"
    if devices % width:
        return f"{devices} devices are no whole nodes of {width}; a replica of several nodes uses them whole"
    within = parallelism.tensor * parallelism.pipeline
    if parallelism.data > 1 and width % within and within % width:
        return (
            f"data {parallelism.data} with tensor x pipeline = {within} on nodes of {width} devices: a data-parallel rank "
            "must be a part of a node that divides it, or whole nodes"
        )
    return None


def _divisors(number: int) -> str:
    return ", ".join(str(divisor) for divisor in range(1, 65) if number % divisor == 0)
