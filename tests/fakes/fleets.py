"""Hand-made observations of a fleet for autoscalers that read metrics pages: gauges and counters by scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.peers.owner_settings import OwnerSettings, VariantCapacity
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.engine.samples import EngineSample, HistogramSample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMING = EngineTiming(0.01, 2e-5, 5e-8)
LIMITS = EngineLimits(max_num_seqs=64, kv_tokens=100_000)
BOUNDS = (0.5, 1.0, 2.0)


def choice(name: str = "a", *, cost: float = 1.0, in_flight: float = 20.0, most: int = 64) -> VariantCapacity:
    return VariantCapacity(
        name=name, cost=cost, per_second=5.0, in_flight=in_flight, max_replicas=most, timing=TIMING, limits=LIMITS
    )


def site(*choices: VariantCapacity, least: int = 1, most: int = 64) -> OwnerSettings:
    known = choices or (choice(),)
    return OwnerSettings(
        choices=known,
        home=known[0],
        min_replicas=least,
        max_replicas=most,
        slo=SloBounds(ttft_seconds=1.0, tpot_seconds=0.1),
        lengths=TokenLengths(input_tokens=1000, output_tokens=100),
    )


def histogram(*counts: float, total: float = 0.0) -> HistogramSample:
    """Cumulative counts at ``BOUNDS`` and ``+Inf``."""
    return HistogramSample(BOUNDS, counts or (0.0,) * 4, total)


def sample(  # noqa: PLR0913 - a page has many values
    second: float,
    *,
    running: float = 0.0,
    waiting: float = 0.0,
    kv: float = 0.0,
    finished: float = 0.0,
    ttft: HistogramSample | None = None,
    tpot: HistogramSample | None = None,
    prompt: float = 0.0,
) -> EngineSample:
    return EngineSample(
        second=second,
        running=running,
        waiting=waiting,
        kv_usage_ratio=kv,
        prompt_tokens=prompt,
        generation_tokens=0.0,
        prefix_queries=0.0,
        prefix_hits=0.0,
        cached_tokens=0.0,
        finished=finished,
        preemptions=0.0,
        request_prompt_tokens=finished * 1000.0,
        request_generation_tokens=finished * 100.0,
        ttft=ttft or histogram(),
        inter_token=tpot or histogram(),
        time_per_output_token=tpot or histogram(),
        e2e=histogram(),
    )


def seen(
    second: float,
    samples: Mapping[str, Sequence[EngineSample]],
    desired: Mapping[str, int],
    *,
    ready: Mapping[str, int] | None = None,
    rooms: Mapping[str, int] | None = None,
) -> Observation:
    """An observation; by default all desired replicas are ready."""
    serving = desired if ready is None else ready
    replicas = [
        ReplicaView(f"{name}-{index}", name, Phase.READY if index < serving[name] else Phase.STARTING, 0.0, None)
        for name, number in desired.items()
        for index in range(number)
    ]
    return Observation(
        second=second, desired=desired, replicas=tuple(replicas), samples=samples, free_replicas_by_variant=rooms or {}
    )
