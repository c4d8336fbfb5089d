"""What one more look teaches: engine timing and start times of pools, demand, and how well the SLO is kept. Pure.

Only signals that can be trusted teach anything but start times, which the API server shows.
"""

from __future__ import annotations

from dataclasses import replace

from modelmatrix.performance.timing import Lengths, SloBounds
from modelmatrix.scaling.attainment import misses
from modelmatrix.scaling.capacity import capacity
from modelmatrix.scaling.engine_fit import EngineFit, StepSample
from modelmatrix.scaling.fleet import Fleet
from modelmatrix.scaling.memory import Demand, Margin, PoolMemory
from modelmatrix.scaling.observation import EngineReading, Observation, Traffic, Variant
from modelmatrix.scaling.starts import Starts

MINUTE_SECONDS = 60.0
UNBOUNDED = SloBounds()
# With less there is no step to speak of in most of the minute.
MIN_RUNNING = 0.5
# Below half of the capacity, misses have another cause than load: a slow node, a wrong setting.
LEAST_LOAD = 0.5
# The fleet and its load must have been the same for the whole window for misses to tell how sharp the edge is.
STEADY = 0.1


def pool_learned(
    known: PoolMemory | None, variant: Variant, lengths: Lengths, slo: SloBounds, reading_second: float | None
) -> PoolMemory:
    """A pool after one more look; without ``reading_second`` nothing is learned from its engines' reading."""
    fit = known.fit if known else EngineFit()
    starts = known.starts if known else Starts()
    if reading_second is not None and variant.engine is not None:
        fit = _fit(fit, variant, variant.engine, reading_second)
    if variant.starts_seen:
        starts = starts.with_seen(variant.starts_seen)
    timing, limits = fit.timing(variant.timing), variant.limits
    within = capacity(timing, limits, lengths, slo, known=known.capacity if known else None)
    if within.requests_per_second:
        return PoolMemory(within, None, fit, starts)
    return PoolMemory(
        within, capacity(timing, limits, lengths, UNBOUNDED, known=known.fallback if known else None), fit, starts
    )


def _fit(fit: EngineFit, variant: Variant, reading: EngineReading, second: float) -> EngineFit:
    """The timing after a minute of an engine."""
    if reading.running < MIN_RUNNING or reading.step_seconds <= 0:
        return fit
    kv_tokens = reading.kv_usage_ratio * variant.limits.kv_tokens
    return fit.learned(
        StepSample(
            step_seconds=reading.step_seconds,
            prompt_tokens_per_second=reading.prompt_tokens_per_second,
            kv_tokens=kv_tokens,
        ),
        variant.timing,
        second,
    )


def demand_learned(demand: Demand, traffic: Traffic, second: float, horizon_seconds: float) -> Demand:
    """The demand after one more look."""
    fast = traffic.arrivals_per_second_fast
    minute = traffic.arrivals_per_second
    dispersion = demand.dispersion if fast is None else demand.dispersion.learned(second, fast)
    forecast = demand.forecast.learned(
        demand.season,
        second,
        minute=minute,
        long=traffic.arrivals_per_second_long,
        horizon_seconds=horizon_seconds,
        noise=dispersion.index / max(1.0, minute * MINUTE_SECONDS),
    )
    return Demand(demand.season.with_rate(second, minute), forecast, dispersion)


def margin_learned(margin: Margin, observation: Observation, traffic: Traffic, fleet: Fleet, demand: Demand) -> Margin:
    """The margin after a window in which requests were measured against the SLO; each window counts once."""
    second = observation.second
    elapsed = second - margin.judged_second
    if elapsed < traffic.observed_seconds:
        return margin
    found = misses(traffic)
    if found is None or not fleet.ready_per_second:
        return replace(margin, judged_second=second, judged_ready=observation.ready)
    load = traffic.arrivals_per_second_long / fleet.ready_per_second
    tail = margin.tail
    if margin.judged_ready == observation.ready and is_steady(traffic):
        edge = fleet.preferred.edge_deviation(observation.ready, demand.dispersion.index)
        tail = tail.learned(load, found.share, found.requests, edge)
    integral = margin.integral.learned(
        observation.slo,
        requests=found.requests,
        missed=found.missed,
        seconds=traffic.observed_seconds,
        may_rise=load >= LEAST_LOAD and not _is_limited(observation),
    )
    return Margin(tail, integral, second, observation.ready)


def is_steady(traffic: Traffic) -> bool:
    """Whether the last minute was like the last three, and nothing waits: only then do means over it belong together."""
    minute, long = traffic.arrivals_per_second, traffic.arrivals_per_second_long
    noise = 2.0 / max(1.0, long * MINUTE_SECONDS) ** 0.5
    return abs(minute - long) <= max(STEADY, noise) * long and traffic.waiting <= STEADY * traffic.running


def _is_limited(observation: Observation) -> bool:
    """Whether more replicas cannot be had: a larger margin would change nothing."""
    return observation.desired >= observation.max_replicas or not any(variant.room for variant in observation.variants)
