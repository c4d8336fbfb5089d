"""What is asked of the signals, and in which order: what is unknown holds before what is idle shrinks. Pure."""

from __future__ import annotations

from dataclasses import replace

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.load import loaded
from modelmatrix.scaling.observation import Observation, Traffic
from modelmatrix.scaling.situation import Situation
from modelmatrix.scaling.wish import Wish

FIRST_LOOKS = 2


def wish(now: Situation) -> Wish:
    """What the signals ask for, as far as that can be believed at once."""
    said = _answer(now)
    return said if said.replicas <= now.most else replace(said, replicas=now.most)


def _answer(now: Situation) -> Wish:
    traffic = now.traffic
    if now.memory.looks <= FIRST_LOOKS:
        return Wish(now.present, "first looks after a start", holds=True)
    if _is_asleep(now.observation):
        return _asleep(now)
    if traffic is None:
        return _unknown(now)
    if _is_contradictory(traffic):
        return _contradictory(traffic)
    if traffic.is_idle:
        return Wish(0.0, "nothing arrives", Reason.NO_TRAFFIC)
    return loaded(now, traffic)


def _is_asleep(seen: Observation) -> bool:
    """Whether there are no replicas, and none are wanted: nobody can be asked but a gateway."""
    return not (seen.desired or seen.ready or seen.starting)


def _asleep(now: Situation) -> Wish:
    arriving = now.gateway_per_second
    if not arriving:
        return Wish(0.0, "asleep, and no request is known of", Reason.SCALED_TO_ZERO)
    return Wish(now.need(arriving).replicas, f"the gateway counts {arriving:.3g} requests/s")


def _unknown(now: Situation) -> Wish:
    """Without signals that can be trusted nothing goes; what a gateway or some of the replicas show may add."""
    seen = now.observation
    proven = max(now.present, now.need(now.gateway_per_second).replicas, _seen_by_some(now))
    return Wish(proven, seen.quality_message, seen.quality, holds=True)


def _seen_by_some(now: Situation) -> float:
    """What is asked for by replicas that are measured; the others count as full: they spare nothing, and need no more."""
    seen, traffic = now.observation, now.observation.traffic
    if traffic is None or not traffic.measured or not traffic.is_finite:
        return 0.0
    return now.need(traffic.arrivals_per_second).replicas + max(0, seen.ready + seen.starting - traffic.measured)


def _is_contradictory(traffic: Traffic) -> bool:
    """Whether requests are in flight, and in a minute none arrived or finished."""
    return not traffic.arrivals_per_second and bool(traffic.waiting or traffic.running)


def _contradictory(traffic: Traffic) -> Wish:
    """An engine hangs, or its page stands still: more of them would mend neither, fewer might be wrong."""
    in_flight = traffic.waiting + traffic.running
    return Wish(0.0, f"{in_flight:.0f} requests are in flight, and for a minute none arrived or finished", holds=True)
