"""Engines of the benchmark: measured or published timings, how much they hold, how long they start. Data only.

Timings are fits to published measurements (``tests/traces/perf/iteration_time_fits.csv``) unless a comment says otherwise.
KV tokens follow from 90 % of the devices' memory less the weights, over the model's KV bytes per token.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.performance.timing import EngineLimits, EngineTiming
from modelmatrix.simulation.variants import StartTime, Variant

# Spread of start times around their median: pulls, caches and compilers are never the same twice.
START_SIGMA = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """One engine on one layout of devices."""

    timing: EngineTiming
    limits: EngineLimits
    devices: int


def _engine(milliseconds: tuple[float, float, float], kv_tokens: int, devices: int) -> EngineFacts:
    """From alpha in ms, beta in ms a token and gamma in ms a KV token."""
    alpha, beta, gamma = (value / 1000.0 for value in milliseconds)
    return EngineFacts(
        timing=EngineTiming(alpha, beta, gamma),
        limits=EngineLimits(max_num_seqs=256, kv_tokens=kv_tokens),
        devices=devices,
    )


QWEN32_H100X2 = _engine((12.79, 0.02382, 6.555e-5), 305_000, 2)
QWEN32_H100X4 = _engine((8.35, 0.0148, 3.798e-5), 890_000, 4)
# The prefill cost that llm-d measured (15,400 to 15,900 tokens/s), and room for KV tokens at 95 % of memory: together
# they give the 1.4 requests/s of 4,000 and 1,000 tokens that its replicas are seen to serve.
QWEN32_LLMD = _engine((12.79, 0.063, 6.555e-5), 350_000, 2)
# Roofline prior (performance.prior): A100 at 2.04 TB/s and 312 TFLOP/s.
QWEN32_A100X4 = _engine((13.2, 0.105, 4.0e-5), 850_000, 4)
# Published for vLLM-Ascend on 4 x 910B, BF16: 54.3 ms a token and 0.39 ms for each request; prefill by the roofline prior.
QWEN32_910BX4 = _engine((54.3, 0.103, 3.1e-4), 480_000, 4)
R1_H200X8 = _engine((10.29, 0.03016, 4.928e-5), 5_000_000, 8)
# An encoder of 0.6 billion parameters on one 910B: assumed from the roofline prior, it has no decode phase.
ENCODER_910B = _engine((4.0, 0.002, 0.0), 10_000_000, 1)


def variant(name: str, engine: EngineFacts, *, start_seconds: float = 180.0, weight: float = 1.0) -> Variant:
    """A way to run a model on an engine, with a median start time."""
    return Variant(
        name=name,
        timing=engine.timing,
        limits=engine.limits,
        start=StartTime(start_seconds, START_SIGMA),
        devices_per_replica=engine.devices,
        weight=weight,
    )
