"""What a replica of an option can do: the timing and the limits that scaling starts from. Pure."""

from __future__ import annotations

from functools import lru_cache

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.catalogue.accelerators import Teraflops
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.models import Model
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.performance.roofline import prior_limits, prior_timing
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.feasibility.device_memory import GIB, ModelFootprint, kv_cache_bytes, total_weight_bytes
from modelmatrix.planning.feasibility.layouts import Layout
from modelmatrix.planning.inventory.pool_state import PoolState

_EIGHT_BIT = (Quantization.FP8, Quantization.W8A8, Quantization.W8A8SC, Quantization.W4A8)


@lru_cache(maxsize=4096)
def performance_of(
    catalogue: Catalogue, model: str, accelerator: str, quantization: Quantization, layout_key: _LayoutKey
) -> tuple[EngineTiming, EngineLimits] | None:
    """Prior timing and limits of a layout; ``None`` when model or chip are unknown."""
    known, chip = catalogue.model(model), catalogue.accelerator(accelerator)
    if known is None or chip is None:
        return None
    layout = layout_key.layout
    load = ModelFootprint(known.facts, catalogue.compatibility.formats[quantization], 1)
    eight_bit = _computes_in_eight_bit(quantization, chip.teraflops)
    timing = prior_timing(known.facts, total_weight_bytes(load), layout.parallelism, chip, eight_bit=eight_bit)
    memory = layout.memory
    free = (memory.budget_gibibytes - memory.weights_gibibytes - memory.overhead_gibibytes) * GIB
    per_token = _growth_bytes_per_token(known.facts, layout.parallelism, memory.key_value_bits)
    return timing, prior_limits(known.facts, free, per_token, layout.parallelism.data)


def performance_on(
    catalogue: Catalogue, model: str, option: PoolOption, pool: PoolState
) -> tuple[EngineTiming, EngineLimits] | None:
    """Prior timing and limits of an option on its pool; ``None`` when it has no layout, or its chip is unknown."""
    layout, chip = option.answer.layout, pool.accelerator
    if layout is None or chip is None:
        return None
    return performance_of(catalogue, model, chip.id, option.quantization, layout_key(layout))


def _computes_in_eight_bit(quantization: Quantization, peak: Teraflops) -> bool:
    """Whether the chip knows the format: else its weights are stored in 8 bit only, and 16 bit are computed."""
    return quantization in _EIGHT_BIT and bool(peak.fp8 if quantization is Quantization.FP8 else peak.int8)


def _growth_bytes_per_token(model: Model, parallelism: Parallelism, bits: int) -> float:
    """Bytes of cache that one more token takes on a device, without what a sequence keeps whatever its length."""
    long = model.max_position_embeddings
    longer, usual = (kv_cache_bytes(model, tokens, parallelism, bits=bits) for tokens in (long + 1, long))
    return longer - usual


class _LayoutKey:
    """A layout that is compared by its cut; chip and quantization are compared beside it."""

    def __init__(self, layout: Layout) -> None:
        cut = layout.parallelism
        self.layout = layout
        self._name = (cut.tensor, cut.pipeline, cut.data, cut.expert, layout.memory)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _LayoutKey) and self._name == other._name

    def __hash__(self) -> int:
        return hash(self._name)


def layout_key(layout: Layout) -> _LayoutKey:
    """The key of a layout for :func:`performance_of`."""
    return _LayoutKey(layout)
