"""What signals ask for: the first of a few questions that has an answer decides. Pure.

The order is the policy: what is unknown holds before what is idle shrinks, and what is idle before what is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.fleet import Fleet
from modelmatrix.scaling.observation import Observation, Traffic
from modelmatrix.scaling.panic import FEW, LARGEST_GROWTH, panic_per_second
from modelmatrix.scaling.situation import Situation
from modelmatrix.scaling.work import growth

FIRST_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """Replicas of the first pool that are asked for, fractions included, with the words and figures for it.

    ``holds`` forbids to have fewer than today; ``reason`` says why nothing changes, if nothing does.
    """

    replicas: float
    words: str
    reason: Reason = Reason.STEADY
    holds: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)


def wish(now: Situation) -> Wish:
    """What the signals ask for."""
    return next(answer for answer in (question(now) for question in QUESTIONS) if answer is not None)


def _asleep(now: Situation) -> Wish | None:
    """Without replicas there is nobody to ask but a gateway."""
    seen = now.observation
    if seen.desired or seen.ready or seen.starting:
        return None
    if not seen.gateway_per_second:
        return Wish(0.0, "asleep, and no request is known of", Reason.SCALED_TO_ZERO)
    asked = now.need(seen.gateway_per_second)
    return Wish(max(1.0, asked.replicas), f"the gateway counts {seen.gateway_per_second:.3g} requests/s")


def _unknown(now: Situation) -> Wish | None:
    """Without signals that can be trusted nothing goes; what part of them or the gateway shows may add."""
    seen = now.observation
    if seen.is_measured:
        return None
    proven = max(now.present, _seen_by_gateway(now), _seen_by_some(now))
    return Wish(proven, seen.quality_message, seen.quality, holds=True)


def _seen_by_gateway(now: Situation) -> float:
    return now.need(now.observation.gateway_per_second or 0.0).replicas


def _seen_by_some(now: Situation) -> float:
    """What those ask for that are measured; the others count as full: they serve what they can, and spare nothing."""
    seen, traffic = now.observation, now.observation.traffic
    if traffic is None or not traffic.measured:
        return 0.0
    return now.need(traffic.arrivals_per_second).replicas + max(0, seen.ready + seen.starting - traffic.measured)


def _first(now: Situation) -> Wish | None:
    """After a start, what is seen is compared with what was seen before; there must be something."""
    if now.memory.looks > FIRST_LOOKS:
        return None
    return Wish(now.present, "first looks after a start", holds=True)


def _contradictory(now: Situation) -> Wish | None:
    """Requests are in flight, and in a minute none arrives or finishes: an engine hangs, or its page stands still."""
    traffic = now.observation.traffic
    if traffic is None or traffic.arrivals_per_second or not (traffic.waiting or traffic.running):
        return None
    in_flight = traffic.waiting + traffic.running
    return Wish(0.0, f"{in_flight:.0f} requests are in flight, and for a minute none arrived or finished", holds=True)


def _idle(now: Situation) -> Wish | None:
    traffic = now.observation.traffic
    if traffic is None or not traffic.is_idle:
        return None
    return Wish(0.0, "nothing arrives", Reason.NO_TRAFFIC)


def _loaded(now: Situation) -> Wish:
    """What arrives now, what is forecast for when a replica that is started now serves, and a burst: the most of them."""
    seen, memory, traffic = now.observation, now.memory, now.observation.traffic
    if traffic is None:
        raise AssertionError("a question before has answered where nothing is known")
    minute = traffic.arrivals_per_second * _unmeasured_factor(seen, traffic)
    horizon = now.horizon_seconds
    outlook = memory.demand.forecast.outlook(minute=minute, long=traffic.arrivals_per_second_long, horizon_seconds=horizon)
    heavier = growth(memory.demand.work_seconds, horizon)
    present, coming = now.need(minute), now.need(heavier * outlook.rate_per_second, outlook.deviation)
    burst = _burst(now, traffic)
    figures = {
        "arrivalsPerSecond": minute,
        "forecastPerSecond": outlook.rate_per_second,
        "horizonSeconds": horizon,
        "capacityPerSecond": now.fleet.unit.per_second,
        "margin": coming.margin,
        "waiting": traffic.waiting,
    }
    if burst > max(present.replicas, coming.replicas):
        fast = traffic.arrivals_per_second_fast or minute
        return Wish(burst, f"a burst of {fast:.3g} requests/s, {traffic.waiting:g} wait", figures=figures)
    rate, when, margin = minute, "now", present.margin
    if coming.replicas > present.replicas:
        rate, when, margin = outlook.rate_per_second, f"forecast in {horizon:.0f} s", coming.margin
    words = f"{rate:.3g} requests/s {when}, {_serves(now.fleet)}, margin {100 * margin:.0f} %"
    return Wish(max(present.replicas, coming.replicas), words, figures=figures)


def _serves(fleet: Fleet) -> str:
    within = "within the SLO" if fleet.keeps_slo else "at best, which misses the SLO even without load"
    return f"a replica serves {fleet.unit.per_second:.3g} {within}"


def _unmeasured_factor(seen: Observation, traffic: Traffic) -> float:
    """By what arrivals are to be multiplied while young replicas serve their share and are not measured yet."""
    measured = seen.ready if traffic.measured is None else traffic.measured
    return seen.ready / measured if 0 < measured < seen.ready else 1.0


def _burst(now: Situation, traffic: Traffic) -> float:
    """Replicas to get out of a burst; 0.0 where there is none."""
    fast = traffic.arrivals_per_second if traffic.arrivals_per_second_fast is None else traffic.arrivals_per_second_fast
    rate = panic_per_second(
        fast=fast,
        before=now.memory.fast_per_second or fast,
        waiting=traffic.waiting,
        served_per_second=now.fleet.ready_per_second,
        start_seconds=now.fleet.preferred.start_seconds,
        slo=now.observation.slo,
    )
    most = LARGEST_GROWTH * max(now.observation.ready, FEW)
    return min(rate / now.fleet.unit.per_second, most)


QUESTIONS = (_first, _asleep, _unknown, _contradictory, _idle, _loaded)
