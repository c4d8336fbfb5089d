"""One second of the fluid simulation: arrivals, admissions, engine steps, and the requests that finish within the SLO.

The equations are those of :mod:`modelmatrix.performance.engine_timing` over time. One first-in-first-out queue serves all
replicas; all replicas of a variant carry equal load. The time per output token of a cohort comes from the count of engine
steps. Only loops, numbers and ``math`` on plain sequences, so that a just-in-time compiler can compile these functions.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import TYPE_CHECKING

from modelmatrix.simulation.fluid.state import (
    ADMITTED,
    CONTEXT_TOKENS,
    DRAINING,
    E2E_SUM,
    FINISHED,
    GENERATED,
    HEAD,
    INTER_TOKEN_SUM,
    LEAVING,
    NEXT,
    NEXT_SHARE,
    PER_REQUEST_SUM,
    READY,
    RUNNING,
    STEP_SECONDS,
    TTFT_SUM,
    WAITING,
    WEIGHT,
)

if TYPE_CHECKING:
    from modelmatrix.simulation.fluid.state import FluidEngine, FluidQueue, FluidVariantState, Numbers, Slo

HIGHEST_LOAD = 0.98  # the queueing formula diverges at 1; the simulated queue grows before that
NEGLIGIBLE = 1e-6  # requests; a smaller number is a rounding error
CERTAIN = 1.0 - 1e-6
HOUR_SECONDS = 3600


def advance(
    queue: FluidQueue,
    engines: tuple[FluidEngine, ...],
    states: tuple[FluidVariantState, ...],
    slo: Slo,
    seconds: tuple[int, int],
) -> None:
    """Simulate from the first of ``seconds`` until before the second; the numbers of replicas do not change."""
    for second in range(seconds[0], seconds[1]):
        _arrive(queue, second)
        capacity = 0.0
        for state in states:
            capacity += state.now[READY] * state.now[WEIGHT]
        waiting = queue.state[WAITING]
        for index in range(len(states)):
            weight = states[index].now[READY] * states[index].now[WEIGHT]
            offered = waiting * weight / capacity if capacity > 0 else 0.0
            _serve(queue, engines[index], states[index], slo, second, offered)


def drop_share(state: FluidVariantState, second: int, share: float) -> None:
    """Remove the requests of a share of the replicas, which have failed."""
    now = state.now
    for cohort in range(int(now[NEXT]), second):
        state.admitted[cohort] *= 1.0 - share
    now[RUNNING] *= 1.0 - share
    now[CONTEXT_TOKENS] *= 1.0 - share


def _arrive(queue: FluidQueue, second: int) -> None:
    amount = queue.arrivals[second]
    queue.left[second] = amount
    queue.state[WAITING] += amount
    queue.requests_by_hour[second // HOUR_SECONDS] += amount


def _serve(queue: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int, offered: float) -> None:
    """Simulate one second of one variant, which is offered a share of the waiting requests."""
    now = state.now
    replicas = now[READY] + now[DRAINING]
    if replicas <= 0:
        state.steps[second + 1] = state.steps[second]
        return
    decode = engine.alpha + engine.gamma * now[CONTEXT_TOKENS] / replicas
    rate = 0.0
    if now[READY] > 0:
        rate = min(offered / now[READY], _highest_rate(engine, now, decode))
    now[STEP_SECONDS] = decode / (1.0 - min(HIGHEST_LOAD, engine.beta * engine.computed_tokens * rate))
    state.steps[second + 1] = state.steps[second] + 1.0 / now[STEP_SECONDS]
    _admit(queue, engine, state, slo, second, rate)
    if engine.output_tokens > 1:
        _decode(queue, engine, state, slo, second)
    else:
        _record_prefill_only(queue, engine, state, rate * now[READY], second)


def _highest_rate(engine: FluidEngine, now: Numbers, decode: float) -> float:
    """Requests per second that a replica can admit, limited by prefill throughput and by free slots."""
    replicas = now[READY] + now[DRAINING]
    decoding = now[RUNNING] / replicas if engine.output_tokens > 1 else 0.0
    prompts_per_step = max(0.0, engine.budget_tokens - decoding) / max(1.0, engine.computed_tokens)
    by_compute: float = prompts_per_step / (decode + engine.beta * engine.computed_tokens * prompts_per_step)
    if engine.output_tokens <= 1:
        return by_compute
    by_slots: float = max(0.0, engine.slots - decoding + now[LEAVING] / replicas)
    return min(by_compute, by_slots)


def _admit(queue: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int, rate: float) -> None:
    """Admit requests from the queue; record their time to first token and the share of them within the bound."""
    now = state.now
    amount = rate * now[READY]
    if engine.output_tokens <= 1:
        now[RUNNING] = 0.0
    if amount <= NEGLIGIBLE:
        return
    chunks = engine.computed_tokens / engine.budget_tokens
    decode = engine.alpha + engine.gamma * now[CONTEXT_TOKENS] / (now[READY] + now[DRAINING])
    prompt = chunks * decode + engine.beta * engine.computed_tokens
    base = now[STEP_SECONDS] + max(1.0, chunks) * decode + engine.beta * engine.computed_tokens
    load = min(HIGHEST_LOAD, rate * prompt)
    busy = load ** (sqrt(2.0 * (now[READY] + 1.0)) - 1.0)
    wait = busy / (1.0 - load) * engine.variability * prompt / now[READY]
    bound = min(slo.ttft, slo.e2e - max(0.0, engine.output_tokens - 1.0) * now[STEP_SECONDS])
    left, timely, arrived = amount, 0.0, 0.0
    while left > NEGLIGIBLE and queue.state[HEAD] <= second:
        head = int(queue.state[HEAD])
        taken = min(left, queue.left[head])
        queue.left[head] -= taken
        left -= taken
        first = base + (second - head)
        within_bound = taken * _share_within(bound - first, busy, wait)
        timely += within_bound
        arrived += taken * head
        if engine.output_tokens <= 1:
            queue.met_by_hour[head // HOUR_SECONDS] += within_bound
        _record_first_tokens(queue, state, taken, first, busy, wait)
        if queue.left[head] <= NEGLIGIBLE:
            queue.state[HEAD] += 1
    amount -= left
    queue.state[WAITING] = max(0.0, queue.state[WAITING] - amount)
    state.admitted[second] = amount
    state.timely[second] = timely / amount if amount > 0 else 0.0
    state.arrived[second] = arrived / amount if amount > 0 else 0.0
    if engine.output_tokens <= 1:
        # Without decoding no state is carried over: by Little's law the requests in the engine are rate times duration.
        now[RUNNING] = amount * (base + wait)


def _share_within(slack: float, busy: float, wait: float) -> float:
    """The share of requests that wait no longer than the slack; the wait is zero, or exponential with probability ``busy``."""
    if slack < 0:
        return 0.0
    return 1.0 if wait <= 0 else 1.0 - busy * exp(-slack * busy / wait)


def _decode(queue: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int) -> None:
    """Decode for one second, and finish the requests whose output is complete."""
    now = state.now
    steps = state.steps[second + 1] - state.steps[second]
    admitted = state.admitted[second]
    finished = _finish(queue, engine, state, slo, second)
    tokens = steps * max(0.0, now[RUNNING] + (admitted - finished) / 2.0)
    now[CONTEXT_TOKENS] += admitted * engine.input_tokens + tokens - finished * (engine.input_tokens + engine.output_tokens)
    now[RUNNING] = max(0.0, now[RUNNING] + admitted - finished)
    longest = engine.input_tokens + engine.output_tokens
    now[CONTEXT_TOKENS] = min(max(now[CONTEXT_TOKENS], now[RUNNING] * engine.input_tokens), now[RUNNING] * longest)
    now[LEAVING] = finished
    replicas = now[READY] + now[DRAINING]
    for counters, number in ((state.replica_counters, replicas), (state.fleet_counters, 1.0)):
        counters.values[GENERATED] += tokens / number
        counters.values[INTER_TOKEN_SUM] += tokens / number * now[STEP_SECONDS]
        counters.inter_token[_bucket(queue.token_bounds, now[STEP_SECONDS])] += tokens / number


def _finish(queue: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int) -> float:
    """Finish the requests that get their last token in this second, and record whether they met the SLO; their number."""
    now, steps = state.now, state.steps
    needed = engine.output_tokens - 1.0
    reached = steps[second + 1] - needed
    finished = 0.0
    cohort = int(now[NEXT])
    while cohort <= second:
        width = steps[cohort + 1] - steps[cohort]
        if state.admitted[cohort] <= 0:
            now[NEXT_SHARE] = 0.0
            cohort += 1
            continue
        share = min(1.0, (reached - steps[cohort]) / width)
        if share <= now[NEXT_SHARE]:
            break
        amount = (share - now[NEXT_SHARE]) * state.admitted[cohort]
        middle = (share + now[NEXT_SHARE]) / 2.0
        last = steps[cohort] + width * middle + needed
        end = second + max(0.0, (last - steps[second]) / (steps[second + 1] - steps[second]))
        _record_slo(queue, state, slo, cohort, amount, (end - cohort - middle) / needed)
        _record_finished(queue, engine, state, amount, end - middle - state.arrived[cohort])
        finished += amount
        now[NEXT_SHARE] = share
        if share < 1.0:
            break
        now[NEXT_SHARE] = 0.0
        cohort += 1
    now[NEXT] = cohort
    return finished


def _record_slo(queue: FluidQueue, state: FluidVariantState, slo: Slo, cohort: int, amount: float, tpot: float) -> None:
    """Count the requests of a cohort that met every bound, and record their time per output token."""
    if tpot <= slo.tpot:
        queue.met_by_hour[int(state.arrived[cohort]) // HOUR_SECONDS] += amount * state.timely[cohort]
    replicas = max(1.0, state.now[READY] + state.now[DRAINING])
    for counters, number in ((state.replica_counters, replicas), (state.fleet_counters, 1.0)):
        counters.per_request[_bucket(queue.token_bounds, tpot)] += amount / number
        counters.values[PER_REQUEST_SUM] += amount / number * tpot


def _record_first_tokens(
    queue: FluidQueue, state: FluidVariantState, amount: float, first: float, busy: float, wait: float
) -> None:
    """Record first tokens: from the bucket of the shortest time upward, by the distribution of the wait."""
    bounds = queue.ttft_bounds
    replicas = state.now[READY]
    for counters, number in ((state.replica_counters, replicas), (state.fleet_counters, 1.0)):
        counters.values[ADMITTED] += amount / number
        counters.values[TTFT_SUM] += amount / number * (first + wait)
    counted = 0.0
    bucket = _bucket(bounds, first)
    while counted < CERTAIN:
        share = _share_within(bounds[bucket] - first, busy, wait) if bucket < len(bounds) else 1.0
        state.replica_counters.ttft[bucket] += amount / replicas * (share - counted)
        state.fleet_counters.ttft[bucket] += amount * (share - counted)
        counted = share
        bucket += 1


def _record_prefill_only(queue: FluidQueue, engine: FluidEngine, state: FluidVariantState, amount: float, second: int) -> None:
    """Record requests without decoding, which finish with their first token."""
    if amount > NEGLIGIBLE:
        _record_finished(queue, engine, state, amount, second - state.arrived[second] + state.now[STEP_SECONDS])


def _record_finished(queue: FluidQueue, engine: FluidEngine, state: FluidVariantState, amount: float, seconds: float) -> None:
    replicas = max(1.0, state.now[READY] + state.now[DRAINING])
    bucket = _bucket(queue.e2e_bounds, seconds + engine.beta * engine.computed_tokens)
    for counters, number in ((state.replica_counters, replicas), (state.fleet_counters, 1.0)):
        counters.values[FINISHED] += amount / number
        counters.values[E2E_SUM] += amount / number * seconds
        counters.e2e[bucket] += amount / number


def _bucket(bounds: Numbers, value: float) -> int:
    """The first bucket whose bound is not below a value."""
    low, high = 0, len(bounds)
    while low < high:
        middle = (low + high) // 2
        if bounds[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low
