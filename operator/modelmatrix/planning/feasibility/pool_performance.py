"""What a replica of a layout can do: the timing and the limits that scaling starts from. Pure."""

from __future__ import annotations

from typing import NamedTuple

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.catalogue.accelerators import Accelerator, Teraflops
from modelmatrix.catalogue.models import Model
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.performance.roofline import prior_limits, prior_timing
from modelmatrix.planning.feasibility.device_memory import GIB, ModelFootprint, kv_cache_bytes, total_weight_bytes
from modelmatrix.planning.feasibility.layouts import Layout

_EIGHT_BIT = (Quantization.FP8, Quantization.W8A8, Quantization.W8A8SC, Quantization.W4A8)


class ReplicaPerformance(NamedTuple):
    """Prior timing and limits of one replica, from published figures; measurements refine them later."""

    timing: EngineTiming
    limits: EngineLimits


def replica_performance(
    load: ModelFootprint, quantization: Quantization, accelerator: Accelerator, layout: Layout
) -> ReplicaPerformance:
    """Prior timing and limits of a layout."""
    model = load.model
    eight_bit = _computes_in_eight_bit(quantization, accelerator.teraflops)
    timing = prior_timing(model, total_weight_bytes(load), layout.parallelism, accelerator, eight_bit=eight_bit)
    memory = layout.memory
    free = (memory.budget_gibibytes - memory.weights_gibibytes - memory.overhead_gibibytes) * GIB
    per_token = _growth_bytes_per_token(model, layout.parallelism, memory.key_value_bits)
    return ReplicaPerformance(timing, prior_limits(model, free, per_token, layout.parallelism.data))


def _computes_in_eight_bit(quantization: Quantization, peak: Teraflops) -> bool:
    """Whether the accelerator computes in the format: else it stores weights in 8 bit and computes in 16."""
    return quantization in _EIGHT_BIT and bool(peak.fp8 if quantization is Quantization.FP8 else peak.int8)


def _growth_bytes_per_token(model: Model, parallelism: Parallelism, bits: int) -> float:
    """Bytes of cache that one more token takes on a device, without what a sequence takes whatever its length."""
    long = model.max_position_embeddings
    longer, usual = (kv_cache_bytes(model, tokens, parallelism, bits=bits) for tokens in (long + 1, long))
    return longer - usual
