"""The safety margin: how many standard deviations capacity stays above the forecast, learned from what was attained.

An integral controller over requests. The margin is ``z = part * quantile(target)``, where the target is the SLO's percentile
and a little more. After each window of observed requests

    part += GAIN * (missed - (1 - target) * requests) / (requests of as long a window in a busy hour)

so a request beyond the allowed misses raises the margin, a request within the SLO lowers it a little, and it rests where the
SLO is just met. Counting in requests of a busy hour gives a peak the weight that it has for users; counting windows would let
the nights decide. The gain and limits were chosen on the published traces of the benchmark. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.estimate.statistics import quantile

# A window in which all requests missed is undone by about 140 windows without a miss: five hours of busy ones.
GAIN = 0.15
# A window in which every request missed is one event, not a thousand independent ones.
MAX_ERROR = 1.5
MIN_PART, MAX_PART = 0.05, 2.0
# Numbers of replicas are rounded up and reduced late: on published traces half of the nominal margin is enough.
FIRST_PART = 0.5
# The target is above the SLO: an integral is right on average, and below the average half of the time.
RESERVE = 0.3
MAX_PERCENTILE = 99.9
# How fast the rate of a busy hour follows a higher rate, and a lower one.
RISE_SECONDS, FALL_SECONDS = 3600.0, 86400.0


def target_share(slo: SloBounds) -> float:
    """The share of requests that the margin aims to keep within the SLO, 0 to 1."""
    return min(slo.percentile + RESERVE * (100.0 - slo.percentile), MAX_PERCENTILE) / 100.0


@dataclass(frozen=True, slots=True)
class SafetyMargin:
    """Part of the nominal margin that is held, and the requests per second of a busy hour."""

    part: float = FIRST_PART
    busy_per_second: float = 0.0

    def z(self, slo: SloBounds) -> float:
        """The margin in standard deviations."""
        return self.part * _nominal(slo)

    def highest_z(self, slo: SloBounds) -> float:
        """The largest margin that the controller can reach, in standard deviations."""
        return MAX_PART * _nominal(slo)

    def updated(self, slo: SloBounds, *, requests: float, missed: float, seconds: float, may_rise: bool) -> SafetyMargin:
        """The margin after ``seconds`` in which ``missed`` of ``requests`` missed the SLO.

        ``may_rise`` is false where a larger margin would not have helped: no free devices, little load, a flash.
        """
        busy_per_second = busy_hour_rate(self.busy_per_second, requests / seconds, seconds)
        if busy_per_second <= 0:
            return self
        error = (missed - (1.0 - target_share(slo)) * requests) / (busy_per_second * seconds)
        error = min(error, MAX_ERROR if may_rise else 0.0)
        return SafetyMargin(min(max(self.part + GAIN * error, MIN_PART), MAX_PART), busy_per_second)


def _nominal(slo: SloBounds) -> float:
    """The deviate of the target share; 0 for targets of half of the requests or less."""
    return max(0.0, quantile(target_share(slo)))


def busy_hour_rate(before: float, rate: float, seconds: float) -> float:
    """Requests per second of a busy hour after ``seconds`` more at a rate: rises within an hour, falls within a day."""
    if not before:
        return rate
    share = min(1.0, seconds / (RISE_SECONDS if rate > before else FALL_SECONDS))
    return before + share * (rate - before)
