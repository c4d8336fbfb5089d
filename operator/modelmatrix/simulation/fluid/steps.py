"""A second of the fluid mode: what arrives, what replicas admit, how fast they run, and who is done in time.

The equations are those of ``performance.timing`` made dynamic. One queue for all replicas, first come first served; all
replicas of a variant carry the same load. Time per output token is exact for a cohort: from the count of engine steps.
Only loops, numbers and ``math``, on plain sequences: a just-in-time compiler must be able to take these functions.
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

HIGHEST_LOAD = 0.98  # above it the queue formula explodes; the fluid's own queue takes over before
NOTHING = 1e-6  # less of a request is rounding
CERTAIN = 1.0 - 1e-6
HOUR_SECONDS = 3600


def advance(
    world: FluidQueue,
    engines: tuple[FluidEngine, ...],
    states: tuple[FluidVariantState, ...],
    slo: Slo,
    between: tuple[int, int],
) -> None:
    """Let time pass from a second until another; the numbers of replicas stay as they are."""
    for second in range(between[0], between[1]):
        _arrive(world, second)
        capacity = 0.0
        for state in states:
            capacity += state.now[READY] * state.now[WEIGHT]
        waiting = world.queue[WAITING]
        for index in range(len(states)):
            weight = states[index].now[READY] * states[index].now[WEIGHT]
            offered = waiting * weight / capacity if capacity > 0 else 0.0
            _serve(world, engines[index], states[index], slo, second, offered)


def drop_share(state: FluidVariantState, second: int, share: float) -> None:
    """Let a share of the replicas die with the requests in them."""
    now = state.now
    for cohort in range(int(now[NEXT]), second):
        state.admitted[cohort] *= 1.0 - share
    now[RUNNING] *= 1.0 - share
    now[CONTEXT_TOKENS] *= 1.0 - share


def _arrive(world: FluidQueue, second: int) -> None:
    amount = world.arrivals[second]
    world.left[second] = amount
    world.queue[WAITING] += amount
    world.requests_by_hour[second // HOUR_SECONDS] += amount


def _serve(world: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int, offered: float) -> None:
    """One variant's second."""
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
    _admit(world, engine, state, slo, second, rate)
    if engine.output_tokens > 1:
        _decode(world, engine, state, slo, second)
    else:
        _show_finished(world, engine, state, rate * now[READY], second)


def _highest_rate(engine: FluidEngine, now: Numbers, decode: float) -> float:
    """Requests per second that a replica can admit, by prefill throughput and by free slots."""
    replicas = now[READY] + now[DRAINING]
    decoding = now[RUNNING] / replicas if engine.output_tokens > 1 else 0.0
    prompts_per_step = max(0.0, engine.budget_tokens - decoding) / max(1.0, engine.computed_tokens)
    by_compute: float = prompts_per_step / (decode + engine.beta * engine.computed_tokens * prompts_per_step)
    if engine.output_tokens <= 1:
        return by_compute
    by_slots: float = max(0.0, engine.slots - decoding + now[LEAVING] / replicas)
    return min(by_compute, by_slots)


def _admit(world: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int, rate: float) -> None:
    """Take requests from the queue; how long they wait for their first token, and whether that is in time."""
    now = state.now
    amount = rate * now[READY]
    if engine.output_tokens <= 1:
        now[RUNNING] = 0.0
    if amount <= NOTHING:
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
    while left > NOTHING and world.queue[HEAD] <= second:
        head = int(world.queue[HEAD])
        taken = min(left, world.left[head])
        world.left[head] -= taken
        left -= taken
        first = base + (second - head)
        good = taken * _share_within(bound - first, busy, wait)
        timely += good
        arrived += taken * head
        if engine.output_tokens <= 1:
            world.met_by_hour[head // HOUR_SECONDS] += good
        _show_first(world, state, taken, first, busy, wait)
        if world.left[head] <= NOTHING:
            world.queue[HEAD] += 1
    amount -= left
    world.queue[WAITING] = max(0.0, world.queue[WAITING] - amount)
    state.admitted[second] = amount
    state.timely[second] = timely / amount if amount > 0 else 0.0
    state.arrived[second] = arrived / amount if amount > 0 else 0.0
    if engine.output_tokens <= 1:
        # Nothing is kept from second to second: as many are in the engine as come in the time that they take.
        now[RUNNING] = amount * (base + wait)


def _share_within(slack: float, busy: float, wait: float) -> float:
    """Share of requests that wait no longer than the slack; the wait is zero or exponential."""
    if slack < 0:
        return 0.0
    return 1.0 if wait <= 0 else 1.0 - busy * exp(-slack * busy / wait)


def _decode(world: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int) -> None:
    """Let requests run for a second; those whose output is complete are done."""
    now = state.now
    steps = state.steps[second + 1] - state.steps[second]
    admitted = state.admitted[second]
    finished = _finish(world, engine, state, slo, second)
    tokens = steps * max(0.0, now[RUNNING] + (admitted - finished) / 2.0)
    now[CONTEXT_TOKENS] += admitted * engine.input_tokens + tokens - finished * (engine.input_tokens + engine.output_tokens)
    now[RUNNING] = max(0.0, now[RUNNING] + admitted - finished)
    longest = engine.input_tokens + engine.output_tokens
    now[CONTEXT_TOKENS] = min(max(now[CONTEXT_TOKENS], now[RUNNING] * engine.input_tokens), now[RUNNING] * longest)
    now[LEAVING] = finished
    replicas = now[READY] + now[DRAINING]
    for shown, number in ((state.shown, replicas), (state.total, 1.0)):
        shown.counters[GENERATED] += tokens / number
        shown.counters[INTER_TOKEN_SUM] += tokens / number * now[STEP_SECONDS]
        shown.inter_token[_bucket(world.token_bounds, now[STEP_SECONDS])] += tokens / number


def _finish(world: FluidQueue, engine: FluidEngine, state: FluidVariantState, slo: Slo, second: int) -> float:
    """The requests that get their last token in this second, with their verdict."""
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
        _conclude(world, state, slo, cohort, amount, (end - cohort - middle) / needed)
        _show_done(world, engine, state, amount, end - middle - state.arrived[cohort])
        finished += amount
        now[NEXT_SHARE] = share
        if share < 1.0:
            break
        now[NEXT_SHARE] = 0.0
        cohort += 1
    now[NEXT] = cohort
    return finished


def _conclude(world: FluidQueue, state: FluidVariantState, slo: Slo, cohort: int, amount: float, tpot: float) -> None:
    """Count requests of a cohort that met every bound; show their time per output token."""
    if tpot <= slo.tpot:
        world.met_by_hour[int(state.arrived[cohort]) // HOUR_SECONDS] += amount * state.timely[cohort]
    replicas = max(1.0, state.now[READY] + state.now[DRAINING])
    for shown, number in ((state.shown, replicas), (state.total, 1.0)):
        shown.per_request[_bucket(world.token_bounds, tpot)] += amount / number
        shown.counters[PER_REQUEST_SUM] += amount / number * tpot


def _show_first(world: FluidQueue, state: FluidVariantState, amount: float, first: float, busy: float, wait: float) -> None:
    """Count first tokens: in the bucket of the shortest time, and in those above by the wait's distribution."""
    bounds = world.ttft_bounds
    replicas = state.now[READY]
    for shown, number in ((state.shown, replicas), (state.total, 1.0)):
        shown.counters[ADMITTED] += amount / number
        shown.counters[TTFT_SUM] += amount / number * (first + wait)
    counted = 0.0
    bucket = _bucket(bounds, first)
    while counted < CERTAIN:
        share = _share_within(bounds[bucket] - first, busy, wait) if bucket < len(bounds) else 1.0
        state.shown.ttft[bucket] += amount / replicas * (share - counted)
        state.total.ttft[bucket] += amount * (share - counted)
        counted = share
        bucket += 1


def _show_finished(world: FluidQueue, engine: FluidEngine, state: FluidVariantState, amount: float, second: int) -> None:
    """Show requests that need no decoding: they are done with their first token."""
    if amount > NOTHING:
        _show_done(world, engine, state, amount, second - state.arrived[second] + state.now[STEP_SECONDS])


def _show_done(world: FluidQueue, engine: FluidEngine, state: FluidVariantState, amount: float, seconds: float) -> None:
    replicas = max(1.0, state.now[READY] + state.now[DRAINING])
    bucket = _bucket(world.e2e_bounds, seconds + engine.beta * engine.computed_tokens)
    for shown, number in ((state.shown, replicas), (state.total, 1.0)):
        shown.counters[FINISHED] += amount / number
        shown.counters[E2E_SUM] += amount / number * seconds
        shown.e2e[bucket] += amount / number


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
