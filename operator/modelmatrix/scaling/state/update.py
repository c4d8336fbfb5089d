"""Updates the estimates of pools and of demand with one more observation. Pure.

Only trusted signals update the estimates; start times are the exception, because the API server shows them.
"""

from __future__ import annotations

from math import inf

from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
from modelmatrix.scaling.estimate.engine_timing import EngineFit, StepSample
from modelmatrix.scaling.estimate.replica_capacity import estimate_capacity
from modelmatrix.scaling.estimate.startup_times import StartupTimes
from modelmatrix.scaling.observation.observation import EngineReading, Traffic, Variant
from modelmatrix.scaling.state.state import DemandEstimate, PoolEstimates

MINUTE_SECONDS = 60.0
UNBOUNDED = SloBounds()
# A replica that has been starting for this many times the expected start is taken for lost.
LOST_STARTS = 3.0
# For how long new replicas then go to other pools with free devices.
AVOIDED_SECONDS = 600.0
# With fewer running requests most of the minute has no steps.
MIN_RUNNING = 0.5
# Arrivals of a minute and of three minutes that differ by no more are the same load.
STEADY = 0.1


def update_pool(
    known: PoolEstimates | None,
    variant: Variant,
    lengths: TokenLengths,
    slo: SloBounds,
    second: float,
    *,
    learns_timing: bool,
) -> PoolEstimates:
    """The estimates of a pool after an observation; ``learns_timing`` is whether the engines' reading updates the timing."""
    fit, startup_times = (known.fit, known.startup_times) if known else (EngineFit(), StartupTimes())
    if learns_timing and variant.engine is not None and not variant.is_changing:
        fit = _fit(fit, variant, variant.engine, second)
    if variant.observed_starts:
        startup_times = startup_times.with_starts(variant.observed_starts)
    timing, limits = fit.timing(variant.timing), variant.limits
    capacity = estimate_capacity(timing, limits, lengths, slo, known=known.capacity if known else None)
    fallback = None
    if not capacity.requests_per_second:
        fallback = estimate_capacity(timing, limits, lengths, UNBOUNDED, known=known.fallback if known else None)
    is_same = known is not None and startup_times is known.startup_times
    start = known.start_seconds if known and is_same else startup_times.expected_seconds(variant.start_seconds)
    return PoolEstimates(capacity, fallback, fit, startup_times, start, _avoided_until(known, variant, start, second))


def _avoided_until(known: PoolEstimates | None, variant: Variant, start_seconds: float, second: float) -> float:
    if variant.starting_ages_seconds and max(variant.starting_ages_seconds) > LOST_STARTS * start_seconds:
        return second + AVOIDED_SECONDS
    return known.avoided_until_second if known else -inf


def _fit(fit: EngineFit, variant: Variant, reading: EngineReading, second: float) -> EngineFit:
    """The fit after a minute of an engine; the same where the minute had too few steps."""
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
    """The demand after an observation; ``work_seconds`` is the work of a request, ``None`` within a minute of the last."""
    fast = traffic.arrivals_per_second_fast
    minute = traffic.arrivals_per_second
    dispersion = demand.dispersion if fast is None else demand.dispersion.updated(second, fast)
    forecast = demand.forecast.updated(
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
    """Whether the last minute equals the last three within noise and no queue has built up.

    Only then do means over the minute belong to one load.
    """
    minute, long = traffic.arrivals_per_second, traffic.arrivals_per_second_long
    noise = 2.0 / max(1.0, long * MINUTE_SECONDS) ** 0.5
    return abs(minute - long) <= max(STEADY, noise) * long and traffic.waiting <= STEADY * traffic.running
