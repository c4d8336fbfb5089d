"""The margin in standard deviations, corrected by what was attained: the integral of the error over requests.

Every request that missed beyond the allowed share moves the margin up, every request that kept the SLO a little down; it
rests where the SLO is just kept. Errors count in requests of a busy window, so that peaks weigh what they are. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.estimate.normal import quantile

# A window in which all requests missed is taken back by about 140 windows without a miss: five hours of busy ones.
GAIN = 0.15
# A tick in which everything is missed is one event, not a thousand independent ones.
LARGEST_ERROR = 1.5
LOWEST, HIGHEST = 0.05, 2.0  # in parts of the deviations that the SLO's percentile stands for
# Numbers of replicas are rounded up, and kept for a while: on published traces half of the nominal margin is enough.
FIRST = 0.5
# A little more is aimed at than asked for: an integral is right on average, and half of the time above the average.
RESERVE = 0.3
HIGHEST_PERCENTILE = 99.9
# How fast the usual number of requests follows a larger one, and a smaller one: a busy hour is what others are measured by.
RISE_SECONDS, FALL_SECONDS = 3600.0, 86400.0


def target_share(slo: SloBounds) -> float:
    """The share of requests that is aimed at."""
    return min(slo.percentile + RESERVE * (100.0 - slo.percentile), HIGHEST_PERCENTILE) / 100.0


@dataclass(frozen=True, slots=True)
class SafetyMargin:
    """Part of the nominal margin that is held, and the requests per second of a busy hour."""

    part: float = FIRST
    usual_per_second: float = 0.0

    def z(self, slo: SloBounds) -> float:
        """The margin in standard deviations."""
        return self.part * _nominal(slo)

    def highest_z(self, slo: SloBounds) -> float:
        """The largest margin that there can be."""
        return HIGHEST * _nominal(slo)

    def learned(self, slo: SloBounds, *, requests: float, missed: float, seconds: float, may_rise: bool) -> SafetyMargin:
        """The integral after ``seconds`` in which ``requests`` were measured and ``missed`` of them missed the SLO.

        ``may_rise`` is false where a larger margin would not have helped: no room, replicas on their way, a fault.
        """
        usual = busy_hour_rate(self.usual_per_second, requests / seconds, seconds)
        if usual <= 0:
            return self
        error = (missed - (1.0 - target_share(slo)) * requests) / (usual * seconds)
        error = min(error, LARGEST_ERROR if may_rise else 0.0)
        return SafetyMargin(min(max(self.part + GAIN * error, LOWEST), HIGHEST), usual)


def _nominal(slo: SloBounds) -> float:
    """Deviations that as many cases stay below as requests must be within the SLO; none for half of them or less."""
    return max(0.0, quantile(target_share(slo)))


def busy_hour_rate(before: float, rate: float, seconds: float) -> float:
    """Requests per second of a busy hour, after so many seconds more."""
    if not before:
        return rate
    share = min(1.0, seconds / (RISE_SECONDS if rate > before else FALL_SECONDS))
    return before + share * (rate - before)
