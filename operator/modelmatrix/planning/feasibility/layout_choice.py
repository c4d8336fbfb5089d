"""Which layout a replica gets: the user's, or the smallest that holds the model and can answer in time. Pure.

Every rejection says what is missing or too slow, by how much, and what to change.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.engines import Engine
from modelmatrix.planning.feasibility.device_memory import DeviceMemoryEstimate, ModelFootprint, total_weight_bytes
from modelmatrix.planning.feasibility.layout_checks import Hardware, layout_violation
from modelmatrix.planning.feasibility.layouts import Layout, build_layout, find_layout, legal_layouts
from modelmatrix.planning.feasibility.step_latency import StepLatency, TightestSlo, step_latency
from modelmatrix.planning.feasibility.verdict import Rejection, reject

MILLISECONDS = 1000
LONGEST_STRETCH = 4  # times the context of training: YaRN as its models publish it, and nothing goes further


@dataclass(frozen=True, slots=True)
class LayoutRequest:
    """A model in a format, the latency bound to keep, the hardware and the engine."""

    load: ModelFootprint
    quantization: Quantization
    bound: TightestSlo | None
    hardware: Hardware
    engine: Engine

    def latency(self, layout: Layout) -> StepLatency | None:
        """Latency of one step of the layout when it serves one request; ``None`` where it is not known."""
        return step_latency(self.load, layout.parallelism, self.hardware.accelerator, self.engine)


def context_too_long(load: ModelFootprint) -> Rejection | None:
    """Why the context cannot be served whatever the memory; the positions of an encoder are learned and end."""
    model = load.model
    stretch = 1 if model.key_value_layers == 0 else LONGEST_STRETCH
    if load.max_model_len <= stretch * model.max_position_embeddings:
        return None
    times = f"{stretch} times " if stretch > 1 else ""
    return reject(
        Reason.MISCONFIGURED,
        f"maxModelLen {load.max_model_len} is above {times}the {model.max_position_embeddings} tokens that {model.id} was "
        "trained for, and the engine would not start; lower maxModelLen, or use a model with a longer context",
    )


def choose_layout(order: LayoutRequest) -> Layout | Rejection:
    """The smallest legal layout that fits and can keep the bound, as far as timings are known."""
    search = find_layout(order.load, order.quantization, order.hardware, order.engine)
    if search.layout is not None:
        return _fast_enough(order, search.layout)
    if search.largest is not None:
        return _too_large(order, search.largest)
    hardware = order.hardware
    return reject(
        Reason.PARALLELISM_ILLEGAL,
        f"no legal layout of {order.load.model.id} on nodes of {hardware.devices_per_node} {hardware.accelerator.unit}s",
    )


def check_layout(order: LayoutRequest, parallelism: Parallelism) -> Layout | Rejection:
    """The layout of the parallelism in the spec, which is accepted or rejected, never changed."""
    text = layout_violation(parallelism, order.load.model, order.quantization, order.hardware, engine=order.engine)
    if text is not None:
        return reject(Reason.PARALLELISM_ILLEGAL, text)
    layout = build_layout(order.load, parallelism, order.hardware, order.engine)
    if not layout.memory.fits:
        return _too_large(order, layout)
    return _too_slow(order, [layout]) or layout


def pluralize(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def describe_memory(memory: DeviceMemoryEstimate) -> str:
    """What fills a device."""
    return (
        f"weights {memory.weights_gibibytes:.1f}, KV cache {memory.kv_cache_gibibytes:.1f}, "
        f"overhead {memory.overhead_gibibytes:.1f}"
    )


def latency_note(order: LayoutRequest, layout: Layout) -> str:
    """What to know about a layout that may be too slow for its bound; empty where it should not be."""
    latency = order.latency(layout)
    if order.bound is None or latency is None or latency.estimate_seconds * MILLISECONDS <= order.bound.milliseconds:
        return ""
    estimate = latency.estimate_seconds * MILLISECONDS
    return f"; an idle replica is estimated at {estimate:.0f} ms a token, above {order.bound.name} {order.bound.milliseconds}"


def _fast_enough(order: LayoutRequest, smallest: Layout) -> Layout | Rejection:
    """The smallest layout that should keep the bound; where none should, the smallest that is not refuted.

    More nodes are for memory, not for speed: estimates leave the network out, and a pool has few whole nodes.
    """
    if order.bound is None or order.latency(smallest) is None:
        return smallest
    legal = legal_layouts(order.load, order.quantization, order.hardware, order.engine)
    fitting = [layout for layout in legal if layout.memory.fits and layout.nodes <= smallest.nodes]
    for is_within in (_is_estimated_within, _is_possibly_within):
        fast = next((layout for layout in fitting if is_within(order, layout)), None)
        if fast is not None:
            return fast
    return _too_slow(order, fitting) or smallest


def _is_estimated_within(order: LayoutRequest, layout: Layout) -> bool:
    latency = order.latency(layout)
    return latency is None or order.bound is None or latency.estimate_seconds * MILLISECONDS <= order.bound.milliseconds


def _is_possibly_within(order: LayoutRequest, layout: Layout) -> bool:
    latency = order.latency(layout)
    return latency is None or order.bound is None or latency.floor_seconds * MILLISECONDS <= order.bound.milliseconds


def _too_slow(order: LayoutRequest, layouts: list[Layout]) -> Rejection | None:
    """The rejection of layouts none of which can keep the bound, with the latency of the fastest."""
    bound, accelerator = order.bound, order.hardware.accelerator
    timed = [(latency, layout) for layout in layouts if (latency := order.latency(layout)) is not None]
    if bound is None or not timed or any(_is_possibly_within(order, layout) for layout in layouts):
        return None
    latency, fastest = min(timed, key=lambda pair: pair[0].floor_seconds)
    devices = pluralize(fastest.devices, accelerator.unit)
    return reject(
        Reason.SLO_INFEASIBLE,
        f"{bound.name} {bound.milliseconds} is below what an idle replica on {devices} of {accelerator.id} can do: "
        f"{latency.floor_seconds * MILLISECONDS:.1f} ms to read {latency.gibibytes:.1f} GiB of weights a token "
        f"at {accelerator.bandwidth_gigabytes_per_second:.0f} GB/s, about {latency.estimate_seconds * MILLISECONDS:.0f} ms in "
        "practice. Use a pool with faster memory, a smaller quantization, more tensor parallelism, or a looser SLO",
    )


def _too_large(order: LayoutRequest, layout: Layout) -> Rejection:
    """What is missing on the largest layout, itemised, and what to change."""
    memory, accelerator, load = layout.memory, order.hardware.accelerator, order.load
    missing = memory.needed_gibibytes - memory.budget_gibibytes
    return reject(
        Reason.MEMORY_INSUFFICIENT,
        f"{load.model.id} needs {memory.needed_gibibytes:.1f} GiB a {accelerator.unit} on "
        f"{pluralize(layout.devices, accelerator.unit)} of {pluralize(layout.nodes, 'node')}: "
        f"{describe_memory(memory)}; {accelerator.id} gives {memory.budget_gibibytes:.1f} of "
        f"{memory.usable_gibibytes:.1f} GiB, {missing:.1f} GiB short "
        f"(weights {total_weight_bytes(load) / 2**30:.0f} GiB in all). "
        f"Lower maxModelLen {load.max_model_len}, use a smaller quantization, or a pool with more or larger devices",
    )
