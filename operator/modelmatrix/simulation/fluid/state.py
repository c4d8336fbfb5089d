"""The state of the fluid simulation: requests by second of arrival and by second of admission, and the exported counters.

Named tuples of plain sequences of numbers, lists or arrays, so that a just-in-time compiler can compile :mod:`.steps`. No
behaviour here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.metrics import Buckets

# A list or an array of floats; both can be indexed.
Numbers = Any
Zeros = Callable[[int], Numbers]


class FluidEngine(NamedTuple):
    """One variant's engine timing (seconds) and the workload's mean token lengths.

    ``slots`` is the highest number of requests that one replica runs, ``computed_tokens`` the input tokens without the cached
    prefix, ``variability`` the factor of the queueing formula.
    """

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
    """Bounds in seconds; infinite without a bound."""

    ttft: float
    tpot: float
    e2e: float


class FluidVariantState(NamedTuple):
    """All replicas of one variant together.

    The requests admitted in a second are a cohort: its size (``admitted``), the share of it whose first token met the bound
    (``timely``) and its mean second of arrival (``arrived``). ``steps`` counts engine steps from second 0 to the beginning
    of each second: a request finishes when the count has grown by its output tokens. The constants below index ``now``.
    """

    now: Numbers
    steps: Numbers
    admitted: Numbers
    timely: Numbers
    arrived: Numbers
    replica_counters: ExportedCounters
    fleet_counters: ExportedCounters


class ExportedCounters(NamedTuple):
    """Counters and histograms of a replica that has run since second 0, or of all replicas together."""

    values: Numbers
    ttft: Numbers
    inter_token: Numbers
    per_request: Numbers
    e2e: Numbers


class FluidQueue(NamedTuple):
    """The queue that all variants share: arrivals per second, those ``left`` in the queue, and SLO counts by hour."""

    arrivals: Numbers
    left: Numbers
    state: Numbers
    requests_by_hour: Numbers
    met_by_hour: Numbers
    ttft_bounds: Numbers
    token_bounds: Numbers
    e2e_bounds: Numbers


# Indices of ``FluidVariantState.now``: replicas, the requests in them, and the cohort that finishes next.
READY, DRAINING, WEIGHT, RUNNING, CONTEXT_TOKENS, STEP_SECONDS, LEAVING, NEXT, NEXT_SHARE = range(9)
# Indices of ``FluidQueue.state``: the second whose arrivals are at the head of the queue, and the requests that wait.
HEAD, WAITING = range(2)
# Indices of ``ExportedCounters.values``.
ADMITTED, FINISHED, GENERATED, TTFT_SUM, INTER_TOKEN_SUM, PER_REQUEST_SUM, E2E_SUM = range(7)


def engine_for(variant: Variant, lengths: TokenLengths) -> FluidEngine:
    """The engine of a variant under a workload of the given mean lengths."""
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


def slo_in_seconds(slo: SloBounds) -> Slo:
    """The bounds of an SLO as numbers, infinite where it has none."""
    return Slo(*(inf if bound is None else bound for bound in (slo.ttft_seconds, slo.tpot_seconds, slo.e2e_seconds)))


def empty_state(variant: Variant, seconds: int, buckets: Buckets, zeros: Zeros) -> FluidVariantState:
    """A state without replicas and requests, for a simulation of ``seconds``."""
    now = zeros(9)
    now[WEIGHT], now[STEP_SECONDS] = variant.weight, variant.timing.alpha_seconds
    return FluidVariantState(
        now,
        zeros(seconds + 1),
        zeros(seconds),
        zeros(seconds),
        zeros(seconds),
        _empty_counters(buckets, zeros),
        _empty_counters(buckets, zeros),
    )


def _empty_counters(buckets: Buckets, zeros: Zeros) -> ExportedCounters:
    tokens = len(buckets.inter_token_latency) + 1
    return ExportedCounters(
        zeros(7),
        zeros(len(buckets.time_to_first_token) + 1),
        zeros(tokens),
        zeros(tokens),
        zeros(len(buckets.request_latency) + 1),
    )


def empty_queue(seconds: int, buckets: Buckets, zeros: Zeros) -> FluidQueue:
    """A queue without arrivals, for a simulation of ``seconds``."""
    hours = seconds // 3600 + 1
    return FluidQueue(
        zeros(seconds),
        zeros(seconds),
        zeros(2),
        zeros(hours),
        zeros(hours),
        _array_of(buckets.time_to_first_token, zeros),
        _array_of(buckets.inter_token_latency, zeros),
        _array_of(buckets.request_latency, zeros),
    )


def _array_of(values: tuple[float, ...], zeros: Zeros) -> Numbers:
    numbers = zeros(len(values))
    for index, value in enumerate(values):
        numbers[index] = value
    return numbers
