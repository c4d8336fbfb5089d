"""What one more look teaches of pools and of demand: engine timing, start times, arrivals. Pure.

Only signals that can be trusted teach anything but start times, which the API server shows.
"""

from __future__ import annotations

from math import inf

from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
from modelmatrix.scaling.estimate.engine_timing import EngineFit, StepSample
from modelmatrix.scaling.estimate.replica_capacity import capacity
from modelmatrix.scaling.estimate.startup_times import StartupTimes
from modelmatrix.scaling.observation.observation import EngineReading, Traffic, Variant
from modelmatrix.scaling.state.state import DemandEstimate, PoolEstimates

MINUTE_SECONDS = 60.0
UNBOUNDED = SloBounds()
# A replica that starts for so many times as long as others took does not come: something holds it up.
LOST_STARTS = 3.0
# For so long no other one is started there, if there is room elsewhere.
SHUNNED_SECONDS = 600.0
# With less there is no step to speak of in most of the minute.
MIN_RUNNING = 0.5
# Arrivals of a minute and of three are the same load if they differ by no more.
STEADY = 0.1


def update_pool(
    known: PoolEstimates | None, variant: Variant, lengths: TokenLengths, slo: SloBounds, second: float, *, reads: bool
) -> PoolEstimates:
    """A pool after one more look; only if ``reads`` is something learned from its engines' reading."""
    fit, starts = (known.fit, known.starts) if known else (EngineFit(), StartupTimes())
    if reads and variant.engine is not None and not variant.is_changing:
        fit = _fit(fit, variant, variant.engine, second)
    if variant.starts_seen:
        starts = starts.with_seen(variant.starts_seen)
    timing, limits = fit.timing(variant.timing), variant.limits
    within = capacity(timing, limits, lengths, slo, known=known.capacity if known else None)
    fallback = None
    if not within.requests_per_second:
        fallback = capacity(timing, limits, lengths, UNBOUNDED, known=known.fallback if known else None)
    is_same = known is not None and starts is known.starts
    start = known.start_seconds if known and is_same else starts.expected_seconds(variant.start_seconds)
    return PoolEstimates(within, fallback, fit, starts, start, _shunned_until(known, variant, start, second))


def _shunned_until(known: PoolEstimates | None, variant: Variant, start_seconds: float, second: float) -> float:
    if variant.starting_ages_seconds and max(variant.starting_ages_seconds) > LOST_STARTS * start_seconds:
        return second + SHUNNED_SECONDS
    return known.shunned_until if known else -inf


def _fit(fit: EngineFit, variant: Variant, reading: EngineReading, second: float) -> EngineFit:
    """The timing after a minute of an engine."""
    if not reading.is_finite or reading.running < MIN_RUNNING or reading.step_seconds <= 0:
        return fit
    kv_tokens = reading.kv_usage_ratio * variant.limits.kv_tokens
    return fit.updated(
        StepSample(
            step_seconds=reading.step_seconds,
            prompt_tokens_per_second=reading.prompt_tokens_per_second,
            kv_tokens=kv_tokens,
        ),
        variant.timing,
        second,
    )


def update_demand(
    demand: DemandEstimate, traffic: Traffic, second: float, horizon_seconds: float, work_seconds: float | None
) -> DemandEstimate:
    """The demand after one more look; the work of a request is told once a minute."""
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
    work = demand.work if work_seconds is None else demand.work.updated(work_seconds)
    return DemandEstimate(demand.season.with_rate(second, minute), forecast, dispersion, work)


def is_steady(traffic: Traffic) -> bool:
    """Whether the last minute was like the last three, and nothing waits: only then do means over it belong together."""
    minute, long = traffic.arrivals_per_second, traffic.arrivals_per_second_long
    noise = 2.0 / max(1.0, long * MINUTE_SECONDS) ** 0.5
    return abs(minute - long) <= max(STEADY, noise) * long and traffic.waiting <= STEADY * traffic.running
