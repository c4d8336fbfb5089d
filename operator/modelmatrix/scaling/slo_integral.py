"""The margin in standard deviations, corrected by what was attained: the integral of the error over requests.

Every request that missed beyond the allowed share moves the margin up, every request that kept the SLO a little down; it
rests where the SLO is just kept. Errors count in requests of a mean tick, so that peaks weigh what they are. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.performance.timing import SloBounds
from modelmatrix.scaling.normal import quantile

GAIN = 0.05
# A tick in which everything is missed is one event, not a thousand independent ones.
LARGEST_ERROR = 1.5
LOWEST, HIGHEST = 0.05, 2.0  # in parts of the deviations that the SLO's percentile stands for
# Numbers of replicas are rounded up, and kept for a while: on published traces half of the nominal margin is enough.
FIRST = 0.5
# A little more is aimed at than asked for: an integral is right on average, and half of the time above the average.
RESERVE = 0.2
HIGHEST_PERCENTILE = 99.9
# How fast the mean number of requests follows: a day.
MEAN_SECONDS = 86400.0


def target_share(slo: SloBounds) -> float:
    """The share of requests that is aimed at."""
    return min(slo.percentile + RESERVE * (100.0 - slo.percentile), HIGHEST_PERCENTILE) / 100.0


@dataclass(frozen=True, slots=True)
class SloIntegral:
    """Part of the nominal margin that is held, and the mean number of requests of a second."""

    part: float = FIRST
    mean_per_second: float = 0.0

    def z(self, slo: SloBounds) -> float:
        """The margin in standard deviations."""
        return self.part * quantile(target_share(slo))

    def highest_z(self, slo: SloBounds) -> float:
        """The largest margin that there can be."""
        return HIGHEST * quantile(target_share(slo))

    def learned(self, slo: SloBounds, *, requests: float, missed: float, seconds: float, may_rise: bool) -> SloIntegral:
        """The integral after ``seconds`` in which ``requests`` were measured and ``missed`` of them missed the SLO.

        ``may_rise`` is false where a larger margin would not have helped: no room, replicas on their way, a fault.
        """
        rate = requests / seconds
        mean = (
            self.mean_per_second + min(1.0, seconds / MEAN_SECONDS) * (rate - self.mean_per_second)
            if self.mean_per_second
            else rate
        )
        if mean <= 0:
            return self
        error = (missed - (1.0 - target_share(slo)) * requests) / (mean * seconds)
        error = min(error, LARGEST_ERROR if may_rise else 0.0)
        part = self.part + GAIN * error
        return SloIntegral(min(max(part, LOWEST), HIGHEST), mean)
