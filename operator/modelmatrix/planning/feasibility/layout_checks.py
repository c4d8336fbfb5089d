"""Which ways to split a replica over devices an engine can run. Pure.

Each check is one law of parallelism and answers with what could run instead. The first violation is reported, so ``CHECKS`` is
ordered from what the model forbids to what the nodes forbid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.models import Model


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a replica may use: an accelerator, the devices that one node has, and the number of such nodes."""

    accelerator: Accelerator
    devices_per_node: int
    nodes: int


@dataclass(frozen=True, slots=True)
class LayoutCandidate:
    """One way to split a model over devices."""

    parallelism: Parallelism
    model: Model
    quantization: Quantization
    hardware: Hardware
    engine: Engine


Check = Callable[[LayoutCandidate], str | None]


def devices_of(parallelism: Parallelism) -> int:
    """Devices that a replica needs; expert parallelism reuses those of tensor and data parallelism."""
    return parallelism.tensor * parallelism.pipeline * parallelism.data


def layout_violation(
    parallelism: Parallelism, model: Model, quantization: Quantization, hardware: Hardware, *, engine: Engine
) -> str | None:
    """Why the layout cannot run, with what could; ``None`` when it is legal."""
    candidate = LayoutCandidate(parallelism, model, quantization, hardware, engine)
    return next((violation for check in CHECKS if (violation := check(candidate)) is not None), None)


def _experts_do_not_divide(candidate: LayoutCandidate) -> str | None:
    parallelism, model = candidate.parallelism, candidate.model
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


def _heads_do_not_divide(candidate: LayoutCandidate) -> str | None:
    tensor, model = candidate.parallelism.tensor, candidate.model
    heads, shared = model.attention_heads, model.key_value_heads
    if heads % tensor:
        return f"tensor {tensor} does not divide the {heads} attention heads of {model.id}; use {_divisors(heads)}"
    if shared % tensor and tensor % shared:
        return f"tensor {tensor} fits neither into nor over the {shared} key-value heads of {model.id}"
    return None


def _stages_are_too_many(candidate: LayoutCandidate) -> str | None:
    pipeline, model = candidate.parallelism.pipeline, candidate.model
    if pipeline > 1 and not candidate.engine.pipelines:
        return f"pipeline {pipeline}: {candidate.engine.name} has no pipeline parallelism"
    if pipeline > model.layers:
        return f"pipeline {pipeline} is more than the {model.layers} layers of {model.id}"
    return None


def _fp8_blocks_are_split(candidate: LayoutCandidate) -> str | None:
    parallelism, model = candidate.parallelism, candidate.model
    block = model.fp8_block_size if candidate.quantization is Quantization.FP8 else 0
    if not block:
        return None
    width = model.experts.intermediate_size if model.experts else model.intermediate_size
    ranks = 1 if model.experts and parallelism.expert > 1 else parallelism.tensor  # expert parallelism splits no expert
    if width % ranks or (width // ranks) % block:
        return (
            f"tensor {parallelism.tensor} splits the width {width} of {model.id} into {width / ranks:g}, "
            f"which is not a multiple of the FP8 block of {block}; use a smaller tensor, or expert parallelism"
        )
    return None


def _count_is_not_offered(candidate: LayoutCandidate) -> str | None:
    devices, accelerator = devices_of(candidate.parallelism), candidate.hardware.accelerator
    if devices > candidate.hardware.devices_per_node or devices in accelerator.device_counts:
        return None
    counts = ", ".join(str(count) for count in accelerator.device_counts)
    return f"{devices} {accelerator.unit}s: a pod can request {counts} {accelerator.unit}s of {accelerator.id}"


def _nodes_are_not_whole(candidate: LayoutCandidate) -> str | None:
    parallelism, engine = candidate.parallelism, candidate.engine
    devices, per_node = devices_of(parallelism), candidate.hardware.devices_per_node
    if devices <= per_node:
        return None
    if not engine.multi_node:
        return f"{devices} devices are more than the {per_node} of a node, and {engine.name} runs on one node only"
    if devices % per_node:
        return f"{devices} devices do not fill whole nodes of {per_node}; a replica of several nodes uses them whole"
    within = parallelism.tensor * parallelism.pipeline
    if parallelism.data > 1 and per_node % within and within % per_node:
        return (
            f"data {parallelism.data} with tensor x pipeline = {within} on nodes of {per_node} devices: a data-parallel rank "
            "must be a part of a node that divides it, or whole nodes"
        )
    return None


def _divisors(number: int) -> str:
    return ", ".join(str(divisor) for divisor in range(1, 65) if number % divisor == 0)


CHECKS: tuple[Check, ...] = (
    _experts_do_not_divide,  # expert parallelism reuses the ranks of tensor and data parallelism, and shares experts evenly
    _heads_do_not_divide,  # every tensor rank computes the same number of attention heads
    _stages_are_too_many,  # a stage has at least one layer, and the engine must have pipelines
    _fp8_blocks_are_split,  # scales belong to blocks of weights, which no rank may get in part
    _count_is_not_offered,  # device plugins offer only some counts to one pod
    _nodes_are_not_whole,  # a replica of several nodes gets all devices of each
)
