"""Engines of the benchmark: measured or published timings, capacities and start times. Data only.

Timings are fits to published measurements (``tests/traces/perf/iteration_time_fits.csv``) unless a comment says otherwise.
KV tokens follow from 90 % of the devices' memory less the weights, over the model's KV bytes per token.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from benchmark.scenarios.scenario import Placement
from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.catalogue.loader import builtin
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.performance.roofline import prior_timing
from modelmatrix.simulation.cluster.variant import StartTime, Variant

# Spread of start times around their median: pulls, caches and compilers are never the same twice.
START_SIGMA = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A model of the catalogue on devices of the catalogue, with tensor parallelism over all of them."""

    model: str
    accelerator: str
    devices: int
    bytes_per_parameter: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """One engine on one layout of devices: its true timing and limits."""

    timing: EngineTiming
    limits: EngineLimits
    layout: Layout


def _engine(milliseconds: tuple[float, float, float], kv_tokens: int, layout: Layout) -> EngineFacts:
    """An engine from alpha in ms, beta in ms per token and gamma in ms per KV token."""
    alpha, beta, gamma = (value / 1000.0 for value in milliseconds)
    return EngineFacts(
        timing=EngineTiming(alpha, beta, gamma),
        limits=EngineLimits(max_num_seqs=256, kv_tokens=kv_tokens),
        layout=layout,
    )


@cache
def prior_of(layout: Layout) -> EngineTiming:
    """The timing that the product assumes before anything is measured: its roofline.

    Raises:
        KeyError: the catalogue has no such model or accelerator.
    """
    catalogue = builtin()
    model = catalogue.model(layout.model)
    if model is None:
        raise KeyError(layout.model)
    return prior_timing(
        model.facts,
        model.facts.parameters.total * layout.bytes_per_parameter,
        Parallelism(tensor=layout.devices),
        catalogue.accelerators[layout.accelerator],
        eight_bit=layout.bytes_per_parameter < 2.0,
    )


def _roofline(layout: Layout, kv_tokens: int) -> EngineFacts:
    """An engine without published measurements: the roofline is its true timing."""
    return EngineFacts(timing=prior_of(layout), limits=EngineLimits(max_num_seqs=256, kv_tokens=kv_tokens), layout=layout)


_QWEN32 = "Qwen/Qwen3-32B"
_H100X2 = Layout(model=_QWEN32, accelerator="h100-80g", devices=2)

# vLLM, the default engine.
QWEN32_H100X2 = _engine((15.78, 0.04082, 3.557e-5), 305_000, _H100X2)
QWEN32_H100X4 = _engine((9.44, 0.02973, 3.227e-5), 890_000, Layout(model=_QWEN32, accelerator="h100-80g", devices=4))
# SGLang's step with the prefill cost that llm-d measured (15,400 to 15,900 tokens/s), and room for KV tokens at 95 % of
# memory: together they give the 1.4 requests/s of 4,000 and 1,000 tokens that its replicas are seen to serve.
QWEN32_LLMD = _engine((12.79, 0.063, 6.555e-5), 350_000, _H100X2)
QWEN32_A100X4 = _roofline(Layout(model=_QWEN32, accelerator="a100-80g", devices=4), 850_000)
# Published for vLLM-Ascend on 4 x 910B, BF16: 54.3 ms a token and 0.39 ms for each request; prefill by the roofline.
QWEN32_910BX4 = _engine((54.3, 0.103, 3.1e-4), 480_000, Layout(model=_QWEN32, accelerator="910b-64g", devices=4))
R1_H200X8 = _engine(
    (10.29, 0.03016, 4.928e-5),
    5_000_000,
    Layout(model="deepseek-ai/DeepSeek-V3", accelerator="h200-141g", devices=8, bytes_per_parameter=1.0),
)
# An encoder: it has no decode phase.
ENCODER_910B = _roofline(Layout(model="Qwen/Qwen3-Embedding-8B", accelerator="910b-64g", devices=1), 10_000_000)


def placement(name: str, engine: EngineFacts, pool: str, *, start_seconds: float = 180.0) -> Placement:
    """A way to run a model on a pool: an engine there, with a median start time."""
    variant = Variant(
        name=name,
        timing=engine.timing,
        limits=engine.limits,
        start=StartTime(start_seconds, START_SIGMA),
        devices_per_replica=engine.layout.devices,
    )
    return Placement(variant=variant, pool=pool, prior=prior_of(engine.layout))
