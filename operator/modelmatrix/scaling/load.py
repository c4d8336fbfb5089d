"""What a load asks for: what arrives now, what will arrive when a replica that is started now serves, and a burst. Pure."""

from __future__ import annotations

from modelmatrix.scaling.fleet import Fleet
from modelmatrix.scaling.need import Need
from modelmatrix.scaling.observation import Traffic
from modelmatrix.scaling.panic import panic_per_second
from modelmatrix.scaling.situation import Situation
from modelmatrix.scaling.wish import Wish


def loaded(now: Situation, traffic: Traffic) -> Wish:
    """The most of what is asked for now, at the horizon and by a burst."""
    minute = traffic.arrivals_per_second * _unmeasured_factor(now, traffic)
    horizon = now.horizon_seconds
    forecast = now.memory.demand.forecast.outlook(minute=minute, long=traffic.arrivals_per_second_long, horizon_seconds=horizon)
    expected = now.memory.demand.work.growth(horizon) * forecast.rate_per_second
    need, when = now.need(expected, forecast.deviation), f"forecast in {horizon:.0f} s"
    # What is asked for with an uncertain margin includes what less is asked for with a certain one.
    present = now.need(minute) if minute > expected else need
    if present.replicas > need.replicas:
        need, when = present, "now"
    burst = _burst(now, traffic)
    figures = {
        "arrivalsPerSecond": minute,
        "forecastPerSecond": expected,
        "horizonSeconds": horizon,
        "capacityPerSecond": now.fleet.unit.per_second,
        "margin": need.margin,
        "waiting": traffic.waiting,
    }
    if burst > need.replicas:
        words = f"a burst of {_fast(traffic):.3g} requests/s, {traffic.waiting:.0f} wait, {_serves(now.fleet)}"
        return Wish(burst, words, figures=figures)
    return Wish(need.replicas, _words(need, when, now.fleet), figures=figures)


def _words(need: Need, when: str, fleet: Fleet) -> str:
    return f"{need.rate_per_second:.3g} requests/s {when}, {_serves(fleet)}, margin {100.0 * need.margin:.0f} %"


def _serves(fleet: Fleet) -> str:
    within = "within the SLO" if fleet.keeps_slo else "and misses the SLO even without load"
    return f"a replica serves {fleet.unit.per_second:.3g} {within}"


def _unmeasured_factor(now: Situation, traffic: Traffic) -> float:
    """By what arrivals are to be multiplied while young replicas serve their share and are not measured yet."""
    ready = now.observation.ready
    measured = ready if traffic.measured is None else traffic.measured
    return ready / measured if 0 < measured < ready else 1.0


def _fast(traffic: Traffic) -> float:
    fast = traffic.arrivals_per_second_fast
    return traffic.arrivals_per_second if fast is None else fast


def _burst(now: Situation, traffic: Traffic) -> float:
    """Replicas to get out of a burst; 0.0 where there is none."""
    fast = _fast(traffic)
    rate = panic_per_second(
        fast=fast,
        before=now.memory.fast_per_second or fast,
        waiting=traffic.waiting,
        served_per_second=now.fleet.ready_per_second,
        start_seconds=now.fleet.preferred.start_seconds,
        slo=now.observation.slo,
    )
    return rate / now.fleet.unit.per_second
