"""What the fluid mode keeps: requests by the second of their arrival and of their admission, and what replicas show.

Plain sequences of numbers in named tuples, because the functions of ``fluid_steps`` that work on them can then be
compiled: lists will do, and so will arrays. No behaviour here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.metrics import Buckets

# A list of floats, or an array of them: what can be indexed.
Numbers = Any
Zeros = Callable[[int], Numbers]


class FluidEngine(NamedTuple):
    """One variant's engine and the workload's mean lengths; ``slots`` is the most requests that one replica runs."""

    alpha: float
    beta: float
    gamma: float
    slots: float
    kv_tokens: float
    budget_tokens: float
    input_tokens: float
    computed_tokens: float
    output_tokens: float
    variability: float


class Slo(NamedTuple):
    """Bounds in seconds, infinite where there are none."""

    ttft: float
    tpot: float
    e2e: float


class FluidVariantState(NamedTuple):
    """One variant's replicas, all of them together.

    Requests admitted in a second are a cohort: its size (``admitted``), the share of it whose first token was in time
    (``timely``) and its mean second of arrival (``arrived``). ``steps`` counts engine steps from the beginning of time to
    the beginning of each second, so a request is done when the count has grown by its output tokens. ``now`` is
    indexed by the constants below.
    """

    now: Numbers
    steps: Numbers
    admitted: Numbers
    timely: Numbers
    arrived: Numbers
    shown: ExportedCounters
    total: ExportedCounters


class ExportedCounters(NamedTuple):
    """Counters and histograms: of a replica that has lived for ever, or of all replicas together."""

    counters: Numbers
    ttft: Numbers
    inter_token: Numbers
    per_request: Numbers
    e2e: Numbers


class FluidQueue(NamedTuple):
    """What all variants share: arrivals per second, how many of each second still wait, and verdicts by hour."""

    arrivals: Numbers
    left: Numbers
    queue: Numbers
    requests_by_hour: Numbers
    met_by_hour: Numbers
    ttft_bounds: Numbers
    token_bounds: Numbers
    e2e_bounds: Numbers


# Indices of ``State.now``: replicas, what runs in them, and the cohort that finishes next.
READY, DRAINING, WEIGHT, RUNNING, CONTEXT_TOKENS, STEP_SECONDS, LEAVING, NEXT, NEXT_SHARE = range(9)
# Indices of ``World.queue``.
HEAD, WAITING = range(2)
# Indices of ``Shown.counters``.
ADMITTED, FINISHED, GENERATED, TTFT_SUM, INTER_TOKEN_SUM, PER_REQUEST_SUM, E2E_SUM = range(7)


def engine_of(variant: Variant, lengths: TokenLengths) -> FluidEngine:
    """A variant's engine under a workload."""
    timing, limits = variant.timing, variant.limits
    return FluidEngine(
        timing.alpha_seconds,
        timing.beta_seconds_per_token,
        timing.gamma_seconds_per_kv_token,
        limits.concurrency(lengths),
        float(limits.kv_tokens),
        float(limits.max_num_batched_tokens),
        float(lengths.input_tokens),
        float(lengths.computed_tokens),
        float(lengths.output_tokens),
        lengths.variability,
    )


def slo_of(slo: SloBounds) -> Slo:
    """Bounds as numbers only."""
    return Slo(*(inf if bound is None else bound for bound in (slo.ttft_seconds, slo.tpot_seconds, slo.e2e_seconds)))


def empty_state(variant: Variant, seconds: int, buckets: Buckets, zeros: Zeros) -> FluidVariantState:
    """No replicas and no requests, with room for so many seconds."""
    now = zeros(9)
    now[WEIGHT], now[STEP_SECONDS] = variant.weight, variant.timing.alpha_seconds
    return FluidVariantState(
        now, zeros(seconds + 1), zeros(seconds), zeros(seconds), zeros(seconds), _shown(buckets, zeros), _shown(buckets, zeros)
    )


def _shown(buckets: Buckets, zeros: Zeros) -> ExportedCounters:
    tokens = len(buckets.inter_token_latency) + 1
    return ExportedCounters(
        zeros(7),
        zeros(len(buckets.time_to_first_token) + 1),
        zeros(tokens),
        zeros(tokens),
        zeros(len(buckets.request_latency) + 1),
    )


def empty_world(seconds: int, buckets: Buckets, zeros: Zeros) -> FluidQueue:
    """No arrivals yet, with room for so many seconds."""
    hours = seconds // 3600 + 1
    return FluidQueue(
        zeros(seconds),
        zeros(seconds),
        zeros(2),
        zeros(hours),
        zeros(hours),
        _filled(buckets.time_to_first_token, zeros),
        _filled(buckets.inter_token_latency, zeros),
        _filled(buckets.request_latency, zeros),
    )


def _filled(values: tuple[float, ...], zeros: Zeros) -> Numbers:
    numbers = zeros(len(values))
    for index, value in enumerate(values):
        numbers[index] = value
    return numbers
